/*
 * home.h -- the place where all that belongs to one bare JID happens.
 *
 * A home is an account or another entity with an address (a room, later): cold until first used,
 * then loading, then warm; mail that arrives while it loads waits (bounded).  It is dropped when
 * nothing needs it (no pins, nothing waiting) for a while.  Homes of one worker are found by bare
 * JID; each bare JID has its home on place_of(bare).
 *
 * Runs on: the home's worker.
 */
#ifndef HOME_HOME_H
#define HOME_HOME_H

#include "base/hash.h"
#include "base/list.h"
#include "config/config.h"
#include "run/timer.h"
#include "xmpp/stanza.h"

struct home;

/* What a home owes the session that sent it a stanza: «I took responsibility» (delivered,
 * stored, or refused with an error). worker NULL: nobody waits.  It bounds what is under way for
 * a session, and is what acks will rest on. */
struct receipt {
	struct worker *worker; /* the session's home */
	uint32_t slot, generation; /* of the session */
	uint32_t sequence; /* of the stanza in that session */
};

#define RECEIPT_NONE ((struct receipt){ NULL, 0, 0, 0 })
#define NO_RECEIPT (&(const struct receipt){ NULL, 0, 0, 0 })

enum home_state { HOME_LOADING, HOME_WARM };

struct home_kind {
	const char *name; /* "account" */
	size_t size; /* of the struct that begins with a struct home */
	msec_t linger; /* how long it stays warm unused */
	/* Start loading; call home_loaded when done, home_failed when the store is away. */
	void (*load)(struct home *h);
	/* False: not worth keeping once it is unpinned; NULL: always worth it. */
	bool (*keep)(const struct home *h);
	/* A stanza for this home, which is warm.  The callee owes the receipt. s is borrowed. */
	void (*stanza)(struct home *h, const struct stanza *s, const struct receipt *r);
	/* Give back what the struct holds. */
	void (*drop)(struct home *h);
};

/* gate.h */
struct gate {
	struct list list; /* what waits */
	unsigned count;
	size_t bytes;
	bool is_moving; /* what is at the head passes */
};

struct home {
	struct hash_node node;
	struct worker *worker;
	const struct home_kind *kind;
	struct jid jid; /* bare; its text belongs to the home */
	enum home_state state;
	unsigned pins; /* sessions, jobs: keeps it warm */
	unsigned waiting_count;
	struct list waiting; /* struct home_wait */
	struct list idle; /* among its worker's unpinned homes, least recently used first */
	struct timer linger;
	msec_t used; /* mono; when it was last needed while unpinned */
	int64_t last_id; /* home_next_id */
	int64_t number; /* of the owner of its archive, never 0 once it is loaded (archive.h) */
	unsigned number_state; /* archive.c's */
	unsigned reading; /* archive_query.c's: pages of its archive that are being read */
	int64_t delivered; /* archive.h, «What nobody got yet» */
	struct gate gate;
};

/* Something that waits until the home is warm; embed.  ok false: it could not be loaded. */
struct home_wait {
	struct list link;
	void (*ready)(struct home *h, struct home_wait *wait, bool ok);
};

/* Stanzas that may wait for one home. */
#define HOME_WAITING_MAX 1000
/* Unpinned homes that a worker keeps. */
#define HOMES_IDLE_MAX 200000

/* Main, after workers_init and before store_open (registers the core's queries) and
 * workers_start. */
void homes_init(void);
/* Main, after workers_stop and store_close: drops all homes of a worker; what still waits is
 * dropped silently. */
void homes_fini(struct worker *w);

/* The home if it is in memory (loading or warm), or NULL. */
struct home *home_find(struct worker *w, struct str bare);
/* Calls wait->ready when the home of jid (bare, on this worker) is warm: at once if it is, and
 * at once with false when HOME_WAITING_MAX wait already.  A ready home stays at least until the
 * turn ends; pin it to keep it. */
void home_with(
	struct worker *w, const struct home_kind *kind, struct jid bare, struct home_wait *wait);
void home_loaded(struct home *h);
void home_failed(struct home *h);
void home_pin(struct home *h);
void home_unpin(struct home *h);
/* Drops it now if unpinned (an account that was deleted, or never existed). */
void home_forget(struct home *h);
/* Host of its domain in the worker's configuration; NULL if it is no longer served. */
const struct host *home_host(const struct home *h);
/* Time-ordered, unique and growing within this home, whatever the clock does: milliseconds <<
 * HOME_ID_BITS | sequence. */
#define HOME_ID_BITS 20
int64_t home_next_id(struct home *h);

/* Milliseconds since 1970 in it: the time at which it was given, as far as the clock was right. */
static inline msec_t
home_id_time(int64_t id)
{
	return id >> 20;
}

/* Ids given from now on are greater than id (the greatest one in the store, at load). */
void home_id_floor(struct home *h, int64_t id);
/* Every home of the worker that is warm and of that kind. */
void homes_each(struct worker *w, const struct home_kind *kind,
	void (*fn)(struct home *h, void *ctx), void *ctx);
size_t homes_count(const struct worker *w);
/* After the worker changed over to a configuration: homes of hosts that are no longer in it do not linger;
 * if their host comes back, they are loaded anew. */
void homes_leave(struct worker *w);
/* False at the end, when nothing happens at homes any more. */
bool homes_open(const struct worker *w);

#endif
