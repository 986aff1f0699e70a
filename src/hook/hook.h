/*
 * hook.h -- where features listen to the core.
 *
 * hooks.def is the only list.  From it come the enum, the typed union, one event struct each and
 * one runner each: hook_message_sent(&event).  Handlers are declared in a module's table (ON) and
 * never wait: what they need was loaded with the account (slots), what they start is a job.  A
 * handler runs only on hosts where its module is enabled.
 *
 * Runs on: main (hook_add), the place that hooks.def names (the rest).
 */
#ifndef HOOK_HOOK_H
#define HOOK_HOOK_H

#include <stdbool.h>
#include <stdint.h>

struct account;
struct arena;
struct config;
struct handed;
struct host;
struct receipt;
struct roster_item;
struct session;
struct stanza;
struct stream_info;
struct worker;
struct xml;
struct ask;
struct asks;

enum verdict { PASS, STOP };

/* ---- Events: what a handler sees --------------------------------------------- */

/* Every event begins with these. */
struct event_head {
	struct worker *worker;
	const struct host *host;
};

/* For room_message_missed. */
struct room_event {
	struct event_head head;
	struct account *account; /* the member's */
	const struct stanza *message; /* from room/nick */
	int64_t id; /* in the room's archive */
};

/* For conversations: statements whose rows are (address, number of its archive, since when the
 * account is in it as an id of that archive). */
struct conversations_event {
	struct event_head head;
	struct account *account;
	struct asks *asks;
};

struct features_event {
	struct event_head head;
	const struct stream_info *stream; /* home/stream_info.h */
	struct arena *arena;
	struct xml *features; /* add children here */
};

struct stanza_event {
	struct event_head head;
	struct account *account; /* whose home this is */
	struct session *session; /* sender's session (out), or NULL */
	const struct stanza *stanza; /* borrowed; replace it with event_replace */
	const struct stanza *owned; /* the runner's caller drops it */
};

struct message_event {
	struct event_head head;
	struct account *account;
	struct session *session; /* sender's session (sent), or NULL */
	const struct stanza *stanza;
	const struct stanza *owned;
	const struct receipt
		*receipt; /* owed to the sender; a handler that STOPs gives it when it is done */
	/* sent, arrived: statements that must be on disk before the message goes on (asks_add); else
	 * NULL. */
	struct asks *asks;
	int64_t archive_id; /* in the account's archive, set by who archives it; 0: not archived */
	/* See struct passage of home/gate.h. */
	bool again, once;
	unsigned found;
	const struct session
		*only; /* delivered: the one it was written to; NULL: deliver_reaches */
	struct handed *handed; /* delivered: for session_hand of copies; NULL for types that may
				* get lost */
	bool late; /* delivered: it had been kept, and was nobody's news any more */
	/* home_next_id when it came: the id under which it is archived or kept, so its place among what
	 * is, and when it came (home_id_time).  0: unknown. */
	int64_t place;
};

/* What is about to be written to a session (session->filters). */
struct out_event {
	struct event_head head;
	struct account *account;
	struct session *session;
	const struct stanza *stanza;
};

/* An element that is no stanza, from a client with a session. */
struct element_event {
	struct event_head head;
	struct account *account;
	struct session *session;
	const struct xml *element;
};

struct session_event {
	struct event_head head;
	struct account *account;
	struct session *session;
	const struct stanza *presence; /* that made it so, or NULL */
};

/* For account_removed: statements of one transaction. */
#define ACCOUNT_ASKS_MAX 64

struct account_event {
	struct event_head head;
	struct account *account;
	struct ask *asks; /* room for ACCOUNT_ASKS_MAX */
	unsigned count;
	struct arena *arena;
};

struct roster_event {
	struct event_head head;
	struct account *account;
	const struct roster_item *item; /* as it is now; subscription SUB_REMOVED when gone */
};

struct disco_event {
	struct event_head head;
	struct account *account; /* whose info is asked for, or NULL: the host's */
	const struct stanza *iq; /* NULL: nobody asks, the host's capabilities are hashed */
	const char *node; /* or NULL */
	struct arena *arena;
	struct xml *query;
	bool known; /* set it true when the node is yours */
};

struct worker_event {
	struct event_head head; /* host NULL: for all modules */
};

struct config_event {
	struct event_head head;
	const struct config *was, *is;
};

struct contact_event {
	struct event_head head;
	struct account *account;
	const struct roster_item *item;
};

struct vcard_event {
	struct event_head head;
	struct account *account;
	const struct xml *card;
};

/* Of a node that belongs to the account (XEP-0163). */
struct pep_event {
	struct event_head head;
	struct account *account;
	const char *node, *item;
	const struct xml *payload; /* NULL: the item was retracted */
};

/* ---- The table ---------------------------------------------------------------- */

enum hook_id {

#define HOOK(name, event, at, meaning) HOOK_##name,
#include "hook/hooks.def"
#undef HOOK
	HOOK_COUNT
};

union hook_fn {
#define HOOK(name, event, at, meaning) enum verdict (*name)(struct event * ev);
#include "hook/hooks.def"
#undef HOOK
	void (*any)(void);
};

/* Order bands. */
enum hook_order {
	ORDER_FILTER = 10,
	ORDER_STAMP = 30,
	ORDER_NORMAL = 50,
	ORDER_ARCHIVE = 70,
	ORDER_OBSERVE = 90
};

struct hook {
	enum hook_id id;
	int order;
	union hook_fn fn;
};

/* A row of a module's table; a handler of the wrong type does not compile. */
#define ON(name, order, f)                                                                         \
	{                                                                                          \
		HOOK_##name, (order),                                                              \
		{                                                                                  \
			.name = (f)                                                                \
		}                                                                                  \
	}
#define END_HOOKS                                                                                  \
	{                                                                                          \
		HOOK_COUNT, 0,                                                                     \
		{                                                                                  \
			.any = NULL                                                                \
		}                                                                                  \
	}

/* Registers one handler for a module (its index in the configuration); before workers start. */
void hook_add(const struct hook *h, unsigned module);
/* Name and meaning for the reference. */
const char *hook_name(enum hook_id id);

/* Somebody listens; before a costly runner. */
bool hook_has(enum hook_id id);

/* Typed runners: STOP if a handler stopped. */
#define HOOK(name, event, at, meaning) enum verdict hook_##name(struct event *ev);
#include "hook/hooks.def"
#undef HOOK

/* Replaces the event's stanza by s (taken); the replaced one is dropped if the event owned it. */
#define event_replace(ev, s)                                                                       \
	do {                                                                                       \
		const struct stanza *event_new_ = (s);                                             \
		stanza_unref(&(ev)->owned);                                                        \
		(ev)->owned = (ev)->stanza = event_new_;                                           \
	} while (0)

#endif
