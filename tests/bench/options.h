/*
 * options.h -- what the command line says; the same for every scenario.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>

enum secure {
	SECURE_PLAIN, /* TCP, never TLS */
	SECURE_STARTTLS, /* RFC 6120 5 */
	SECURE_DIRECT, /* XEP-0368 */
};

enum mech {
	MECH_SHA1, /* SCRAM-SHA-1 */
	MECH_SHA256, /* SCRAM-SHA-256 */
	MECH_BEST, /* the strongest of the two that the server offers */
};

enum carrier {
	CARRIER_TCP,
	CARRIER_WEBSOCKET, /* RFC 7395, at /xmpp-websocket */
};

enum target {
	TARGET_BARE, /* messages go to the bare JID */
	TARGET_FULL, /* messages go to the full JID */
};

enum ending {
	ENDING_STAY, /* a session stays open when it is ready */
	ENDING_CLOSE, /* a session is closed when it is ready */
};

struct options {
	const char *host; /* the XMPP domain */
	const char *address; /* where to connect to, numeric IPv4 */
	unsigned port;
	enum secure secure;
	enum carrier carrier;
	const char *tls_version; /* "1.2" or "1.3", only that one is offered */
	enum mech mech;
	const char *prefix, *password; /* account i is prefix followed by i */
	unsigned first; /* number of the first account */
	unsigned count; /* connections, or pairs, or users: the scenario says */
	unsigned parallel; /* logins under way at a time */
	unsigned sources; /* source addresses 127.0.0.2 and up; 0: let the kernel choose */
	const char *cache; /* file with salted passwords, or NULL */
	int pid; /* the server's process, or 0: costs are not measured */
	int database; /* its database's process, whose costs are added; 0: none */
	unsigned idle; /* seconds */
	unsigned warm; /* connections opened and closed before memory is looked at */
	unsigned size; /* bytes of one message stanza */
	unsigned window; /* messages under way per pair */
	double rate; /* messages per second in all; 0: as fast as the window allows */
	double seconds, settle;
	enum target target;
	enum ending ending;
	unsigned contacts, rounds;
	unsigned page, fill;
	unsigned accounts; /* that readers of history share */
	unsigned distinct; /* questions to history of a kind; 0: no end of them */
	const char *kinds; /* of questions to history, or NULL: those of a client */
	unsigned rooms;
	const char *service; /* first label of the domain of rooms */
	unsigned stall; /* seconds without any answer after which a run fails */
};

/* Fill *out from the arguments after the scenario's name.  On a mistake: one line on stderr
 * and false. */
bool options_read(int argc, char **argv, struct options *out);

/* Print every option with its default. */
void options_help(void);

#endif
