# Sources of xep/: one "libbongsu_a_SOURCES += xep/file.c xep/file.h" line each.
