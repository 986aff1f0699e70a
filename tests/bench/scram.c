/*
 * scram.c -- the client's side of SCRAM, with remembered salted passwords.
 *
 * Deriving a key costs 2 ms and a server pays nothing for it at login, so a
 * client that derived keys all the time would measure itself.  A salted
 * password is therefore computed once for an account, a salt and an iteration
 * count and kept, also in a file between runs.
 *
 * Runs on: the one thread of the load generator.
 */
#include "scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HASH = 32, MAX_SALT = 64, MAX_TEXT = 512, MAX_ITERATIONS = 10000000 };

struct scram {
	enum mech mech;
	unsigned account;
	const char *password;
	char first[200]; /* client-first-message-bare */
	char nonce[33];
	unsigned char signature[MAX_HASH]; /* the one the server must show */
};

/* What is known of one account; also the record in the file. */
struct known {
	unsigned iterations; /* 0: nothing is known */
	unsigned salt_n;
	unsigned char salt[MAX_SALT];
	unsigned char salted[MAX_HASH];
};

struct known_pair {
	struct known of[2]; /* by mechanism */
};

static struct known_pair *known;
static unsigned known_n;
static bool known_changed;

static const EVP_MD *
hash_of(enum mech mech)
{
	return mech == MECH_SHA256 ? EVP_sha256() : EVP_sha1();
}

const char *
scram_name(enum mech mech)
{
	return mech == MECH_SHA256 ? "SCRAM-SHA-256" : "SCRAM-SHA-1";
}

struct scram *
scram_new(enum mech mech, unsigned account, const char *user, const char *password)
{
	unsigned char random[16];
	struct scram *s;

	s = bench_alloc(sizeof(*s));
	s->mech = mech;
	s->account = account;
	s->password = password;
	RAND_bytes(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(s->nonce + 2 * i, 3, "%02x", random[i]);
	snprintf(s->first, sizeof(s->first), "n=%s,r=%s", user, s->nonce);
	return s;
}

void
scram_free(struct scram **s)
{
	free(*s);
	*s = NULL;
}

static void
add_base64(struct buf *out, const char *text, size_t n)
{
	char code[MAX_TEXT * 2];
	int len;

	len = EVP_EncodeBlock((unsigned char *)code, (const unsigned char *)text, (int)n);
	buf_add(out, code, (size_t)len);
}

/* Decode base64 into at most size bytes; 0 when it is malformed, empty or too long. */
static size_t
from_base64(struct span code, unsigned char *out, size_t size)
{
	unsigned char whole[MAX_TEXT * 2];
	size_t pad;
	int n;

	if (code.n == 0 || code.n % 4 || code.n > sizeof(whole))
		return 0;
	pad = (size_t)(code.p[code.n - 1] == '=') + (size_t)(code.p[code.n - 2] == '=');
	n = EVP_DecodeBlock(whole, (const unsigned char *)code.p, (int)code.n);
	if (n < 0 || (size_t)n - pad > size)
		return 0;
	memcpy(out, whole, (size_t)n - pad);
	return (size_t)n - pad;
}

void
scram_first(const struct scram *s, struct buf *out)
{
	char text[MAX_TEXT];
	int n;

	n = snprintf(text, sizeof(text), "n,,%s", s->first);
	add_base64(out, text, (size_t)n);
}

static struct known *
known_get(unsigned account, enum mech mech)
{
	unsigned n;

	if (account >= known_n) {
		n = account < 1000 ? 1000 : account * 2;
		known = realloc(known, n * sizeof(*known));
		if (!known)
			abort();
		memset(known + known_n, 0, (n - known_n) * sizeof(*known));
		known_n = n;
	}
	return &known[account].of[mech == MECH_SHA256];
}

static const unsigned char *
salted_password(struct scram *s, const unsigned char *salt, size_t salt_n, unsigned iterations)
{
	struct known *k;

	k = known_get(s->account, s->mech);
	if (k->iterations == iterations && k->salt_n == salt_n &&
		memcmp(k->salt, salt, salt_n) == 0)
		return k->salted;
	k->iterations = iterations;
	k->salt_n = (unsigned)salt_n;
	memcpy(k->salt, salt, salt_n);
	PKCS5_PBKDF2_HMAC(s->password, (int)strlen(s->password), salt, (int)salt_n, (int)iterations,
		hash_of(s->mech), EVP_MD_get_size(hash_of(s->mech)), k->salted);
	known_changed = true;
	return k->salted;
}

static void
hmac(enum mech mech, const unsigned char *key, const void *text, size_t n, unsigned char *out)
{
	HMAC(hash_of(mech), key, EVP_MD_get_size(hash_of(mech)), text, n, out, NULL);
}

/* Compute the proof for the client and the signature to expect from the server. */
static void
prove(struct scram *s, const unsigned char *salted, const char *message, unsigned char *proof)
{
	unsigned char client[MAX_HASH], stored[MAX_HASH], server[MAX_HASH];
	size_t n;

	n = (size_t)EVP_MD_get_size(hash_of(s->mech));
	hmac(s->mech, salted, "Client Key", 10, client);
	hmac(s->mech, salted, "Server Key", 10, server);
	EVP_Digest(client, n, stored, NULL, hash_of(s->mech), NULL);
	hmac(s->mech, stored, message, strlen(message), proof);
	hmac(s->mech, server, message, strlen(message), s->signature);
	for (size_t i = 0; i < n; i++)
		proof[i] ^= client[i];
}

/* Take r=, s= and i= out of the server's first message. */
static bool
parse_challenge(const struct scram *s, const char *text, struct span *nonce, struct span *salt,
	unsigned *iterations)
{
	const char *p;
	char *end;

	if (strncmp(text, "r=", 2) != 0 || strncmp(text + 2, s->nonce, strlen(s->nonce)) != 0)
		return false;
	nonce->p = text + 2;
	nonce->n = strcspn(nonce->p, ",");
	p = nonce->p + nonce->n;
	if (strncmp(p, ",s=", 3) != 0)
		return false;
	salt->p = p + 3;
	salt->n = strcspn(salt->p, ",");
	p = salt->p + salt->n;
	if (strncmp(p, ",i=", 3) != 0)
		return false;
	*iterations = (unsigned)strtoul(p + 3, &end, 10);
	return end > p + 3 && *iterations > 0 && *iterations <= MAX_ITERATIONS;
}

bool
scram_answer(struct scram *s, struct span challenge, struct buf *out)
{
	char text[MAX_TEXT + 1], message[4 * MAX_TEXT], final[2 * MAX_TEXT], code[64];
	unsigned char salt[MAX_SALT], proof[MAX_HASH];
	struct span nonce, salt_code;
	unsigned iterations;
	size_t n, salt_n;
	int len;

	n = from_base64(challenge, (unsigned char *)text, MAX_TEXT);
	text[n] = 0;
	if (!parse_challenge(s, text, &nonce, &salt_code, &iterations))
		return false;
	salt_n = from_base64(salt_code, salt, sizeof(salt));
	if (!salt_n)
		return false;
	len = snprintf(final, sizeof(final), "c=biws,r=%.*s", (int)nonce.n, nonce.p);
	snprintf(message, sizeof(message), "%s,%s,%s", s->first, text, final);
	prove(s, salted_password(s, salt, salt_n, iterations), message, proof);
	EVP_EncodeBlock((unsigned char *)code, proof, EVP_MD_get_size(hash_of(s->mech)));
	len += snprintf(final + len, sizeof(final) - (size_t)len, ",p=%s", code);
	add_base64(out, final, (size_t)len);
	return true;
}

bool
scram_verify(const struct scram *s, struct span final)
{
	unsigned char signature[MAX_HASH];
	char text[MAX_TEXT + 1];
	struct span code;
	size_t n;

	n = from_base64(final, (unsigned char *)text, MAX_TEXT);
	text[n] = 0;
	if (strncmp(text, "v=", 2) != 0)
		return false;
	code.p = text + 2;
	code.n = strcspn(code.p, ",");
	n = from_base64(code, signature, sizeof(signature));
	return n == (size_t)EVP_MD_get_size(hash_of(s->mech)) &&
	       memcmp(signature, s->signature, n) == 0;
}

void
scram_cache_load(const char *path)
{
	struct known_pair pair;
	unsigned i;
	FILE *f;

	f = path ? fopen(path, "rbe") : NULL;
	if (!f)
		return;
	for (i = 0; fread(&pair, sizeof(pair), 1, f) == 1; i++) {
		*known_get(i, MECH_SHA1) = pair.of[0];
		*known_get(i, MECH_SHA256) = pair.of[1];
	}
	fclose(f);
}

bool
scram_cache_save(const char *path)
{
	FILE *f;
	bool ok;

	if (!path || !known_changed)
		return true;
	f = fopen(path, "wbe");
	ok = f && fwrite(known, sizeof(*known), known_n, f) == known_n;
	if (f && fclose(f) != 0)
		ok = false;
	if (!ok)
		perror(path);
	return ok;
}
