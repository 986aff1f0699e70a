# Files directly under src/: bongsud's own start and stop; everything else belongs to the archive.
bongsud_SOURCES += src/main.c src/boot.c src/boot.h src/serve.c
