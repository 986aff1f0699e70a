/*
 * welcome.c -- greets each new account with a message.
 *
 * A module that is built outside the server's tree, against the installed headers; see Makefile.
 *
 * Runs on: the account's home.
 */
#include "module/module.h"

struct welcome_options {
	const char *text;
};

MODULE_OPTIONS(struct welcome_options)

static const struct field fields[] = {
	TEXT_FIELD(struct welcome_options, text, .dflt = "Welcome!", .min = 1, .max = 10000,
		.flags = FIELD_RELOAD, .doc = "What new accounts are told"),
	END_FIELDS,
};

/* Nobody is logged in yet: the message waits for the first login, as others do. */
static enum verdict
on_created(struct account_event *ev)
{
	struct arena *arena = arena_new(0);
	struct xml *body = xml_new(arena, NS_CLIENT, "body");
	struct jid to = ev->account->home.jid;
	const struct stanza *message;

	xml_text(arena, body, str_of(options(ev->head.host)->text));
	message = stanza_new(&arena, STANZA_MESSAGE, MESSAGE_NORMAL, jid_host(to), to, NULL, body);
	route(ev->head.worker, &message, NULL);
	return PASS;
}

MODULE(welcome) = {
	IDENTITY(welcome),
	.summary = "Greets new accounts",
	.options = fields,
	.options_size = sizeof(struct welcome_options),
	.hooks =
		(const struct hook[]){
			ON(account_created, ORDER_NORMAL, on_created),
			END_HOOKS,
		},
};
