/*
 * presence.c -- users with contacts: making the rosters, and the presence storm.
 *
 * The contacts of user i are the users next to it on a ring, half on either
 * side, so that everybody has the same number and every contact is mutual.
 * Rosters are made by the clients themselves, one request at a time for each
 * user: subscribe to every contact, grant what is asked for.  That costs every
 * server the same number of stanzas and needs no import format.
 *
 * The storm is measured in two parts: all users log in, until each has seen all
 * its contacts, and then all of them change their presence, round after round.
 *
 * Runs on: the one thread of the load generator.
 */
#include "crowd.h"
#include "hist.h"
#include "scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HAS_TO = 1, HAS_FROM = 2, HAS_SEEN = 4 };

struct user {
	unsigned char *contact; /* bits for each contact */
	unsigned to, both, seen; /* how many have the subscription, are mutual, were seen */
	unsigned next; /* next contact to subscribe to */
	bool waiting; /* for an answer to a subscription */
};

struct ring {
	struct user *users;
	unsigned n, contacts;
	unsigned done; /* users that have all of what is waited for */
	unsigned round; /* the broadcast that is counted */
	uint64_t presences, in_round;
};

/* The user that is contact k of user i. */
static unsigned
contact_at(const struct ring *r, unsigned i, unsigned k)
{
	unsigned half;

	half = r->contacts / 2;
	return k < half ? (i + k + 1) % r->n : (i + r->n - (k - half) - 1) % r->n;
}

/* Which contact of user i is user j?  r->contacts when it is none. */
static unsigned
contact_of(const struct ring *r, unsigned i, unsigned j)
{
	unsigned half, ahead;

	half = r->contacts / 2;
	ahead = (j + r->n - i) % r->n;
	if (ahead >= 1 && ahead <= half)
		return ahead - 1;
	if (r->n - ahead <= half && ahead > 0)
		return half + r->n - ahead - 1;
	return r->contacts;
}

/* Number of the user in a JID of ours, r->n when it is a stranger. */
static unsigned
user_in(const struct crowd *w, struct span jid)
{
	const struct ring *r = w->data;
	const char *prefix = w->options->prefix;
	unsigned long v;
	size_t n;

	n = strlen(prefix);
	if (jid.n <= n || memcmp(jid.p, prefix, n) != 0)
		return r->n;
	v = strtoul(jid.p + n, NULL, 10) - w->options->first;
	return v < r->n ? (unsigned)v : r->n;
}

/* Set bits for contact j of user i; returns the bits it had, or all when j is no contact. */
static unsigned
mark(struct crowd *w, unsigned i, struct span jid, unsigned bits)
{
	struct ring *r = w->data;
	unsigned j, k, had;

	j = user_in(w, jid);
	k = j < r->n ? contact_of(r, i, j) : r->contacts;
	if (k == r->contacts)
		return HAS_TO | HAS_FROM | HAS_SEEN;
	had = r->users[i].contact[k];
	r->users[i].contact[k] = (unsigned char)(had | bits);
	return had;
}

static void
ring_init(struct ring *r, const struct options *o)
{
	memset(r, 0, sizeof(*r));
	r->n = o->count;
	r->contacts = o->contacts / 2 * 2;
	r->users = bench_alloc(r->n * sizeof(*r->users));
	for (unsigned i = 0; i < r->n; i++)
		r->users[i].contact = bench_alloc(r->contacts + 1);
}

static void
ring_fini(struct ring *r)
{
	for (unsigned i = 0; i < r->n; i++)
		free(r->users[i].contact);
	free(r->users);
}

static void
send_to(struct conn *c, unsigned user, const char *type)
{
	const struct options *o = c->plan->options;

	buf_printf(conn_out(c), "<presence to='%s%u@%s' type='%s'/>", o->prefix, o->first + user,
		o->host, type);
}

/* Subscribe to the next contact that lacks it. */
static void
subscribe_next(struct conn *c)
{
	struct crowd *w = c->plan->owner;
	struct ring *r = w->data;
	struct user *u = &r->users[c->number];

	while (u->next < r->contacts && (u->contact[u->next] & HAS_TO))
		u->next++;
	u->waiting = u->next < r->contacts;
	if (u->waiting)
		send_to(c, contact_at(r, c->number, u->next), "subscribe");
}

/* Take the items of a roster or of a roster push. */
static void
take_items(struct conn *c, const struct elem *e)
{
	struct crowd *w = c->plan->owner;
	struct ring *r = w->data;
	struct user *u = &r->users[c->number];
	const char *p, *end, *stop;
	struct span way;
	unsigned bits, had;

	end = e->all.p + e->all.n;
	for (p = e->all.p; (p = memmem(p, (size_t)(end - p), "<item ", 6)); p = stop) {
		stop = memchr(p, '>', (size_t)(end - p));
		if (!stop)
			return;
		way = tag_attr(p, (size_t)(stop - p), "subscription");
		bits = span_is(way, "both") ? HAS_TO | HAS_FROM : span_is(way, "to") ? HAS_TO : 0;
		had = mark(w, c->number, tag_attr(p, (size_t)(stop - p), "jid"), bits);
		u->to += (bits & ~had & HAS_TO) != 0;
		u->both += (bits & ~had & HAS_FROM) != 0;
		if ((bits & ~had & HAS_FROM) && u->both == r->contacts)
			r->done++;
	}
}

static void
on_roster_stanza(struct conn *c, const struct elem *e)
{
	struct crowd *w = c->plan->owner;
	struct ring *r = w->data;
	struct user *u = &r->users[c->number];
	unsigned from;

	if (elem_is(e, "iq") && elem_has(e, "jabber:iq:roster")) {
		take_items(c, e);
		if (u->waiting && (u->contact[u->next] & HAS_TO))
			subscribe_next(c);
	} else if (elem_is(e, "presence") && span_is(elem_attr(e, "type"), "subscribe")) {
		from = user_in(w, elem_attr(e, "from"));
		if (from < r->n)
			send_to(c, from, "subscribed");
	}
}

static bool
all_done(const struct crowd *w)
{
	const struct ring *r = w->data;

	return r->done == r->n;
}

int
scenario_rosters(const struct options *o)
{
	uint64_t begin;
	struct crowd w;
	struct ring r;
	bool ok;

	ring_init(&r, o);
	crowd_init(&w, o, o->count);
	w.data = &r;
	w.plan.goal = GOAL_PRESENT;
	w.plan.on_stanza = on_roster_stanza;
	begin = clock_ns();
	ok = crowd_login(&w, o->count);
	for (unsigned i = 0; ok && i < r.n; i++)
		subscribe_next(&w.conns[i]);
	ok = ok && crowd_until(&w, all_done);
	printf("rosters users=%u contacts=%u complete=%u wall_s=%.1f\n", r.n, r.contacts, r.done,
		(double)(clock_ns() - begin) / 1e9);
	crowd_fini(&w);
	ring_fini(&r);
	return ok ? 0 : 1;
}

static void
on_presence(struct conn *c, const struct elem *e)
{
	struct crowd *w = c->plan->owner;
	struct ring *r = w->data;
	struct user *u = &r->users[c->number];
	char tag[32];

	if (!elem_is(e, "presence"))
		return;
	r->presences++;
	if (r->round) {
		snprintf(tag, sizeof(tag), ">round %u<", r->round);
		r->in_round += elem_has(e, tag);
		return;
	}
	if (!(mark(w, c->number, elem_attr(e, "from"), HAS_SEEN) & HAS_SEEN) &&
		++u->seen == r->contacts)
		r->done++;
}

static bool
round_over(const struct crowd *w)
{
	const struct ring *r = w->data;

	return r->in_round >= (uint64_t)r->n * (r->contacts + 1);
}

static bool
play_rounds(struct crowd *w)
{
	struct ring *r = w->data;

	for (unsigned k = 1; k <= w->options->rounds; k++) {
		r->round = k;
		r->in_round = 0;
		for (unsigned i = 0; i < r->n; i++)
			buf_printf(conn_out(&w->conns[i]),
				"<presence><show>away</show><status>round %u</status></presence>",
				k);
		if (!crowd_until(w, round_over))
			return false;
	}
	return true;
}

/* Measure one part of the storm and print its line. */
static bool
measure(struct crowd *w, const char *name, bool (*part)(struct crowd *w))
{
	struct proc_cost from, to;
	struct ring *r = w->data;
	uint64_t begin, before;
	double wall, own;
	bool ok;

	before = r->presences;
	own = proc_own_cpu();
	begin = clock_ns();
	ok = crowd_look(w, &from) && part(w);
	wall = (double)(clock_ns() - begin) / 1e9;
	ok = crowd_for(w, w->options->settle) && crowd_look(w, &to) && ok;
	own = proc_own_cpu() - own;
	before = r->presences - before;
	printf("%s users=%u contacts=%u presences=%" PRIu64 " wall_s=%.2f per_s=%.0f", name, r->n,
		r->contacts, before, wall, (double)before / wall);
	crowd_print_cpu(w, &from, &to);
	if (w->options->pid)
		printf(" per_cpu_s=%.0f", (double)before / proc_cpu(&from, &to));
	printf(" complete=%d client_cpu_s=%.2f ref_us=%.2f\n", ok, own, proc_reference());
	fflush(stdout);
	return ok;
}

static bool
log_in(struct crowd *w)
{
	struct ring *r = w->data;

	if (!crowd_login(w, w->size) || !crowd_until(w, all_done)) {
		fprintf(stderr, "bench: %u of %u users saw all their contacts\n", r->done, r->n);
		return false;
	}
	return true;
}

int
scenario_presence(const struct options *o)
{
	struct crowd w;
	struct ring r;
	bool ok;

	if (!crowd_warm_up(o))
		return 1;
	ring_init(&r, o);
	crowd_init(&w, o, o->count);
	w.data = &r;
	w.plan.goal = GOAL_PRESENT;
	w.plan.on_stanza = on_presence;
	ok = measure(&w, "presence-login", log_in);
	ok = ok && measure(&w, "presence-rounds", play_rounds);
	crowd_fini(&w);
	ring_fini(&r);
	return ok ? 0 : 1;
}
