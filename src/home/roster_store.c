/*
 * roster_store.c -- rosters and pending requests in the store.
 *
 * A change is in memory already when it is written; what it shows to clients is captured then, so
 * that pushes tell what was committed, in the order of the commits, whatever happens meanwhile.
 *
 * Runs on: the account's home.
 */
#include "home/roster.h"

#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "home/job.h"
#include "hook/hook.h"

const struct query roster_queries[] = {
	[ROSTER_LOAD_ITEMS] = { "roster_items",
		"SELECT contact, name, subscription, ask, approved, groups, version, removed"
		" FROM roster WHERE owner = ?",
		NULL },
	[ROSTER_LOAD_VERSION] = { "roster_version",
		"SELECT version FROM roster_version WHERE owner = ?", NULL },
	[ROSTER_LOAD_PENDING] = { "roster_pending",
		"SELECT contact, stanza, at FROM pending WHERE owner = ?", NULL },
	[ROSTER_PUT] = { "roster_put",
		"REPLACE INTO roster (owner, contact, name, subscription, ask, approved, groups, version, removed)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		NULL },
	[ROSTER_PUT_VERSION] = { "roster_put_version",
		"REPLACE INTO roster_version (owner, version) VALUES (?, ?)", NULL },
	[PENDING_PUT] = { "pending_put",
		"REPLACE INTO pending (owner, contact, stanza, at) VALUES (?, ?, ?, ?)", NULL },
	[PENDING_DELETE] = { "pending_delete",
		"DELETE FROM pending WHERE owner = ? AND contact = ?",
		"DELETE FROM pending WHERE owner = ? AND contact_key = UNHEX(SHA2(?, 256))" },
	[ROSTER_DELETE_REMOVED] = { "roster_delete_removed",
		"DELETE FROM roster WHERE owner = ? AND removed = 1", NULL },
	[ROSTER_DELETE_ALL] = { "roster_delete_all", "DELETE FROM roster WHERE owner = ?", NULL },
	[ROSTER_VERSION_DELETE] = { "roster_version_delete",
		"DELETE FROM roster_version WHERE owner = ?", NULL },
	[PENDING_DELETE_ALL] = { "pending_delete_all", "DELETE FROM pending WHERE owner = ?",
		NULL },
	END_QUERIES,
};

/* ---- Load --------------------------------------------------------------------- */

enum {
	ITEM_CONTACT,
	ITEM_NAME,
	ITEM_SUBSCRIPTION,
	ITEM_ASK,
	ITEM_APPROVED,
	ITEM_GROUPS,
	ITEM_AT_VERSION,
	ITEM_REMOVED
};

static void
load_groups(struct roster_item *i, struct str json)
{
	json_t *list = json_loadb(json.p ? json.p : "[]", json.p ? json.n : 2, 0, NULL);
	size_t count = json_array_size(list);
	const char **groups = mem_new((count + 1) * sizeof(char *));

	for (size_t k = 0; k < count; k++) {
		const char *text = json_string_value(json_array_get(list, k));

		groups[k] = text ? text : "";
	}
	roster_set_groups(i, groups);
	mem_free(&groups);
	json_decref(list);
}

static struct roster_item *
load_item(struct account *a, struct str contact)
{
	AUTO(arena_free) struct arena *arena = arena_new(0);
	struct jid jid;
	struct roster_item *i;

	if (jid_parse(arena, contact, &jid) != JID_OK) {
		log_error(AREA_HOME, NULL,
			"found a contact that is no address in the roster of %.*s",
			STR_ARG(jid_full(a->home.jid)));
		return NULL;
	}
	i = roster_find(a, jid);
	return i ? i : roster_add(a, jid);
}

static void
load_row(struct account *a, const struct rows *rows, size_t row)
{
	struct roster_item *i = load_item(a, row_str(rows, row, ITEM_CONTACT));
	struct str name = row_str(rows, row, ITEM_NAME);

	if (!i)
		return;
	i->name = name.n ? mem_copy_str(name) : NULL;
	i->subscription = (enum subscription)(row_int(rows, row, ITEM_SUBSCRIPTION) & 3);
	i->ask = row_int(rows, row, ITEM_ASK) != 0;
	i->approved = row_int(rows, row, ITEM_APPROVED) != 0;
	i->version = row_int(rows, row, ITEM_AT_VERSION);
	i->removed = row_int(rows, row, ITEM_REMOVED) != 0;
	i->in_roster = !i->removed;
	load_groups(i, row_str(rows, row, ITEM_GROUPS));
}

static void
load_pending(struct account *a, const struct rows *rows, size_t row)
{
	const struct stanza *request = stanza_read(row_str(rows, row, 1));
	struct roster_item *i = request ? load_item(a, row_str(rows, row, 0)) : NULL;

	if (!i) {
		stanza_unref(&request);
		return;
	}
	i->pending = request;
	i->pending_at = row_int(rows, row, 2);
}

void
roster_load(struct account *a, const struct rows *items, const struct rows *version,
	const struct rows *pending)
{
	roster_drop(&a->roster);
	a->roster = MEM_NEW(struct roster);
	hash_init(&a->roster->items);
	for (size_t row = 0; row < items->count; row++)
		load_row(a, items, row);
	if (version->count > 0)
		a->roster->version = row_int(version, 0, 0);
	for (size_t row = 0; row < pending->count; row++)
		load_pending(a, pending, row);
}

/* ---- Versions (RFC 6121 2.6) ---------------------------------------------------- */

/* A version counts changes within an epoch, which is the millisecond in which it began.  So an account
 * that was deleted and made again uses none of the old versions, and what is known of removals can
 * be forgotten: a client with a version of an earlier epoch gets all. */
#define EPOCH_SHIFT 20
/* Tombstones of an account that are kept. */
#define REMOVED_MAX 500

bool
roster_knows_version(const struct roster *r, int64_t version)
{
	return version >> EPOCH_SHIFT == r->version >> EPOCH_SHIFT && version <= r->version;
}

static int64_t
epoch_after(int64_t version)
{
	int64_t now = clock_wall(), last = version >> EPOCH_SHIFT;

	return (now > last ? now : last + 1) << EPOCH_SHIFT;
}

int64_t
roster_first_version(void)
{
	return epoch_after(0);
}

static size_t
removed_count(const struct roster *r)
{
	size_t count = 0;

	for (struct hash_node *n = hash_next(&r->items, NULL); n; n = hash_next(&r->items, n))
		count += CONTAINER(n, struct roster_item, node)->removed;
	return count;
}

/* All tombstones but the newest. */
static void
forget_removed(struct account *a, const struct roster_item *newest, struct asks *asks)
{
	struct hash *items = &a->roster->items;

	for (struct hash_node *n = hash_next(items, NULL), *next; n; n = next) {
		struct roster_item *i = CONTAINER(n, struct roster_item, node);

		next = hash_next(items, n);
		if (i != newest && i->removed) {
			i->removed = false;
			roster_tidy(a, &i);
		}
	}
	asks_add(asks, &roster_queries[ROSTER_DELETE_REMOVED], ARGS(of_jid(a->home.jid)));
	a->roster->version = epoch_after(a->roster->version);
}

/* ---- Write -------------------------------------------------------------------- */

struct commit {
	step_fn *next;
	struct roster_item shown; /* what the push tells; strings in the job's arena */
};

static struct str
groups_json(struct arena *arena, const struct roster_item *i)
{
	json_t *list = json_array();
	char *text;
	struct str out;

	for (char **g = i->groups; g && *g; g++)
		json_array_append_new(list, json_string(*g));
	text = json_dumps(list, JSON_COMPACT);
	out = str_of(arena_text(arena, text ? text : "[]"));
	free(text);
	json_decref(list);
	return out;
}

static void
capture(struct arena *arena, struct roster_item *copy, const struct roster_item *i)
{
	size_t count = 0;

	*copy = *i;
	copy->pending = NULL;
	copy->contact = jid_copy(arena, i->contact);
	copy->name = arena_text(arena, i->name);
	while (i->groups && i->groups[count])
		count++;
	copy->groups = ARENA_ARRAY(arena, char *, count + 1);
	for (size_t k = 0; k < count; k++)
		copy->groups[k] = arena_text(arena, i->groups[k]);
}

void
roster_write(struct account *a, struct roster_item *i, struct asks *asks, struct arena *arena,
	struct roster_item *shown)
{
	struct roster *r = a->roster;

	if (r->version == 0)
		r->version = epoch_after(0);
	if (i->removed && removed_count(r) > REMOVED_MAX)
		forget_removed(a, i, asks);
	i->version = ++r->version;
	capture(arena, shown, i);
	asks_add(asks, &roster_queries[ROSTER_PUT],
		ARGS(of_jid(a->home.jid), of_jid(shown->contact),
			of_text(shown->name ? shown->name : ""), of_int(i->subscription),
			of_int(i->ask), of_int(i->approved),
			of_str(groups_json(asks_arena(asks), i)), of_int(i->version),
			of_int(i->removed)));
	asks_add(asks, &roster_queries[ROSTER_PUT_VERSION],
		ARGS(of_jid(a->home.jid), of_int(r->version)));
}

void
roster_written(struct account *a, const struct roster_item *shown)
{
	struct roster_event ev = { { a->home.worker, home_host(&a->home) }, a, shown };

	roster_push(a, NULL, shown);
	if (ev.head.host)
		hook_roster_changed(&ev);
}

static struct step
committed(struct job *j)
{
	struct commit *c = j->commit;

	if (j->outcome == STORE_OK) {
		roster_written(j->account, &c->shown);
		return c->next(j);
	}
	account_taint(j->account);
	if (j->stanza && stanza_is_request(j->stanza))
		return iq_error(
			j, COND_RESOURCE_CONSTRAINT, "the roster cannot be written at the moment");
	return job_fail(j, "could not write the roster of %.*s", STR_ARG(jid_full(j->owner)));
}

struct step
roster_commit(struct job *j, step_fn *next, struct roster_item *i, const struct ask *extra)
{
	AUTO(asks_fini) struct asks asks = ASKS_NONE;
	struct commit *c = ARENA_NEW(j->arena, struct commit);

	c->next = next;
	j->commit = c;
	roster_write(j->account, i, &asks, j->arena, &c->shown);
	if (extra)
		asks_add(&asks, extra->query, extra->args, extra->count);
	return job_query_else(j, committed, asks.list, asks.count);
}
