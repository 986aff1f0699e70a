# Sources of src/home, one "libbongsu_a_SOURCES += file.c file.h" line each.
libbongsu_a_SOURCES += src/home/home.c src/home/home.h src/home/local.h
libbongsu_a_SOURCES += src/home/gate.c src/home/gate.h
libbongsu_a_SOURCES += src/home/portable.c src/home/portable.h
libbongsu_a_SOURCES += src/home/portable_account.c src/home/portable_roster.c
libbongsu_a_SOURCES += src/home/router.c src/home/router.h
libbongsu_a_SOURCES += src/home/account.c src/home/account.h
libbongsu_a_SOURCES += src/home/trace.c src/home/trace.h
libbongsu_a_SOURCES += src/home/seat.c
libbongsu_a_SOURCES += src/home/session.c src/home/session.h src/home/outlet.h src/home/stream_info.h
libbongsu_a_SOURCES += src/home/deliver.c src/home/deliver.h src/home/deliver.def
libbongsu_a_SOURCES += src/home/job.h src/home/job_own.h src/home/job.c src/home/job_wait.c src/home/job_ask.c
libbongsu_a_SOURCES += src/home/iq.c
libbongsu_a_SOURCES += src/home/credential.h src/home/credential_own.h src/home/credential.c
libbongsu_a_SOURCES += src/home/credential_fetch.c src/home/scram_keys.c
libbongsu_a_SOURCES += src/home/presence.c src/home/presence.h
libbongsu_a_SOURCES += src/home/presence_directed.c src/home/presence_directed.h
libbongsu_a_SOURCES += src/home/roster.c src/home/roster.h
libbongsu_a_SOURCES += src/home/roster_iq.c
libbongsu_a_SOURCES += src/home/roster_store.c
libbongsu_a_SOURCES += src/home/subscription.c
libbongsu_a_SOURCES += src/home/subscription_table.c src/home/subscription.def
libbongsu_a_SOURCES += src/home/sm.c src/home/sm.h
libbongsu_a_SOURCES += src/home/unacked.c src/home/unacked.h
libbongsu_a_SOURCES += src/home/copies.c src/home/copies.h
libbongsu_a_SOURCES += src/home/window.c src/home/window.h
libbongsu_a_SOURCES += src/home/archive.c src/home/archive_codec.c src/home/archive_id.c src/home/archive_left.c
libbongsu_a_SOURCES += src/home/archive_talk.c src/home/archive_pack.c
libbongsu_a_SOURCES += src/home/archive_sent.c src/home/archive_sent.h
libbongsu_a_SOURCES += src/home/archive.h src/home/archive_own.h

# The dictionaries of archived messages as a C table.
nodist_libbongsu_a_SOURCES += src/home/dictionaries.c
CLEANFILES += src/home/dictionaries.c
EXTRA_DIST += src/home/dictionary/embed src/home/dictionary/001.zdict
EXTRA_DIST += src/home/dictionary/002.zdict
src/home/dictionaries.c: $(top_srcdir)/src/home/dictionary/001.zdict $(top_srcdir)/src/home/dictionary/002.zdict \
		$(top_srcdir)/src/home/dictionary/embed
	@$(MKDIR_P) src/home && $(top_srcdir)/src/home/dictionary/embed $(top_srcdir)/src/home/dictionary >$@.new && mv -f $@.new $@
libbongsu_a_SOURCES += src/home/archive_query.c src/home/archive_query.h
libbongsu_a_SOURCES += src/home/restart.c src/home/restart.h
libbongsu_a_SOURCES += src/home/kept_queue.c src/home/kept_queue.h
