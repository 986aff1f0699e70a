/*
 * commands_message.c -- stanzas that an administrator sends in anybody's name.
 *
 * Runs on: the worker where the call began.
 */
#include "admin/command_own.h"

#include "base/utf8.h"
#include "home/router.h"
#include "xml/parse.h"

/* ---- Arguments ------------------------------------------------------------------------- */

struct message_args {
	int64_t type;
	const char *from, *to, *subject, *body;
};

struct stanza_args {
	const char *from, *to, *stanza;
};

static const char *const message_types[] = { [MESSAGE_NORMAL] = "normal",
	[MESSAGE_CHAT] = "chat",
	[MESSAGE_GROUPCHAT] = "groupchat",
	[MESSAGE_HEADLINE] = "headline",
	NULL };

#define ADDRESS_FIELDS(T)                                                                          \
	TEXT_FIELD(T, from, .min = 1, .flags = FIELD_REQUIRED, .doc = "Address of the sender"),    \
		TEXT_FIELD(T, to, .min = 1, .flags = FIELD_REQUIRED,                               \
			.doc = "Address of the recipient")

static const struct field message_fields[] = {
	ENUM_FIELD(struct message_args, type, .choices = message_types, .flags = FIELD_REQUIRED,
		.doc = "Type of the message"),
	ADDRESS_FIELDS(struct message_args),
	TEXT_FIELD(struct message_args, subject, .flags = FIELD_REQUIRED | FIELD_SECRET,
		.doc = "Subject; may be empty"),
	TEXT_FIELD(struct message_args, body, .flags = FIELD_REQUIRED | FIELD_SECRET,
		.doc = "Text; may be empty"),
	END_FIELDS,
};

static const struct field stanza_fields[] = {
	ADDRESS_FIELDS(struct stanza_args),
	TEXT_FIELD(struct stanza_args, stanza, .min = 1, .flags = FIELD_REQUIRED | FIELD_SECRET,
		.doc = "A message, presence or iq element"),
	END_FIELDS,
};

/* ---- Send --------------------------------------------------------------------------------- */

struct way {
	struct jid from, to;
};

/* True: *way is where to go; false: *error says why there is none. */
static bool
find_way(struct job *j, const char *from, const char *to, struct way *way, struct step *error)
{
	const char *wrong = NULL;

	if (jid_parse(j->arena, str_of(from), &way->from) != JID_OK)
		wrong = from;
	else if (jid_parse(j->arena, str_of(to), &way->to) != JID_OK)
		wrong = to;
	if (wrong)
		*error = call_error(j, "invalid_jid", "'%s' is not an address", wrong);
	else if (!route_host(j->worker, jid_domain(way->to)))
		*error = call_error(j, "not_found", "host %.*s is not served here",
			STR_ARG(jid_domain(way->to)));
	else
		return true;
	return false;
}

static struct step
send_message_run(struct job *j)
{
	const struct message_args *a = CALL_ARGS(j, struct message_args);
	struct arena *arena;
	const struct stanza *s;
	struct step error;
	struct xml *top;
	struct way way;

	if (!find_way(j, a->from, a->to, &way, &error))
		return error;
	if (utf8_count(str_of(a->body)) > STANZA_BODY_MAX)
		return call_error(
			j, "too_large", "the body has more than %d characters", STANZA_BODY_MAX);
	arena = arena_new(0);
	top = xml_new(arena, NS_CLIENT, "message");
	if (*a->subject)
		xml_add_text(arena, top, NS_CLIENT, "subject", a->subject);
	if (*a->body)
		xml_add_text(arena, top, NS_CLIENT, "body", a->body);
	s = stanza_new(&arena, STANZA_MESSAGE, (int)a->type, way.from, way.to, NULL, top->first);
	route(j->worker, &s, NO_RECEIPT);
	return call_done(j);
}

/* The only element of the text, as if it came on a client's stream; NULL: it is not that.
 * *arena is the caller's. */
static const struct xml *
parse(struct str text, struct arena **arena)
{
	static const struct parse_limits limits = { 1024 * 1024, 64, 64 };
	struct parser *p = parser_new();
	const struct xml *element = NULL, *more;
	struct arena *other = NULL;

	parser_limit(p, &limits);
	parser_resume(p, STR_NONE);
	text = str_trim(text);
	parser_feed(p, text.p, text.n);
	if (parser_next(p, arena, &element) != PARSED_ELEMENT)
		element = NULL;
	else if (parser_next(p, &other, &more) != PARSED_MORE || !parser_is_idle(p))
		element = NULL;
	arena_free(&other);
	if (!element)
		arena_free(arena);
	parser_free(&p);
	return element;
}

static bool
is_stanza(const struct xml *x)
{
	return xml_is(x, NS_CLIENT, "message") || xml_is(x, NS_CLIENT, "presence") ||
	       xml_is(x, NS_CLIENT, "iq");
}

static struct step
send_stanza_run(struct job *j)
{
	const struct stanza_args *a = CALL_ARGS(j, struct stanza_args);
	const struct stanza *s, *addressed;
	struct problem why = { COND_NONE, NULL };
	struct arena *arena = NULL;
	const struct xml *x;
	struct step error;
	struct way way;

	if (!find_way(j, a->from, a->to, &way, &error))
		return error;
	x = parse(str_of(a->stanza), &arena);
	if (!x || !is_stanza(x)) {
		arena_free(&arena);
		return call_error(j, "bad_request",
			"expected one message, presence or iq element of well-formed XML");
	}
	s = stanza_parse(&arena, x, way.from, NULL, &why, NULL);
	if (!s)
		return call_error(j, "bad_request", "not a stanza: %s%s%s", cond_name(why.cond),
			why.text ? ": " : "", why.text ? why.text : "");
	addressed = stanza_readdress(s, way.from, way.to);
	stanza_unref(&s);
	route(j->worker, &addressed, NO_RECEIPT);
	return call_done(j);
}

/* ---- The table ------------------------------------------------------------------------------ */

#define TAG "messages"
#define ARGS_OF(name) name##_fields, sizeof(struct name##_args)

const struct command commands_message[] = {
	{ "send_message", TAG, COMMAND_WRITE | COMMAND_SECRET, ARGS_OF(message), send_message_run,
		NULL, "Send a message",
		"send_message headline example.org alice@example.org '' 'Back in five minutes'" },
	{ "send_stanza", TAG, COMMAND_WRITE | COMMAND_SECRET, ARGS_OF(stanza), send_stanza_run,
		NULL, "Send a stanza",
		"send_stanza example.org alice@example.org '<message><body>Hi</body></message>'" },
	END_COMMANDS,
};
