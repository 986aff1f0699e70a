/*
 * web_bosh.c -- a BOSH session as a browser makes it (XEP-0124): preflight, creation, a request that
 * waits, the end.
 *
 * Runs on: its own process
 */
#include "ctl/web.h"

#include "base/rand.h"
#include "xml/ns.h"
#include "xml/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const what = "BOSH";

/* Seconds beyond what was agreed that are nobody's fault. */
enum { PATIENCE = 30, TOLERANCE = 10 };

struct session {
	struct web *web;
	const char *url, *sid;
	uint64_t rid;
	int wait; /* that the server agreed to */
};

/* ---- Requests ------------------------------------------------------------------------ */

static const char *
mend_of(unsigned status)
{
	switch (status) {
	case 403:
		return "look at `http: origins`, and let the proxy set X-Forwarded-Proto, from an "
		       "address in `proxies` of the listener";
	case 404:
		return "let the proxy pass this path on, and look at `http: bosh`";
	case 405:
		return "let the proxy pass on POST requests";
	case 413:
		return "let the proxy pass on bodies of 2 MB";
	case 502:
	case 503:
		return "look whether the server runs and where the proxy looks for it";
	case 504:
		return "raise the proxy's time-outs for answers above `http: bosh_wait`";
	default:
		return "let the proxy pass this path on to the server";
	}
}

/* The <body/> of an answer, in w's arena; NULL: it is none, which was told. */
static const struct xml *
read_body(struct web *w, const char *of, struct web_answer *a)
{
	static const struct parse_limits limits = { 65536, 64, 64 };
	struct arena *arena = NULL;
	const struct xml *body = NULL;

	if (!web_answered(w, of, a))
		return NULL;
	if (a->status != 200) {
		web_wrong(w, of, mend_of(a->status), "a request is answered with %u", a->status);
		return NULL;
	}
	if (parse_alone(str_trim(buf_str(&a->body)), &limits, &arena, &body) != PARSE_OK ||
		!xml_is(body, NS_BOSH, "body")) {
		arena_free(&arena);
		web_wrong(w, of, "let the proxy pass this path on to the server",
			"what answers there is no BOSH server");
		return NULL;
	}
	body = xml_copy(w->arena, body);
	arena_free(&arena);
	return body;
}

static void
post(struct session *s, const char *attributes, int seconds, struct web_answer *a)
{
	struct web *w = s->web;
	const char *headers[] = { "Content-Type: text/xml; charset=utf-8",
		arena_printf(w->arena, "Origin: %s", w->origin), NULL };
	const char *sid = s->sid ? arena_printf(w->arena, " sid='%s'", s->sid) : "";

	s->rid++;
	web_fetch(w, "POST", s->url, headers,
		arena_printf(w->arena, "<body xmlns='" NS_BOSH "' rid='%" PRIu64 "'%s%s/>", s->rid,
			sid, attributes),
		seconds, a);
}

/* ---- The steps of a session --------------------------------------------------------------- */

/* Access-Control-Allow-Methods or -Headers has the word, or says that all may. */
static bool
lists(struct web *w, const struct web_answer *a, const char *header, const char *word)
{
	struct str rest = str_of(web_header(w, a, header));

	while (rest.p) {
		struct str entry = str_trim(str_cut(&rest, ','));

		if (str_is(entry, "*") || str_is_nocase(entry, word))
			return true;
	}
	return false;
}

static void
preflight(struct web *w, const char *url)
{
	const char *of = "BOSH preflight";
	const char *headers[] = { arena_printf(w->arena, "Origin: %s", w->origin),
		"Access-Control-Request-Method: POST",
		"Access-Control-Request-Headers: content-type", NULL };
	struct web_answer a;

	web_fetch(w, "OPTIONS", url, headers, NULL, PATIENCE, &a);
	if (web_answered(w, of, &a)) {
		if (a.status / 100 != 2)
			web_wrong(w, of, "let the proxy pass on OPTIONS requests to this path",
				"OPTIONS is answered with %u: scripts of other sites may not ask",
				a.status);
		else if (!lists(w, &a, "Access-Control-Allow-Methods", "POST") ||
			 !lists(w, &a, "Access-Control-Allow-Headers", "content-type"))
			web_wrong(w, of,
				"let the proxy pass on the server's headers Access-Control-*",
				"POST with a Content-Type is not allowed to scripts");
		else if (web_allows(w, of, &a, w->origin))
			web_fine(w, of, "scripts may ask");
	}
	web_answer_fini(&a);
}

static bool
create(struct session *s)
{
	struct web *w = s->web;
	const struct xml *body;
	const char *condition;
	struct web_answer a;
	uint64_t wait;

	post(s,
		arena_printf(w->arena,
			" to='%s' ver='1.11' hold='1' wait='%d' xml:lang='en' xmpp:version='1.0' "
			"xmlns:xmpp='" NS_XBOSH "'",
			w->host, w->wait),
		PATIENCE, &a);
	body = read_body(w, what, &a);
	s->sid = body ? xml_get(body, "sid") : NULL;
	condition = body ? xml_get(body, "condition") : NULL;
	if (body && !s->sid)
		web_wrong(w, what, "look at the server's log", "no session begins: %s",
			condition ? condition : "nobody says why");
	else if (body && !str_uint(str_of(xml_get(body, "wait")), 3600, &wait))
		s->wait = w->wait;
	else if (body)
		s->wait = (int)wait;
	if (s->sid && web_allows(w, what, &a, w->origin))
		web_fine(w, what, "a session for %s begins", w->host);
	web_answer_fini(&a);
	return s->sid != NULL;
}

/* A request that the server answers when the time is over that was agreed. */
static void
wait_for_answer(struct session *s)
{
	const char *of = "BOSH waiting",
		   *mend = "raise the proxy's time-outs for answers above `http: bosh_wait`";
	struct web *w = s->web;
	struct web_answer a;

	post(s, "", s->wait + PATIENCE, &a);
	if (a.status == 504 || (a.status == 0 && a.seconds < s->wait))
		web_wrong(w, of, mend, "a request that waits is cut off after %.1f seconds",
			a.seconds);
	else if (a.status == 0)
		web_wrong(w, of,
			"let the proxy hand on answers at once (nginx: proxy_buffering off)",
			"after %d seconds the server answers, and after %.1f nothing came", s->wait,
			a.seconds);
	else if (read_body(w, of, &a) && a.seconds > s->wait + TOLERANCE)
		web_wrong(w, of,
			"let the proxy hand on answers at once (nginx: proxy_buffering off)",
			"an answer that was due after %d seconds came after %.1f", s->wait,
			a.seconds);
	else if (a.status == 200)
		web_fine(w, of, "a request may wait for %d seconds", s->wait);
	web_answer_fini(&a);
}

void
web_check_bosh(struct web *w, const char *url)
{
	struct session s = { .web = w, .url = url };
	struct web_answer a;

	rand_bytes(&s.rid, sizeof(s.rid));
	s.rid >>= 16; /* below 2^53, as all clients can count */
	preflight(w, url);
	if (!create(&s))
		return;
	wait_for_answer(&s);
	post(&s, " type='terminate'", PATIENCE, &a);
	web_answer_fini(&a);
}
