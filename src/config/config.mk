# Sources of src/config, one "libbongsu_a_SOURCES += file.c file.h" line each.
libbongsu_a_SOURCES += src/config/yaml.c src/config/yaml.h
libbongsu_a_SOURCES += src/config/fault.c src/config/fault.h
libbongsu_a_SOURCES += src/config/config.c src/config/config.h src/config/load.h
libbongsu_a_SOURCES += src/config/config_options.c src/config/config_field.c
libbongsu_a_SOURCES += src/config/config_hosts.c src/config/config_listen.c
libbongsu_a_SOURCES += src/config/range.c src/config/range.h
libbongsu_a_SOURCES += src/config/config_snapshot.c src/config/config_print.c
