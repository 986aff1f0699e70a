# Sources of src/module, one "libbongsu_a_SOURCES += file.c file.h" line each.
libbongsu_a_SOURCES += src/module/module.h src/module/own.h
libbongsu_a_SOURCES += src/module/registry.c src/module/registry.h
libbongsu_a_SOURCES += src/module/load.c src/module/print.c
libbongsu_a_SOURCES += src/module/commands.c
libbongsu_a_SOURCES += src/module/kept.c src/module/kept.h
