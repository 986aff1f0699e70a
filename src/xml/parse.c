/*
 * parse.c -- one element's bytes to a tree, with expat.
 *
 * Each thread has one expat parser, made at first use.  Between elements it stands inside an open
 * `<s>` and remembers nothing of any stream, so all streams of the thread use it in turn and an
 * idle stream holds none.  Expat remembers every name that it meets and keeps its largest buffers;
 * after some hundreds of names that are not in known.def, or a very large element, it starts anew.
 *
 * Expat runs without its namespace mode: prefixes are resolved here, which is cheaper (the usual
 * stanza has none) and tells a wrong prefix from other mistakes.  Namespaces in XML 1.0 is followed
 * to the letter, with one exception: after a prefix, a local name must start with an ASCII letter
 * or underscore, since expat's tables of other letters cannot be asked without its namespace mode.
 *
 * Expat gets elements whole.  So it never has to wait for the rest of a token, and its deferral of
 * parsing (XML_SetReparseDeferralEnabled), which would hold back stanzas that come in pieces, has
 * nothing to defer.
 *
 * Names of known.def are pointed to; other names, all values and texts are copied into the
 * element's arena, whose first chunk is estimated so that the usual stanza is one malloc.
 *
 * Runs on: any thread.
 */
#include "xml/tree.h"

#include "base/mem.h"
#include "base/rand.h"
#include "xml/known.h"

#include <assert.h>
#include <expat.h>
#include <pthread.h>
#include <string.h>

enum {
	NAMES_MAX = 256, /* unknown names until expat starts anew */
	KEPT_MAX = 64 * 1024, /* bytes of an element after which its buffers are given back */
	STANZA_EXTRA = 640, /* what a stanza adds to the arena of its element */
	CHUNK_MAX = 32 * 1024, /* of an arena's first chunk */
};

struct level {
	struct xml *x;
	const char *default_ns; /* in force inside x */
	size_t prefixes; /* declared outside x */
};

struct engine {
	XML_Parser expat;
	bool ready; /* inside `<s>`, waiting for an element */
	bool header; /* parsing one */
	unsigned names; /* unknown ones since it started */
	struct scope scope; /* prefixes declared within the element */
	struct level *levels;
	size_t depth, room;
	struct buf text; /* not yet a node */
	/* Of the element that is being parsed: */
	const struct tree_outside *outside;
	struct arena *arena;
	struct xml *root;
	const char *qname; /* of the header */
	size_t expanded; /* bytes of namespaces that writing without prefixes adds */
	enum parse_fault fault;
	bool as_written; /* the content means the same under any jabber:client parent */
};

static _Thread_local struct engine *own;
static pthread_key_t key; /* frees a thread's engine when it ends */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned long salt; /* of expat's hash tables */

/* ---- Handlers ------------------------------------------------------------ */

static void
stop(struct engine *e, enum parse_fault why)
{
	if (e->fault == PARSE_OK)
		e->fault = why;
	XML_StopParser(e->expat, XML_FALSE);
}

static const char *
keep_name(struct engine *e, struct str s)
{
	const char *known = known_text(s);

	if (known)
		return known;
	e->names++;
	return arena_str(e->arena, s);
}

static void
flush_text(struct engine *e)
{
	if (buf_len(&e->text) == 0)
		return;
	xml_text(e->arena, e->levels[e->depth - 1].x, buf_str(&e->text));
	buf_clear(&e->text);
}

static const char *
find_prefix(struct engine *e, struct str prefix)
{
	const char *ns = scope_find(&e->scope, prefix);

	if (!ns)
		ns = scope_find(e->outside->prefixes, prefix);
	if (!ns && str_is(prefix, "xml"))
		ns = NS_XML;
	if (!ns)
		stop(e, PARSE_BAD_PREFIX);
	return ns;
}

static bool
starts_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Of other letters expat knows more; a prefix is never written, so nothing depends on them. */
static bool
may_start_prefix(char c)
{
	return starts_name(c) || (unsigned char)c >= 0x80;
}

/* Splits at the colon; *local is the rest. */
static bool
split_name(struct engine *e, const char *name, const char *colon, struct str *prefix,
	struct str *local)
{
	*prefix = (struct str){ name, (size_t)(colon - name) };
	*local = str_of(colon + 1);
	if (prefix->n > 0 && starts_name(*local->p) && !str_find(*local, ':'))
		return true;
	stop(e, PARSE_NOT_WELL_FORMED);
	return false;
}

/* Namespaces in XML 1.0, section 3: what may be bound to what. */
static bool
may_declare(struct str prefix, const char *ns)
{
	bool is_xml = strcmp(ns, NS_XML) == 0;

	if (str_is(prefix, "xml"))
		return is_xml;
	return !is_xml && !str_is(prefix, "xmlns") &&
	       strcmp(ns, "http://www.w3.org/2000/xmlns/") != 0 && (prefix.n == 0 || *ns != '\0');
}

/* Takes the declarations among atts; returns how many other attributes there are. */
static size_t
declare(struct engine *e, const XML_Char **atts, struct level *level, bool *declares)
{
	size_t all = 0, others = 0;

	for (; *atts; atts += 2, all++) {
		const char *name = *atts, *value = atts[1], *ns;
		struct str prefix;

		if (name[0] != 'x' || strncmp(name, "xmlns", 5) != 0 ||
			(name[5] != '\0' && name[5] != ':')) {
			others++;
			continue;
		}
		prefix = str_of(name[5] ? name + 6 : "");
		if (!may_declare(prefix, value) || (name[5] && !may_start_prefix(*prefix.p)) ||
			str_find(prefix, ':')) {
			stop(e, PARSE_NOT_WELL_FORMED);
			return 0;
		}
		ns = keep_name(e, str_of(value));
		if (prefix.n > 0) {
			scope_add(&e->scope, prefix, ns);
		} else {
			level->default_ns = ns;
			*declares = true;
		}
	}
	/* Prefixes are searched one by one: those in scope have the same limit. */
	if (all > e->outside->limits->max_attrs || e->scope.count > e->outside->limits->max_attrs)
		stop(e, PARSE_TOO_DEEP);
	return others;
}

/* Writing x out will repeat this namespace, which a prefix saved here. */
static void
count_expansion(struct engine *e, const char *ns)
{
	e->expanded += strlen(ns);
	if (e->expanded > e->outside->limits->max_bytes)
		stop(e, PARSE_TOO_BIG);
}

static bool
is_repeated(const struct xml *x, const struct xml_attr *at)
{
	for (const struct xml_attr *other = x->attrs; other; other = other->next) {
		if (other->ns && strcmp(other->name, at->name) == 0 &&
			strcmp(other->ns, at->ns) == 0)
			return true;
	}
	return false;
}

static void
add_attrs(struct engine *e, struct xml *x, const XML_Char **atts)
{
	struct xml_attr **end = &x->attrs;

	for (; *atts && e->fault == PARSE_OK; atts += 2) {
		const char *name = *atts, *colon;
		struct xml_attr *at;
		struct str prefix, local;

		if (name[0] == 'x' && strncmp(name, "xmlns", 5) == 0 &&
			(name[5] == '\0' || name[5] == ':'))
			continue;
		at = ARENA_NEW(e->arena, struct xml_attr);
		local = str_of(name);
		colon = str_find(local, ':');
		if (colon) {
			if (!split_name(e, name, colon, &prefix, &local))
				return;
			at->ns = find_prefix(e, prefix);
			if (!at->ns)
				return;
			at->name = keep_name(e, local);
			if (is_repeated(x, at))
				stop(e, PARSE_NOT_WELL_FORMED);
			if (strcmp(at->ns, NS_XML) != 0) {
				count_expansion(e, at->ns);
				e->as_written = e->as_written && e->depth == 1;
			}
		} else {
			at->name = keep_name(e, local);
		}
		at->value = arena_text(e->arena, atts[1]);
		*end = at;
		end = &at->next;
	}
}

/* Name and namespace of the newest level's element. */
static void
name_element(struct engine *e, const char *name, struct level *level, bool declares)
{
	const struct level *outer = e->depth > 1 ? level - 1 : NULL;
	struct str prefix, local = str_of(name);
	const char *colon = str_find(local, ':');
	struct xml *x = level->x;

	if (colon) {
		if (!split_name(e, name, colon, &prefix, &local))
			return;
		x->ns = find_prefix(e, prefix);
		if (!x->ns)
			return;
	} else {
		x->ns = level->default_ns;
	}
	x->name = keep_name(e, local);
	if (!outer) {
		e->as_written = strcmp(level->default_ns, NS_CLIENT) == 0;
		return;
	}
	if (x->ns != outer->x->ns && (colon || !declares))
		count_expansion(e, x->ns);
	/* A prefix may be declared outside; and jabber:client is to be implicit where it can. */
	if (colon || (declares && strcmp(x->ns, NS_CLIENT) == 0 &&
			     strcmp(outer->default_ns, NS_CLIENT) == 0))
		e->as_written = false;
}

static struct level *
push(struct engine *e)
{
	struct level *level;

	if (e->depth == e->room) {
		e->room = e->room ? e->room * 2 : 16;
		e->levels = mem_resize(e->levels, e->room * sizeof(*e->levels));
	}
	level = &e->levels[e->depth++];
	level->x = ARENA_NEW(e->arena, struct xml);
	level->default_ns = e->depth > 1 ? level[-1].default_ns : e->outside->default_ns;
	level->prefixes = e->scope.count;
	return level;
}

static void XMLCALL
on_open(void *ctx, const XML_Char *name, const XML_Char **atts)
{
	struct engine *e = ctx;
	struct level *level;
	bool declares = false;
	size_t others = 0;

	if (e->fault != PARSE_OK)
		return;
	if (!e->arena) { /* the `<s>` */
		return;
	}
	if (e->depth == 0 && e->root) {
		stop(e, PARSE_NOT_WELL_FORMED);
		return;
	}
	flush_text(e);
	level = push(e);
	if (e->depth == 1)
		e->root = level->x;
	if (*atts)
		others = declare(e, atts, level, &declares);
	if (e->fault == PARSE_OK)
		name_element(e, name, level, declares);
	if (others > 0 && e->fault == PARSE_OK)
		add_attrs(e, level->x, atts);
	if (e->header && !e->qname)
		e->qname = arena_text(e->arena, name);
	if (e->depth > 1 && e->fault == PARSE_OK)
		xml_adopt(level[-1].x, level->x);
}

static void XMLCALL
on_close(void *ctx, const XML_Char *name)
{
	struct engine *e = ctx;

	(void)name;
	if (e->fault != PARSE_OK || e->header)
		return;
	if (e->depth == 0) {
		stop(e, PARSE_NOT_WELL_FORMED);
		return;
	}
	flush_text(e);
	e->depth--;
	scope_cut(&e->scope, e->levels[e->depth].prefixes);
}

static void XMLCALL
on_text(void *ctx, const XML_Char *text, int n)
{
	struct engine *e = ctx;

	if (e->fault != PARSE_OK)
		return;
	if (e->depth == 0)
		stop(e, PARSE_STRAY_TEXT);
	else
		buf_put(&e->text, text, (size_t)n);
}

static void XMLCALL
on_decl(void *ctx, const XML_Char *version, const XML_Char *encoding, int standalone)
{
	(void)standalone;
	if (version && !str_starts(str_of(version), STR("1.")))
		stop(ctx, PARSE_NOT_WELL_FORMED);
	if (encoding && !str_is_nocase(str_of(encoding), "UTF-8"))
		stop(ctx, PARSE_BAD_ENCODING);
}

/* The frame lets none of these through; should it be wrong, they are refused here. */
static void XMLCALL
on_comment(void *ctx, const XML_Char *text)
{
	(void)text;
	stop(ctx, PARSE_RESTRICTED);
}

static void XMLCALL
on_instruction(void *ctx, const XML_Char *target, const XML_Char *data)
{
	(void)target;
	(void)data;
	stop(ctx, PARSE_RESTRICTED);
}

static void XMLCALL
on_doctype(void *ctx, const XML_Char *name, const XML_Char *system_id, const XML_Char *public_id,
	int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	stop(ctx, PARSE_RESTRICTED);
}

/* ---- The thread's engine ------------------------------------------------- */

static void
engine_free(void *object)
{
	struct engine *e = object;

	own = NULL;
	if (e->expat)
		XML_ParserFree(e->expat);
	scope_fini(&e->scope);
	buf_fini(&e->text);
	mem_free(&e->levels);
	mem_free(&e);
}

static void
make_key(void)
{
	int failed = pthread_key_create(&key, engine_free);

	assert(!failed);
	(void)failed;
	salt = (unsigned long)rand_u64();
}

static struct engine *
engine_get(void)
{
	if (!own) {
		pthread_once(&once, make_key);
		own = MEM_NEW(struct engine);
		pthread_setspecific(key, own);
	}
	return own;
}

/* A parser at the start of a document. */
static void
engine_start(struct engine *e)
{
	if (!e->expat) {
		e->expat = XML_ParserCreate("UTF-8");
		assert(e->expat);
	} else {
		XML_ParserReset(e->expat, "UTF-8");
	}
	/* The salt spares each start a getrandom; all else that follows is forgotten by a reset
	 * too. */
	XML_SetHashSalt(e->expat, salt);
	XML_SetUserData(e->expat, e);
	XML_SetElementHandler(e->expat, on_open, on_close);
	XML_SetCharacterDataHandler(e->expat, on_text);
	XML_SetXmlDeclHandler(e->expat, on_decl);
	XML_SetCommentHandler(e->expat, on_comment);
	XML_SetProcessingInstructionHandler(e->expat, on_instruction);
	XML_SetStartDoctypeDeclHandler(e->expat, on_doctype);
	e->names = 0;
	e->ready = false;
}

static void
engine_forget(struct engine *e)
{
	scope_cut(&e->scope, 0);
	buf_clear(&e->text);
	e->depth = 0;
	e->root = NULL;
	e->qname = NULL;
	e->arena = NULL;
	e->expanded = 0;
	e->fault = PARSE_OK;
	e->header = false;
}

static void
engine_feed(struct engine *e, struct str bytes)
{
	assert(bytes.n < INT32_MAX);
	if (XML_Parse(e->expat, bytes.p, (int)bytes.n, XML_FALSE) == XML_STATUS_OK)
		return;
	e->ready = false;
	if (e->fault == PARSE_OK)
		e->fault = XML_GetErrorCode(e->expat) == XML_ERROR_UNDEFINED_ENTITY
				   ? PARSE_RESTRICTED
				   : PARSE_NOT_WELL_FORMED;
}

/* Large buffers are not kept, nor many names. */
static void
engine_rest(struct engine *e, size_t bytes)
{
	if (e->names > NAMES_MAX)
		e->ready = false;
	if (bytes > KEPT_MAX) {
		XML_ParserFree(e->expat);
		e->expat = NULL;
		e->ready = false;
		buf_shrink(&e->text);
	}
	engine_forget(e);
}

/* ---- Elements and headers ------------------------------------------------ */

static size_t
first_chunk(struct str bytes, const struct frame *f)
{
	size_t n = STANZA_EXTRA + bytes.n + bytes.n / 2 + f->nodes * (sizeof(struct xml) * 3 / 2) +
		   f->attrs * (sizeof(struct xml_attr) + 8);

	return n < CHUNK_MAX ? n : CHUNK_MAX;
}

static bool
is_stanza(const struct xml *x)
{
	return strcmp(x->name, "message") == 0 || strcmp(x->name, "presence") == 0 ||
	       strcmp(x->name, "iq") == 0;
}

/* Parses the bytes; on a fault nothing is kept. */
static enum parse_fault
run(struct engine *e, struct str bytes, const struct frame *f, const struct tree_outside *outside)
{
	enum parse_fault fault;

	e->outside = outside;
	e->arena = arena_new(first_chunk(bytes, f));
	engine_feed(e, bytes);
	if (e->fault == PARSE_OK && (!e->root || (e->depth > 0) != e->header))
		e->fault = PARSE_NOT_WELL_FORMED;
	fault = e->fault;
	if (fault == PARSE_OK)
		return fault;
	arena_free(&e->arena);
	engine_rest(e, bytes.n);
	e->ready = false;
	return fault;
}

enum parse_fault
tree_element(struct str bytes, const struct frame *f, const struct tree_outside *outside,
	struct arena **arena, const struct xml **element)
{
	struct engine *e = engine_get();
	enum parse_fault fault;

	if (!e->ready) {
		engine_start(e);
		engine_feed(e, STR("<s>"));
		e->ready = true;
	}
	fault = run(e, bytes, f, outside);
	if (fault != PARSE_OK)
		return fault;
	if (e->as_written && !f->cdata && f->inner < f->inner_end && is_stanza(e->root)) {
		struct str inner = { bytes.p + f->inner, f->inner_end - f->inner };

		e->root->text = (struct str){ arena_str(e->arena, inner), inner.n };
	}
	*arena = e->arena;
	*element = e->root;
	engine_rest(e, bytes.n);
	return PARSE_OK;
}

enum parse_fault
tree_header(struct str bytes, const struct frame *f, const struct tree_outside *outside,
	struct arena **arena, const struct xml **element, struct arena *names,
	struct scope *prefixes, const char **default_ns, const char **qname)
{
	struct engine *e = engine_get();
	enum parse_fault fault;

	engine_start(e);
	e->header = true;
	fault = run(e, bytes, f, outside);
	if (fault != PARSE_OK)
		return fault;
	for (size_t i = 0; i < e->scope.count; i++) {
		const struct binding *b = &e->scope.rows[i];
		struct str prefix = { arena_str(names, b->prefix), b->prefix.n };

		scope_add(prefixes, prefix, arena_text(names, b->ns));
	}
	*default_ns = arena_text(names, e->levels[0].default_ns);
	*qname = arena_text(names, e->qname);
	*arena = e->arena;
	*element = e->root;
	engine_rest(e, bytes.n);
	e->ready = false; /* the next element gets an `<s>` of ours around it */
	return PARSE_OK;
}
