/*
 * import_read.c -- what the elements of a file mean (XEP-0227 4).
 *
 * What is not known is left out and told, as 0227 asks; includes (XInclude) of files beside or below
 * the one that names them are followed down to the children of <user/>.
 *
 * Runs on: the home of the account that is read; run_chores: a chore thread.
 */
#include "admin/import_own.h"

#include <string.h>

#define NS_INCLUDE "http://www.w3.org/2001/XInclude"
/* What gathers before it is committed. */
#define BATCH_BYTES ((size_t)256 * 1024)
#define BATCH_ASKS 400

static step_fn answered, committed, at_home, ready, chores_done, completed, loaded;

/* ---- Places ------------------------------------------------------------------------------ */

static void
enter(struct import *im, enum place place, enum document_children children)
{
	im->places[im->depth++] = place;
	document_enter(import_source(im)->document, children);
}

static void
skip(struct import *im)
{
	im->places[im->depth++] = AT_SKIPPED;
	document_skip(import_source(im)->document);
}

static void
leave_out(struct job *j, const struct xml *x, const char *why)
{
	import_tell(j, "<%s/> was left out%s%s", x->name, why ? ": " : "", why ? why : "");
	skip(j->state);
}

static bool
has_place(const struct import *im)
{
	return im->depth < PLACES_MAX - 1;
}

static void
keep_tag(struct import *im, size_t level, struct arena **arena, const struct xml *x)
{
	arena_free(&im->tag_arenas[level]);
	im->tag_arenas[level] = *arena;
	*arena = NULL;
	im->tags[level] = x;
}

/* ---- What gathered ------------------------------------------------------------------------ */

static struct step
commit(struct job *j, step_fn *next)
{
	struct arriving *a = &((struct import *)j->state)->arriving;
	struct step s = job_query_else(j, next, a->asks, a->count);

	arriving_fini(a);
	arena_free(&a->arena);
	a->arena = arena_new(0);
	return s;
}

static struct step
committed(struct job *j)
{
	return j->outcome == STORE_OK
		       ? import_go(j)
		       : import_fail(j, "the store did not take what comes before this line");
}

/* ---- Parts ---------------------------------------------------------------------------------- */

/* Hands an element (in *arena, which it may keep) to its part.  True: *next is to be waited for. */
static bool
take(struct job *j, struct arena **arena, const struct xml *x, const struct xml *within,
	struct step *next)
{
	struct import *im = j->state;
	struct arriving *a = &im->arriving;
	size_t at = portable_index(im->part);

	a->why = NULL;
	switch (im->part->take(a, arriving_state(a, im->part), x, within)) {
	case PORTABLE_TAKEN:
		a->counts[at]++;
		break;
	case PORTABLE_NOTED:
		break;
	case PORTABLE_LEFT_OUT:
		if (a->why)
			import_tell(j, "%.*s: %s was left out", STR_ARG(jid_full(im->jid)), a->why);
		break;
	case PORTABLE_ASKS:
		im->element_arena = *arena;
		*arena = NULL;
		im->element = x;
		im->within = within;
		*next = job_query_else(j, answered, &a->question, 1);
		return true;
	}
	if (a->bytes < BATCH_BYTES && a->count < BATCH_ASKS)
		return false;
	*next = commit(j, committed);
	return true;
}

static struct step
answered(struct job *j)
{
	struct import *im = j->state;
	struct arena *arena = im->element_arena;
	struct step next;
	bool waits;

	if (j->outcome != STORE_OK)
		return import_fail(j, "the store is away");
	im->element_arena = NULL;
	im->arriving.answer = j->rows;
	waits = take(j, &arena, im->element, im->within, &next);
	im->arriving.answer = NULL;
	arena_free(&arena);
	return waits ? next : import_go(j);
}

/* ---- Includes ------------------------------------------------------------------------------- */

/* A file beside or below the one that names it; NULL: another one. */
static const char *
included(struct job *j, const struct xml *x)
{
	struct import *im = j->state;
	const char *href = xml_get(x, "href"), *path = import_source(im)->path;
	const char *slash = strrchr(path, '/');
	struct str rest = str_of(href);

	if (!href || !*href || *href == '/' || str_find(str_of(href), ':') || xml_get(x, "parse") ||
		xml_get(x, "xpointer") || im->sources_count == SOURCES_MAX)
		return NULL;
	while (rest.p) {
		if (str_is(str_cut(&rest, '/'), ".."))
			return NULL;
	}
	return arena_printf(j->arena, "%.*s%s", slash ? (int)(slash - path) + 1 : 0, path, href);
}

static void
include(struct job *j, const struct xml *x)
{
	struct import *im = j->state;

	im->include = included(j, x);
	if (!im->include)
		leave_out(j, x, "only files beside or below this one are included");
	else
		skip(im);
}

/* ---- An account ------------------------------------------------------------------------------ */

static struct step
refuse(struct job *j, const char *why)
{
	struct import *im = j->state;

	import_refuse(j, arena_printf(j->arena, "User %.*s %s", STR_ARG(jid_full(im->jid)), why));
	im->places[im->depth - 1] = AT_REFUSED;
	return import_go(j);
}

static bool
begin_user(struct job *j, struct arena **arena, const struct xml *x, struct step *next)
{
	struct import *im = j->state;
	const char *name = xml_get(x, "name");

	if (!name ||
		jid_make(j->arena, str_of(name), str_of(im->host), STR_NONE, &im->jid) != JID_OK) {
		import_refuse(j, arena_printf(j->arena, "'%s' cannot be the name of a user",
					 import_printable(j->arena, name)));
		skip(im);
		return false;
	}
	keep_tag(im, 0, arena, x);
	enter(im, AT_USER, DOCUMENT_TAGS);
	*next = job_go_to(j, at_home, im->jid);
	return true;
}

static struct step
at_home(struct job *j)
{
	struct import *im = j->state;
	struct ask *asks;
	size_t count;

	if (j->account->exists || j->account->reserved)
		return refuse(j, "exists already");
	j->account->reserved = true;
	im->in_user = true;
	im->arriving = (struct arriving){
		.host = j->host, .home = j->home, .arena = arena_new(0), .lasting = arena_new(0)
	};
	count = portable_clear(im->arriving.arena, j->home, NULL, &asks);
	return job_query_else(j, ready, asks, count);
}

static struct step
ready(struct job *j)
{
	struct import *im = j->state;
	enum portable_form form;
	struct arena *none = NULL;
	struct step next;

	if (j->outcome != STORE_OK)
		return import_fail(j, "the store is away");
	im->part = portable_find(im->tags[0], &form);
	return im->part && take(j, &none, im->tags[0], NULL, &next) ? next : import_go(j);
}

static void
run_chores(struct job *j)
{
	struct import *im = j->state;
	size_t count;
	const struct portable *const *parts = portables_all(&count);

	for (size_t i = 0; i < count; i++) {
		if (parts[i]->chore && im->arriving.states[i])
			parts[i]->chore(im->arriving.states[i]);
	}
}

static struct step
end_user(struct job *j)
{
	return job_chore(j, chores_done, run_chores);
}

static struct step
chores_done(struct job *j)
{
	struct import *im = j->state;
	struct arriving *a = &im->arriving;
	size_t count;
	const struct portable *const *parts = portables_all(&count);

	for (size_t i = 0; i < count; i++) {
		a->why = NULL;
		if (parts[i]->finish && a->states[i])
			parts[i]->finish(a, a->states[i]);
		if (a->why)
			import_tell(j, "%.*s: %s", STR_ARG(jid_full(im->jid)), a->why);
	}
	return commit(j, completed);
}

static struct step
completed(struct job *j)
{
	return j->outcome == STORE_OK ? account_ask_again(j, loaded)
				      : import_fail(j, "the store did not take the account");
}

static struct step
loaded(struct job *j)
{
	struct import *im = j->state;

	/* The home is dropped after the job, as that of an account that does not exist. */
	if (!account_take_again(j))
		import_tell(j, "the store went away when the account was complete");
	j->account->reserved = false;
	im->in_user = false;
	im->imported++;
	for (size_t i = 0; i < PORTABLE_MAX; i++)
		im->totals[i] += im->arriving.counts[i];
	arriving_fini(&im->arriving);
	arena_free(&im->arriving.arena);
	arena_free(&im->arriving.lasting);
	return import_go(j);
}

/* ---- Tags ---------------------------------------------------------------------------------------- */

static void
begin_host(struct job *j, const struct xml *x)
{
	struct import *im = j->state;
	const char *name = xml_get(x, "jid");
	const struct host *host = name ? find_host(j, name) : NULL;

	if (!host) {
		import_tell(j, "host %s is not served here, and was left out",
			import_printable(j->arena, name));
		skip(im);
		return;
	}
	im->host = arena_text(j->arena, host->name);
	enter(im, AT_HOST, DOCUMENT_TAGS);
}

/* The root of the file itself. */
static bool
begin_file(struct job *j, const struct xml *x, struct step *next)
{
	struct import *im = j->state;

	if (xml_is(x, NS_PIE, "server-data")) {
		enter(im, AT_SERVER, DOCUMENT_TAGS);
		return false;
	}
	if (xml_is(x, NS_PIE, "host")) {
		begin_host(j, x);
		return false;
	}
	*next = import_fail(j, "this is no file of XEP-0227: it begins with <%s/>", x->name);
	return true;
}

static void
begin_part(struct job *j, struct arena **arena, const struct xml *x)
{
	struct import *im = j->state;
	enum portable_form form;

	im->part = xml_is(x, NS_PIE, "user") ? NULL : portable_find(x, &form);
	if (!im->part) {
		leave_out(j, x, "nobody knows it");
		return;
	}
	switch (form) {
	case PORTABLE_WHOLE: /* comes next */
		break;
	case PORTABLE_CHILDREN:
		keep_tag(im, 0, arena, x);
		enter(im, AT_CHILDREN, DOCUMENT_WHOLE);
		break;
	case PORTABLE_GRANDCHILDREN:
		keep_tag(im, 0, arena, x);
		enter(im, AT_TAGS, DOCUMENT_TAGS);
		break;
	}
}

/* A child of which the children are taken. */
static bool
begin_child(struct job *j, struct arena **arena, const struct xml *x, struct step *next)
{
	struct import *im = j->state;
	struct arriving *a = &im->arriving;

	a->why = NULL;
	if (im->part->take(a, arriving_state(a, im->part), x, im->tags[0]) != PORTABLE_NOTED) {
		leave_out(j, x, a->why);
		return false;
	}
	keep_tag(im, 1, arena, x);
	enter(im, AT_GRANDCHILDREN, DOCUMENT_WHOLE);
	if (a->bytes < BATCH_BYTES && a->count < BATCH_ASKS)
		return false;
	*next = commit(j, committed);
	return true;
}

static bool
on_tag(struct job *j, struct arena **arena, const struct xml *x, struct step *next)
{
	struct import *im = j->state;

	if (!has_place(im)) {
		*next = import_fail(j, "elements are too deep");
		return true;
	}
	if (im->depth == 0)
		return begin_file(j, x, next);
	if (xml_is(x, NS_INCLUDE, "include") && im->places[im->depth - 1] <= AT_USER) {
		include(j, x);
		return false;
	}
	switch (im->places[im->depth - 1]) {
	case AT_SERVER:
		if (xml_is(x, NS_PIE, "host"))
			begin_host(j, x);
		else
			leave_out(j, x, "nobody knows it");
		return false;
	case AT_HOST:
		if (xml_is(x, NS_PIE, "user"))
			return begin_user(j, arena, x, next);
		leave_out(j, x, "nobody knows it");
		return false;
	case AT_USER:
		begin_part(j, arena, x);
		return false;
	case AT_TAGS:
		return begin_child(j, arena, x, next);
	case AT_REFUSED:
	case AT_CHILDREN:
	case AT_GRANDCHILDREN:
	case AT_SKIPPED:
		break;
	}
	skip(im);
	return false;
}

/* ---- Events --------------------------------------------------------------------------------------- */

static bool
on_element(struct job *j, struct arena **arena, const struct xml *x, struct step *next)
{
	struct import *im = j->state;

	switch (im->places[im->depth - 1]) {
	case AT_USER:
		return take(j, arena, x, NULL, next);
	case AT_CHILDREN:
		return take(j, arena, x, im->tags[0], next);
	case AT_GRANDCHILDREN:
		return take(j, arena, x, im->tags[1], next);
	case AT_SERVER:
	case AT_HOST:
	case AT_REFUSED:
	case AT_TAGS:
	case AT_SKIPPED:
		break;
	}
	return false;
}

static bool
on_leave(struct job *j, struct step *next)
{
	struct import *im = j->state;
	const char *path = im->include;

	im->include = NULL;
	switch (im->places[--im->depth]) {
	case AT_USER:
		*next = end_user(j);
		return true;
	case AT_SKIPPED:
		if (!path)
			break;
		*next = import_open(j, path);
		return true;
	case AT_SERVER:
	case AT_HOST:
	case AT_REFUSED:
	case AT_CHILDREN:
	case AT_TAGS:
	case AT_GRANDCHILDREN:
		break;
	}
	return false;
}

/* An included file ends. */
static bool
on_end(struct job *j, struct step *next)
{
	struct import *im = j->state;

	if (im->sources_count == 1) {
		*next = import_finish(j);
		return true;
	}
	import_close(im);
	return false;
}

struct step
import_go(struct job *j)
{
	struct import *im = j->state;
	bool waits = false;
	struct step next;

	while (!waits) {
		AUTO(arena_free) struct arena *arena = NULL;
		struct document *d = import_source(im)->document;
		const struct xml *x;

		switch (document_next(d, &arena, &x)) {
		case DOCUMENT_MORE:
			return import_more(j);
		case DOCUMENT_TAG:
			waits = on_tag(j, &arena, x, &next);
			break;
		case DOCUMENT_ELEMENT:
			waits = on_element(j, &arena, x, &next);
			break;
		case DOCUMENT_LEAVE:
			waits = on_leave(j, &next);
			break;
		case DOCUMENT_END:
			waits = on_end(j, &next);
			break;
		case DOCUMENT_FAULT:
			return import_fail(j, "%s", document_why(d));
		}
	}
	return next;
}
