/*
 * options.c -- what the command line says; the same for every scenario.
 *
 * Every option is a row of a table: its name, its kind, where its value goes and
 * what it means.  Options that take no value set an enum to the row's number.
 *
 * Runs on: the one thread of the load generator.
 */
#include "options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_TEXT, KIND_COUNT, KIND_NUMBER, KIND_CHOICE };

struct row {
	const char *name;
	enum kind kind;
	size_t at;
	int choice; /* KIND_CHOICE: the value that is set */
	const char *doc;
};

#define AT(field) offsetof(struct options, field)

static const struct options defaults = {
	.host = "localhost",
	.address = "127.0.0.1",
	.port = 5222,
	.secure = SECURE_PLAIN,
	.tls_version = "1.3",
	.mech = MECH_BEST,
	.prefix = "u",
	.password = "secret",
	.count = 100,
	.parallel = 50,
	.sources = 250,
	.idle = 30,
	.warm = 100,
	.size = 300,
	.window = 1,
	.seconds = 5,
	.settle = 1,
	.contacts = 50,
	.rounds = 10,
	.page = 50,
	.accounts = 1,
	.rooms = 1,
	.service = "conference",
	.stall = 30,
};

static const struct row table[] = {
	{ "--host", KIND_TEXT, AT(host), 0, "XMPP domain (localhost)" },
	{ "--address", KIND_TEXT, AT(address), 0, "IPv4 address to connect to (127.0.0.1)" },
	{ "--port", KIND_COUNT, AT(port), 0, "port (5222)" },
	{ "--plain", KIND_CHOICE, AT(secure), SECURE_PLAIN, "no TLS (this is the default)" },
	{ "--starttls", KIND_CHOICE, AT(secure), SECURE_STARTTLS, "TLS after STARTTLS" },
	{ "--direct", KIND_CHOICE, AT(secure), SECURE_DIRECT, "TLS from the first byte" },
	{ "--tls", KIND_CHOICE, AT(secure), SECURE_DIRECT, "the same as --direct" },
	{ "--websocket", KIND_CHOICE, AT(carrier), CARRIER_WEBSOCKET,
		"streams over WebSocket; with TLS only --direct" },
	{ "--tls-version", KIND_TEXT, AT(tls_version), 0, "the only version offered (1.3)" },
	{ "--sha1", KIND_CHOICE, AT(mech), MECH_SHA1, "insist on SCRAM-SHA-1" },
	{ "--sha256", KIND_CHOICE, AT(mech), MECH_SHA256, "insist on SCRAM-SHA-256" },
	{ "--prefix", KIND_TEXT, AT(prefix), 0, "account i is this word and i (u)" },
	{ "--password", KIND_TEXT, AT(password), 0, "password of all accounts (secret)" },
	{ "--first", KIND_COUNT, AT(first), 0, "number of the first account (0)" },
	{ "--count", KIND_COUNT, AT(count), 0, "accounts, connections, pairs or users (100)" },
	{ "--parallel", KIND_COUNT, AT(parallel), 0, "logins under way at a time (50)" },
	{ "--sources", KIND_COUNT, AT(sources), 0, "source addresses from 127.0.0.2 on (250)" },
	{ "--cache", KIND_TEXT, AT(cache), 0, "file that keeps salted passwords between runs" },
	{ "--pid", KIND_COUNT, AT(pid), 0, "the server's process; without it no costs are shown" },
	{ "--database", KIND_COUNT, AT(database), 0,
		"its database's process: its costs are added" },
	{ "--idle", KIND_COUNT, AT(idle), 0, "memory: seconds of silence before the look (30)" },
	{ "--warm", KIND_COUNT, AT(warm), 0, "logins made before anything is measured (100)" },
	{ "--size", KIND_COUNT, AT(size), 0, "messages: bytes of a stanza (300)" },
	{ "--window", KIND_COUNT, AT(window), 0, "messages: under way in each pair (1)" },
	{ "--rate", KIND_NUMBER, AT(rate), 0, "messages: a second in all; 0 is unpaced (0)" },
	{ "--seconds", KIND_NUMBER, AT(seconds), 0, "messages: length of the measurement (5)" },
	{ "--settle", KIND_NUMBER, AT(settle), 0, "seconds between set-up and measurement (1)" },
	{ "--bare", KIND_CHOICE, AT(target), TARGET_BARE, "messages: to bare JIDs (the default)" },
	{ "--full", KIND_CHOICE, AT(target), TARGET_FULL, "messages: to full JIDs" },
	{ "--close", KIND_CHOICE, AT(ending), ENDING_CLOSE, "logins: close each when it is ready" },
	{ "--contacts", KIND_COUNT, AT(contacts), 0,
		"rosters, presence, history: contacts of a user (50)" },
	{ "--rounds", KIND_COUNT, AT(rounds), 0,
		"presence: broadcasts of each user; rooms: joins (10)" },
	{ "--page", KIND_COUNT, AT(page), 0, "pages: messages of a page (50)" },
	{ "--accounts", KIND_COUNT, AT(accounts), 0, "history: accounts of the readers (1)" },
	{ "--distinct", KIND_COUNT, AT(distinct), 0,
		"history: different questions of a kind; 0: no end of them (0)" },
	{ "--kinds", KIND_TEXT, AT(kinds), 0,
		"history: of last jump before after start with with-jump rare count" },
	{ "--fill", KIND_COUNT, AT(fill), 0,
		"pages: messages that each user writes to another before (0)" },
	{ "--rooms", KIND_COUNT, AT(rooms), 0, "rooms: their number (1)" },
	{ "--service", KIND_TEXT, AT(service), 0,
		"rooms: first label of their domain (conference)" },
	{ "--stall", KIND_COUNT, AT(stall), 0, "seconds of silence that end a run (30)" },
};

enum { ROWS = sizeof(table) / sizeof(table[0]) };

static bool
complain(const char *name, const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", name, what);
	return false;
}

static bool
set_count(const struct row *row, void *to, const char *text)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || *end || v > INT_MAX)
		return complain(row->name, "a whole number is expected");
	*(unsigned *)to = (unsigned)v;
	return true;
}

static bool
set_number(const struct row *row, void *to, const char *text)
{
	char *end;
	double v;

	v = strtod(text, &end);
	if (end == text || *end || !isfinite(v) || v < 0)
		return complain(row->name, "a number is expected");
	*(double *)to = v;
	return true;
}

static bool
set_value(const struct row *row, struct options *out, const char *text)
{
	void *to;

	to = (char *)out + row->at;
	switch (row->kind) {
	case KIND_TEXT:
		*(const char **)to = text;
		return true;
	case KIND_COUNT:
		return set_count(row, to, text);
	case KIND_NUMBER:
		return set_number(row, to, text);
	case KIND_CHOICE:
		*(int *)to = row->choice;
		return true;
	}
	return false;
}

static const struct row *
find_row(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static bool
check(const struct options *o)
{
	if (o->port == 0 || o->port > 65535)
		return complain("--port", "1 to 65535");
	if (o->carrier == CARRIER_WEBSOCKET && o->secure == SECURE_STARTTLS)
		return complain("--websocket", "there is no STARTTLS");
	if (o->rooms == 0 || o->rooms > 1000)
		return complain("--rooms", "1 to 1000");
	if (o->count == 0 || o->parallel == 0 || o->window == 0 || o->accounts == 0)
		return complain("--count, --parallel, --window, --accounts", "at least 1");
	if (o->first > 1000000 || o->count > 1000000)
		return complain("--first, --count", "at most 1000000");
	if (o->sources > 250)
		return complain("--sources", "at most 250");
	if (o->size < 160 || o->size > 1000000)
		return complain("--size", "160 to 1000000");
	if (strlen(o->prefix) > 30 || strlen(o->host) > 100 || strlen(o->password) > 100)
		return complain("--prefix, --host, --password", "too long");
	return true;
}

bool
options_read(int argc, char **argv, struct options *out)
{
	const struct row *row;
	const char *value;

	*out = defaults;
	for (int i = 0; i < argc; i++) {
		row = find_row(argv[i]);
		if (!row)
			return complain(argv[i], "unknown option; `bench help` lists them");
		value = NULL;
		if (row->kind != KIND_CHOICE) {
			if (++i == argc)
				return complain(row->name, "a value is expected");
			value = argv[i];
		}
		if (!set_value(row, out, value))
			return false;
	}
	return check(out);
}

void
options_help(void)
{
	for (size_t i = 0; i < ROWS; i++)
		printf("  %-14s %s\n", table[i].name, table[i].doc);
}
