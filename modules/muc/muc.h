/*
 * muc.h -- what the files of multi-user chat (XEP-0045) share: a room, who is in it, who may what.
 *
 * A room is a home of its own kind, at room@conference.host: an idle one is rows in the store and no
 * memory.  What others see of a room changes only after it is committed.  Everything that reaches a
 * room passes its gate (room.c), which keeps the order: messages are committed side by side, all
 * else waits until they are out.
 *
 * Runs on: the room's home.
 */
#ifndef MUC_MUC_H
#define MUC_MUC_H

#include "module/module.h"
#include "xep/form.h"

#define NS_MUC "http://jabber.org/protocol/muc"
#define NS_MUC_USER NS_MUC "#user"
#define NS_MUC_ADMIN NS_MUC "#admin"
#define NS_MUC_OWNER NS_MUC "#owner"
#define NS_MUC_REQUEST NS_MUC "#request"
#define NS_OCCUPANT_ID "urn:xmpp:occupant-id:0"
#define NS_REACTIONS "urn:xmpp:reactions:0"
#define NS_MARKERS "urn:xmpp:chat-markers:0"
#define NS_EME "urn:xmpp:eme:0"
#define NS_CONFERENCE "jabber:x:conference"
#define NS_COMMANDS "http://jabber.org/protocol/commands"
#define FORM_CONFIG NS_MUC "#roomconfig"
#define FORM_REGISTER NS_MUC "#register"
#define NS_MUCSUB "urn:xmpp:mucsub:0"
#define NS_MAV "urn:xmpp:muc:affiliations:1"
#define NS_HATS "urn:xmpp:hats:0"
#define NS_RETRACT "urn:xmpp:message-retract:1"
#define NS_MODERATE "urn:xmpp:message-moderate:1"

/* ---- Options of the module ---------------------------------------------------- */

struct muc_options {
	const char *host; /* domain of the rooms; @HOST@ stands for the host's name */
	const char *name; /* of the service, for people */
	int64_t max_users, max_members, max_banned;
	int64_t max_owned;
	int64_t history;
	int64_t create; /* enum muc_create */
	bool persistent, search, keep_destroyed;
};

enum muc_create { CREATE_LOCAL, CREATE_NOBODY };

extern struct module_state muc_state;

static inline const struct muc_options *
muc_options(const struct host *h)
{
	return host_module(h, muc_state.index);
}

/* ---- Who may what (privilege.c) ------------------------------------------------- */

enum affiliation { AFF_OUTCAST, AFF_NONE, AFF_MEMBER, AFF_ADMIN, AFF_OWNER };

enum role { ROLE_NONE, ROLE_VISITOR, ROLE_PARTICIPANT, ROLE_MODERATOR };

enum { AFF_COUNT = AFF_OWNER + 1, ROLE_COUNT = ROLE_MODERATOR + 1 };

enum privilege {

#define BY_ROLE(name, none, visitor, participant, moderator, doc) MAY_##name,
#define BY_AFFILIATION(name, outcast, none, member, admin, owner, doc) MAY_##name,
#include "modules/muc/privilege.def"
#undef BY_ROLE
#undef BY_AFFILIATION
	PRIVILEGE_COUNT
};

struct room_config;

/* A cell of privilege.def, with what the room's configuration says where the cell leaves it open. */
bool may(const struct room_config *c, enum privilege p, enum role r, enum affiliation a);
/* The role of somebody who enters (XEP-0045 5.1.2). */
enum role role_on_entry(const struct room_config *c, enum affiliation a);

/* May an actor (role, affiliation) give the target (role, affiliation) that role?  COND_NONE: yes. */
struct standing {
	enum affiliation affiliation;
	enum role role;
};
enum cond may_set_role(const struct room_config *c, struct standing actor, struct standing target,
	enum role wanted);
/* May the actor give somebody of that affiliation the wanted one?  self: it is the actor himself;
 * owners: how many the room has. */
enum cond may_set_affiliation(enum affiliation actor, enum affiliation target,
	enum affiliation wanted, bool self, unsigned owners);
const char *affiliation_name(enum affiliation a);
const char *role_name(enum role r);
/* False if it is none of the names. */
bool affiliation_parse(const char *text, enum affiliation *out);
bool role_parse(const char *text, enum role *out);

/* ---- Configuration (config.c) ---------------------------------------------------- */

enum room_whois { WHOIS_MODERATORS, WHOIS_ANYONE };

enum room_allow { ALLOW_ANYONE, ALLOW_PARTICIPANTS, ALLOW_MODERATORS, ALLOW_NONE };

/* The fields of the form, with their names (muc#roomconfig_...). */
struct room_config {
	const char *roomname, *roomdesc, *lang;
	bool persistentroom, publicroom, membersonly, moderatedroom, passwordprotectedroom;
	const char *roomsecret;
	int64_t whois; /* enum room_whois */
	int64_t maxusers, maxmembers; /* 0: what the service allows */
	bool changesubject, allowinvites, allowmemberinvites;
	int64_t allowpm; /* enum room_allow */
	int64_t getmemberlist; /* enum room_allow */
	bool presencevisitor, presenceparticipant, presencemoderator; /* who is broadcast */
	bool enablearchiving;
	int64_t maxhistoryfetch;
	bool allowregister, locknicks, voicerequests;
	int64_t slowmode; /* seconds between messages of one occupant; 0: none */
	int64_t reactions; /* each occupant's on one message; 0: no limit */
	const char *reactionset; /* allowed ones with blanks between them; empty: all */
	const char *contact; /* addresses with blanks between them */
};

extern const struct field config_fields[];
extern const struct form_table config_table;

/* What a new room has; texts in a. */
void config_default(const struct host *h, struct room_config *c, struct arena *a);
/* For the store: what differs from the defaults, and back. */
void config_store(const struct room_config *c, struct buf *out);
void config_restore(struct room_config *c, struct arena *a, struct str stored);
/* A copy in a. */
struct room_config *config_copy(struct arena *a, const struct room_config *c);
/* Combinations that make no sense (not-acceptable). */
bool config_check(const struct room_config *c, struct problem *why);

/* ---- A room -------------------------------------------------------------------------- */

#define OCCUPANT_ID_SIZE 41

struct affiliate {
	struct hash_node node; /* room->affiliates, by jid */
	char *jid; /* bare, or a domain (bans only) */
	enum affiliation affiliation;
	char *nick; /* reserved; or NULL */
	char *reason; /* or NULL */
	int64_t version; /* XEP-0463: of the last change */
	unsigned events; /* that it gets while it is not in the room: bits of enum muc_event */
};

/* A nick, with all devices that share it. */
struct occupant {
	struct hash_node node; /* room->occupants, by nick */
	struct list link; /* room->order, oldest first */
	struct list visits; /* struct visit.link, the one with the latest presence last */
	struct jid bare; /* whose it is; text owned */
	char *nick;
	char id[OCCUPANT_ID_SIZE]; /* XEP-0421 */
	enum affiliation affiliation;
	enum role role;
	msec_t spoke; /* mono; for slow mode */
	bool asked; /* its request for voice waits */
	bool hatted; /* wore a hat that is being changed */
	const struct stanza
		*shown[2]; /* its presence for others, without and with its address; made
					* when it is needed */
};

/* A device in the room. */
struct visit {
	struct hash_node node; /* room->visits, by full JID */
	struct list link; /* occupant->visits */
	struct occupant *occupant;
	struct jid full; /* text owned */
	const struct stanza *presence; /* as it was sent, without what only the room may say */
	uint32_t number; /* unique in the room, for ids of iqs */
};

struct hat {
	struct list link; /* room->hats */
	char *uri, *title, *hue; /* hue may be NULL */
};

struct wearer {
	struct list link; /* room->wearers */
	char *jid; /* bare */
	const struct hat *hat;
};

struct remembered {
	const struct stanza *message; /* from room/nick; with its stanza-id */
	msec_t at; /* wall */
	int64_t id;
};

#define WHISPERS 64

struct room {
	struct home home; /* first */
	bool exists; /* has a row, or is being made */
	bool locked; /* nobody but its maker until it is configured */
	struct arena *arena; /* config's */
	struct room_config *config;
	char secret[33]; /* makes the occupants' ids */
	msec_t created, used; /* wall */
	struct hash affiliates;
	unsigned count_of[AFF_COUNT];
	unsigned subscribers; /* affiliates with events */
	int64_t version; /* of the affiliations: the last change's */
	int64_t version_floor; /* removals before are forgotten */
	struct hash kept; /* roles of moderated rooms (role.c) */
	struct list kept_order;
	struct hash occupants, visits;
	struct list order;
	uint32_t last_visit;
	const struct stanza *subject; /* the message that set it, or NULL */
	msec_t subject_at;
	struct list hats, wearers;
	char *avatar; /* hex SHA-1 of the picture in its vCard, or NULL */
	struct remembered *history; /* ring of history_room */
	size_t history_room, history_first, history_count, history_bytes;
	bool remembers; /* the ring was filled from the archive */
	struct sent sent; /* messages that may be said again */
	uint64_t whispers[WHISPERS]; /* the last private messages, for errors that come back */
	unsigned whispers_next;
	/* The gate, beside that of the home, in which messages are. */
	struct list queue; /* struct room_wait */
	unsigned queue_count;
	size_t queue_bytes;
	bool writing; /* something else is */
	bool moving; /* the queue is being looked at */
	int64_t told_since; /* XEP-0463: the version before the change that is being told; 0: none */
};

extern const struct home_kind room_kind;

static inline struct room *
room_of(struct home *h)
{
	return (struct room *)h;
}

/* ---- Room: rows, gate (room.c, store.c) ----------------------------------------------- */

enum room_query {
	ROOM_LOAD,
	ROOM_LOAD_AFFILIATIONS,
	ROOM_LOAD_OCCUPANTS,
	ROOM_LOAD_ROLES,
	ROOM_PUT,
	ROOM_SET_CONFIG,
	ROOM_SET_SUBJECT,
	ROOM_SET_HATS,
	ROOM_SET_VCARD,
	ROOM_GET_VCARD,
	ROOM_SET_USED,
	ROOM_DELETE,
	ROOM_DELETE_AFFILIATIONS,
	ROOM_DELETE_MEMBER,
	ROOM_DELETE_OCCUPANTS,
	ROOM_DELETE_ROLES,
	ROOM_PUT_OCCUPANT,
	AFFILIATION_PUT,
	AFFILIATION_VERSION,
	MEMBER_PUT,
	MEMBER_ROOMS,
	MEMBER_LIST,
	ACCOUNT_LEAVES,
	ACCOUNT_FORGETS,
	ACCOUNT_FORGETS_ROLES,
	ROLE_PUT,
	ROLE_FORGET,
	ROOM_LIST_PUBLIC,
	ROOM_LIST_ALL,
	ROOM_COUNT_OWNED,
	ROOM_SEARCH,
	ROOM_SEARCH_BY_USERS,
	ROOM_UNUSED,
	ROOM_EMPTY,
};

/* The first ones load a room, and its archive's number. */
#define ROOM_LOADS 4

extern const struct query room_queries[];

/* The wire's id of a message. */
const char *room_id_text(struct arena *a, const struct room *room, int64_t id);
/* Orders its requests to the store. */
uint64_t room_key(const struct room *room);
const struct host *room_host(const struct room *room);
/* NULL: its host is gone, or has no rooms any more. */
const struct muc_options *room_options(const struct room *room);
/* How many may be in it, and belong to it: what the room says, if the service allows that. */
int64_t room_max_users(const struct room *room);
int64_t room_max_members(const struct room *room);
/* From the rows of the first ROOM_LOADS queries. */
void room_take(struct room *room, const struct rows *const *rows);
/* A write that others wait for: `next` runs when it is committed; until it returned, nothing else
 * happens in the room.  A failure is answered (iq, command) and ends the job. */
MUST_CHECK struct step room_write(
	struct job *j, step_fn *next, const struct ask *asks, size_t count);
/* A job that came by another way than the gate goes on when the room is at rest. */
MUST_CHECK struct step room_enter(struct job *j, step_fn *next);
/* What waits at the gate may be dealt with. */
void room_go_on(struct room *room);
/* Makes it: a config of defaults, a secret, locked.  Nothing is stored. */
void room_make(struct room *room);
/* Its state is as before it was made. */
void room_reset(struct room *room);
/* Somebody left: was it the last one? */
void room_emptied(struct room *room);
/* c, which lives in *a (taken), is its configuration. */
void room_set_config(struct room *room, struct arena **a, struct room_config *c);

/* Statements; their values live in a. */
struct ask room_ask(struct arena *a, enum room_query q, const struct value *args, size_t count);
struct ask room_put_ask(const struct room *room, struct arena *a, const struct room_config *c);
struct ask room_config_ask(const struct room *room, struct arena *a, const struct room_config *c);
/* All its rows. */
size_t room_delete_asks(struct room *room, struct arena *a, struct ask **out);

/* ---- Affiliations (affiliation.c) ------------------------------------------------------- */

/* Of whoever has that address: its bare JID's, else its domain's if that is banned. */
enum affiliation room_affiliation(const struct room *room, struct jid who);
struct affiliate *affiliate_find(const struct room *room, struct str jid);
/* Whose nick that is, or NULL. */
struct affiliate *affiliate_by_nick(const struct room *room, const char *nick);
/* In memory only.  nick, reason NULL: none. */
void affiliate_set(struct room *room, struct str jid, enum affiliation a, const char *nick,
	const char *reason, int64_t version);
void affiliates_drop(struct room *room);
/* Likewise. */
void affiliate_subscribe(struct room *room, struct affiliate *a, unsigned events);

struct affiliation_change {
	struct jid who; /* bare, or a domain */
	enum affiliation to;
	const char *reason, *nick; /* may be NULL */
	bool sets_events; /* else they stay */
	unsigned events;
	bool keeps_role; /* what was kept for the next visit stays: nobody decided on that */
	bool is_role; /* of who has that nick, instead */
	enum role role;
};

/* Statements for a change of an affiliation, at most AFFILIATE_ASKS. */
#define AFFILIATE_ASKS 2
size_t affiliate_asks(struct room *room, struct arena *a, struct ask *asks,
	const struct affiliation_change *c, int64_t version);

#define CHANGES_MAX 200

/* Several changes that happen together or not at all. */
struct change_set {
	struct affiliation_change list[CHANGES_MAX];
	size_t count;
	struct standing actor;
	struct jid actor_bare; /* JID_NONE: an administrator of the server, who may everything */
	const char *actor_nick; /* or NULL */
	bool invited; /* who becomes a member gets an invitation anyway */
	int64_t version;
};

/* Each is checked as if those before it were done; COND_NONE: all may be done. */
enum cond changes_check(const struct room *room, const struct change_set *set);
/* Writes the affiliations, then goes on with `next`, which calls changes_apply; at once if there are
 * only roles.  more (count of them) are written with them. */
MUST_CHECK struct step changes_write(
	struct job *j, struct change_set *set, step_fn *next, const struct ask *more, size_t count);
/* In memory, and everybody is told (XEP-0045 8.2 to 9.8). */
void changes_apply(struct room *room, const struct change_set *set);
/* An <item/> for each affiliation; for XEP-0463. */
void changes_since(const struct room *room, struct arena *a, struct xml *x, int64_t version);

/* ---- Roles that last (role.c) -------------------------------------------------------------- */

/* Of somebody with that affiliation who enters: what is kept, else by the rules. */
enum role room_role(const struct room *room, struct jid who, enum affiliation a);
/* In memory only: o was given that role, or kicked (ROLE_NONE). */
void role_keep(struct room *room, const struct occupant *o, enum role role);
/* Likewise: what is kept for that address, if it is more than `above`. */
void role_forget(struct room *room, struct str jid, enum role above);
/* The statement for a change, if it needs one; returns how many. */
size_t role_asks(const struct room *room, struct arena *a, struct ask *out,
	const struct affiliation_change *c);
void roles_take(struct room *room, const struct rows *rows);
void roles_drop(struct room *room);

/* ---- Occupants (occupant.c) --------------------------------------------------------------- */

struct occupant *occupant_find(const struct room *room, struct str nick);
struct visit *visit_find(const struct room *room, struct jid full);
/* A nick of that bare JID, or NULL. */
struct occupant *occupant_of_bare(const struct room *room, struct jid bare);

static inline struct visit *
occupant_visit(const struct occupant *o)
{
	return CONTAINER(o->visits.prev, struct visit, link);
}

#define for_each_affiliate(it, room)                                                               \
	for (struct hash_node *it = hash_next(&(room)->affiliates, NULL); it;                      \
		it = hash_next(&(room)->affiliates, it))
#define for_each_occupant(it, room) list_for_each(it, &(room)->order, struct occupant, link)
#define for_each_visit(it, o) list_for_each(it, &(o)->visits, struct visit, link)

/* Presence sent to the room or a nick of it. */
void muc_presence(struct room *room, const struct stanza *s, const struct receipt *r);

/* The visit is over for that reason; told: it hears of it. */
struct removal {
	unsigned codes[3]; /* 0: end */
	const char *reason; /* or NULL */
	const char *actor_nick; /* or NULL */
	const struct stanza *presence; /* what the one who leaves said; or NULL */
	bool shown; /* affiliation is `affiliation`, not what the occupant has */
	enum affiliation affiliation;
};

void visit_remove(struct room *room, struct visit *v, const struct removal *why);
/* All devices of a nick at once. */
void occupant_remove(struct room *room, struct occupant *o, const struct removal *why);
/* A stanza to a device came back as that error: if the device is gone, it leaves the room. */
void visit_bounced(struct room *room, const struct stanza *error);
/* No message to anybody. */
void occupants_drop(struct room *room);
void occupant_make_id(const struct room *room, struct jid bare, char out[OCCUPANT_ID_SIZE]);
struct visit *visit_add(struct room *room, struct jid full, const char *nick, enum role role,
	const struct stanza *presence);

/* ---- Who sees what (presence.c) -------------------------------------------------------------- */

/* room/nick in a. */
struct jid room_jid(struct arena *a, const struct room *room, const char *nick);
/* One sees real addresses. */
bool sees_jids(const struct room *room, const struct occupant *viewer);
/* An <x/> of muc#user, a status in it. */
struct xml *user_x(struct arena *a);
void user_status(struct arena *a, struct xml *x, unsigned code);
/* XEP-0463: the versions before and after the change that is being told, if one is. */
void mav_add(const struct room *room, struct arena *a, struct xml *x);
/* The <occupant-id/>. */
struct xml *occupant_id(struct arena *a, const char *id);
/* Children of a client's stanza that only the room may say; room: struct room. */
bool is_of_room(const struct xml *child, void *room);
/* What others see of o is no longer what it was. */
void presence_forget(struct occupant *o);
/* Available presence of o to all but the device that knows (may be NULL); o's devices get 110 too.
 * reason, actor may be NULL. */
void presence_broadcast(struct room *room, struct occupant *o, const struct visit *knows,
	const char *reason, const char *actor);
/* For who subscribed to that: o has come, which was broadcast. */
void presence_came(struct room *room, struct occupant *o);
/* Unavailable presence of o: to its device v (NULL: all of them), with 110, and to others. */
void presence_gone(struct room *room, struct occupant *o, struct visit *v,
	const struct removal *why, const char *new_nick, bool to_others);
/* Everything that a device hears when it enters: others, itself, history, subject, the avatar. */
void presence_enter(
	struct room *room, struct visit *v, const struct xml *join, const unsigned *codes);
/* Unavailable with 110, 307 and 333, to somebody who is not in the room and seems to think so. */
void presence_unsynced(struct room *room, const struct stanza *s);
/* The archive of the room is open to whoever asks. */
bool is_logged(const struct room_config *c);

/* ---- Messages (message.c, history.c, invite.c) ------------------------------------------------- */

void muc_message(struct room *room, const struct stanza *s, const struct receipt *r);
/* A message of the room itself to all, with status codes (0 ends). */
void room_announce(struct room *room, const unsigned *codes);
/* To those who see real addresses. */
void room_send_seers(struct room *room, const struct stanza *s);
/* To all devices in the room. */
void room_send_all(struct room *room, const struct stanza *s);
/* To all devices of one nick. */
void room_send_occupant(struct room *room, const struct occupant *o, const struct stanza *s);

/* Said to all: archived, and then sent. */
struct saying {
	const struct stanza *message;
	struct jid speaker; /* real; or the room */
	const struct stanza *original; /* whose sender gets an error if it fails; or NULL */
	struct receipt receipt;
	bool is_subject;
	bool counts; /* somebody said something: it can be unread */
	bool once; /* its sender may have said it before */
	unsigned found; /* struct passage */
	int64_t reference; /* of its origin-id and sender; 0: none, or it is not kept */
	int64_t id; /* 0: it is not kept */
	msec_t at;
};

void room_say(struct room *room, const struct saying *what);
void history_add(struct room *room, const struct stanza *message, msec_t at, int64_t id);
void history_drop(struct room *room);
/* The message was taken back. */
void history_forget(struct room *room, int64_t id);
/* The messages that `join` (the <x/> of a join) asks for; returns how many, in out (in a). */
size_t history_for(
	struct room *room, struct arena *a, const struct xml *join, const struct stanza ***out);
const struct stanza *subject_for(struct room *room);

/* Messages that are not said to all: invitations, declines, voice requests.  True: it was one. */
bool muc_mediated(struct room *room, const struct stanza *s, const struct receipt *r);
/* An invitation, with the password if there is one; reason, go_on (a <continue/>) may be NULL. */
void room_invite(struct room *room, struct jid from, struct jid to, const char *reason,
	const struct xml *go_on);

/* ---- Iqs --------------------------------------------------------------------------------------- */

/* To the room or a nick of it. */
void muc_iq(struct room *room, const struct stanza *s, const struct receipt *r);
/* A nick or a room's own JID is asked; steps of jobs at the room's home. */
step_fn admin_get, admin_set, owner_get, owner_set, room_info, room_items, room_ping, register_get,
	register_set, register_approve, room_history, room_history_form, room_history_bounds,
	subscribe_set, unsubscribe_set, subscriptions_get, author_look, room_vcard_get,
	room_vcard_set, hats_command, moderate_set;
/* Presence of the room itself with its avatar, for clients that know it only so (XEP-0153). */
const struct stanza *room_avatar_shown(const struct room *room);
/* The nick is another's, in the room or reserved. */
bool room_nick_taken(const struct room *room, struct jid who, const char *nick);
/* What somebody who asks is here; all devices of an occupant count, those that are not in the room
 * too (XEP-0045 8, 9). */
struct standing standing_of(const struct room *room, struct jid who);
/* All occupants hear that the room is no more. */
void room_tell_destroyed(
	struct room *room, const char *instead, const char *reason, const char *password);
/* A new configuration (in *a, taken) is in force; all are told. */
void room_reconfigure(struct room *room, struct arena **a, struct room_config *c);
/* Statements for it; or all rows, if the room is opened by it. */
size_t room_write_asks(
	struct room *room, struct arena *a, struct ask **out, const struct room_config *c);
/* Deletes its rows, then goes on with next, which calls room_tell_destroyed. */
MUST_CHECK struct step room_destroy(struct job *j, step_fn *next);
/* To the service itself. */
void muc_service(
	struct worker *w, const struct host *host, const struct stanza *s, const struct receipt *r);
/* Domain of the rooms of h, in a. */
const char *muc_domain(struct arena *a, const struct host *h);
/* The host whose rooms are at that domain; NULL: none are. */
const struct host *muc_host_of(const struct worker *w, struct str domain);

/* ---- Hats (hats.c) ------------------------------------------------------------------------------ */

/* The <hats/> of that account, or NULL. */
struct xml *hats_of(const struct room *room, struct arena *a, struct jid bare);
void hats_restore(struct room *room, struct str stored);
void hats_drop(struct room *room);
bool hats_wears(const struct room *room, struct jid bare, const char *uri);
/* The commands that change them. */
bool hats_is_command(const char *node);
MUST_CHECK struct step hats_info(struct job *j, struct xml *query);
void hats_items(struct job *j, struct xml *query);
/* For muc#roominfo; NULL: there are none. */
const char *hats_hash(const struct room *room, struct arena *a);

/* ---- Subscriptions (subscribe.c) ------------------------------------------------------------------- */

enum muc_event {

#define EVENT(name, node, doc) EVENT_##name,
#include "modules/muc/event.def"
#undef EVENT
};

/* That happened, and s says it: for those who subscribed to it and are not in the room. */
void room_event(struct room *room, enum muc_event event, const struct stanza *s);
/* The bit of a node; 0: there is none of that name. */
unsigned room_event_bit(const char *node);
/* Adds an <event/> for each of them. */
void room_event_nodes(struct arena *a, struct xml *to, unsigned events);

/* ---- Who is not there (away.c) --------------------------------------------------------------------- */

/* Members who are not in the room. */
void room_tell_missed(struct room *room, const struct saying *what);
enum verdict muc_account_removed(struct account_event *ev);
/* Rooms are among the conversations of their members. */
enum verdict muc_conversations(struct conversations_event *ev);

/* ---- Restarts (restart.c) ---------------------------------------------------------------------------- */

enum verdict muc_server_stops(struct worker_event *ev);
/* Rooms of services that the configuration does not have any more end (status 332). */
enum verdict muc_reloaded(struct config_event *ev);
/* Those whom the last stop wrote down are in the room. */
void room_take_occupants(struct room *room, const struct rows *rows);

/* ---- The archive (archive.c, moderate.c) ----------------------------------------------------------- */

/* s, said to all, is kept. */
bool room_is_history(const struct stanza *s);
/* It says something new. */
bool room_is_news(const struct stanza *s);
/* Adds the statement that keeps it. */
void room_archive(struct room *room, struct saying *what, struct asks *asks);
/* Fills the ring; nothing passes the gate meanwhile. */
void history_load(struct room *room);
/* What was said takes back an earlier message of the same account, if it says so. */
void room_retract(struct room *room, const struct saying *what);

#endif
