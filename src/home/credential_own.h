/*
 * credential_own.h -- what the credential*.c files share.
 *
 * Runs on: the job's worker.
 */
#ifndef HOME_CREDENTIAL_OWN_H
#define HOME_CREDENTIAL_OWN_H

#include "home/credential.h"

enum credential_query {
	ACCOUNT_INSERT,
	CREDENTIAL_INSERT,
	CREDENTIAL_RENEW,
	CREDENTIAL_LOAD,
	CREDENTIAL_DELETE,
	ACCOUNT_DELETE,
};

extern const struct query credential_queries[];

/* "SCRAM-SHA-256" */
const char *credential_mechanism(enum digest d);
/* Keys of a user that does not exist: always the same for one name. */
void credential_fake(struct scram_keys *k, struct jid bare, enum digest d);
/* The keys of one mechanism among CREDENTIAL_LOAD's rows; false if they are not there.
 * *disabled: of the account. */
bool credential_read(struct scram_keys *k, const struct rows *rows, enum digest d, bool *disabled);

#endif
