/*
 * web_fetch.c -- requests by libcurl, with the certificate looked at as browsers do.
 *
 * Runs on: its own process
 */
#include "ctl/web.h"

#include "base/clock.h"

#include <curl/curl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>

enum { BODY_MAX = 4 * 1024 * 1024, CONNECT_SECONDS = 10 };

/* What usually is to be done. */
static const struct {
	CURLcode code;
	const char *mend;
} mends[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, "make a DNS record for that name" },
	{ CURLE_COULDNT_CONNECT,
		"let the proxy listen there, or the server by a row of `listen` with service: http "
		"and tls: direct; look at the firewall" },
	{ CURLE_PEER_FAILED_VERIFICATION,
		"give the proxy a certificate for this very name, with its whole chain, from an "
		"authority that browsers know; ca=FILE believes another" },
	{ CURLE_SSL_CONNECT_ERROR, "let the proxy speak TLS 1.2 or newer on this port" },
	{ CURLE_SSL_CACERT_BADFILE, "name a file of certificates in PEM with ca=FILE" },
	{ CURLE_OPERATION_TIMEDOUT, "look at the proxy's log, and whether it reaches the server" },
	{ CURLE_GOT_NOTHING, "look at the proxy's log, and whether it reaches the server" },
};

static const char *
mend_of(CURLcode code)
{
	for (size_t i = 0; i < sizeof(mends) / sizeof(mends[0]); i++) {
		if (mends[i].code == code)
			return mends[i].mend;
	}
	return "look at the proxy's log";
}

static void
give_up(struct web *w, struct web_answer *a, CURLcode code, const char *text)
{
	a->status = 0;
	a->why = arena_text(w->arena, text[0] ? text : curl_easy_strerror(code));
	a->mend = mend_of(code);
}

static size_t
keep(char *bytes, size_t size, size_t n, void *to)
{
	struct buf *b = to;

	if (buf_len(b) + size * n > BODY_MAX)
		return 0;
	buf_put(b, bytes, size * n);
	return size * n;
}

/* Where to connect to, and whom to believe. */
static CURL *
handle_for(struct web *w, const char *url, struct curl_slist **to)
{
	CURL *c = curl_easy_init();

	if (!c)
		return NULL;
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	(void)curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(c, CURLOPT_CERTINFO, 1L);
	if (w->ca)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, w->ca);
	if (w->connect) {
		*to = curl_slist_append(NULL, arena_printf(w->arena, "::%s", w->connect));
		(void)curl_easy_setopt(c, CURLOPT_CONNECT_TO, *to);
	}
	return c;
}

static int
days_left(CURL *c)
{
	struct curl_certinfo *chain = NULL;
	const char *const name = "Expire date:";

	if (curl_easy_getinfo(c, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain ||
		chain->num_of_certs < 1)
		return INT_MAX;
	for (struct curl_slist *l = chain->certinfo[0]; l; l = l->next) {
		time_t until;

		if (strncmp(l->data, name, strlen(name)) != 0)
			continue;
		until = curl_getdate(l->data + strlen(name), NULL);
		return until < 0 ? INT_MAX : (int)((until - time(NULL)) / 86400);
	}
	return INT_MAX;
}

static void
set_request(CURL *c, const char *method, const char *body, struct web_answer *a)
{
	(void)curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
	if (body) {
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	}
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, keep);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, &a->head);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, &a->body);
}

void
web_fetch(struct web *w, const char *method, const char *url, const char *const *headers,
	const char *body, int seconds, struct web_answer *a)
{
	struct curl_slist *to = NULL, *list = curl_slist_append(NULL, "Expect:");
	char why[CURL_ERROR_SIZE] = "";
	CURL *c = handle_for(w, url, &to);
	CURLcode code = CURLE_OUT_OF_MEMORY;
	long status = 0;

	*a = (struct web_answer){ .days_left = INT_MAX };
	for (; headers && *headers; headers++)
		list = curl_slist_append(list, *headers);
	if (c) {
		set_request(c, method, body, a);
		(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
		(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
		(void)curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)seconds);
		code = curl_easy_perform(c);
		(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
		(void)curl_easy_getinfo(c, CURLINFO_TOTAL_TIME, &a->seconds);
		a->days_left = days_left(c);
	}
	a->status = (unsigned)status;
	if (code != CURLE_OK)
		give_up(w, a, code, why);
	curl_easy_cleanup(c);
	curl_slist_free_all(list);
	curl_slist_free_all(to);
}

void
web_answer_fini(struct web_answer *a)
{
	buf_fini(&a->head);
	buf_fini(&a->body);
}

const char *
web_header(struct web *w, const struct web_answer *a, const char *name)
{
	struct str rest = buf_str(&a->head), found = STR_NONE;

	while (rest.p) {
		struct str value = str_cut(&rest, '\n'), key = str_cut(&value, ':');

		if (value.p && str_is_nocase(key, name))
			found = str_trim(value);
	}
	return found.p ? arena_str(w->arena, found) : NULL;
}

bool
web_answered(struct web *w, const char *what, const struct web_answer *a)
{
	if (a->status == 0)
		web_wrong(w, what, a->mend, "%s", a->why);
	return a->status != 0;
}

bool
web_allows(struct web *w, const char *what, const struct web_answer *a, const char *origin)
{
	const char *allowed = web_header(w, a, "Access-Control-Allow-Origin");

	if (allowed && (text_eq(allowed, "*") || str_is_nocase(str_of(allowed), origin)))
		return true;
	web_wrong(w, what,
		"let the proxy pass on the server's headers Access-Control-*, and OPTIONS requests; "
		"look at `http: origins`",
		"scripts of %s may not read it: Access-Control-Allow-Origin is %s",
		text_eq(origin, "null") ? "other sites" : origin, allowed ? allowed : "missing");
	return false;
}

/* ---- Bytes ------------------------------------------------------------------------- */

/* What web_dial gives. */
struct line {
	CURL *curl;
	struct curl_slist *to;
	struct web *web;
};

void *
web_dial(struct web *w, const char *url, struct web_answer *a)
{
	struct line *l = ARENA_NEW(w->arena, struct line);
	char why[CURL_ERROR_SIZE] = "";
	CURLcode code = CURLE_OUT_OF_MEMORY;

	*a = (struct web_answer){ .days_left = INT_MAX };
	l->web = w;
	l->curl = handle_for(w, url, &l->to);
	if (l->curl) {
		(void)curl_easy_setopt(l->curl, CURLOPT_CONNECT_ONLY, 1L);
		(void)curl_easy_setopt(l->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
		(void)curl_easy_setopt(l->curl, CURLOPT_ERRORBUFFER, why);
		code = curl_easy_perform(l->curl);
		(void)curl_easy_setopt(l->curl, CURLOPT_ERRORBUFFER, NULL);
	}
	if (code == CURLE_OK)
		return l;
	give_up(w, a, code, why);
	web_hang_up(l);
	return NULL;
}

static bool
is_ready(const struct line *l, short events, msec_t until)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	msec_t left = until - clock_mono();
	struct pollfd p = { .events = events };

	if (curl_easy_getinfo(l->curl, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
		fd == CURL_SOCKET_BAD || left <= 0)
		return false;
	p.fd = fd;
	return poll(&p, 1, (int)left) > 0;
}

bool
web_send(void *line, struct str bytes)
{
	struct line *l = line;
	msec_t until = clock_mono() + SECONDS(CONNECT_SECONDS);

	while (bytes.n > 0) {
		size_t n = 0;
		CURLcode code = curl_easy_send(l->curl, bytes.p, bytes.n, &n);

		if (code != CURLE_OK && (code != CURLE_AGAIN || !is_ready(l, POLLOUT, until)))
			return false;
		bytes = (struct str){ bytes.p + n, bytes.n - n };
	}
	return true;
}

bool
web_receive(void *line, struct buf *in, int seconds)
{
	enum { AT_ONCE = 16384 };
	struct line *l = line;
	msec_t until = clock_mono() + SECONDS(seconds);

	if (buf_len(in) > BODY_MAX)
		return false;
	for (;;) {
		size_t n = 0;
		CURLcode code = curl_easy_recv(l->curl, buf_room(in, AT_ONCE), AT_ONCE, &n);

		buf_added(in, n);
		if (code == CURLE_OK)
			return n > 0;
		if (code != CURLE_AGAIN || !is_ready(l, POLLIN, until))
			return false;
	}
}

void
web_hang_up(void *line)
{
	struct line *l = line;

	curl_easy_cleanup(l->curl);
	curl_slist_free_all(l->to);
}
