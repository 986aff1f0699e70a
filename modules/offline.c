/*
 * offline.c -- XEP-0160: keeps messages for absent users and hands them out at the next login.
 *
 * A message is kept under an id of the account's home, which grows, and its sender gets the receipt
 * when that is committed.  The hand-out reads pages in the order of ids and deletes a page only
 * together with reading the next one, after it was given to a session, as fast as its client
 * acknowledges.  What arrives meanwhile is kept too, behind the rest, so that the order holds; when
 * its turn comes it goes to whom it would have gone.  A message that a session did not acknowledge
 * comes back under the id that it had, so that it is in its place again.
 *
 * Runs on: the account's home.
 */
#include "module/module.h"

#define PAGE 100
#define WAIT_FOR_ROOM 300

struct offline {
	bool flushing; /* kept messages are handed out: what comes is kept behind them */
	bool running; /* a job does it; else all who could get them wait to be resumed */
	int64_t begun; /* greater ids came since the job began */
	unsigned keeping; /* messages on their way to the store */
	bool more; /* something was kept since the last page was asked for */
	int64_t last; /* handed out and not deleted yet: ids up to this */
};

MODULE_SLOT(struct offline)

enum { OFFLINE_PUT, OFFLINE_PAGE, OFFLINE_DONE, OFFLINE_COUNT };

static const struct query queries[] = {
	{ "offline_put", "INSERT INTO offline (owner, id, at, stanza) VALUES (?, ?, ?, ?)", NULL },
	{ "offline_page",
		"SELECT id, at, stanza FROM offline WHERE owner = ? ORDER BY id LIMIT 100", NULL },
	{ "offline_done", "DELETE FROM offline WHERE owner = ? AND id <= ?", NULL },
	{ "offline_count", "SELECT COUNT(*) FROM offline WHERE owner = ?", NULL },
	END_QUERIES,
};

/* A message on its way to the store. */
struct keeping {
	struct receipt receipt;
	int64_t place; /* 0: behind all others */
};

static step_fn keep, kept, ask_page, page, counted;

/* Has more than chat states, and its sender did not forbid it (XEP-0334). */
static bool
is_storable(const struct stanza *s)
{
	if (s->type != MESSAGE_NORMAL && s->type != MESSAGE_CHAT)
		return false;
	if (stanza_child(s, NS_HINTS, "no-store"))
		return false;
	for (const struct xml *x = s->children; x; x = x->next)
		if (x->name && !text_eq(x->ns, NS_CHATSTATES) && !text_eq(x->name, "thread"))
			return true;
	return false;
}

static struct step
keep(struct job *j)
{
	struct buf out = { 0 };
	const struct keeping *k = j->state;
	struct ask ask = { &queries[OFFLINE_PUT], NULL, 4 };
	int64_t id = k->place ? k->place : home_next_id(&j->account->home);
	struct value args[4] = { of_jid(j->owner), of_int(id), of_int(home_id_time(id)) };
	struct step step;

	stanza_write_alone(&out, j->stanza);
	args[3] = of_str(buf_str(&out));
	ask.args = args;
	step = job_query_else(j, kept, &ask, 1);
	buf_fini(&out);
	return step;
}

static struct step
kept(struct job *j)
{
	const struct keeping *k = j->state;
	struct offline *o = slot_of(j->account);

	o->keeping--;
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
	struct arena *arena;
	struct keeping *k;
	struct offline *o = slot_of(ev->account);

	if (!is_storable(ev->stanza))
		return PASS;
	arena = arena_new(0);
	k = ARENA_NEW(arena, struct keeping);
	k->receipt = ev->receipt ? *ev->receipt : RECEIPT_NONE;
	k->place = o->running ? 0 : ev->place;
	o->keeping++;
	o->more = true;
	job_start(ev->account, ev->stanza, &arena, k, keep);
	return STOP;
}

static enum verdict
on_unwanted(struct message_event *ev)
{
	return take(ev);
}

/* ---- Handing out ---------------------------------------------------------------- */

enum readiness { NOBODY, ALL_AWAY, ALL_BUSY, SOMEBODY };

/* Who gets what was kept: a client that is connected and has acknowledged most of what it got. */
static enum readiness
choose(const struct account *a, struct session **to)
{
	enum readiness best = NOBODY, this;

	for_each_session(s, a) {
		if (!s->ready || !s->available || s->priority < 0 || s->ending)
			continue;
		this = !s->outlet ? ALL_AWAY : session_has_room(s) ? SOMEBODY : ALL_BUSY;
		if (this <= best)
			continue;
		best = this;
		*to = s;
	}
	return best;
}

/* The session of a full JID, if it is there. */
static struct session *
addressed(const struct account *a, struct jid to)
{
	struct session *s = jid_is_full(to) ? account_session(a, jid_resource(to)) : NULL;

	return s && !s->ending ? s : NULL;
}

/* What is for another session than the one that gets the rest need not wait. */
static enum verdict
on_arrived(struct message_event *ev)
{
	const struct session *to = addressed(ev->account, ev->stanza->to);
	struct session *chosen = NULL;

	if (!slot_of(ev->account)->flushing)
		return PASS;
	(void)choose(ev->account, &chosen);
	return to && to != chosen ? PASS : take(ev);
}

static struct step
ask_page(struct job *j)
{
	struct offline *o = slot_of(j->account);
	struct value done[] = { of_jid(j->owner), of_int(o->last) };
	struct value owner[] = { of_jid(j->owner) };
	struct ask asks[] = { { &queries[OFFLINE_DONE], done, 2 },
		{ &queries[OFFLINE_PAGE], owner, 1 } };

	o->more = false;
	return job_query_else(j, page, asks, 2);
}

/* It came back from a session that did not acknowledge it. */
static bool
is_delayed(const struct stanza *s, const struct host *host)
{
	const struct xml *x = stanza_child(s, NS_DELAY, "delay");

	for (; x; x = xml_next(x, NS_DELAY, "delay"))
		if (text_eq(xml_get(x, "from"), host->name))
			return true;
	return false;
}

static const struct stanza *
delayed(struct job *j, const struct stanza *s, msec_t at)
{
	struct xml *delay;
	char stamp[DATETIME_SIZE];

	if (is_delayed(s, j->host))
		return stanza_ref(s);
	datetime_write(stamp, at);
	delay = xml_new(j->arena, NS_DELAY, "delay");
	xml_attr(j->arena, delay, "from", j->host->name);
	xml_attr(j->arena, delay, "stamp", stamp);
	return stanza_beside(s, delay);
}

static void
hand_out(struct job *j, struct session *to, const struct rows *rows, size_t i)
{
	AUTO(stanza_unref) const struct stanza *s = stanza_read(row_str(rows, i, 2));
	AUTO(stanza_unref) const struct stanza *late = NULL;

	if (!s)
		return;
	if (row_int(rows, i, 0) > slot_of(j->account)->begun) {
		deliver_held(j->account, s, row_int(rows, i, 0));
		return;
	}
	late = delayed(j, s, row_int(rows, i, 1));
	deliver_kept(j->account, to, late, row_int(rows, i, 0));
}

static struct step
stop(struct job *j, bool flushing)
{
	struct offline *o = slot_of(j->account);

	o->running = false;
	o->flushing = flushing;
	return job_done(j);
}

static struct step
page(struct job *j)
{
	struct offline *o = slot_of(j->account);
	const struct rows *rows = j->outcome == STORE_OK ? j->results[1] : NULL;
	struct session *to = NULL;

	if (!rows || (rows->count == 0 && !o->more))
		return stop(j, false);
	switch (choose(j->account, &to)) {
	case NOBODY:
		return stop(j, false);
	case ALL_AWAY:
		return stop(j, true);
	case ALL_BUSY:
		return job_sleep(j, ask_page, WAIT_FOR_ROOM);
	case SOMEBODY:
		break;
	}
	for (size_t i = 0; i < rows->count; i++) {
		hand_out(j, to, rows, i);
		o->last = row_int(rows, i, 0);
	}
	return ask_page(j);
}

static void
start(struct account *a)
{
	struct offline *o = slot_of(a);

	if (o->running)
		return;
	o->running = o->flushing = true;
	o->begun = home_next_id(&a->home);
	o->last = 0;
	job_start(a, NULL, NULL, NULL, ask_page);
}

static enum verdict
on_ready(struct session_event *ev)
{
	start(ev->account);
	return PASS;
}

/* One who was away is back. */
static enum verdict
on_flush(struct session_event *ev)
{
	if (slot_of(ev->account)->flushing)
		start(ev->account);
	return PASS;
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
	return job_query(j, counted, &queries[OFFLINE_COUNT], ARGS(of_jid(j->owner)));
}

static struct step
counted(struct job *j)
{
	call_number(j, row_int(j->rows, 0, 0));
	return call_done(j);
}

static const struct command commands[] = {
	{ "get_offline_count", "offline", COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, count_fields,
		sizeof(struct count_args), count_run, NULL,
		"Count the messages that wait for an account's next login",
		"get_offline_count alice example.org" },
	END_COMMANDS,
};

static const struct slot slot = { .size = sizeof(struct offline) };

MODULE(offline) = {
	IDENTITY(offline),
	.summary = "Keeps messages for absent users",
	.xeps = XEPS({ 160, "1.0.1", XEP_COMPLETE, NULL }),
	.features = FEATURES("msgoffline"),
	.hooks =
		(const struct hook[]){
			ON(message_unwanted, ORDER_NORMAL, on_unwanted),
			ON(message_unacked, ORDER_NORMAL, on_unwanted),
			ON(message_arrived, ORDER_NORMAL, on_arrived),
			ON(session_ready, ORDER_NORMAL, on_ready),
			ON(session_flush, ORDER_NORMAL, on_flush),
			END_HOOKS,
		},
	.slot = &slot,
	.queries = queries,
	.commands = commands,
};
