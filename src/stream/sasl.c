/*
 * sasl.c -- the SASL exchange of a stream (RFC 6120 6): mechanisms, attempts, delays.
 *
 * PLAIN and SCRAM both work on the SCRAM keys of the account.  A user who does not exist has keys
 * too (made of a secret of the server and the name), so an unknown name takes the same steps and
 * the same time as a wrong password.  What costs time, deriving keys for PLAIN, is a chore.  Each
 * failure is answered after a delay that grows with the failures of the address and of the account.
 *
 * Runs on: the stream's worker.
 */
#include "stream/stream.h"

#include <string.h>

#include "base/encode.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/rand.h"
#include "run/chore.h"
#include "stream/c2s_own.h"
#include "stream/sasl_guard.h"
#include "stream/sasl_plain.h"
#include "stream/sasl_scram.h"
#include "stream/transport.h"

enum kind { KIND_PLAIN, KIND_SCRAM };

struct mechanism {
	const char *name;
	enum kind kind;
	enum digest digest;
	bool plus;
};

/* Best first: clients take the first that they know. */
static const struct mechanism mechanisms[] = {
	{ "SCRAM-SHA-512-PLUS", KIND_SCRAM, DIGEST_SHA512, true },
	{ "SCRAM-SHA-256-PLUS", KIND_SCRAM, DIGEST_SHA256, true },
	{ "SCRAM-SHA-1-PLUS", KIND_SCRAM, DIGEST_SHA1, true },
	{ "SCRAM-SHA-512", KIND_SCRAM, DIGEST_SHA512, false },
	{ "SCRAM-SHA-256", KIND_SCRAM, DIGEST_SHA256, false },
	{ "SCRAM-SHA-1", KIND_SCRAM, DIGEST_SHA1, false },
	{ "PLAIN", KIND_PLAIN, DIGEST_SHA256, false },
};

enum stage { STAGE_INITIAL, STAGE_KEYS, STAGE_FINAL };

struct sasl {
	struct arena *arena;
	struct stream *stream;
	const struct mechanism *mechanism;
	enum stage stage;
	struct jid jid; /* who it is about, once known */
	struct attempt attempt; /* counted by the guard, if it has an account */
	struct scram scram;
	struct scram_keys keys;
	bool found, disabled, chore_right;
	struct str password; /* PLAIN; a secret of the arena */
	struct chore chore;
	enum sasl_cond failure; /* told after the delay */
};

void
sasl_free(struct sasl **x)
{
	struct sasl *own = *x;
	struct arena *arena;

	*x = NULL;
	if (!own)
		return;
	if (own->attempt.account.n > 0)
		sasl_guard_left(&own->attempt);
	arena = own->arena;
	mem_wipe(&own->keys, sizeof(own->keys));
	arena_free(&arena);
}

/* ---- Features ------------------------------------------------------------------------ */

/* Channel bindings of the connection (XEP-0440). */
struct bindings {
	unsigned char exporter[32], end_point[64];
	size_t end_point_length;
	bool has_exporter, has_end_point;
};

static struct bindings
bindings_of(const struct stream *s)
{
	struct bindings b = { .end_point_length = 0 };
	struct conn *c = s->transport->channel(s);

	if (!c || !s->info.tls)
		return b;
	b.has_exporter = conn_tls_exporter(c, b.exporter);
	b.has_end_point = conn_tls_end_point(c, b.end_point, &b.end_point_length);
	return b;
}

static bool
is_configured(const struct stream *s, const struct mechanism *m)
{
	const char *const *names = stream_conf(s)->mechanisms;

	if (!names || !names[0])
		return true;
	for (; *names; names++)
		if (str_is_nocase(str_of(*names), m->name))
			return true;
	return false;
}

static bool
is_offered(const struct stream *s, const struct bindings *b, const struct mechanism *m)
{
	if (m->kind == KIND_PLAIN && !s->info.tls)
		return false;
	if (m->plus && !b->has_exporter && !b->has_end_point)
		return false;
	return is_configured(s, m);
}

void
sasl_features(struct stream *s, struct arena *arena, struct xml *features)
{
	struct bindings b = bindings_of(s);
	struct xml *list = xml_add(arena, features, NS_SASL, "mechanisms");
	struct xml *cb;

	for (size_t i = 0; i < COUNT(mechanisms); i++)
		if (is_offered(s, &b, &mechanisms[i]))
			xml_add_text(arena, list, NS_SASL, "mechanism", mechanisms[i].name);
	if (!b.has_exporter && !b.has_end_point)
		return;
	cb = xml_add(arena, features, NS_SASL_CB, "sasl-channel-binding");
	if (b.has_exporter)
		xml_attr(arena, xml_add(arena, cb, NS_SASL_CB, "channel-binding"), "type",
			"tls-exporter");
	if (b.has_end_point)
		xml_attr(arena, xml_add(arena, cb, NS_SASL_CB, "channel-binding"), "type",
			"tls-server-end-point");
}

/* ---- Failure ---------------------------------------------------------------------------- */

static void
tell_failure(struct worker *w, struct timer *t)
{
	struct stream *s = CONTAINER(t, struct stream, delay);
	enum sasl_cond c = s->sasl->failure;

	(void)w;
	sasl_free(&s->sasl);
	s->state = STREAM_AUTH;
	stream_put(s, "<failure xmlns='" NS_SASL "'><%s/></failure>", sasl_cond_name(c));
	if (++s->attempts >= (unsigned)stream_conf(s)->auth_attempts)
		stream_end(s, STREAM_COND_POLICY_VIOLATION, "too many attempts");
	else
		stream_resume(s, PAUSE_DELAY);
}

static bool
begin_attempt(struct stream *s)
{
	const struct c2s_conf *conf = stream_conf(s);
	struct attempt a = { &s->info.peer, jid_full(s->sasl->jid), worker_now(s->worker), false };

	if (!sasl_guard_begin(&a, (struct guard_bounds){ conf->max_failures_per_address,
					  conf->max_failures_per_account })) {
		log_warn(AREA_C2S, s->info.id,
			"refused an attempt to log in as %s: too many failed", s->sasl->jid.text);
		return false;
	}
	s->sasl->attempt = a;
	return true;
}

static struct attempt
take_attempt(struct stream *s)
{
	struct attempt a = s->sasl->attempt;

	s->sasl->attempt.account = STR_NONE;
	a.peer = &s->info.peer;
	a.now = worker_now(s->worker);
	return a;
}

static void
fail(struct stream *s, enum sasl_cond c)
{
	struct sasl *x = s->sasl;
	bool guess = c == SASL_COND_NOT_AUTHORIZED || c == SASL_COND_ACCOUNT_DISABLED;
	struct attempt attempt;
	char peer[ADDR_TEXT];

	addr_text(&s->info.peer, peer);
	log_warn(AREA_C2S, s->info.id, "Failed c2s %s authentication for %.*s from %s: %s",
		x->mechanism ? x->mechanism->name : "SASL",
		STR_ARG(jid_is_none(x->jid) ? STR("?") : jid_full(x->jid)), peer,
		sasl_cond_name(c));
	metric_add(METRIC_AUTH_FAILED, 1);
	x->failure = c;
	if (!guess) {
		tell_failure(s->worker, &s->delay);
		return;
	}
	stream_pause(s, PAUSE_DELAY);
	attempt = take_attempt(s);
	timer_set(s->worker, &s->delay, sasl_guard_failed(&attempt), tell_failure);
}

/* ---- Success -------------------------------------------------------------------------------- */

static void
succeed(struct stream *s, const char *additional)
{
	struct sasl *x = s->sasl;
	struct str mechanism = str_of(x->mechanism->name);
	struct attempt attempt;
	char peer[ADDR_TEXT];

	if (x->disabled) {
		fail(s, SASL_COND_ACCOUNT_DISABLED);
		return;
	}
	attempt = take_attempt(s);
	sasl_guard_succeeded(&attempt);
	s->jid = x->jid;
	s->jid.text = mem_copy_str(jid_full(x->jid));
	memcpy(s->info.mechanism, mechanism.p, mechanism.n + 1);
	addr_text(&s->info.peer, peer);
	log_info(AREA_C2S, s->info.id, "Accepted c2s %s authentication for %s from %s", mechanism.p,
		s->jid.text, peer);
	metric_add(METRIC_AUTH_OK, 1);
	stream_put(s, "<success xmlns='" NS_SASL "'>%s</success>",
		additional ? base64_encode(x->arena, additional, strlen(additional)) : "");
	sasl_free(&s->sasl);
	s->info.authenticated = true;
	stream_restart(s);
}

/* ---- Keys -------------------------------------------------------------------------- */

static void challenge(struct stream *s);
static void start_check(struct stream *s);

static void
on_keys(struct worker *w, void *ctx, enum credential_result result, const struct scram_keys *keys,
	bool disabled)
{
	struct stream *s = ctx;

	(void)w;
	if (stream_release(s))
		return;
	s->sasl->found = result == CREDENTIAL_OK;
	s->sasl->disabled = disabled;
	if (keys)
		s->sasl->keys = *keys;
	if (keys && result != CREDENTIAL_AWAY && s->sasl->mechanism->kind == KIND_PLAIN) {
		start_check(s); /* the input goes on standing still */
		return;
	}
	if (!keys || result == CREDENTIAL_AWAY)
		fail(s, SASL_COND_TEMPORARY_AUTH_FAILURE);
	else
		challenge(s);
	stream_resume(s, PAUSE_ASKED);
}

/* The account that the name means; authzid may only name the same one. */
static enum sasl_cond
fetch_keys(struct stream *s, const char *user, const char *authzid)
{
	struct sasl *x = s->sasl;
	const char *local = jid_prep_local(x->arena, str_of(user));
	struct jid wanted;

	if (!local ||
		jid_make(x->arena, str_of(local), str_of(s->host), STR_NONE, &x->jid) != JID_OK)
		return SASL_COND_NOT_AUTHORIZED;
	if (authzid && (jid_parse(x->arena, str_of(authzid), &wanted) != JID_OK ||
			       !jid_eq(wanted, x->jid)))
		return SASL_COND_INVALID_AUTHZID;
	if (s->from && !str_is(jid_full(x->jid), s->from))
		return SASL_COND_INVALID_AUTHZID;
	if (!begin_attempt(s))
		return SASL_COND_TEMPORARY_AUTH_FAILURE;
	x->stage = STAGE_KEYS;
	stream_hold(s);
	stream_pause(s, PAUSE_ASKED);
	credential_fetch(s->worker, x->jid, x->mechanism->digest, on_keys, s);
	return SASL_COND_NONE;
}

/* ---- PLAIN (RFC 4616) -------------------------------------------------------------- */

static void
check_password(struct chore *c)
{
	struct sasl *x = CONTAINER(c, struct sasl, chore);
	struct scram_keys made;

	scram_keys_make(&made, x->mechanism->digest, x->password, x->keys.iterations, x->keys.salt,
		x->keys.salt_length);
	x->chore_right =
		digest_same(made.stored_key, x->keys.stored_key, digest_size(x->mechanism->digest));
	mem_wipe(&made, sizeof(made));
}

static void
password_checked(struct worker *w, struct mail *m)
{
	struct sasl *x = CONTAINER(CONTAINER(m, struct chore, mail), struct sasl, chore);
	struct stream *s = x->stream;

	(void)w;
	if (stream_release(s))
		return;
	if (x->found && x->chore_right)
		succeed(s, NULL);
	else
		fail(s, SASL_COND_NOT_AUTHORIZED);
	stream_resume(s, PAUSE_ASKED);
}

static void
start_check(struct stream *s)
{
	struct sasl *x = s->sasl;

	x->chore.worker = s->worker;
	x->chore.work = check_password;
	x->chore.mail.open = password_checked;
	stream_hold(s);
	if (chore_post(&x->chore) || stream_release(s))
		return;
	fail(s, SASL_COND_TEMPORARY_AUTH_FAILURE);
	stream_resume(s, PAUSE_ASKED);
}

static enum sasl_cond
plain(struct stream *s, struct str message)
{
	struct sasl *x = s->sasl;
	struct plain p;
	enum sasl_cond c = plain_read(x->arena, message, &p);
	const char *prepared;

	if (c != SASL_COND_NONE)
		return c;
	prepared = jid_prep_password(x->arena, p.password);
	x->password = str_of(prepared ? prepared : "\x01");
	return fetch_keys(s, p.user, p.authzid);
}

/* ---- SCRAM ------------------------------------------------------------------------- */

static enum sasl_cond
scram_begin(struct stream *s, struct str message)
{
	struct sasl *x = s->sasl;
	struct bindings b = bindings_of(s);
	enum sasl_cond c;

	x->scram.arena = x->arena;
	x->scram.digest = x->mechanism->digest;
	x->scram.plus = x->mechanism->plus;
	for (size_t i = 0; i < COUNT(mechanisms); i++)
		x->scram.plus_offered |= mechanisms[i].plus && is_offered(s, &b, &mechanisms[i]);
	c = scram_first(&x->scram, message);
	if (c != SASL_COND_NONE)
		return c;
	return fetch_keys(s, x->scram.user, x->scram.authzid);
}

static void
challenge(struct stream *s)
{
	struct sasl *x = s->sasl;
	uint8_t bytes[24];
	const char *text;

	rand_bytes(bytes, sizeof(bytes));
	text = scram_challenge(&x->scram, &x->keys, base64_encode(x->arena, bytes, sizeof(bytes)));
	x->stage = STAGE_FINAL;
	s->state = STREAM_SASL;
	stream_put(s, "<challenge xmlns='" NS_SASL "'>%s</challenge>",
		base64_encode(x->arena, text, strlen(text)));
}

static enum sasl_cond
scram_end(struct stream *s, struct str message)
{
	struct sasl *x = s->sasl;
	struct bindings b = bindings_of(s);
	struct conn *channel = s->transport->channel(s);
	struct str data = STR_NONE;
	unsigned char unique[64];
	size_t unique_length;
	const char *final = NULL;
	enum sasl_cond c;

	if (text_eq(x->scram.binding, "tls-exporter") && b.has_exporter)
		data = (struct str){ (const char *)b.exporter, sizeof(b.exporter) };
	else if (text_eq(x->scram.binding, "tls-server-end-point") && b.has_end_point)
		data = (struct str){ (const char *)b.end_point, b.end_point_length };
	else if (text_eq(x->scram.binding, "tls-unique") && channel &&
		 conn_tls_unique(channel, unique, &unique_length))
		data = (struct str){ (const char *)unique, unique_length };
	c = scram_final(&x->scram, message, data, &final);
	if (c == SASL_COND_NONE && !x->found)
		c = SASL_COND_NOT_AUTHORIZED;
	if (c == SASL_COND_NONE)
		succeed(s, final);
	return c;
}

/* ---- Elements ---------------------------------------------------------------------- */

static void
step(struct stream *s, struct str message)
{
	struct sasl *x = s->sasl;
	enum sasl_cond c;

	if (x->stage == STAGE_FINAL)
		c = scram_end(s, message);
	else if (x->mechanism->kind == KIND_PLAIN)
		c = plain(s, message);
	else
		c = scram_begin(s, message);
	if (c != SASL_COND_NONE)
		fail(s, c);
}

/* Text of <auth/> or <response/>: base64, "=" for the empty message. */
static bool
decode(struct stream *s, const struct xml *element, struct str *out)
{
	struct str text = str_trim(xml_text_of(s->sasl->arena, element));

	if (str_is(text, "=") || text.n == 0) {
		*out = STR("");
		return true;
	}
	return base64_decode(s->sasl->arena, text, out);
}

static const struct mechanism *
find_mechanism(const struct stream *s, const char *name)
{
	struct bindings b = bindings_of(s);

	for (size_t i = 0; i < COUNT(mechanisms); i++)
		if (text_eq(mechanisms[i].name, name) && is_offered(s, &b, &mechanisms[i]))
			return &mechanisms[i];
	return NULL;
}

void
sasl_auth(struct stream *s, const struct xml *element)
{
	struct arena *arena = arena_new(1024);
	struct sasl *x = ARENA_NEW(arena, struct sasl);
	struct str message;

	x->arena = arena;
	x->stream = s;
	s->sasl = x;
	x->mechanism = find_mechanism(s, xml_get(element, "mechanism"));
	if (stream_needs_tls(s)) {
		fail(s, SASL_COND_ENCRYPTION_REQUIRED);
	} else if (!x->mechanism) {
		fail(s, SASL_COND_INVALID_MECHANISM);
	} else if (!decode(s, element, &message)) {
		fail(s, SASL_COND_INCORRECT_ENCODING);
	} else if (!element->first) {
		s->state = STREAM_SASL;
		stream_put(s, "<challenge xmlns='" NS_SASL "'/>");
	} else {
		step(s, message);
	}
}

void
sasl_response(struct stream *s, const struct xml *element)
{
	struct str message;

	if (!decode(s, element, &message))
		fail(s, SASL_COND_INCORRECT_ENCODING);
	else
		step(s, message);
}

void
sasl_abort(struct stream *s, const struct xml *element)
{
	(void)element;
	fail(s, SASL_COND_ABORTED);
}
