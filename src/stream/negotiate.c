/*
 * negotiate.c -- headers, features, and which element may come when (RFC 6120 4, 5; XEP-0170).
 *
 * The table `elements` is the state machine: an element that no row allows in the stream's state
 * ends the stream.  Once a resource is bound there is one short way: a stanza is made and given to
 * the session.
 *
 * Runs on: the stream's worker.
 */
#include "stream/stream.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/rand.h"
#include "hook/hook.h"
#include "stream/c2s_own.h"
#include "stream/transport.h"

/* ---- Header ------------------------------------------------------------------------- */

void
stream_put_attr(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(out, " %s='", name);
	xml_escape_attr(out, str_of(value));
	buf_put_char(out, '\'');
}

void
stream_put_header(struct stream *s)
{
	const struct config *c = config_of(s->worker);
	char id[RAND_ID_SIZE];

	rand_id(id);
	s->transport->header(s, id, s->host ? s->host : c->hosts_count ? c->hosts[0]->name : "");
	s->header_sent = true;
}

struct fault {
	enum stream_cond cond;
	const char *text;
};

/* The bare JID that the client says it is; after authentication it must be true. */
static bool
take_from(struct stream *s, struct arena *arena, const char *from, struct fault *f)
{
	struct jid jid;

	if (!from)
		return true;
	if (jid_parse(arena, str_of(from), &jid) != JID_OK ||
		(s->info.authenticated && !jid_eq_bare(jid, s->jid))) {
		*f = (struct fault){ STREAM_COND_INVALID_FROM, NULL };
		return false;
	}
	mem_free(&s->from);
	s->from = mem_copy_str(jid_bare_str(jid));
	return true;
}

static bool
take_to(struct stream *s, struct arena *arena, const char *to, struct fault *f)
{
	const char *domain = to ? jid_prep_domain(arena, str_of(to)) : NULL;

	if (!to) {
		*f = (struct fault){ STREAM_COND_IMPROPER_ADDRESSING, "the header has no `to`" };
		return false;
	}
	if (!domain || !config_host(config_of(s->worker), str_of(domain)) ||
		(s->info.authenticated && !text_eq(domain, s->host))) {
		*f = (struct fault){ STREAM_COND_HOST_UNKNOWN, NULL };
		return false;
	}
	mem_free(&s->host);
	s->host = mem_copy_text(domain);
	return true;
}

/* RFC 6120 4.7.5: two numbers, with leading zeros or without. */
static bool
version_is_served(const char *version)
{
	struct str rest = str_of(version), major = str_cut(&rest, '.');
	uint64_t number, minor;

	return str_uint(major, UINT32_MAX, &number) && number >= 1 &&
	       str_uint(rest, UINT32_MAX, &minor);
}

static bool
check_header(struct stream *s, struct arena *arena, const struct stream_header *h, struct fault *f)
{
	if (!take_to(s, arena, h->to, f))
		return false;
	if (!h->version || !version_is_served(h->version)) {
		*f = (struct fault){ STREAM_COND_UNSUPPORTED_VERSION, "version 1.0 is served" };
		return false;
	}
	return take_from(s, arena, h->from, f);
}

void
stream_on_header(struct stream *s, const struct stream_header *h)
{
	AUTO(arena_free) struct arena *arena = arena_new(0);
	struct fault f = { STREAM_COND_NONE, NULL };

	if (!check_header(s, arena, h, &f)) {
		stream_end(s, f.cond, f.text);
		return;
	}
	if (h->lang && strlen(h->lang) < 64)
		s->lang = mem_copy_text(h->lang);
	stream_put_header(s);
	s->state = s->info.authenticated ? STREAM_BIND : STREAM_AUTH;
	stream_put_features(s);
}

/* ---- Features (XEP-0170) ---------------------------------------------------------------- */

bool
stream_needs_tls(const struct stream *s)
{
	return !s->info.tls && s->starttls == STARTTLS_REQUIRED;
}

static void
limits_feature(const struct stream *s, struct arena *arena, struct xml *features)
{
	struct xml *limits = xml_add(arena, features, NS_LIMITS, "limits");
	struct parse_limits now = stream_limits(s);
	const struct c2s_conf *conf = stream_conf(s);

	xml_add_text(
		arena, limits, NS_LIMITS, "max-bytes", arena_printf(arena, "%zu", now.max_bytes));
	if (conf->idle_timeout > 0)
		xml_add_text(arena, limits, NS_LIMITS, "idle-seconds",
			arena_printf(arena, "%lld",
				(long long)((conf->idle_timeout + conf->ping_timeout) / 1000)));
}

static void
bound_features(struct arena *arena, struct xml *features)
{
	struct xml *session;

	xml_add(arena, features, NS_BIND, "bind");
	session = xml_add(arena, features, NS_SESSION, "session");
	xml_add(arena, session, NS_SESSION, "optional");
	xml_add(arena, features, NS_ROSTER_VER, "ver");
	xml_add(arena, features, NS_PRE_APPROVAL, "sub");
	xml_add(arena, features, NS_SM, "sm");
}

void
stream_put_features(struct stream *s)
{
	AUTO(arena_free) struct arena *arena = arena_new(2048);
	struct xml *features = xml_new(arena, NS_STREAM, "stream:features");
	const struct host *host = stream_host(s);
	struct features_event ev = { { s->worker, host }, &s->info, arena, features };
	struct xml *tls;

	if (s->transport->alone)
		xml_attr(arena, features, "xmlns:stream", NS_STREAM);
	if (!s->info.tls && s->starttls != STARTTLS_OFF && host && host->tls_ctx) {
		tls = xml_add(arena, features, NS_TLS, "starttls");
		if (stream_needs_tls(s))
			xml_add(arena, tls, NS_TLS, "required");
	}
	if (s->info.authenticated)
		bound_features(arena, features);
	else if (!stream_needs_tls(s))
		sasl_features(s, arena, features);
	if (host && !stream_needs_tls(s)) {
		limits_feature(s, arena, features);
		hook_stream_features(&ev);
	}
	xml_write(s->transport->begin(s), features, NS_STREAM);
	s->transport->end(s);
}

/* ---- STARTTLS (RFC 6120 5) ---------------------------------------------------------------- */

static void
start_tls(struct stream *s, struct arena **arena, const struct xml *element)
{
	const struct host *host = stream_host(s);

	(void)arena;
	(void)element;
	if (s->info.tls || s->starttls == STARTTLS_OFF || !host || !host->tls_ctx) {
		stream_put(s, "<failure xmlns='" NS_TLS "'/>");
		stream_end(s, STREAM_COND_NONE, NULL);
		return;
	}
	stream_put(s, "<proceed xmlns='" NS_TLS "'/>");
	s->state = STREAM_HEADER;
	s->header_sent = false;
	mem_free(&s->from);
	mem_free(&s->lang);
	s->transport->start_tls(s, host);
}

/* ---- Elements ---------------------------------------------------------------------------- */

static void
auth(struct stream *s, struct arena **arena, const struct xml *element)
{
	(void)arena;
	sasl_auth(s, element);
}

static void
response(struct stream *s, struct arena **arena, const struct xml *element)
{
	(void)arena;
	sasl_response(s, element);
}

static void
abort_sasl(struct stream *s, struct arena **arena, const struct xml *element)
{
	(void)arena;
	sasl_abort(s, element);
}

static void
compress(struct stream *s, struct arena **arena, const struct xml *element)
{
	(void)arena;
	(void)element;
	stream_end(s, STREAM_COND_UNSUPPORTED_FEATURE, NULL);
}

static const struct {
	unsigned states;
	const char *ns, *name;
	void (*handle)(struct stream *s, struct arena **arena, const struct xml *element);
} elements[] = {
	{ STREAM_AUTH, NS_TLS, "starttls", start_tls },
	{ STREAM_AUTH, NS_SASL, "auth", auth },
	{ STREAM_SASL, NS_SASL, "response", response },
	{ STREAM_SASL, NS_SASL, "abort", abort_sasl },
	{ STREAM_AUTH, NS_CLIENT, "iq", stream_before_auth },
	{ STREAM_BIND, NS_CLIENT, "iq", stream_bind },
	{ STREAM_BOUND, NS_SM, "r", stream_sm_asked },
	{ STREAM_BOUND, NS_SM, "a", stream_sm_acked },
	{ STREAM_AUTH | STREAM_BIND | STREAM_BOUND, NS_SM, "enable", stream_sm_enable },
	{ STREAM_AUTH | STREAM_BIND | STREAM_BOUND, NS_SM, "resume", stream_sm_resume },
	{ STREAM_AUTH | STREAM_BIND | STREAM_BOUND, "http://jabber.org/protocol/compress",
		"compress", compress },
};

static bool
is_stanza(const struct xml *x)
{
	return text_eq(x->ns, NS_CLIENT) &&
	       (text_eq(x->name, "message") || text_eq(x->name, "presence") ||
		       text_eq(x->name, "iq"));
}

/* RFC 6120 8.1.2.1: a `from` may only say what the stream is. */
static bool
from_is_true(const struct stream *s, struct arena *arena, const struct xml *element)
{
	const char *from = xml_get(element, "from");
	struct jid jid;

	if (!from || str_eq(str_of(from), jid_full(s->session->jid)))
		return true;
	return jid_parse(arena, str_of(from), &jid) == JID_OK &&
	       jid_eq_bare(jid, s->session->jid) &&
	       (!jid_is_full(jid) || jid_eq(jid, s->session->jid));
}

static void
bound_stanza(struct stream *s, struct arena **arena, const struct xml *element)
{
	const struct stanza *stanza, *bounce = NULL;
	struct problem why;

	metric_add(METRIC_STANZAS_IN, 1);
	if (!from_is_true(s, *arena, element)) {
		stream_end(s, STREAM_COND_INVALID_FROM, NULL);
		return;
	}
	stanza = stanza_parse(arena, element, s->session->jid, s->lang, &why, &bounce);
	if (stanza)
		session_receive(s->session, stanza);
	else
		session_refuse(s->session, bounce);
	stanza_unref(&bounce);
}

/* True: a module understood it. */
static bool
is_of_module(struct stream *s, const struct xml *element)
{
	struct element_event ev = { { s->worker, stream_host(s) },
		s->session ? s->session->account : NULL, s->session, element };

	return ev.account && ev.head.host && hook_client_element(&ev) == STOP;
}

void
stream_on_element(struct stream *s, struct arena **arena, const struct xml *element)
{
	c2s_count_element(s);
	if (s->state == STREAM_BOUND && is_stanza(element)) {
		bound_stanza(s, arena, element);
		return;
	}
	for (size_t i = 0; i < COUNT(elements); i++)
		if ((elements[i].states & s->state) &&
			xml_is(element, elements[i].ns, elements[i].name)) {
			elements[i].handle(s, arena, element);
			return;
		}
	if (s->state == STREAM_SASL)
		stream_end(s, STREAM_COND_NOT_AUTHORIZED, "authentication is under way");
	else if (is_stanza(element))
		stream_end(s, STREAM_COND_NOT_AUTHORIZED, NULL);
	else if (!is_of_module(s, element))
		stream_end(s, STREAM_COND_UNSUPPORTED_STANZA_TYPE, NULL);
}
