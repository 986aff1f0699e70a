/*
 * credential_fetch.c -- SCRAM keys for SASL, of users that exist and of users that do not.
 *
 * Who asks must not learn which is which: both are asked for with the same statement, and the false
 * keys, which are made of a secret of the server and the name, are computed in both cases.  The
 * secret is made once and kept in the store, so that a name has the same salt after a restart and
 * on each node.
 *
 * Runs on: main (credential_init), any worker (the rest).
 */
#include "home/credential_own.h"

#include "base/mem.h"
#include "store/secret.h"

#include <string.h>

/* Written by credential_init only. */
static uint8_t secret[SECRET_SIZE];

const struct query credential_queries[] = {
	[ACCOUNT_INSERT] = { "account_insert",
		"INSERT INTO account (owner, host, created) VALUES (?, ?, ?)", NULL },
	[CREDENTIAL_INSERT] = { "credential_insert",
		"INSERT INTO credential (owner, mechanism, salt, iterations, stored_key, "
		"server_key) VALUES (?, ?, ?, ?, ?, ?)",
		NULL },
	/* Nothing if the account was deleted meanwhile. */
	[CREDENTIAL_RENEW] = { "credential_renew",
		"INSERT INTO credential (owner, mechanism, salt, iterations, stored_key, "
		"server_key) SELECT owner, ?, ?, ?, ?, ? FROM account WHERE owner = ?",
		NULL },
	[CREDENTIAL_LOAD] = { "credential_load",
		"SELECT a.disabled, c.mechanism, c.salt, c.iterations, c.stored_key, c.server_key "
		"FROM account a LEFT JOIN credential c ON c.owner = a.owner WHERE a.owner = ?",
		NULL },
	[CREDENTIAL_DELETE] = { "credential_delete", "DELETE FROM credential WHERE owner = ?",
		NULL },
	[ACCOUNT_DELETE] = { "account_delete", "DELETE FROM account WHERE owner = ?", NULL },
	END_QUERIES,
};

void
credential_register(void)
{
	store_add_queries(credential_queries);
}

const char *
credential_mechanism(enum digest d)
{
	static const char *const names[DIGEST_COUNT] = {
		[DIGEST_SHA1] = "SCRAM-SHA-1",
		[DIGEST_SHA256] = "SCRAM-SHA-256",
		[DIGEST_SHA512] = "SCRAM-SHA-512",
	};

	return names[d];
}

/* ---- Keys ----------------------------------------------------------------------- */

static void
derive(const char *purpose, struct jid bare, enum digest d, uint8_t out[DIGEST_MAX])
{
	AUTO(buf_fini) struct buf b = BUF_INIT;

	buf_printf(&b, "%s %s ", purpose, credential_mechanism(d));
	buf_put_str(&b, jid_bare_str(bare));
	digest_hmac(
		DIGEST_SHA512, (struct str){ (const char *)secret, SECRET_SIZE }, buf_str(&b), out);
}

void
credential_fake(struct scram_keys *k, struct jid bare, enum digest d)
{
	uint8_t salt[DIGEST_MAX];

	memset(k, 0, sizeof(*k));
	k->digest = d;
	k->iterations = SCRAM_ITERATIONS;
	k->salt_length = SCRAM_SALT;
	derive("salt", bare, d, salt);
	memcpy(k->salt, salt, SCRAM_SALT);
	derive("stored", bare, d, k->stored_key);
	derive("server", bare, d, k->server_key);
}

/* A column of exactly n bytes (max 0), or of 1 to max. */
static bool
take(struct str bytes, uint8_t *out, size_t n, size_t max, size_t *length)
{
	if (max ? bytes.n == 0 || bytes.n > max : bytes.n != n)
		return false;
	memcpy(out, bytes.p, bytes.n);
	if (length)
		*length = bytes.n;
	return true;
}

bool
credential_read(struct scram_keys *k, const struct rows *rows, enum digest d, bool *disabled)
{
	size_t size = digest_size(d);
	struct scram_keys found = { .digest = d };
	int64_t iterations;

	for (size_t i = 0; i < rows->count; i++) {
		*disabled = row_int(rows, i, 0) != 0;
		if (!str_is(row_str(rows, i, 1), credential_mechanism(d)))
			continue;
		iterations = row_int(rows, i, 3);
		if (iterations < 1 || iterations > SCRAM_ITERATIONS_MAX ||
			!take(row_str(rows, i, 2), found.salt, 0, SCRAM_SALT_MAX,
				&found.salt_length) ||
			!take(row_str(rows, i, 4), found.stored_key, size, 0, NULL) ||
			!take(row_str(rows, i, 5), found.server_key, size, 0, NULL))
			continue;
		found.iterations = (unsigned)iterations;
		*k = found;
		return true;
	}
	return false;
}

struct fetch {
	struct arena *arena;
	struct jid bare;
	enum digest digest;
	void (*done)(struct worker *w, void *ctx, enum credential_result result,
		const struct scram_keys *keys, bool disabled);
	void *ctx;
};

static void
fetched(struct worker *w, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	struct fetch *f = ctx;
	struct arena *a = f->arena;
	struct scram_keys keys;
	bool found, disabled = false;

	(void)count;
	if (result != STORE_OK) {
		f->done(w, f->ctx, CREDENTIAL_AWAY, NULL, false);
	} else {
		credential_fake(&keys, f->bare, f->digest);
		found = credential_read(&keys, rows[0], f->digest, &disabled);
		f->done(w, f->ctx, found ? CREDENTIAL_OK : CREDENTIAL_NOT_FOUND, &keys,
			found && disabled);
		mem_wipe(&keys, sizeof(keys));
	}
	arena_free(&a);
}

void
credential_fetch(struct worker *w, struct jid bare, enum digest d,
	void (*done)(struct worker *w, void *ctx, enum credential_result result,
		const struct scram_keys *keys, bool disabled),
	void *ctx)
{
	struct arena *a = arena_new(0);
	struct fetch *f = ARENA_NEW(a, struct fetch);
	struct value owner = of_jid(bare);
	struct ask ask = { &credential_queries[CREDENTIAL_LOAD], &owner, 1 };
	struct str key = jid_bare_str(bare);

	f->arena = a;
	f->bare = jid_copy(a, bare);
	f->digest = d;
	f->done = done;
	f->ctx = ctx;
	store_ask(w, hash_stable(key.p, key.n), &ask, 1, fetched, f);
}

bool
credential_init(struct err *e)
{
	return secret_get("scram", secret, e);
}
