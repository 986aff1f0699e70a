/*
 * net.h -- start and stop of the network layer, and TLS contexts of a configuration.
 *
 * Runs on: main.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "config/config.h"

/* Buffers and counters of each worker; raises RLIMIT_NOFILE as far as allowed and logs what it
 * could not get (wanted). */
void net_init(unsigned wanted_files);
/* Closes what is left. */
void net_fini(void);
/* Whether the PEM files can be used: for config_check_tls. */
MUST_CHECK bool tls_check(const char *certificate, const char *key, struct err *e);
/* Loads certificates and keys of all hosts of a snapshot that is not published yet
 * (host->tls_ctx); false names file and fault. Warns about certificates that end soon or do not
 * name the host. A host without certificate keeps NULL. */
MUST_CHECK bool tls_prepare(struct config *c, struct err *e);
/* Days until the host's certificate ends, negative if it has; false if the host has none.  Any
 * thread. */
MUST_CHECK bool tls_days_left(const struct host *h, int *days);
void tls_release(struct config *c); /* config_unref's destructor calls it through config_on_free */

#endif
