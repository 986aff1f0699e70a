/*
 * Jobs: they wait without blocking, each iq has exactly one answer, and sessions may end whenever
 * they like.
 *
 * Runs on: its own process
 */
#include "tests/unit/home/job_test.h"
#include "tests/unit/suite.h"

#include "base/mem.h"
#include "run/place.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { Q_PUT, Q_COUNT, Q_REFUSED, Q_NEXT };

static const struct query queries[] = {
	[Q_PUT] = { "test_put",
		"INSERT INTO private_xml (owner, ns, name, xml) VALUES (?, ?, ?, '')", NULL },
	[Q_COUNT] = { "test_count", "SELECT COUNT(*) FROM private_xml WHERE owner = ?", NULL },
	[Q_REFUSED] = { "test_refused",
		"INSERT INTO account (owner, host, created) VALUES (?, NULL, 0)", NULL },
	[Q_NEXT] = { "test_next", "SELECT ? + 1", NULL },
	END_QUERIES,
};

static sem_t gate, reached, dropped;
static atomic_int wrong, ran_after;

static void
on_drop(void *object)
{
	(void)object;
	sem_post(&dropped);
}

static void
expect(bool ok)
{
	if (!ok)
		atomic_fetch_add(&wrong, 1);
}

/* ---- Handlers ------------------------------------------------------------------------- */

static step_fn echo, none, twice, refused, put_twice, put_again, nap, count, counted, compute,
	computed, tour, toured, travel, travelled, stuck, never, hold, held, shout, shouted;

static struct step
echo(struct job *j)
{
	expect(j->account && j->session && j->host && worker_is_here(j->worker));
	return iq_result(j, iq_child(j));
}

/* Mail to the other of two workers. */
static void
on_shout(struct worker *w, struct mail *m)
{
	expect(worker_is_here(w));
	sem_post(&reached);
	mem_free(&m);
}

static struct step
shout(struct job *j)
{
	struct mail *m = MEM_NEW(struct mail);

	m->open = on_shout;
	worker_post(j->worker, worker_at(1 - worker_index(j->worker)), m);
	return job_behind(j, shouted);
}

static struct step
shouted(struct job *j)
{
	expect(j->account && j->session && j->host && worker_is_here(j->worker));
	return iq_result(j, iq_child(j));
}

static struct step
none(struct job *j)
{
	return job_done(j);
}

static struct step
twice(struct job *j)
{
	struct step s = iq_result(j, NULL);

	(void)s;
	return iq_result(j, NULL);
}

static struct step
refused(struct job *j)
{
	return job_query(j, never, &queries[Q_REFUSED], ARGS(of_jid(j->owner)));
}

static struct step
put_twice(struct job *j)
{
	struct value args[] = { of_jid(j->owner), of_text("urn:test"), of_text("one") };
	struct ask ask = { &queries[Q_PUT], args, 3 };

	expect(j->outcome == STORE_OK);
	return job_query_else(j, put_again, &ask, 1);
}

static struct step
put_again(struct job *j)
{
	if (j->outcome == STORE_DUPLICATE)
		return iq_error(j, COND_CONFLICT, NULL);
	if (j->outcome == STORE_AWAY)
		return iq_error(j, COND_INTERNAL_SERVER_ERROR, "told as asked");
	expect(j->outcome == STORE_OK && j->rows && j->rows->changed == 1);
	return put_twice(j);
}

static struct step
nap(struct job *j)
{
	return job_sleep(j, count, 20);
}

static struct step
count(struct job *j)
{
	expect(!j->rows && !j->results);
	return job_query(j, counted, &queries[Q_COUNT], ARGS(of_jid(j->owner)));
}

static struct step
counted(struct job *j)
{
	struct xml *x = xml_new(j->arena, "urn:test", "count");

	xml_attrf(j->arena, x, "n", "%d", (int)row_int(j->rows, 0, 0));
	return iq_result(j, x);
}

static void
work(struct job *j)
{
	*(int *)j->state *= 2;
}

static struct step
compute(struct job *j)
{
	int *n = ARENA_NEW(j->arena, int);

	*n = 21;
	j->state = n;
	return job_chore(j, computed, work);
}

static struct step
computed(struct job *j)
{
	struct xml *x = xml_new(j->arena, "urn:test", "computed");

	xml_attrf(j->arena, x, "n", "%d", *(int *)j->state);
	return iq_result(j, x);
}

static void
look(struct job *j)
{
	char *seen = j->state;

	expect(worker_is_here(j->worker) && !j->account && !j->session && j->host);
	seen[strlen(seen)] = (char)('0' + worker_index(j->worker));
}

static struct step
tour(struct job *j)
{
	j->state = arena_alloc(j->arena, 32);
	return job_visit(j, look, toured);
}

static struct step
toured(struct job *j)
{
	struct xml *x = xml_new(j->arena, "urn:test", "toured");

	expect(j->account && j->session && j->account->home.worker == j->worker);
	xml_attr(j->arena, x, "seen", j->state);
	return iq_result(j, x);
}

static struct step
travel(struct job *j)
{
	struct jid to;

	expect(jid_parse(j->arena, STR("far@b.test"), &to) == JID_OK);
	return job_go_to(j, travelled, to);
}

static struct step
travelled(struct job *j)
{
	struct xml *x = xml_new(j->arena, "urn:test", "travelled");

	expect(j->account && !j->account->exists && !j->session);
	expect(worker_is_here(place_of(STR("far@b.test"))));
	xml_attr(j->arena, x, "host", j->host->name);
	xml_attr(j->arena, x, "owner", jid_text(j->arena, j->owner));
	return iq_result(j, x);
}

static struct step
never(struct job *j)
{
	atomic_fetch_add(&ran_after, 1);
	return job_done(j);
}

static struct step
stuck(struct job *j)
{
	arena_keep(j->arena, on_drop, NULL);
	return job_sleep(j, never, HOURS(1));
}

static void
wait_for_gate(struct job *j)
{
	(void)j;
	sem_post(&reached);
	job_test_wait(&gate);
}

static struct step
hold(struct job *j)
{
	arena_keep(j->arena, on_drop, NULL);
	return job_chore(j, held, wait_for_gate);
}

static struct step
held(struct job *j)
{
	if (!j->session)
		atomic_fetch_add(&ran_after, 1);
	return iq_result(j, NULL);
}

static step_fn by_stream, by_stream_done;

static struct step
by_stream(struct job *j)
{
	struct jid to;

	expect(!j->account && !j->session && job_stream(j) && job_stream(j)->tls);
	expect(jid_parse(j->arena, STR("far@b.test"), &to) == JID_OK);
	return job_go_to(j, by_stream_done, to);
}

static struct step
by_stream_done(struct job *j)
{
	expect(job_stream(j) && job_stream(j)->tls);
	return job_chore(j, held, wait_for_gate);
}

#define ANYWHERE (TO_SELF | TO_HOST)

static const struct iq_handler iqs[] = {
	{ "urn:test", "echo", ON_GET, ANYWHERE, echo },
	{ "urn:test", "none", ON_GET, ANYWHERE, none },
	{ "urn:test", "twice", ON_GET, ANYWHERE, twice },
	{ "urn:test", "refused", ON_GET, ANYWHERE, refused },
	{ "urn:test", "put", ON_SET, ANYWHERE, put_twice },
	{ "urn:test", "count", ON_GET, ANYWHERE, nap },
	{ "urn:test", "compute", ON_GET, ANYWHERE, compute },
	{ "urn:test", "tour", ON_GET, ANYWHERE, tour },
	{ "urn:test", "travel", ON_GET, ANYWHERE, travel },
	{ "urn:test", "stuck", ON_GET, ANYWHERE, stuck },
	{ "urn:test", "hold", ON_GET, ANYWHERE, hold },
	{ "urn:test", "shout", ON_GET, ANYWHERE, shout },
	{ "urn:test", "other", ON_GET, TO_ACCOUNT, hold },
	{ "urn:test", "stream", ON_GET, TO_STREAM, by_stream },
	END_IQS,
};

#define ITEM(name) "<" name " xmlns='urn:test'/>"

static struct caller alice;

static void
setup_with(unsigned workers)
{
	sem_init(&gate, 0, 0);
	sem_init(&reached, 0, 0);
	sem_init(&dropped, 0, 0);
	job_test_start(workers, iqs, queries);
	ck_assert_int_eq(
		job_test_credential(credential_create, "alice@a.test", "secret"), CREDENTIAL_OK);
	caller_bind(&alice, "alice@a.test", "x");
	ck_assert_int_eq(alice.bound, BIND_OK);
}

static void
setup(void)
{
	setup_with(2);
}

static void
teardown(void)
{
	caller_leave(&alice);
	job_test_stop();
	ck_assert_int_eq(wrong, 0);
}

/* ---- One answer ------------------------------------------------------------------------ */

START_TEST(each_iq_has_one_answer)
{
	setup();
	caller_asks(&alice, "get", NULL, ITEM("echo"), "type='result'");
	caller_asks(&alice, "get", "a.test", ITEM("echo"), "from='a.test'");
	caller_asks(&alice, "get", "alice@a.test", ITEM("echo"), "from='alice@a.test'");
	caller_asks(&alice, "get", NULL, ITEM("unheard"), "<service-unavailable");
	caller_asks(&alice, "set", NULL, ITEM("echo"), "<feature-not-implemented");
	caller_asks(&alice, "get", NULL, ITEM("stream"), "<service-unavailable");
	caller_asks(&alice, "get", NULL, ITEM("none"), "<internal-server-error");
	caller_asks(&alice, "get", NULL, ITEM("refused"), "<internal-server-error");
	caller_asks(&alice, "set", NULL, ITEM("put"), "<conflict");
	caller_asks(&alice, "get", NULL, ITEM("count"), "n='1'");
	caller_asks(&alice, "get", NULL, ITEM("compute"), "n='42'");
	caller_asks(&alice, "set", "a.test",
		"<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>", "type='result'");
	caller_asks(&alice, "set", NULL, "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>",
		"<not-allowed");
	ck_assert(caller_is_quiet(&alice));
	ck_assert_int_eq(ran_after, 0);
	teardown();
}

END_TEST

START_TEST(a_second_answer_aborts)
{
	setup();
	caller_send(&alice, "<iq xmlns='jabber:client' type='get' id='1'>" ITEM("twice") "</iq>");
}

END_TEST

/* ---- Elsewhere -------------------------------------------------------------------------- */

START_TEST(a_visit_comes_to_every_worker_and_back)
{
	setup_with(4);
	caller_asks(&alice, "get", NULL, ITEM("tour"), "seen='0123'");
	teardown();
}

END_TEST

START_TEST(an_answer_finds_its_asker_from_another_home)
{
	setup_with(4);
	caller_asks(&alice, "get", NULL, ITEM("travel"), "owner='far@b.test'");
	caller_asks(&alice, "get", "b.test", ITEM("travel"), "from='b.test'");
	teardown();
}

END_TEST

static struct worker *call_ended;
static char call_failure[128];

static void
on_call_ended(struct worker *w, struct call *call, const char *failure)
{
	(void)call;
	call_ended = w;
	snprintf(call_failure, sizeof(call_failure), "%s", failure ? failure : "none");
	sem_post(&reached);
}

static struct step
call_done_far(struct job *j)
{
	expect(job_origin(j) == worker_at(3));
	return job_done(j);
}

static struct step
call_step(struct job *j)
{
	struct jid to;

	expect(j->host != NULL && j->call != NULL);
	expect(jid_parse(j->arena, STR("alice@a.test"), &to) == JID_OK);
	return job_go_to(j, call_done_far, to);
}

static struct step
call_unknown_host(struct job *j)
{
	struct jid to;

	expect(jid_parse(j->arena, STR("alice@c.test"), &to) == JID_OK);
	return job_go_to(j, never, to);
}

static struct step
call_refused(struct job *j)
{
	return refused(j);
}

static void
start_call(struct worker *w, void *arg)
{
	step_fn *const *first = arg;

	job_start_call(w, NULL, (struct call *)&call_ended, *first, on_call_ended);
}

START_TEST(a_command_ends_where_it_began)
{
	static step_fn *const steps[] = { call_step, call_unknown_host, call_refused };
	static const char *const failures[] = { "none", "not served", "internal error" };

	setup_with(4);
	for (size_t i = 0; i < COUNT(steps); i++) {
		job_test_on(worker_at(3), start_call, (void *)&steps[i]);
		job_test_wait(&reached);
		ck_assert_ptr_eq(call_ended, worker_at(3));
		ck_assert_msg(
			strstr(call_failure, failures[i]) != NULL, "row %zu: %s", i, call_failure);
	}
	ck_assert_int_eq(ran_after, 0);
	teardown();
}

END_TEST

/* ---- Sessions end ------------------------------------------------------------------------ */

static struct step
of_session(struct job *j)
{
	arena_keep(j->arena, on_drop, NULL);
	return job_chore(j, never, wait_for_gate);
}

static void
start_of_session(struct worker *w, void *arg)
{
	step_fn *const *first = arg;

	(void)w;
	job_start_for_session(alice.session, NULL, *first);
}

START_TEST(jobs_of_a_session_end_with_it)
{
	static step_fn *const sleeps = stuck, *const works = of_session;

	setup();
	job_test_on(alice.worker, start_of_session, (void *)&sleeps);
	job_test_on(alice.worker, start_of_session, (void *)&works);
	job_test_wait(&reached);
	caller_leave(&alice);
	job_test_wait(&dropped); /* the sleeper, at once */
	ck_assert_int_ne(sem_trywait(&dropped), 0);
	sem_post(&gate);
	job_test_wait(&dropped); /* the other, when its wait was over */
	ck_assert_int_eq(ran_after, 0);
	job_test_stop();
	ck_assert_int_eq(wrong, 0);
}

END_TEST

START_TEST(an_iq_goes_on_without_its_session)
{
	setup();
	caller_send(&alice, "<iq xmlns='jabber:client' type='get' id='1'>" ITEM("hold") "</iq>");
	job_test_wait(&reached);
	caller_leave(&alice);
	sem_post(&gate);
	job_test_wait(&dropped);
	ck_assert_int_eq(ran_after, 1);
	job_test_stop();
	ck_assert_int_eq(wrong, 0);
}

END_TEST

START_TEST(what_sleeps_at_the_end_is_dropped)
{
	setup();
	caller_send(&alice, "<iq xmlns='jabber:client' type='get' id='1'>" ITEM("stuck") "</iq>");
	teardown();
	job_test_wait(&dropped);
	ck_assert_int_eq(ran_after, 0);
}

END_TEST

static void
count_jobs(struct worker *w, void *arg)
{
	(void)w;
	*(unsigned *)arg = alice.session->jobs_count;
}

START_TEST(too_many_jobs_pause_the_client)
{
	unsigned jobs;

	setup();
	for (int i = 0; i < SESSION_JOBS_MAX; i++) {
		ck_assert_int_eq(alice.paused, 0);
		caller_send(&alice,
			"<iq xmlns='jabber:client' type='get' id='1'>" ITEM("hold") "</iq>");
	}
	job_test_on(alice.worker, count_jobs, &jobs);
	ck_assert_uint_eq(jobs, SESSION_JOBS_MAX);
	ck_assert_int_eq(alice.paused, 1);
	ck_assert_int_eq(alice.resumed, 0);
	for (int i = 0; i < SESSION_JOBS_MAX; i++) {
		char *answer;

		sem_post(&gate);
		answer = caller_next(&alice);
		ck_assert_ptr_nonnull(strstr(answer, "type='result'"));
		mem_free(&answer);
	}
	ck_assert_int_eq(alice.resumed, 1);
	job_test_on(alice.worker, count_jobs, &jobs);
	ck_assert_uint_eq(jobs, 0);
	teardown();
}

END_TEST

static void
stand(struct worker *w, struct mail *m)
{
	(void)w;
	(void)m;
	sem_post(&reached);
	job_test_wait(&gate);
}

START_TEST(a_job_behind_its_mail_waits_until_that_is_opened)
{
	static struct mail stands = { NULL, stand };
	unsigned jobs;
	char *answer;

	setup_with(2);
	worker_post(NULL, worker_at(1 - worker_index(alice.worker)), &stands);
	job_test_wait(&reached);
	caller_send(&alice, "<iq xmlns='jabber:client' type='get' id='1'>" ITEM("shout") "</iq>");
	job_test_on(alice.worker, count_jobs, &jobs);
	ck_assert_uint_eq(jobs, 1);
	ck_assert(caller_is_quiet(&alice));
	sem_post(&gate);
	answer = caller_next(&alice);
	ck_assert_ptr_nonnull(strstr(answer, "type='result'"));
	mem_free(&answer);
	job_test_wait(&reached);
	teardown();
}

END_TEST

static void
read_under_way(struct worker *w, void *arg)
{
	(void)w;
	*(unsigned *)arg = window_open(&alice.session->window);
}

START_TEST(what_another_account_answers_is_under_way_until_then)
{
	unsigned under_way;
	char *answer;

	setup_with(4);
	ck_assert_int_eq(
		job_test_credential(credential_create, "bob@b.test", "secret"), CREDENTIAL_OK);
	caller_send(&alice, "<iq xmlns='jabber:client' type='get' id='1' to='bob@b.test'>" ITEM(
				    "other") "</iq>");
	job_test_wait(&reached);
	job_test_on(alice.worker, read_under_way, &under_way);
	ck_assert_uint_eq(under_way, 1);
	sem_post(&gate);
	answer = caller_next(&alice);
	ck_assert_ptr_nonnull(strstr(answer, "from='bob@b.test'"));
	mem_free(&answer);
	for (int i = 0; i < 1000 && under_way > 0; i++)
		job_test_on(alice.worker, read_under_way, &under_way);
	ck_assert_uint_eq(under_way, 0);
	teardown();
}

END_TEST

START_TEST(a_store_that_is_away_is_told)
{
	setup();
	store_close();
	caller_asks(&alice, "get", NULL, ITEM("count"), "<resource-constraint");
	caller_asks(&alice, "get", NULL, ITEM("count"), "type='wait'");
	caller_asks(&alice, "set", NULL, ITEM("put"), "<internal-server-error");
	ck_assert_int_eq(
		job_test_credential(credential_create, "bob@b.test", "secret"), CREDENTIAL_AWAY);
	ck_assert_int_eq(
		job_test_credential(credential_check, "alice@a.test", "secret"), CREDENTIAL_AWAY);
	teardown();
}

END_TEST

/* ---- Asking clients ----------------------------------------------------------------------- */

static char reply_id[64];

static void
on_reply(struct account *a, struct session *s, const struct stanza *reply, void *ctx)
{
	expect(a && s == alice.session && worker_is_here(s->worker) && ctx == &gate);
	snprintf(reply_id, sizeof(reply_id), "%s", reply ? reply->id : "none");
	sem_post(&reached);
}

static void
ask_client(struct worker *w, void *arg)
{
	struct arena *a = arena_new(0);
	const msec_t *timeout = arg;

	(void)w;
	session_ask(alice.session, IQ_GET, xml_new(a, NS_PING, "ping"), *timeout, on_reply, &gate);
	arena_free(&a);
}

START_TEST(a_client_is_asked_and_answers)
{
	msec_t minute = MINUTES(1), soon = 10;
	struct buf b = BUF_INIT;
	char *ask, id[64];

	setup();
	job_test_on(alice.worker, ask_client, &minute);
	ask = caller_next(&alice);
	ck_assert_ptr_nonnull(strstr(ask, "from='a.test'"));
	ck_assert_int_eq(sscanf(strstr(ask, "id='") + 4, "%63[^']", id), 1);
	caller_send(&alice, "<iq xmlns='jabber:client' type='result' id='other' to='a.test'/>");
	buf_printf(&b, "<iq xmlns='jabber:client' type='result' id='%s' to='a.test'/>", id);
	caller_send(&alice, buf_text(&b));
	job_test_wait(&reached);
	ck_assert_str_eq(reply_id, id);
	mem_free(&ask);
	buf_fini(&b);

	job_test_on(alice.worker, ask_client, &soon);
	job_test_wait(&reached);
	ck_assert_str_eq(reply_id, "none");

	snprintf(reply_id, sizeof(reply_id), "unset");
	job_test_on(alice.worker, ask_client, &minute);
	caller_leave(&alice);
	job_test_wait(&reached);
	ck_assert_str_eq(reply_id, "none");
	ck_assert_int_ne(sem_trywait(&reached), 0);
	job_test_stop();
	ck_assert_int_eq(wrong, 0);
}

END_TEST

/* ---- Streams ------------------------------------------------------------------------------- */

static struct stream_info stream = { .tls = true, .transport = "test" };
static atomic_int replies;
static sem_t replied;

static void
on_stream_reply(void *ctx, const struct stanza *answer)
{
	expect(ctx == &stream && answer && answer->type == IQ_RESULT);
	expect(worker_is_here(worker_at(1)));
	atomic_fetch_add(&replies, 1);
	sem_post(&replied);
}

static void
stream_asks(struct worker *w, void *arg)
{
	const char *xml = arg;
	AUTO(stanza_unref) const struct stanza *iq = stanza_read(str_of(xml));
	struct stream_info here = stream;

	expect(iq_dispatch_stream(w, job_test_host(w, "a.test"), &here, iq, on_stream_reply,
		       &stream) == (strstr(xml, "stream") != NULL));
	memset(&here, 0, sizeof(here)); /* the job must have its own */
}

static void
stream_goes(struct worker *w, void *arg)
{
	(void)arg;
	iq_stream_gone(w, &stream);
}

static char by_stream_iq[] = "<iq xmlns='jabber:client' type='get' id='1'>" ITEM("stream") "</iq>";
static char by_stream_echo[] = "<iq xmlns='jabber:client' type='get' id='1'>" ITEM("echo") "</iq>";

START_TEST(a_stream_is_answered_unless_it_is_gone)
{
	setup_with(4);
	sem_init(&replied, 0, 0);
	job_test_on(worker_at(1), stream_asks, by_stream_echo);
	job_test_on(worker_at(1), stream_asks, by_stream_iq);
	job_test_wait(&reached);
	sem_post(&gate);
	job_test_wait(&replied);
	job_test_on(worker_at(1), stream_asks, by_stream_iq);
	job_test_wait(&reached);
	job_test_on(worker_at(1), stream_goes, NULL);
	sem_post(&gate);
	teardown();
	ck_assert_int_eq(replies, 1);
}

END_TEST

Suite *
suite_job(void)
{
	Suite *s = suite_create("job");
	TCase *t = tcase_create("job");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, each_iq_has_one_answer);
	tcase_add_test_raise_signal(t, a_second_answer_aborts, SIGABRT);
	tcase_add_test(t, a_visit_comes_to_every_worker_and_back);
	tcase_add_test(t, an_answer_finds_its_asker_from_another_home);
	tcase_add_test(t, a_command_ends_where_it_began);
	tcase_add_test(t, jobs_of_a_session_end_with_it);
	tcase_add_test(t, an_iq_goes_on_without_its_session);
	tcase_add_test(t, what_sleeps_at_the_end_is_dropped);
	tcase_add_test(t, too_many_jobs_pause_the_client);
	tcase_add_test(t, a_job_behind_its_mail_waits_until_that_is_opened);
	tcase_add_test(t, what_another_account_answers_is_under_way_until_then);
	tcase_add_test(t, a_store_that_is_away_is_told);
	tcase_add_test(t, a_client_is_asked_and_answers);
	tcase_add_test(t, a_stream_is_answered_unless_it_is_gone);
	suite_add_tcase(s, t);
	return s;
}
