/*
 * What is read back from the store: the queue of a session after a restart, a stanza, an element, a
 * row of an archive, a text whose UUIDs lie apart.  The first byte says which.  Rows may be damaged in any way, and must not do
 * harm; what can be read must be the same when it is written and read again.
 *
 * Runs on: its own process
 */
#include "base/mem.h"
#include "home/archive_own.h"
#include "home/kept_queue.h"
#include "module/kept.h"
#include "run/worker.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
read_queue(struct unacked *q, struct str bytes)
{
	struct kept_queues queues;
	bool ok;

	kept_queues_init(&queues);
	ok = kept_queue_read(&queues, q, bytes);
	kept_queues_fini(&queues);
	return ok;
}

static void
try_queue(struct str bytes)
{
	struct unacked first = { .acked = 7 }, second = { .acked = 7 };
	struct buf once = BUF_INIT, twice = BUF_INIT;

	if (read_queue(&first, bytes)) {
		kept_queue_write(&once, &first);
		if (!read_queue(&second, buf_str(&once)) || second.count != first.count)
			abort();
		kept_queue_write(&twice, &second);
		if (!str_eq(buf_str(&once), buf_str(&twice)))
			abort();
	}
	unacked_fini(&first);
	unacked_fini(&second);
	buf_fini(&once);
	buf_fini(&twice);
}

static void
try_stanza(struct str bytes)
{
	const struct stanza *s = stanza_read(bytes), *again;
	struct buf once = BUF_INIT, twice = BUF_INIT;

	if (s) {
		stanza_write_alone(&once, s);
		again = stanza_read(buf_str(&once));
		if (!again)
			abort();
		stanza_write_alone(&twice, again);
		if (!str_eq(buf_str(&once), buf_str(&twice)))
			abort();
		stanza_unref(&again);
	}
	stanza_unref(&s);
	buf_fini(&once);
	buf_fini(&twice);
}

static void
try_element(struct str bytes)
{
	struct arena *a = arena_new(0);
	const struct xml *x = kept_read(a, bytes);
	struct buf b = BUF_INIT;

	if (x) {
		kept_write(&b, x);
		if (!kept_read(a, buf_str(&b)))
			abort();
	}
	buf_fini(&b);
	arena_free(&a);
}

/* Two bytes more say with which dictionary it was compressed, and where the address was. */
static void
try_row(struct str bytes)
{
	static struct home owner;
	struct archive_coded coded;
	struct arena *a = arena_new(0);
	struct jid jid;
	struct err e;
	struct str out;

	if (!owner.worker) {
		if (!workers_init(1, &e) || jid_parse(a, STR("romeo@montague.lit"), &jid) != JID_OK)
			abort();
		archive_codec_init();
		owner.worker = worker_at(0);
		owner.jid = jid_copy(arena_new(0), jid); /* for ever */
	}
	if (bytes.n >= 2) {
		coded = (struct archive_coded){ (unsigned char)bytes.p[0],
			(unsigned char)bytes.p[1] & (ARCHIVE_CUT_TO | ARCHIVE_CUT_FROM),
			{ bytes.p + 2, bytes.n - 2 } };
		if (archive_decode(a, &owner, &coded, &out)) {
			(void)archive_address(out, STR(" from='"));
			try_stanza(out);
		}
	}
	arena_free(&a);
}

static bool
is_text(struct str bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		if ((unsigned char)bytes.p[i] < ' ')
			return false;
	return true;
}

/* As it is, it is packed and unpacked; and it is unpacked as something damaged, with its beginning as
 * numbers. */
static void
try_pack(struct str bytes)
{
	struct buf packed = BUF_INIT, numbers = BUF_INIT, out = BUF_INIT, damaged = BUF_INIT;
	size_t n = bytes.n < 32 ? bytes.n : 32;

	if (is_text(bytes)) {
		archive_pack(bytes, &packed, &numbers);
		if (!archive_unpack(buf_str(&packed), buf_str(&numbers), &out) ||
			!str_eq(buf_str(&out), bytes))
			abort();
	}
	if (!archive_unpack(
		    (struct str){ bytes.p + n, bytes.n - n }, (struct str){ bytes.p, n }, &damaged))
		buf_clear(&damaged);
	buf_fini(&packed);
	buf_fini(&numbers);
	buf_fini(&out);
	buf_fini(&damaged);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;
	struct str bytes;

	if (size == 0)
		return 0;
	copy = mem_new(size); /* nothing behind its end */
	memcpy(copy, data + 1, size - 1);
	bytes = (struct str){ copy, size - 1 };
	switch (data[0]) {
	case 'q':
		try_queue(bytes);
		break;
	case 's':
		try_stanza(bytes);
		break;
	case 'e':
		try_element(bytes);
		break;
	case 'a':
		try_row(bytes);
		break;
	case 'p':
		try_pack(bytes);
		break;
	}
	mem_free(&copy);
	return 0;
}
