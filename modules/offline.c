/*
 * offline.c -- XEP-0160: keeps messages for absent users and hands them out at the next login.
 *
 * A message is kept under an id of the account's home, which grows, and its sender gets the receipt
 * when that is committed.  The hand-out reads pages in the order of ids and deletes a page only
 * together with reading the next one, after it was given to a session.  What arrives meanwhile is
 * kept too, behind the rest, so that the order holds.
 *
 * Runs on: the account's home.
 */
#include "module/module.h"

#define PAGE 100

struct offline {
	bool flushing;
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
	msec_t at; /* wall; when it came */
};

static step_fn keep, kept, page, counted;

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
	struct value args[4] = { of_jid(j->owner), of_int(home_next_id(&j->account->home)),
		of_int(k->at) };
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
	if (j->outcome != STORE_OK) {
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
	k->at = ev->at ? ev->at : clock_wall();
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

static enum verdict
on_arrived(struct message_event *ev)
{
	return slot_of(ev->account)->flushing ? take(ev) : PASS;
}

/* ---- Handing out ---------------------------------------------------------------- */

static struct session *
ready_session(const struct account *a)
{
	for_each_session(s, a)
		if (s->ready && s->available && s->priority >= 0 && !s->ending)
			return s;
	return NULL;
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

static void
hand_out(struct job *j, struct session *to, const struct rows *rows, size_t i)
{
	const struct stanza *s = stanza_read(row_str(rows, i, 2)), *delayed;
	struct xml *delay = NULL;
	char stamp[DATETIME_SIZE];

	if (!s)
		return;
	datetime_write(stamp, row_int(rows, i, 1));
	if (!is_delayed(s, j->host)) {
		delay = xml_new(j->arena, NS_DELAY, "delay");
		xml_attr(j->arena, delay, "from", j->host->name);
		xml_attr(j->arena, delay, "stamp", stamp);
	}
	delayed = stanza_beside(s, delay);
	deliver_kept(to, delayed, row_int(rows, i, 1));
	stanza_unref(&delayed);
	stanza_unref(&s);
}

static struct step
page(struct job *j)
{
	struct offline *o = slot_of(j->account);
	const struct rows *rows = j->outcome == STORE_OK ? j->results[1] : NULL;
	struct session *to = ready_session(j->account);

	if (!rows || !to || (rows->count == 0 && !o->more)) {
		o->flushing = false;
		return job_done(j);
	}
	for (size_t i = 0; i < rows->count; i++) {
		hand_out(j, to, rows, i);
		o->last = row_int(rows, i, 0);
	}
	return ask_page(j);
}

static enum verdict
on_ready(struct session_event *ev)
{
	struct offline *o = slot_of(ev->account);

	if (o->flushing)
		return PASS;
	o->flushing = true;
	job_start(ev->account, NULL, NULL, NULL, ask_page);
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
			END_HOOKS,
		},
	.slot = &slot,
	.queries = queries,
	.commands = commands,
};
