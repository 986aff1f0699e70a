/*
 * What clients send to log in. For SCRAM the first line of the input is the client's first message,
 * the second its final one; whatever they are, nobody is let in who does not know the password. The
 * same bytes are a message of PLAIN, and base64.
 *
 * Runs on: its own process
 */
#include "base/encode.h"
#include "stream/sasl_plain.h"
#include "stream/sasl_scram.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
exchange(struct arena *a, struct str first, struct str final, bool plus)
{
	static struct scram_keys keys = {
		.digest = DIGEST_SHA256, .iterations = 4096, .salt_length = SCRAM_SALT
	};
	struct scram s = {
		.arena = a, .digest = DIGEST_SHA256, .plus = plus, .plus_offered = true
	};
	const char *answer = NULL;

	memset(keys.stored_key, 0x5a, sizeof(keys.stored_key)); /* no client key hashes to this */
	if (scram_first(&s, first) != SASL_COND_NONE)
		return;
	must(s.user && s.user[0] && (plus ? s.binding != NULL : s.binding == NULL));
	must(strlen(scram_challenge(&s, &keys, "nonce")) > s.client_nonce.n);
	must(scram_final(&s, final, STR("binding"), &answer) != SASL_COND_NONE && !answer);
}

/* The parts make the whole. */
static void
plain(struct arena *a, struct str message)
{
	struct plain p;
	struct str names;

	if (plain_read(a, message, &p) != SASL_COND_NONE)
		return;
	names = (struct str){ message.p, (size_t)(p.password.p - message.p) };
	must(p.password.p + p.password.n == message.p + message.n && p.password.n > 0);
	must(names.n == (p.authzid ? strlen(p.authzid) : 0) + strlen(p.user) + 2);
}

/* Only what we would write ourselves is read. */
static void
base64(struct arena *a, struct str text)
{
	struct str bytes;

	if (base64_decode(a, text, &bytes))
		must(str_is(text, base64_encode(a, bytes.p, bytes.n)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size }, first;
	struct arena *a;

	if (size == 0 || size > 4096)
		return 0;
	a = arena_new(0);
	plain(a, rest);
	base64(a, rest);
	first = str_cut(&rest, '\n');
	exchange(a, first, rest.p ? rest : STR(""), false);
	exchange(a, first, rest.p ? rest : STR(""), true);
	arena_free(&a);
	return 0;
}
