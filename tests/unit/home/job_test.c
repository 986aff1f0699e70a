/*
 * job_test.c -- see job_test.h.
 *
 * Runs on: the test process
 */
#include "tests/unit/home/job_test.h"
#include "tests/unit/suite.h"

#include "base/log.h"
#include "base/mem.h"
#include "home/archive.h"
#include "home/router.h"
#include "run/place.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char dir[] = "/tmp/bongsu-job-XXXXXX";
static struct config *config;
static struct arena *texts;

/* ---- The server -------------------------------------------------------------------- */

static void
fault(const char *line, void *ctx)
{
	(void)ctx;
	fprintf(stderr, "%s\n", line);
}

static void
read_config(void)
{
	struct buf b = BUF_INIT;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	buf_printf(&b,
		"hosts: [a.test, b.test]\ndata_dir: %s\nstore: {driver: sqlite}\n"
		"listen: []\n",
		dir);
	config = config_read("test.yml", buf_str(&b), fault, NULL);
	ck_assert_ptr_nonnull(config);
	buf_fini(&b);
}

void
job_test_start(unsigned workers, const struct iq_handler *iqs, const struct query *queries)
{
	struct err e;

	log_set_all(LOG_LEVEL_NONE);
	texts = arena_new(0);
	read_config();
	ck_assert(workers_init(workers, &e));
	config_publish(config);
	credential_register();
	iqs_init();
	for (const struct iq_handler *h = iqs; h && h->ns; h++)
		iq_add(h, UINT_MAX);
	if (queries)
		store_add_queries(queries);
	homes_init();
	ck_assert_msg(store_open(config, &e), "%s", e.text);
	ck_assert_msg(archive_init(&e), "%s", e.text);
	ck_assert_msg(credential_init(&e), "%s", e.text);
	ck_assert(chores_start(1, 100, &e));
	workers_start();
}

void
job_test_stop(void)
{
	char command[64];

	chores_stop();
	store_close();
	workers_stop();
	for (unsigned i = 0; i < workers_count(); i++)
		jobs_fini(worker_at(i));
	for (unsigned i = 0; i < workers_count(); i++)
		homes_fini(worker_at(i));
	archive_fini();
	config_withdraw();
	workers_fini();
	config_unref(&config);
	arena_free(&texts);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

void
job_test_wait(sem_t *s)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 30;
	ck_assert_int_eq(sem_timedwait(s, &t), 0);
}

struct on {
	struct mail mail;
	void (*fn)(struct worker *w, void *arg);
	void *arg;
	sem_t done;
};

static void
on_open(struct worker *w, struct mail *m)
{
	struct on *on = CONTAINER(m, struct on, mail);

	on->fn(w, on->arg);
	sem_post(&on->done);
}

void
job_test_on(struct worker *w, void (*fn)(struct worker *w, void *arg), void *arg)
{
	struct on on = { { NULL, on_open }, fn, arg, { { 0 } } };

	sem_init(&on.done, 0, 0);
	worker_post(NULL, w, &on.mail);
	job_test_wait(&on.done);
	sem_destroy(&on.done);
}

const struct host *
job_test_host(const struct worker *w, const char *name)
{
	return config_host(config_of(w), str_of(name));
}

struct jid
job_test_jid(const char *text)
{
	struct jid j;

	ck_assert_int_eq(jid_parse(texts, str_of(text), &j), JID_OK);
	return j;
}

/* ---- Credentials ------------------------------------------------------------------- */

static struct {
	credential_fn *fn; /* NULL: credential_remove */
	struct jid bare;
	struct str password;
	enum credential_result result;
	sem_t done;
} asked;

static struct step
credential_done(struct job *j)
{
	asked.result = credential_result_of(j);
	sem_post(&asked.done);
	return job_done(j);
}

static struct step
credential_step(struct job *j)
{
	if (!asked.fn)
		return credential_remove(j, credential_done, asked.bare);
	return asked.fn(j, credential_done, asked.bare, asked.password);
}

static void
start_credential(struct worker *w, void *arg)
{
	(void)arg;
	job_start_on(w, job_test_host(w, "a.test"), NULL, credential_step);
}

enum credential_result
job_test_credential(credential_fn *fn, const char *bare, const char *password)
{
	asked.fn = fn;
	asked.bare = job_test_jid(bare);
	asked.password = str_of(password);
	sem_init(&asked.done, 0, 0);
	job_test_on(worker_at(0), start_credential, NULL);
	job_test_wait(&asked.done);
	return asked.result;
}

enum credential_result
job_test_remove(const char *bare)
{
	return job_test_credential(NULL, bare, NULL);
}

/* ---- Clients ------------------------------------------------------------------------ */

static void
take(struct outlet *o, const struct stanza *s)
{
	struct caller *c = (struct caller *)o;

	pthread_mutex_lock(&c->lock);
	stanza_write_alone(&c->got, s);
	buf_put_char(&c->got, '\0');
	pthread_mutex_unlock(&c->lock);
	sem_post(&c->some);
}

static void
close_stream(struct outlet *o, enum stream_cond cond, const char *text)
{
	struct caller *c = (struct caller *)o;

	(void)text;
	atomic_store(&c->closed, (int)cond);
	session_end(c->session);
	sem_post(&c->some);
}

static void
pause_stream(struct outlet *o)
{
	atomic_fetch_add(&((struct caller *)o)->paused, 1);
}

static void
resume_stream(struct outlet *o)
{
	atomic_fetch_add(&((struct caller *)o)->resumed, 1);
}

static const struct outlet_ops ops = {
	.stanza = take,
	.close = close_stream,
	.pause = pause_stream,
	.resume = resume_stream,
};

struct binding {
	struct bind_request request;
	struct caller *client;
	sem_t done;
};

static void
bound(struct bind_request *r, enum bind_result result, struct session *session)
{
	struct binding *b = CONTAINER(r, struct binding, request);

	b->client->bound = (int)result;
	b->client->session = session;
	sem_post(&b->done);
}

static void
do_bind(struct worker *w, void *arg)
{
	struct binding *b = arg;

	b->request.worker = w;
	session_bind(&b->request);
}

void
caller_bind(struct caller *c, const char *bare, const char *resource)
{
	struct binding b = { .client = c };

	memset(c, 0, sizeof(*c));
	c->outlet.ops = &ops;
	c->info.transport = "test";
	pthread_mutex_init(&c->lock, NULL);
	sem_init(&c->some, 0, 0);
	sem_init(&b.done, 0, 0);
	b.request.bare = job_test_jid(bare);
	b.request.resource = str_of(resource);
	b.request.outlet = &c->outlet;
	b.request.stream = &c->info;
	b.request.done = bound;
	c->full = jid_with_resource(texts, b.request.bare, str_of(resource));
	c->worker = place_of(jid_full(b.request.bare));
	job_test_on(c->worker, do_bind, &b);
	job_test_wait(&b.done);
	sem_destroy(&b.done);
}

struct sending {
	struct caller *client;
	const struct stanza *stanza;
};

static void
do_send(struct worker *w, void *arg)
{
	struct sending *s = arg;

	(void)w;
	session_receive(s->client->session, s->stanza);
}

void
caller_send(struct caller *c, const char *xml)
{
	AUTO(stanza_unref) const struct stanza *read = stanza_read(str_of(xml));
	struct sending s = { c, NULL };

	ck_assert_msg(read != NULL, "not a stanza: %s", xml);
	s.stanza = stanza_readdress(read, c->full, read->to);
	job_test_on(c->worker, do_send, &s);
}

char *
caller_next(struct caller *c)
{
	char *text;

	job_test_wait(&c->some);
	pthread_mutex_lock(&c->lock);
	text = mem_copy_text(buf_bytes(&c->got));
	buf_take(&c->got, strlen(text) + 1);
	pthread_mutex_unlock(&c->lock);
	return text;
}

bool
caller_is_quiet(struct caller *c)
{
	bool quiet;

	pthread_mutex_lock(&c->lock);
	quiet = buf_len(&c->got) == 0;
	pthread_mutex_unlock(&c->lock);
	return quiet;
}

static void
do_leave(struct worker *w, void *arg)
{
	(void)w;
	session_end(((struct caller *)arg)->session);
}

static void
nothing(struct worker *w, void *arg)
{
	(void)w;
	(void)arg;
}

void
caller_leave(struct caller *c)
{
	if (!atomic_load(&c->closed))
		job_test_on(c->worker, do_leave, c);
	/* The session goes at the end of that turn. */
	job_test_on(c->worker, nothing, NULL);
	buf_fini(&c->got);
}

void
caller_asks(
	struct caller *c, const char *type, const char *to, const char *child, const char *expected)
{
	static int number;
	struct buf b = BUF_INIT;
	char id[32], *answer;

	snprintf(id, sizeof(id), "id='q%d'", ++number);
	buf_printf(&b, "<iq xmlns='jabber:client' type='%s' %s", type, id);
	if (to)
		buf_printf(&b, " to='%s'", to);
	buf_printf(&b, ">%s</iq>", child);
	caller_send(c, buf_text(&b));
	answer = caller_next(c);
	ck_assert_msg(strstr(answer, id) && strstr(answer, expected), "%s was answered %s, not %s",
		buf_text(&b), answer, expected);
	mem_free(&answer);
	buf_fini(&b);
}
