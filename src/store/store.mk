# Sources of src/store, one "libbongsu_a_SOURCES += file.c file.h" line each.
libbongsu_a_SOURCES += src/store/store.c src/store/store.h
libbongsu_a_SOURCES += src/store/asks.c src/store/asks.h
libbongsu_a_SOURCES += src/store/request.c src/store/request.h
libbongsu_a_SOURCES += src/store/secret.c src/store/secret.h
libbongsu_a_SOURCES += src/store/rows.c src/store/rows.h
libbongsu_a_SOURCES += src/store/group.c src/store/group.h
libbongsu_a_SOURCES += src/store/lane.c src/store/lane.h
libbongsu_a_SOURCES += src/store/migrate.c src/store/migrate.h
libbongsu_a_SOURCES += src/store/db_sqlite.c src/store/driver.h
libbongsu_a_SOURCES += src/store/db_mysql.c

# The files of sql/ as a C table. Looked at in each build; the table changes only if they did.
nodist_libbongsu_a_SOURCES = src/store/migrations.c
CLEANFILES += src/store/migrations.c
src/store/migrations.c: look-at-sql
	@$(MKDIR_P) src/store && $(top_srcdir)/sql/embed $(top_srcdir)/sql >$@.new || exit 1; \
	if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi
look-at-sql:
.PHONY: look-at-sql
