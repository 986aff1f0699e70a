/*
 * config.h -- bongsu.yml as an immutable snapshot.
 *
 * Every option is a row of a field table (base/field.h): type, default, bounds, help.  config_load
 * reads the whole file and reports every fault at once, each with file, line, column, what was
 * expected and a near match for an unknown key.  A snapshot is shared by reference; each worker
 * holds the one it was last given (config_of), so readers never lock and a reload never changes
 * anything under their hands.  The core's blocks are the structs below; modules add theirs with
 * config_add_module before the first load.
 *
 * Runs on: main (load), any thread (reading a referenced snapshot).
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/err.h"
#include "base/field.h"
#include "base/hash.h"
#include "base/str.h"
#include "config/range.h"
#include "run/worker.h"

struct buf;

enum starttls { STARTTLS_REQUIRED, STARTTLS_OPTIONAL, STARTTLS_OFF };

enum listen_tls { LISTEN_PLAIN, LISTEN_DIRECT };

struct listen_conf {
	const char *service; /* "c2s", "http"; later s2s: checked against config_add_service */
	const char *address; /* an IP address; default "::" */
	int64_t port; /* 0: any free one, printed at start */
	int64_t starttls; /* enum starttls */
	int64_t tls; /* enum listen_tls: "off" | "direct" */
	bool proxy_protocol; /* connections begin with the header of a proxy */
	const char *const *proxies; /* texts of: */
	struct range *trusted; /* whose word about the client's address is taken */
	size_t trusted_count;
};

struct tls_conf {
	const char *certificate, *key; /* PEM files; relative to the configuration file */
};

struct store_conf {
	int64_t driver; /* enum store_driver */
	const char *socket, *host, *user, *password, *database;
	int64_t port;
	int64_t threads;
	msec_t timeout; /* how long a request waits for a database that is away */
};

enum store_driver { STORE_SQLITE, STORE_MARIADB };

/* Limits of streams: sizes in bytes, rates per second and connection. */
struct c2s_conf {
	int64_t max_stanza; /* after authentication; default 1 MiB */
	int64_t max_stanza_before_auth; /* default 10 KB (10000 is the least RFC 6120 allows) */
	int64_t max_depth, max_attributes;
	msec_t auth_timeout; /* from accept to bound */
	int64_t auth_attempts; /* per stream */
	int64_t max_failures_per_address,
		max_failures_per_account; /* see stream/sasl_guard.h; 0: no limit */
	int64_t max_connections_per_address; /* 0: no limit; loopback addresses and UNIX sockets never have one */
	int64_t bytes_per_second, stanzas_per_second; /* 0: no limit */
	int64_t burst_bytes, burst_stanzas;
	msec_t idle_timeout; /* silence after which the server pings */
	msec_t ping_timeout; /* silence after that ping until the connection counts as dead */
	int64_t max_output; /* bytes that may wait for a client that does not read */
	int64_t max_sessions; /* per account */
	msec_t resume_timeout; /* how long a session waits for its client; 0: none can be resumed */
	int64_t max_unacked,
		max_unacked_bytes; /* stanzas of a session that its client did not acknowledge */
	int64_t max_roster; /* items per account */
	int64_t max_pending; /* subscription requests kept per account */
	const char *const *mechanisms; /* NULL-terminated; default all */
};

/* Sizes in bytes. */
struct http_conf {
	int64_t max_header; /* request line and headers */
	msec_t request_timeout; /* from the first byte of a request to its last */
	msec_t idle_timeout; /* between requests */
	int64_t requests_per_second, burst_requests; /* of an address; 0: no limit */
	const char *public_url; /* of the endpoints below, as clients reach them; NULL: made up */
	const char *const *origins; /* web sites whose scripts may connect; "*": all */
	const char *websocket; /* path of XMPP over WebSocket */
	msec_t websocket_ping; /* after that silence */
	const char *bosh; /* path of BOSH */
	msec_t bosh_wait; /* most that a request is held */
	msec_t bosh_inactivity; /* without a request */
	msec_t bosh_max_pause;
};

struct log_conf {
	const char *file; /* NULL or "-": standard error */
	int64_t format; /* enum log_format */
	int64_t level; /* enum log_level */
	const char *const *areas; /* "store=debug" */
};

struct host {
	const char *name; /* prepared domain */
	struct tls_conf tls; /* its own, or the server's */
	void *tls_ctx; /* SSL_CTX *, filled by net/tls.c when the snapshot is prepared; NULL: no TLS */
	unsigned index; /* in config->hosts */
	const struct config *config;
	const void *const *modules; /* options by module index, also of those that are off */
	const bool *runs; /* by module index: it is on */
	struct hash_node by_name; /* in config->by_name */
};

struct config {
	int refs; /* atomic */
	struct arena *arena;
	const char *path; /* of the file */
	const char *data_dir; /* absolute */
	const char *control_socket; /* default data_dir/bongsuctl.sock */
	const char *modules_dir; /* folder of third-party modules, or NULL */
	const char *admin_address; /* contact for XEP-0157, or NULL */
	int64_t workers; /* 0: one a core */
	struct store_conf store;
	struct tls_conf tls;
	struct c2s_conf c2s;
	struct http_conf http;
	struct log_conf log;
	struct listen_conf *listens;
	size_t listens_count;
	struct host **hosts;
	size_t hosts_count;
	struct hash by_name; /* config_host */
};

/* ---- Declared before the first load; main --------------------------------- */

/* A module's options (fields may be NULL: none).  enabled: on unless `modules: {name: false}`.
 * Returns its index. */
unsigned config_add_module(const char *name, const struct field *fields, size_t size, bool enabled);
unsigned config_modules_count(void);
/* A service that `listen` may name, beside c2s; name is kept. */
void config_add_service(const char *name);
/* Runs when the last reference to a snapshot goes, on whichever thread that is; for what others
 * hung into it. */
void config_on_free(void (*fn)(struct config *c));
/* Looks into the PEM files of a certificate and its key, so that their faults are told among those of
 * the file; without one their names are believed. */
typedef bool config_tls_fn(const char *certificate, const char *key, struct err *e);
void config_check_tls(config_tls_fn *check);
/* modules_dir alone, in a, or NULL: which modules there are must be known before config_load can
 * check their options. */
const char *config_modules_dir(struct arena *a, const char *path);
/* Where the server of that configuration takes commands, in a, whatever else is wrong with the
 * file; NULL: it cannot be read. */
const char *config_control_socket(struct arena *a, const char *path, struct err *e);

/* ---- Load ------------------------------------------------------------------- */

/* Where faults go, one call each: "bongsu.yml:7:11: ...". */
typedef void config_fault_fn(const char *line, void *ctx);

/* Reads and checks all of it.  NULL if there was any fault.  Touches nothing else: certificates
 * are checked by tls_prepare. */
struct config *config_load(const char *path, config_fault_fn *fault, void *ctx);
/* The same for bytes that are here already; path names them, and relative names start at its
 * folder. */
struct config *config_read(const char *path, struct str bytes, config_fault_fn *fault, void *ctx);
struct config *config_ref(struct config *c);
void config_unref(struct config **c);
/* What differs, one call an option: «c2s.max_stanza: 1M, was 2M», and whether it waits for a
 * restart (listeners, store, workers, data_dir) or applied at once. */
void config_diff(
	const struct config *was, const struct config *is, config_fault_fn *tell, void *ctx);

/* ---- Read ------------------------------------------------------------------- */

/* The snapshot of this worker. */
const struct config *config_of(const struct worker *w);
/* Makes c the snapshot of every worker, before they run (each takes a reference). */
void config_publish(struct config *c);
/* On the worker: the same for one that runs; drops its reference to the old one. */
void config_adopt(struct worker *w, struct config *c);
/* Takes the snapshot back from every worker: after workers_stop, before workers_fini. */
void config_withdraw(void);
/* The host served under that prepared name, or NULL. */
const struct host *config_host(const struct config *c, struct str domain);

static inline bool
host_runs(const struct host *h, unsigned index)
{
	return h->runs[index];
}

/* A module's options on a host.  It has some when it is off, too: what it began before a reload turned it
 * off may still need them. */
static inline const void *
host_module(const struct host *h, unsigned index)
{
	return h->modules[index];
}

/* Reference of all options in Markdown (`bongsud --print=config`). */
void config_print(struct buf *out);

#endif
