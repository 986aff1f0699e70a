# The load generator: `make bench-tools` builds it, `make bench` compares servers (see compare).
# It shares no code with the server.

EXTRA_PROGRAMS += tests/bench/bench
tests_bench_bench_CPPFLAGS = -D_GNU_SOURCE $(OPENSSL_CFLAGS)
tests_bench_bench_LDADD = $(OPENSSL_LIBS)
tests_bench_bench_SOURCES = tests/bench/bench.c
tests_bench_bench_SOURCES += tests/bench/buf.c
tests_bench_bench_SOURCES += tests/bench/buf.h
tests_bench_bench_SOURCES += tests/bench/conn.c
tests_bench_bench_SOURCES += tests/bench/conn.h
tests_bench_bench_SOURCES += tests/bench/crowd.c
tests_bench_bench_SOURCES += tests/bench/crowd.h
tests_bench_bench_SOURCES += tests/bench/floor.c
tests_bench_bench_SOURCES += tests/bench/hist.c
tests_bench_bench_SOURCES += tests/bench/hist.h
tests_bench_bench_SOURCES += tests/bench/history.c
tests_bench_bench_SOURCES += tests/bench/logins.c
tests_bench_bench_SOURCES += tests/bench/messages.c
tests_bench_bench_SOURCES += tests/bench/options.c
tests_bench_bench_SOURCES += tests/bench/options.h
tests_bench_bench_SOURCES += tests/bench/pages.c
tests_bench_bench_SOURCES += tests/bench/presence.c
tests_bench_bench_SOURCES += tests/bench/proc.c
tests_bench_bench_SOURCES += tests/bench/rooms.c
tests_bench_bench_SOURCES += tests/bench/proc.h
tests_bench_bench_SOURCES += tests/bench/scan.c
tests_bench_bench_SOURCES += tests/bench/scan.h
tests_bench_bench_SOURCES += tests/bench/scenario.h
tests_bench_bench_SOURCES += tests/bench/scram.c
tests_bench_bench_SOURCES += tests/bench/scram.h
tests_bench_bench_SOURCES += tests/bench/wire.c
tests_bench_bench_SOURCES += tests/bench/wire.h
tests_bench_bench_SOURCES += tests/bench/sync.c
tests_bench_bench_SOURCES += tests/bench/ws.c
tests_bench_bench_SOURCES += tests/bench/ws.h
EXTRA_DIST += tests/bench/bosh

# The bare bound of the databases, without a server.
EXTRA_PROGRAMS += tests/bench/inserts
tests_bench_inserts_SOURCES = tests/bench/inserts.c
tests_bench_inserts_CPPFLAGS = -D_GNU_SOURCE $(MARIADB_CFLAGS) $(SQLITE_CFLAGS)
tests_bench_inserts_LDADD = $(MARIADB_LIBS) $(SQLITE_LIBS)

# Long archives, written without sending them: by Bongsu's own code, or as tables of the others.
EXTRA_PROGRAMS += tests/bench/fill
tests_bench_fill_SOURCES = tests/bench/fill.c tests/bench/past.c tests/bench/past.h
tests_bench_fill_LDADD = libbongsu.a $(bongsu_libs)

EXTRA_DIST += tests/bench/archive10m
EXTRA_DIST += tests/bench/compare
EXTRA_DIST += tests/bench/peers/lib.sh
EXTRA_DIST += tests/bench/peers/bongsu.sh
EXTRA_DIST += tests/bench/peers/ejabberd.sh
EXTRA_DIST += tests/bench/peers/prosody.sh
CLEANFILES += tests/bench/bench$(EXEEXT) tests/bench/inserts$(EXEEXT) tests/bench/fill$(EXEEXT)

bench-tools: tests/bench/bench$(EXEEXT) tests/bench/inserts$(EXEEXT) tests/bench/fill$(EXEEXT)

# make bench BENCH="--quick": needs root the first time, to install ejabberd and Prosody.
bench: bench-tools all
	$(srcdir)/tests/bench/compare --build . $(BENCH)

.PHONY: bench bench-tools
