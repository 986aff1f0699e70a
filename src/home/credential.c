/*
 * credential.c -- jobs that make, change, check and delete accounts.
 *
 * Each is a chain of steps before the caller's next one.  What makes or changes an account goes to
 * its home first, so two such jobs of one account see each other's result, and the store's primary
 * key decides between nodes.  Every failure is a result for the caller; the engine is never left to
 * answer.
 *
 * Runs on: the job's worker; derive_keys, derive_one: a chore thread.
 */
#include "home/credential_own.h"
#include "home/job_own.h"

#include "base/mem.h"
#include "base/rand.h"
#include "home/archive.h"
#include "home/portable.h"
#include "home/roster.h"
#include "hook/hook.h"

#include <assert.h>
#include <string.h>

struct credential_work {
	step_fn *next; /* the caller's */
	struct jid bare;
	char *password; /* prepared, a secret of the arena; wiped as soon as the keys are made */
	uint8_t salts[DIGEST_COUNT][SCRAM_SALT];
	struct scram_keys keys[DIGEST_COUNT];
	/* check */
	struct scram_keys wanted;
	bool found, same;
};

static struct step
finish(struct job *j, enum credential_result result)
{
	struct credential_work *c = j->engine->credential;

	if (c->password)
		mem_wipe(c->password, strlen(c->password));
	mem_wipe(c->keys, sizeof(c->keys));
	mem_wipe(&c->wanted, sizeof(c->wanted));
	j->engine->result = result;
	j->rows = NULL;
	j->results = NULL;
	return c->next(j);
}

static struct step
finish_bad_password(struct job *j)
{
	return finish(j, CREDENTIAL_BAD_PASSWORD);
}

enum credential_result
credential_result_of(const struct job *j)
{
	return j->engine->result;
}

static struct credential_work *
work_new(struct job *j, step_fn *next, struct jid bare)
{
	struct credential_work *c = ARENA_NEW(j->arena, struct credential_work);

	c->next = next;
	c->bare = jid_copy(j->arena, jid_bare(bare));
	j->engine->credential = c;
	return c;
}

/* False if it is empty or not allowed (RFC 4013, through RFC 5802 2.2). */
static bool
take_password(struct job *j, struct str password)
{
	struct credential_work *c = j->engine->credential;
	const char *prepared = password.n > 0 ? jid_prep_password(j->arena, password) : NULL;

	if (!prepared || prepared[0] == '\0')
		return false;
	c->password = arena_secret(j->arena, str_of(prepared));
	return true;
}

static void
derive_keys(struct job *j)
{
	struct credential_work *c = j->engine->credential;

	for (int d = 0; d < DIGEST_COUNT; d++)
		scram_keys_make(&c->keys[d], (enum digest)d, str_of(c->password), SCRAM_ITERATIONS,
			c->salts[d], SCRAM_SALT);
	mem_wipe(c->password, strlen(c->password));
}

static struct step
go_and_derive(struct job *j, step_fn *at_home, struct str password)
{
	struct credential_work *c = j->engine->credential;

	if (!take_password(j, password))
		return job_soon(j, finish_bad_password, STORE_OK);
	rand_bytes(c->salts, sizeof(c->salts));
	return job_go_to_else(j, at_home, c->bare);
}

static struct str
bytes(const uint8_t *p, size_t n)
{
	return (struct str){ (const char *)p, n };
}

/* ---- Create --------------------------------------------------------------------- */

static step_fn create_at_home, create_keys_made, create_stored;

struct step
credential_create(struct job *j, step_fn *next, struct jid bare, struct str password)
{
	work_new(j, next, bare);
	return go_and_derive(j, create_at_home, password);
}

static struct step
create_at_home(struct job *j)
{
	if (j->outcome != STORE_OK)
		return finish(j, CREDENTIAL_AWAY);
	if (j->account->exists || j->account->reserved)
		return finish(j, CREDENTIAL_CONFLICT);
	return job_chore_else(j, create_keys_made, derive_keys);
}

static struct step
create_keys_made(struct job *j)
{
	const struct credential_work *c = j->engine->credential;
	struct value rows[DIGEST_COUNT][6];
	struct value account[] = { of_jid(c->bare), of_str(jid_domain(c->bare)),
		of_int(clock_wall()) };
	struct ask asks[1 + DIGEST_COUNT] = { { &credential_queries[ACCOUNT_INSERT], account, 3 } };

	if (j->outcome != STORE_OK)
		return finish(j, CREDENTIAL_AWAY);
	for (int i = 0; i < DIGEST_COUNT; i++) {
		const struct scram_keys *k = &c->keys[i];
		size_t size = digest_size(k->digest);

		rows[i][0] = of_jid(c->bare);
		rows[i][1] = of_text(credential_mechanism(k->digest));
		rows[i][2] = of_str(bytes(k->salt, k->salt_length));
		rows[i][3] = of_int(k->iterations);
		rows[i][4] = of_str(bytes(k->stored_key, size));
		rows[i][5] = of_str(bytes(k->server_key, size));
		asks[1 + i] = (struct ask){ &credential_queries[CREDENTIAL_INSERT], rows[i], 6 };
	}
	return job_query_else(j, create_stored, asks, COUNT(asks));
}

static struct step
create_stored(struct job *j)
{
	struct account_event ev = {
		.head = { j->worker, j->host }, .account = j->account, .arena = j->arena
	};

	if (j->outcome == STORE_DUPLICATE)
		return finish(j, CREDENTIAL_CONFLICT);
	if (j->outcome != STORE_OK)
		return finish(j, CREDENTIAL_AWAY);
	j->account->exists = true;
	j->account->disabled = false;
	(void)hook_account_created(&ev);
	return finish(j, CREDENTIAL_OK);
}

/* ---- Change --------------------------------------------------------------------- */

static step_fn change_at_home, change_keys_made, change_stored;

struct step
credential_change(struct job *j, step_fn *next, struct jid bare, struct str password)
{
	work_new(j, next, bare);
	return go_and_derive(j, change_at_home, password);
}

static struct step
change_at_home(struct job *j)
{
	if (j->outcome != STORE_OK)
		return finish(j, CREDENTIAL_AWAY);
	if (!j->account->exists)
		return finish(j, CREDENTIAL_NOT_FOUND);
	return job_chore_else(j, change_keys_made, derive_keys);
}

static struct step
change_keys_made(struct job *j)
{
	const struct credential_work *c = j->engine->credential;
	struct value owner = of_jid(c->bare), rows[DIGEST_COUNT][6];
	struct ask asks[1 + DIGEST_COUNT] = { { &credential_queries[CREDENTIAL_DELETE], &owner,
		1 } };

	if (j->outcome != STORE_OK)
		return finish(j, CREDENTIAL_AWAY);
	for (int i = 0; i < DIGEST_COUNT; i++) {
		const struct scram_keys *k = &c->keys[i];
		size_t size = digest_size(k->digest);

		rows[i][0] = of_text(credential_mechanism(k->digest));
		rows[i][1] = of_str(bytes(k->salt, k->salt_length));
		rows[i][2] = of_int(k->iterations);
		rows[i][3] = of_str(bytes(k->stored_key, size));
		rows[i][4] = of_str(bytes(k->server_key, size));
		rows[i][5] = owner;
		asks[1 + i] = (struct ask){ &credential_queries[CREDENTIAL_RENEW], rows[i], 6 };
	}
	return job_query_else(j, change_stored, asks, COUNT(asks));
}

static struct step
change_stored(struct job *j)
{
	if (j->outcome != STORE_OK)
		return finish(j, CREDENTIAL_AWAY);
	return finish(j, j->results[1]->changed > 0 ? CREDENTIAL_OK : CREDENTIAL_NOT_FOUND);
}

/* ---- Check ---------------------------------------------------------------------- */

static step_fn check_loaded, checked;

struct step
credential_check(struct job *j, step_fn *next, struct jid bare, struct str password)
{
	struct credential_work *c = work_new(j, next, bare);
	struct value owner = of_jid(c->bare);
	struct ask ask = { &credential_queries[CREDENTIAL_LOAD], &owner, 1 };

	if (!take_password(j, password))
		return job_soon(j, finish_bad_password, STORE_OK);
	return job_query_else(j, check_loaded, &ask, 1);
}

static void
derive_one(struct job *j)
{
	struct credential_work *c = j->engine->credential;
	const struct scram_keys *w = &c->wanted;
	struct scram_keys *k = &c->keys[0];

	scram_keys_make(k, w->digest, str_of(c->password), w->iterations, w->salt, w->salt_length);
	c->same = digest_same(k->stored_key, w->stored_key, digest_size(w->digest));
	mem_wipe(c->password, strlen(c->password));
}

/* An unknown user costs as much as a known one. */
static struct step
check_loaded(struct job *j)
{
	struct credential_work *c = j->engine->credential;
	bool disabled;

	if (j->outcome != STORE_OK)
		return finish(j, CREDENTIAL_AWAY);
	credential_fake(&c->wanted, c->bare, DIGEST_SHA1);
	for (int d = 0; d < DIGEST_COUNT && !c->found; d++)
		c->found = credential_read(&c->wanted, j->rows, (enum digest)d, &disabled);
	return job_chore_else(j, checked, derive_one);
}

static struct step
checked(struct job *j)
{
	const struct credential_work *c = j->engine->credential;

	if (j->outcome != STORE_OK)
		return finish(j, CREDENTIAL_AWAY);
	if (!c->found)
		return finish(j, CREDENTIAL_NOT_FOUND);
	return finish(j, c->same ? CREDENTIAL_OK : CREDENTIAL_WRONG);
}

/* ---- Remove --------------------------------------------------------------------- */

static step_fn remove_at_home, removed;

struct step
credential_remove(struct job *j, step_fn *next, struct jid bare)
{
	struct credential_work *c = work_new(j, next, bare);

	return job_go_to_else(j, remove_at_home, c->bare);
}

/* One transaction: all that is kept for the account, by modules that are off on this host, too. */
static struct step
remove_at_home(struct job *j)
{
	const struct query *const own[] = { &credential_queries[CREDENTIAL_DELETE],
		&credential_queries[ACCOUNT_DELETE] };
	const struct credential_work *c = j->engine->credential;
	struct value owner = of_jid(c->bare);
	size_t count;
	struct ask *parts, *all;
	struct account_event ev = {
		.head = { j->worker, NULL }, .account = j->account, .arena = j->arena
	};

	if (j->outcome != STORE_OK)
		return finish(j, CREDENTIAL_AWAY);
	if (!j->account->exists)
		return finish(j, CREDENTIAL_NOT_FOUND);
	ev.asks = ARENA_ARRAY(j->arena, struct ask, ACCOUNT_ASKS_MAX);
	(void)hook_account_removed(&ev);
	assert(ev.count <= ACCOUNT_ASKS_MAX);
	count = portable_clear(j->arena, &j->account->home, NULL, &parts);
	all = ARENA_ARRAY(j->arena, struct ask, count + ev.count + COUNT(own));
	memcpy(all, parts, count * sizeof(*all));
	memcpy(all + count, ev.asks, ev.count * sizeof(*all));
	count += ev.count;
	for (size_t i = 0; i < COUNT(own); i++)
		all[count++] = (struct ask){ own[i], &owner, 1 };
	return job_query_else(j, removed, all, count);
}

static struct step
removed(struct job *j)
{
	struct account *a = j->account;

	if (j->outcome != STORE_OK)
		return finish(j, CREDENTIAL_AWAY);
	roster_leave_all(a);
	a->exists = false;
	archive_deleted(&a->home);
	account_reset(a);
	j->engine->closes = true;
	return finish(j, CREDENTIAL_OK);
}
