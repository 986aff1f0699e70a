/*
 * muc.c -- XEP-0045: rooms.  The module's table, and where the rooms of a host are.
 *
 * Runs on: any worker.
 */
#include "modules/muc/commands.h"

#include <string.h>

#define HOST "@HOST@"

static const char *const create_names[] = {
	[CREATE_LOCAL] = "local", [CREATE_NOBODY] = "none", NULL
};

/* clang-format off */
static const struct field fields[] = {
	TEXT_FIELD(struct muc_options, host, .dflt = "conference." HOST, .min = 1, .max = 1023,
		.doc = "Domain of the rooms; " HOST " stands for the host's name"),
	TEXT_FIELD(struct muc_options, name, .dflt = "Chat rooms", .max = 255, .flags = FIELD_RELOAD,
		.doc = "What clients show as the name of the service"),
	INT_FIELD(struct muc_options, max_users, .dflt = "100", .min = 1, .max = 100000,
		.flags = FIELD_RELOAD, .doc = "Most occupants of a room; a room may have less"),
	INT_FIELD(struct muc_options, max_members, .dflt = "100", .min = 1, .max = 100000,
		.flags = FIELD_RELOAD, .doc = "Most members, admins and owners of a room together"),
	INT_FIELD(struct muc_options, max_banned, .dflt = "1000", .min = 0, .max = 100000,
		.flags = FIELD_RELOAD, .doc = "Most addresses and domains that are banned from a room"),
	INT_FIELD(struct muc_options, max_owned, .dflt = "200", .min = 1, .max = 1000000,
		.flags = FIELD_RELOAD, .doc = "Rooms that one account may own before it makes another"),
	INT_FIELD(struct muc_options, history, .dflt = "20", .min = 0, .max = 1000,
		.flags = FIELD_RELOAD,
		.doc = "Most messages of the past that who enters is sent, unless the room says otherwise"),
	ENUM_FIELD(struct muc_options, create, .choices = create_names, .dflt = "local",
		.flags = FIELD_RELOAD, .doc = "Who may make rooms: accounts of this server, or nobody"),
	BOOL_FIELD(struct muc_options, persistent, .dflt = "true", .flags = FIELD_RELOAD,
		.doc = "New rooms stay when nobody is in them, unless their owner says otherwise"),
	BOOL_FIELD(struct muc_options, keep_destroyed, .dflt = "true", .flags = FIELD_RELOAD,
		.doc = "The archive of a destroyed room is kept, though nobody can ask for it any more"),
	BOOL_FIELD(struct muc_options, search, .dflt = "true", .flags = FIELD_RELOAD,
		.doc = "Users may search the rooms that are listed"),
	END_FIELDS,
};

/* clang-format on */

/* ---- Where rooms are ------------------------------------------------------------------------------- */

const char *
muc_domain(struct arena *a, const struct host *h)
{
	const char *pattern = muc_options(h)->host, *at = strstr(pattern, HOST);

	if (!at)
		return pattern;
	return arena_printf(
		a, "%.*s%s%s", (int)(at - pattern), pattern, h->name, at + strlen(HOST));
}

/* domain is what h's pattern makes of its name. */
static bool
is_domain_of(const struct host *h, struct str domain)
{
	const struct muc_options *o = muc_options(h);
	const char *at = strstr(o->host, HOST);
	struct str before, name = str_of(h->name), after;

	if (!host_runs(h, muc_state.index))
		return false;
	if (!at)
		return str_is(domain, o->host);
	before = (struct str){ o->host, (size_t)(at - o->host) };
	after = str_of(at + strlen(HOST));
	if (domain.n != before.n + name.n + after.n || !str_starts(domain, before) ||
		!str_ends(domain, after))
		return false;
	return str_eq((struct str){ domain.p + before.n, name.n }, name);
}

const struct host *
muc_host_of(const struct worker *w, struct str domain)
{
	const struct config *c = config_of(w);
	const char *dot = str_find(domain, '.');
	struct str rest =
		dot ? (struct str){ dot + 1, domain.n - (size_t)(dot + 1 - domain.p) } : STR_NONE;
	const struct host *usual = rest.p ? config_host(c, rest) : NULL;

	if (usual && is_domain_of(usual, domain))
		return usual;
	for (size_t i = 0; i < c->hosts_count; i++)
		if (is_domain_of(c->hosts[i], domain))
			return c->hosts[i];
	return NULL;
}

const struct muc_options *
room_options(const struct room *room)
{
	const struct host *h = room_host(room);

	return h ? muc_options(h) : NULL;
}

static int64_t
less_of(int64_t of_room, int64_t of_service)
{
	return of_room > 0 && of_room < of_service ? of_room : of_service;
}

int64_t
room_max_users(const struct room *room)
{
	return less_of(room->config->maxusers, room_options(room)->max_users);
}

int64_t
room_max_members(const struct room *room)
{
	return less_of(room->config->maxmembers, room_options(room)->max_members);
}

/* ---- Announced --------------------------------------------------------------------------------------- */

static enum verdict
on_items(struct disco_event *ev)
{
	struct xml *item;

	if (ev->account || ev->node)
		return PASS;
	item = xml_add(ev->arena, ev->query, NS_DISCO_ITEMS, "item");
	xml_attr(ev->arena, item, "jid", muc_domain(ev->arena, ev->head.host));
	xml_attr(ev->arena, item, "name", muc_options(ev->head.host)->name);
	return PASS;
}

struct module_state muc_state;
extern const struct module module_muc;

const struct module module_muc = {
	.abi = MODULE_ABI,
	.name = "muc",
	.state = &muc_state,
	.summary = "Rooms for groups",
	.xeps = XEPS({ 45, "1.35.5", XEP_COMPLETE, NULL }, { 249, "1.2", XEP_COMPLETE, NULL },
		{ 425, "0.3.0", XEP_COMPLETE, NULL },
		{ 444, "0.2.0", XEP_PARTIAL, "limits of rooms" },
		{ 317, "0.3.1", XEP_COMPLETE, NULL }, { 410, "1.1.0", XEP_COMPLETE, NULL },
		{ 421, "1.0.1", XEP_COMPLETE, NULL }, { 433, "0.1.0", XEP_COMPLETE, NULL },
		{ 463, "0.1.0", XEP_COMPLETE, NULL }, { 486, "0.1.0", XEP_COMPLETE, NULL },
		{ 500, "0.1.0", XEP_COMPLETE, NULL }),
	.options = fields,
	.options_size = sizeof(struct muc_options),
	.hooks =
		(const struct hook[]){
			ON(disco_items, ORDER_NORMAL, on_items),
			ON(account_removed, ORDER_NORMAL, muc_account_removed),
			ON(server_stops, ORDER_NORMAL, muc_server_stops),
			ON(config_reloaded, ORDER_NORMAL, muc_reloaded),
			ON(conversations, ORDER_NORMAL, muc_conversations),
			END_HOOKS,
		},
	.queries = room_queries,
	.commands = room_commands,
	.more_commands = (const struct command *const[]){ list_commands, member_commands,
		file_commands, find_commands, nick_commands, NULL },
	.services =
		(const struct service[]){
			{ NULL, muc_host_of, &room_kind, muc_service },
			{ NULL, NULL, NULL, NULL },
		},
};
