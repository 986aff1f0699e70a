/*
 * discovery.c -- XEP-0156, XEP-0487: tells web clients where to connect, and others too.
 *
 * The addresses are those of `http: public_url`, since a server behind a proxy cannot know them;
 * without it those of the first http listener with TLS, under the host's name.  Addresses without
 * TLS are never told.
 *
 * Runs on: the HTTP connection's worker.
 */
#include "module/module.h"

#include <string.h>

#include <jansson.h>

struct discovery_options {
	const char *const *addresses;
	msec_t ttl;
};

MODULE_OPTIONS(struct discovery_options)

static const struct field option_fields[] = {
	LIST_FIELD(struct discovery_options, addresses, .max = 16, .flags = FIELD_RELOAD,
		.doc = "Public IP addresses of this server; XEP-0487 needs them, without them "
		       "`host-meta-2.json` is not served"),
	DURATION_FIELD(struct discovery_options, ttl, .dflt = "1h", .min = SECONDS(60),
		.max = DAYS(30), .flags = FIELD_RELOAD,
		.doc = "How long clients may remember `host-meta-2.json`"),
	END_FIELDS,
};

/* ---- Addresses ------------------------------------------------------------------- */

/* The first listener like that whose port is known, or NULL. */
static const struct listen_conf *
tls_listener(const struct config *c, const char *service)
{
	for (size_t i = 0; i < c->listens_count; i++) {
		if (text_eq(c->listens[i].service, service) && c->listens[i].tls == LISTEN_DIRECT &&
			c->listens[i].port > 0)
			return &c->listens[i];
	}
	return NULL;
}

/* "example.org:5443", or with what public_url has behind "https://"; NULL: there is none. */
static const char *
authority(struct arena *a, const struct host *h)
{
	const struct listen_conf *l = tls_listener(h->config, "http");
	const char *url = h->config->http.public_url, *at;
	size_t n;

	if (!url)
		return !l		? NULL
		       : l->port == 443 ? h->name
					: arena_printf(a, "%s:%lld", h->name, (long long)l->port);
	url += strlen("https://");
	at = strstr(url, "@HOST@");
	if (at)
		url = arena_printf(
			a, "%.*s%s%s", (int)(at - url), url, h->name, at + strlen("@HOST@"));
	n = strlen(url);
	return n > 0 && url[n - 1] == '/' ? arena_printf(a, "%.*s", (int)n - 1, url) : url;
}

struct link {
	const char *rel, *href;
	int64_t port; /* instead of href */
};

enum { LINKS_MAX = 3 };

static size_t
links_of(struct arena *a, const struct host *h, struct link out[LINKS_MAX])
{
	const struct http_conf *http = &h->config->http;
	const struct listen_conf *c2s = tls_listener(h->config, "c2s");
	const char *at = authority(a, h);
	size_t n = 0;

	if (at && http->websocket[0] == '/')
		out[n++] = (struct link){ "urn:xmpp:alt-connections:websocket",
			arena_printf(a, "wss://%s%s", at, http->websocket), 0 };
	if (at && http->bosh[0] == '/')
		out[n++] = (struct link){ "urn:xmpp:alt-connections:xbosh",
			arena_printf(a, "https://%s%s", at, http->bosh), 0 };
	if (c2s)
		out[n++] = (struct link){ "urn:xmpp:alt-connections:tls", NULL, c2s->port };
	return n;
}

/* ---- Documents ------------------------------------------------------------------- */

static void
give_xrd(struct exchange *x)
{
	const struct host *h = http_request(x)->host;
	struct arena *a = http_arena(x);
	struct xml *xrd = xml_new(a, "http://docs.oasis-open.org/ns/xri/xrd-1.0", "XRD");
	AUTO(buf_fini) struct buf b = BUF_INIT;
	struct link links[LINKS_MAX];
	size_t n = links_of(a, h, links);

	for (size_t i = 0; i < n; i++) {
		struct xml *link;

		if (!links[i].href)
			continue;
		link = xml_add(a, xrd, xrd->ns, "Link");
		xml_attr(a, link, "rel", links[i].rel);
		xml_attr(a, link, "href", links[i].href);
	}
	buf_put_lit(&b, "<?xml version='1.0' encoding='utf-8'?>\n");
	xml_write(&b, xrd, NULL);
	http_reply(x, 200, "application/xrd+xml; charset=utf-8", buf_str(&b));
}

static void
give_json(struct exchange *x, json_t *document)
{
	char *text = json_dumps(document, JSON_INDENT(2));

	json_decref(document);
	http_reply(x, 200, "application/json; charset=utf-8", str_of(text));
	free(text);
}

static void
give_jrd(struct exchange *x)
{
	const struct host *h = http_request(x)->host;
	struct link links[LINKS_MAX];
	size_t n = links_of(http_arena(x), h, links);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		if (links[i].href)
			json_array_append_new(list, json_pack("{s:s, s:s}", "rel", links[i].rel,
							    "href", links[i].href));
	}
	give_json(x, json_pack("{s:o}", "links", list));
}

static json_t *
ips_of(const struct discovery_options *o)
{
	json_t *list = json_array();

	for (size_t i = 0; o->addresses[i]; i++)
		json_array_append_new(list, json_string(o->addresses[i]));
	return list;
}

static void
give_jrd_2(struct exchange *x)
{
	const struct host *h = http_request(x)->host;
	const struct discovery_options *o = options(h);
	struct link links[LINKS_MAX];
	size_t n = links_of(http_arena(x), h, links);
	json_t *list;

	if (!o->addresses || !o->addresses[0]) {
		http_reply_status(x, 404);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *link = json_pack("{s:s, s:i, s:i, s:s, s:o}", "rel", links[i].rel,
			"priority", (int)(n - i), "weight", 50, "sni", h->name, "ips", ips_of(o));

		if (links[i].href)
			json_object_set_new(link, "href", json_string(links[i].href));
		else
			json_object_set_new(link, "port", json_integer(links[i].port));
		json_array_append_new(list, link);
	}
	give_json(x, json_pack("{s:{s:I}, s:o}", "xmpp", "ttl", (json_int_t)(o->ttl / 1000),
			     "links", list));
}

/* clang-format off */
MODULE(discovery) = {
	IDENTITY(discovery),
	.summary = "Tells clients where WebSocket and BOSH are",
	.xeps = XEPS(
		{ 156, "1.4.0", XEP_COMPLETE, NULL },
		{ 487, "0.1.0", XEP_PARTIAL, "without pinned keys and ECH" }),
	.options = option_fields,
	.options_size = sizeof(struct discovery_options),
	.http =
		(const struct http_route[]){
			{ .path = "/.well-known/host-meta", .methods = HTTP_GET, .cors = CORS_ANY, .handle = give_xrd },
			{ .path = "/.well-known/host-meta.json", .methods = HTTP_GET, .cors = CORS_ANY, .handle = give_jrd },
			{ .path = "/.well-known/host-meta-2.json", .methods = HTTP_GET, .cors = CORS_ANY, .handle = give_jrd_2 },
			END_HTTP,
		},
};
/* clang-format on */
