/*
 * sasl_scram.c -- the server's side of SCRAM.
 *
 * Strict where a loose reading would let an attacker in: the gs2 header, the order of attributes,
 * an `m=` (an extension that we do not know), the nonce, and the channel binding.
 *
 * Runs on: any thread.
 */
#include "stream/sasl_scram.h"

#include <string.h>

#include "base/encode.h"
#include "base/utf8.h"

#define NONCE_MAX 256

/* "x=value" at the start of *rest, up to the next comma; value into *out. */
static bool
take(struct str *rest, char name, struct str *out)
{
	struct str part;

	if (!rest->p || rest->n < 2 || rest->p[0] != name || rest->p[1] != '=')
		return false;
	part = str_cut(rest, ',');
	*out = (struct str){ part.p + 2, part.n - 2 };
	return true;
}

/* saslname: =2C is a comma, =3D an equals sign, no other = (RFC 5802 5.1). */
static const char *
decode_name(struct arena *a, struct str in)
{
	char *out = arena_alloc(a, in.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '=') {
			out[n++] = in.p[i];
			continue;
		}
		if (in.n - i < 3)
			return NULL;
		if (memcmp(in.p + i, "=2C", 3) == 0)
			out[n++] = ',';
		else if (memcmp(in.p + i, "=3D", 3) == 0)
			out[n++] = '=';
		else
			return NULL;
		i += 2;
	}
	return n > 0 ? out : NULL;
}

static bool
is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
	return s.n > 0 && s.n <= NONCE_MAX;
}

static enum sasl_cond
take_flag(struct scram *s, struct str flag)
{
	if (str_is(flag, "n"))
		return s->plus ? SASL_COND_MALFORMED_REQUEST : SASL_COND_NONE;
	if (str_is(flag, "y"))
		return s->plus		 ? SASL_COND_MALFORMED_REQUEST
		       : s->plus_offered ? SASL_COND_NOT_AUTHORIZED
					 : SASL_COND_NONE;
	if (flag.n < 3 || flag.p[0] != 'p' || flag.p[1] != '=' || !s->plus)
		return SASL_COND_MALFORMED_REQUEST;
	s->binding = arena_str(s->arena, (struct str){ flag.p + 2, flag.n - 2 });
	return SASL_COND_NONE;
}

enum sasl_cond
scram_first(struct scram *s, struct str message)
{
	struct str rest = message, authzid, user;
	enum sasl_cond c;

	if (!utf8_is_xml(message) || memchr(message.p, '\0', message.n))
		return SASL_COND_MALFORMED_REQUEST;
	c = take_flag(s, str_cut(&rest, ','));
	if (c != SASL_COND_NONE)
		return c;
	if (rest.p && rest.n > 0 && rest.p[0] == 'a') {
		if (!take(&rest, 'a', &authzid))
			return SASL_COND_MALFORMED_REQUEST;
		s->authzid = decode_name(s->arena, authzid);
		if (!s->authzid)
			return SASL_COND_MALFORMED_REQUEST;
	} else if (str_cut(&rest, ',').n > 0) {
		return SASL_COND_MALFORMED_REQUEST;
	}
	if (!rest.p)
		return SASL_COND_MALFORMED_REQUEST;
	s->gs2 = (struct str){ arena_str(s->arena, (struct str){ message.p, message.n - rest.n }),
		message.n - rest.n };
	s->client_first = (struct str){ arena_str(s->arena, rest), rest.n };
	if (!take(&rest, 'n', &user) || !take(&rest, 'r', &s->client_nonce) ||
		!is_printable(s->client_nonce))
		return SASL_COND_MALFORMED_REQUEST;
	s->client_nonce = (struct str){ arena_str(s->arena, s->client_nonce), s->client_nonce.n };
	s->user = decode_name(s->arena, user);
	return s->user ? SASL_COND_NONE : SASL_COND_MALFORMED_REQUEST;
}

const char *
scram_challenge(struct scram *s, const struct scram_keys *keys, const char *nonce)
{
	s->keys = keys;
	s->nonce = arena_printf(s->arena, "%.*s%s", STR_ARG(s->client_nonce), nonce);
	s->server_first = arena_printf(s->arena, "r=%s,s=%s,i=%u", s->nonce,
		base64_encode(s->arena, keys->salt, keys->salt_length), keys->iterations);
	return s->server_first;
}

/* ClientKey = proof XOR HMAC(StoredKey, AuthMessage); right when H(ClientKey) is StoredKey. */
static bool
proof_is_right(const struct scram *s, struct str auth, struct str proof)
{
	size_t n = digest_size(s->digest);
	uint8_t key[DIGEST_MAX], stored[DIGEST_MAX];

	if (proof.n != n)
		return false;
	digest_hmac(s->digest, (struct str){ (const char *)s->keys->stored_key, n }, auth, key);
	for (size_t i = 0; i < n; i++)
		key[i] ^= (uint8_t)proof.p[i];
	digest_of(s->digest, (struct str){ (const char *)key, n }, stored);
	return digest_same(stored, s->keys->stored_key, n);
}

static bool
binding_is_right(struct scram *s, struct str c, struct str data)
{
	struct str sent;

	if (!base64_decode(s->arena, c, &sent) || sent.n != s->gs2.n + (s->binding ? data.n : 0))
		return false;
	return digest_same(sent.p, s->gs2.p, s->gs2.n) &&
	       (!s->binding || (data.n > 0 && digest_same(sent.p + s->gs2.n, data.p, data.n)));
}

enum sasl_cond
scram_final(struct scram *s, struct str message, struct str data, const char **server_final)
{
	struct str rest = message, c, r, proof64, proof, without;
	const char *mark = NULL;
	uint8_t signature[DIGEST_MAX];
	struct str auth;

	for (size_t i = message.n; i >= 3 && !mark; i--)
		if (memcmp(message.p + i - 3, ",p=", 3) == 0)
			mark = message.p + i - 3;
	if (!mark || !take(&rest, 'c', &c) || !take(&rest, 'r', &r))
		return SASL_COND_MALFORMED_REQUEST;
	without = (struct str){ message.p, (size_t)(mark - message.p) };
	proof64 = (struct str){ mark + 3, message.n - without.n - 3 };
	if (!base64_decode(s->arena, proof64, &proof))
		return SASL_COND_MALFORMED_REQUEST;
	if (!str_is(r, s->nonce) || !binding_is_right(s, c, data))
		return SASL_COND_NOT_AUTHORIZED;
	auth = str_of(arena_printf(s->arena, "%.*s,%s,%.*s", STR_ARG(s->client_first),
		s->server_first, STR_ARG(without)));
	if (!proof_is_right(s, auth, proof))
		return SASL_COND_NOT_AUTHORIZED;
	digest_hmac(s->digest,
		(struct str){ (const char *)s->keys->server_key, digest_size(s->digest) }, auth,
		signature);
	*server_final = arena_printf(
		s->arena, "v=%s", base64_encode(s->arena, signature, digest_size(s->digest)));
	return SASL_COND_NONE;
}
