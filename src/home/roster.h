/*
 * roster.h -- RFC 6121 section 2 and the subscription states of section 3 and appendix A.
 *
 * The roster is in memory as long as its account is.  A change is made in memory first, then
 * written, and only when it is committed is it pushed and answered; writes of one account keep
 * their order.  Versions (2.6) grow with each change; removed items leave a tombstone so that an
 * old client is told, up to a number that is bounded.
 *
 * Runs on: the account's home.
 */
#ifndef HOME_ROSTER_H
#define HOME_ROSTER_H

#include "base/hash.h"
#include "home/job.h"
#include "store/asks.h"

struct iq_handler;

enum subscription { SUB_NONE, SUB_TO, SUB_FROM, SUB_BOTH, SUB_REMOVED };

struct roster_item {
	struct hash_node node; /* key: contact's bare JID */
	struct jid contact;
	char *name; /* NULL: none */
	char **groups; /* NULL-terminated, or NULL */
	enum subscription subscription;
	bool ask; /* pending out */
	bool approved; /* pre-approved */
	bool in_roster; /* false: only pending in, or a tombstone; never shown */
	const struct stanza *pending; /* pending in: the request */
	msec_t pending_at; /* wall */
	bool removed; /* tombstone: version says when */
	int64_t version;
};

struct roster {
	struct hash items;
	int64_t version;
};

struct roster_item *roster_find(const struct account *a, struct jid contact);

static inline bool
roster_sees_me(const struct roster_item *i)
{
	return i && (i->subscription == SUB_FROM || i->subscription == SUB_BOTH);
}

static inline bool
roster_i_see(const struct roster_item *i)
{
	return i && (i->subscription == SUB_TO || i->subscription == SUB_BOTH);
}

/* Is it subscribe, subscribed, unsubscribe or unsubscribed? */
static inline bool
is_subscription(const struct stanza *s)
{
	return s->kind == STANZA_PRESENCE && s->type >= PRESENCE_SUBSCRIBE &&
	       s->type <= PRESENCE_UNSUBSCRIBED;
}

/* Such a stanza that a session of the account sends.  It takes its turn in the home's gate. */
void subscription_out(struct session *s, const struct stanza *presence, const struct receipt *r);
/* One that reached the account; the same. */
void subscription_in(struct account *a, const struct stanza *presence, const struct receipt *r);
/* Pending requests to a session that became available. */
void subscription_show_pending(struct session *s);

/* ---- Within the roster's files --------------------------------------------- */

/* Adds an empty item (not in the roster yet). */
struct roster_item *roster_add(struct account *a, struct jid contact);
/* Forgets the item if nothing keeps it (not shown, nothing pending, no tombstone). */
void roster_tidy(struct account *a, struct roster_item **i);
/* Items shown to clients. */
size_t roster_count(const struct account *a);
/* name and groups are copied; groups NULL: none. */
void roster_set_groups(struct roster_item *i, const char *const *groups);
/* The item changed: next version, statements into asks; *shown is what roster_written will tell,
 * with its texts in arena. */
void roster_write(struct account *a, struct roster_item *i, struct asks *asks, struct arena *arena,
	struct roster_item *shown);
/* That is committed: pushed to the sessions that want it, and modules are told. */
void roster_written(struct account *a, const struct roster_item *shown);
/* Both in a job: the statements and extra (may be NULL) are one transaction, then next runs.  A
 * failed write taints the account; the job ends with an error. */
MUST_CHECK struct step roster_commit(
	struct job *j, step_fn *next, struct roster_item *i, const struct ask *extra);
/* Pushes can bring a client from that version to the present. */
bool roster_knows_version(const struct roster *r, int64_t version);
/* Of a roster that begins. */
int64_t roster_first_version(void);
/* <item/> as clients see it. */
struct xml *roster_item_xml(struct arena *arena, struct xml *parent, const struct roster_item *i);
/* Sends the push of one item to a session, or to all that want the roster (NULL). */
void roster_push(struct account *a, struct session *only, const struct roster_item *i);

/* Administration: sets or removes an item without asking anybody; job continues at next when it
 * is committed and pushed.  What is removed may be a request that waits; j->state survives it. */
MUST_CHECK struct step roster_admin_set(struct job *j, step_fn *next, struct jid contact,
	const char *name, const char *const *groups, enum subscription subscription);
MUST_CHECK struct step roster_admin_remove(struct job *j, step_fn *next, struct jid contact);

/* The account was deleted: unavailable, unsubscribe and unsubscribed to each contact, as its
 * subscription asks for. */
void roster_leave_all(struct account *a);
/* The core's handlers, END_IQS. */
extern const struct iq_handler roster_iqs[];

/* Loading: queries with the owner's bare JID as only parameter (account.c asks them with its
 * own; roster.c has more behind them), and what their rows become. */
enum roster_query {
	ROSTER_LOAD_ITEMS,
	ROSTER_LOAD_VERSION,
	ROSTER_LOAD_PENDING,
	ROSTER_LOAD_COUNT,
	ROSTER_PUT = ROSTER_LOAD_COUNT,
	ROSTER_PUT_VERSION,
	PENDING_PUT,
	PENDING_DELETE,
	ROSTER_DELETE_REMOVED,
	ROSTER_DELETE_ALL,
	ROSTER_VERSION_DELETE,
	PENDING_DELETE_ALL,
};

extern const struct query roster_queries[]; /* begins with these; homes_init registers all of it */
void roster_load(struct account *a, const struct rows *items, const struct rows *version,
	const struct rows *pending);
void roster_drop(struct roster **r);

/* ---- The state machine of appendix A: pure, for tests ------------------------------ */

enum subscription_event {
	EVENT_SUBSCRIBE,
	EVENT_UNSUBSCRIBE,
	EVENT_SUBSCRIBED,
	EVENT_UNSUBSCRIBED
};

struct subscription_state {
	enum subscription subscription; /* none, to, from, both */
	bool ask, pending_in, approved;
};

struct subscription_change {
	struct subscription_state after;
	bool route; /* outbound: send it to the contact */
	bool deliver; /* inbound: show it to the user */
	bool answer; /* inbound: answer on the user's behalf (subscribed, or unsubscribed to an unsubscribe) */
};

struct subscription_change subscription_sent(
	struct subscription_state s, enum subscription_event e);
struct subscription_change subscription_received(
	struct subscription_state s, enum subscription_event e);

#endif
