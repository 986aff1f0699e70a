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

static const char *
trim_slash(struct arena *a, const char *url)
{
	size_t n = strlen(url);

	return n > 0 && url[n - 1] == '/' ? arena_printf(a, "%.*s", (int)n - 1, url) : url;
}

/* "example.org:5443", or with what public_url has behind "https://"; NULL: there is none. */
static const char *
authority(struct arena *a, const struct host *h)
{
	const struct listen_conf *l = tls_listener(h->config, "http");
	const char *url = h->config->http.public_url, *at;

	if (!url)
		return !l		? NULL
		       : l->port == 443 ? h->name
					: arena_printf(a, "%s:%lld", h->name, (long long)l->port);
	url += strlen("https://");
	at = strstr(url, "@HOST@");
	if (at)
		url = arena_printf(
			a, "%.*s%s%s", (int)(at - url), url, h->name, at + strlen("@HOST@"));
	return trim_slash(a, url);
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

/* ---- For bongsuctl, which asks there from outside ------------------------------------- */

struct check_args {
	const char *host, *url, *connect, *ca;
	int64_t wait;
};

static const struct field check_fields[] = {
	TEXT_FIELD(struct check_args, host, .doc = "One host, instead of all"),
	TEXT_FIELD(struct check_args, url, .min = 9, .max = 500,
		.doc = "Where the endpoints are to be, such as https://chat.example.org, instead of "
		       "what the configuration says"),
	TEXT_FIELD(struct check_args, connect,
		.doc = "HOST:PORT to connect to, whatever the addresses say; to look at a proxy "
		       "before DNS leads there"),
	TEXT_FIELD(struct check_args, ca,
		.doc = "File of certificates to believe, instead of the system's"),
	INT_FIELD(struct check_args, wait, .dflt = "5", .min = 1, .max = 3600,
		.doc = "Seconds that a BOSH request is held; clients ask for 60"),
	END_FIELDS,
};

/* A web site whose scripts may connect. */
static const char *
some_origin(const struct config *c)
{
	const char *const *o = c->http.origins;

	return !o || !o[0] || text_eq(o[0], "*") ? "null" : o[0];
}

/* Where bongsuctl is to look. */
static json_t *
place_to_look(const struct check_args *a, const struct config *c, const char *host, const char *url)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:s*, s:I}", "host", host, "url", url,
		"websocket", c->http.websocket, "bosh", c->http.bosh, "origin", some_origin(c),
		"connect", a->connect, "ca", a->ca, "wait", (json_int_t)a->wait);
}

static struct step
check_web(struct job *j)
{
	const struct check_args *a = CALL_ARGS(j, struct check_args);
	const struct config *c = config_of(j->worker);
	json_t *places;

	if (a->url && strncmp(a->url, "https://", strlen("https://")) != 0)
		return call_error(j, "bad_request", "'%s' does not begin with https://", a->url);
	places = json_array();
	for (size_t i = 0; i < c->hosts_count; i++) {
		const struct host *h = c->hosts[i];
		const char *at = options(h) ? authority(j->arena, h) : NULL;
		const char *url = at ? arena_printf(j->arena, "https://%s", at) : NULL;

		url = a->url ? trim_slash(j->arena, a->url) : url;
		if ((a->host && !text_eq(a->host, h->name)) || !url)
			continue;
		call_line(j, "%s", url);
		json_array_append_new(places, place_to_look(a, c, h->name, url));
	}
	if (json_array_size(places) > 0) {
		call_json(j, places);
		return call_done(j);
	}
	json_decref(places);
	if (a->host && !config_host(c, str_of(a->host)))
		return call_error(j, "not_found", "'%s' is not served", a->host);
	return call_error(
		j, "not_found", "no address for browsers is configured: set `http: public_url`");
}

static const struct command commands[] = {
	{ "check_web", "web", 0, check_fields, sizeof(struct check_args), check_web, NULL,
		"Ask the public web endpoints as a browser would, and tell what is wrong and how to "
		"mend it",
		"check_web example.org" },
	END_COMMANDS,
};

/* clang-format off */
MODULE(discovery) = {
	IDENTITY(discovery),
	.summary = "Tells clients where WebSocket and BOSH are",
	.xeps = XEPS(
		{ 156, "1.4.0", XEP_COMPLETE, NULL },
		{ 487, "0.1.0", XEP_PARTIAL, "without pinned keys and ECH" }),
	.options = option_fields,
	.options_size = sizeof(struct discovery_options),
	.commands = commands,
	.http =
		(const struct http_route[]){
			{ .path = "/.well-known/host-meta", .methods = HTTP_GET, .cors = CORS_ANY, .quiet = true, .handle = give_xrd },
			{ .path = "/.well-known/host-meta.json", .methods = HTTP_GET, .cors = CORS_ANY, .quiet = true, .handle = give_jrd },
			{ .path = "/.well-known/host-meta-2.json", .methods = HTTP_GET, .cors = CORS_ANY, .quiet = true, .handle = give_jrd_2 },
			END_HTTP,
		},
};
/* clang-format on */
