/*
 * bosh.h -- BOSH (XEP-0124, XEP-0206), within src/stream: requests, sessions, answers.
 *
 * A session is a stream whose transport is a row of HTTP requests, each with a number (rid) and one
 * answer.  Requests are processed in the order of their numbers, whatever the order they come in,
 * and answered in that order.
 *
 * Runs on: the stream's worker.
 */
#ifndef STREAM_BOSH_H
#define STREAM_BOSH_H

#include "base/hash.h"
#include "http/http.h"
#include "stream/transport.h"

enum {
	BOSH_HOLD_MAX = 2,
	BOSH_REQUESTS_MAX = BOSH_HOLD_MAX + 1,
	BOSH_POLLING = 2, /* seconds between the requests of a session that holds none */
};

/* 2^53 - 1: what clients can count to. */
#define BOSH_RID_MAX ((UINT64_C(1) << 53) - 1)

struct bosh;

/* ---- Requests: bosh_request.c ---------------------------------------------------- */

struct bosh_request {
	struct list link; /* bosh->inbox or bosh->held */
	struct bosh *bosh; /* that it belongs to */
	struct exchange *x; /* NULL: the client went away */
	struct parser *parser; /* behind the tag of its body */
	struct arena *arena; /* of body */
	const struct xml *body; /* <body/> without its children */
	const char *sid; /* NULL: asks for a session */
	uint64_t rid;
	size_t size; /* bytes */
	msec_t due; /* when it is answered at the latest, once it is held */
	unsigned hops; /* workers where its session was looked for */
	bool secure, terminate, restart, moving;
	bool pause; /* asks for one: pause_for */
	msec_t pause_for;
	bool empty; /* no payload, and none of the above */
};

/* Terminal conditions (XEP-0124 17.2). */
enum bosh_cond {
	BOSH_NO_COND,
	BOSH_BAD_REQUEST,
	BOSH_HOST_UNKNOWN,
	BOSH_IMPROPER_ADDRESSING,
	BOSH_INTERNAL_SERVER_ERROR,
	BOSH_ITEM_NOT_FOUND,
	BOSH_POLICY_VIOLATION,
	BOSH_REMOTE_STREAM_ERROR,
	BOSH_SYSTEM_SHUTDOWN,
	BOSH_HOST_GONE,
};

/* From the bytes of a body, without an exchange; NULL: it is no <body/> with a number, or its tag is
 * larger than max_tag. */
struct bosh_request *bosh_request_parse(struct str bytes, size_t max_tag);
/* What x brings; NULL: the same, which is answered. */
struct bosh_request *bosh_request_read(struct exchange *x, size_t max_tag);
void bosh_request_free(struct bosh_request **r);
/* An attribute in that namespace, or NULL. */
const char *bosh_attr(const struct xml *x, const char *ns, const char *name);
/* A number of seconds, at most max; when there is none, dflt. */
msec_t bosh_seconds(const struct xml *x, const char *name, msec_t max, msec_t dflt);
/* <body type='terminate'/> with a condition, outside of any session; legacy: as the HTTP status that
 * preceded the condition, if there is one (17.1). */
void bosh_refuse(struct exchange *x, enum bosh_cond c, bool legacy);
/* The answer's headers and body; content is its type. */
void bosh_reply(struct exchange *x, const char *content, struct str body);
const char *bosh_cond_name(enum bosh_cond c);
/* There was an HTTP status for it. */
bool bosh_cond_is_old(enum bosh_cond c);

/* ---- Sessions: bosh_session.c ---------------------------------------------------- */

struct bosh_answer {
	uint64_t rid; /* 0: none */
	struct buf body;
};

struct bosh {
	struct stream stream; /* first */
	struct hash_node node; /* in bosh_worker.sessions */
	char sid[40];
	struct worker *born; /* where requests look for it first; the number in sid */
	char *content; /* type of the answers */
	char authid[24]; /* of the stream, for the first answer */
	char ver[8]; /* the lower of both; "": the client has none */
	msec_t wait, inactivity;
	msec_t pause_for; /* instead of inactivity, until the next request; 0: none is under way */
	unsigned hold, window; /* window: the attribute `requests` */
	uint64_t next_rid; /* to be processed */
	uint64_t last_answered;
	struct list inbox; /* came, and is not processed yet: ordered by rid */
	struct list held; /* processed, not answered: ordered by rid */
	unsigned inbox_count, held_count;
	struct bosh_request *current; /* the one of held whose payload is being handled */
	struct bosh_answer answers[BOSH_REQUESTS_MAX]; /* the newest, at rid % window */
	struct buf out; /* payload that waits for a request */
	size_t mark; /* of out, where the element that is being written began */
	struct timer timer;
	struct later later; /* answers what can be answered */
	msec_t quiet_since; /* since when no request is held */
	msec_t last_empty; /* when the last empty request came, for polling */
	enum bosh_cond condition; /* of the end */
	unsigned flying; /* requests on their way to this worker */
	bool acks, announced, pausing, ending, gone, told_end, secure;
};

/* What a worker knows of sessions. */
struct bosh_worker {
	struct hash sessions;
	struct hash moved; /* those that were born here and live elsewhere */
};

/* The first request of a session; takes it. */
void bosh_create(struct bosh_request *r);
/* A request with a sid, on any worker; takes it. */
void bosh_find(struct bosh_request *r);
/* A request that found its session; takes it. */
void bosh_take(struct bosh *b, struct bosh_request *r);
/* Its client waits; if that goes away, r->x becomes NULL. */
void bosh_hold(struct bosh_request *r);
/* Answers at the end of the turn. */
void bosh_wake(struct bosh *b);
/* Sees to it that something happens when it is due. */
void bosh_arm(struct bosh *b);
/* Ends what is left of it, with stream_over, when all that is on its way has come. */
void bosh_finish(struct bosh *b, const char *why);

/* ---- transport_bosh.c -------------------------------------------------------------- */

extern const struct transport transport_bosh;
struct bosh_worker *bosh_worker(const struct worker *w);

#endif
