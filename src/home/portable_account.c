/*
 * portable_account.c -- the account itself in files of XEP-0227: its keys for SCRAM, when it was
 * made, whether it is banned; and when it was last there.
 *
 * A password in clear, which other servers write, becomes keys for all mechanisms; keys that are
 * there are taken as they are.  The rows of an account and its keys come last of all, so until then
 * nobody can log in and nothing arrives.
 *
 * Runs on: where a file is written or read; make_keys: a chore thread.
 */
#include "home/credential_own.h"
#include "home/portable.h"

#include "base/encode.h"
#include "base/mem.h"
#include "base/rand.h"
#include "xmpp/datetime.h"

#include <string.h>

#define NS_SCRAM NS_PIE "#scram"
/* How some versions of ejabberd write keys in the place of a password. */
#define SCRAM_PREFIX STR("scram:")

enum { ACCOUNT_GET, ACCOUNT_PUT, LAST_GET, LAST_SET, LAST_CLEAR };

static const struct query queries[] = {
	[ACCOUNT_GET] = { "portable_account",
		"SELECT created, disabled FROM account WHERE owner = ?", NULL },
	[ACCOUNT_PUT] = { "portable_account_put",
		"INSERT INTO account (owner, host, created, disabled) VALUES (?, ?, ?, ?)", NULL },
	[LAST_GET] = { "portable_last", "SELECT at, status FROM last_activity WHERE owner = ?",
		NULL },
	[LAST_SET] = { "portable_last_put",
		"REPLACE INTO last_activity (owner, at, status) VALUES (?, ?, ?)", NULL },
	[LAST_CLEAR] = { "portable_last_clear", "DELETE FROM last_activity WHERE owner = ?", NULL },
	END_QUERIES,
};

struct arriving_account {
	char *password; /* prepared; a secret, or NULL */
	struct scram_keys keys[DIGEST_COUNT];
	bool has[DIGEST_COUNT];
	msec_t created; /* wall; 0: now */
	bool is_disabled;
};

static struct str
bytes(const uint8_t *p, size_t n)
{
	return (struct str){ (const char *)p, n };
}

/* ---- Write ---------------------------------------------------------------------------- */

static void
ask(struct leaving *l, struct asks *asks)
{
	struct value owner = of_jid(l->home.jid);

	asks_add(asks, &queries[ACCOUNT_GET], &owner, 1);
	asks_add(asks, &credential_queries[CREDENTIAL_LOAD], &owner, 1);
	asks_add(asks, &queries[LAST_GET], &owner, 1);
}

static void
write_keys(struct leaving *l, const struct scram_keys *k)
{
	struct xml *x = xml_new(l->arena, NS_SCRAM, "scram-credentials");
	size_t size = digest_size(k->digest);

	xml_attr(l->arena, x, "mechanism", credential_mechanism(k->digest));
	xml_add_text(
		l->arena, x, NS_SCRAM, "iter-count", arena_printf(l->arena, "%u", k->iterations));
	xml_add_text(
		l->arena, x, NS_SCRAM, "salt", base64_encode(l->arena, k->salt, k->salt_length));
	xml_add_text(
		l->arena, x, NS_SCRAM, "server-key", base64_encode(l->arena, k->server_key, size));
	xml_add_text(
		l->arena, x, NS_SCRAM, "stored-key", base64_encode(l->arena, k->stored_key, size));
	xml_write(l->out, x, NULL);
	buf_put_char(l->out, '\n');
}

static struct xml *
stamped(struct leaving *l, const char *name, const char *attribute, msec_t at)
{
	struct xml *x = xml_new(l->arena, NS_PIE_OWN, name);
	char stamp[DATETIME_SIZE];

	datetime_write(stamp, at);
	xml_attr(l->arena, x, attribute, stamp);
	return x;
}

static bool
write(struct leaving *l, const struct rows *const *rows)
{
	struct scram_keys keys;
	struct xml *x;
	bool disabled;

	for (int d = 0; d < DIGEST_COUNT; d++) {
		if (credential_read(&keys, rows[1], (enum digest)d, &disabled))
			write_keys(l, &keys);
	}
	mem_wipe(&keys, sizeof(keys));
	if (rows[0]->count > 0) {
		x = stamped(l, "account", "created", row_int(rows[0], 0, 0));
		xml_attr(l->arena, x, "disabled", row_int(rows[0], 0, 1) != 0 ? "true" : NULL);
		xml_write(l->out, x, NULL);
		buf_put_char(l->out, '\n');
	}
	if (rows[2]->count > 0) {
		x = stamped(l, "last", "at", row_int(rows[2], 0, 0));
		xml_text(l->arena, x, row_str(rows[2], 0, 1));
		xml_write(l->out, x, NULL);
		buf_put_char(l->out, '\n');
	}
	return false;
}

/* ---- Read: keys -------------------------------------------------------------------------- */

static bool
take_bytes(struct arena *a, struct str text, uint8_t *out, size_t least, size_t most, size_t *n)
{
	struct str raw;

	if (!base64_decode(a, str_trim(text), &raw) || raw.n < least || raw.n > most)
		return false;
	memcpy(out, raw.p, raw.n);
	*n = raw.n;
	return true;
}

static bool
find_digest(struct str mechanism, enum digest *d)
{
	for (int i = 0; i < DIGEST_COUNT; i++) {
		*d = (enum digest)i;
		if (str_is_nocase(mechanism, credential_mechanism(*d)))
			return true;
	}
	return false;
}

/* The four texts are those of <scram-credentials/>. */
static bool
take_keys(struct arriving *a, struct arriving_account *into, enum digest d, struct str iterations,
	struct str salt, struct str server_key, struct str stored_key)
{
	struct scram_keys k = { .digest = d };
	size_t size = digest_size(d), n;
	uint64_t count;

	if (!str_uint(str_trim(iterations), SCRAM_ITERATIONS_MAX, &count) || count == 0 ||
		!take_bytes(a->arena, salt, k.salt, 1, SCRAM_SALT_MAX, &k.salt_length) ||
		!take_bytes(a->arena, server_key, k.server_key, size, size, &n) ||
		!take_bytes(a->arena, stored_key, k.stored_key, size, size, &n))
		return false;
	k.iterations = (unsigned)count;
	into->keys[d] = k;
	into->has[d] = true;
	return true;
}

static struct str
text_in(struct arriving *a, const struct xml *x, const char *name)
{
	const struct xml *child = xml_child(x, NS_SCRAM, name);

	return child ? xml_text_of(a->arena, child) : STR("");
}

static enum portable_taken
take_credentials(struct arriving *a, struct arriving_account *into, const struct xml *x)
{
	const char *mechanism = xml_get(x, "mechanism");
	enum digest d;

	if (!find_digest(str_of(mechanism ? mechanism : ""), &d))
		return arriving_refuse(a, "keys of an unknown mechanism");
	if (!take_keys(a, into, d, text_in(a, x, "iter-count"), text_in(a, x, "salt"),
		    text_in(a, x, "server-key"), text_in(a, x, "stored-key")))
		return arriving_refuse(a, "keys for SCRAM that are incomplete or of a wrong size");
	return PORTABLE_TAKEN;
}

/* "scram:[sha256,]stored,server,salt,count" */
static bool
take_old_keys(struct arriving *a, struct arriving_account *into, struct str text)
{
	struct str part[5], rest = text;
	enum digest d = DIGEST_SHA1;
	size_t n = 0, at = 0;

	while (rest.p && n < COUNT(part))
		part[n++] = str_cut(&rest, ',');
	if (n == 5) {
		d = str_is(part[0], "sha512") ? DIGEST_SHA512 : DIGEST_SHA256;
		at = 1;
	}
	return n - at == 4 &&
	       take_keys(a, into, d, part[at + 3], part[at + 2], part[at + 1], part[at]);
}

static enum portable_taken
take_user(struct arriving *a, struct arriving_account *into, const struct xml *user)
{
	const char *password = xml_get(user, "password"), *prepared;
	struct str text = str_of(password);

	if (!password)
		return PORTABLE_TAKEN;
	if (str_starts(text, SCRAM_PREFIX)) {
		text.p += SCRAM_PREFIX.n;
		text.n -= SCRAM_PREFIX.n;
		return take_old_keys(a, into, text)
			       ? PORTABLE_TAKEN
			       : arriving_refuse(a, "keys that are incomplete");
	}
	prepared = jid_prep_password(a->arena, text);
	if (!prepared || !*prepared)
		return arriving_refuse(a, "a password that is empty or has forbidden characters");
	into->password = arena_secret(a->lasting, str_of(prepared));
	return PORTABLE_TAKEN;
}

/* ---- Read: the rest ----------------------------------------------------------------------- */

static enum portable_taken
take_last(struct arriving *a, const struct xml *x)
{
	const char *at = xml_get(x, "at");
	struct str status = xml_text_of(a->arena, x);
	msec_t when;

	if (!at || !datetime_parse(str_of(at), &when))
		return arriving_refuse(a, "a last activity without a time");
	arriving_add(a, &queries[LAST_SET],
		(const struct value[]){
			of_jid(a->home->jid), of_int(when), of_str(status.p ? status : STR("")) },
		3);
	return PORTABLE_TAKEN;
}

static enum portable_taken
take_account(struct arriving *a, struct arriving_account *into, const struct xml *x)
{
	const char *created = xml_get(x, "created");

	into->is_disabled = text_eq(xml_get(x, "disabled"), "true");
	if (created && !datetime_parse(str_of(created), &into->created))
		return arriving_refuse(a, "a time of creation that is none");
	return PORTABLE_TAKEN;
}

static enum portable_taken
take(struct arriving *a, void *state, const struct xml *x, const struct xml *within)
{
	struct arriving_account *into = state;

	(void)within;
	if (text_eq(x->name, "user"))
		return take_user(a, into, x);
	if (text_eq(x->name, "last"))
		return take_last(a, x);
	if (text_eq(x->name, "account"))
		return take_account(a, into, x);
	return take_credentials(a, into, x);
}

/* What the password is for and no keys were given. */
static void
make_keys(void *state)
{
	struct arriving_account *into = state;
	uint8_t salt[SCRAM_SALT];

	for (int d = 0; into->password && d < DIGEST_COUNT; d++) {
		if (into->has[d])
			continue;
		rand_bytes(salt, sizeof(salt));
		scram_keys_make(&into->keys[d], (enum digest)d, str_of(into->password),
			SCRAM_ITERATIONS, salt, sizeof(salt));
		into->has[d] = true;
	}
	if (into->password)
		mem_wipe(into->password, strlen(into->password));
}

static void
finish(struct arriving *a, void *state)
{
	struct arriving_account *into = state;
	struct value owner = of_jid(a->home->jid);
	int count = 0;

	arriving_add(a, &queries[ACCOUNT_PUT],
		(const struct value[]){ owner, of_str(jid_domain(a->home->jid)),
			of_int(into->created ? into->created : clock_wall()),
			of_int(into->is_disabled) },
		4);
	for (int d = 0; d < DIGEST_COUNT; d++) {
		const struct scram_keys *k = &into->keys[d];
		size_t size = digest_size((enum digest)d);

		if (!into->has[d])
			continue;
		count++;
		arriving_add(a, &credential_queries[CREDENTIAL_INSERT],
			(const struct value[]){ owner, of_text(credential_mechanism(k->digest)),
				of_str(bytes(k->salt, k->salt_length)), of_int(k->iterations),
				of_str(bytes(k->stored_key, size)),
				of_str(bytes(k->server_key, size)) },
			6);
	}
	mem_wipe(into->keys, sizeof(into->keys));
	if (count == 0)
		a->why = "no password or keys came along; it can log in when a password is set";
	else if (count < DIGEST_COUNT)
		a->why = "keys came for some mechanisms of SCRAM only; others work when its "
			 "password is changed";
}

static void
clear_last(const struct home *h, struct asks *asks)
{
	struct value owner = of_jid(h->jid);

	asks_add(asks, &queries[LAST_CLEAR], &owner, 1);
}

/* ---- The part ------------------------------------------------------------------------------ */

static const struct portable_tag tags[] = {
	{ NS_PIE, "user", PORTABLE_WHOLE },
	{ NS_SCRAM, "scram-credentials", PORTABLE_WHOLE },
	{ NS_PIE_OWN, "account", PORTABLE_WHOLE },
	{ NS_PIE_OWN, "last", PORTABLE_WHOLE },
	{ NULL, NULL, PORTABLE_WHOLE },
};

static const struct portable part = {
	.name = "last",
	.order = 10,
	.tags = tags,
	.state_size = sizeof(struct arriving_account),
	.ask = ask,
	.write = write,
	.take = take,
	.chore = make_keys,
	.finish = finish,
	.clear = clear_last,
};

void
portables_init(void)
{
	store_add_queries(queries);
	portable_add(&part);
	portable_add(&portable_roster);
}
