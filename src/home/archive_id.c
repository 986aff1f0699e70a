/*
 * archive_id.c -- ids of archives on the wire, and the hashes of addresses in their rows.
 *
 * One block of the cipher holds the id and the number of its owner.  Whoever sees an id learns
 * neither; whoever makes one up is found out, since after decryption the owner does not match.
 *
 * Runs on: main (init, fini), the home's worker.
 */
#include "home/archive_own.h"

#include "base/block.h"
#include "base/hash.h"
#include "xml/ns.h"

#include <assert.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static struct block *blocks[WORKERS_MAX];
static uint64_t peer_seed;

void
archive_id_init(const uint8_t key[16], uint64_t seed)
{
	peer_seed = seed;
	for (unsigned i = 0; i < workers_count(); i++)
		blocks[i] = block_new(key);
}

void
archive_id_fini(void)
{
	for (unsigned i = 0; i < COUNT(blocks); i++)
		block_free(&blocks[i]);
}

int64_t
archive_peer(struct jid j)
{
	struct str bare = jid_bare_str(j);

	return (int32_t)hash_keyed(peer_seed, bare.p, bare.n);
}

/* ---- Base64 for URLs, without padding (RFC 4648 5) --------------------------------- */

static void
write_text(const uint8_t block[BLOCK_SIZE], char out[ARCHIVE_ID_SIZE])
{
	unsigned bits = 0, have = 0;

	for (unsigned i = 0; i < BLOCK_SIZE; i++) {
		bits = bits << 8 | block[i];
		for (have += 8; have >= 6; have -= 6)
			*out++ = alphabet[bits >> (have - 6) & 63];
	}
	*out++ = alphabet[bits << (6 - have) & 63];
	*out = '\0';
}

static bool
read_text(const char *text, uint8_t block[BLOCK_SIZE])
{
	unsigned bits = 0, have = 0, n = 0;
	const char *at;

	if (strlen(text) != ARCHIVE_ID_SIZE - 1)
		return false;
	for (; *text; text++) {
		at = strchr(alphabet, *text);
		if (!at)
			return false;
		bits = bits << 6 | (unsigned)(at - alphabet);
		have += 6;
		if (have >= 8) {
			have -= 8;
			block[n++] = (uint8_t)(bits >> have);
		}
	}
	return n == BLOCK_SIZE && (bits & ((1U << have) - 1)) == 0;
}

/* ---- Ids ---------------------------------------------------------------------------- */

static struct block *
block_of(const struct worker *w)
{
	struct block *b = blocks[worker_index(w)];

	assert(worker_is_here(w) && b);
	return b;
}

void
archive_id_write(const struct home *h, int64_t id, char out[ARCHIVE_ID_SIZE])
{
	const int64_t parts[2] = { id, h->number };
	uint8_t clear[BLOCK_SIZE], block[BLOCK_SIZE];

	for (unsigned i = 0; i < BLOCK_SIZE; i++)
		clear[i] = (uint8_t)((uint64_t)parts[i / 8] >> (56 - i % 8 * 8));
	block_encrypt(block_of(h->worker), clear, block);
	write_text(block, out);
}

bool
archive_id_open(const struct worker *w, const char *text, int64_t *id, int64_t *number)
{
	uint64_t parts[2] = { 0, 0 };
	uint8_t clear[BLOCK_SIZE], block[BLOCK_SIZE];

	if (!read_text(text, block))
		return false;
	block_decrypt(block_of(w), block, clear);
	for (unsigned i = 0; i < BLOCK_SIZE; i++)
		parts[i / 8] = parts[i / 8] << 8 | clear[i];
	if (parts[0] == 0 || parts[0] > INT64_MAX || parts[1] == 0 || parts[1] > INT64_MAX)
		return false;
	*id = (int64_t)parts[0];
	*number = (int64_t)parts[1];
	return true;
}

bool
archive_id_read(const struct home *h, const char *text, int64_t *id)
{
	int64_t found, number;

	if (!archive_id_open(h->worker, text, &found, &number) || number != h->number)
		return false;
	*id = found;
	return true;
}

int64_t
archive_id_at(msec_t wall)
{
	const msec_t last = INT64_MAX >> HOME_ID_BITS;

	return (wall < 0 ? 0 : wall > last ? last : wall) << HOME_ID_BITS;
}

msec_t
archive_time(int64_t id)
{
	return id >> HOME_ID_BITS;
}

int64_t
archive_reference(const char *id, struct jid to)
{
	struct str bare = jid_bare_str(to);
	uint64_t hash = hash_keyed(hash_stable(id, strlen(id)), bare.p, bare.n);

	return hash != 0 ? (int64_t)hash : 1;
}

/* ---- Stanza ids (XEP-0359) -------------------------------------------------------------- */

/* However it is spelled. */
static bool
claims_to_be(const struct xml *x, void *ctx)
{
	const struct home *h = ctx;
	const char *by = xml_get(x, "by");
	AUTO(arena_free) struct arena *a = NULL;
	struct jid j;

	if (!by || strlen(by) > JID_MAX)
		return false;
	a = arena_new(0);
	return jid_parse(a, str_of(by), &j) == JID_OK && jid_eq(j, h->jid);
}

const struct stanza *
archive_stamp(const struct home *h, const struct stanza *s, int64_t id)
{
	AUTO(stanza_unref) const struct stanza *clean = NULL;
	struct arena *a;
	struct xml *x;
	char text[ARCHIVE_ID_SIZE];
	const struct stanza *stamped;

	clean = stanza_without(
		s, NS_SID, "stanza-id", claims_to_be, CONTAINER(&h->node, struct home, node));
	if (id == 0)
		return stanza_ref(clean);
	a = arena_new(0);
	x = xml_new(a, NS_SID, "stanza-id");
	archive_id_write(h, id, text);
	xml_attr(a, x, "by", jid_text(a, h->jid));
	xml_attr(a, x, "id", text);
	stamped = stanza_beside(clean, x);
	arena_free(&a);
	return stamped;
}
