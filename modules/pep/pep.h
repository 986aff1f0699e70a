/*
 * pep.h -- XEP-0163, the part of XEP-0060 that an account's own nodes need.
 *
 * The nodes of an account and their configuration are in memory with the account; their items are
 * in the store and are read when somebody asks, but for the newest item of each node, which stays
 * in memory if it is small, since it is what is sent whenever a contact comes online.
 *
 *	pep.c      the module; access; service discovery
 *	config.c   what a node can be told, as form and as text in the store
 *	node.c     nodes in memory
 *	change.c   publishing and retracting: the store, then memory, then events
 *	items.c    reading items
 *	request.c  what clients ask (pubsub)
 *	owner.c    what owners ask (pubsub#owner)
 *	event.c    who is told
 *	portable.c moving to another server
 *	listener.c sessions and what they want to be told, by their capabilities (XEP-0115)
 *
 * Other modules publish with pep_change, read with pep_load, and learn of changes by the hook
 * pep_published.
 *
 * Runs on: the account's home.
 */
#ifndef MODULES_PEP_H
#define MODULES_PEP_H

#include "module.h"
#include "xep/form.h"

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_PUBSUB_OWNER NS_PUBSUB "#owner"
#define NS_PUBSUB_EVENT NS_PUBSUB "#event"
#define NS_PUBSUB_ERRORS NS_PUBSUB "#errors"

/* Greatest max_items; «max» in a form (XEP-0060 6.5.4). */
#define PEP_ITEMS_MAX 10000
/* Bytes of the name of a node or an item. */
#define PEP_NAME_MAX 1023
/* A newest item of at most that many bytes stays in memory. */
#define PEP_LAST_MAX 1024

struct pep_options {
	int64_t max_nodes, max_item;
};

enum pep_access { PEP_OPEN, PEP_PRESENCE, PEP_ROSTER, PEP_WHITELIST };

enum pep_send_last { PEP_NEVER, PEP_ON_SUB, PEP_ON_SUB_AND_PRESENCE };

struct pep_config {
	const char *title, *description, *type;
	int64_t access_model; /* enum pep_access */
	const char *const *roster_groups_allowed;
	int64_t max_items;
	bool persist_items, deliver_notifications, deliver_payloads;
	bool notify_config, notify_delete, notify_retract;
	int64_t send_last_published_item; /* enum pep_send_last */
	int64_t notification_type, publish_model, node_type;
	const char *const *members; /* bare JIDs that a whitelist lets in; in no form */
};

struct pep_node {
	struct hash_node by_name;
	char *name;
	int64_t number;
	struct arena *texts; /* of config */
	struct pep_config config;
	bool stored; /* its row is committed */
	bool gone; /* deleted while something was under way */
	unsigned under_way; /* changes that were asked for and not answered */
	/* The newest item: none if last_id is 0; in the store only if last_payload is NULL. */
	int64_t last_id;
	msec_t last_at;
	char *last_item, *last_payload;
	const struct stanza *last_event; /* made of it when it is first sent */
};

/* An account's. */
struct pep {
	struct hash nodes; /* by name */
	struct list listeners;
};

/* ---- For other modules ------------------------------------------------------------ */

/* One item of a change. */
struct pep_op {
	const char *item;
	const struct xml *payload; /* NULL: retract it */
	bool silent; /* a retraction of which nobody is told */
	bool existed; /* filled in for retractions */
};

/* What happens to a node in one transaction; lives in the job's arena. */
struct pep_change {
	const char *node; /* made if there is none */
	const struct pep_config *config; /* of a node that is made; NULL: the default */
	struct pep_op *ops; /* in this order */
	size_t count;
	step_fn *next; /* runs when all is committed, memory is up to date and events are sent */
	/* change.c's */
	struct pep_node *at;
	struct pep_write *writes;
	size_t newest; /* the statement that reads the newest item */
	void *state; /* the job's meanwhile */
};

/* PEP is on for the host. */
bool pep_is_on(const struct host *h);
/* For disco_info: a feature that the account has where PEP is on. */
void pep_add_feature(struct disco_event *ev, const char *var);
struct pep_node *pep_node_find(const struct account *a, const char *name);
/* Wait until the change is done; j->state survives it.  What cannot be done ends the job, an iq's
 * with the error of XEP-0060 7.1.3. */
MUST_CHECK struct step pep_change(struct job *j, struct pep_change *c);
/* The default configuration, or that of private data (XEP-0223): only the owner reads it, it is
 * never sent unasked, and takes PEP_ITEMS_MAX items. */
struct pep_config pep_config_default(struct arena *a);
struct pep_config pep_config_private(struct arena *a);
/* The statement that reads one item, as (item, payload); an account without that node gets none.
 * args has room for four. */
struct ask pep_ask_item(
	const struct account *a, const char *node, const char *item, struct value *args);
/* As that, all items, oldest first; for nodes that hold little. */
struct ask pep_ask_all(const struct account *a, const char *node, struct value *args);

/* An <event/>, an <item/> of an event or an answer. */
struct xml *pep_event_new(struct arena *a);
struct xml *pep_item_xml(struct arena *a, struct xml *items, const char *ns, const char *item,
	const struct xml *payload);
/* Answers with a condition of pubsub#errors beside the defined one. */
MUST_CHECK struct step pep_error(struct job *j, enum cond c, const char *specific);

/* A node that is made of something else: only its owner sees it, and it has none of the rest. */
struct pep_view {
	const char *node;
	bool (*is_on)(const struct host *h);
	step_fn *items; /* answers who asks for items */
	/* Takes what is published; goes on at next, j->state survives. */
	struct step (*publish)(struct job *j, const struct xml *payload, step_fn *next);
	/* In a file of another server the node may be there as such: calls add for each item of made_of that
	 * is made of what is in it. */
	const char *made_of;
	void (*convert)(struct arena *a, const struct xml *payload,
		void (*add)(void *ctx, const char *item, const struct xml *payload), void *ctx);
};

/* While a file is read: what the view would hold was found.  It is converted, unless the file has the node
 * of which the view is made. */
void pep_arrive(struct arriving *a, const struct pep_view *v, const struct xml *payload);

/* Main, before workers start (a module's start); v is kept. */
void pep_view_add(const struct pep_view *v);
/* One of the account's sessions wants the node's events, or may want them. */
bool pep_is_wanted(const struct account *a, const char *node);
/* Sends an event with this child (in *a, which is taken) to those of the account's sessions that
 * want it. */
void pep_tell_own(struct account *a, const char *node, struct arena **arena, struct xml *event);

/* ---- Within the folder -------------------------------------------------------------- */

struct pep *pep_of(const struct account *a);
const struct pep_options *pep_options(const struct host *h);
bool pep_is_own(const struct job *j);
/* May read the node, and gets its events. */
bool pep_may_read(const struct account *a, const struct pep_node *n, struct jid who);
/* As pep_error with a feature: <unsupported/>. */
MUST_CHECK struct step pep_unsupported(struct job *j, const char *feature);
const struct pep_view *pep_view_find(const struct host *h, const char *node);
/* Of a request for a node that the asker may not read, or that is not there (n NULL).  Who does
 * not share the account's presence must not learn what is there. */
MUST_CHECK struct step pep_refuse(struct job *j, const struct pep_node *n);

/* config.c */
extern const struct form_table pep_form; /* pubsub#node_config */
/* Applies a submitted form to *config: not-acceptable or bad-request if it cannot be.  given: as
 * form_apply. */
MUST_CHECK bool pep_config_apply(struct arena *a, struct form *f, struct pep_config *config,
	uint64_t *given, struct problem *why);
bool pep_config_meets(const struct pep_config *is, const struct pep_config *asked, uint64_t given);
void pep_config_write(struct buf *out, const struct pep_config *c);
/* What pep_config_write wrote; what is damaged is as by default. */
struct pep_config pep_config_read(struct arena *a, struct str text);

/* node.c */
struct pep_node *pep_node_add(struct pep *p, struct str name, int64_t number);
void pep_node_configure(struct pep_node *n, const struct pep_config *c);
/* Its newest item is this one; item NULL: there is none. */
void pep_node_last(struct pep_node *n, int64_t id, msec_t at, const char *item, struct str payload);
/* Takes it out of the account; freed once nothing is under way. */
void pep_node_remove(struct pep *p, struct pep_node *n);
void pep_node_begin(struct pep_node *n);
void pep_node_end(struct pep_node *n);
struct xml *pep_items_xml(
	struct arena *a, struct xml *parent, const char *ns, const struct pep_node *n);

/* event.c */
/* Sends an event with this child (in *a, which is taken) to all who may read the node and want its
 * events. */
void pep_tell(struct account *a, const struct pep_node *n, struct arena **arena, struct xml *event);
/* Sends newest items to a client that has come online: of own nodes, and those of contacts. */
void pep_greet(struct account *a, struct session *s);
/* The contact has let the account see its presence: fetch newest items for all sessions. */
void pep_ask_contact(struct account *a, struct jid contact);
/* Something reached the account: true if it asks for newest items, and is answered; true if it is
 * an event of a contact's node, and was handed to the sessions that want it. */
bool pep_answer_wanted(struct account *a, const struct stanza *s);
bool pep_take_event(struct account *a, const struct stanza *s);

/* listener.c */
/* Has the capabilities of a presence that a session broadcasts looked up, if they are new. */
void pep_listen(struct session *s, const struct stanza *presence);
void pep_listener_online(struct session *s);
void pep_listener_offline(struct session *s);
/* It was there before a restart. */
void pep_listener_revived(struct session *s);
/* It is available, and the module was turned on: what it wants may have changed, and it may have come
 * meanwhile. */
void pep_listener_begin(struct session *s);
/* It has a connection again; or it is written down for a restart. */
void pep_listener_flush(struct session *s);
void pep_listener_end(struct account *a, const struct session *s);
void pep_listeners_drop(struct pep *p);
bool pep_listener_wants(const struct account *a, const struct session *s, const char *node);
/* Nodes that a session wants; NULL while it is not known. */
const char *const *pep_listener_nodes(
	const struct account *a, const struct session *s, size_t *count);
/* The event goes to those available sessions of the account that want the node's events; to a
 * session whose wishes are not known yet, when they are. */
void pep_listeners_tell(struct account *a, const char *node, const struct stanza *event);
void pep_listeners_start(void);
void pep_listeners_stop(void);

/* portable.c */
extern const struct portable pep_portable;

/* Steps of the tables of requests. */
step_fn pep_items, pep_publish, pep_retract, pep_create;
step_fn pep_request, pep_owner_request;

#define PEP_QUERIES                                                                                \
	PEP_LOAD, PEP_NODE_PUT, PEP_NODE_CONFIG, PEP_NODE_DELETE, PEP_NODE_PURGE, PEP_NODE_EMPTY,  \
		PEP_COUNT_ADD, PEP_ITEM_PUT, PEP_TRIM, PEP_SETTLE, PEP_COUNT_TAKE,                 \
		PEP_ITEM_DELETE, PEP_SHRINK, PEP_PAGE, PEP_PAGE_AFTER, PEP_COUNT, PEP_ITEM_ID,     \
		PEP_ITEM_GET, PEP_ALL, PEP_NEWEST, PEP_DELETE_ITEMS, PEP_DELETE_NODES,             \
		PEP_ARRIVE_ITEM, PEP_ARRIVE_NODE

enum { PEP_QUERIES, PEP_QUERY_COUNT };

extern const struct query pep_queries[];

#endif
