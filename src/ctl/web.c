/*
 * web.c -- «check_web»: what a browser meets at the public web endpoints, and how to mend it.
 *
 * The server says where its endpoints are said to be (its command check_web); everything else is
 * asked from outside, over the network, with certificates looked at.  One thing that is wrong does
 * not keep the others from being looked at, unless nobody answers at all.
 *
 * Runs on: its own process
 */
#include "ctl/web.h"

#include "base/mem.h"
#include "xml/parse.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REL_WEBSOCKET "urn:xmpp:alt-connections:websocket"
#define REL_BOSH "urn:xmpp:alt-connections:xbosh"
#define NS_XRD "http://docs.oasis-open.org/ns/xri/xrd-1.0"

enum { PATIENCE = 20, DAYS_FEW = 14 };

/* ---- What was found ----------------------------------------------------------------- */

static void
tell(struct web *w, const char *result, const char *what, const char *mend, const char *text)
{
	if (w->rows)
		(void)json_array_append_new(
			w->rows, json_pack("{s:s, s:s, s:s, s:s, s:s*}", "host", w->host, "check",
					 what, "result", result, "text", text, "mend", mend));
	else
		(void)printf("%-5s %s: %s: %s\n%s%s%s", result, w->host, what, text,
			mend ? "      to mend it: " : "", mend ? mend : "", mend ? "\n" : "");
	(void)fflush(stdout); /* some checks take their time */
}

static const char *format(struct web *w, const char *fmt, va_list va) PRINTF(2, 0);

static const char *
format(struct web *w, const char *fmt, va_list va)
{
	char text[1000];

	(void)vsnprintf(text, sizeof(text), fmt, va);
	/* What others say goes to a terminal. */
	for (char *p = text; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = ' ';
	}
	return arena_text(w->arena, text);
}

void
web_fine(struct web *w, const char *what, const char *fmt, ...)
{
	va_list va;

	va_start(va, fmt);
	tell(w, "ok", what, NULL, format(w, fmt, va));
	va_end(va);
}

void
web_note(struct web *w, const char *what, const char *fmt, ...)
{
	va_list va;

	va_start(va, fmt);
	tell(w, "note", what, NULL, format(w, fmt, va));
	va_end(va);
}

void
web_wrong(struct web *w, const char *what, const char *mend, const char *fmt, ...)
{
	va_list va;

	w->wrong++;
	va_start(va, fmt);
	tell(w, "WRONG", what, mend, format(w, fmt, va));
	va_end(va);
}

/* ---- The page, its headers, the certificate --------------------------------------------- */

static void
check_headers(struct web *w, const struct web_answer *a)
{
	const char *what = "security headers", *csp = web_header(w, a, "Content-Security-Policy");
	const char *sniff = web_header(w, a, "X-Content-Type-Options");
	bool framed =
		!web_header(w, a, "X-Frame-Options") && !(csp && strstr(csp, "frame-ancestors"));

	if (!csp)
		web_wrong(w, what, "let the proxy pass on Content-Security-Policy",
			"the page has no Content-Security-Policy");
	else if (!sniff || !str_is_nocase(str_of(sniff), "nosniff"))
		web_wrong(w, what, "let the proxy pass on X-Content-Type-Options: nosniff",
			"browsers may guess what a file is");
	else if (framed)
		web_wrong(w, what,
			"let the proxy pass on X-Frame-Options, or frame-ancestors in "
			"Content-Security-Policy",
			"other sites may show the page within theirs");
	else
		web_fine(w, what, "the page has what it needs");
	if (!web_header(w, a, "Strict-Transport-Security"))
		web_note(w, what,
			"without Strict-Transport-Security browsers still try http:// first");
}

/* What a page over TLS may not load without. */
static void
check_mixed(struct web *w, const struct web_answer *a)
{
	static const char *const clear[] = { "src=\"http://", "src='http://", "href=\"http://",
		"href='http://", "\"ws://", "'ws://" };

	for (size_t i = 0; i < sizeof(clear) / sizeof(clear[0]); i++) {
		if (memmem(buf_bytes(&a->body), buf_len(&a->body), clear[i], strlen(clear[i]))) {
			web_wrong(w, "page", "let the page name https:// and wss:// only",
				"browsers block parts of it: it has %s", clear[i]);
			return;
		}
	}
}

/* False: nobody answers there. */
static bool
check_page(struct web *w)
{
	const char *what = "page", *url = arena_printf(w->arena, "%s/", w->url), *type;
	struct web_answer a;
	bool answered;

	web_fetch(w, "GET", url, NULL, NULL, PATIENCE, &a);
	answered = web_answered(w, "TLS", &a);
	type = web_header(w, &a, "Content-Type");
	if (answered && a.days_left < DAYS_FEW)
		web_wrong(w, "TLS",
			"renew the certificate, and see to it that this happens by itself",
			"the certificate is over in %d days", a.days_left);
	else if (answered)
		web_fine(w, "TLS", "the certificate is good for %s", w->url);
	if (answered && a.status == 200 && type && strncmp(type, "text/html", 9) == 0) {
		web_fine(w, what, "there is one at %s", url);
		check_mixed(w, &a);
		check_headers(w, &a);
	} else if (answered && a.status / 100 == 5) {
		web_wrong(w, what, "look whether the server runs and where the proxy looks for it",
			"the proxy answers %u at %s", a.status, url);
	} else if (answered) {
		web_note(w, what, "there is none at %s (%u)", url, a.status);
	}
	web_answer_fini(&a);
	return answered;
}

/* ---- Discovery ---------------------------------------------------------------------- */

/* Addresses that were told, in w's arena; each may be NULL. */
struct found {
	const char *websocket, *bosh;
};

static void
find_link(struct web *w, struct found *f, const char *rel, const char *href)
{
	if (text_eq(rel, REL_WEBSOCKET) && !f->websocket)
		f->websocket = arena_text(w->arena, href);
	if (text_eq(rel, REL_BOSH) && !f->bosh)
		f->bosh = arena_text(w->arena, href);
}

static bool
read_xrd(struct web *w, const struct web_answer *a, struct found *f)
{
	static const struct parse_limits limits = { 65536, 16, 64 };
	struct str text = str_trim(buf_str(&a->body));
	const char *end = str_starts(text, STR("<?xml")) ? memmem(text.p, text.n, "?>", 2) : NULL;
	struct arena *arena = NULL;
	const struct xml *xrd = NULL;
	bool fine;

	if (end)
		text = str_trim((struct str){ end + 2, text.n - (size_t)(end + 2 - text.p) });
	fine = parse_alone(text, &limits, &arena, &xrd) == PARSE_OK && xml_is(xrd, NS_XRD, "XRD");
	for (const struct xml *l = fine ? xml_child(xrd, NS_XRD, "Link") : NULL; l;
		l = xml_next(l, NS_XRD, "Link"))
		find_link(w, f, xml_get(l, "rel"), xml_get(l, "href"));
	arena_free(&arena);
	return fine;
}

static bool
read_jrd(struct web *w, const struct web_answer *a, struct found *f)
{
	json_t *root = json_loadb(buf_bytes(&a->body), buf_len(&a->body), 0, NULL);
	const json_t *links = json_object_get(root, "links"), *l;
	bool fine = json_is_array(links);
	size_t i;

	json_array_foreach(links, i, l)
	{
		find_link(w, f, json_string_value(json_object_get(l, "rel")),
			json_string_value(json_object_get(l, "href")));
	}
	json_decref(root);
	return fine;
}

/* A document of the host that scripts of all sites may read. */
static void
check_document(struct web *w, const char *name,
	bool (*read)(struct web *w, const struct web_answer *a, struct found *f), struct found *f)
{
	const char *url = arena_printf(w->arena, "https://%s/.well-known/%s", w->host, name);
	const char *headers[] = { "Origin: null", NULL };
	bool optional = strstr(name, "-2.json") != NULL;
	struct web_answer a;

	web_fetch(w, "GET", url, headers, NULL, PATIENCE, &a);
	if (!web_answered(w, name, &a))
		;
	else if (a.status == 404 && optional)
		web_note(w, name, "not there: it needs `addresses` of the module discovery");
	else if (a.status != 200)
		web_wrong(w, name,
			"let the web server of this name pass /.well-known/host-meta* on to the "
			"server, also .json",
			"%s is answered with %u", url, a.status);
	else if (!read(w, &a, f))
		web_wrong(w, name,
			"let the web server of this name pass /.well-known/host-meta* on to the "
			"server, also .json",
			"what is at %s is something else", url);
	else if (web_allows(w, name, &a, "null"))
		web_fine(w, name, "names %s and %s", f->websocket ? f->websocket : "no WebSocket",
			f->bosh ? f->bosh : "no BOSH");
	web_answer_fini(&a);
}

/* One of the addresses that were told: is it what the server has, and safe? */
static const char *
judge_link(struct web *w, const char *what, const char *scheme, const char *found, const char *path)
{
	const char *own = arena_printf(w->arena, "https%s%s", w->url + strlen("https"), path);

	if (path[0] != '/' && !found)
		return NULL;
	if (found && strncmp(found, scheme, strlen(scheme)) == 0)
		return found;
	if (found)
		web_wrong(w, what, "set `http: public_url` to an address with https://",
			"host-meta names %s, which browsers refuse on a page over TLS", found);
	else
		web_wrong(w, what, "set `http: public_url`, and let host-meta come from the server",
			"host-meta does not name it");
	return path[0] == '/' ? own : NULL;
}

static void
check_host(struct web *w)
{
	struct found xrd = { NULL, NULL }, jrd = { NULL, NULL }, second = { NULL, NULL };
	const char *socket, *bosh;

	if (!check_page(w))
		return;
	check_document(w, "host-meta", read_xrd, &xrd);
	check_document(w, "host-meta.json", read_jrd, &jrd);
	check_document(w, "host-meta-2.json", read_jrd, &second);
	if ((xrd.websocket && jrd.websocket && strcmp(xrd.websocket, jrd.websocket) != 0) ||
		(xrd.bosh && jrd.bosh && strcmp(xrd.bosh, jrd.bosh) != 0))
		web_wrong(w, "host-meta.json", "let both come from the server",
			"it names other addresses than host-meta");
	socket = judge_link(w, "WebSocket", "wss://", xrd.websocket ? xrd.websocket : jrd.websocket,
		w->websocket);
	bosh = judge_link(w, "BOSH", "https://", xrd.bosh ? xrd.bosh : jrd.bosh, w->bosh);
	if (socket)
		web_check_socket(w, socket);
	if (bosh)
		web_check_bosh(w, bosh);
	if (!socket && !bosh)
		web_wrong(w, "endpoints", "set `websocket` or `bosh` of `http`",
			"browsers have no way to connect");
}

/* ---- The command -------------------------------------------------------------------------- */

struct answer {
	int code;
	char *text;
	json_t *rows;
};

static void
keep_answer(const struct ctl_answer *a, void *ctx)
{
	struct answer *kept = ctx;

	kept->code = a->code;
	mem_free(&kept->text);
	kept->text = mem_copy_text(a->text);
	if (json_is_array(a->json)) {
		if (!kept->rows)
			kept->rows = json_array();
		(void)json_array_extend(kept->rows, (json_t *)(uintptr_t)a->json);
	}
}

static const char *
text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text && text[0] ? text : NULL;
}

/* The rows of the server's command: where to look. */
static unsigned
check_rows(const struct ctl *c, const json_t *rows, json_t *found)
{
	unsigned wrong = 0;
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		struct web w = { .arena = c->arena,
			.host = text_of(row, "host"),
			.url = text_of(row, "url"),
			.websocket = text_of(row, "websocket"),
			.bosh = text_of(row, "bosh"),
			.origin = text_of(row, "origin"),
			.connect = text_of(row, "connect"),
			.ca = text_of(row, "ca"),
			.wait = (int)json_integer_value(json_object_get(row, "wait")),
			.rows = found };

		if (w.host && w.url && w.websocket && w.bosh && w.origin)
			check_host(&w);
		wrong += w.wrong;
	}
	return wrong;
}

int
ctl_check_web(const struct ctl *c, char *const *args, int count, struct err *e)
{
	struct answer a = { .code = CTL_OK };
	json_t *found = c->json ? json_array() : NULL;
	int code = ctl_ask(c, "check_web", args, count, true, keep_answer, &a, e);

	if (code != CTL_OK)
		(void)fputs(a.text ? a.text : "", stderr);
	else if (check_rows(c, a.rows, found) > 0)
		code = CTL_ERROR;
	if (a.rows && found) {
		(void)json_dumpf(found, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	}
	mem_free(&a.text);
	json_decref(a.rows);
	json_decref(found);
	return code;
}
