/*
 * module.h -- everything a feature module may use.
 *
 * A module is one const struct: what it is, what it answers, what it listens to, what it can be
 * told.  The server registers all of it at start; a module has no registration code of its own.
 * Built-in modules are named in modules/builtin.def; others are shared objects in the folder
 * `modules_dir` of the configuration, built against the installed headers.
 *
 * Runs on: nothing here runs; each function type says where it is called.
 */
#ifndef MODULE_MODULE_H
#define MODULE_MODULE_H

#include "admin/command.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/field.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "home/account.h"
#include "home/archive.h"
#include "home/archive_query.h"
#include "home/archive_sent.h"
#include "home/copies.h"
#include "home/credential.h"
#include "home/deliver.h"
#include "home/gate.h"
#include "home/job.h"
#include "home/portable.h"
#include "home/presence.h"
#include "home/roster.h"
#include "home/router.h"
#include "home/session.h"
#include "home/stream_info.h"
#include "home/trace.h"
#include "hook/hook.h"
#include "http/http.h"
#include "module/kept.h"
#include "run/limit.h"
#include "run/place.h"
#include "xmpp/datetime.h"
#include "xmpp/stanza.h"

/* Changes whenever a struct of this interface does. */
#define MODULE_ABI 4

enum xep_status { XEP_COMPLETE, XEP_PARTIAL };

struct xep {
	unsigned number; /* 0: end */
	const char *version;
	enum xep_status status;
	const char *note; /* may be NULL */
};

struct module_state; /* the registry's */

struct module {
	unsigned abi;
	const char *name; /* "ping": key under `modules:` */
	const char *summary;
	const struct xep *xeps;
	bool off; /* true: only on where the configuration names it */
	const struct field *options;
	size_t options_size;
	/* Options that name more than they hold, such as files: main, before a configuration counts.
	 * False refuses it.  unload runs when its last reader is gone, on any thread, also without
	 * load. */
	bool (*load)(void *options, struct err *e);
	void (*unload)(void *options);
	const char *const *features; /* disco#info of the host */
	const char *const *account_features; /* disco#info of accounts */
	const struct iq_handler *iqs;
	const struct hook *hooks;
	/* The same, but they run on hosts where the module is off, too: what it has to keep true to be
	 * turned on, or to end what it began.  May be NULL. */
	const struct hook *hooks_always;
	const struct slot *slot; /* of each account */
	const struct portable *portable; /* what an account takes along when it moves */
	const struct query *queries;
	const struct migration *migrations; /* of tables of its own; number 0: end */
	const struct command *commands;
	const struct command *const *more_commands; /* tables of other files; NULL: end */
	const struct http_route *http; /* what it serves over HTTP */
	const struct service *services; /* domains of its own (home/router.h); kind NULL: end */
	/* Main, after configuration and before workers; rarely needed. */
	bool (*start)(struct err *e);
	void (*stop)(void);
	struct module_state *state; /* static storage of the module, filled by the registry */
};

struct module_state {
	unsigned index; /* in the configuration */
	unsigned slot;
};

/* MODULE(ping) = { .summary = ..., }: defines the module's struct (symbol module_ping) and its
 * state. */
#define MODULE(n)                                                                                  \
	static struct module_state module_state_;                                                  \
	extern const struct module module_##n;                                                     \
	const struct module module_##n
#define IDENTITY(n) .abi = MODULE_ABI, .name = #n, .state = &module_state_

/* clang-format off */
#define XEPS(...)     (const struct xep[]){ __VA_ARGS__, { 0, NULL, XEP_COMPLETE, NULL } }
#define FEATURES(...) (const char *const[]){ __VA_ARGS__, NULL }
/* clang-format on */

/* In a module whose options are a struct T: MODULE_OPTIONS(struct register_options) before its
 * code; then options(host). */
#define MODULE_OPTIONS(T)                                                                          \
	static struct module_state module_state_;                                                  \
	static inline const T *options(const struct host *h)                                       \
	{                                                                                          \
		return (const T *)host_module(h, module_state_.index);                             \
	}
/* In a module with a slot of struct T: slot_of(account). */
#define MODULE_SLOT(T)                                                                             \
	static struct module_state module_state_;                                                  \
	static inline T *slot_of(const struct account *a)                                          \
	{                                                                                          \
		return (T *)account_slot(a, module_state_.slot);                                   \
	}

/* In a handler of config_changing: the module is on at the host, and by this change goes off. */
static inline bool
module_goes_off(const struct config_event *ev, const struct module_state *m)
{
	const struct host *next = config_host(ev->is, str_of(ev->head.host->name));

	return !next || !host_runs(next, m->index);
}

/* In a handler of config_reloaded for a host: the module is on there, and was not before. */
static inline bool
module_came_on(const struct config_event *ev, const struct module_state *m)
{
	const struct host *before = config_host(ev->was, str_of(ev->head.host->name));

	return !before || !host_runs(before, m->index);
}

/* The address belongs to the host. */
static inline bool
host_owns(const struct host *h, struct jid j)
{
	return str_is(jid_domain(j), h->name);
}

#endif
