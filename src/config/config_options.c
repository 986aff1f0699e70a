/*
 * config_options.c -- the core's options: one row says everything about one.
 *
 * The order is that of the reference (bongsud --print=config).  Options of modules are in their own
 * tables.
 *
 * Runs on: any thread (constant).
 */
#include "base/log.h"
#include "config/load.h"

#define KIB(n) ((int64_t)(n)*1024)
#define MIB(n) KIB((int64_t)(n)*1024)
#define GIB(n) MIB((int64_t)(n)*1024)

/* clang-format off */
const struct field config_top[] = {
	TEXT_FIELD(struct config, data_dir, .min = 1, .flags = FIELD_PATH,
		.doc = "Folder of the SQLite file, the control socket and the lock, made if it is missing; "
			"without it `lib/bongsu` below the build's localstatedir, such as /var/lib/bongsu"),
	TEXT_FIELD(struct config, control_socket, .min = 1, .flags = FIELD_PATH,
		.doc = "Socket of bongsuctl; without it `bongsuctl.sock` in data_dir"),
	TEXT_FIELD(struct config, modules_dir, .min = 1, .flags = FIELD_PATH,
		.doc = "Folder of third-party modules (*.so) to load at start"),
	TEXT_FIELD(struct config, admin_address, .min = 1, .flags = FIELD_RELOAD,
		.doc = "Where users reach the administrators, such as `mailto:admin@example.org` (XEP-0157)"),
	INT_FIELD(struct config, workers, .dflt = "0", .min = 0, .max = WORKERS_MAX,
		.doc = "Threads that serve users; 0 makes one for each core"),
	END_FIELDS,
};

static const struct field store_fields[] = {
	ENUM_FIELD(struct store_conf, driver, .choices = CHOICES("sqlite", "mariadb"), .dflt = "sqlite",
		.doc = "sqlite keeps all in one file in data_dir; the other options here are for mariadb"),
	TEXT_FIELD(struct store_conf, socket, .min = 1, .flags = FIELD_PATH,
		.doc = "UNIX socket of the database; it goes before host and port"),
	TEXT_FIELD(struct store_conf, host, .dflt = "localhost", .min = 1, .doc = "Machine of the database"),
	INT_FIELD(struct store_conf, port, .dflt = "3306", .min = 1, .max = 65535, .doc = "Its TCP port"),
	TEXT_FIELD(struct store_conf, user, .dflt = "bongsu", .min = 1, .doc = "Name to log in with"),
	TEXT_FIELD(struct store_conf, password, .flags = FIELD_SECRET,
		.doc = "Its password; `{file: NAME}` reads it from a file, `{env: NAME}` from the environment"),
	TEXT_FIELD(struct store_conf, database, .dflt = "bongsu", .min = 1, .doc = "Name of the database"),
	INT_FIELD(struct store_conf, threads, .dflt = "0", .min = 0, .max = 64,
		.doc = "Storage threads, each with a connection of its own; 0 makes one for two workers, from 2 to 16"),
	DURATION_FIELD(struct store_conf, timeout, .dflt = "30s", .min = SECONDS(1), .max = HOURS(1),
		.doc = "How long a request waits for a database that is away"),
	END_FIELDS,
};

const struct field config_tls[] = {
	TEXT_FIELD(struct tls_conf, certificate, .min = 1, .flags = FIELD_PATH | FIELD_RELOAD,
		.doc = "PEM file of the certificate and its chain; read again at each reload"),
	TEXT_FIELD(struct tls_conf, key, .min = 1, .flags = FIELD_PATH | FIELD_RELOAD,
		.doc = "PEM file of its private key; without it the certificate's file has both"),
	END_FIELDS,
};

static const struct field c2s_fields[] = {
	SIZE_FIELD(struct c2s_conf, max_stanza, .dflt = "1M", .min = 10000, .max = MIB(64), .flags = FIELD_RELOAD,
		.doc = "Largest stanza of a client that has logged in (XEP-0478 announces it)"),
	SIZE_FIELD(struct c2s_conf, max_stanza_before_auth, .dflt = "10000", .min = 10000, .max = MIB(1),
		.flags = FIELD_RELOAD, .doc = "Largest element before that; RFC 6120 asks for at least 10000"),
	INT_FIELD(struct c2s_conf, max_depth, .dflt = "64", .min = 8, .max = 1000, .flags = FIELD_RELOAD,
		.doc = "How deep the elements of a stanza may be nested"),
	INT_FIELD(struct c2s_conf, max_attributes, .dflt = "64", .min = 8, .max = 1000, .flags = FIELD_RELOAD,
		.doc = "How many attributes an element may have"),
	DURATION_FIELD(struct c2s_conf, auth_timeout, .dflt = "60s", .min = 100, .max = HOURS(1),
		.flags = FIELD_RELOAD, .doc = "Time from the connection to a bound resource"),
	INT_FIELD(struct c2s_conf, auth_attempts, .dflt = "3", .min = 1, .max = 100, .flags = FIELD_RELOAD,
		.doc = "Failed logins until the stream is closed"),
	INT_FIELD(struct c2s_conf, max_failures_per_address, .dflt = "100", .min = 0, .max = 1000000,
		.flags = FIELD_RELOAD,
		.doc = "Failed logins from one IPv4 address or IPv6 /64 until more are refused; one is forgotten "
			"every 10 seconds; 0: no limit; loopback addresses have none"),
	INT_FIELD(struct c2s_conf, max_failures_per_account, .dflt = "20", .min = 0, .max = 1000000,
		.flags = FIELD_RELOAD,
		.doc = "The same for one account; addresses from which it logged in before are counted one by one"),
	INT_FIELD(struct c2s_conf, max_connections_per_address, .dflt = "1000", .min = 0, .max = 1000000,
		.flags = FIELD_RELOAD,
		.doc = "Connections at a time from one IPv4 address or IPv6 /64; 0: no limit; "
			"loopback addresses have none"),
	SIZE_FIELD(struct c2s_conf, bytes_per_second, .dflt = "1M", .min = 0, .max = GIB(1), .flags = FIELD_RELOAD,
		.doc = "How fast a connection is read once its burst is used up; 0: no limit"),
	SIZE_FIELD(struct c2s_conf, burst_bytes, .dflt = "8M", .min = 10000, .max = GIB(4), .flags = FIELD_RELOAD,
		.doc = "Bytes that a connection may send at full speed after it was quiet"),
	INT_FIELD(struct c2s_conf, stanzas_per_second, .dflt = "500", .min = 0, .max = 10000000,
		.flags = FIELD_RELOAD, .doc = "The same for stanzas; 0: no limit"),
	INT_FIELD(struct c2s_conf, burst_stanzas, .dflt = "5000", .min = 1, .max = 100000000, .flags = FIELD_RELOAD,
		.doc = "Stanzas that a connection may send at full speed after it was quiet"),
	DURATION_FIELD(struct c2s_conf, idle_timeout, .dflt = "5m", .min = 100, .max = DAYS(7), .flags = FIELD_RELOAD,
		.doc = "Silence after which the server pings a client"),
	DURATION_FIELD(struct c2s_conf, ping_timeout, .dflt = "30s", .min = 100, .max = HOURS(1),
		.flags = FIELD_RELOAD, .doc = "Silence after that ping until the connection counts as dead"),
	SIZE_FIELD(struct c2s_conf, max_output, .dflt = "4M", .min = KIB(64), .max = GIB(1), .flags = FIELD_RELOAD,
		.doc = "Bytes that may wait for a client that does not read, before it is cut off"),
	INT_FIELD(struct c2s_conf, max_sessions, .dflt = "50", .min = 1, .max = 10000, .flags = FIELD_RELOAD,
		.doc = "Sessions of an account at a time"),
	DURATION_FIELD(struct c2s_conf, resume_timeout, .dflt = "10m", .min = 0, .max = DAYS(7), .flags = FIELD_RELOAD,
		.doc = "How long the session of a client whose connection is lost waits to be resumed (XEP-0198); "
			"0: not at all"),
	INT_FIELD(struct c2s_conf, max_unacked, .dflt = "5000", .min = 500, .max = 1000000, .flags = FIELD_RELOAD,
		.doc = "Stanzas that a client with stream management may leave without acknowledgement before its "
			"session ends"),
	SIZE_FIELD(struct c2s_conf, max_unacked_bytes, .dflt = "8M", .min = MIB(1), .max = GIB(1), .flags = FIELD_RELOAD,
		.doc = "The same in bytes"),
	INT_FIELD(struct c2s_conf, max_roster, .dflt = "5000", .min = 1, .max = 100000, .flags = FIELD_RELOAD,
		.doc = "Contacts of an account"),
	INT_FIELD(struct c2s_conf, max_pending, .dflt = "1000", .min = 1, .max = 100000, .flags = FIELD_RELOAD,
		.doc = "Subscription requests kept for an account until it answers them"),
	LIST_FIELD(struct c2s_conf, mechanisms,
		.choices = CHOICES("SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-512",
			"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"),
		.min = 1, .max = 16, .flags = FIELD_RELOAD,
		.dflt = "SCRAM-SHA-512-PLUS, SCRAM-SHA-256-PLUS, SCRAM-SHA-1-PLUS, SCRAM-SHA-512, SCRAM-SHA-256, "
			"SCRAM-SHA-1, PLAIN",
		.doc = "SASL mechanisms to offer; PLAIN and -PLUS only under TLS"),
	END_FIELDS,
};

static const struct field http_fields[] = {
	SIZE_FIELD(struct http_conf, max_header, .dflt = "16k", .min = KIB(2), .max = KIB(256), .flags = FIELD_RELOAD,
		.doc = "Largest request line with headers"),
	DURATION_FIELD(struct http_conf, request_timeout, .dflt = "20s", .min = 100, .max = HOURS(1),
		.flags = FIELD_RELOAD, .doc = "Time for a whole request, from its first byte to its last"),
	DURATION_FIELD(struct http_conf, idle_timeout, .dflt = "60s", .min = 100, .max = HOURS(1),
		.flags = FIELD_RELOAD, .doc = "How long a connection stays open between requests"),
	INT_FIELD(struct http_conf, requests_per_second, .dflt = "200", .min = 0, .max = 1000000, .flags = FIELD_RELOAD,
		.doc = "Requests of one address (IPv6: of a /64) after a burst, 0 for no limit; more are answered 429. Those of "
			"BOSH sessions do not count, as these have the limits of `c2s`; nor do loopback addresses"),
	INT_FIELD(struct http_conf, burst_requests, .dflt = "2000", .min = 1, .max = 1000000, .flags = FIELD_RELOAD,
		.doc = "How many an address may make at once before `requests_per_second` holds"),
	TEXT_FIELD(struct http_conf, public_url, .min = 8, .max = 500, .flags = FIELD_RELOAD,
		.doc = "How web clients reach this server, such as `https://chat.example.org`, for XEP-0156; `@HOST@` in it "
			"is the XMPP host. Without it: the host's name and the port of the first http listener with TLS"),
	LIST_FIELD(struct http_conf, origins, .dflt = "*", .min = 1, .max = 100, .flags = FIELD_RELOAD,
		.doc = "Web sites whose scripts may connect, such as `https://example.org`; `*` is all"),
	TEXT_FIELD(struct http_conf, websocket, .dflt = "/xmpp-websocket", .min = 1, .max = 200, .flags = FIELD_RELOAD,
		.doc = "Path of XMPP over WebSocket (RFC 7395); `-` turns it off"),
	DURATION_FIELD(struct http_conf, websocket_ping, .dflt = "45s", .min = 100, .max = HOURS(1), .flags = FIELD_RELOAD,
		.doc = "Silence after which the server pings a WebSocket; shorter than the time after which proxies on the way "
			"cut it, for many 60s. The client has `c2s.ping_timeout` for its answer"),
	TEXT_FIELD(struct http_conf, bosh, .dflt = "/http-bind", .min = 1, .max = 200, .flags = FIELD_RELOAD,
		.doc = "Path of BOSH (XEP-0124); `-` turns it off"),
	DURATION_FIELD(struct http_conf, bosh_wait, .dflt = "60s", .min = SECONDS(1), .max = HOURS(1),
		.flags = FIELD_RELOAD, .doc = "The longest that a BOSH request is held while there is nothing to tell"),
	DURATION_FIELD(struct http_conf, bosh_inactivity, .dflt = "60s", .min = SECONDS(1), .max = HOURS(1),
		.flags = FIELD_RELOAD, .doc = "How long a BOSH session stays without a request"),
	DURATION_FIELD(struct http_conf, bosh_max_pause, .dflt = "2m", .min = 0, .max = HOURS(1), .flags = FIELD_RELOAD,
		.doc = "The longest pause that a BOSH client may ask for; 0: none"),
	END_FIELDS,
};

static const struct field log_fields[] = {
	TEXT_FIELD(struct log_conf, file, .min = 1, .flags = FIELD_RELOAD,
		.doc = "File to log to; without it, or with `-`, standard error"),
	ENUM_FIELD(struct log_conf, format, .choices = CHOICES("text", "json"), .dflt = "text", .flags = FIELD_RELOAD,
		.doc = "How a line looks"),
	ENUM_FIELD(struct log_conf, level, .choices = CHOICES("none", "error", "warn", "info", "debug", "trace"),
		.dflt = "info", .flags = FIELD_RELOAD, .doc = "The least important lines to write"),
	LIST_FIELD(struct log_conf, areas, .max = AREA_COUNT, .flags = FIELD_RELOAD,
		.doc = "Other levels for single areas, such as `store=debug`"),
	END_FIELDS,
};

const struct field config_listen[] = {
	TEXT_FIELD(struct listen_conf, service, .min = 1, .flags = FIELD_REQUIRED, .doc = "What is served there: `c2s` or `http`"),
	TEXT_FIELD(struct listen_conf, address, .dflt = "::", .min = 1, .doc = "IP address; `::` is all, IPv4 too"),
	INT_FIELD(struct listen_conf, port, .min = 0, .max = 65535, .flags = FIELD_REQUIRED,
		.doc = "TCP port; 0 takes a free one and prints it at start"),
	ENUM_FIELD(struct listen_conf, starttls, .choices = CHOICES("required", "optional", "off"), .dflt = "required",
		.doc = "Whether clients must, may or cannot switch to TLS; not for http"),
	ENUM_FIELD(struct listen_conf, tls, .choices = CHOICES("off", "direct"), .dflt = "off",
		.doc = "direct: TLS from the first byte (XEP-0368), instead of starttls"),
	BOOL_FIELD(struct listen_conf, proxy_protocol, .dflt = "false",
		.doc = "Whether connections begin with a header of the PROXY protocol (1 or 2), which says who the client is; "
			"taken from `proxies` only, others are refused"),
	LIST_FIELD(struct listen_conf, proxies, .max = 100,
		.doc = "Addresses of proxies that are believed, such as `127.0.0.1` or `10.0.0.0/8`: their PROXY header, and for "
			"http their `Forwarded` or `X-Forwarded-For` and `X-Forwarded-Proto`"),
	END_FIELDS,
};

const struct block config_blocks[] = {
	{ "store", store_fields, offsetof(struct config, store), "Where accounts and messages are kept." },
	{ "tls", config_tls, offsetof(struct config, tls),
		"The certificate of all hosts that have none of their own." },
	{ "c2s", c2s_fields, offsetof(struct config, c2s), "Limits and times of client connections." },
	{ "http", http_fields, offsetof(struct config, http), "What http listeners serve." },
	{ "log", log_fields, offsetof(struct config, log), "What is logged, and where to." },
	{ .name = NULL },
};
/* clang-format on */

const char *const config_lists[] = { "hosts", "listen", "modules", NULL };
