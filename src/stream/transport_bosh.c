/*
 * transport_bosh.c -- streams over BOSH (XEP-0206): elements out of requests, and where sessions are.
 *
 * A session lives at one worker; when a resource is bound, that is the account's home.  Requests
 * come on connections of any worker: the connection is moved to where its session is.  The worker
 * where the session was born, whose number is in the sid, knows where it went.
 *
 * Runs on: the stream's worker.
 */
#include "stream/bosh.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stream/c2s_own.h"
#include "stream/web.h"

static struct bosh *
bosh_of(const struct stream *s)
{
	return (struct bosh *)(uintptr_t)s;
}

struct bosh_worker *
bosh_worker(const struct worker *w)
{
	return &c2s_worker(w)->bosh;
}

/* ---- Write ------------------------------------------------------------------------- */

/* The first answer tells what a header would. */
static void
put_header(struct stream *s, const char *id, const char *from)
{
	struct bosh *b = bosh_of(s);

	(void)from;
	if (strlen(id) < sizeof(b->authid))
		memcpy(b->authid, id, strlen(id) + 1);
}

static struct buf *
begin(struct stream *s)
{
	struct bosh *b = bosh_of(s);

	b->mark = buf_len(&b->out);
	return &b->out;
}

static void
end(struct stream *s)
{
	struct bosh *b = bosh_of(s);

	if (b->ending)
		b->out.end = b->out.start + b->mark; /* too late */
	else
		bosh_wake(b);
}

static size_t
unsent(const struct stream *s)
{
	return buf_len(&bosh_of(s)->out);
}

static bool
is_full(const struct stream *s)
{
	return unsent(s) > (size_t)stream_conf(s)->max_output;
}

/* ---- The end ------------------------------------------------------------------------- */

static void
close_stream(struct stream *s, enum stream_cond c)
{
	struct bosh *b = bosh_of(s);

	if (b->ending)
		return;
	b->ending = true;
	b->condition = c == STREAM_COND_NONE		  ? BOSH_NO_COND
		       : c == STREAM_COND_SYSTEM_SHUTDOWN ? BOSH_SYSTEM_SHUTDOWN
		       : c == STREAM_COND_HOST_GONE	  ? BOSH_HOST_GONE
							  : BOSH_REMOTE_STREAM_ERROR;
	bosh_wake(b);
}

static void
abort_stream(struct stream *s)
{
	struct bosh *b = bosh_of(s);

	b->gone = true;
	bosh_wake(b);
}

static void
free_bosh(struct stream *s)
{
	struct bosh *b = bosh_of(s);

	mem_free(&b->content);
	mem_free(&b);
}

/* ---- Read ------------------------------------------------------------------------------ */

static void
on_restart(struct stream *s, const struct bosh_request *r)
{
	const char *to = xml_get(r->body, "to"), *version;
	struct stream_header h = { to ? to : s->host, xml_get(r->body, "from"), "1.0",
		xml_lang(r->body) };

	version = bosh_attr(r->body, NS_XBOSH, "version");
	if (version)
		h.version = version;
	if (s->state & (STREAM_AUTH | STREAM_BIND))
		stream_restart(s);
	if (s->state == STREAM_HEADER)
		stream_on_header(s, &h);
	else
		stream_end(s, STREAM_COND_BAD_FORMAT, "no restart is due");
}

/* The next request in order, if it is here, becomes the current one. */
static bool
take_next(struct bosh *b)
{
	struct bosh_request *r = list_first(&b->inbox, struct bosh_request, link);
	struct parse_limits limits = stream_limits(&b->stream);

	if (!r || r->rid != b->next_rid)
		return false;
	list_remove(&r->link);
	b->inbox_count--;
	list_append(&b->held, &r->link);
	b->held_count++;
	b->current = r;
	b->next_rid++;
	r->due = worker_now(b->stream.worker) + b->wait;
	parser_limit(r->parser, &limits);
	bosh_wake(b);
	if (!r->sid || r->restart)
		on_restart(&b->stream, r);
	return true;
}

/* All payload of the current request was handled. */
static void
end_current(struct bosh *b)
{
	struct bosh_request *r = b->current;
	bool was_answered = r->x == NULL && r->rid <= b->last_answered;

	b->current = NULL;
	if (r->pause) {
		b->pausing = true;
		b->pause_for = r->pause_for;
	}
	if (r->terminate)
		stream_end(&b->stream, STREAM_COND_NONE, NULL);
	if (was_answered) {
		b->held_count--;
		bosh_request_free(&r);
	}
	bosh_wake(b);
}

static void
bad_body(struct bosh *b)
{
	b->ending = true;
	b->condition = BOSH_BAD_REQUEST;
	b->current = NULL;
	stream_lost(&b->stream);
	bosh_wake(b);
}

static bool
next(struct stream *s)
{
	struct bosh *b = bosh_of(s);
	struct arena *arena = NULL;
	const struct xml *element = NULL;

	if (!b->current)
		return take_next(b);
	switch (parser_next(b->current->parser, &arena, &element)) {
	case PARSED_ELEMENT:
		if (!b->current->restart)
			stream_on_element(s, &arena, element);
		arena_free(&arena);
		return true;
	case PARSED_END:
		end_current(b);
		return true;
	case PARSED_HEADER:
		arena_free(&arena);
		bad_body(b);
		return false;
	case PARSED_MORE:
	case PARSED_FAULT:
		bad_body(b);
		return false;
	}
	return false;
}

static void
nothing(struct stream *s)
{
	(void)s;
}

/* A client without requests ends by itself (inactivity). */
static void
set_idle(struct stream *s, msec_t after)
{
	(void)s;
	(void)after;
}

static struct conn *
channel(const struct stream *s)
{
	(void)s; /* each request may come on another connection */
	return NULL;
}

/* ---- Moving ------------------------------------------------------------------------------ */

/* Left where a session was born. */
struct moved {
	struct hash_node node; /* first: bosh_session.c frees it */
	char sid[sizeof(((struct bosh *)NULL)->sid)];
	struct worker *to;
};

struct journey {
	struct mail mail;
	struct bosh *bosh;
};

static void
bosh_arrived(struct worker *w, struct mail *m)
{
	struct journey *j = CONTAINER(m, struct journey, mail);
	struct bosh *b = j->bosh;

	mem_free(&j);
	hash_add(&bosh_worker(w)->sessions, &b->node, str_of(b->sid));
	stream_arrived(&b->stream, w);
	bosh_wake(b);
}

static void
request_arrived(struct exchange *x, void *ctx)
{
	struct bosh_request *r = ctx;
	struct bosh *b = r->bosh;

	r->x = x;
	bosh_hold(r);
	r->moving = false;
	b->flying--;
	bosh_wake(b);
}

static void
send_requests(struct bosh *b, struct list *requests, struct worker *to)
{
	list_for_each(r, requests, struct bosh_request, link)
	{
		if (!r->x)
			continue;
		r->moving = true;
		b->flying++;
		http_move(r->x, to, request_arrived, r);
	}
}

static void
move(struct stream *s, struct worker *to)
{
	struct bosh *b = bosh_of(s);
	struct journey *j = MEM_NEW(struct journey);
	struct moved *stub = MEM_NEW(struct moved);

	timer_clear(s->worker, &b->timer);
	worker_not_later(s->worker, &b->later);
	hash_remove(&bosh_worker(s->worker)->sessions, &b->node);
	memcpy(stub->sid, b->sid, sizeof(stub->sid));
	stub->to = to;
	hash_add(&bosh_worker(s->worker)->moved, &stub->node, str_of(stub->sid));
	j->mail.open = bosh_arrived;
	j->bosh = b;
	/* The session leaves first, so it is there when its requests come. */
	worker_post(s->worker, to, &j->mail);
	send_requests(b, &b->held, to);
	send_requests(b, &b->inbox, to);
}

const struct transport transport_bosh = {
	.name = "bosh",
	.alone = true,
	.header = put_header,
	.begin = begin,
	.end = end,
	.is_full = is_full,
	.unsent = unsent,
	.close = close_stream,
	.abort = abort_stream,
	.free = free_bosh,
	.next = next,
	.rest = nothing,
	.pause = nothing,
	.resume = nothing,
	.restart = nothing,
	.idle = set_idle,
	.move = move,
	.channel = channel,
};

/* ---- Requests look for their session ----------------------------------------------------------- */

static void
look_there(struct exchange *x, void *ctx)
{
	struct bosh_request *r = ctx;

	r->x = x;
	bosh_find(r);
}

/* Where it may be, if not here; NULL: nowhere. */
static struct worker *
where(const struct worker *here, const char *sid)
{
	struct hash_node *node = hash_find(&bosh_worker(here)->moved, str_of(sid));
	const char *dash = strrchr(sid, '-');
	unsigned long index = dash ? strtoul(dash + 1, NULL, 16) : ULONG_MAX;

	if (node)
		return CONTAINER(node, struct moved, node)->to;
	if (index >= workers_count() || worker_at((unsigned)index) == here)
		return NULL;
	return worker_at((unsigned)index);
}

void
bosh_find(struct bosh_request *r)
{
	struct exchange *x = r->x;
	struct worker *here = http_worker(x), *there;
	struct hash_node *node = hash_find(&bosh_worker(here)->sessions, str_of(r->sid));

	if (node) {
		bosh_take(CONTAINER(node, struct bosh, node), r);
		return;
	}
	there = where(here, r->sid);
	/* It was looked for where it was born, and where that one said. */
	if (!there || r->hops++ == 2) {
		bosh_request_free(&r);
		if (http_admit(x))
			bosh_refuse(x, BOSH_ITEM_NOT_FOUND, false);
		return;
	}
	http_move(x, there, look_there, r);
}

static void
on_request(struct exchange *x)
{
	const struct config *c = config_of(http_worker(x));
	struct bosh_request *r;

	if (!http_origin_is_fine(x)) {
		if (http_admit(x))
			http_reply_status(x, 403);
		return;
	}
	if (!web_is_safe(x) && !http_admit(x))
		return;
	if (!web_admit(x))
		return;
	r = bosh_request_read(x, (size_t)c->c2s.max_stanza_before_auth);
	if (!r)
		return;
	if (r->sid)
		bosh_find(r);
	else if (http_admit(x))
		bosh_create(r);
	else
		bosh_request_free(&r);
}

static const char *
path_of(const struct config *c)
{
	return c->http.bosh;
}

/* A stanza of the largest size, and what is around it. */
static size_t
max_body_of(const struct config *c)
{
	return (size_t)(c->c2s.max_stanza + c->c2s.max_stanza_before_auth);
}

static const struct http_route route = {
	.path_of = path_of,
	.methods = HTTP_POST,
	.max_body_of = max_body_of,
	.cors = CORS_LISTED,
	.quiet = true,
	.admits = true, /* what is not of a session */
	.handle = on_request,
};

/* ---- Start and stop ------------------------------------------------------------------------------ */

void
transport_bosh_init(void)
{
	for (unsigned i = 0; i < workers_count(); i++) {
		hash_init(&bosh_worker(worker_at(i))->sessions);
		hash_init(&bosh_worker(worker_at(i))->moved);
	}
	http_serve(&route, UINT_MAX);
}

/* When there are no more connections, nor any that come. */
static void
give_up(struct bosh *b)
{
	list_for_each(r, &b->held, struct bosh_request, link) r->x = NULL;
	list_for_each(q, &b->inbox, struct bosh_request, link) q->x = NULL;
	b->flying = 0;
	bosh_finish(b, "the server stopped");
}

void
transport_bosh_fini(struct worker *w)
{
	struct bosh_worker *mine = bosh_worker(w);
	struct hash_node *node;

	while ((node = hash_next(&mine->sessions, NULL)) != NULL)
		give_up(CONTAINER(node, struct bosh, node));
	while ((node = hash_next(&mine->moved, NULL)) != NULL) {
		struct moved *stub = CONTAINER(node, struct moved, node);

		hash_remove(&mine->moved, node);
		mem_free(&stub);
	}
	hash_fini(&mine->sessions);
	hash_fini(&mine->moved);
}
