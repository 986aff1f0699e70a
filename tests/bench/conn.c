/*
 * conn.c -- one XMPP client: from the TCP connection to a session with presence.
 *
 * Each state waits for one thing from the server and has one function that
 * takes it; a table ties them together.  One step follows another as a plain
 * client would do it (RFC 6120 4 to 7), without pipelining, so every server
 * sees the same number of reads and writes.
 *
 * Runs on: the one thread of the load generator.
 */
#include "conn.h"

#include "ws.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_SIZE = 65536 };

typedef void step(struct conn *c, const struct elem *e);

static step take_features, take_proceed, take_register, take_challenge, take_success, take_bind,
	take_presence, take_stanza;

static step *const steps[] = {
	[CONN_FEATURES] = take_features,
	[CONN_PROCEED] = take_proceed,
	[CONN_REGISTER] = take_register,
	[CONN_CHALLENGE] = take_challenge,
	[CONN_SUCCESS] = take_success,
	[CONN_BIND] = take_bind,
	[CONN_PRESENCE] = take_presence,
	[CONN_READY] = take_stanza,
};

static const char *const state_names[] = {
	[CONN_IDLE] = "not connected",
	[CONN_WIRE] = "connecting",
	[CONN_UPGRADE] = "waiting for WebSocket",
	[CONN_FEATURES] = "waiting for stream features",
	[CONN_PROCEED] = "waiting for STARTTLS",
	[CONN_REGISTER] = "registering",
	[CONN_CHALLENGE] = "waiting for a challenge",
	[CONN_SUCCESS] = "waiting for success",
	[CONN_BIND] = "binding",
	[CONN_PRESENCE] = "waiting for the own presence",
	[CONN_READY] = "ready",
};

static bool
uses_ws(const struct conn *c)
{
	return c->plan->options->carrier == CARRIER_WEBSOCKET;
}

/* Close without a word. */
static void
drop(struct conn *c)
{
	wire_close(&c->wire);
	buf_clear(&c->in);
	buf_clear(&c->raw);
	buf_clear(&c->text);
	scram_free(&c->scram);
	free(c->jid);
	c->jid = NULL;
	c->state = CONN_IDLE;
}

/* Give up; what is the server's last word, if it said any. */
static void
lose(struct conn *c, struct span what)
{
	char why[512];

	snprintf(why, sizeof(why), "%s: %.*s", state_names[c->state],
		what.n > 400 ? 400 : (int)what.n, what.p);
	drop(c);
	c->plan->on_lost(c, why);
}

static void
lose_text(struct conn *c, const char *why)
{
	lose(c, (struct span){ .p = why, .n = strlen(why) });
}

bool
conn_open(struct conn *c, const struct conn_plan *plan, unsigned number, unsigned account)
{
	struct conn old;

	old = *c;
	memset(c, 0, sizeof(*c));
	c->data = old.data;
	c->dirty = old.dirty; /* it may still be in its owner's list */
	c->next_dirty = old.next_dirty;
	c->plan = plan;
	c->number = number;
	c->account = account;
	if (!wire_connect(&c->wire, plan->options, number, plan->epoll, c))
		return false;
	c->state = CONN_WIRE;
	return true;
}

struct buf *
conn_out(struct conn *c)
{
	if (!c->dirty) {
		c->dirty = true;
		c->plan->on_dirty(c);
	}
	return uses_ws(c) && c->state != CONN_UPGRADE ? &c->text : &c->wire.out;
}

void
conn_flush(struct conn *c)
{
	c->dirty = false;
	if (c->state == CONN_IDLE)
		return;
	ws_put_frames(&c->wire.out, &c->text);
	if (!wire_flush(&c->wire))
		lose_text(c, "connection lost while writing");
}

void
conn_close(struct conn *c)
{
	if (c->state == CONN_IDLE)
		return;
	if (c->wire.state == WIRE_OPEN) {
		buf_text(uses_ws(c) ? &c->text : &c->wire.out,
			uses_ws(c) ? "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
				   : "</stream:stream>");
		ws_put_frames(&c->wire.out, &c->text);
		(void)wire_flush(&c->wire); /* closing anyway */
	}
	drop(c);
}

static void
open_stream(struct conn *c)
{
	c->state = CONN_FEATURES;
	if (uses_ws(c)) {
		buf_printf(conn_out(c),
			"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='%s' version='1.0' "
			"xml:lang='en'/>",
			c->plan->options->host);
		return;
	}
	buf_printf(conn_out(c),
		"<?xml version='1.0'?><stream:stream to='%s' version='1.0' xml:lang='en' "
		"xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
		c->plan->options->host);
}

/* TCP, and TLS if it is direct, are there. */
static void
begin(struct conn *c)
{
	if (!uses_ws(c)) {
		open_stream(c);
		return;
	}
	c->state = CONN_UPGRADE;
	ws_put_request(conn_out(c), c->plan->options);
}

static bool advance(struct conn *c);

static void
start_tls(struct conn *c)
{
	c->state = CONN_WIRE;
	wire_start_tls(&c->wire, c->plan->options);
	(void)advance(c); /* a handshake speaks first, and may even end at once */
}

static void
send_register(struct conn *c)
{
	const struct options *o = c->plan->options;

	c->state = CONN_REGISTER;
	buf_printf(conn_out(c),
		"<iq type='set' id='reg' to='%s'><query xmlns='jabber:iq:register'>"
		"<username>%s%u</username><password>%s</password></query></iq>",
		o->host, o->prefix, c->account, o->password);
}

static bool
offers(const struct elem *e, const char *mechanism)
{
	char text[64];

	snprintf(text, sizeof(text), ">%s<", mechanism);
	return elem_has(e, text);
}

static void
send_auth(struct conn *c)
{
	const struct options *o = c->plan->options;
	enum mech mech;
	char user[64];

	mech = o->mech;
	if (mech == MECH_BEST)
		mech = c->has_sha256 ? MECH_SHA256 : MECH_SHA1;
	if (mech == MECH_SHA256 ? !c->has_sha256 : !c->has_sha1) {
		lose_text(c, "the server does not offer the SCRAM mechanism wanted");
		return;
	}
	c->state = CONN_CHALLENGE;
	snprintf(user, sizeof(user), "%s%u", o->prefix, c->account);
	c->scram = scram_new(mech, c->account, user, o->password);
	buf_printf(conn_out(c), "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%s'>",
		scram_name(mech));
	scram_first(c->scram, conn_out(c));
	buf_text(conn_out(c), "</auth>");
}

static void
send_bind(struct conn *c)
{
	c->state = CONN_BIND;
	buf_printf(conn_out(c),
		"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
		"<resource>c%u</resource></bind></iq>",
		c->number);
}

static void
take_features(struct conn *c, const struct elem *e)
{
	if (!elem_is(e, "stream:features") && !elem_is(e, "features")) {
		lose(c, e->all);
		return;
	}
	c->has_sha1 = offers(e, scram_name(MECH_SHA1));
	c->has_sha256 = offers(e, scram_name(MECH_SHA256));
	if (c->plan->options->secure == SECURE_STARTTLS && !c->wire.ssl) {
		c->state = CONN_PROCEED;
		buf_text(conn_out(c), "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	} else if (c->authenticated) {
		send_bind(c);
	} else if (c->plan->goal == GOAL_ACCOUNT && !c->registered) {
		send_register(c);
	} else {
		send_auth(c);
	}
}

static void
take_proceed(struct conn *c, const struct elem *e)
{
	if (elem_is(e, "proceed"))
		start_tls(c);
	else
		lose(c, e->all);
}

static void
take_register(struct conn *c, const struct elem *e)
{
	if (!elem_is(e, "iq"))
		return;
	if (!span_is(elem_attr(e, "type"), "result") && !elem_has(e, "<conflict")) {
		lose(c, e->all);
		return;
	}
	c->registered = true;
	send_auth(c);
}

static void
take_challenge(struct conn *c, const struct elem *e)
{
	struct span text;

	text = elem_text(e, "challenge");
	if (!elem_is(e, "challenge") || !text.p) {
		lose(c, e->all);
		return;
	}
	c->state = CONN_SUCCESS;
	buf_text(conn_out(c), "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>");
	if (scram_answer(c->scram, text, conn_out(c)))
		buf_text(conn_out(c), "</response>");
	else
		lose(c, e->all);
}

static void
get_ready(struct conn *c)
{
	c->state = CONN_READY;
	c->plan->on_ready(c);
}

static void
take_success(struct conn *c, const struct elem *e)
{
	if (!elem_is(e, "success") || !scram_verify(c->scram, elem_text(e, "success"))) {
		lose(c, e->all);
		return;
	}
	scram_free(&c->scram);
	c->authenticated = true;
	if (c->plan->goal == GOAL_ACCOUNT)
		get_ready(c);
	else
		open_stream(c);
}

static void
take_bind(struct conn *c, const struct elem *e)
{
	struct span jid;

	jid = elem_text(e, "jid");
	if (!elem_is(e, "iq") || !span_is(elem_attr(e, "type"), "result") || !jid.p) {
		lose(c, e->all);
		return;
	}
	c->jid = bench_copy(jid.p, jid.n);
	if (c->plan->goal == GOAL_BOUND) {
		get_ready(c);
		return;
	}
	c->state = CONN_PRESENCE;
	buf_text(conn_out(c),
		"<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq><presence/>");
}

static void
take_presence(struct conn *c, const struct elem *e)
{
	if (elem_is(e, "iq") && span_is(elem_attr(e, "id"), "roster"))
		c->got_roster = true;
	else if (elem_is(e, "presence") && span_is(elem_attr(e, "from"), c->jid))
		c->got_presence = true;
	take_stanza(c, e);
	if (c->state == CONN_PRESENCE && c->got_roster && c->got_presence)
		get_ready(c);
}

/* Answer a request, so that a server that pings its clients is content. */
static void
answer(struct conn *c, const struct elem *e)
{
	struct span from, id;

	from = elem_attr(e, "from");
	id = elem_attr(e, "id");
	if (from.p)
		buf_printf(conn_out(c), "<iq type='result' id='%.*s' to='%.*s'/>", (int)id.n, id.p,
			(int)from.n, from.p);
	else
		buf_printf(conn_out(c), "<iq type='result' id='%.*s'/>", (int)id.n, id.p);
}

static void
take_stanza(struct conn *c, const struct elem *e)
{
	struct span type;

	if (elem_is(e, "iq")) {
		type = elem_attr(e, "type");
		if (span_is(type, "get") || span_is(type, "set"))
			answer(c, e);
	}
	if (c->plan->on_stanza)
		c->plan->on_stanza(c, e);
}

/* Take one element; false when nothing after it is to be read now. */
static bool
take(struct conn *c, const struct elem *e)
{
	switch (e->kind) {
	case ELEM_PARTIAL:
		return false;
	case ELEM_SPACE:
	case ELEM_OPEN:
		return true;
	case ELEM_CLOSE:
		lose_text(c, "the server closed the stream");
		return false;
	case ELEM_STANZA:
		break;
	}
	if (uses_ws(c) && elem_is(e, "open"))
		return true;
	if (elem_is(e, "stream:error") || (uses_ws(c) && elem_is(e, "close")))
		lose(c, e->all);
	else
		steps[c->state](c, e);
	return c->state > CONN_WIRE;
}

/* Take all complete elements of n bytes at p; returns how many bytes that were. */
static size_t
take_all(struct conn *c, const char *p, size_t n)
{
	struct elem e;
	size_t used;
	bool more;

	more = true;
	for (used = 0; more && used < n;) {
		e = scan_next(p + used, n - used);
		more = take(c, &e);
		if (e.kind != ELEM_PARTIAL)
			used += e.all.n;
	}
	return used;
}

/* Take n bytes of a WebSocket. */
static void
take_frames(struct conn *c, const char *data, size_t n)
{
	size_t used;

	buf_add(&c->raw, data, n);
	if (c->state == CONN_UPGRADE) {
		switch (ws_take_answer(&c->raw)) {
		case 0:
			return;
		case 1:
			open_stream(c);
			break;
		default:
			lose_text(c, "the server does not speak WebSocket");
			return;
		}
	}
	ws_take_frames(&c->raw, &c->in);
	if (buf_len(&c->in) == 0)
		return;
	used = take_all(c, buf_data(&c->in), buf_len(&c->in));
	if (c->state != CONN_IDLE)
		buf_drop(&c->in, used);
}

/* Read and take what there is; true when there was something. */
static bool
read_all(struct conn *c)
{
	static char data[READ_SIZE];
	bool moved;
	size_t used;
	long n;

	moved = false;
	do {
		n = wire_read(&c->wire, data, sizeof(data));
		if (n < 0) {
			lose_text(c, "the server closed the connection");
			return true;
		}
		if (n == 0)
			return moved;
		moved = true;
		if (uses_ws(c)) {
			take_frames(c, data, (size_t)n);
		} else if (buf_len(&c->in) == 0) {
			used = take_all(c, data, (size_t)n);
			if (c->state != CONN_IDLE && used < (size_t)n)
				buf_add(&c->in, data + used, (size_t)n - used);
		} else {
			buf_add(&c->in, data, (size_t)n);
			used = take_all(c, buf_data(&c->in), buf_len(&c->in));
			if (c->state != CONN_IDLE)
				buf_drop(&c->in, used);
		}
	} while (c->state > CONN_WIRE && (n == READ_SIZE || c->wire.ssl));
	return moved;
}

/* Go on with connecting or shaking hands; true when that led somewhere. */
static bool
advance(struct conn *c)
{
	switch (wire_advance(&c->wire)) {
	case WIRE_NOTHING:
		return false;
	case WIRE_BROKEN:
		lose_text(c, c->wire.ssl ? "TLS failed" : strerror(errno));
		break;
	case WIRE_CONNECTED:
		if (c->plan->options->secure == SECURE_DIRECT)
			start_tls(c);
		else
			begin(c);
		break;
	case WIRE_SECURED:
		begin(c);
		break;
	}
	return true;
}

bool
conn_event(struct conn *c)
{
	bool moved;

	if (c->state == CONN_IDLE)
		return false;
	moved = advance(c);
	if (c->wire.state != WIRE_OPEN)
		return moved;
	if (c->wire.wants_write)
		conn_flush(c);
	if (c->state > CONN_WIRE && read_all(c))
		moved = true;
	return moved;
}
