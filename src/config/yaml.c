/*
 * yaml.c -- a YAML file as a small tree that knows its places.
 *
 * libyaml's events become nodes in an arena.  The tree holds text only: what a value means is
 * decided by the field that takes it, so `no` is a word here and a truth value there.  What would
 * let a small file describe a large tree (anchors and aliases) and what nobody needs in a
 * configuration (tags, several documents) is refused.
 *
 * Runs on: main.
 */
#include "config/yaml.h"

#include <string.h>
#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	bool has_event;
	struct str bytes;
	struct faults *faults;
	size_t nodes;
	bool failed; /* the file cannot be read on */
};

static unsigned
line_of(yaml_mark_t mark)
{
	return (unsigned)mark.line + 1;
}

static unsigned
column_of(yaml_mark_t mark)
{
	return (unsigned)mark.column + 1;
}

static void
fail_at(struct reader *r, yaml_mark_t mark, const char *text)
{
	if (!r->failed)
		fault_add(r->faults, line_of(mark), column_of(mark), "%s", text);
	r->failed = true;
}

/* Bytes that are not text: the parser reads far ahead of its marks, so the place is counted
 * here. */
static void
fail_bytes(struct reader *r)
{
	yaml_mark_t mark = { 0, 0, 0 };

	for (size_t i = 0; i < r->parser.problem_offset && i < r->bytes.n; i++) {
		unsigned char c = (unsigned char)r->bytes.p[i];

		if (c == '\n') {
			mark.line++;
			mark.column = 0;
		} else if ((c & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	fail_at(r, mark, "not valid YAML: a byte that is not text; expected UTF-8");
}

/* The parser's own words, and where. */
static void
fail_parser(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;

	if (p->error == YAML_READER_ERROR) {
		fail_bytes(r);
		return;
	}
	fail_at(r, p->problem_mark,
		arena_printf(r->faults->arena, "not valid YAML: %s%s%s",
			p->problem ? p->problem : "cannot be read", p->context ? ", " : "",
			p->context ? p->context : ""));
}

/* Moves to the next event; false if there is none to use. */
static bool
advance(struct reader *r)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	r->has_event = !r->failed && yaml_parser_parse(&r->parser, &r->event);
	if (!r->has_event && !r->failed)
		fail_parser(r);
	return r->has_event;
}

static bool
is_plain(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		fail_at(r, r->event.start_mark,
			"anchors (&name) are not supported; expected the value itself");
	else if (tag)
		fail_at(r, r->event.start_mark,
			"tags (!name) are not supported; expected a plain value");
	return !r->failed;
}

static struct yaml *
node_new(struct reader *r, enum yaml_kind kind)
{
	struct yaml *n;

	if (++r->nodes > YAML_NODES_MAX) {
		fail_at(r, r->event.start_mark, "too many values; expected a smaller file");
		return NULL;
	}
	n = ARENA_NEW(r->faults->arena, struct yaml);
	n->kind = kind;
	n->line = line_of(r->event.start_mark);
	n->column = column_of(r->event.start_mark);
	return n;
}

static struct yaml *
read_text(struct reader *r)
{
	struct yaml *n;

	if (!is_plain(r, r->event.data.scalar.anchor, r->event.data.scalar.tag) ||
		!(n = node_new(r, YAML_TEXT)))
		return NULL;
	n->text.n = r->event.data.scalar.length;
	n->text.p = arena_str(r->faults->arena,
		(struct str){ (const char *)r->event.data.scalar.value, n->text.n });
	n->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (memchr(n->text.p, 0, n->text.n))
		fail_at(r, r->event.start_mark, "a NUL character; expected text");
	return n;
}

static struct yaml *read_node(struct reader *r, unsigned depth);

static void
append(struct yaml *parent, struct yaml ***end, struct yaml *child)
{
	**end = child;
	*end = &child->next;
	parent->count++;
}

static struct yaml *
read_list(struct reader *r, unsigned depth)
{
	struct yaml *n, **end, *child;

	if (!is_plain(r, r->event.data.sequence_start.anchor, r->event.data.sequence_start.tag) ||
		!(n = node_new(r, YAML_LIST)))
		return NULL;
	end = &n->first;
	while (advance(r) && r->event.type != YAML_SEQUENCE_END_EVENT) {
		child = read_node(r, depth);
		if (!child)
			return NULL;
		append(n, &end, child);
	}
	return r->failed ? NULL : n;
}

static const struct yaml *
find_key(const struct yaml *map, struct str key)
{
	for (const struct yaml *it = map->first; it; it = it->next) {
		if (str_eq(it->key, key))
			return it;
	}
	return NULL;
}

/* One key and its value. */
static bool
read_pair(struct reader *r, struct yaml *map, struct yaml ***end, unsigned depth)
{
	struct yaml *key, *value;
	const struct yaml *first;

	if (r->event.type != YAML_SCALAR_EVENT) {
		fail_at(r, r->event.start_mark, "a key that is not a word; expected `key: value`");
		return false;
	}
	key = read_text(r);
	if (!key || !advance(r) || !(value = read_node(r, depth)))
		return false;
	first = find_key(map, key->text);
	if (first) {
		fault_add(r->faults, key->line, key->column,
			"%s stands twice; expected it once, and it is already on line %u",
			fault_quote(r->faults, key->text), first->key_line);
		return true;
	}
	value->key = key->text;
	value->key_line = key->line;
	value->key_column = key->column;
	append(map, end, value);
	return true;
}

static struct yaml *
read_map(struct reader *r, unsigned depth)
{
	struct yaml *n, **end;

	if (!is_plain(r, r->event.data.mapping_start.anchor, r->event.data.mapping_start.tag) ||
		!(n = node_new(r, YAML_MAP)))
		return NULL;
	end = &n->first;
	while (advance(r) && r->event.type != YAML_MAPPING_END_EVENT) {
		if (n->count >= YAML_KEYS_MAX) {
			fail_at(r, r->event.start_mark, "too many keys in one block");
			return NULL;
		}
		if (!read_pair(r, n, &end, depth))
			return NULL;
	}
	return r->failed ? NULL : n;
}

/* The node that the current event begins. */
static struct yaml *
read_node(struct reader *r, unsigned depth)
{
	if (depth >= YAML_DEPTH_MAX) {
		fail_at(r, r->event.start_mark, "nested too deeply");
		return NULL;
	}
	if (r->event.type == YAML_SCALAR_EVENT)
		return read_text(r);
	if (r->event.type == YAML_SEQUENCE_START_EVENT)
		return read_list(r, depth + 1);
	if (r->event.type == YAML_MAPPING_START_EVENT)
		return read_map(r, depth + 1);
	fail_at(r, r->event.start_mark,
		"aliases (*name) are not supported; expected the value itself");
	return NULL;
}

static struct yaml *
read_document(struct reader *r)
{
	struct yaml *root;

	if (!advance(r) || !advance(r)) /* Past the start of the stream. */
		return NULL;
	if (r->event.type == YAML_STREAM_END_EVENT) {
		root = node_new(r, YAML_MAP);
		root->line = root->column = 1;
		return root;
	}
	if (!advance(r) || !(root = read_node(r, 0)))
		return NULL;
	if (!advance(r) || !advance(r)) /* Past the end of the document. */
		return NULL;
	if (r->event.type != YAML_STREAM_END_EVENT)
		fail_at(r, r->event.start_mark, "a second document; expected the file to end here");
	return r->failed ? NULL : root;
}

struct yaml *
yaml_read(struct str bytes, struct faults *f)
{
	struct reader r = { .bytes = bytes, .faults = f };
	struct yaml *root;

	if (bytes.n > YAML_SIZE_MAX) {
		fault_add(f, 0, 0, "larger than %d bytes", YAML_SIZE_MAX);
		return NULL;
	}
	if (!yaml_parser_initialize(&r.parser)) {
		fault_add(f, 0, 0, "no memory to read it");
		return NULL;
	}
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes.p, bytes.n);
	root = read_document(&r);
	if (r.has_event)
		yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return root;
}

struct yaml *
yaml_find(const struct yaml *map, const char *key)
{
	for (struct yaml *it = map->first; it; it = it->next) {
		if (str_is(it->key, key))
			return it;
	}
	return NULL;
}

bool
yaml_is_null(const struct yaml *node)
{
	return node->kind == YAML_TEXT && !node->quoted &&
	       (node->text.n == 0 || str_is(node->text, "~") || str_is(node->text, "null"));
}

const char *
yaml_what(const struct yaml *node, struct faults *f)
{
	if (yaml_is_null(node))
		return "nothing";
	if (node->kind == YAML_TEXT)
		return fault_quote(f, node->text);
	return node->kind == YAML_LIST ? "a list" : "a map";
}
