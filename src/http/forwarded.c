/*
 * forwarded.c -- who the client of a request is, when proxies stand between.
 *
 * Each proxy appends whom it got the request from.  So the list is read from its end, as long as
 * the one who spoke is believed.
 *
 * Runs on: any thread.
 */
#include "http/forwarded.h"

#include <string.h>

enum { HOPS_MAX = 16 };

/* The newest entries of a list. */
struct hops {
	struct str entry[HOPS_MAX];
	size_t count;
};

static void
add_hop(struct hops *h, struct str entry)
{
	if (h->count == HOPS_MAX)
		memmove(h->entry, h->entry + 1, sizeof(h->entry[0]) * --h->count);
	h->entry[h->count++] = str_trim(entry);
}

/* The text up to the next sep that is not within quotes. */
static struct str
cut_unquoted(struct str *rest, char sep)
{
	struct str all = *rest;
	bool quoted = false;

	for (size_t i = 0; i < all.n; i++) {
		if (all.p[i] == '"')
			quoted = !quoted;
		else if (all.p[i] == '\\' && quoted)
			i++;
		if (quoted || i >= all.n || all.p[i] != sep)
			continue;
		*rest = (struct str){ all.p + i + 1, all.n - i - 1 };
		return (struct str){ all.p, i };
	}
	*rest = STR_NONE;
	return all;
}

static void
gather(const struct http_head *head, const char *name, struct hops *out)
{
	out->count = 0;
	for (size_t i = 0; i < head->count; i++) {
		struct str rest = head->headers[i].value;

		if (!str_is_nocase(head->headers[i].name, name))
			continue;
		while (rest.p)
			add_hop(out, cut_unquoted(&rest, ','));
	}
}

/* for=192.0.2.1;proto=https */
static struct str
parameter(struct str entry, const char *name)
{
	while (entry.p) {
		struct str value = cut_unquoted(&entry, ';');
		struct str key = str_trim(str_cut(&value, '='));

		if (!value.p || !str_is_nocase(key, name))
			continue;
		value = str_trim(value);
		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = (struct str){ value.p + 1, value.n - 2 };
		return value;
	}
	return STR_NONE;
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80"; others (RFC 7239 6.2, 6.3) say
 * nothing. */
static bool
read_node(struct str s, struct addr *out)
{
	struct sockaddr_storage sa;
	const char *colon = str_find(s, ':'), *end;
	char text[ADDR_TEXT];
	struct err ignored;
	socklen_t len;

	if (s.n > 0 && s.p[0] == '[') {
		s = (struct str){ s.p + 1, s.n - 1 };
		end = str_find(s, ']');
		if (!end)
			return false;
		s.n = (size_t)(end - s.p);
	} else if (colon && !memchr(colon + 1, ':', s.n - (size_t)(colon - s.p) - 1)) {
		s.n = (size_t)(colon - s.p);
	}
	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (!addr_parse(text, 0, &sa, &len, &ignored))
		return false;
	*out = addr_of((struct sockaddr *)&sa);
	return true;
}

static bool
is_https(struct str proto)
{
	return str_is_nocase(proto, "https") || str_is_nocase(proto, "wss");
}

static bool
is_trusted(const struct listen_conf *l, const struct addr *a)
{
	return ranges_have(l->trusted, l->trusted_count, a->ip);
}

struct http_client
http_client_of(const struct listen_conf *l, const struct addr *peer, bool tls,
	const struct http_head *head)
{
	struct http_client c = { *peer, tls, false };
	bool standard = http_head_get(head, "Forwarded").p != NULL;
	struct str proto = STR_NONE;
	struct hops hops = { .count = 0 }, protos = { .count = 0 };

	if (!is_trusted(l, peer))
		return c;
	gather(head, standard ? "Forwarded" : "X-Forwarded-For", &hops);
	if (standard) {
		proto = parameter(hops.entry[hops.count - 1], "proto");
	} else {
		gather(head, "X-Forwarded-Proto", &protos);
		if (protos.count > 0)
			proto = protos.entry[protos.count - 1];
	}
	c.forwarded = hops.count > 0 || proto.p;
	if (proto.p)
		c.secure = is_https(proto);
	while (hops.count > 0 && is_trusted(l, &c.addr)) {
		struct str entry = hops.entry[--hops.count];
		struct addr next;

		if (!read_node(standard ? parameter(entry, "for") : entry, &next))
			break;
		c.addr = next;
	}
	return c;
}
