/*
 * vcard.c -- XEP-0054: one business card for each account.
 *
 * Anybody may read it, only the owner may write it.  Who asks for the card of another account gets
 * the same error whether that account has no card or does not exist, so that names cannot be
 * harvested.  The row is made from the account's own: a card that arrives while the account is
 * being deleted leaves nothing behind.
 *
 * Runs on: the home of the account whose card it is.
 */
#include "module/module.h"

struct vcard_options {
	int64_t max_size;
};

MODULE_OPTIONS(struct vcard_options)

static const struct field fields[] = {
	SIZE_FIELD(struct vcard_options, max_size, .dflt = "256k", .min = 1024, .max = 1 << 20,
		.flags = FIELD_RELOAD, .doc = "Greatest size of a vCard"),
	END_FIELDS,
};

enum { VCARD_LOAD, VCARD_PUT, VCARD_DELETE, VCARD_ARRIVE };

static const struct query queries[] = {
	[VCARD_LOAD] = { "vcard_load", "SELECT xml FROM vcard WHERE owner = ?", NULL },
	[VCARD_PUT] = { "vcard_put",
		"REPLACE INTO vcard (owner, xml) SELECT owner, ? FROM account WHERE owner = ?",
		NULL },
	[VCARD_DELETE] = { "vcard_delete", "DELETE FROM vcard WHERE owner = ?", NULL },
	[VCARD_ARRIVE] = { "vcard_arrive", "REPLACE INTO vcard (owner, xml) VALUES (?, ?)", NULL },
	END_QUERIES,
};

static step_fn loaded, stored;

static struct step
get(struct job *j)
{
	return job_query(j, loaded, &queries[VCARD_LOAD], ARGS(of_jid(j->owner)));
}

static struct step
loaded(struct job *j)
{
	const struct xml *card;

	if (j->rows->count > 0) {
		card = kept_read(j->arena, row_str(j->rows, 0, 0));
		return card ? iq_result(j, card) : job_fail(j, "the kept vCard cannot be read");
	}
	if (!jid_eq_bare(j->stanza->from, j->owner))
		return iq_error(j, COND_SERVICE_UNAVAILABLE, NULL);
	return iq_result(j, xml_new(j->arena, NS_VCARD, "vCard"));
}

static struct step
set(struct job *j)
{
	AUTO(buf_fini) struct buf card = BUF_INIT;

	kept_write(&card, iq_child(j));
	if (buf_str(&card).n > (size_t)options(j->host)->max_size)
		return iq_error(j, COND_NOT_ACCEPTABLE, "the vCard is too big");
	return job_query(
		j, stored, &queries[VCARD_PUT], ARGS(of_str(buf_str(&card)), of_jid(j->owner)));
}

static struct step
stored(struct job *j)
{
	struct vcard_event ev = {
		.head = { j->worker, j->host }, .account = j->account, .card = iq_child(j)
	};

	(void)hook_vcard_changed(&ev); /* it is done, nobody can stop it */
	return iq_result(j, NULL);
}

/* Of another's account, whether it exists or not. */
static struct step
refuse(struct job *j)
{
	return iq_error(j, COND_FORBIDDEN, NULL);
}

/* ---- Administration ------------------------------------------------------------------- */

struct get_args {
	const char *user, *host, *name, *subname;
};

struct set_args {
	const char *user, *host, *name, *content;
};

struct part_args {
	const char *user, *host, *name, *subname;
};

struct set_part_args {
	const char *user, *host, *name, *subname, *content;
};

struct set_parts_args {
	const char *user, *host, *name, *subname;
	const char *const *contents;
};

struct nickname_args {
	const char *user, *host, *nickname;
};

#define USER_FIELDS(T)                                                                             \
	TEXT_FIELD(T, user, .min = 1, .flags = FIELD_REQUIRED, .doc = "Name of the account"),      \
		TEXT_FIELD(T, host, .min = 1, .flags = FIELD_REQUIRED, .doc = "Its virtual host")
#define CARD_FIELDS(T)                                                                             \
	USER_FIELDS(T), TEXT_FIELD(T, name, .min = 1, .max = 100, .flags = FIELD_REQUIRED,         \
				.doc = "Element of the vCard, such as NICKNAME")

static const struct field get_fields[] = {
	CARD_FIELDS(struct get_args),
	TEXT_FIELD(
		struct get_args, subname, .max = 100, .doc = "Element in it, such as FAMILY in N"),
	END_FIELDS,
};

static const struct field set_fields[] = {
	CARD_FIELDS(struct set_args),
	TEXT_FIELD(struct set_args, content, .flags = FIELD_REQUIRED,
		.doc = "Its text; empty: the element goes"),
	END_FIELDS,
};

#define PART_FIELDS(T)                                                                             \
	CARD_FIELDS(T), TEXT_FIELD(T, subname, .min = 1, .max = 100, .flags = FIELD_REQUIRED,      \
				.doc = "Element in it, such as FAMILY in N")

static const struct field part_fields[] = { PART_FIELDS(struct part_args), END_FIELDS };

static const struct field set_part_fields[] = {
	PART_FIELDS(struct set_part_args),
	TEXT_FIELD(struct set_part_args, content, .flags = FIELD_REQUIRED,
		.doc = "Its text; empty: the element goes"),
	END_FIELDS,
};

static const struct field set_parts_fields[] = {
	PART_FIELDS(struct set_parts_args),
	LIST_FIELD(struct set_parts_args, contents, .max = 100, .flags = FIELD_REQUIRED,
		.doc = "Texts with commas between them, one element each; empty: they go"),
	END_FIELDS,
};

static const struct field nickname_fields[] = {
	USER_FIELDS(struct nickname_args),
	TEXT_FIELD(struct nickname_args, nickname, .flags = FIELD_REQUIRED,
		.doc = "The nickname; empty: none"),
	END_FIELDS,
};

static step_fn told, parts_told, changed, part_changed, parts_changed, nickname_changed, written;

/* The account's, or an empty one. */
static const struct xml *
card_of(struct job *j)
{
	const struct xml *card = NULL;

	if (j->rows->count > 0)
		card = kept_read(j->arena, row_str(j->rows, 0, 0));
	return card ? card : xml_new(j->arena, NS_VCARD, "vCard");
}

static struct step
get_run(struct job *j)
{
	return job_query(j, told, &queries[VCARD_LOAD], ARGS(of_jid(j->owner)));
}

static struct step
told(struct job *j)
{
	const struct get_args *a = CALL_ARGS(j, struct get_args);
	const struct xml *x = xml_child(card_of(j), NS_VCARD, a->name);

	if (a->subname && *a->subname)
		x = xml_child(x, NS_VCARD, a->subname);
	if (!x)
		return call_error(j, "not_found", "the vCard has no such element");
	CALL_ROW(j, arena_str(j->arena, xml_text_of(j->arena, x)));
	return call_done(j);
}

static struct step
get_parts_run(struct job *j)
{
	return job_query(j, parts_told, &queries[VCARD_LOAD], ARGS(of_jid(j->owner)));
}

/* Of all elements of that name. */
static struct step
parts_told(struct job *j)
{
	const struct part_args *a = CALL_ARGS(j, struct part_args);
	bool any = false;

	xml_for_each(x, card_of(j))
	{
		const struct xml *part =
			xml_is(x, NS_VCARD, a->name) ? xml_child(x, NS_VCARD, a->subname) : NULL;

		for (; part; part = xml_next(part, NS_VCARD, a->subname)) {
			any = true;
			CALL_ROW(j, arena_str(j->arena, xml_text_of(j->arena, part)));
		}
	}
	return any ? call_done(j) : call_error(j, "not_found", "the vCard has no such element");
}

static struct step
set_run(struct job *j)
{
	return job_query(j, changed, &queries[VCARD_LOAD], ARGS(of_jid(j->owner)));
}

static struct step
set_part_run(struct job *j)
{
	return job_query(j, part_changed, &queries[VCARD_LOAD], ARGS(of_jid(j->owner)));
}

static struct step
set_parts_run(struct job *j)
{
	return job_query(j, parts_changed, &queries[VCARD_LOAD], ARGS(of_jid(j->owner)));
}

static struct step
nickname_run(struct job *j)
{
	return job_query(j, nickname_changed, &queries[VCARD_LOAD], ARGS(of_jid(j->owner)));
}

/* A name that can be written; what is not one is no name of a vCard's elements. */
static bool
is_name(const char *name)
{
	for (; *name; name++)
		if (!(*name >= 'A' && *name <= 'Z') && *name != '-')
			return false;
	return true;
}

static struct step
keep_card(struct job *j, struct xml *card)
{
	AUTO(buf_fini) struct buf text = BUF_INIT;

	kept_write(&text, card);
	if (options(j->host) && buf_str(&text).n > (size_t)options(j->host)->max_size)
		return call_error(j, "too_large", "the vCard would be too big");
	j->state = card;
	return job_query(
		j, written, &queries[VCARD_PUT], ARGS(of_str(buf_str(&text)), of_jid(j->owner)));
}

static struct step
no_name(struct job *j, const char *name)
{
	return call_error(j, "bad_request", "'%s' is not the name of an element", name);
}

/* The card with one such element, which has that text; empty: with none. */
static struct step
put_text(struct job *j, const char *name, const char *text)
{
	struct xml *card = xml_new(j->arena, NS_VCARD, "vCard");

	if (!is_name(name))
		return no_name(j, name);
	xml_for_each(x, card_of(j))
	{
		if (!xml_is(x, NS_VCARD, name))
			xml_adopt(card, xml_copy(j->arena, x));
	}
	if (*text)
		xml_add_text(j->arena, card, NS_VCARD, name, text);
	return keep_card(j, card);
}

/* Like x (NULL: new), but with these texts in place of what it had of that name; NULL: nothing is left
 * in it. */
static struct xml *
with_parts(struct arena *a, const struct xml *x, const char *name, const char *subname,
	const char *const *texts)
{
	struct xml *out = xml_new(a, NS_VCARD, name);

	xml_for_each(part, x)
	{
		if (!xml_is(part, NS_VCARD, subname))
			xml_adopt(out, xml_copy(a, part));
	}
	for (; *texts; texts++)
		xml_add_text(a, out, NS_VCARD, subname, *texts);
	return out->first ? out : NULL;
}

/* In the first element of that name, or a new one; texts end with NULL. */
static struct step
put_parts(struct job *j, const char *name, const char *subname, const char *const *texts)
{
	struct xml *card = xml_new(j->arena, NS_VCARD, "vCard"), *one;
	const struct xml *was = card_of(j), *first = xml_child(was, NS_VCARD, name);

	if (!is_name(name) || !is_name(subname))
		return no_name(j, is_name(name) ? subname : name);
	one = with_parts(j->arena, first, name, subname, texts);
	xml_for_each(x, was)
	{
		struct xml *now = x == first ? one : xml_copy(j->arena, x);

		if (now)
			xml_adopt(card, now);
	}
	if (!first && one)
		xml_adopt(card, one);
	return keep_card(j, card);
}

static struct step
changed(struct job *j)
{
	const struct set_args *a = CALL_ARGS(j, struct set_args);

	return put_text(j, a->name, a->content);
}

static struct step
nickname_changed(struct job *j)
{
	return put_text(j, "NICKNAME", CALL_ARGS(j, struct nickname_args)->nickname);
}

static struct step
part_changed(struct job *j)
{
	const struct set_part_args *a = CALL_ARGS(j, struct set_part_args);
	const char *texts[] = { *a->content ? a->content : NULL, NULL };

	return put_parts(j, a->name, a->subname, texts);
}

static struct step
parts_changed(struct job *j)
{
	const struct set_parts_args *a = CALL_ARGS(j, struct set_parts_args);
	static const char *const none[] = { NULL };
	bool empty = !a->contents || !a->contents[0] || (!*a->contents[0] && !a->contents[1]);

	return put_parts(j, a->name, a->subname, empty ? none : a->contents);
}

static struct step
written(struct job *j)
{
	struct vcard_event ev = {
		.head = { j->worker, j->host }, .account = j->account, .card = j->state
	};

	(void)hook_vcard_changed(&ev); /* it is done, nobody can stop it */
	return call_done(j);
}

static const struct command commands[] = {
	{ "get_vcard", "vcard", COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST | COMMAND_ONE_ROW,
		get_fields, sizeof(struct get_args), get_run, "content",
		"Print an element of an account's vCard", "get_vcard alice example.org NICKNAME" },
	{ "get_vcard2", "vcard", COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST | COMMAND_ONE_ROW,
		get_fields, sizeof(struct get_args), get_run, "content", "The same as get_vcard",
		"get_vcard2 alice example.org N FAMILY" },
	{ "set_vcard", "vcard", COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, set_fields,
		sizeof(struct set_args), set_run, NULL, "Set an element of an account's vCard",
		"set_vcard alice example.org NICKNAME Ali" },
	{ "get_vcard2_multi", "vcard", COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST, part_fields,
		sizeof(struct part_args), get_parts_run, "content",
		"List the texts of all such elements in an account's vCard",
		"get_vcard2_multi alice example.org ORG ORGUNIT" },
	{ "set_vcard2", "vcard", COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST,
		set_part_fields, sizeof(struct set_part_args), set_part_run, NULL,
		"Set an element in an element of an account's vCard",
		"set_vcard2 alice example.org N FAMILY Liddell" },
	{ "set_vcard2_multi", "vcard", COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST,
		set_parts_fields, sizeof(struct set_parts_args), set_parts_run, NULL,
		"Set several such elements in an element of an account's vCard",
		"set_vcard2_multi alice example.org ORG ORGUNIT Sales,Export" },
	{ "set_nickname", "vcard", COMMAND_WRITE | COMMAND_AT_ACCOUNT | COMMAND_MUST_EXIST,
		nickname_fields, sizeof(struct nickname_args), nickname_run, NULL,
		"Set the nickname in an account's vCard", "set_nickname alice example.org Ali" },
	END_COMMANDS,
};

/* ---- Moving to another server ------------------------------------------------------- */

static void
leave_ask(struct leaving *l, struct asks *asks)
{
	struct value owner = of_jid(l->home.jid);

	asks_add(asks, &queries[VCARD_LOAD], &owner, 1);
}

static bool
leave_write(struct leaving *l, const struct rows *const *rows)
{
	if (rows[0]->count > 0) {
		buf_put_str(l->out, row_str(rows[0], 0, 0));
		buf_put_char(l->out, '\n');
	}
	return false;
}

static enum portable_taken
arrive(struct arriving *a, void *state, const struct xml *x, const struct xml *within)
{
	AUTO(buf_fini) struct buf card = BUF_INIT;

	(void)state;
	(void)within;
	kept_write(&card, x);
	if (options(a->host) && buf_str(&card).n > (size_t)options(a->host)->max_size)
		return arriving_refuse(a, "a vCard that is too big");
	arriving_add(a, &queries[VCARD_ARRIVE],
		(const struct value[]){ of_jid(a->home->jid), of_str(buf_str(&card)) }, 2);
	return PORTABLE_TAKEN;
}

static void
clear(const struct home *h, struct asks *asks)
{
	struct value owner = of_jid(h->jid);

	asks_add(asks, &queries[VCARD_DELETE], &owner, 1);
}

static const struct portable_tag tags[] = {
	{ NS_VCARD, "vCard", PORTABLE_WHOLE },
	{ NULL, NULL, PORTABLE_WHOLE },
};

static const struct portable portable = {
	.name = "vcard",
	.counted = "vCards",
	.order = 30,
	.tags = tags,
	.ask = leave_ask,
	.write = leave_write,
	.take = arrive,
	.clear = clear,
};

MODULE(vcard) = {
	IDENTITY(vcard),
	.summary = "Keeps a vCard for each account",
	.xeps = XEPS({ 54, "1.3.0", XEP_PARTIAL, "no vCard of the server" }),
	.options = fields,
	.options_size = sizeof(struct vcard_options),
	.features = FEATURES(NS_VCARD),
	.account_features = FEATURES(NS_VCARD),
	.iqs =
		(const struct iq_handler[]){
			{ NS_VCARD, "vCard", ON_GET, TO_SELF | TO_ACCOUNT, get },
			{ NS_VCARD, "vCard", ON_SET, TO_SELF, set },
			{ NS_VCARD, "vCard", ON_SET, TO_ACCOUNT | TO_NOBODY, refuse },
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
