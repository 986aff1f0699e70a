/*
 * archive_codec.c -- a stanza as it lies in a row of an archive.
 *
 * It is written as one element, the owner's own address and its domain are left out of the two
 * addresses, UUIDs are put apart (archive_pack.c), and what remains is compressed by zstd with a
 * dictionary that was trained on such messages (src/home/dictionary): small texts that look alike
 * become a third of their size.  A row
 * names its dictionary, so that a later program may have better ones and still read the old rows;
 * number 0 is for what compression would not make smaller, whose UUIDs stay where they are.
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

enum { LEVEL = 3, STANZA_MAX = 8 * 1024 * 1024, DICTIONARIES_MAX = 16, KEPT_MAX = 64 * 1024 };

static const unsigned char magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };

/* What a stanza becomes on its way into a row. */
enum { WHOLE, CUT, PACKED, UUIDS, FRAME, TEXTS };

/* What a worker writes and reads with.  The texts are kept between stanzas unless they became large. */
struct desk {
	ZSTD_CCtx *compress;
	ZSTD_DCtx *decompress;
	struct buf texts[TEXTS];
};

static struct {
	ZSTD_CDict *newest; /* the last of the list is used for writing */
	ZSTD_DDict *of[DICTIONARIES_MAX];
	struct desk desks[WORKERS_MAX];
} codec;

static void
desk_init(struct desk *d)
{
	d->compress = ZSTD_createCCtx();
	d->decompress = ZSTD_createDCtx();
	ZSTD_CCtx_setParameter(d->compress, ZSTD_c_dictIDFlag, 0);
	ZSTD_CCtx_setParameter(d->compress, ZSTD_c_checksumFlag, 0);
	ZSTD_CCtx_refCDict(d->compress, codec.newest);
}

/* Cleared. */
static struct desk *
desk_of(const struct home *owner)
{
	struct desk *d = &codec.desks[worker_index(owner->worker)];

	for (unsigned i = 0; i < TEXTS; i++) {
		buf_clear(&d->texts[i]);
		if (d->texts[i].cap > KEPT_MAX)
			buf_fini(&d->texts[i]);
	}
	return d;
}

static void
desk_fini(struct desk *d)
{
	ZSTD_freeCCtx(d->compress);
	ZSTD_freeDCtx(d->decompress);
	for (unsigned i = 0; i < TEXTS; i++)
		buf_fini(&d->texts[i]);
}

void
archive_codec_init(void)
{
	const struct archive_dictionary *d = archive_dictionaries;
	size_t count = archive_dictionaries_count;

	assert(count > 0 && count <= DICTIONARIES_MAX);
	codec.newest = ZSTD_createCDict(d[count - 1].bytes, d[count - 1].size, LEVEL);
	for (size_t i = 0; i < count; i++)
		codec.of[i] = ZSTD_createDDict(d[i].bytes, d[i].size);
	for (unsigned i = 0; i < workers_count(); i++)
		desk_init(&codec.desks[i]);
}

void
archive_codec_fini(void)
{
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		desk_fini(&codec.desks[i]);
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

/* Length of the local part and the @ of the address at the beginning; 0: it has none. */
static size_t
local_length(struct str value)
{
	for (size_t i = 0; i < value.n && !strchr("'/>", value.p[i]); i++) {
		if (value.p[i] == '@')
			return i + 1;
	}
	return 0;
}

static struct str
without(struct str s, size_t n)
{
	return (struct str){ s.p + n, s.n - n };
}

static struct str
domain_of(struct str bare)
{
	return without(bare, local_length(bare));
}

/* Leaves it out; the flags say where.  Of an address of the same domain, the domain is left out:
 * what remains, as in «bob@/desk», is no address otherwise. */
static unsigned
cut(struct buf *out, struct str element, struct str bare)
{
	unsigned flags = 0;
	size_t n;

	for (size_t i = 0; i < COUNT(addresses); i++) {
		if (!put_before_value(out, &element, addresses[i].lead))
			continue;
		n = local_length(element);
		if (begins_with(element, bare)) {
			element = without(element, bare.n);
			flags |= addresses[i].flag;
		} else if (n > 0 && begins_with(without(element, n), domain_of(bare))) {
			buf_put(out, element.p, n);
			element = without(element, n + domain_of(bare).n);
		}
	}
	buf_put_str(out, element);
	return flags;
}

/* Puts it in again. */
static void
mend(struct buf *out, struct str element, struct str bare, unsigned flags)
{
	size_t n;

	for (size_t i = 0; i < COUNT(addresses); i++) {
		if (!put_before_value(out, &element, addresses[i].lead))
			continue;
		if (flags & addresses[i].flag) {
			buf_put_str(out, bare);
			continue;
		}
		n = local_length(element);
		if (n > 0 && n < element.n && (element.p[n] == '\'' || element.p[n] == '/')) {
			buf_put(out, element.p, n);
			buf_put_str(out, domain_of(bare));
			element = without(element, n);
		}
	}
	buf_put_str(out, element);
}

/* ---- Frames --------------------------------------------------------------------------------
 *
 * A frame of zstd (RFC 8878 3.1.1) as it lies in a row: without the magic number, and without the
 * header of its only block, whose size follows from that of the row.  The first byte, the frame
 * header's descriptor, says so, and also how many UUIDs stand behind the frame: of its bits those
 * for a number of the dictionary and a checksum are never used.
 */

enum {
	MAGIC = 4,
	HEAD_MAX = MAGIC + 9, /* descriptor and size of the content */
	BLOCK_HEAD = 3,
	UUID = 16,
	HEAD_UUIDS = 7, /* our bits */
	HEAD_NO_BLOCK_HEAD = 16,
	HEAD_SIZE_ONLY = 32, /* zstd's: no window, but the size of the content */
	BLOCK_LAST = 1,
	BLOCK_COMPRESSED = 2, /* the two bits above */
};

/* Bytes before the first block of a frame that has its content's size. */
static size_t
head_size(unsigned char descriptor)
{
	return MAGIC + 1 + ((size_t)1 << (descriptor >> 6));
}

/* The block's header if it is the only one, and compressed. */
static size_t
block_head(size_t size)
{
	return size << 3 | BLOCK_COMPRESSED << 1 | BLOCK_LAST;
}

/* Leaves out of the frame what is known without it; the size of what is left at bytes. */
static size_t
strip(unsigned char *bytes, size_t n, size_t uuids)
{
	size_t head = head_size(bytes[MAGIC]), block = n - head - BLOCK_HEAD, got;

	if ((bytes[MAGIC] & HEAD_SIZE_ONLY) && n > head + BLOCK_HEAD) {
		got = bytes[head] | (size_t)bytes[head + 1] << 8 | (size_t)bytes[head + 2] << 16;
		if (got == block_head(block)) {
			memmove(bytes + head, bytes + head + BLOCK_HEAD, block);
			bytes[MAGIC] |= HEAD_NO_BLOCK_HEAD;
			n -= BLOCK_HEAD;
		}
	}
	bytes[MAGIC] |= (unsigned char)uuids;
	memmove(bytes, bytes + MAGIC, n - MAGIC);
	return n - MAGIC;
}

/* The whole frame again, in a; *uuids are what stands behind it.  STR_NONE: it is none. */
static struct str
restore(struct arena *a, struct str row, struct str *uuids)
{
	unsigned char *frame = arena_alloc(a, MAGIC + row.n + BLOCK_HEAD), first;
	size_t head, behind, n, block;

	if (row.n == 0)
		return STR_NONE;
	first = (unsigned char)row.p[0];
	head = head_size(first);
	behind = (size_t)(first & HEAD_UUIDS) * UUID;
	if (MAGIC + row.n < head + behind)
		return STR_NONE;
	*uuids = (struct str){ row.p + row.n - behind, behind };
	n = MAGIC + row.n - behind;
	memcpy(frame, magic, MAGIC);
	memcpy(frame + MAGIC, row.p, n - MAGIC);
	frame[MAGIC] &= (unsigned char)~(HEAD_UUIDS | HEAD_NO_BLOCK_HEAD);
	if (first & HEAD_NO_BLOCK_HEAD) {
		block = block_head(n - head);
		memmove(frame + head + BLOCK_HEAD, frame + head, n - head);
		for (unsigned i = 0; i < BLOCK_HEAD; i++)
			frame[head + i] = (unsigned char)(block >> 8 * i);
		n += BLOCK_HEAD;
	}
	return (struct str){ (const char *)frame, n };
}

/* ---- Write ----------------------------------------------------------------------------- */

/* Compresses what is packed into the frame; false: that would not make it smaller than the text. */
static bool
deflate(struct desk *d)
{
	const struct buf *packed = &d->texts[PACKED], *uuids = &d->texts[UUIDS];
	size_t room = ZSTD_compressBound(buf_len(packed)), n;
	char *bytes = buf_room(&d->texts[FRAME], room);

	n = ZSTD_compress2(d->compress, bytes, room, buf_bytes(packed), buf_len(packed));
	if (ZSTD_isError(n) || n <= HEAD_MAX || n + buf_len(uuids) >= buf_len(&d->texts[CUT]))
		return false;
	assert(memcmp(bytes, magic, MAGIC) == 0);
	buf_added(&d->texts[FRAME], strip((unsigned char *)bytes, n, buf_len(uuids) / UUID));
	buf_put_str(&d->texts[FRAME], buf_str(uuids));
	return true;
}

struct archive_coded
archive_encode(struct arena *a, const struct home *owner, const struct stanza *s)
{
	struct desk *d = desk_of(owner);
	struct archive_coded out = { .dictionary = 0 };
	struct str bytes;

	stanza_write_alone(&d->texts[WHOLE], s);
	out.flags = cut(&d->texts[CUT], buf_str(&d->texts[WHOLE]), jid_bare_str(owner->jid));
	archive_pack(buf_str(&d->texts[CUT]), &d->texts[PACKED], &d->texts[UUIDS]);
	if (deflate(d)) {
		out.dictionary = archive_dictionaries[archive_dictionaries_count - 1].number;
		bytes = buf_str(&d->texts[FRAME]);
	} else {
		bytes = buf_str(&d->texts[CUT]);
	}
	out.bytes = (struct str){ arena_str(a, bytes), bytes.n };
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
inflate(struct arena *a, const struct home *owner, const struct archive_coded *in, struct buf *out)
{
	ZSTD_DCtx *ctx = codec.desks[worker_index(owner->worker)].decompress;
	const ZSTD_DDict *d = dictionary(in->dictionary);
	struct str uuids = STR_NONE, frame = restore(a, in->bytes, &uuids);
	unsigned long long size;
	char *text;
	size_t n;

	if (!d || !frame.p)
		return false;
	size = ZSTD_getFrameContentSize(frame.p, frame.n);
	if (size > STANZA_MAX) /* unknown and wrong ones, too */
		return false;
	text = arena_alloc(a, (size_t)size + 1);
	n = ZSTD_decompress_usingDDict(ctx, text, (size_t)size, frame.p, frame.n, d);
	return !ZSTD_isError(n) && n == size && archive_unpack((struct str){ text, n }, uuids, out);
}

bool
archive_decode(
	struct arena *a, const struct home *owner, const struct archive_coded *in, struct str *out)
{
	AUTO(buf_fini) struct buf text = BUF_INIT, whole = BUF_INIT;

	if (in->dictionary == 0)
		buf_put_str(&text, in->bytes);
	else if (!inflate(a, owner, in, &text))
		return false;
	mend(&whole, buf_str(&text), jid_bare_str(owner->jid), in->flags);
	*out = (struct str){ arena_str(a, buf_str(&whole)), buf_len(&whole) };
	return true;
}
