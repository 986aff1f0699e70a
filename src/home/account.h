/*
 * account.h -- a local user at home: sessions, roster, pending requests, modules' slots.
 *
 * Loaded with one store request (the core's and all slots' queries together), so hooks never wait.
 *
 * Runs on: the account's home.
 */
#ifndef HOME_ACCOUNT_H
#define HOME_ACCOUNT_H

#include "home/home.h"
#include "store/store.h"

struct roster;
struct session;
struct sm_expired;
struct step;

struct account {
	struct home home; /* first */
	bool exists; /* has a row; a name that nobody registered is warm only for a moment */
	bool disabled;
	struct list sessions; /* struct session.link */
	unsigned sessions_count, available_count;
	struct roster *roster; /* roster.h; loaded with the account */
	void **slots; /* modules' state by slot index; NULL if there are none */
	msec_t last_unavailable; /* wall; when its last session became unavailable; 0: unknown */
	char *last_status; /* of that presence, or NULL */
	bool tainted; /* its roster is being loaded again: it is not changed meanwhile */
	struct timer reload; /* when the store was away for that */
	struct sm_expired *expired; /* sm.c: sessions that could have been resumed, or NULL */
	unsigned expired_count;
	bool returning; /* it is loaded with its sessions of before a restart */
	/* Its rows are being written or deleted by who is to load it again: no resource can be bound, and
	 * nobody can register the name. */
	bool reserved;
};

extern const struct home_kind account_kind;

static inline struct account *
account_of(struct home *h)
{
	return (struct account *)h;
}

/* The account if it is warm here, or NULL. */
struct account *account_find(struct worker *w, struct str bare);
struct session *account_session(const struct account *a, struct str resource);

/* Per-account state of a module: zeroed, filled from its query's rows before the account sees
 * its first stanza. */
struct slot {
	size_t size;
	/* One parameter, the owner's bare JID; NULL: nothing to load. */
	const struct query *load;
	void (*loaded)(struct account *a, void *slot, const struct rows *rows);
	void (*drop)(void *slot);
};

/* Main, before workers start. Returns the slot's index. */
unsigned slot_add(const struct slot *s);
void *account_slot(const struct account *a, unsigned index);

/* The contact may see this account's presence (from or both), or is the account itself. */
bool account_shares_presence(const struct account *a, struct jid contact);
/* A write failed: what is in memory may be more than what is on disk; loads the roster again. */
void account_taint(struct account *a);
/* All that the account is loaded with is asked for again, since its rows were changed behind it; no
 * session may be there.  next runs whatever happens, and begins with account_take_again: false, and
 * nothing changed, if the store was away. */
struct job;
MUST_CHECK struct step account_ask_again(struct job *j, struct step (*next)(struct job *j));
MUST_CHECK bool account_take_again(struct job *j);
/* Its rows were deleted: roster and slots are as for a name that nobody registered. */
void account_reset(struct account *a);

#define for_each_session(it, account) list_for_each(it, &(account)->sessions, struct session, link)

#endif
