/*
 * offline.c -- XEP-0160: messages for absent users wait for the next login.
 *
 * What is archived needs no second copy: a mark says up to where all that was received went to a
 * client, and what comes after it waits (home/archive.h, «What nobody got yet»).  The mark moves in
 * memory with each delivery and is written down now and then, and when the last session goes.
 * Where that does not do, there are pointers: to a message of a session that ended and did not
 * acknowledge it, and to those that wait while a later one was delivered.  Messages that are in no
 * archive are kept in a table of this module, under ids of the home.
 *
 * How far messages were delivered is told also on hosts where the module is off, so that it can be turned
 * on; and what it was handing out when it was turned off goes on.
 *
 * A client that reads the history needs none of this: when it becomes available, all that was
 * archived when it read counts as delivered.
 *
 * Runs on: the account's home.
 */
#include "offline.h"

#include "xep/content.h"

#include <string.h>

#define SAVE_AFTER SECONDS(10)
#define LEAVE_AFTER 50
#define COUNT_MAX 100000
#define PASSED_MAX 256

MODULE_SLOT(struct offline)

const struct query offline_queries[] = {
	[OFFLINE_PUT] = { "offline_put",
		"INSERT INTO offline (owner, id, at, stanza) VALUES (?, ?, ?, ?)", NULL },
	[OFFLINE_PAGE] = { "offline_page",
		"SELECT id, at, stanza FROM offline WHERE owner = ? ORDER BY id LIMIT 64", NULL },
	[OFFLINE_DONE] = { "offline_done", "DELETE FROM offline WHERE owner = ? AND id <= ?",
		NULL },
	[OFFLINE_COUNT] = { "offline_count", "SELECT COUNT(*) FROM offline WHERE owner = ?", NULL },
	[OFFLINE_AFTER] = { "offline_after",
		"SELECT id, at, stanza FROM offline WHERE owner = ? AND id > ? ORDER BY id LIMIT 100",
		NULL },
	[OFFLINE_CLEAR] = { "offline_clear", "DELETE FROM offline WHERE owner = ?", NULL },
	END_QUERIES,
};

static step_fn keep, kept, leave, left, leave_all, left_all, counted;

static bool
is_on(const struct host *h)
{
	return host_runs(h, module_state_.index);
}

struct offline *
offline_of(const struct account *a)
{
	struct offline *o = slot_of(a);

	if (!o->account) {
		o->account = account_of(CONTAINER(&a->home.node, struct home, node));
		o->mark = a->home.delivered;
		o->due = a->home.last_id;
		o->behind = o->mark < a->home.last_id;
	}
	return o;
}

/* ---- The mark ------------------------------------------------------------------------ */

int64_t
offline_safe_mark(const struct account *a)
{
	int64_t mark = offline_of(a)->mark;

	for_each_session(s, a) {
		const struct stanza *oldest = session_oldest_unacked(s);
		int64_t id = oldest ? archive_id_of(&a->home, oldest) : 0;

		if (id != 0 && id <= mark)
			mark = id - 1;
	}
	return mark;
}

static void
save_as(struct account *a, int64_t mark)
{
	AUTO(asks_fini) struct asks asks = ASKS_NONE;
	struct str bare = jid_bare_str(a->home.jid);

	timer_clear(a->home.worker, &offline_of(a)->save);
	if (mark <= a->home.delivered)
		return;
	archive_delivered(&a->home, &asks, mark);
	store_ask(a->home.worker, hash_stable(bare.p, bare.n), asks.list, asks.count, NULL, NULL);
	a->home.delivered = mark;
}

static void
save(struct account *a)
{
	save_as(a, offline_safe_mark(a));
}

static void
on_save(struct worker *w, struct timer *t)
{
	(void)w;
	save(CONTAINER(t, struct offline, save)->account);
}

static void
save_later(struct offline *o)
{
	if (!timer_is_set(&o->save))
		timer_set(o->account->home.worker, &o->save, SAVE_AFTER, on_save);
}

/* All that is in the archive was delivered: what the owner sent, too. */
static void
catch_up(struct account *a)
{
	struct offline *o = offline_of(a);
	int64_t last = a->home.gate.count == 0 ? a->home.last_id : o->due;

	if (last > o->mark)
		o->mark = last;
	o->behind = false;
}

/* ---- Pointers ------------------------------------------------------------------------- */

struct pointer {
	int64_t id;
	int64_t after; /* leave_all: up to id, exclusive */
};

static void
start_pointer(struct account *a, struct pointer p, step_fn *first)
{
	struct arena *arena = arena_new(0);
	struct pointer *state = ARENA_NEW(arena, struct pointer);

	*state = p;
	job_start(a, NULL, &arena, state, first);
}

static struct step
leave(struct job *j)
{
	const struct pointer *p = j->state;
	AUTO(asks_fini) struct asks asks = ASKS_NONE;

	/* What is being handed out takes older pointers with it. */
	if (offline_of(j->account)->running)
		return job_sleep(j, leave, LEAVE_AFTER);
	archive_leave(&j->account->home, &asks, p->id);
	return job_query_all(j, left, asks.list, asks.count);
}

static struct step
left(struct job *j)
{
	save_later(offline_of(j->account));
	return job_done(j);
}

static struct step
leave_all(struct job *j)
{
	const struct pointer *p = j->state;
	struct home *h = &j->account->home;
	AUTO(asks_fini) struct asks asks = ASKS_NONE;

	archive_leave_all(h, &asks, p->after, p->id);
	return job_query_else(j, left_all, asks.list, asks.count);
}

static struct step
left_all(struct job *j)
{
	const struct pointer *p = j->state;
	struct offline *o = offline_of(j->account);

	if (j->outcome == STORE_OK) {
		save_later(o);
	} else {
		/* Better twice than never. */
		o->mark = p->after;
		o->behind = true;
	}
	return job_done(j);
}

/* ---- Messages that are not archived ----------------------------------------------------- */

/* A message on its way to the store. */
struct keeping {
	struct receipt receipt;
	int64_t id;
};

static struct step
keep(struct job *j)
{
	AUTO(buf_fini) struct buf out = BUF_INIT;
	const struct keeping *k = j->state;
	struct value args[4] = { of_jid(j->owner), of_int(k->id), of_int(home_id_time(k->id)) };
	struct ask ask = { &offline_queries[OFFLINE_PUT], args, COUNT(args) };

	stanza_write_alone(&out, j->stanza);
	args[3] = of_str(buf_str(&out));
	return job_query_else(j, kept, &ask, 1);
}

static struct step
kept(struct job *j)
{
	const struct keeping *k = j->state;

	if (j->outcome != STORE_OK && j->outcome != STORE_DUPLICATE) {
		route_bounce(j->worker, j->stanza, COND_RESOURCE_CONSTRAINT,
			"the message could not be kept", &k->receipt);
		return job_done(j);
	}
	metric_add(METRIC_OFFLINE_KEPT, 1);
	receipt_give(j->worker, &k->receipt);
	return job_done(j);
}

static enum verdict
take(struct message_event *ev)
{
	struct offline *o = offline_of(ev->account);
	struct arena *arena;
	struct keeping *k;

	if (!content_is_for_later(ev->stanza, content_of(ev->stanza)))
		return PASS;
	arena = arena_new(0);
	k = ARENA_NEW(arena, struct keeping);
	k->receipt = ev->receipt ? *ev->receipt : RECEIPT_NONE;
	/* What is being handed out takes kept messages with smaller ids with it. */
	k->id = ev->place != 0 && !o->running ? ev->place : home_next_id(&ev->account->home);
	o->more = true;
	job_start(ev->account, ev->stanza, &arena, k, keep);
	return STOP;
}

/* ---- What happens ------------------------------------------------------------------------ */

/* Held back while older ones are handed out. */
static enum verdict
on_due(struct message_event *ev)
{
	struct offline *o = offline_of(ev->account);
	int64_t id = ev->archive_id != 0 ? ev->archive_id : ev->place;

	if (!o->flushing ||
		(o->passed_count < PASSED_MAX && !offline_waits_for(ev->account, ev->stanza->to))) {
		if (id > o->due)
			o->due = id;
		return PASS;
	}
	if (ev->archive_id == 0)
		return take(ev);
	o->more = true;
	receipt_give(ev->head.worker, ev->receipt);
	return STOP;
}

static void
note_passed(struct offline *o, int64_t id)
{
	if (!o->passed)
		o->passed = mem_new(PASSED_MAX * sizeof(*o->passed));
	o->passed[o->passed_count++] = id;
}

bool
offline_has_passed(struct offline *o, int64_t id)
{
	size_t smaller = 0;

	if (o->passed_count == 0)
		return false;
	while (smaller < o->passed_count && o->passed[smaller] < id)
		smaller++;
	o->passed_count -= smaller;
	memmove(o->passed, o->passed + smaller, o->passed_count * sizeof(*o->passed));
	return o->passed_count > 0 && o->passed[0] == id;
}

/* It waits for nobody. */
static void
pass_by(const struct message_event *ev)
{
	struct offline *o = offline_of(ev->account);
	int64_t before = o->mark;

	if (ev->archive_id <= before)
		return;
	/* Later ones move the mark behind what is handed out late. */
	if (o->flushing) {
		note_passed(o, ev->archive_id);
		return;
	}
	o->mark = ev->archive_id;
	save_later(o);
	if (o->behind) {
		o->behind = false;
		start_pointer(ev->account, (struct pointer){ ev->archive_id, before }, leave_all);
	}
}

static enum verdict
on_delivered(struct message_event *ev)
{
	if (!ev->late)
		pass_by(ev);
	return PASS;
}

static enum verdict
on_unwanted(struct message_event *ev)
{
	struct offline *o = offline_of(ev->account);

	if (!is_on(ev->head.host)) { /* its sender is told that nobody keeps it */
		pass_by(ev);
		return PASS;
	}
	/* An error would tell that nobody is there. */
	if (content_is_fleeting(ev->stanza, content_of(ev->stanza))) {
		receipt_give(ev->head.worker, ev->receipt);
		return STOP;
	}
	if (ev->archive_id == 0)
		return take(ev);
	/* The mark is behind one that the archive had for a while (message_known). */
	if (o->flushing || ev->archive_id <= o->mark)
		start_pointer(ev->account, (struct pointer){ ev->archive_id, 0 }, leave);
	else
		o->behind = true;
	metric_add(METRIC_OFFLINE_KEPT, 1);
	receipt_give(ev->head.worker, ev->receipt);
	return STOP;
}

static enum verdict
on_unacked(struct message_event *ev)
{
	int64_t id = archive_id_of(&ev->account->home, ev->stanza);

	if (id == 0)
		return take(ev);
	start_pointer(ev->account, (struct pointer){ id, 0 }, leave);
	return STOP;
}

static enum verdict
on_ready(struct session_event *ev)
{
	struct offline *o = offline_of(ev->account);
	const struct session *s = ev->session;

	/* From its beginning; else each message is looked at. */
	if (s->history_to > 0 && s->history_from == 0 && !o->flushing) {
		if (s->history_to > o->mark)
			o->mark = s->history_to;
		o->left_done = s->history_to;
	}
	o->resumes = false;
	offline_flush(ev->account);
	return PASS;
}

static enum verdict
on_revived(struct session_event *ev)
{
	offline_of(ev->account)->resumes = true;
	return PASS;
}

/* One who was away is back. */
static enum verdict
on_flush(struct session_event *ev)
{
	struct offline *o = offline_of(ev->account);

	if (o->flushing || (o->resumes && ev->session->ready))
		offline_flush(ev->account);
	o->resumes = false;
	return PASS;
}

/* What sessions that are kept over the restart did not acknowledge goes with them. */
static void
save_at_end(struct home *h, void *ctx)
{
	struct account *a = account_of(h);
	const struct offline *o = offline_of(a);

	(void)ctx;
	if (a->sessions_count > 0)
		save_as(a, o->flushing || o->behind ? offline_safe_mark(a) : o->mark);
}

static enum verdict
on_stop(struct worker_event *ev)
{
	homes_each(ev->head.worker, &account_kind, save_at_end, NULL);
	return PASS;
}

static enum verdict
on_ended(struct session_event *ev)
{
	const struct offline *o = offline_of(ev->account);

	if (ev->account->sessions_count > 1)
		return PASS;
	if (!o->behind && !o->flushing)
		catch_up(ev->account);
	save(ev->account);
	return PASS;
}

/* Who is there when the module is turned on gets what was kept before it was off. */
static void
flush_ready(struct home *h, void *host)
{
	if (!host_owns(host, h->jid))
		return;
	for_each_session(s, account_of(h)) {
		if (s->ready && !s->ending) {
			offline_flush(account_of(h));
			return;
		}
	}
}

static enum verdict
on_reloaded(struct config_event *ev)
{
	if (ev->head.host && module_came_on(ev, &module_state_))
		homes_each(ev->head.worker, &account_kind, flush_ready,
			(void *)(uintptr_t)ev->head.host);
	return PASS;
}

static void
drop(void *slot)
{
	struct offline *o = slot;

	if (o->account)
		timer_clear(o->account->home.worker, &o->save);
	mem_free(&o->passed);
}

/* ---- Administration ------------------------------------------------------------- */

struct count_args {
	const char *user, *host;
};

static const struct field count_fields[] = {
	TEXT_FIELD(struct count_args, user, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Name of the account"),
	TEXT_FIELD(struct count_args, host, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "Its virtual host"),
	END_FIELDS,
};

static struct step
count_run(struct job *j)
{
	struct value *owner = ARENA_NEW(j->arena, struct value);
	const struct archive_range rest = { .after = offline_of(j->account)->mark,
		.before = INT64_MAX,
		.received = true,
		.limit = COUNT_MAX };
	struct ask asks[] = { { &offline_queries[OFFLINE_COUNT], owner, 1 },
		archive_left_count(j->arena, &j->account->home),
		archive_count(j->arena, &j->account->home, &rest) };

	*owner = of_jid(j->owner);
	return job_query_all(j, counted, asks, COUNT(asks));
}

static struct step
counted(struct job *j)
{
	call_number(j, row_int(j->results[0], 0, 0) + row_int(j->results[1], 0, 0) +
			       row_int(j->results[2], 0, 0));
	return call_done(j);
}

static const struct command commands[] = {
	{ "get_offline_count", "offline", COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, count_fields,
		sizeof(struct count_args), count_run, NULL,
		"Count the messages that wait for an account's next login",
		"get_offline_count alice example.org" },
	END_COMMANDS,
};

static const struct slot slot = { .size = sizeof(struct offline), .drop = drop };

MODULE(offline) = {
	IDENTITY(offline),
	.summary = "Keeps messages for absent users",
	.xeps = XEPS({ 160, "1.0.1", XEP_COMPLETE, NULL }),
	.features = FEATURES("msgoffline"),
	.hooks =
		(const struct hook[]){
			ON(message_unacked, ORDER_NORMAL, on_unacked),
			ON(session_ready, ORDER_NORMAL, on_ready),
			ON(config_reloaded, ORDER_NORMAL, on_reloaded),
			END_HOOKS,
		},
	.hooks_always =
		(const struct hook[]){
			ON(message_due, ORDER_NORMAL, on_due),
			ON(message_delivered, ORDER_NORMAL, on_delivered),
			ON(message_unwanted, ORDER_NORMAL, on_unwanted),
			ON(session_flush, ORDER_NORMAL, on_flush),
			ON(session_revived, ORDER_NORMAL, on_revived),
			ON(server_stops, ORDER_NORMAL, on_stop),
			ON(session_ended, ORDER_NORMAL, on_ended),
			END_HOOKS,
		},
	.slot = &slot,
	.portable = &offline_portable,
	.queries = offline_queries,
	.commands = commands,
};
