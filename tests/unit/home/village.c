/*
 * village.c -- accounts, clients and workers for the tests of homes.
 *
 * Runs on: the test process
 */
#include "tests/unit/home/village.h"

#include "base/log.h"
#include "base/mem.h"
#include "home/archive.h"
#include "home/home.h"
#include "home/router.h"
#include "run/place.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE 20 /* seconds */

static char folder[64];
static struct config *config;
static bool store_is_open;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;

/* ---- Workers and store ---------------------------------------------------------- */

static const struct query queries[] = {
	{ "village_account",
		"INSERT INTO account (owner, host, created) VALUES (?, 'a.example', 1)", NULL },
	END_QUERIES,
};

static void
fault(const char *line, void *ctx)
{
	(void)ctx;
	ck_abort_msg("%s", line);
}

static void
no_pem(void)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "%s/both.pem", folder);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fclose(f);
}

static void
add_account(const char *bare)
{
	struct value owner = of_text(bare);

	store_ask(NULL, hash_stable(bare, strlen(bare)), &(struct ask){ &queries[0], &owner, 1 }, 1,
		NULL, NULL);
}

void
village_start(unsigned workers, const char *const *accounts)
{
	char text[512], path[96];
	struct err e;

	log_set_all(LOG_LEVEL_NONE);
	snprintf(folder, sizeof(folder), "/tmp/bongsu-home-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	no_pem();
	snprintf(path, sizeof(path), "%s/bongsu.yml", folder);
	snprintf(text, sizeof(text),
		"hosts: [a.example, b.example]\nlisten: []\ndata_dir: %s\n"
		"store: {driver: sqlite}\ntls: {certificate: both.pem}\n"
		"c2s: {max_sessions: 4}\n",
		folder);
	config = config_read(path, str_of(text), fault, NULL);
	ck_assert_ptr_nonnull(config);
	ck_assert_msg(workers_init(workers, &e), "%s", e.text);
	config_publish(config);
	store_add_queries(queries);
	homes_init();
	ck_assert_msg(store_open(config, &e), "%s", e.text);
	store_is_open = true;
	ck_assert_msg(archive_init(&e), "%s", e.text);
	for (; accounts && *accounts; accounts++)
		add_account(*accounts);
	workers_start();
}

void
village_close_store(void)
{
	if (store_is_open)
		store_close();
	store_is_open = false;
}

void
village_stop(void)
{
	char command[128];

	village_close_store();
	workers_stop();
	for (unsigned i = 0; i < workers_count(); i++)
		homes_fini(worker_at(i));
	archive_fini();
	config_withdraw();
	config_unref(&config);
	workers_fini();
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

struct visit {
	struct worker *to;
	void (*fn)(struct worker *w, void *arg);
	void *arg;
};

static void
visit(struct worker *w, void *arg)
{
	struct visit *v = arg;

	if (w == v->to)
		v->fn(w, v->arg);
}

void
village_at(const char *bare, void (*fn)(struct worker *w, void *arg), void *arg)
{
	struct visit v = { place_of(str_of(bare)), fn, arg };

	workers_each(visit, &v);
}

struct look {
	bool (*check)(struct worker *w, void *arg);
	void *arg;
	bool is_true;
};

static void
look(struct worker *w, void *arg)
{
	struct look *l = arg;

	l->is_true = l->check(w, l->arg);
}

void
village_wait(const char *bare, bool (*check)(struct worker *w, void *arg), void *arg)
{
	msec_t until = clock_mono() + SECONDS(PATIENCE);
	struct look l = { check, arg, false };

	while (!l.is_true) {
		village_at(bare, look, &l);
		ck_assert_msg(l.is_true || clock_mono() < until, "waited for too long");
		if (!l.is_true)
			nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
	}
}

/* ---- Outlets -------------------------------------------------------------------- */

static struct client *
client_of(struct outlet *o)
{
	return CONTAINER(o, struct client, outlet);
}

static void
note(struct client *c, const char *line)
{
	pthread_mutex_lock(&lock);
	buf_printf(&c->got, "%s\n", line);
	pthread_cond_broadcast(&news);
	pthread_mutex_unlock(&lock);
}

static void
on_stanza(struct outlet *o, const struct stanza *s)
{
	struct client *c = client_of(o);

	ck_assert(worker_is_here(c->worker));
	pthread_mutex_lock(&lock);
	stanza_write(&c->got, s);
	buf_put_char(&c->got, '\n');
	pthread_cond_broadcast(&news);
	pthread_mutex_unlock(&lock);
}

static void
on_close(struct outlet *o, enum stream_cond cond, const char *text)
{
	struct client *c = client_of(o);
	struct session *s = c->session;

	(void)text;
	pthread_mutex_lock(&lock);
	c->closed = cond;
	if (c->ends_at_close)
		c->session = NULL;
	pthread_cond_broadcast(&news);
	pthread_mutex_unlock(&lock);
	if (c->ends_at_close)
		session_end(s);
}

static void
on_pause(struct outlet *o)
{
	client_of(o)->pauses++;
}

static void
on_resume(struct outlet *o)
{
	client_of(o)->resumes++;
}

static void
on_leave(struct outlet *o, enum stream_cond cond)
{
	struct client *c = client_of(o);

	pthread_mutex_lock(&lock);
	c->closed = cond;
	c->session = NULL;
	pthread_cond_broadcast(&news);
	pthread_mutex_unlock(&lock);
}

static void
on_ask(struct outlet *o)
{
	note(client_of(o), "<r/>");
}

static void
on_ack(struct outlet *o, uint32_t settled)
{
	char text[32];

	snprintf(text, sizeof(text), "<a h='%u'/>", settled);
	note(client_of(o), text);
}

static const struct outlet_ops ops = {
	.stanza = on_stanza,
	.close = on_close,
	.leave = on_leave,
	.ask = on_ask,
	.ack = on_ack,
	.pause = on_pause,
	.resume = on_resume,
};

static void
on_bound(struct bind_request *r, enum bind_result result, struct session *s)
{
	struct client *c = CONTAINER(r, struct client, request);

	pthread_mutex_lock(&lock);
	c->bound = result;
	c->session = s;
	c->done = true;
	pthread_cond_broadcast(&news);
	pthread_mutex_unlock(&lock);
}

/* ---- Clients --------------------------------------------------------------------- */

static bool
wait_news(struct timespec *until)
{
	return pthread_cond_timedwait(&news, &lock, until) == 0;
}

static struct timespec
patience(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += PATIENCE;
	return t;
}

static void
ask(struct worker *w, void *arg)
{
	struct client *c = arg;

	c->request.worker = c->worker = w;
	session_bind(&c->request);
}

void
client_ask(struct client *c, const char *bare, const char *resource)
{
	bool ends = c->ends_at_close;
	char *at;

	buf_fini(&c->got);
	memset(c, 0, sizeof(*c));
	c->ends_at_close = ends;
	c->outlet.ops = &ops;
	snprintf(c->bare, sizeof(c->bare), "%s", bare);
	snprintf(c->resource, sizeof(c->resource), "%s", resource ? resource : "");
	at = strchr(c->bare, '@');
	c->request.bare =
		(struct jid){ c->bare, (uint16_t)(at - c->bare), (uint16_t)strlen(at + 1), 0 };
	c->request.resource = resource ? str_of(c->resource) : STR_NONE;
	c->request.outlet = &c->outlet;
	c->request.stream = &c->stream;
	c->request.done = on_bound;
	village_at(bare, ask, c);
}

void
client_wait_bound(struct client *c)
{
	struct timespec until = patience();

	pthread_mutex_lock(&lock);
	while (!c->done)
		ck_assert_msg(wait_news(&until), "%s was not bound in time", c->bare);
	pthread_mutex_unlock(&lock);
}

void
client_bind(struct client *c, const char *bare, const char *resource)
{
	client_ask(c, bare, resource);
	client_wait_bound(c);
}

struct rank {
	struct client *client;
	int priority;
};

static void
make_available(struct worker *w, void *arg)
{
	struct rank *r = arg;
	struct session *s = r->client->session;

	(void)w;
	if (!s->available)
		s->account->available_count++;
	s->available = true;
	s->priority = (int8_t)r->priority;
}

static void
make_unavailable(struct worker *w, void *arg)
{
	struct client *c = arg;

	(void)w;
	if (c->session->available)
		c->session->account->available_count--;
	c->session->available = false;
}

void
client_available(struct client *c, int priority)
{
	struct rank r = { c, priority };

	village_at(c->bare, make_available, &r);
}

void
client_unavailable(struct client *c)
{
	village_at(c->bare, make_unavailable, c);
}

static void
end(struct worker *w, void *arg)
{
	struct client *c = arg;

	(void)w;
	if (c->session)
		session_end(c->session);
	c->session = NULL;
}

void
client_end(struct client *c)
{
	village_at(c->bare, end, c);
}

struct saying {
	struct client *client;
	const char *text;
};

static void
say(struct worker *w, void *arg)
{
	struct saying *s = arg;
	AUTO(buf_fini) struct buf b = BUF_INIT;
	size_t name = strcspn(s->text, " />");
	const struct stanza *stanza;
	struct jid from = s->client->session->jid;

	(void)w;
	buf_printf(&b, "%.*s xmlns='jabber:client' from='%.*s'%s", (int)name, s->text,
		STR_ARG(jid_full(from)), s->text + name);
	stanza = stanza_read(buf_str(&b));
	ck_assert_msg(stanza != NULL, "not a stanza: %s", s->text);
	session_receive(s->client->session, stanza);
}

/* As transports do, it says nothing while it is not read. */
static bool
is_read(struct worker *w, void *arg)
{
	const struct client *c = arg;

	(void)w;
	return c->pauses == c->resumes;
}

void
client_send(struct client *c, const char *text)
{
	struct saying s = { c, text };

	village_wait(c->bare, is_read, c);
	village_at(c->bare, say, &s);
}

static bool
has(struct client *c, const char *part)
{
	return buf_len(&c->got) > 0 && strstr(buf_text(&c->got), part) != NULL;
}

bool
client_has(struct client *c, const char *part)
{
	bool found;

	pthread_mutex_lock(&lock);
	found = has(c, part);
	pthread_mutex_unlock(&lock);
	return found;
}

void
client_forget(struct client *c)
{
	pthread_mutex_lock(&lock);
	buf_clear(&c->got);
	pthread_mutex_unlock(&lock);
}

void
client_expect(struct client *c, const char *part)
{
	struct timespec until = patience();

	pthread_mutex_lock(&lock);
	while (!has(c, part))
		ck_assert_msg(wait_news(&until), "%s did not get %s but %s", c->bare, part,
			buf_len(&c->got) > 0 ? buf_text(&c->got) : "nothing");
	pthread_mutex_unlock(&lock);
}

static bool
is_settled(struct worker *w, void *arg)
{
	const struct client *c = arg;

	(void)w;
	return window_open(&c->session->window) == 0;
}

void
client_settle(struct client *by)
{
	static unsigned number;
	char text[256], id[40];

	village_wait(by->bare, is_settled, by);
	snprintf(id, sizeof(id), "id='settled-%u'", ++number);
	snprintf(text, sizeof(text), "<message to='%s/%s' %s/>", by->bare, by->resource, id);
	client_send(by, text);
	snprintf(id, sizeof(id), "settled-%u", number);
	client_expect(by, id);
}
