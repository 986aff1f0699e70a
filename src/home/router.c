/*
 * router.c -- stanzas on their way to homes.
 *
 * A stanza travels as a parcel, one for many as a bundle for each worker, several for one as a
 * series.  All are mail, also to the worker that posts them, so that nothing is delivered inside the call that sends it.  Where an
 * address belongs is looked up twice: by the sender to find the worker, and at the home's worker,
 * whose configuration may be a newer one.
 *
 * Receipts for sessions of other workers gather until the turn ends and go as one mail for each
 * worker.
 *
 * Runs on: any worker.
 */
#include "home/router.h"

#include "base/mem.h"
#include "home/account.h"
#include "home/gate.h"
#include "home/job.h"
#include "home/local.h"
#include "home/restart.h"
#include "run/fence.h"
#include "run/place.h"

#include <assert.h>
#include <string.h>

#define SERVICES_MAX 32
#define RECEIPTS_MAX 64 /* in one mail */

struct parcel {
	struct mail mail;
	struct home_wait wait;
	const struct stanza *stanza;
	struct receipt receipt;
};

/* Its addresses' texts lie behind the array. */
struct bundle {
	struct mail mail;
	const struct stanza *stanza;
	size_t count;
	struct jid to[];
};

/* Its address's text lies behind the list. */
struct series {
	struct mail mail;
	struct jid to;
	size_t count;
	const struct stanza *list[];
};

struct receipts {
	struct mail mail;
	unsigned count;
	struct receipt list[RECEIPTS_MAX];
};

static const struct receipt nobody_waits;

static struct service services[SERVICES_MAX];
static unsigned services_count;

void
service_add(const struct service *s)
{
	assert(services_count < SERVICES_MAX);
	services[services_count++] = *s;
}

/* ---- Where an address belongs ------------------------------------------------- */

/* host NULL: remote.  service NULL: the host itself, or its accounts. */
struct target {
	const struct host *host;
	const struct service *service;
};

static struct target
target_of(const struct worker *w, struct str domain)
{
	struct target t = { config_host(config_of(w), domain), NULL };

	for (unsigned i = 0; !t.host && i < services_count; i++) {
		const struct service *s = &services[i];

		if (s->domain && !str_is(domain, s->domain))
			continue;
		t.host = s->host(w, domain);
		t.service = t.host ? s : NULL;
	}
	return t;
}

const struct host *
route_host(const struct worker *w, struct str domain)
{
	return target_of(w, domain).host;
}

static const struct home_kind *
kind_of(const struct target *t)
{
	return t->service ? t->service->kind : &account_kind;
}

/* ---- Receipts ------------------------------------------------------------------- */

static void
settle(struct worker *w, const struct receipt *r)
{
	struct session *s = session_find(w, r->slot, r->generation);

	if (s)
		session_settle(s, r->sequence);
}

static void
receipts_open(struct worker *w, struct mail *m)
{
	struct receipts *list = CONTAINER(m, struct receipts, mail);

	for (unsigned i = 0; i < list->count; i++)
		settle(w, &list->list[i]);
	mem_free(&list);
}

static void
receipts_send(struct worker *w, unsigned to)
{
	struct receipts *list = local_of(w)->receipts[to];

	if (!list)
		return;
	local_of(w)->receipts[to] = NULL;
	worker_post(w, worker_at(to), &list->mail);
}

static void
receipts_send_all(struct worker *w, struct later *later)
{
	(void)later;
	for (unsigned i = 0; i < workers_count(); i++)
		receipts_send(w, i);
}

void
receipt_give(struct worker *w, const struct receipt *r)
{
	struct local *l = local_of(w);
	struct receipts **list;

	if (!r || !r->worker || l->closing)
		return;
	if (r->worker == w) {
		settle(w, r);
		return;
	}
	list = &l->receipts[worker_index(r->worker)];
	if (!*list) {
		*list = MEM_NEW(struct receipts);
		(*list)->mail.open = receipts_open;
		l->receipts_later.run = receipts_send_all;
		worker_later(w, &l->receipts_later);
	}
	(*list)->list[(*list)->count++] = *r;
	if ((*list)->count == RECEIPTS_MAX)
		receipts_send(w, worker_index(r->worker));
}

struct owed {
	struct fence fence;
	struct receipt receipt;
};

static void
owed_due(struct worker *w, struct fence *f)
{
	struct owed *owed = CONTAINER(f, struct owed, fence);

	if (local_of(w))
		receipt_give(w, &owed->receipt);
	mem_free(&owed);
}

void
receipt_give_behind(struct worker *w, const struct receipt *r)
{
	struct owed *owed;

	if (!r || !r->worker || local_of(w)->closing)
		return;
	owed = MEM_NEW(struct owed);
	owed->fence.passed = owed_due;
	owed->receipt = *r;
	fence_raise(w, &owed->fence);
}

void
receipts_fini(struct local *l)
{
	for (unsigned i = 0; i < workers_count(); i++)
		mem_free(&l->receipts[i]);
	mem_free(&l->receipts);
}

/* ---- Answers ---------------------------------------------------------------------- */

void
route_answer(struct worker *w, const struct stanza **answer)
{
	const struct stanza *out = *answer;

	if (jid_is_none(out->from)) {
		out = stanza_readdress(*answer, jid_bare((*answer)->to), (*answer)->to);
		stanza_unref(answer);
	}
	*answer = NULL;
	route(w, &out, NULL);
}

void
route_bounce(struct worker *w, const struct stanza *s, enum cond c, const char *text,
	const struct receipt *r)
{
	const struct stanza *error = stanza_error(s, c, text, NULL);

	if (error)
		route_answer(w, &error);
	receipt_give(w, r);
}

/* Presence that nobody waits an answer for. */
static bool
is_idle_presence(const struct stanza *s)
{
	if (s->kind != STANZA_PRESENCE)
		return false;
	return s->type == PRESENCE_UNAVAILABLE || s->type == PRESENCE_PROBE ||
	       s->type == PRESENCE_ERROR;
}

void
route_refuse(struct worker *w, const struct stanza *s, enum cond c, const struct receipt *r)
{
	if (is_idle_presence(s))
		receipt_give(w, r);
	else
		route_bounce(w, s, c, NULL, r);
}

/* ---- What homes do not answer ------------------------------------------------------ */

/* To a domain of ours, or domain/resource (RFC 6120 10.5.1, 10.5.2). */
static void
to_domain(struct worker *w, const struct target *t, const struct stanza *s, const struct receipt *r)
{
	if (t->service && t->service->stanza)
		t->service->stanza(w, t->host, s, r);
	else if (s->kind == STANZA_PRESENCE)
		receipt_give(w, r);
	else if (t->service || !stanza_is_request(s) || jid_is_full(s->to))
		route_bounce(w, s, COND_SERVICE_UNAVAILABLE, NULL, r);
	else
		iq_dispatch(w, t->host, NULL, NULL, TO_HOST, s, r);
}

/* ---- One for one --------------------------------------------------------------------- */

static void
parcel_free(struct parcel *p)
{
	stanza_unref(&p->stanza);
	mem_free(&p);
}

static void
parcel_ready(struct home *h, struct home_wait *wait, bool ok)
{
	struct parcel *p = CONTAINER(wait, struct parcel, wait);

	if (ok && !gate_is_full(h))
		h->kind->stanza(h, p->stanza, &p->receipt);
	else
		route_refuse(h->worker, p->stanza, COND_RESOURCE_CONSTRAINT, &p->receipt);
	parcel_free(p);
}

/* Nobody is there to see presence that comes to an account in the cold: not worth loading it. */
static bool
is_wasted(
	const struct worker *w, const struct stanza *s, const struct home_kind *kind, struct jid to)
{
	return kind == &account_kind && s->kind == STANZA_PRESENCE &&
	       (s->type == PRESENCE_AVAILABLE || s->type == PRESENCE_UNAVAILABLE ||
		       s->type == PRESENCE_ERROR) &&
	       !restart_waits(w, jid_bare_str(to));
}

/* The stanza to a warm home, or to nobody; false: its home must be waited for. */
static bool
arrive(struct worker *w, const struct home_kind *kind, const struct stanza *s,
	const struct receipt *r)
{
	struct home *h = home_find(w, jid_bare_str(s->to));

	if (h && h->state == HOME_WARM) {
		home_touch(h);
		if (gate_is_full(h))
			route_refuse(w, s, COND_RESOURCE_CONSTRAINT, r);
		else
			h->kind->stanza(h, s, r);
		return true;
	}
	if (!is_wasted(w, s, kind, s->to))
		return false;
	receipt_give(w, r);
	return true;
}

static void
parcel_arrived(struct worker *w, struct parcel *p)
{
	struct target t = target_of(w, jid_domain(p->stanza->to));

	if (!t.host) {
		route_refuse(w, p->stanza, COND_REMOTE_SERVER_NOT_FOUND, &p->receipt);
		parcel_free(p);
	} else if (arrive(w, kind_of(&t), p->stanza, &p->receipt)) {
		parcel_free(p);
	} else {
		p->wait.ready = parcel_ready;
		home_with(w, kind_of(&t), jid_bare(p->stanza->to), &p->wait);
	}
}

static void
parcel_open(struct worker *w, struct mail *m)
{
	struct parcel *p = CONTAINER(m, struct parcel, mail);

	if (local_of(w))
		parcel_arrived(w, p);
	else
		parcel_free(p);
}

/* Takes *s. */
static struct parcel *
parcel_new(const struct stanza **s, const struct receipt *r)
{
	struct parcel *p = MEM_NEW(struct parcel);

	p->mail.open = parcel_open;
	p->stanza = *s;
	p->receipt = *r;
	*s = NULL;
	return p;
}

void
route(struct worker *w, const struct stanza **s, const struct receipt *r)
{
	struct jid to = (*s)->to;
	struct target t;

	r = r ? r : &nobody_waits;
	assert(worker_is_here(w));
	assert(!jid_is_none(to) && !jid_is_none((*s)->from));
	if (local_of(w)->closing) {
		stanza_unref(s);
		return;
	}
	t = target_of(w, jid_domain(to));
	if (t.host && to.local > 0) {
		worker_post(w, place_of(jid_bare_str(to)), &parcel_new(s, r)->mail);
		return;
	}
	if (t.host)
		to_domain(w, &t, *s, r);
	else
		route_refuse(w, *s, COND_REMOTE_SERVER_NOT_FOUND, r);
	stanza_unref(s);
}

/* ---- One for many --------------------------------------------------------------------- */

/* The target's own envelope, to a home that is not warm. */
static void
wait_with(struct worker *w, const struct home_kind *kind, const struct stanza *s)
{
	const struct stanza *mine = stanza_ref(s);
	struct parcel *p = parcel_new(&mine, &nobody_waits);

	p->wait.ready = parcel_ready;
	home_with(w, kind, jid_bare(s->to), &p->wait);
}

static void
unpack(struct worker *w, const struct stanza *s, struct jid to)
{
	struct home *h = home_find(w, jid_bare_str(to));
	AUTO(stanza_unref) const struct stanza *mine = NULL;
	struct target t;

	if (h && h->state == HOME_WARM && h->kind == &account_kind &&
		account_of(h)->sessions_count == 0 && is_wasted(w, s, h->kind, to))
		return;
	if (!h && s->kind == STANZA_PRESENCE && is_wasted(w, s, &account_kind, to) &&
		config_host(config_of(w), jid_domain(to)))
		return;
	mine = stanza_readdress(s, s->from, to);
	if (h && h->state == HOME_WARM) {
		(void)arrive(w, h->kind, mine, &nobody_waits);
		return;
	}
	t = target_of(w, jid_domain(to));
	if (!t.host)
		route_refuse(w, mine, COND_REMOTE_SERVER_NOT_FOUND, &nobody_waits);
	else if (!arrive(w, kind_of(&t), mine, &nobody_waits))
		wait_with(w, kind_of(&t), mine);
}

static void
bundle_open(struct worker *w, struct mail *m)
{
	struct bundle *b = CONTAINER(m, struct bundle, mail);

	for (size_t i = 0; local_of(w) && i < b->count; i++)
		unpack(w, b->stanza, b->to[i]);
	stanza_unref(&b->stanza);
	mem_free(&b);
}

/* What does not go to a home here; presence to a server that is not there ends silently. */
static void
send_alone(struct worker *w, const struct stanza *s, struct jid to)
{
	const struct stanza *mine;

	if (s->kind == STANZA_PRESENCE && !route_host(w, jid_domain(to)))
		return;
	mine = stanza_readdress(s, s->from, to);
	route(w, &mine, NULL);
}

struct share {
	size_t count, bytes;
	struct bundle *bundle;
	char *text;
};

static void
pack(struct share *share, const struct stanza *s, struct jid to)
{
	struct str text = jid_full(to);
	struct bundle *b = share->bundle;

	if (!b) {
		b = mem_new(sizeof(*b) + share->count * sizeof(struct jid) + share->bytes);
		b->mail.open = bundle_open;
		b->stanza = stanza_ref(s);
		share->text = (char *)&b->to[share->count];
		share->bundle = b;
	}
	memcpy(share->text, text.p, text.n);
	to.text = share->text;
	b->to[b->count++] = to;
	share->text += text.n + 1;
}

void
route_many(struct worker *w, const struct stanza *s, const struct jid *to, size_t count)
{
	struct share *shares;
	unsigned short *places;

	assert(worker_is_here(w));
	if (count == 0 || local_of(w)->closing)
		return;
	shares = mem_new(workers_count() * sizeof(*shares));
	places = mem_new(count * sizeof(*places));
	for (size_t i = 0; i < count; i++) {
		struct share *share;

		places[i] = WORKERS_MAX;
		if (to[i].local == 0 || !route_host(w, jid_domain(to[i])))
			continue;
		places[i] = (unsigned short)worker_index(place_of(jid_bare_str(to[i])));
		share = &shares[places[i]];
		share->count++;
		share->bytes += jid_full(to[i]).n + 1;
	}
	for (size_t i = 0; i < count; i++) {
		if (places[i] == WORKERS_MAX)
			send_alone(w, s, to[i]);
		else
			pack(&shares[places[i]], s, to[i]);
	}
	for (unsigned i = 0; i < workers_count(); i++) {
		if (shares[i].bundle)
			worker_post(w, worker_at(i), &shares[i].bundle->mail);
	}
	mem_free(&shares);
	mem_free(&places);
}

/* ---- Several for one -------------------------------------------------------------------- */

static void
series_open(struct worker *w, struct mail *m)
{
	struct series *s = CONTAINER(m, struct series, mail);

	for (size_t i = 0; i < s->count; i++) {
		if (local_of(w))
			unpack(w, s->list[i], s->to);
		stanza_unref(&s->list[i]);
	}
	mem_free(&s);
}

void
route_series(struct worker *w, const struct stanza *const *list, size_t count, struct jid to)
{
	struct str text = jid_full(to);
	struct series *s;

	assert(worker_is_here(w));
	if (count == 0 || local_of(w)->closing)
		return;
	if (to.local == 0 || !route_host(w, jid_domain(to))) {
		for (size_t i = 0; i < count; i++)
			send_alone(w, list[i], to);
		return;
	}
	s = mem_new(sizeof(*s) + count * sizeof(s->list[0]) + text.n + 1);
	s->mail.open = series_open;
	s->to = to;
	s->to.text = memcpy(&s->list[count], text.p, text.n);
	s->count = count;
	for (size_t i = 0; i < count; i++)
		s->list[i] = stanza_ref(list[i]);
	worker_post(w, place_of(jid_bare_str(to)), &s->mail);
}
