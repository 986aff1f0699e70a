# Sources of src/http, one "libbongsu_a_SOURCES += file.c file.h" line each.
libbongsu_a_SOURCES += src/http/chunked.c src/http/chunked.h
libbongsu_a_SOURCES += src/http/forwarded.c src/http/forwarded.h
libbongsu_a_SOURCES += src/http/head.c src/http/head.h
libbongsu_a_SOURCES += src/http/http.h src/http/http_own.h
libbongsu_a_SOURCES += src/http/reply.c
libbongsu_a_SOURCES += src/http/route.c
libbongsu_a_SOURCES += src/http/server.c
