/*
 * config.c -- what a node can be told.
 *
 * One field table makes the form of XEP-0060 8.2 and reads it.  In the store the configuration is
 * text, a line for each member that differs from the default, so that a field may be added without
 * a change of the schema.
 *
 * Runs on: the account's home.
 */
#include "pep.h"

#include <string.h>

static const struct field fields[] = {
	TEXT_FIELD(struct pep_config, title, .max = 1023, .doc = "A friendly name for the node"),
	TEXT_FIELD(struct pep_config, description, .max = 4095, .doc = "A description of the node"),
	TEXT_FIELD(struct pep_config, type, .max = 1023, .doc = "The namespace of the payloads"),
	ENUM_FIELD(struct pep_config, access_model,
		.choices = CHOICES("open", "presence", "roster", "whitelist"), .dflt = "presence",
		.doc = "Who may read items and gets events"),
	LIST_FIELD(struct pep_config, roster_groups_allowed, .max = 100,
		.doc = "The roster groups that may, if access depends on them"),
	INT_FIELD(struct pep_config, max_items, .dflt = "1", .min = 1, .max = PEP_ITEMS_MAX,
		.doc = "How many items are kept"),
	BOOL_FIELD(struct pep_config, persist_items, .dflt = "true", .doc = "Keep items"),
	BOOL_FIELD(struct pep_config, deliver_notifications, .dflt = "true", .doc = "Send events"),
	BOOL_FIELD(struct pep_config, deliver_payloads, .dflt = "true",
		.doc = "Send payloads with events"),
	BOOL_FIELD(struct pep_config, notify_config, .dflt = "false",
		.doc = "Tell of changes of this configuration"),
	BOOL_FIELD(struct pep_config, notify_delete, .dflt = "true",
		.doc = "Tell when the node is deleted"),
	BOOL_FIELD(struct pep_config, notify_retract, .dflt = "true",
		.doc = "Tell when items are removed"),
	ENUM_FIELD(struct pep_config, send_last_published_item,
		.choices = CHOICES("never", "on_sub", "on_sub_and_presence"),
		.dflt = "on_sub_and_presence", .doc = "When the newest item is sent unasked"),
	ENUM_FIELD(struct pep_config, notification_type, .choices = CHOICES("normal", "headline"),
		.dflt = "headline", .doc = "The type of events"),
	ENUM_FIELD(struct pep_config, publish_model, .choices = CHOICES("publishers"),
		.dflt = "publishers", .doc = "Who may publish"),
	ENUM_FIELD(struct pep_config, node_type, .choices = CHOICES("leaf"), .dflt = "leaf",
		.doc = "What the node is"),
	LIST_FIELD(struct pep_config, members, .max = 100, .doc = "Who is on the whitelist"),
	END_FIELDS,
};

static const struct form_name names[] = {
	{ "members", "", FORM_UNTYPED },
	{ NULL, NULL, FORM_UNTYPED },
};

const struct form_table pep_form = { NS_PUBSUB "#node_config", "pubsub#", fields, names };

struct pep_config
pep_config_default(struct arena *a)
{
	struct pep_config c;

	fields_default(fields, &c, a);
	return c;
}

struct pep_config
pep_config_private(struct arena *a)
{
	struct pep_config c = pep_config_default(a);

	c.access_model = PEP_WHITELIST;
	c.max_items = PEP_ITEMS_MAX;
	c.send_last_published_item = PEP_NEVER;
	return c;
}

/* «max» stands for the greatest number there is (XEP-0060 8.2). */
static void
resolve_max(struct arena *a, struct form *f)
{
	for (size_t i = 0; i < f->count; i++) {
		struct form_field *field = &f->fields[i];
		const char **values;

		if (!text_eq(field->var, "pubsub#max_items") || !text_eq(field->values[0], "max"))
			continue;
		values = ARENA_ARRAY(a, const char *, 2);
		values[0] = arena_printf(a, "%d", PEP_ITEMS_MAX);
		field->values = values;
		field->count = 1;
	}
}

bool
pep_config_apply(struct arena *a, struct form *f, struct pep_config *config, uint64_t *given,
	struct problem *why)
{
	resolve_max(a, f);
	return form_apply(&pep_form, f, config, a, given, why);
}

bool
pep_config_meets(const struct pep_config *is, const struct pep_config *asked, uint64_t given)
{
	for (size_t i = 0; fields[i].name; i++) {
		if (given & UINT64_C(1) << i && !field_same(&fields[i], is, asked))
			return false;
	}
	return true;
}

/* ---- As text ---------------------------------------------------------------------- */

static void
put_line(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s=", name);
	for (; value && *value; value++)
		buf_put_char(out, *value == '\n' ? ' ' : *value);
	buf_put_char(out, '\n');
}

static void
put_field(struct buf *out, const struct field *f, const struct pep_config *c)
{
	AUTO(buf_fini) struct buf value = BUF_INIT;
	const char *const *texts;

	if (f->type == FIELD_LIST) {
		texts = *(const char *const *const *)((const char *)c + f->offset);
		for (; texts && *texts; texts++)
			put_line(out, f->name, *texts);
		return;
	}
	field_write(f, c, &value);
	put_line(out, f->name, buf_text(&value));
}

void
pep_config_write(struct buf *out, const struct pep_config *c)
{
	AUTO(arena_free) struct arena *a = arena_new(0);
	struct pep_config dflt = pep_config_default(a);

	for (const struct field *f = fields; f->name; f++) {
		if (!field_same(f, c, &dflt))
			put_field(out, f, c);
	}
}

/* One more text at the end of a list. */
static void
add_to_list(struct arena *a, const struct field *f, struct pep_config *c, struct str text)
{
	const char *const **member = (const char *const **)((char *)c + f->offset);
	const char **longer;
	size_t n = 0;

	while (*member && (*member)[n])
		n++;
	longer = ARENA_ARRAY(a, const char *, n + 2);
	for (size_t i = 0; i < n; i++)
		longer[i] = (*member)[i];
	longer[n] = arena_str(a, text);
	*member = longer;
}

struct pep_config
pep_config_read(struct arena *a, struct str text)
{
	struct pep_config c = pep_config_default(a);
	char expected[128];

	while (text.p) {
		struct str line = str_cut(&text, '\n'), name = str_cut(&line, '=');
		const struct field *f = fields_find(fields, name);

		if (!f || !line.p)
			continue;
		if (f->type == FIELD_LIST)
			add_to_list(a, f, &c, line);
		else if (!field_set(f, &c, a, line, expected, sizeof(expected)))
			continue; /* an older bound */
	}
	return c;
}
