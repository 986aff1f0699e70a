/*
 * web.c -- a page to chat from: serves a folder at "/", and tells the page about its host.
 *
 * The page is whatever the folder holds; contrib/web makes one.  "/config.json" is made here, so that
 * the page works for any host without being written anew: which domain accounts have, where WebSocket
 * and BOSH are (behind a proxy they are where the page is), and who has the rooms.
 *
 * Runs on: main (load), the HTTP connection's worker.
 */
#include "modules/web/web.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

/* Scripts, styles and all else from here alone.  converse.js puts empty style elements into the page
 * (the two hashes) and styles of single elements; what others send becomes neither. */
#define POLICY                                                                                     \
	"default-src 'none'; script-src 'self'; "                                                  \
	"style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' "                  \
	"'sha256-JRf3eZJIF59VkE1tlxlBPiCQXjGJ1uE88pEYh49RtTY='; style-src-attr 'unsafe-inline'; "  \
	"img-src 'self' data: blob:; font-src 'self'; media-src 'self' data: blob:; "              \
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "           \
	"frame-ancestors 'none'"

struct web_options {
	const char *root, *policy;
	bool registration;
	struct site *site; /* not an option: what root held */
};

MODULE_OPTIONS(struct web_options)

static const struct field option_fields[] = {
	TEXT_FIELD(struct web_options, root, .min = 1, .flags = FIELD_PATH | FIELD_RELOAD,
		.doc = "Folder to serve at `/`, such as contrib/web makes; it is read at start and at each "
		       "reload"),
	TEXT_FIELD(struct web_options, policy, .dflt = POLICY, .min = 1, .max = 4000,
		.flags = FIELD_RELOAD, .doc = "Content-Security-Policy of its files"),
	BOOL_FIELD(struct web_options, registration, .dflt = "false", .flags = FIELD_RELOAD,
		.doc = "The page offers to make an account; module register must allow it"),
	END_FIELDS,
};

static bool
load(void *arg, struct err *e)
{
	struct web_options *o = arg;

	if (!o->root)
		return err_set(e, "no root; expected the name of a folder");
	o->site = site_load(o->root, e);
	return o->site != NULL;
}

static void
unload(void *arg)
{
	struct web_options *o = arg;

	site_unref(&o->site);
}

/* ---- Files ---------------------------------------------------------------------------- */

static void
release(void *arg)
{
	struct site *s = arg;

	site_unref(&s);
}

/* The client has it already (RFC 9110 13.1.2). */
static bool
is_known(const struct http_head *h, const char *tag)
{
	char weak[64];

	snprintf(weak, sizeof(weak), "W/%s", tag);
	return http_head_has(h, "If-None-Match", tag) || http_head_has(h, "If-None-Match", weak) ||
	       http_head_has(h, "If-None-Match", "*");
}

static void
give_file(struct exchange *x)
{
	const struct http_request *r = http_request(x);
	const struct web_options *o = options(r->host);
	const struct site_file *f = site_find(o->site, r->head.path);
	bool packed;
	const char *tag;

	if (!f) {
		http_reply_status(x, 404);
		return;
	}
	packed = f->packed.p && http_head_has(&r->head, "Accept-Encoding", "gzip");
	tag = packed ? f->packed_tag : f->tag;
	http_policy(x, o->policy);
	http_header(x, "ETag", tag);
	http_header(x, "Cache-Control", "no-cache");
	http_header(x, "Permissions-Policy",
		"camera=(), geolocation=(), microphone=(), payment=(), usb=()");
	if (f->packed.p)
		http_header(x, "Vary", "Accept-Encoding");
	if (is_known(&r->head, tag)) {
		http_reply(x, 304, NULL, STR_NONE);
		return;
	}
	if (packed)
		http_header(x, "Content-Encoding", "gzip");
	http_reply_shared(
		x, 200, f->type, packed ? f->packed : f->plain, release, site_ref(o->site));
}

/* ---- What the page needs to know --------------------------------------------------------- */

static json_t *
path_or_null(const char *path)
{
	return path[0] == '/' ? json_string(path) : json_null();
}

/* The domain of the host's rooms, if there are any. */
static json_t *
rooms_of(struct exchange *x, const struct host *h)
{
	const char *domain = arena_printf(http_arena(x), "conference.%s", h->name);

	return route_host(http_worker(x), str_of(domain)) == h ? json_string(domain) : json_null();
}

static void
give_config(struct exchange *x)
{
	const struct host *h = http_request(x)->host;
	const struct http_conf *http = &h->config->http;
	json_t *document = json_pack("{s:s, s:o, s:o, s:o, s:b}", "domain", h->name, "websocket",
		path_or_null(http->websocket), "bosh", path_or_null(http->bosh), "rooms",
		rooms_of(x, h), "registration", (int)options(h)->registration);
	char *text = json_dumps(document, JSON_INDENT(2));

	json_decref(document);
	http_header(x, "Cache-Control", "no-store");
	http_reply(x, 200, "application/json", str_of(text));
	free(text);
}

/* clang-format off */
MODULE(web) = {
	IDENTITY(web),
	.summary = "Serves a page to chat from",
	.off = true,
	.options = option_fields,
	.options_size = sizeof(struct web_options),
	.load = load,
	.unload = unload,
	.http =
		(const struct http_route[]){
			{ .path = "/", .methods = HTTP_GET, .handle = give_file },
			{ .path = "/config.json", .methods = HTTP_GET, .handle = give_config },
			END_HTTP,
		},
};
/* clang-format on */
