/*
 * credential.h -- accounts and their SCRAM keys in the store.
 *
 * Passwords are never stored: a salted StoredKey and ServerKey for each of SCRAM-SHA-1, -256 and
 * -512 (RFC 5802 3), all made whenever a password is set, on a chore thread.  Names and passwords
 * are prepared here (nodeprep, SASLprep).
 *
 * Runs on: the job's worker.
 */
#ifndef HOME_CREDENTIAL_H
#define HOME_CREDENTIAL_H

#include "base/digest.h"
#include "home/job.h"

#define SCRAM_ITERATIONS 10000
#define SCRAM_SALT 16
/* Of keys that another server made. */
#define SCRAM_SALT_MAX 64
#define SCRAM_ITERATIONS_MAX 10000000

struct scram_keys {
	enum digest digest;
	unsigned iterations;
	uint8_t salt[SCRAM_SALT_MAX];
	size_t salt_length;
	uint8_t stored_key[DIGEST_MAX], server_key[DIGEST_MAX];
};

/* Pure, takes milliseconds: on chore threads only. */
void scram_keys_make(struct scram_keys *k, enum digest d, struct str password, unsigned iterations,
	const uint8_t *salt, size_t salt_length);

enum credential_result {
	CREDENTIAL_OK,
	CREDENTIAL_CONFLICT, /* the account exists */
	CREDENTIAL_NOT_FOUND,
	CREDENTIAL_WRONG, /* password */
	CREDENTIAL_BAD_PASSWORD, /* empty, or not allowed by SASLprep */
	CREDENTIAL_AWAY, /* store or chores: later it may work */
};

/* Each goes on at next, which reads credential_result_of(j).  The password is copied into a
 * secret and wiped.  All but credential_check go on at the account's home, as a job of that
 * account. */
MUST_CHECK struct step credential_create(
	struct job *j, step_fn *next, struct jid bare, struct str password);
MUST_CHECK struct step credential_change(
	struct job *j, step_fn *next, struct jid bare, struct str password);
MUST_CHECK struct step credential_check(
	struct job *j, step_fn *next, struct jid bare, struct str password);
/* Deletes the account: hook account_removed, rows of all modules, contacts are unsubscribed;
 * sessions are closed when the job has ended and its answer was sent. */
MUST_CHECK struct step credential_remove(struct job *j, step_fn *next, struct jid bare);
enum credential_result credential_result_of(const struct job *j);

/* The keys of one mechanism for SASL; an unknown user gets keys derived from a server secret and
 * the name, always the same, with result CREDENTIAL_NOT_FOUND: the exchange takes the same steps
 * and time, and fails at the end whatever the proof.  keys is NULL for CREDENTIAL_AWAY, else
 * valid during the call.  Works on any worker, not only the account's home. */
void credential_fetch(struct worker *w, struct jid bare, enum digest d,
	void (*done)(struct worker *w, void *ctx, enum credential_result result,
		const struct scram_keys *keys, bool disabled),
	void *ctx);
/* Main, before store_open: the queries. */
void credential_register(void);
/* The server secret for that: made once, kept in the store. Main, after store_open. */
MUST_CHECK bool credential_init(struct err *e);

#endif
