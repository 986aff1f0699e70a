/*
 * bosh_session.c -- sessions of BOSH: which request may come when, and which is answered with what.
 *
 * Answers are made at the end of a turn, so that what a request asks for is in its answer, and all
 * that a turn brings in one.  The newest answers are kept: a client whose connection broke asks
 * again with the same number.  A request whose client went away is not answered before the client
 * comes back, or goes on with the next number; so payload is never spent on it.
 *
 * A session that has ended stays for a moment without its stream's session, to tell the client.
 *
 * Runs on: the stream's worker.
 */
#include "stream/bosh.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "stream/c2s_own.h"
#include "stream/web.h"

/* How long the end is kept for a client that has no request waiting. */
static const msec_t farewell = 10000;

static const struct http_conf *
conf_of(const struct bosh *b)
{
	return &config_of(b->stream.worker)->http;
}

/* ---- Answers ------------------------------------------------------------------------- */

/* What the first answer says of the session (XEP-0124 7.2, XEP-0206 4). */
static void
put_announcement(struct bosh *b, struct buf *out)
{
	b->announced = true;
	stream_put_attr(out, "xmlns:xmpp", NS_XBOSH);
	stream_put_attr(out, "sid", b->sid);
	stream_put_attr(out, "authid", b->authid);
	stream_put_attr(out, "from", b->stream.host);
	if (b->ver[0])
		stream_put_attr(out, "ver", b->ver);
	buf_printf(out, " wait='%lld' hold='%u' requests='%u' inactivity='%lld'",
		(long long)(b->wait / SECONDS(1)), b->hold, b->window,
		(long long)(b->inactivity / SECONDS(1)));
	if (b->hold == 0)
		buf_printf(out, " polling='%d'", BOSH_POLLING);
	if (conf_of(b)->bosh_max_pause > 0)
		buf_printf(out, " maxpause='%lld'",
			(long long)(conf_of(b)->bosh_max_pause / SECONDS(1)));
	buf_put_lit(out, " xmpp:version='1.0' xmpp:restartlogic='true'");
}

static void
put_end(struct bosh *b, struct buf *out)
{
	b->told_end = true;
	stream_put_attr(out, "type", "terminate");
	if (b->condition != BOSH_NO_COND)
		stream_put_attr(out, "condition", bosh_cond_name(b->condition));
}

/* The newest number that came with all before it, if the answer to rid does not say that already
 * (XEP-0124 9.1). */
static void
put_ack(const struct bosh *b, struct buf *out, uint64_t rid)
{
	if (b->acks && (b->next_rid - 1 != rid || !b->announced))
		buf_printf(out, " ack='%llu'", (unsigned long long)(b->next_rid - 1));
}

enum content { WITH_PAYLOAD, WITHOUT_PAYLOAD };

/* The answer to rid, which is kept. */
static struct str
make_answer(struct bosh *b, uint64_t rid, enum content what)
{
	struct bosh_answer *a = &b->answers[rid % b->window];
	bool with = what == WITH_PAYLOAD && buf_len(&b->out) > 0;

	a->rid = rid;
	buf_fini(&a->body);
	buf_put_lit(&a->body, "<body xmlns='" NS_BOSH "'");
	put_ack(b, &a->body, rid);
	if (with && b->stream.state != STREAM_BOUND)
		buf_put_lit(&a->body, " xmlns:stream='" NS_STREAM "'");
	if (!b->announced)
		put_announcement(b, &a->body);
	if (b->ending && !b->told_end && what == WITH_PAYLOAD)
		put_end(b, &a->body);
	if (with) {
		buf_put_char(&a->body, '>');
		buf_put_str(&a->body, buf_str(&b->out));
		buf_put_lit(&a->body, "</body>");
		buf_fini(&b->out);
	} else {
		buf_put_lit(&a->body, "/>");
	}
	b->last_answered = rid;
	return buf_str(&a->body);
}

/* Answers x, which asked with rid. */
static void
give(struct bosh *b, struct exchange *x, uint64_t rid, enum content what)
{
	struct str body;

	if (b->ending && !b->told_end && !b->ver[0] && bosh_cond_is_old(b->condition)) {
		b->told_end = true;
		bosh_refuse(x, b->condition, true);
		return;
	}
	body = make_answer(b, rid, what);
	bosh_reply(x, b->content, body);
}

static void
drop_held(struct bosh *b, struct bosh_request *r)
{
	if (b->current == r)
		b->current = NULL;
	b->held_count--;
	bosh_request_free(&r);
}

/* The oldest request gets its answer. */
static void
answer(struct bosh *b, struct bosh_request *r, enum content what)
{
	struct exchange *x = r->x;

	r->x = NULL;
	if (x)
		give(b, x, r->rid, what);
	else
		(void)make_answer(b, r->rid, what);
	if (r == b->current)
		return; /* its payload goes on being handled */
	drop_held(b, r);
}

/* ---- What is due ----------------------------------------------------------------------- */

static bool
is_due(const struct bosh *b, const struct bosh_request *r)
{
	return b->ending || b->pausing || buf_len(&b->out) > 0 || b->held_count > b->hold ||
	       worker_now(b->stream.worker) >= r->due;
}

/* Some of them have a client behind them. */
static bool
is_heard(const struct list *requests)
{
	list_for_each(r, requests, struct bosh_request, link)
	{
		if (r->x)
			return true;
	}
	return false;
}

static void
answer_what_is_due(struct bosh *b)
{
	list_for_each(r, &b->held, struct bosh_request, link)
	{
		if (r->moving || (r == b->current && !r->x) || !is_due(b, r))
			return;
		if (!r->x && b->held_count == 1 && !b->ending)
			return; /* the client comes back for it */
		answer(b, r, r->x && !r->pause ? WITH_PAYLOAD : WITHOUT_PAYLOAD);
	}
}

static void
run_later(struct worker *w, struct later *l)
{
	struct bosh *b = CONTAINER(l, struct bosh, later);

	(void)w;
	answer_what_is_due(b);
	b->pausing = false;
	if (b->gone || (b->told_end && b->flying == 0))
		bosh_finish(b, "done");
	else
		bosh_arm(b);
}

void
bosh_wake(struct bosh *b)
{
	worker_later(b->stream.worker, &b->later);
}

/* ---- Time ------------------------------------------------------------------------------ */

static msec_t
next_due(struct bosh *b)
{
	msec_t now = worker_now(b->stream.worker);

	if (is_heard(&b->held)) {
		b->quiet_since = 0;
		return CONTAINER(b->held.next, struct bosh_request, link)->due;
	}
	if (b->stream.paused && is_heard(&b->inbox))
		b->quiet_since = 0; /* it is us who let them wait */
	if (b->quiet_since == 0)
		b->quiet_since = now;
	if (b->ending)
		return b->quiet_since + (c2s_worker(b->stream.worker)->stopping ? 0 : farewell);
	return b->quiet_since + (b->pause_for > 0 ? b->pause_for : b->inactivity);
}

static void
on_timer(struct worker *w, struct timer *t)
{
	struct bosh *b = CONTAINER(t, struct bosh, timer);

	if (is_heard(&b->held)) {
		bosh_wake(b);
	} else if (worker_now(w) < next_due(b)) {
		bosh_arm(b);
	} else {
		stream_lost(&b->stream);
		bosh_finish(b, b->ending ? "done" : "the client made no more requests");
	}
}

void
bosh_arm(struct bosh *b)
{
	msec_t due = next_due(b), now = worker_now(b->stream.worker);

	timer_set(b->stream.worker, &b->timer, due > now ? due - now : 0, on_timer);
}

/* ---- The end ----------------------------------------------------------------------------- */

/* Requests that nothing is left for. */
static void
turn_away(struct list *requests)
{
	list_for_each(r, requests, struct bosh_request, link)
	{
		struct exchange *x = r->x;

		bosh_request_free(&r);
		if (x)
			bosh_refuse(x, BOSH_ITEM_NOT_FOUND, false);
	}
}

struct parting {
	struct mail mail;
	char sid[sizeof(((struct bosh *)NULL)->sid)];
};

static void
forget_moved(struct worker *w, const char *sid)
{
	struct hash *moved = &bosh_worker(w)->moved;
	struct hash_node *node = hash_find(moved, str_of(sid));
	void *own = node;

	if (!node)
		return;
	hash_remove(moved, node);
	mem_free(&own); /* struct moved begins with its node */
}

static void
on_parting(struct worker *w, struct mail *m)
{
	struct parting *p = CONTAINER(m, struct parting, mail);

	forget_moved(w, p->sid);
	mem_free(&p);
}

static void
leave_tables(struct bosh *b)
{
	struct worker *w = b->stream.worker;
	struct parting *p;

	hash_remove(&bosh_worker(w)->sessions, &b->node);
	/* Also when no worker runs any more: then each drops its own. */
	if (worker_is_here(b->born))
		return;
	p = MEM_NEW(struct parting);
	p->mail.open = on_parting;
	memcpy(p->sid, b->sid, sizeof(p->sid));
	worker_post(w, b->born, &p->mail);
}

void
bosh_finish(struct bosh *b, const char *why)
{
	b->gone = true;
	if (b->flying > 0)
		return; /* comes again with the last of them */
	timer_clear(b->stream.worker, &b->timer);
	worker_not_later(b->stream.worker, &b->later);
	b->current = NULL;
	turn_away(&b->held);
	turn_away(&b->inbox);
	leave_tables(b);
	for (size_t i = 0; i < BOSH_REQUESTS_MAX; i++)
		buf_fini(&b->answers[i].body);
	buf_fini(&b->out);
	stream_over(&b->stream, why);
}

/* Ends the session because of what the client did with its requests. */
static void
violate(struct bosh *b, enum bosh_cond c)
{
	b->condition = c;
	b->ending = true;
	log_info(AREA_C2S, b->stream.info.id, "ended the session with %s", bosh_cond_name(c));
	buf_clear(&b->out);
	stream_lost(&b->stream);
	bosh_wake(b);
}

/* ---- Requests come ------------------------------------------------------------------------- */

static void
on_gone(struct exchange *x, void *ctx)
{
	struct bosh_request *r = ctx;

	(void)x;
	r->x = NULL;
	log_debug(AREA_C2S, r->bosh->stream.info.id, "lost the client of request %llu",
		(unsigned long long)r->rid);
	bosh_wake(r->bosh);
}

void
bosh_hold(struct bosh_request *r)
{
	http_hold(r->x, on_gone, r);
}

static struct bosh_request *
find_rid(struct list *requests, uint64_t rid)
{
	list_for_each(r, requests, struct bosh_request, link)
	{
		if (r->rid == rid)
			return r;
	}
	return NULL;
}

/* The same request again, while the first waits: the newest gets the answer (XEP-0124 14.3). */
static void
replace(struct bosh_request *waits, struct bosh_request *again)
{
	struct bosh *b = waits->bosh;
	struct exchange *old = waits->x;

	if (waits->moving) {
		old = again->x; /* the first cannot be touched now */
	} else {
		waits->x = again->x;
		bosh_hold(waits);
	}
	bosh_request_free(&again);
	if (old)
		bosh_reply(old, b->content, STR("<body xmlns='" NS_BOSH "' type='error'/>"));
	bosh_wake(b);
}

/* An answered request again. */
static void
repeat(struct bosh *b, struct bosh_request *again)
{
	const struct bosh_answer *a = &b->answers[again->rid % b->window];
	struct exchange *x = again->x;

	if (a->rid == again->rid)
		bosh_reply(x, b->content, buf_str(&a->body));
	else
		bosh_refuse(x, BOSH_ITEM_NOT_FOUND, !b->ver[0]);
	bosh_request_free(&again);
}

static void
park(struct bosh *b, struct bosh_request *r)
{
	struct list *at = b->inbox.next;

	while (at != &b->inbox && CONTAINER(at, struct bosh_request, link)->rid < r->rid)
		at = at->next;
	list_append(at, &r->link); /* before it */
	b->inbox_count++;
	r->bosh = b;
	bosh_hold(r);
}

/* What the client has by now need not be kept. */
static void
take_acks(struct bosh *b, const struct bosh_request *r)
{
	uint64_t acked;

	if (!b->acks || !str_uint(str_of(xml_get(r->body, "ack")), BOSH_RID_MAX, &acked))
		return;
	for (size_t i = 0; i < BOSH_REQUESTS_MAX; i++) {
		if (b->answers[i].rid != 0 && b->answers[i].rid <= acked)
			buf_fini(&b->answers[i].body);
		if (b->answers[i].rid <= acked)
			b->answers[i].rid = 0;
	}
}

/* Requests whose client waits, or that we know nothing better of. */
static unsigned
unanswered(const struct bosh *b)
{
	const struct bosh_request *c = b->current;
	bool answered = c && !c->x && c->rid <= b->last_answered;

	return b->held_count + b->inbox_count - (answered ? 1 : 0);
}

/* Why a new request may not come; BOSH_NO_COND: it may. */
static enum bosh_cond
judge(struct bosh *b, const struct bosh_request *r)
{
	msec_t now = worker_now(b->stream.worker), last = b->last_empty;
	unsigned allowed = b->window + (r->pause || r->terminate);

	if (r->rid >= b->next_rid + allowed)
		return BOSH_ITEM_NOT_FOUND;
	if (unanswered(b) + 1 > allowed)
		return BOSH_POLICY_VIOLATION;
	if (r->pause && (r->pause_for < 0 || r->pause_for > conf_of(b)->bosh_max_pause))
		return BOSH_POLICY_VIOLATION;
	b->last_empty = r->empty ? now : 0;
	if (b->hold == 0 && r->empty && last != 0 && now - last < SECONDS(BOSH_POLLING) &&
		buf_len(&b->out) == 0)
		return BOSH_POLICY_VIOLATION;
	return BOSH_NO_COND;
}

/* A request of a session that is over gets its end. */
static void
take_last(struct bosh *b, struct bosh_request *r)
{
	give(b, r->x, r->rid, WITH_PAYLOAD);
	bosh_request_free(&r);
	bosh_wake(b);
}

void
bosh_take(struct bosh *b, struct bosh_request *r)
{
	struct bosh_request *waits = find_rid(&b->held, r->rid);
	size_t size = r->size;
	enum bosh_cond c;

	if (!waits)
		waits = find_rid(&b->inbox, r->rid);
	if (b->secure && !r->secure) {
		http_drop(r->x);
		bosh_request_free(&r);
	} else if (waits) {
		replace(waits, r);
	} else if (r->rid < b->next_rid) {
		repeat(b, r);
	} else if (b->ending) {
		take_last(b, r);
	} else if ((c = judge(b, r)) != BOSH_NO_COND) {
		violate(b, c);
		take_last(b, r);
	} else {
		take_acks(b, r);
		park(b, r);
		b->pause_for = 0;
		bosh_wake(b);
		stream_received(&b->stream, size); /* may take b to another worker */
	}
}

/* ---- A session begins ------------------------------------------------------------------------ */

/* The lower version of both (XEP-0124 7.1); nothing if the client has none. */
static void
choose_version(struct bosh *b, const char *text)
{
	struct str minor = str_of(text), major = str_cut(&minor, '.');
	uint64_t n;

	if (!text || !str_is(major, "1") || !str_uint(minor, 1000, &n))
		n = 6;
	if (text)
		(void)snprintf(b->ver, sizeof(b->ver), "1.%u", (unsigned)(n < 11 ? n : 11));
}

static void
name_session(struct bosh *b, struct worker *w)
{
	char one[RAND_ID_SIZE], two[RAND_ID_SIZE];

	rand_id(one);
	rand_id(two);
	(void)snprintf(b->sid, sizeof(b->sid), "%s%s-%x", one, two, worker_index(w));
	b->born = w;
	hash_add(&bosh_worker(w)->sessions, &b->node, str_of(b->sid));
}

static enum bosh_cond
judge_address(const struct bosh_request *r)
{
	const char *to = xml_get(r->body, "to"), *domain;

	if (!to || !to[0])
		return BOSH_IMPROPER_ADDRESSING;
	domain = jid_prep_domain(r->arena, str_of(to));
	return domain && config_host(config_of(http_worker(r->x)), str_of(domain))
		       ? BOSH_NO_COND
		       : BOSH_HOST_UNKNOWN;
}

static bool
is_content_type(const char *text)
{
	if (!text || !text[0] || strlen(text) > 100)
		return false;
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

static void
take_wishes(struct bosh *b, const struct bosh_request *r)
{
	const char *content = xml_get(r->body, "content");
	const struct http_conf *conf = conf_of(b);
	uint64_t hold;

	b->wait = bosh_seconds(r->body, "wait", conf->bosh_wait, conf->bosh_wait);
	if (!str_uint(str_of(xml_get(r->body, "hold")), UINT32_MAX, &hold))
		hold = 1;
	b->hold = b->wait == 0 ? 0 : hold < BOSH_HOLD_MAX ? (unsigned)hold : BOSH_HOLD_MAX;
	b->window = b->hold + 1;
	b->inactivity = conf->bosh_inactivity;
	b->acks = text_eq(xml_get(r->body, "ack"), "1");
	b->content = mem_copy_text(is_content_type(content) ? content : "text/xml; charset=utf-8");
	choose_version(b, xml_get(r->body, "ver"));
}

void
bosh_create(struct bosh_request *r)
{
	struct worker *w = http_worker(r->x);
	enum bosh_cond c = judge_address(r);
	struct exchange *x = r->x;
	size_t size = r->size;
	struct bosh *b;

	if (c != BOSH_NO_COND || c2s_worker(w)->stopping) {
		bosh_request_free(&r);
		bosh_refuse(x, c != BOSH_NO_COND ? c : BOSH_SYSTEM_SHUTDOWN, false);
		return;
	}
	b = MEM_NEW(struct bosh);
	list_init(&b->inbox);
	list_init(&b->held);
	b->later.run = run_later;
	web_describe(&b->stream, "bosh", http_request(x), NULL);
	b->secure = r->secure;
	b->next_rid = r->rid;
	stream_start(&b->stream, &transport_bosh, w);
	take_wishes(b, r);
	name_session(b, w);
	park(b, r);
	bosh_wake(b);
	stream_received(&b->stream, size);
}
