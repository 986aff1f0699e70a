# Sources of src/hook, one "libbongsu_a_SOURCES += file.c file.h" line each.
libbongsu_a_SOURCES += src/hook/hook.c src/hook/hook.h src/hook/hooks.def
