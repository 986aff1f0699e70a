/*
 * mam.h -- what the files of the module share.
 *
 * Runs on: the account's home.
 */
#ifndef MODULES_MAM_H
#define MODULES_MAM_H

#include "module.h"

#define NS_RETRACT "urn:xmpp:message-retract:1"

struct mam_options {
	int64_t page; /* rows of a page if the client does not say how many */
	int64_t page_max;
};

/* ---- prefs.c: XEP-0441 ----------------------------------------------------------------- */

enum mam_default { MAM_ALWAYS, MAM_NEVER, MAM_ROSTER };

struct prefs {
	enum mam_default otherwise;
	struct arena *arena; /* NULL: nothing was ever said */
	struct jid *always, *never; /* bare or full */
	size_t always_count, never_count;
};

extern const struct query mam_prefs_queries[];

enum { PREFS_LOAD, PREFS_PUT, PREFS_DELETE };

void prefs_loaded(struct prefs *p, const struct rows *rows);
void prefs_drop(struct prefs *p);
/* Can be read, as XEP-0441 has it. */
bool prefs_are_good(const struct xml *x);
/* Messages with that address are archived. */
bool prefs_allow(const struct account *a, struct jid other);
step_fn mam_prefs_get, mam_prefs_set;

/* ---- retract.c: XEP-0424 -------------------------------------------------------------------- */

/* The message is in the archive and is perhaps a retraction: a tombstone takes the place of what it
 * retracts. */
void mam_retract(struct account *a, const struct stanza *s, int64_t archive_id);

/* ---- portable.c -------------------------------------------------------------------------------- */

extern const struct portable mam_portable;

/* ---- mam.c ------------------------------------------------------------------------------------ */

/* Private messages of rooms come to each device on its own. */
#define WHISPERS 16
#define WHISPERS_TOLD 64

struct whispered {
	uint64_t hash; /* of sender and id */
	int64_t id; /* of this archive */
};

struct mam {
	struct prefs prefs;
	struct whispered whispers[WHISPERS]; /* a ring: the last ones */
	unsigned whispers_next;
	uint64_t *told; /* by sender, id and device; a ring of WHISPERS_TOLD, or NULL */
	unsigned told_next;
	struct sent sent; /* by this account */
	struct sent failed; /* what came to it and was refused */
};

struct mam *mam_of(const struct account *a);
/* The reference of an entry, by the origin-id or id of its stanza. */
void mam_refer(struct archive_entry *e);

#endif
