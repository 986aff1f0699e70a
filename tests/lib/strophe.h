/*
 * strophe.h -- clients of libstrophe for test programs: one loop for all of them, and waiting.
 *
 * A client keeps what it received, as text, until a test asks for it.
 *
 * Runs on: the test process
 */
#ifndef TESTS_STROPHE_H
#define TESTS_STROPHE_H

#include "base/attr.h"
#include "tests/lib/server.h"

#include <stdbool.h>

enum security { WITH_STARTTLS, WITH_DIRECT_TLS };

struct client;

/* A client of that account that tries to log in; password NULL: it only opens a stream, to
 * register.  It trusts the server's own certificate and no other. */
struct client *client_new(
	const struct server *s, const char *jid, const char *password, enum security how);
/* Closes the stream and forgets it. */
void client_free(struct client **c);
/* What was sent is written, whatever comes of it. */
void client_flush(struct client *c);
/* Cuts its connection without a word, and waits until it knows. */
void client_cut(struct client *c);
/* Connects it again after that, with what the library remembers of stream management (XEP-0198); what
 * it received and nobody took is still there. */
void client_again(struct client *c, const struct server *s, const char *password);
/* Waits until it is logged in; false: it was refused. */
bool client_online(struct client *c);
/* Waits until its stream is over; false: it is not. */
bool client_gone(struct client *c);
/* The stream error that ended it, as xmpp_error_type_t; -1: none did. */
int client_stream_error(const struct client *c);
bool client_is_secured(const struct client *c);
/* The full JID that the server bound, or NULL. */
const char *client_jid(const struct client *c);
/* Sends that text as it is. */
void client_send(struct client *c, const char *fmt, ...) PRINTF(2, 3);
/* client_expect(c, "<message", "id=\"1\""): waits for a stanza whose text contains all these parts,
 * and takes it from what was received; NULL: it did not come.  Valid until the next call. */
const char *client_expect_all(struct client *c, const char *const *parts);
#define client_expect(c, ...) client_expect_all(c, (const char *const[]){ __VA_ARGS__, NULL })
/* Asks the server for a ping and waits for the answer: what the server had for this client before
 * is here then. */
bool client_settle(struct client *c);
/* Whether a stanza like that is among what was received and not taken. */
bool client_has(const struct client *c, const char *part);
/* Initial presence, and its echo. */
bool client_available(struct client *c);

#endif
