/*
 * disco.c -- what a room is, for whoever may ask (XEP-0045 6.4, 6.5; XEP-0128).
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#define FORM_INFO NS_MUC "#roominfo"
#define FORM_REACTIONS NS_REACTIONS ":restrictions"

/* Every room can do this. */
static const char *const features[] = {
	NS_MUC,
	NS_MUC_REQUEST,
	NS_MUC "#stable_id",
	NS_MUC "#self-ping-optimization",
	NS_MUC "#roomconfig",
	NS_DISCO_INFO,
	NS_DISCO_ITEMS,
	NS_OCCUPANT_ID,
	NS_HATS,
	NS_COMMANDS,
	NS_MAV,
	NS_MUCSUB,
	NS_SID,
	NS_MODERATE,
	NS_RETRACT,
	NS_RETRACT "#tombstone",
	NS_REGISTER,
	NS_VCARD,
	NS_PING,
	NULL,
};

static void
feature(struct arena *a, struct xml *query, const char *var)
{
	xml_attr(a, xml_add(a, query, NS_DISCO_INFO, "feature"), "var", var);
}

static void
config_features(const struct room_config *c, struct arena *a, struct xml *query)
{
	feature(a, query, c->publicroom ? "muc_public" : "muc_hidden");
	feature(a, query, c->membersonly ? "muc_membersonly" : "muc_open");
	feature(a, query, c->moderatedroom ? "muc_moderated" : "muc_unmoderated");
	feature(a, query, c->whois == WHOIS_ANYONE ? "muc_nonanonymous" : "muc_semianonymous");
	feature(a, query, c->passwordprotectedroom ? "muc_passwordprotected" : "muc_unsecured");
	feature(a, query, c->persistentroom ? "muc_persistent" : "muc_temporary");
}

static bool
is_set(const char *text)
{
	return text && *text;
}

static void
add_words(struct arena *a, struct xml *field, const char *words)
{
	struct str rest = str_of(words);

	while (rest.p) {
		struct str one = str_cut(&rest, ' ');

		if (one.n > 0)
			form_add_value(a, field, arena_str(a, one));
	}
}

/* What the last subject says. */
static const char *
subject_text(const struct room *room, struct arena *a)
{
	const struct xml *x =
		room->subject ? stanza_child(room->subject, NS_CLIENT, "subject") : NULL;

	return x ? arena_str(a, xml_text_of(a, x)) : NULL;
}

static struct xml *
info_form(const struct room *room, struct arena *a)
{
	const struct room_config *c = room->config;
	struct xml *x = form_new(a, FORM_RESULT, FORM_INFO);
	const char *subject = subject_text(room, a), *hats = hats_hash(room, a);

	form_add(
		a, x, FORM_TEXT_SINGLE, "muc#roominfo_description", c->roomdesc ? c->roomdesc : "");
	form_add(a, x, FORM_TEXT_SINGLE, "muc#roominfo_occupants",
		arena_printf(a, "%zu", room->occupants.count));
	form_add(a, x, FORM_BOOLEAN, "muc#roominfo_subjectmod", c->changesubject ? "1" : "0");
	form_add(a, x, FORM_TEXT_SINGLE, "muc#maxhistoryfetch",
		arena_printf(a, "%d", (int)c->maxhistoryfetch));
	form_add(a, x, FORM_BOOLEAN, "muc#roomconfig_allowinvites", c->allowinvites ? "1" : "0");
	form_add(a, x, FORM_BOOLEAN, "muc#roomconfig_changesubject", c->changesubject ? "1" : "0");
	if (is_set(subject))
		form_add(a, x, FORM_TEXT_SINGLE, "muc#roominfo_subject", subject);
	if (is_set(c->lang))
		form_add(a, x, FORM_TEXT_SINGLE, "muc#roominfo_lang", c->lang);
	if (is_set(c->contact))
		add_words(a, form_add(a, x, FORM_JID_MULTI, "muc#roominfo_contactjid", NULL),
			c->contact);
	if (c->slowmode > 0)
		form_add(a, x, FORM_TEXT_SINGLE, "muc#roominfo_slow_mode_duration",
			arena_printf(a, "%d", (int)c->slowmode));
	if (room->avatar)
		form_add(a, x, FORM_TEXT_MULTI, "muc#roominfo_avatarhash", room->avatar);
	if (hats)
		form_add(a, x, FORM_TEXT_SINGLE, "hats#hash", hats);
	return x;
}

/* XEP-0444 2.4. */
static void
add_reactions(const struct room_config *c, struct arena *a, struct xml *query)
{
	struct xml *x;

	if (c->reactions == 0 && !is_set(c->reactionset))
		return;
	x = form_new(a, FORM_RESULT, FORM_REACTIONS);
	if (c->reactions > 0)
		form_add(a, x, FORM_TEXT_SINGLE, "max_reactions_per_user",
			arena_printf(a, "%d", (int)c->reactions));
	if (is_set(c->reactionset))
		add_words(a, form_add(a, x, FORM_LIST_MULTI, "allowlist", NULL), c->reactionset);
	xml_adopt(query, x);
}

static void
archive_features(struct arena *a, struct xml *query)
{
	feature(a, query, NS_MAM);
	feature(a, query, NS_MAM_EXTENDED);
}

static void
identity(struct arena *a, struct xml *query, const char *name)
{
	struct xml *i = xml_add(a, query, NS_DISCO_INFO, "identity");

	xml_attr(a, i, "category", "conference");
	xml_attr(a, i, "type", "text");
	xml_attr(a, i, "name", name);
}

static const char *
name_of(const struct room *room, struct arena *a)
{
	return is_set(room->config->roomname) ? room->config->roomname
					      : arena_str(a, jid_local(room->home.jid));
}

/* XEP-0045 7.12: which nick is reserved for whoever asks. */
static struct step
reserved_nick(struct job *j, struct xml *query)
{
	const struct affiliate *one =
		affiliate_find(room_of(j->home), jid_bare_str(j->stanza->from));

	if (one && one->nick)
		identity(j->arena, query, one->nick);
	return iq_result(j, query);
}

struct step
room_info(struct job *j)
{
	const struct room *room = room_of(j->home);
	const char *node = xml_get(iq_child(j), "node");
	struct xml *query = xml_new(j->arena, NS_DISCO_INFO, "query");

	xml_attr(j->arena, query, "node", node);
	if (text_eq(node, "x-roomuser-item"))
		return reserved_nick(j, query);
	if (text_eq(node, NS_MUC "#traffic"))
		return iq_error(j, COND_FEATURE_NOT_IMPLEMENTED, NULL);
	if (node && hats_is_command(node))
		return hats_info(j, query);
	if (node)
		return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such node");
	identity(j->arena, query, name_of(room, j->arena));
	for (const char *const *f = features; *f; f++)
		feature(j->arena, query, *f);
	config_features(room->config, j->arena, query);
	if (room->config->enablearchiving)
		archive_features(j->arena, query);
	xml_adopt(query, info_form(room, j->arena));
	add_reactions(room->config, j->arena, query);
	return iq_result(j, query);
}

struct step
room_items(struct job *j)
{
	const struct room *room = room_of(j->home);
	const char *node = xml_get(iq_child(j), "node");
	struct xml *query = xml_new(j->arena, NS_DISCO_ITEMS, "query");
	bool shown = room->config->publicroom || visit_find(room, j->stanza->from);

	xml_attr(j->arena, query, "node", node);
	if (text_eq(node, NS_COMMANDS)) {
		hats_items(j, query);
		return iq_result(j, query);
	}
	if (node)
		return iq_error(j, COND_ITEM_NOT_FOUND, "there is no such node");
	if (!shown)
		return iq_result(j, query);
	for_each_occupant(o, room)
	{
		struct xml *item = xml_add(j->arena, query, NS_DISCO_ITEMS, "item");

		xml_attr(j->arena, item, "jid",
			jid_text(j->arena, room_jid(j->arena, room, o->nick)));
	}
	return iq_result(j, query);
}
