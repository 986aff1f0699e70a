# Sources of xep/: one "libbongsu_a_SOURCES += xep/file.c xep/file.h" line each.
libbongsu_a_SOURCES += xep/codec.c xep/codec.h xep/codecs.def
libbongsu_a_SOURCES += xep/form.c xep/form_table.c xep/form.h
libbongsu_a_SOURCES += xep/caps.c xep/caps.h
libbongsu_a_SOURCES += xep/content.c xep/content.h xep/content.def
libbongsu_a_SOURCES += xep/rsm.c xep/rsm.h
libbongsu_a_SOURCES += xep/forward.c xep/forward.h
