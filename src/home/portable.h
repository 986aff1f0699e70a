/*
 * portable.h -- what an account takes along when it moves (XEP-0227).
 *
 * The core and modules each say of what is theirs how it is written into a file, read from one, and
 * deleted.  A file holds <user/> elements; each part owns some of their children.
 *
 * Whoever writes a file reads rows page by page, off the account's home, which is neither loaded nor
 * held.  Whoever reads one is at the home of an account that does not exist yet: parts only make
 * statements, and the account is loaded when all of them are committed.
 *
 * Runs on: where the file is written or read.
 */
#ifndef HOME_PORTABLE_H
#define HOME_PORTABLE_H

#include "home/home.h"
#include "store/asks.h"

#define NS_PIE "urn:xmpp:pie:0"
/* What only Bongsu writes; others pass it over (XEP-0227 4). */
#define NS_PIE_OWN "urn:bongsu:pie:0"

#define PORTABLE_MAX 32

/* ---- Writing ----------------------------------------------------------------------- */

struct leaving {
	struct home
		home; /* stands for the account's: its address, the number of its archive (0: it has
			   * none), what was delivered of it */
	struct arena *arena; /* as long as this part is written */
	void *state; /* the part's, in arena; NULL at its begin */
	struct buf *out;
};

/* ---- Reading ----------------------------------------------------------------------- */

enum portable_form {
	PORTABLE_WHOLE, /* the element is taken as it is */
	PORTABLE_CHILDREN, /* each of its children is */
	PORTABLE_GRANDCHILDREN, /* the tag of each child, and if that is noted each of its children */
};

/* A child of <user/>, in any of the namespaces; <user/> itself is one, of which only the tag is
 * shown. */
struct portable_tag {
	const char *ns, *name; /* ns NULL: end */
	enum portable_form form;
};

enum portable_taken {
	PORTABLE_TAKEN, /* and counted */
	PORTABLE_NOTED, /* taken, but nothing to count */
	PORTABLE_ASKS, /* a->question is to be asked first, and a->answer given */
	PORTABLE_LEFT_OUT, /* a->why says why, or is NULL: not worth telling */
};

struct arriving {
	const struct host *host;
	struct home *home; /* the account's, pinned */
	struct arena *arena; /* until what was made of it is on disk */
	struct arena *lasting; /* until the account is complete */
	struct ask *asks; /* what gathered; count of room */
	size_t count, room, bytes;
	struct ask question; /* in arena */
	const struct rows *answer; /* NULL: the element is seen for the first time */
	const char *why;
	bool knows_left; /* the archive in the file tells what waits, so copies of it are passed over */
	void *states[PORTABLE_MAX];
	unsigned long counts[PORTABLE_MAX]; /* of what was taken */
};

/* One more statement; values and texts are copied. */
void arriving_add(
	struct arriving *a, const struct query *q, const struct value *args, size_t count);
/* All of the list, which is emptied. */
void arriving_add_all(struct arriving *a, struct asks *asks);
/* For the end of a part's take. */
enum portable_taken arriving_refuse(struct arriving *a, const char *why);

/* ---- Parts -------------------------------------------------------------------------- */

struct portable {
	const char *name; /* of what it is: «roster»; what delete_user_data takes */
	const char *counted; /* what an import counts, «contacts»; NULL: nothing */
	unsigned order; /* in the file */
	/* Of several parts with the same name only the statements of clear are joined. */
	const struct portable_tag *tags; /* NULL: none */
	size_t state_size; /* of what lasts while an account is read; zeroed */
	/* The next page's statements, as far as is known from l->state, and what their rows become.  write:
	 * true if there is another page.  NULL: nothing is written. */
	void (*ask)(struct leaving *l, struct asks *asks);
	bool (*write)(struct leaving *l, const struct rows *const *rows);
	/* Takes one element; within: the tag around it, or NULL if that is <user/>. */
	enum portable_taken (*take)(
		struct arriving *a, void *state, const struct xml *x, const struct xml *within);
	/* Costly arithmetic, on a chore thread, when all is read. */
	void (*chore)(void *state);
	/* The last statements; they are committed together with those of all parts.  May set a->why: what
	 * the administrator should know. */
	void (*finish)(struct arriving *a, void *state);
	/* Adds what deletes all of it: at the account's home; what is in memory is loaded again then. */
	void (*clear)(const struct home *h, struct asks *asks);
};

/* Before workers start; p is kept. */
void portable_add(const struct portable *p);
/* All, in the order of files; *count of them. */
const struct portable *const *portables_all(size_t *count);
/* The part that takes a child of <user/>, or NULL. */
const struct portable *portable_find(const struct xml *tag, enum portable_form *form);
/* Deletes that account's rows of every part (clear): at most PORTABLE_MAX * ASKS_MAX statements, in
 * a; what NULL: of all parts, else of those with that name.  Returns their number. */
size_t portable_clear(struct arena *a, const struct home *h, const char *what, struct ask **asks);
/* Gives back what gathered, without its arena. */
void arriving_fini(struct arriving *a);
/* The state of the part in an import. */
void *arriving_state(struct arriving *a, const struct portable *p);
size_t portable_index(const struct portable *p);
/* The core's: account, roster, last activity. */
void portables_init(void);
extern const struct portable portable_roster; /* portable_roster.c */

#endif
