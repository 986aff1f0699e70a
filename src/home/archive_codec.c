/*
 * archive_codec.c -- a stanza as it lies in a row of an archive.
 *
 * It is written as one element, the owner's own address is left out of it, and what remains is
 * compressed by zstd with a dictionary that was trained on messages (src/home/dictionary): small
 * texts that look alike become a fifth of their size.  The four bytes that begin every frame are
 * left out, too.  A row names its dictionary, so that a later program may have better ones and
 * still read the old rows; number 0 is for what compression would not make smaller.
 *
 * Runs on: main (init, fini), the home's worker.
 */
#include "home/archive_own.h"

#include "base/buf.h"
#include "base/mem.h"
#include "run/worker.h"
#include "xml/xml.h"

#include <assert.h>
#include <string.h>
#include <zstd.h>

enum { LEVEL = 3, STANZA_MAX = 8 * 1024 * 1024, DICTIONARIES_MAX = 16 };

static const char magic[4] = { '\x28', '\xb5', '\x2f', '\xfd' };

static struct {
	ZSTD_CDict *newest; /* the last of the list is used for writing */
	ZSTD_DDict *of[DICTIONARIES_MAX];
	ZSTD_CCtx *compress[WORKERS_MAX];
	ZSTD_DCtx *decompress[WORKERS_MAX];
} codec;

void
archive_codec_init(void)
{
	const struct archive_dictionary *d = archive_dictionaries;
	size_t count = archive_dictionaries_count;

	assert(count > 0 && count <= DICTIONARIES_MAX);
	codec.newest = ZSTD_createCDict(d[count - 1].bytes, d[count - 1].size, LEVEL);
	for (size_t i = 0; i < count; i++)
		codec.of[i] = ZSTD_createDDict(d[i].bytes, d[i].size);
	for (unsigned i = 0; i < workers_count(); i++) {
		codec.compress[i] = ZSTD_createCCtx();
		codec.decompress[i] = ZSTD_createDCtx();
		ZSTD_CCtx_setParameter(codec.compress[i], ZSTD_c_dictIDFlag, 0);
		ZSTD_CCtx_setParameter(codec.compress[i], ZSTD_c_checksumFlag, 0);
		ZSTD_CCtx_refCDict(codec.compress[i], codec.newest);
	}
}

void
archive_codec_fini(void)
{
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		ZSTD_freeCCtx(codec.compress[i]);
		ZSTD_freeDCtx(codec.decompress[i]);
	}
	for (unsigned i = 0; i < DICTIONARIES_MAX; i++)
		ZSTD_freeDDict(codec.of[i]);
	ZSTD_freeCDict(codec.newest);
	memset(&codec, 0, sizeof(codec));
}

/* ---- The owner's address ------------------------------------------------------------ */

/* The two addresses of an element, in the order in which they are written. */
static const struct {
	struct str lead;
	unsigned flag;
} addresses[] = { { STR(" to='"), ARCHIVE_CUT_TO }, { STR(" from='"), ARCHIVE_CUT_FROM } };

static struct str
owner_escaped(struct arena *a, const struct home *owner)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;

	xml_escape_attr(&b, jid_bare_str(owner->jid));
	return (struct str){ arena_str(a, buf_str(&b)), buf_len(&b) };
}

/* Where the value begins in the element, or 0. */
static size_t
value_at(struct str element, struct str lead)
{
	const char *end = memchr(element.p, '>', element.n);
	size_t tag = end ? (size_t)(end - element.p) : element.n;
	const char *at = memmem(element.p, tag, lead.p, lead.n);

	return at ? (size_t)(at - element.p) + lead.n : 0;
}

struct str
archive_address(struct str element, struct str lead)
{
	size_t at = value_at(element, lead);
	const char *end = at > 0 ? memchr(element.p + at, '\'', element.n - at) : NULL;

	return end ? (struct str){ element.p + at, (size_t)(end - element.p) - at } : STR_NONE;
}

/* Moves what stands before the value of that attribute of the start tag from *rest to out. */
static bool
put_before_value(struct buf *out, struct str *rest, struct str lead)
{
	size_t n = value_at(*rest, lead);

	if (n == 0)
		return false;
	buf_put(out, rest->p, n);
	*rest = (struct str){ rest->p + n, rest->n - n };
	return true;
}

/* The value begins with the owner's bare JID. */
static bool
begins_with(struct str value, struct str bare)
{
	return str_starts(value, bare) && value.n > bare.n &&
	       (value.p[bare.n] == '\'' || value.p[bare.n] == '/');
}

/* Leaves it out; the flags say where. */
static unsigned
cut(struct buf *out, struct str element, struct str bare)
{
	unsigned flags = 0;

	for (size_t i = 0; i < COUNT(addresses); i++) {
		if (!put_before_value(out, &element, addresses[i].lead) ||
			!begins_with(element, bare))
			continue;
		element = (struct str){ element.p + bare.n, element.n - bare.n };
		flags |= addresses[i].flag;
	}
	buf_put_str(out, element);
	return flags;
}

/* Puts it in again. */
static void
mend(struct buf *out, struct str element, struct str bare, unsigned flags)
{
	for (size_t i = 0; i < COUNT(addresses); i++) {
		if ((flags & addresses[i].flag) &&
			put_before_value(out, &element, addresses[i].lead))
			buf_put_str(out, bare);
	}
	buf_put_str(out, element);
}

/* ---- Write ----------------------------------------------------------------------------- */

struct archive_coded
archive_encode(struct arena *a, const struct home *owner, const struct stanza *s)
{
	AUTO(buf_fini) struct buf whole = BUF_INIT, text = BUF_INIT;
	ZSTD_CCtx *ctx = codec.compress[worker_index(owner->worker)];
	struct archive_coded out = { .dictionary = 0 };
	size_t room, n;
	char *bytes;

	stanza_write_alone(&whole, s);
	out.flags = cut(&text, buf_str(&whole), owner_escaped(a, owner));
	room = ZSTD_compressBound(buf_len(&text));
	bytes = arena_alloc(a, room);
	n = ZSTD_compress2(ctx, bytes, room, buf_bytes(&text), buf_len(&text));
	if (ZSTD_isError(n) || n <= sizeof(magic) || n - sizeof(magic) >= buf_len(&text)) {
		out.bytes = (struct str){ arena_str(a, buf_str(&text)), buf_len(&text) };
		return out;
	}
	assert(memcmp(bytes, magic, sizeof(magic)) == 0);
	out.dictionary = archive_dictionaries[archive_dictionaries_count - 1].number;
	out.bytes = (struct str){ bytes + sizeof(magic), n - sizeof(magic) };
	return out;
}

/* ---- Read ------------------------------------------------------------------------------- */

static const ZSTD_DDict *
dictionary(unsigned number)
{
	for (size_t i = 0; i < archive_dictionaries_count; i++) {
		if (archive_dictionaries[i].number == number)
			return codec.of[i];
	}
	return NULL;
}

static bool
inflate(struct arena *a, const struct home *owner, const struct archive_coded *in, struct str *out)
{
	ZSTD_DCtx *ctx = codec.decompress[worker_index(owner->worker)];
	const ZSTD_DDict *d = dictionary(in->dictionary);
	char *frame = arena_alloc(a, sizeof(magic) + in->bytes.n), *text;
	unsigned long long size;
	size_t n = sizeof(magic) + in->bytes.n;

	if (!d || in->bytes.n == 0)
		return false;
	memcpy(frame, magic, sizeof(magic));
	memcpy(frame + sizeof(magic), in->bytes.p, in->bytes.n);
	size = ZSTD_getFrameContentSize(frame, n);
	if (size > STANZA_MAX) /* unknown and wrong ones, too */
		return false;
	text = arena_alloc(a, (size_t)size + 1);
	n = ZSTD_decompress_usingDDict(ctx, text, (size_t)size, frame, n, d);
	*out = (struct str){ text, (size_t)size };
	return !ZSTD_isError(n) && n == size;
}

bool
archive_decode(
	struct arena *a, const struct home *owner, const struct archive_coded *in, struct str *out)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;
	struct str text = in->bytes;

	if (in->dictionary != 0 && !inflate(a, owner, in, &text))
		return false;
	if (!(in->flags & (ARCHIVE_CUT_TO | ARCHIVE_CUT_FROM))) {
		*out = text;
		return true;
	}
	mend(&b, text, owner_escaped(a, owner), in->flags);
	*out = (struct str){ arena_str(a, buf_str(&b)), buf_len(&b) };
	return true;
}
