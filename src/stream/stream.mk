# Sources of src/stream, one "libbongsu_a_SOURCES += file.c file.h" line each.
libbongsu_a_SOURCES += src/stream/bind.c
libbongsu_a_SOURCES += src/stream/c2s.c src/stream/c2s.h src/stream/c2s_own.h
libbongsu_a_SOURCES += src/stream/negotiate.c
libbongsu_a_SOURCES += src/stream/sasl.c
libbongsu_a_SOURCES += src/stream/sasl_guard.c src/stream/sasl_guard.h
libbongsu_a_SOURCES += src/stream/sasl_scram.c src/stream/sasl_scram.h
libbongsu_a_SOURCES += src/stream/stream.c src/stream/stream.h
