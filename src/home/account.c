/*
 * account.c -- a local user at home: loaded, looked up, dropped.
 *
 * One request to the store brings all that hooks may ask for later: the account's row, what the
 * core keeps, the roster and one result for each module's slot.  Names that nobody registered are
 * loaded too, as accounts that do not exist, and are dropped as soon as what waited for them was
 * answered.
 *
 * Runs on: the account's home.
 */
#include "home/account.h"

#include "base/log.h"
#include "base/mem.h"
#include "home/archive.h"
#include "home/deliver.h"
#include "home/job.h"
#include "home/local.h"
#include "home/restart.h"
#include "home/roster.h"
#include "home/session.h"
#include "home/sm.h"

#include <assert.h>
#include <string.h>

#define SLOTS_MAX 64
#define RELOAD_AFTER SECONDS(5)

enum account_query { ACCOUNT_LOAD, LAST_LOAD, OFFLINE_GREATEST, ACCOUNT_QUERIES };

const struct query account_queries[] = {
	[ACCOUNT_LOAD] = { "account_load", "SELECT disabled FROM account WHERE owner = ?", NULL },
	[LAST_LOAD] = { "account_last", "SELECT at, status FROM last_activity WHERE owner = ?",
		NULL },
	[OFFLINE_GREATEST] = { "account_greatest_id", "SELECT MAX(id) FROM offline WHERE owner = ?",
		NULL },
	END_QUERIES,
};

enum {
	ARCHIVE_AT = ACCOUNT_QUERIES,
	ROSTER_AT = ARCHIVE_AT + 1,
	SLOTS_AT = ROSTER_AT + ROSTER_LOAD_COUNT
};

static const struct rows no_rows;

/* ---- Slots -------------------------------------------------------------------- */

static struct slot slots[SLOTS_MAX];
static unsigned slots_count;

unsigned
slot_add(const struct slot *s)
{
	assert(slots_count < SLOTS_MAX);
	slots[slots_count] = *s;
	return slots_count++;
}

void *
account_slot(const struct account *a, unsigned index)
{
	assert(index < slots_count && a->slots);
	return a->slots[index];
}

static void
slots_make(struct account *a)
{
	if (slots_count == 0)
		return;
	a->slots = mem_new(slots_count * sizeof(void *));
	for (unsigned i = 0; i < slots_count; i++)
		a->slots[i] = mem_new(slots[i].size > 0 ? slots[i].size : 1);
}

static void
slots_drop(struct account *a)
{
	for (unsigned i = 0; a->slots && i < slots_count; i++) {
		if (slots[i].drop)
			slots[i].drop(a->slots[i]);
		mem_free(&a->slots[i]);
	}
	mem_free(&a->slots);
}

/* Empties them where they are: jobs may still point there. */
static void
slots_clear(struct account *a)
{
	for (unsigned i = 0; i < slots_count; i++) {
		if (slots[i].drop)
			slots[i].drop(a->slots[i]);
		memset(a->slots[i], 0, slots[i].size);
	}
}

/* ---- Load ----------------------------------------------------------------------- */

static uint64_t
store_key(const struct account *a)
{
	struct str bare = jid_bare_str(a->home.jid);

	return hash_stable(bare.p, bare.n);
}

static void
take_core(struct account *a, const struct rows *const *rows)
{
	a->exists = rows[ACCOUNT_LOAD]->count > 0;
	a->disabled = a->exists && row_int(rows[ACCOUNT_LOAD], 0, 0) != 0;
	if (rows[LAST_LOAD]->count > 0) {
		a->last_unavailable = row_int(rows[LAST_LOAD], 0, 0);
		a->last_status = mem_copy_str(row_str(rows[LAST_LOAD], 0, 1));
	}
	if (rows[OFFLINE_GREATEST]->count > 0)
		home_id_floor(&a->home, row_int(rows[OFFLINE_GREATEST], 0, 0));
}

static void
take_roster(struct account *a, const struct rows *const *rows)
{
	roster_load(
		a, rows[ROSTER_LOAD_ITEMS], rows[ROSTER_LOAD_VERSION], rows[ROSTER_LOAD_PENDING]);
}

/* Returns how many results were read. */
static unsigned
take_all(struct account *a, const struct rows *const *rows)
{
	unsigned at = SLOTS_AT;

	take_core(a, rows);
	archive_loaded(&a->home, rows[ARCHIVE_AT]);
	take_roster(a, rows + ROSTER_AT);
	for (unsigned i = 0; i < slots_count; i++) {
		if (slots[i].load)
			slots[i].loaded(a, a->slots[i], rows[at++]);
	}
	return at;
}

static void
loaded(struct worker *w, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	struct account *a = ctx;
	unsigned at;

	assert(worker_is_here(w));
	(void)count;
	if (result != STORE_OK) {
		log_warn(AREA_HOME, NULL, "could not load an account: the store %s",
			result == STORE_AWAY ? "was away" : "refused a query");
		home_failed(&a->home);
		return;
	}
	slots_make(a);
	at = take_all(a, rows);
	if (a->returning)
		restart_loaded(a, rows[at]);
	home_loaded(&a->home);
}

/* Returns their number. */
static size_t
ask_all(struct ask asks[SLOTS_AT + SLOTS_MAX], const struct value *owner)
{
	size_t count = 0;

	for (unsigned i = 0; i < ACCOUNT_QUERIES; i++)
		asks[count++] = (struct ask){ &account_queries[i], owner, 1 };
	asks[count++] = (struct ask){ archive_load_query, owner, 1 };
	for (unsigned i = 0; i < ROSTER_LOAD_COUNT; i++)
		asks[count++] = (struct ask){ &roster_queries[i], owner, 1 };
	for (unsigned i = 0; i < slots_count; i++) {
		if (slots[i].load)
			asks[count++] = (struct ask){ slots[i].load, owner, 1 };
	}
	return count;
}

static void
load(struct home *h)
{
	struct account *a = account_of(h);
	struct value owner = of_jid(h->jid);
	struct ask asks[SLOTS_AT + SLOTS_MAX + RESTART_ASKS];
	size_t count = ask_all(asks, &owner);

	list_init(&a->sessions);
	a->returning = restart_waits(h->worker, jid_full(h->jid));
	if (a->returning) {
		restart_ask(a, &owner, &asks[count]);
		count += RESTART_ASKS;
	}
	store_ask(h->worker, store_key(a), asks, count, loaded, a);
}

struct step
account_ask_again(struct job *j, step_fn *next)
{
	struct value owner = of_jid(j->owner);
	struct ask asks[SLOTS_AT + SLOTS_MAX];
	size_t count = ask_all(asks, &owner);

	return job_query_else(j, next, asks, count);
}

bool
account_take_again(struct job *j)
{
	struct account *a = j->account;

	if (j->outcome != STORE_OK)
		return false;
	slots_clear(a);
	mem_free(&a->last_status);
	a->last_unavailable = 0;
	(void)take_all(a, j->results);
	return true;
}

/* ---- Load the roster again ----------------------------------------------------------- */

static void ask_again(struct account *a);

static void
on_reload(struct worker *w, struct timer *t)
{
	(void)w;
	ask_again(CONTAINER(t, struct account, reload));
}

static void
loaded_again(struct worker *w, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	struct account *a = ctx;

	(void)count;
	if (result != STORE_OK) {
		timer_set(w, &a->reload, RELOAD_AFTER, on_reload);
		return;
	}
	take_roster(a, rows);
	a->tainted = false;
	home_unpin(&a->home);
}

static void
ask_again(struct account *a)
{
	struct value owner = of_jid(a->home.jid);
	struct ask asks[ROSTER_LOAD_COUNT];

	for (unsigned i = 0; i < ROSTER_LOAD_COUNT; i++)
		asks[i] = (struct ask){ &roster_queries[i], &owner, 1 };
	store_ask(a->home.worker, store_key(a), asks, COUNT(asks), loaded_again, a);
}

void
account_taint(struct account *a)
{
	assert(worker_is_here(a->home.worker));
	if (a->tainted)
		return;
	a->tainted = true;
	home_pin(&a->home);
	ask_again(a);
}

/* ---- Drop ---------------------------------------------------------------------------- */

void
account_reset(struct account *a)
{
	assert(worker_is_here(a->home.worker));
	slots_clear(a);
	for (unsigned i = 0; i < slots_count; i++) {
		if (slots[i].load)
			slots[i].loaded(a, a->slots[i], &no_rows);
	}
	roster_load(a, &no_rows, &no_rows, &no_rows);
	a->disabled = false;
	a->last_unavailable = 0;
	mem_free(&a->last_status);
}

static void
drop(struct home *h)
{
	struct account *a = account_of(h);

	sessions_end_all(a);
	timer_clear(h->worker, &a->reload);
	slots_drop(a);
	if (a->roster)
		roster_drop(&a->roster);
	mem_free(&a->last_status);
	sm_forget(a);
}

static bool
keep(const struct home *h)
{
	return CONTAINER(h, const struct account, home)->exists;
}

static void
stanza(struct home *h, const struct stanza *s, const struct receipt *r)
{
	deliver(account_of(h), s, r);
}

const struct home_kind account_kind = {
	.name = "account",
	.size = sizeof(struct account),
	.linger = SECONDS(60),
	.load = load,
	.keep = keep,
	.stanza = stanza,
	.drop = drop,
};

/* ---- Look up --------------------------------------------------------------------------- */

struct account *
account_find(struct worker *w, struct str bare)
{
	struct home *h = home_find(w, bare);

	return h && h->kind == &account_kind && h->state == HOME_WARM ? account_of(h) : NULL;
}

struct session *
account_session(const struct account *a, struct str resource)
{
	for_each_session(s, a) {
		if (str_eq(jid_resource(s->jid), resource))
			return s;
	}
	return NULL;
}

bool
account_shares_presence(const struct account *a, struct jid contact)
{
	struct jid bare = jid_bare(contact);

	return jid_eq(bare, a->home.jid) || roster_sees_me(roster_find(a, bare));
}
