/*
 * private.c -- XEP-0049: elements that a client keeps on the server for its own account.
 *
 * There is one element for each namespace and name; an empty one is what a client gets for what it
 * never stored, so storing an empty one deletes the row.  Their number and size are limited.  Rows
 * are made from the account's own: what arrives while the account is being deleted leaves nothing
 * behind.
 *
 * Bookmarks are kept here too, but what they say of rooms is in the account's published bookmarks.
 *
 * Runs on: the account's home.
 */
#include "module/module.h"

#include "modules/bookmarks.h"

#include <string.h>

/* Elements in one set. */
#define SET_MAX 16

struct private_options {
	int64_t max_size, max_elements;
};

MODULE_OPTIONS(struct private_options)

static const struct field fields[] = {
	SIZE_FIELD(struct private_options, max_size, .dflt = "256k", .min = 1024, .max = 1 << 20,
		.flags = FIELD_RELOAD, .doc = "Greatest size of an element"),
	INT_FIELD(struct private_options, max_elements, .dflt = "100", .min = 1, .max = 10000,
		.flags = FIELD_RELOAD, .doc = "Elements that an account may keep"),
	END_FIELDS,
};

enum {
	PRIVATE_LOAD,
	PRIVATE_COUNT,
	PRIVATE_PUT,
	PRIVATE_DROP,
	PRIVATE_DELETE,
	PRIVATE_ALL,
	PRIVATE_ARRIVE
};

static const struct query queries[] = {
	[PRIVATE_LOAD] = { "private_load",
		"SELECT xml FROM private_xml WHERE owner = ? AND ns = ? AND name = ?", NULL },
	[PRIVATE_COUNT] = { "private_count",
		"SELECT COUNT(*), COUNT(CASE WHEN ns = ? AND name = ? THEN 1 END) "
		"FROM private_xml WHERE owner = ?",
		NULL },
	[PRIVATE_PUT] = { "private_put",
		"REPLACE INTO private_xml (owner, ns, name, xml) SELECT owner, ?, ?, ? FROM "
		"account WHERE owner = ?",
		NULL },
	[PRIVATE_DROP] = { "private_drop",
		"DELETE FROM private_xml WHERE owner = ? AND ns = ? AND name = ?", NULL },
	[PRIVATE_DELETE] = { "private_delete", "DELETE FROM private_xml WHERE owner = ?", NULL },
	[PRIVATE_ALL] = { "private_all",
		"SELECT xml FROM private_xml WHERE owner = ? ORDER BY ns, name", NULL },
	[PRIVATE_ARRIVE] = { "private_arrive",
		"REPLACE INTO private_xml (owner, ns, name, xml) VALUES (?, ?, ?, ?)", NULL },
	END_QUERIES,
};

static step_fn loaded, ready, counted, stored, done;

/* Something that could be kept: it has a namespace of its own. */
static bool
is_own(const struct xml *x)
{
	return !text_eq(x->ns, NS_PRIVATE) && !text_eq(x->ns, NS_CLIENT);
}

/* ---- Read ------------------------------------------------------------------------ */

static struct step
get(struct job *j)
{
	const struct xml *what = xml_child(iq_child(j), NULL, NULL);

	if (xml_count(iq_child(j)) > 1)
		return iq_error(j, COND_NOT_ACCEPTABLE, "one element at a time");
	if (!what || !is_own(what))
		return iq_error(j, COND_BAD_REQUEST, "an element with its own namespace is needed");
	return job_query(j, loaded, &queries[PRIVATE_LOAD],
		ARGS(of_jid(j->owner), of_text(what->ns), of_text(what->name)));
}

struct found {
	const struct xml *x;
};

static struct step
loaded(struct job *j)
{
	const struct xml *what = xml_child(iq_child(j), NULL, NULL), *kept = what;
	struct found *found = ARENA_NEW(j->arena, struct found);

	if (j->rows->count > 0)
		kept = kept_read(j->arena, row_str(j->rows, 0, 0));
	if (!kept)
		return job_fail(j, "a kept private element cannot be read");
	j->state = found;
	found->x = kept;
	if (bookmarks_has(j->host, kept))
		return bookmarks_read(j, kept, &found->x, ready);
	return ready(j);
}

static struct step
ready(struct job *j)
{
	const struct found *found = j->state;
	struct xml *query = xml_new(j->arena, NS_PRIVATE, "query");

	xml_adopt(query, xml_copy(j->arena, found->x));
	return iq_result(j, query);
}

/* ---- Write ----------------------------------------------------------------------- */

static struct step
set(struct job *j)
{
	struct ask asks[SET_MAX];
	struct value args[SET_MAX][3];
	size_t n = 0;

	xml_for_each(x, iq_child(j))
	{
		if (n == SET_MAX)
			return iq_error(j, COND_NOT_ACCEPTABLE, "too many elements at once");
		if (!is_own(x))
			return iq_error(j, COND_NOT_ACCEPTABLE,
				"an element with its own namespace is needed");
		args[n][0] = of_text(x->ns);
		args[n][1] = of_text(x->name);
		args[n][2] = of_jid(j->owner);
		asks[n] = (struct ask){ &queries[PRIVATE_COUNT], args[n], 3 };
		n++;
	}
	if (n == 0)
		return iq_error(j, COND_NOT_ACCEPTABLE, "there is nothing to keep");
	return job_query_all(j, counted, asks, n);
}

static bool
has_content(const struct xml *x)
{
	return x->first || x->attrs;
}

/* args has room for four. */
static struct ask
ask_to_keep(const struct job *j, const struct xml *x, struct str bytes, struct value *args)
{
	struct value put[] = { of_text(x->ns), of_text(x->name), of_str(bytes), of_jid(j->owner) };
	struct value drop[] = { of_jid(j->owner), of_text(x->ns), of_text(x->name) };

	if (has_content(x)) {
		memcpy(args, put, sizeof(put));
		return (struct ask){ &queries[PRIVATE_PUT], args, 4 };
	}
	memcpy(args, drop, sizeof(drop));
	return (struct ask){ &queries[PRIVATE_DROP], args, 3 };
}

/* The element has a row of its own, or there is room for one more. */
static bool
has_room(const struct job *j, size_t n, const struct xml *x, int64_t *added)
{
	const struct rows *counts = j->results[n];

	if (!has_content(x) || row_int(counts, 0, 1) > 0)
		return true;
	return row_int(counts, 0, 0) + (*added)++ < options(j->host)->max_elements;
}

static struct step
counted(struct job *j)
{
	struct ask asks[SET_MAX];
	struct value args[SET_MAX][4];
	int64_t added = 0;
	size_t n = 0;

	xml_for_each(x, iq_child(j))
	{
		AUTO(buf_fini) struct buf b = BUF_INIT;
		struct str bytes;

		kept_write(&b, x);
		bytes = buf_str(&b);
		if (bytes.n > (size_t)options(j->host)->max_size)
			return iq_error(j, COND_NOT_ACCEPTABLE, "the element is too big");
		if (!has_room(j, n, x, &added))
			return iq_error(j, COND_RESOURCE_CONSTRAINT, "too many elements are kept");
		bytes.p = arena_str(j->arena, bytes);
		asks[n] = ask_to_keep(j, x, bytes, args[n]);
		n++;
	}
	return job_query_all(j, stored, asks, n);
}

static struct step
stored(struct job *j)
{
	xml_for_each(x, iq_child(j))
	{
		if (bookmarks_has(j->host, x))
			return bookmarks_write(j, x, done);
	}
	return done(j);
}

static struct step
done(struct job *j)
{
	return iq_result(j, NULL);
}

/* ---- Administration ------------------------------------------------------------------- */

struct get_args {
	const char *user, *host, *element, *ns;
};

struct set_args {
	const char *user, *host, *element;
};

#define USER_FIELDS(T)                                                                             \
	TEXT_FIELD(T, user, .min = 1, .flags = FIELD_REQUIRED, .doc = "Name of the account"),      \
		TEXT_FIELD(T, host, .min = 1, .flags = FIELD_REQUIRED, .doc = "Its virtual host")

static const struct field get_fields[] = {
	USER_FIELDS(struct get_args),
	TEXT_FIELD(struct get_args, element, .min = 1, .max = 255, .flags = FIELD_REQUIRED,
		.doc = "Name of the element"),
	TEXT_FIELD(struct get_args, ns, .min = 1, .max = 1000, .flags = FIELD_REQUIRED,
		.doc = "Its namespace"),
	END_FIELDS,
};

static const struct field set_fields[] = {
	USER_FIELDS(struct set_args),
	TEXT_FIELD(struct set_args, element, .min = 1, .flags = FIELD_REQUIRED,
		.doc = "The element as XML, with its xmlns; an empty one deletes what is kept"),
	END_FIELDS,
};

static step_fn got, told, set_counted, set_stored, set_done;

static struct step
get_run(struct job *j)
{
	const struct get_args *a = CALL_ARGS(j, struct get_args);

	return job_query(j, got, &queries[PRIVATE_LOAD],
		ARGS(of_jid(j->owner), of_text(a->ns), of_text(a->element)));
}

static struct step
got(struct job *j)
{
	const struct get_args *a = CALL_ARGS(j, struct get_args);
	struct found *found = ARENA_NEW(j->arena, struct found);

	found->x = j->rows->count > 0 ? kept_read(j->arena, row_str(j->rows, 0, 0))
				      : xml_new(j->arena, a->ns, a->element);
	if (!found->x)
		return job_fail(j, "a kept private element cannot be read");
	j->state = found;
	if (bookmarks_has(j->host, found->x))
		return bookmarks_read(j, found->x, &found->x, told);
	return told(j);
}

static struct step
told(struct job *j)
{
	const struct found *found = j->state;
	AUTO(buf_fini) struct buf b = BUF_INIT;

	if (!found->x->first && !found->x->attrs)
		return call_error(j, "not_found", "no such element is kept");
	kept_write(&b, found->x);
	call_line(j, "%.*s", STR_ARG(buf_str(&b)));
	return call_done(j);
}

static struct step
set_run(struct job *j)
{
	const struct set_args *a = CALL_ARGS(j, struct set_args);
	struct found *found = ARENA_NEW(j->arena, struct found);

	found->x = kept_typed(j->arena, str_of(a->element));
	if (!found->x)
		return call_error(j, "bad_request", "that is not one element of XML");
	if (!found->x->ns || !*found->x->ns || !is_own(found->x))
		return call_error(j, "bad_request", "the element has no namespace of its own");
	j->state = found;
	return job_query(j, set_counted, &queries[PRIVATE_COUNT],
		ARGS(of_text(found->x->ns), of_text(found->x->name), of_jid(j->owner)));
}

static struct step
set_counted(struct job *j)
{
	const struct found *found = j->state;
	AUTO(buf_fini) struct buf b = BUF_INIT;
	struct value args[4];
	int64_t added = 0;
	struct ask ask;

	kept_write(&b, found->x);
	if (!options(j->host))
		return call_error(j, "not_found", "private XML is not kept on that host");
	if (buf_str(&b).n > (size_t)options(j->host)->max_size)
		return call_error(j, "too_large", "the element is too big");
	if (!has_room(j, 0, found->x, &added))
		return call_error(j, "too_many", "too many elements are kept");
	ask = ask_to_keep(
		j, found->x, (struct str){ arena_str(j->arena, buf_str(&b)), buf_str(&b).n }, args);
	return job_query_all(j, set_stored, &ask, 1);
}

static struct step
set_stored(struct job *j)
{
	const struct found *found = j->state;

	if (bookmarks_has(j->host, found->x))
		return bookmarks_write(j, found->x, set_done);
	return set_done(j);
}

static struct step
set_done(struct job *j)
{
	return call_done(j);
}

static const struct command commands[] = {
	{ "private_get", "private", COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, get_fields,
		sizeof(struct get_args), get_run, NULL,
		"Print an element of an account's private XML",
		"private_get alice example.org storage storage:bookmarks" },
	{ "private_set", "private", COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST,
		set_fields, sizeof(struct set_args), set_run, NULL,
		"Keep an element as private XML of an account",
		"private_set alice example.org \"<query xmlns='my:settings'>dark</query>\"" },
	END_COMMANDS,
};

/* ---- Deleted accounts ---------------------------------------------------------------------- */

/* ---- Moving to another server ------------------------------------------------------- */

static void
leave_ask(struct leaving *l, struct asks *asks)
{
	struct value owner = of_jid(l->home.jid);

	asks_add(asks, &queries[PRIVATE_ALL], &owner, 1);
}

static bool
leave_write(struct leaving *l, const struct rows *const *rows)
{
	if (rows[0]->count == 0)
		return false;
	buf_put_lit(l->out, "<query xmlns='" NS_PRIVATE "'>\n");
	for (size_t i = 0; i < rows[0]->count; i++) {
		buf_put_str(l->out, row_str(rows[0], i, 0));
		buf_put_char(l->out, '\n');
	}
	buf_put_lit(l->out, "</query>\n");
	return false;
}

static enum portable_taken
arrive(struct arriving *a, void *state, const struct xml *x, const struct xml *within)
{
	AUTO(buf_fini) struct buf text = BUF_INIT;

	(void)state;
	(void)within;
	if (!is_own(x))
		return arriving_refuse(a, "a private element without a namespace of its own");
	if (!has_content(x))
		return PORTABLE_TAKEN;
	kept_write(&text, x);
	if (options(a->host) && buf_str(&text).n > (size_t)options(a->host)->max_size)
		return arriving_refuse(a, "a private element that is too big");
	if (bookmarks_has(a->host, x))
		bookmarks_arrive(a, x);
	arriving_add(a, &queries[PRIVATE_ARRIVE],
		(const struct value[]){ of_jid(a->home->jid), of_text(x->ns), of_text(x->name),
			of_str(buf_str(&text)) },
		4);
	return PORTABLE_TAKEN;
}

static void
clear(const struct home *h, struct asks *asks)
{
	struct value owner = of_jid(h->jid);

	asks_add(asks, &queries[PRIVATE_DELETE], &owner, 1);
}

static const struct portable_tag tags[] = {
	{ NS_PRIVATE, "query", PORTABLE_CHILDREN },
	{ NULL, NULL, PORTABLE_WHOLE },
};

static const struct portable portable = {
	.name = "private",
	.counted = "private elements",
	.order = 40,
	.tags = tags,
	.ask = leave_ask,
	.write = leave_write,
	.take = arrive,
	.clear = clear,
};

MODULE(private) = {
	IDENTITY(private),
	.summary = "Keeps private XML for clients",
	.xeps = XEPS({ 49, "1.2", XEP_COMPLETE, NULL }),
	.options = fields,
	.options_size = sizeof(struct private_options),
	.features = FEATURES(NS_PRIVATE),
	.account_features = FEATURES(NS_PRIVATE),
	.iqs =
		(const struct iq_handler[]){
			{ NS_PRIVATE, "query", ON_GET, TO_SELF, get },
			{ NS_PRIVATE, "query", ON_SET, TO_SELF, set },
			END_IQS,
		},
	.hooks =
		(const struct hook[]){
			END_HOOKS,
		},
	.queries = queries,
	.commands = commands,
	.portable = &portable,
};
