/*
 * stanza.c -- stanzas made, shared, derived and read.
 *
 * Where an envelope lives: one that came with its payload lives in the payload's arena, so the
 * usual message is one malloc; it may be gone while other envelopes still use the payload.  A
 * readdressed one is a small block of its own which keeps the stanza it was made from (its base)
 * and borrows all but the addresses.  So a payload's references are envelopes without a base, and
 * nothing is copied that is not different.
 *
 * Runs on: any thread (references are atomic).
 */
#include "xmpp/own.h"

#include <assert.h>
#include <string.h>

/* ---- Share --------------------------------------------------------------- */

static int *
refs_of(const struct stanza *s)
{
	return &CONTAINER(s, struct own, s)->s.refs;
}

const struct stanza *
stanza_ref(const struct stanza *s)
{
	__atomic_add_fetch(refs_of(s), 1, __ATOMIC_RELAXED);
	return s;
}

static void
payload_unref(const struct payload *payload)
{
	struct payload *p = CONTAINER(&payload->refs, struct payload, refs);
	struct arena *a = p->arena;

	if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) == 0)
		arena_free(&a);
}

/* No reference is left; the base's is dropped by the caller. */
static void
own_free(struct own *o)
{
	struct arena *a = o->arena;

	if (a)
		arena_free(&a);
	else if (o->base)
		mem_free(&o);
	else
		payload_unref(o->s.payload);
}

void
stanza_unref(const struct stanza **sp)
{
	const struct stanza *s = *sp;

	*sp = NULL;
	while (s && __atomic_sub_fetch(refs_of(s), 1, __ATOMIC_ACQ_REL) == 0) {
		const struct stanza *base = own_of(s)->base;

		own_free(CONTAINER(s, struct own, s));
		s = base;
	}
}

/* ---- Make ---------------------------------------------------------------- */

static struct str
written(struct arena *a, const struct xml *children)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;

	for (const struct xml *c = children; c; c = c->next)
		xml_write(&b, c, NS_CLIENT);
	return (struct str){ arena_str(a, buf_str(&b)), buf_len(&b) };
}

struct own *
own_new(struct arena *a, const struct xml *children, struct str bytes)
{
	struct own *o = ARENA_NEW(a, struct own);
	struct payload *p;

	o->s.refs = 1;
	if (!children && !bytes.p) {
		o->arena = a;
		return o;
	}
	p = ARENA_NEW(a, struct payload);
	p->arena = a;
	p->refs = 1;
	p->bytes = bytes.p ? bytes : written(a, children);
	o->s.payload = p;
	o->s.children = children;
	return o;
}

const struct stanza *
stanza_new(struct arena **ap, enum stanza_kind kind, int type, struct jid from, struct jid to,
	const char *id, const struct xml *children)
{
	struct arena *a = ap && *ap ? *ap : arena_new(0);
	struct own *o;

	if (ap)
		*ap = NULL;
	o = own_new(a, children, STR_NONE);
	o->s.kind = kind;
	o->s.type = type;
	o->s.from = jid_copy(a, from);
	o->s.to = jid_copy(a, to);
	o->s.id = arena_text(a, id);
	return &o->s;
}

const struct stanza *
stanza_new_written(
	enum stanza_kind kind, int type, struct jid from, struct jid to, struct str bytes)
{
	struct arena *a = arena_new(bytes.n + 1024);
	struct own *o = own_new(a, NULL, (struct str){ arena_str(a, bytes), bytes.n });

	o->s.kind = kind;
	o->s.type = type;
	o->s.from = jid_copy(a, from);
	o->s.to = jid_copy(a, to);
	return &o->s;
}

/* ---- Derive -------------------------------------------------------------- */

/* Borrows everything from s.  Field by field, since others may be counting references meanwhile. */
static void
borrow(struct stanza *to, const struct stanza *s)
{
	*to = (struct stanza){
		.kind = s->kind,
		.type = s->type,
		.to = s->to,
		.from = s->from,
		.id = s->id,
		.lang = s->lang,
		.children = s->children,
		.beside = s->beside,
		.payload = s->payload,
		.again = s->again,
		.refs = 1,
	};
}

static char *
put_jid(char *at, struct jid *j)
{
	struct str text = jid_full(*j);

	if (!text.p)
		return at;
	memcpy(at, text.p, text.n);
	at[text.n] = '\0';
	j->text = at;
	return at + text.n + 1;
}

const struct stanza *
stanza_readdress(const struct stanza *s, struct jid from, struct jid to)
{
	/* What a readdressed stanza has, its base has too: chains do not grow. */
	const struct stanza *base = own_of(s)->base && !own_of(s)->arena ? own_of(s)->base : s;
	struct own *o = mem_new(sizeof(*o) + jid_full(from).n + jid_full(to).n + 2);

	borrow(&o->s, base);
	o->s.again = s->again;
	o->s.from = from;
	o->s.to = to;
	put_jid(put_jid((char *)(o + 1), &o->s.from), &o->s.to);
	o->base = stanza_ref(base);
	return &o->s;
}

const struct stanza *
stanza_again(const struct stanza *s)
{
	const struct stanza *again = stanza_readdress(s, s->from, s->to);

	CONTAINER(again, struct own, s)->s.again = true;
	return again;
}

const struct stanza *
stanza_beside(const struct stanza *s, const struct xml *extra)
{
	struct arena *a = arena_new(0);
	struct own *o = ARENA_NEW(a, struct own);
	struct xml *chain = xml_new(a, NS_CLIENT, "beside");

	for (const struct xml *x = s->beside; x; x = x->next)
		xml_adopt(chain, xml_copy(a, x));
	for (const struct xml *x = extra; x; x = x->next)
		xml_adopt(chain, xml_copy(a, x));
	borrow(&o->s, s);
	o->s.beside = chain->first;
	o->base = stanza_ref(s);
	o->arena = a;
	return &o->s;
}

typedef bool drop_fn(const struct xml *child, void *ctx);

static bool
is_dropped(const struct xml *x, const char *ns, const char *name, drop_fn *drop, void *ctx)
{
	return xml_is(x, ns, name) && (!drop || drop(x, ctx));
}

const struct stanza *
stanza_without(const struct stanza *s, const char *ns, const char *name, drop_fn *drop, void *ctx)
{
	struct arena *a;
	struct xml *kept;
	struct own *o;
	bool any = false;

	for (const struct xml *x = s->children; x; x = x->next)
		any = any || is_dropped(x, ns, name, drop, ctx);
	for (const struct xml *x = s->beside; x; x = x->next)
		any = any || is_dropped(x, ns, name, drop, ctx);
	if (!any)
		return stanza_ref(s);
	a = arena_new(s->payload->bytes.n * 2 + 1024);
	kept = xml_new(a, NS_CLIENT, "kept");
	for (const struct xml *x = s->children; x; x = x->next) {
		if (!is_dropped(x, ns, name, drop, ctx))
			xml_adopt(kept, xml_copy(a, x));
	}
	o = own_new(a, kept->first, STR_NONE);
	o->s.kind = s->kind;
	o->s.type = s->type;
	o->s.from = jid_copy(a, s->from);
	o->s.to = jid_copy(a, s->to);
	o->s.id = arena_text(a, s->id);
	o->s.lang = arena_text(a, s->lang);
	o->s.again = s->again;
	kept = xml_new(a, NS_CLIENT, "beside");
	for (const struct xml *x = s->beside; x; x = x->next) {
		if (!is_dropped(x, ns, name, drop, ctx))
			xml_adopt(kept, xml_copy(a, x));
	}
	o->s.beside = kept->first;
	return &o->s;
}

const struct stanza *
stanza_remake(const struct stanza *s, struct jid from, struct jid to, drop_fn *drop, void *ctx,
	const struct xml *extra)
{
	struct arena *a = arena_new((s->payload ? s->payload->bytes.n * 2 : 0) + 1024);
	struct xml *all = xml_new(a, NS_CLIENT, "all");
	struct own *o;

	for (const struct xml *x = s->children; x; x = x->next)
		if (!drop || !drop(x, ctx))
			xml_adopt(all, xml_copy(a, x));
	for (; extra; extra = extra->next)
		xml_adopt(all, xml_copy(a, extra));
	o = own_new(a, all->first, STR_NONE);
	o->s.kind = s->kind;
	o->s.type = s->type;
	o->s.from = jid_copy(a, from);
	o->s.to = jid_copy(a, to);
	o->s.id = arena_text(a, s->id);
	o->s.lang = arena_text(a, s->lang);
	o->s.again = s->again;
	return &o->s;
}

/* ---- Answer -------------------------------------------------------------- */

const struct stanza *
stanza_result(const struct stanza *iq, struct arena **a, const struct xml *child)
{
	assert(stanza_is_request(iq));
	return stanza_new(a, STANZA_IQ, IQ_RESULT, iq->to, iq->from, iq->id, child);
}

static int
error_type_of(enum stanza_kind kind)
{
	switch (kind) {
	case STANZA_MESSAGE:
		return MESSAGE_ERROR;
	case STANZA_PRESENCE:
		return PRESENCE_ERROR;
	case STANZA_IQ:
		break;
	}
	return IQ_ERROR;
}

const struct stanza *
stanza_error(const struct stanza *s, enum cond c, const char *text, const struct xml *extra)
{
	struct arena *a;
	struct xml *error, *x;

	if (stanza_is_error(s) || (s->kind == STANZA_IQ && s->type == IQ_RESULT))
		return NULL;
	a = arena_new(1024);
	error = xml_new(a, NS_CLIENT, "error");
	xml_attr(a, error, "type", error_type_name(cond_type(c)));
	xml_add(a, error, NS_STANZA_ERRORS, cond_name(c));
	if (text) {
		x = xml_add_text(a, error, NS_STANZA_ERRORS, "text", text);
		xml_attr_ns(a, x, NS_XML, "lang", "en");
	}
	if (extra)
		xml_adopt(error, xml_copy(a, extra));
	return stanza_new(&a, s->kind, error_type_of(s->kind), s->to, s->from, s->id, error);
}

/* ---- Read ---------------------------------------------------------------- */

const struct xml *
stanza_child(const struct stanza *s, const char *ns, const char *name)
{
	const struct xml *x = s->children;

	return !x || xml_is(x, ns, name) ? x : xml_next(x, ns, name);
}
