# Test sources: one line each.
#
# A unit suite, with a SUITE(arena) row in tests/unit/suites.def:
#   tests_unit_unit_SOURCES += tests/unit/base/test_arena.c
#
# What several test programs share (linked into each of them):
#   tests_libtest_a_SOURCES += tests/lib/server.c tests/lib/server.h
#
# A test program in C that starts a server (see tests/run for what it finds and must say):
#   system_programs += tests/system/test_login
#   tests_system_test_login_SOURCES = tests/system/test_login.c
#
# A fuzz target, a file with LLVMFuzzerTestOneInput() and a folder tests/fuzz/corpus/jid:
#   fuzz_programs += tests/fuzz/fuzz_jid
#   tests_fuzz_fuzz_jid_SOURCES = tests/fuzz/fuzz_jid.c
tests_unit_unit_SOURCES += tests/unit/main.c
tests_unit_unit_SOURCES += tests/unit/suite.h
tests_unit_unit_SOURCES += tests/unit/base/test_str.c
tests_unit_unit_SOURCES += tests/unit/run/test_worker.c
tests_unit_unit_SOURCES += tests/unit/run/test_timer.c
tests_unit_unit_SOURCES += tests/unit/run/test_chore.c
tests_unit_unit_SOURCES += tests/unit/run/test_limit.c
tests_unit_unit_SOURCES += tests/unit/run/test_fence.c
tests_unit_unit_SOURCES += tests/unit/net/net_test.c tests/unit/net/net_test.h
tests_unit_unit_SOURCES += tests/unit/net/test_addr.c
tests_unit_unit_SOURCES += tests/unit/net/test_conn.c
tests_unit_unit_SOURCES += tests/unit/net/test_listener.c
tests_unit_unit_SOURCES += tests/unit/net/tls_client.c tests/unit/net/tls_client.h
tests_unit_unit_SOURCES += tests/unit/net/test_tls.c
tests_unit_unit_SOURCES += tests/unit/net/test_tls_cert.c
tests_unit_unit_SOURCES += tests/unit/xml/test_parse.c
tests_unit_unit_SOURCES += tests/unit/base/test_arena.c
tests_unit_unit_SOURCES += tests/unit/base/test_buf.c
tests_unit_unit_SOURCES += tests/unit/base/test_mem.c
tests_unit_unit_SOURCES += tests/unit/base/test_hash.c
tests_unit_unit_SOURCES += tests/unit/base/test_shards.c
tests_unit_unit_SOURCES += tests/unit/base/test_list.c
tests_unit_unit_SOURCES += tests/unit/base/test_err.c
tests_unit_unit_SOURCES += tests/unit/base/test_clock.c
tests_unit_unit_SOURCES += tests/unit/base/test_rand.c
tests_unit_unit_SOURCES += tests/unit/base/test_encode.c
tests_unit_unit_SOURCES += tests/unit/base/test_digest.c
tests_unit_unit_SOURCES += tests/unit/base/test_utf8.c
tests_unit_unit_SOURCES += tests/unit/base/test_metric.c
tests_unit_unit_SOURCES += tests/unit/base/test_log.c
tests_unit_unit_SOURCES += tests/unit/base/test_field.c
tests_unit_unit_SOURCES += tests/unit/config/test_config.c
tests_unit_unit_SOURCES += tests/unit/home/job_test.c tests/unit/home/job_test.h
tests_unit_unit_SOURCES += tests/unit/home/test_job.c
tests_unit_unit_SOURCES += tests/unit/module/test_registry.c
tests_unit_unit_SOURCES += tests/unit/module/test_plans.c
tests_unit_unit_SOURCES += tests/unit/home/test_credential.c
fuzz_programs += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c

include tests/bench/bench.mk
tests_unit_unit_SOURCES += tests/unit/xml/test_xml.c
tests_unit_unit_SOURCES += tests/unit/xmpp/test_cond.c
tests_unit_unit_SOURCES += tests/unit/xmpp/test_datetime.c
tests_unit_unit_SOURCES += tests/unit/xmpp/test_jid.c
tests_unit_unit_SOURCES += tests/unit/xmpp/test_stanza.c
fuzz_programs += tests/fuzz/fuzz_stream
tests_fuzz_fuzz_stream_SOURCES = tests/fuzz/fuzz_stream.c
fuzz_programs += tests/fuzz/fuzz_jid
tests_fuzz_fuzz_jid_SOURCES = tests/fuzz/fuzz_jid.c
fuzz_programs += tests/fuzz/fuzz_sasl
tests_fuzz_fuzz_sasl_SOURCES = tests/fuzz/fuzz_sasl.c
tests_unit_unit_SOURCES += tests/unit/store/bench.c tests/unit/store/bench.h
tests_unit_unit_SOURCES += tests/unit/store/test_store.c
tests_unit_unit_SOURCES += tests/unit/run/test_control.c
tests_unit_unit_SOURCES += tests/unit/run/test_notify.c
tests_unit_unit_SOURCES += tests/unit/run/test_data_dir.c
tests_unit_unit_SOURCES += tests/unit/store/test_migrate.c
tests_unit_unit_SOURCES += tests/unit/store/test_lane.c
tests_unit_unit_SOURCES += tests/unit/store/test_outage.c
tests_unit_unit_SOURCES += tests/unit/home/village.c tests/unit/home/village.h
tests_unit_unit_SOURCES += tests/unit/home/test_deliver.c
tests_unit_unit_SOURCES += tests/unit/home/test_home.c
tests_unit_unit_SOURCES += tests/unit/home/test_router.c
tests_unit_unit_SOURCES += tests/unit/home/test_gate.c
tests_unit_unit_SOURCES += tests/unit/home/test_archive.c
tests_unit_unit_SOURCES += tests/unit/home/test_session.c
tests_unit_unit_SOURCES += tests/unit/home/test_subscription.c
tests_unit_unit_SOURCES += tests/unit/stream/test_sasl_scram.c
tests_unit_unit_SOURCES += tests/unit/stream/test_sasl_guard.c
tests_unit_unit_SOURCES += tests/unit/hook/test_hook.c
tests_unit_unit_SOURCES += tests/unit/home/test_account.c
tests_unit_unit_SOURCES += tests/unit/admin/test_command.c
tests_unit_unit_SOURCES += tests/unit/xep/test_codec.c tests/unit/xep/xep_test.h
tests_unit_unit_SOURCES += tests/unit/xep/test_form.c
tests_unit_unit_SOURCES += tests/unit/xep/test_caps.c
fuzz_programs += tests/fuzz/fuzz_codec
tests_fuzz_fuzz_codec_SOURCES = tests/fuzz/fuzz_codec.c
tests_libtest_a_SOURCES += tests/lib/report.c tests/lib/report.h
tests_libtest_a_SOURCES += tests/lib/server.c tests/lib/server.h
if HAVE_STROPHE
tests_libtest_a_SOURCES += tests/lib/strophe.c tests/lib/strophe.h
system_programs += tests/clients/test_strophe_login
tests_clients_test_strophe_login_SOURCES = tests/clients/test_strophe_login.c
system_programs += tests/clients/test_strophe_chat
tests_clients_test_strophe_chat_SOURCES = tests/clients/test_strophe_chat.c
endif
tests_unit_unit_SOURCES += tests/unit/home/test_window.c
tests_unit_unit_SOURCES += tests/unit/home/test_unacked.c
tests_unit_unit_SOURCES += tests/unit/home/test_sm.c
tests_unit_unit_SOURCES += tests/unit/http/test_head.c
tests_unit_unit_SOURCES += tests/unit/net/test_proxy.c
fuzz_programs += tests/fuzz/fuzz_http
tests_fuzz_fuzz_http_SOURCES = tests/fuzz/fuzz_http.c
fuzz_programs += tests/fuzz/fuzz_proxy
tests_fuzz_fuzz_proxy_SOURCES = tests/fuzz/fuzz_proxy.c
tests_unit_unit_SOURCES += tests/unit/modules/test_muc_privilege.c
tests_unit_unit_SOURCES += tests/unit/http/test_ws.c
tests_unit_unit_SOURCES += tests/unit/http/test_rate.c
fuzz_programs += tests/fuzz/fuzz_ws
tests_fuzz_fuzz_ws_SOURCES = tests/fuzz/fuzz_ws.c
fuzz_programs += tests/fuzz/fuzz_bosh
tests_fuzz_fuzz_bosh_SOURCES = tests/fuzz/fuzz_bosh.c
tests_unit_unit_SOURCES += tests/unit/modules/test_pep_config.c
tests_unit_unit_SOURCES += tests/unit/xep/test_content.c
tests_unit_unit_SOURCES += tests/unit/xep/test_rsm.c
system_programs += tests/clients/test_strophe_rooms
tests_clients_test_strophe_rooms_SOURCES = tests/clients/test_strophe_rooms.c
system_programs += tests/clients/test_strophe_sm
tests_clients_test_strophe_sm_SOURCES = tests/clients/test_strophe_sm.c
fuzz_programs += tests/fuzz/fuzz_kept
tests_fuzz_fuzz_kept_SOURCES = tests/fuzz/fuzz_kept.c
tests_unit_unit_SOURCES += tests/unit/xml/test_document.c
fuzz_programs += tests/fuzz/fuzz_document
tests_fuzz_fuzz_document_SOURCES = tests/fuzz/fuzz_document.c
tests_unit_unit_SOURCES += tests/unit/admin/test_template.c
fuzz_programs += tests/fuzz/fuzz_template
tests_fuzz_fuzz_template_SOURCES = tests/fuzz/fuzz_template.c
