/*
 * prefs.c -- XEP-0441: what a user wants to have archived.
 *
 * The preferences are one element in the store.  An address of the lists that has a resource stands
 * for itself, a bare one for all of its resources; `never` is looked at first.
 *
 * Runs on: the account's home.
 */
#include "mam.h"

#define JIDS_MAX 1000

const struct query mam_prefs_queries[] = {
	[PREFS_LOAD] = { "archive_prefs_load", "SELECT prefs FROM archive_prefs WHERE owner = ?",
		NULL },
	[PREFS_PUT] = { "archive_prefs_put",
		"REPLACE INTO archive_prefs (owner, prefs) VALUES (?, ?)", NULL },
	[PREFS_DELETE] = { "archive_prefs_delete", "DELETE FROM archive_prefs WHERE owner = ?",
		NULL },
	END_QUERIES,
};

static const char *const names[] = {
	[MAM_ALWAYS] = "always",
	[MAM_NEVER] = "never",
	[MAM_ROSTER] = "roster",
};

static step_fn kept;

/* ---- Read ------------------------------------------------------------------------------ */

static bool
read_jids(struct prefs *p, const struct xml *prefs, const char *name, struct jid **out,
	size_t *count, struct problem *why)
{
	const struct xml *list = xml_child(prefs, NS_MAM, name);
	size_t room = xml_count(list);
	struct str text;

	if (room > JIDS_MAX)
		return problem(why, COND_RESOURCE_CONSTRAINT, "that are too many addresses");
	*out = ARENA_ARRAY(p->arena, struct jid, room + 1);
	*count = 0;
	for (const struct xml *x = xml_child(list, NS_MAM, "jid"); x;
		x = xml_next(x, NS_MAM, "jid")) {
		text = str_trim(xml_text_of(p->arena, x));
		if (jid_parse(p->arena, text, &(*out)[(*count)++]) != JID_OK)
			return problem(why, COND_JID_MALFORMED, "that is not an address");
	}
	return true;
}

/* Into *out, which is empty. */
static bool
prefs_read(struct prefs *out, const struct xml *x, struct problem *why)
{
	const char *name = xml_get(x, "default");
	size_t i = 0;

	while (i < COUNT(names) && !text_eq(name, names[i]))
		i++;
	if (i == COUNT(names))
		return problem(why, COND_BAD_REQUEST, "the default is always, never or roster");
	out->otherwise = (enum mam_default)i;
	out->arena = arena_new(0);
	return read_jids(out, x, "always", &out->always, &out->always_count, why) &&
	       read_jids(out, x, "never", &out->never, &out->never_count, why);
}

bool
prefs_are_good(const struct xml *x)
{
	struct prefs p = { .arena = NULL };
	struct problem ignored;
	bool good = prefs_read(&p, x, &ignored);

	prefs_drop(&p);
	return good;
}

void
prefs_drop(struct prefs *p)
{
	arena_free(&p->arena);
	*p = (struct prefs){ .otherwise = MAM_ALWAYS };
}

void
prefs_loaded(struct prefs *p, const struct rows *rows)
{
	struct problem ignored;
	struct arena *a;
	const struct xml *x;

	prefs_drop(p);
	if (rows->count == 0)
		return;
	a = arena_new(0);
	x = kept_read(a, row_str(rows, 0, 0));
	if (!x || !prefs_read(p, x, &ignored)) {
		log_error(AREA_HOME, NULL, "the archiving preferences of an account are damaged");
		prefs_drop(p);
	}
	arena_free(&a);
}

/* ---- Decide ------------------------------------------------------------------------------ */

static bool
is_in(const struct jid *list, size_t count, struct jid who)
{
	for (size_t i = 0; i < count; i++) {
		if (jid_is_full(list[i]) ? jid_eq(list[i], who) : jid_eq_bare(list[i], who))
			return true;
	}
	return false;
}

bool
prefs_allow(const struct account *a, struct jid other)
{
	const struct prefs *p = &mam_of(a)->prefs;
	const struct roster_item *item;

	if (is_in(p->never, p->never_count, other))
		return false;
	if (is_in(p->always, p->always_count, other))
		return true;
	if (p->otherwise != MAM_ROSTER)
		return p->otherwise == MAM_ALWAYS;
	item = roster_find(a, jid_bare(other));
	return item && item->in_roster;
}

/* ---- Ask and say ------------------------------------------------------------------------- */

static void
put_jids(struct arena *a, struct xml *prefs, const char *name, const struct jid *jids, size_t count)
{
	struct xml *list = xml_add(a, prefs, NS_MAM, name);

	for (size_t i = 0; i < count; i++)
		xml_add_text(a, list, NS_MAM, "jid", jid_text(a, jids[i]));
}

static struct xml *
prefs_write(struct arena *a, const struct prefs *p)
{
	struct xml *x = xml_new(a, NS_MAM, "prefs");

	xml_attr(a, x, "default", names[p->otherwise]);
	put_jids(a, x, "always", p->always, p->always_count);
	put_jids(a, x, "never", p->never, p->never_count);
	return x;
}

struct step
mam_prefs_get(struct job *j)
{
	return iq_result(j, prefs_write(j->arena, &mam_of(j->account)->prefs));
}

static void
drop_prefs(void *p)
{
	prefs_drop(p);
}

struct step
mam_prefs_set(struct job *j)
{
	struct prefs *p = ARENA_NEW(j->arena, struct prefs);
	AUTO(buf_fini) struct buf text = BUF_INIT;
	struct problem why = { COND_NONE, NULL };

	arena_keep(j->arena, drop_prefs, p);
	j->state = p;
	if (!prefs_read(p, iq_child(j), &why))
		return iq_refuse(j, &why);
	kept_write(&text, prefs_write(j->arena, p));
	return job_query(j, kept, &mam_prefs_queries[PREFS_PUT],
		ARGS(of_jid(j->owner), of_str(buf_str(&text))));
}

static struct step
kept(struct job *j)
{
	struct prefs *p = j->state, *own = &mam_of(j->account)->prefs;

	prefs_drop(own);
	*own = *p;
	*p = (struct prefs){ .otherwise = MAM_ALWAYS };
	return mam_prefs_get(j);
}
