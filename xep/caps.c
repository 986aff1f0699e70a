/*
 * caps.c -- entity capabilities: the string that stands for a disco#info result.
 *
 * Each identity, feature and form becomes one text that ends in «<»; the texts of each sort are put
 * in the order of their bytes and joined.  Two equal texts of a sort are what XEP-0115 5.4 forbids,
 * so sorting finds them.
 *
 * Runs on: any thread.
 */
#include "xep/caps.h"

#include "base/encode.h"
#include "xep/codec.h"
#include "xep/form.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[DIGEST_COUNT] = {
	[DIGEST_SHA1] = "sha-1",
	[DIGEST_SHA256] = "sha-256",
	[DIGEST_SHA512] = "sha-512",
};

bool
caps_read(const struct xml *x, struct caps *out)
{
	const char *hash = xml_is(x, NS_CAPS, "c") ? xml_get(x, "hash") : NULL;

	if (!hash)
		return false;
	*out = (struct caps){ DIGEST_SHA1, xml_get(x, "node"), xml_get(x, "ver") };
	while (out->hash < DIGEST_COUNT && strcmp(names[out->hash], hash) != 0)
		out->hash++;
	return out->hash < DIGEST_COUNT && out->node && out->ver;
}

struct xml *
caps_write(struct arena *a, const struct caps *c)
{
	struct xml *x = xml_new(a, NS_CAPS, "c");

	xml_attr(a, x, "hash", names[c->hash]);
	xml_attr(a, x, "node", c->node);
	xml_attr(a, x, "ver", c->ver);
	return x;
}

struct xml *
caps_again(struct arena *a, const struct xml *x)
{
	struct caps c;

	return caps_read(x, &c) ? caps_write(a, &c) : NULL;
}

/* ---- The string ---------------------------------------------------------- */

/* An identity, a feature, a value, a field or a form: sorted by its keys, written as its text. */
struct part {
	const char *keys[4]; /* the first NULL ends them */
	const char *text;
};

struct parts {
	struct part *list;
	size_t count;
};

/* False if there are too many. */
static bool
parts_make(struct arena *a, size_t room, struct parts *out)
{
	*out = (struct parts){ NULL, 0 };
	if (room > CAPS_PARTS_MAX)
		return false;
	out->list = ARENA_ARRAY(a, struct part, room + 1);
	return true;
}

/* «a<b» could be two texts or one. */
static bool
is_plain(const char *text)
{
	return !text || !strchr(text, '<');
}

static int
compare(const void *one, const void *other)
{
	const struct part *a = one, *b = other;

	for (size_t i = 0; i < COUNT(a->keys) && a->keys[i] && b->keys[i]; i++) {
		int order = strcmp(a->keys[i], b->keys[i]);

		if (order != 0)
			return order;
	}
	return 0;
}

/* Sorts them and appends each with its «<». */
static void
put_sorted(struct buf *out, struct parts *t)
{
	qsort(t->list, t->count, sizeof(*t->list), compare);
	for (size_t i = 0; i < t->count; i++) {
		buf_put_text(out, t->list[i].text);
		buf_put_char(out, '<');
	}
}

/* Sorted parts of which two have the same keys. */
static bool
has_twins(const struct parts *t)
{
	for (size_t i = 1; i < t->count; i++) {
		if (compare(&t->list[i - 1], &t->list[i]) == 0)
			return true;
	}
	return false;
}

static bool
read_identity(struct arena *a, const struct xml *x, struct part *out)
{
	const char *keys[] = { xml_get(x, "category"), xml_get(x, "type"), xml_lang(x),
		xml_get(x, "name") };

	for (size_t i = 0; i < COUNT(keys); i++) {
		if (!is_plain(keys[i]) || (i < 3 && keys[i] && strchr(keys[i], '/')))
			return false;
		out->keys[i] = keys[i] ? keys[i] : "";
	}
	out->text = arena_printf(
		a, "%s/%s/%s/%s", out->keys[0], out->keys[1], out->keys[2], out->keys[3]);
	return true;
}

static bool
put_identities(struct arena *a, const struct xml *query, struct buf *out)
{
	struct parts t;
	const struct xml *x;

	if (!parts_make(a, xml_count(query), &t))
		return false;
	for (x = xml_child(query, NS_DISCO_INFO, "identity"); x;
		x = xml_next(x, NS_DISCO_INFO, "identity")) {
		if (!read_identity(a, x, &t.list[t.count++]))
			return false;
	}
	put_sorted(out, &t);
	return !has_twins(&t);
}

static bool
put_features(struct arena *a, const struct xml *query, struct buf *out)
{
	struct parts t;
	const struct xml *x;

	if (!parts_make(a, xml_count(query), &t))
		return false;
	for (x = xml_child(query, NS_DISCO_INFO, "feature"); x;
		x = xml_next(x, NS_DISCO_INFO, "feature")) {
		const char *var = xml_get(x, "var");

		if (!var || !is_plain(var))
			return false;
		t.list[t.count++] = (struct part){ { var }, var };
	}
	put_sorted(out, &t);
	return !has_twins(&t);
}

/* «var<value<value», values sorted. */
static bool
read_field(struct arena *a, const struct form_field *f, struct part *out)
{
	struct buf b = BUF_INIT;
	struct parts t;

	if (!f->var || !is_plain(f->var) || !parts_make(a, f->count, &t))
		return false;
	for (size_t i = 0; i < f->count; i++) {
		if (!is_plain(f->values[i]))
			return false;
		t.list[t.count++] = (struct part){ { f->values[i] }, f->values[i] };
	}
	buf_put_text(&b, f->var);
	buf_put_char(&b, '<');
	put_sorted(&b, &t);
	*out = (struct part){ { f->var },
		arena_str(a, (struct str){ buf_bytes(&b), buf_len(&b) - 1 }) };
	buf_fini(&b);
	return true;
}

/* «FORM_TYPE<field<field», fields sorted. */
static bool
read_form(struct arena *a, const struct form *f, struct part *out)
{
	struct buf b = BUF_INIT;
	struct parts t;

	if (!is_plain(f->form_type) || !parts_make(a, f->count, &t))
		return false;
	for (size_t i = 0; i < f->count; i++) {
		if (!read_field(a, &f->fields[i], &t.list[t.count++]))
			return false;
	}
	buf_put_text(&b, f->form_type);
	buf_put_char(&b, '<');
	put_sorted(&b, &t);
	*out = (struct part){ { f->form_type },
		arena_str(a, (struct str){ buf_bytes(&b), buf_len(&b) - 1 }) };
	buf_fini(&b);
	return true;
}

/* A FORM_TYPE must be hidden and have one value, else the form does not count (5.1, 5.4). */
static bool
is_hidden(const struct xml *form)
{
	for (const struct xml *f = xml_child(form, NS_DATA_FORM, "field"); f;
		f = xml_next(f, NS_DATA_FORM, "field")) {
		if (text_eq(xml_get(f, "var"), "FORM_TYPE"))
			return text_eq(xml_get(f, "type"), "hidden");
	}
	return false;
}

static bool
has_two_types(struct arena *a, const struct xml *form)
{
	const char *first = NULL;

	for (const struct xml *f = xml_child(form, NS_DATA_FORM, "field"); f;
		f = xml_next(f, NS_DATA_FORM, "field")) {
		if (!text_eq(xml_get(f, "var"), "FORM_TYPE"))
			continue;
		for (const struct xml *v = xml_child(f, NS_DATA_FORM, "value"); v;
			v = xml_next(v, NS_DATA_FORM, "value")) {
			const char *type = arena_str(a, xml_text_of(a, v));

			if (first && !text_eq(first, type))
				return true;
			first = type;
		}
	}
	return false;
}

static bool
put_forms(struct arena *a, const struct xml *query, struct buf *out)
{
	struct parts t;
	struct problem why;
	struct form form;

	if (!parts_make(a, xml_count(query), &t))
		return false;
	for (const struct xml *x = xml_child(query, NS_DATA_FORM, "x"); x;
		x = xml_next(x, NS_DATA_FORM, "x")) {
		if (has_two_types(a, x) || !form_read(a, x, &form, &why))
			return false;
		if (!is_hidden(x) || !form.form_type)
			continue;
		if (!read_form(a, &form, &t.list[t.count++]))
			return false;
	}
	put_sorted(out, &t);
	return !has_twins(&t);
}

const char *
caps_ver(struct arena *a, const struct xml *query, enum digest hash)
{
	uint8_t bytes[DIGEST_MAX];
	struct buf s = BUF_INIT;
	bool ok = put_identities(a, query, &s) && put_features(a, query, &s) &&
		  put_forms(a, query, &s);

	if (ok)
		digest_of(hash, buf_str(&s), bytes);
	buf_fini(&s);
	return ok ? base64_encode(a, bytes, digest_size(hash)) : NULL;
}
