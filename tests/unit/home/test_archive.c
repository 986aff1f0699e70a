/*
 * Archives: what is written is read again, in order and by ranges; ids grow whatever the clock does
 * and are opaque on the wire; stanza-ids are true.
 *
 * Runs on: its own process
 */
#include "home/archive.h"

#include "base/buf.h"
#include "base/mem.h"
#include "home/archive_own.h"
#include "home/gate.h"
#include "tests/unit/home/village.h"
#include "tests/unit/suite.h"
#include "xml/ns.h"

#include <stdio.h>
#include <string.h>

#define ALICE "alice@a.example"
#define BOB "bob@a.example"

static struct client alice, bob;

static void
start(void)
{
	village_start(2, (const char *const[]){ ALICE, BOB, NULL });
	client_bind(&alice, ALICE, "phone");
	client_bind(&bob, BOB, "desk");
}

static void
stop(void)
{
	client_end(&alice);
	client_end(&bob);
	village_stop();
}

static struct home *
home_at(struct worker *w, const char *bare)
{
	struct home *h = home_find(w, str_of(bare));

	ck_assert_ptr_nonnull(h);
	return h;
}

static const struct stanza *
message(const char *text)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;
	const struct stanza *s;

	buf_printf(&b, "<message xmlns='jabber:client' %s</message>", text);
	s = stanza_read(buf_str(&b));
	ck_assert_msg(s != NULL, "%s", text);
	return s;
}

/* ---- As texts ---------------------------------------------------------------------- */

static const char *const forms[] = {
	"to='" ALICE "' from='" BOB "/desk' id='1' type='chat'><body>hello</body>",
	"to='" BOB "' from='" ALICE "/phone' id='1'><body>hello</body>",
	"to='" ALICE "/phone' from='" ALICE "/x' id='1'><body>to myself</body>",
	"to='" ALICE "x' from='a" ALICE "'><body>others</body>",
	"to='x@y.example' from='" ALICE "' xml:lang='de'><x xmlns='a' to='" ALICE "'/>",
	"to='" ALICE "/a&apos;b&lt;&gt;' from='room@y.example/it&apos;s me'><body>&amp;</body>",
	"to='" ALICE "' from='x@y.example'>",
	"to='" ALICE "' from='x@y.example' type='groupchat'><subject>\xe2\x9c\x93</subject>",
};

/* UUIDs, which are kept apart; and what only looks like them, or is more than are taken. */
#define UUID1 "8bcfe554-d9ea-47fe-8855-1547ba14967f"
#define UUID2 "58951DD4-FE26-49EF-A7D7-970B8C94353B"
#define DIGITS(n) "1111111" n "-2222-3333-4444-555555555555"

static const char *const forms_of_uuids[] = {
	"to='" ALICE "' from='" BOB "/" UUID1 "' id='" UUID1 "'><body>" UUID1 " " UUID2 "</body>",
	"to='" BOB "' from='" ALICE "/x' id='" UUID2 "'><origin-id xmlns='a' id='" UUID2 "'/>",
	"to='" BOB "' from='" ALICE "/x' id='" UUID1 "'><body>-" UUID1 UUID1 "-" UUID2 "0-1</body>",
	"to='" ALICE
	"' from='b@a.examples' id='8BCFE554-d9ea-47fe-8855-1547ba14967f'><body>a</body>",
	"to='" ALICE "' from='b@a.example' id='8bcfe554-d9ea-47fe-8855-1547ba14967'><body>-</body>",
	"to='" ALICE "' from='a.example' id='a'><body>" DIGITS("1") DIGITS("2") DIGITS("3")
		DIGITS("4") DIGITS("5") DIGITS("6") DIGITS("7") DIGITS("8") DIGITS("9") "</body>",
};

static void
code(struct worker *w, void *arg)
{
	const struct home *h = home_at(w, ALICE);
	size_t *sum = arg;

	for (size_t i = 0; i < COUNT(forms) + COUNT(forms_of_uuids); i++) {
		AUTO(buf_fini) struct buf b = BUF_INIT;
		AUTO(stanza_unref)
		const struct stanza *s =
			message(i < COUNT(forms) ? forms[i] : forms_of_uuids[i - COUNT(forms)]);
		struct arena *a = arena_new(0);
		struct archive_coded coded = archive_encode(a, h, s);
		struct str text;

		stanza_write_alone(&b, s);
		ck_assert(archive_decode(a, h, &coded, &text));
		ck_assert_msg(str_eq(text, buf_str(&b)), "%.*s", STR_ARG(text));
		ck_assert_uint_lt(coded.bytes.n, buf_len(&b));
		*sum += i < COUNT(forms) ? coded.bytes.n : 0;
		arena_free(&a);
	}
}

START_TEST(a_stanza_is_read_as_it_was_written)
{
	size_t sum = 0;

	start();
	village_at(ALICE, code, &sum);
	/* Short ones, of a few words: far less than what a frame without a dictionary has. */
	ck_assert_uint_lt(sum / COUNT(forms), 60);
	stop();
}

END_TEST

static void
damage(struct worker *w, void *arg)
{
	const struct home *h = home_at(w, ALICE);
	AUTO(stanza_unref) const struct stanza *s = message(forms_of_uuids[0]);
	struct arena *a = arena_new(0);
	const struct archive_coded coded = archive_encode(a, h, s);
	char *copy = arena_str(a, coded.bytes);
	struct archive_coded bad = coded;
	struct str text;
	unsigned survived = 0;

	(void)arg;
	bad.dictionary = 77;
	ck_assert(!archive_decode(a, h, &bad, &text));
	bad = coded;
	bad.bytes.n--;
	ck_assert(!archive_decode(a, h, &bad, &text));
	bad.bytes.n = 0;
	ck_assert(!archive_decode(a, h, &bad, &text));
	bad.bytes = (struct str){ copy, coded.bytes.n };
	/* Whatever a byte becomes, nothing worse than a wrong text comes out. */
	for (size_t i = 0; i < coded.bytes.n; i++) {
		for (unsigned k = 1; k < 256; k += 7) {
			copy[i] = (char)(coded.bytes.p[i] ^ k);
			survived += archive_decode(a, h, &bad, &text);
		}
		copy[i] = coded.bytes.p[i];
	}
	ck_assert_uint_lt(survived, coded.bytes.n * 37);
	arena_free(&a);
}

/* As it was written with the first dictionary: a whole frame but for its magic number. */
static void
decode_old(struct worker *w, void *arg)
{
	static const char old[] = "\x20\x6e\x2d\x01\x00\x70\x62\x6f\x62\x40\x61\x2f\x64\x65"
				  "\x73\x6b\x68\x65\x6c\x6c\x07\xfc\xc0\x58\xe0\x27\xab\xca"
				  "\x11\x39\x33\x1e\x1e\x11\xad\x31\x0b\xdc\xfa\xad\xea\x27";
	const struct archive_coded coded = { 1, ARCHIVE_CUT_TO, { old, sizeof(old) - 1 } };
	struct arena *a = arena_new(0);
	struct str text;

	(void)arg;
	ck_assert(archive_decode(a, home_at(w, ALICE), &coded, &text));
	ck_assert_msg(str_is(text, "<message xmlns='jabber:client' to='" ALICE "' from='" BOB
				   "/desk' id='1' type='chat'><body>hello</body></message>"),
		"%.*s", STR_ARG(text));
	arena_free(&a);
}

START_TEST(an_old_row_is_read)
{
	start();
	village_at(ALICE, decode_old, NULL);
	stop();
}

END_TEST

START_TEST(a_damaged_row_is_found_out)
{
	start();
	village_at(ALICE, damage, NULL);
	stop();
}

END_TEST

struct wire {
	int64_t id;
	char text[ARCHIVE_ID_SIZE];
	bool known;
};

static void
write_id(struct worker *w, void *arg)
{
	struct wire *wire = arg;
	const struct home *h = home_at(w, ALICE);
	char other[ARCHIVE_ID_SIZE];
	int64_t id = 0;

	archive_id_write(h, wire->id, wire->text);
	ck_assert_uint_eq(strlen(wire->text), ARCHIVE_ID_SIZE - 1);
	ck_assert(archive_id_read(h, wire->text, &id));
	ck_assert_int_eq(id, wire->id);
	archive_id_write(h, wire->id + 1, other);
	ck_assert_str_ne(other, wire->text);
	for (unsigned i = 0; i < ARCHIVE_ID_SIZE - 1; i++) {
		snprintf(other, sizeof(other), "%s", wire->text);
		other[i] = other[i] == 'A' ? 'B' : 'A';
		ck_assert(!archive_id_read(h, other, &id));
	}
	ck_assert(!archive_id_read(h, "", &id) && !archive_id_read(h, "1234", &id));
	ck_assert(!archive_id_read(h, "!!!!!!!!!!!!!!!!!!!!!!", &id));
}

static void
read_id(struct worker *w, void *arg)
{
	struct wire *wire = arg;

	wire->known = archive_id_read(home_at(w, BOB), wire->text, &wire->id);
}

START_TEST(ids_are_opaque_and_of_one_archive)
{
	struct wire wire = { .id = archive_id_at(1700000000000) + 5 };

	start();
	ck_assert_int_eq(archive_time(wire.id), 1700000000000);
	village_at(ALICE, write_id, &wire);
	village_at(BOB, read_id, &wire);
	ck_assert(!wire.known);
	stop();
}

END_TEST

static void
stamp(struct worker *w, void *arg)
{
	const struct home *h = home_at(w, ALICE);
	AUTO(buf_fini) struct buf b = BUF_INIT;
	AUTO(stanza_unref)
	const struct stanza *s =
		message("to='" ALICE "' from='" BOB "/desk'>"
			"<stanza-id xmlns='urn:xmpp:sid:0' by='" ALICE "' id='spoofed'/>"
			"<stanza-id xmlns='urn:xmpp:sid:0' by='Alice@A.example' id='spoofed'/>"
			"<stanza-id xmlns='urn:xmpp:sid:0' by='room@y.example' id='true'/>"
			"<stanza-id xmlns='urn:xmpp:sid:0' by='' id='odd'/><body>x</body>");
	AUTO(stanza_unref) const struct stanza *clean = archive_stamp(h, s, 0);
	AUTO(stanza_unref) const struct stanza *stamped = archive_stamp(h, s, 12345);
	char id[ARCHIVE_ID_SIZE], expected[128];

	(void)arg;
	stanza_write(&b, clean);
	ck_assert_ptr_null(strstr(buf_text(&b), "spoofed"));
	ck_assert_ptr_nonnull(strstr(buf_text(&b), "id='true'"));
	buf_clear(&b);
	stanza_write(&b, stamped);
	archive_id_write(h, 12345, id);
	snprintf(expected, sizeof(expected),
		"<stanza-id xmlns='urn:xmpp:sid:0' by='" ALICE "' id='%s'/></message>", id);
	ck_assert_ptr_null(strstr(buf_text(&b), "spoofed"));
	ck_assert_msg(strstr(buf_text(&b), expected) != NULL, "%s", buf_text(&b));
}

START_TEST(a_stanza_id_is_ours_and_the_only_one)
{
	start();
	village_at(ALICE, stamp, NULL);
	stop();
}

END_TEST

/* ---- As rows ------------------------------------------------------------------------ */

struct put {
	struct archive_entry entry;
	unsigned count, passed, again;
};

static void
put_passed(struct home *h, const struct passage *p)
{
	struct put *put = p->ctx;

	(void)h;
	ck_assert_int_eq(p->result, STORE_OK);
	put->again += p->again;
	put->passed++;
}

static void
put(struct worker *w, void *arg)
{
	struct put *put = arg;
	struct home *h = home_at(w, ALICE);

	for (unsigned i = 0; i < put->count; i++) {
		AUTO(asks_fini) struct asks asks = ASKS_NONE;
		struct passage p = { .ctx = put, .once = put->entry.once_since > 0 };

		put->entry.id = home_next_id(h);
		archive_put(h, &asks, &put->entry);
		gate_pass(h, &p, &asks, put_passed);
	}
}

static bool
all_passed(struct worker *w, void *arg)
{
	const struct put *put = arg;

	(void)w;
	return put->passed == put->count;
}

/* Puts count rows; the last one's id. */
static int64_t
put_rows(struct put *p)
{
	p->passed = p->again = 0;
	village_at(ALICE, put, p);
	village_wait(ALICE, all_passed, p);
	return p->entry.id;
}

struct page {
	struct archive_range range;
	struct ask (*ask)(struct arena *a, const struct home *h, const struct archive_range *r);
	struct arena *arena;
	unsigned count;
	int64_t number; /* the first column of the first row */
	int64_t ids[100];
	struct archive_row rows[100];
	bool done;
};

static void
page_done(struct worker *w, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	struct page *p = ctx;

	(void)count;
	ck_assert_int_eq(result, STORE_OK);
	p->count = (unsigned)rows[0]->count;
	p->number = p->count > 0 ? row_int(rows[0], 0, 0) : 0;
	ck_assert_uint_le(p->count, COUNT(p->ids));
	for (unsigned i = 0; i < p->count && rows[0]->columns == 4; i++) {
		ck_assert(archive_read(p->arena, home_at(w, ALICE), rows[0], i, &p->rows[i]));
		p->ids[i] = p->rows[i].id;
	}
	p->done = true;
}

static void
ask_page(struct worker *w, void *arg)
{
	struct page *p = arg;
	struct home *h = home_at(w, ALICE);
	struct ask ask = p->ask(p->arena, h, &p->range);

	store_ask(w, hash_stable(ALICE, strlen(ALICE)), &ask, 1, page_done, p);
}

static bool
page_is_done(struct worker *w, void *arg)
{
	(void)w;
	return ((struct page *)arg)->done;
}

static void
get_page(struct page *p)
{
	p->done = false;
	if (!p->ask)
		p->ask = archive_page;
	if (!p->arena)
		p->arena = arena_new(0);
	if (p->range.before == 0)
		p->range.before = INT64_MAX;
	village_at(ALICE, ask_page, p);
	village_wait(ALICE, page_is_done, p);
}

static struct jid
jid_of(const char *bare)
{
	const char *at = strchr(bare, '@'), *slash = strchr(bare, '/');
	size_t n = strlen(bare), end = slash ? (size_t)(slash - bare) : n;

	return (struct jid){ bare, (uint16_t)(at - bare), (uint16_t)(end - (size_t)(at - bare) - 1),
		(uint16_t)(slash ? n - end - 1 : 0) };
}

START_TEST(pages_are_ranges_in_order)
{
	AUTO(stanza_unref) const struct stanza *in = message(forms[0]), *out = message(forms[4]);
	struct put p = { { .peer = jid_of(BOB), .flags = ARCHIVE_COUNTS, .stanza = in }, 10, 0, 0 };
	struct page page = { .range.limit = 5 };
	int64_t last, other;

	start();
	last = put_rows(&p);
	p.entry = (struct archive_entry){
		.peer = jid_of("x@y.example"), .flags = ARCHIVE_OUT, .stanza = out
	};
	p.count = 3;
	other = put_rows(&p);
	ck_assert_int_gt(other, last);

	get_page(&page);
	ck_assert_uint_eq(page.count, 5);
	for (unsigned i = 1; i < 5; i++)
		ck_assert_int_gt(page.ids[i], page.ids[i - 1]);
	ck_assert_uint_eq(page.rows[0].flags, ARCHIVE_COUNTS);
	ck_assert_ptr_nonnull(memmem(page.rows[0].bytes.p, page.rows[0].bytes.n, "hello", 5));
	page.range.after = page.ids[4];
	get_page(&page);
	ck_assert_uint_eq(page.count, 5);
	ck_assert_int_eq(page.ids[4], last);
	page.range = (struct archive_range){ .backwards = true, .limit = 4 };
	get_page(&page);
	ck_assert_uint_eq(page.count, 4);
	ck_assert_int_eq(page.ids[0], other);
	ck_assert_int_eq(page.ids[3], last);
	ck_assert_uint_eq(page.rows[0].flags, ARCHIVE_OUT);
	page.range = (struct archive_range){
		.with = jid_of(BOB "/desk"), .backwards = true, .limit = 4
	};
	get_page(&page);
	ck_assert_int_eq(page.ids[0], last);
	ck_assert(archive_row_is_with(&page.rows[0], jid_of(BOB)));
	ck_assert(archive_row_is_with(&page.rows[0], jid_of(BOB "/desk")));
	ck_assert(!archive_row_is_with(&page.rows[0], jid_of(BOB "/des")));
	ck_assert(!archive_row_is_with(&page.rows[0], jid_of("bob@a.exampl")));
	page.range = (struct archive_range){ .before = other, .after = last, .limit = 100 };
	get_page(&page);
	ck_assert_uint_eq(page.count, 2);
	page.range.with = jid_of("nobody@y.example");
	get_page(&page);
	ck_assert_uint_eq(page.count, 0);

	page.ask = archive_count;
	page.range = (struct archive_range){ .limit = 100 };
	get_page(&page);
	ck_assert_int_eq(page.number, 13);
	page.range = (struct archive_range){ .limit = 7 };
	get_page(&page);
	ck_assert_int_eq(page.number, 7);
	page.range = (struct archive_range){ .limit = 100, .with = jid_of("x@y.example") };
	get_page(&page);
	ck_assert_int_eq(page.number, 3);
	arena_free(&page.arena);
	stop();
}

END_TEST

static void
replace(struct worker *w, void *arg)
{
	struct put *put = arg;
	struct home *h = home_at(w, ALICE);
	AUTO(asks_fini) struct asks asks = ASKS_NONE;
	struct passage p = { .ctx = put };

	archive_replace(h, &asks, put->entry.id, ARCHIVE_RETRACTED, put->entry.stanza);
	gate_pass(h, &p, &asks, put_passed);
}

START_TEST(a_row_is_put_once_and_replaced)
{
	AUTO(stanza_unref) const struct stanza *s = message(forms[1]), *new = message(forms[4]);
	int64_t reference = archive_reference("o1", jid_of(BOB));
	struct put p = { { .peer = jid_of(BOB),
				 .flags = ARCHIVE_OUT | ARCHIVE_ORIGIN,
				 .reference = reference,
				 .once_since = 1,
				 .stanza = s },
		3, 0, 0 };
	struct page page = { .range.limit = 50 };

	start();
	ck_assert_int_ne(reference, archive_reference("o1", jid_of(ALICE)));
	ck_assert_int_ne(reference, archive_reference("o2", jid_of(BOB)));
	ck_assert_int_eq(reference, archive_reference("o1", jid_of(BOB "/desk")));
	put_rows(&p);
	ck_assert_uint_eq(p.again, 2);
	/* Another one, and one that may be said twice. */
	p.entry.reference = archive_reference("o2", jid_of(BOB));
	p.count = 1;
	put_rows(&p);
	ck_assert_uint_eq(p.again, 0);
	p.entry.once_since = 0;
	put_rows(&p);
	/* A row before that time does not count. */
	p.entry.once_since = p.entry.id;
	put_rows(&p);
	ck_assert_uint_eq(p.again, 0);
	get_page(&page);
	ck_assert_uint_eq(page.count, 4);
	p.entry.stanza = new;
	p.entry.id = page.ids[1];
	p.passed = 0;
	village_at(ALICE, replace, &p);
	village_wait(ALICE, all_passed, &p);
	get_page(&page);
	ck_assert_uint_eq(page.count, 4);
	ck_assert_uint_eq(page.rows[1].flags, ARCHIVE_RETRACTED);
	ck_assert_ptr_nonnull(
		memmem(page.rows[1].bytes.p, page.rows[1].bytes.n, "xml:lang='de'", 13));
	arena_free(&page.arena);
	stop();
}

END_TEST

static bool
is_cold(struct worker *w, void *arg)
{
	struct home *h = home_find(w, STR(ALICE));

	(void)arg;
	if (h)
		home_forget(h);
	return home_find(w, STR(ALICE)) == NULL;
}

START_TEST(ids_grow_when_the_clock_goes_back)
{
	AUTO(stanza_unref) const struct stanza *s = message(forms[0]);
	struct put p = { { .peer = jid_of(BOB), .stanza = s }, 1, 0, 0 };
	int64_t first, second, third;

	start();
	first = put_rows(&p);
	clock_shift(0, -HOURS(5));
	second = put_rows(&p);
	ck_assert_int_gt(second, first);
	/* Also when the home knows of them only from the store. */
	client_end(&alice);
	village_wait(ALICE, is_cold, NULL);
	client_bind(&alice, ALICE, "phone");
	third = put_rows(&p);
	ck_assert_int_gt(third, second);
	clock_shift(0, 0);
	stop();
}

END_TEST

SUITE_OF(archive, a_stanza_is_read_as_it_was_written, an_old_row_is_read,
	a_damaged_row_is_found_out, ids_are_opaque_and_of_one_archive,
	a_stanza_id_is_ours_and_the_only_one, pages_are_ranges_in_order,
	a_row_is_put_once_and_replaced, ids_grow_when_the_clock_goes_back)
