/*
 * past.c -- a made-up past of a server: who wrote to whom when, and what.
 *
 * A body is a piece of a text that people wrote, in the language of the place where it was cut out.
 * The forms are those of well-known clients; with bodies of 20 to 160 bytes a stanza has about 300.
 *
 * Runs on: main.
 */
#include "past.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_LEAST = 20, BODY_SPREAD = 140, TEXT_LEAST = 1000000, TEXT_MAX = 64000000 };

static uint64_t
random_bits(struct past *p)
{
	uint64_t x = p->state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64_t
below(struct past *p, uint64_t n)
{
	return random_bits(p) % n;
}

/* Small numbers are more likely. */
static unsigned
skewed(struct past *p, unsigned n)
{
	double x = (double)(random_bits(p) >> 11) / 9007199254740992.0;

	return (unsigned)(x * x * n);
}

/* ---- What is said --------------------------------------------------------------------- */

static bool
add_file(struct past *p, const char *path)
{
	FILE *f = fopen(path, "re");
	int c, last = ' ';

	if (!f) {
		perror(path);
		return false;
	}
	while ((c = fgetc(f)) != EOF && p->text_size < TEXT_MAX) {
		while (c == 27) { /* colours of terminals */
			while (c != 'm' && c != EOF)
				c = fgetc(f);
			c = fgetc(f);
		}
		if (c == EOF || strchr("<&>\\'", c))
			continue;
		if (c == '%' || c < ' ')
			c = ' ';
		if (c != ' ' || last != ' ')
			p->text[p->text_size++] = (char)c;
		last = c;
	}
	fclose(f);
	return true;
}

bool
past_open(struct past *p, uint64_t rows, uint64_t big, unsigned owners, char **files)
{
	memset(p, 0, sizeof(*p));
	p->rows = rows;
	p->big = big;
	p->owners = owners;
	p->text = malloc(TEXT_MAX);
	for (; p->text && *files; files++) {
		if (!add_file(p, *files))
			return false;
	}
	if (p->text_size >= TEXT_LEAST && owners > PAST_CONTACTS_BIG)
		return true;
	fprintf(stderr, "too little text or too few owners\n");
	return false;
}

void
past_close(struct past *p)
{
	free(p->text);
	p->text = NULL;
}

/* Words from the next blank on; ends before a blank, too. */
static void
say(struct past *p, char *out, size_t size)
{
	size_t at = below(p, p->text_size - 4096), n;

	while (at < p->text_size - 3000 && p->text[at] != ' ')
		at++;
	at++;
	n = size;
	while (n < size + 60 && p->text[at + n] != ' ')
		n++;
	while (((unsigned char)p->text[at + n] & 0xc0) == 0x80)
		n++;
	/* Text without blanks (Chinese) may begin within a character. */
	while (((unsigned char)p->text[at] & 0xc0) == 0x80) {
		at++;
		n--;
	}
	memcpy(out, p->text + at, n);
	out[n] = '\0';
}

/* ---- Rows -------------------------------------------------------------------------------- */

/* Resources: a name, and so many random characters. */
static const struct {
	const char *name;
	int token;
} clients[] = { { "Conversations.", 4 }, { "gajim.", 8 }, { "dino.", 8 }, { "Monal-iOS.", 8 },
	{ "profanity.", 6 }, { "", 12 }, { "phone", 0 } };

static void
choose_pair(struct past *p, struct past_row *r)
{
	uint64_t left = p->rows - p->row;

	r->owner = 0;
	if (below(p, left) >= p->big - p->big_rows) {
		r->owner = 1 + skewed(p, p->owners - 1);
		snprintf(r->peer, sizeof(r->peer), "u%u@localhost",
			(r->owner + 1 + skewed(p, PAST_CONTACTS)) % p->owners);
		return;
	}
	if (p->big_rows++ % PAST_RARE_EACH == PAST_RARE_EACH / 2)
		snprintf(r->peer, sizeof(r->peer), "rare@localhost");
	else
		snprintf(r->peer, sizeof(r->peer), "u%u@localhost",
			1 + skewed(p, PAST_CONTACTS_BIG));
}

static void
make_id(struct past *p, char out[40])
{
	unsigned long long a = random_bits(p), b = random_bits(p);

	snprintf(out, 40, "%08llx-%04llx-4%03llx-%04llx-%012llx", a >> 32, a >> 16 & 0xffff,
		a & 0xfff, 0x8000 | (b >> 48 & 0x3fff), b & 0xffffffffffff);
}

static void
make_addresses(struct past *p, const struct past_row *r, char *to, char *from, size_t size)
{
	unsigned client = (unsigned)below(p, sizeof(clients) / sizeof(clients[0]));
	char own[32], token[40];

	make_id(p, token);
	snprintf(own, sizeof(own), "u%u@localhost", r->owner);
	snprintf(to, size, "%s", r->out ? r->peer : own);
	snprintf(from, size, "%s/%s%.*s", r->out ? own : r->peer, clients[client].name,
		clients[client].token, token);
}

static void
make_stanza(struct past *p, struct past_row *r)
{
	static char stanza[PAST_STANZA_MAX], body[1024];
	char to[80], from[80];
	unsigned form = (unsigned)below(p, 4);
	int n;

	make_id(p, r->id);
	make_addresses(p, r, to, from, sizeof(to));
	say(p, body, BODY_LEAST + skewed(p, BODY_SPREAD));
	n = snprintf(stanza, sizeof(stanza),
		"<message xmlns='jabber:client' to='%s' from='%s' id='%s' type='chat'><body>%s</body>",
		to, from, r->id, body);
	if (form > 1)
		n += snprintf(stanza + n, sizeof(stanza) - (size_t)n,
			"<origin-id xmlns='urn:xmpp:sid:0' id='%s'/>", r->id);
	if (form > 2)
		n += snprintf(stanza + n, sizeof(stanza) - (size_t)n,
			"<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>");
	n += snprintf(stanza + n, sizeof(stanza) - (size_t)n, "</message>");
	r->body = body;
	r->stanza = stanza;
	r->stanza_size = (size_t)n;
}

bool
past_next(struct past *p, struct past_row *r)
{
	uint64_t step = (PAST_UNTIL - PAST_SINCE) * 1000000 / p->rows;

	if (p->row == p->rows)
		return false;
	choose_pair(p, r);
	r->at_us = PAST_SINCE * 1000000 + p->row * step + below(p, step);
	r->out = below(p, 2) == 0;
	make_stanza(p, r);
	p->row++;
	return true;
}
