# Sources of src/net, one "libbongsu_a_SOURCES += file.c file.h" line each.
libbongsu_a_SOURCES += src/net/addr.c src/net/addr.h
libbongsu_a_SOURCES += src/net/conn.c src/net/conn_io.c src/net/conn.h src/net/conn_own.h
libbongsu_a_SOURCES += src/net/tls.c src/net/tls_ctx.c src/net/tls_cert.c src/net/tls_own.h
libbongsu_a_SOURCES += src/net/listener.c src/net/listener.h src/net/source.c src/net/source.h
libbongsu_a_SOURCES += src/net/net.c src/net/net.h
libbongsu_a_SOURCES += src/net/proxy.c src/net/proxy.h src/net/proxied.c
