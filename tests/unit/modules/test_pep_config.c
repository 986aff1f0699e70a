/*
 * The configuration of a node as text in the store: only what differs from the default, and the same
 * again when it is read.
 *
 * Runs on: its own process
 */
#include "modules/pep/pep.h"

#include "tests/unit/suite.h"

static const char *
text_of(struct arena *a, const struct pep_config *c)
{
	AUTO(buf_fini) struct buf b = BUF_INIT;

	pep_config_write(&b, c);
	return arena_text(a, buf_text(&b));
}

START_TEST(the_default_is_no_text)
{
	struct arena *a = arena_new(0);
	struct pep_config c = pep_config_default(a);

	ck_assert_str_eq(text_of(a, &c), "");
	arena_free(&a);
}

END_TEST

START_TEST(what_differs_comes_back)
{
	struct arena *a = arena_new(0);
	struct pep_config c = pep_config_private(a), back;

	c.title = "A = B, \"C\"";
	c.description = "two\nlines";
	c.type = "";
	c.roster_groups_allowed = CHOICES("Friends", "A, B", "C=D");
	c.members = CHOICES("bob@localhost");
	c.persist_items = false;
	back = pep_config_read(a, str_of(text_of(a, &c)));
	ck_assert_str_eq(back.title, c.title);
	ck_assert_str_eq(back.description, "two lines");
	ck_assert_str_eq(back.type, "");
	ck_assert_str_eq(back.roster_groups_allowed[1], "A, B");
	ck_assert_str_eq(back.roster_groups_allowed[2], "C=D");
	ck_assert_ptr_null(back.roster_groups_allowed[3]);
	ck_assert_str_eq(back.members[0], "bob@localhost");
	ck_assert(!back.persist_items && back.deliver_payloads);
	ck_assert_int_eq(back.access_model, PEP_WHITELIST);
	ck_assert_int_eq(back.max_items, PEP_ITEMS_MAX);
	ck_assert_int_eq(back.send_last_published_item, PEP_NEVER);
	arena_free(&a);
}

END_TEST

START_TEST(what_is_damaged_is_as_by_default)
{
	struct arena *a = arena_new(0);
	struct pep_config c = pep_config_read(
		a, STR("access_model=secret\nmax_items\nmax_items=-1\nnobody=knows\n=\n\ntitle=T"));

	ck_assert_int_eq(c.access_model, PEP_PRESENCE);
	ck_assert_int_eq(c.max_items, 1);
	ck_assert_str_eq(c.title, "T");
	arena_free(&a);
}

END_TEST

static bool
apply(struct arena *a, const char *var, const char *value, struct pep_config *c, uint64_t *given)
{
	struct problem why;
	struct form form;
	struct xml *x = form_new(a, FORM_SUBMIT, NULL);

	form_add(a, x, FORM_UNTYPED, var, value);
	ck_assert(form_read(a, x, &form, &why));
	return pep_config_apply(a, &form, c, given, &why);
}

START_TEST(max_is_the_greatest_number)
{
	struct arena *a = arena_new(0);
	struct pep_config c = pep_config_default(a), greatest = pep_config_private(a);
	uint64_t given;

	ck_assert(apply(a, "pubsub#max_items", "max", &c, &given));
	ck_assert_int_eq(c.max_items, PEP_ITEMS_MAX);
	ck_assert(pep_config_meets(&greatest, &c, given));

	ck_assert(!apply(a, "pubsub#max_items", "10001", &c, &given));
	ck_assert(!apply(a, "pubsub#access_model", "max", &c, &given));
	arena_free(&a);
}

END_TEST

START_TEST(only_what_is_asked_must_be_met)
{
	struct arena *a = arena_new(0);
	struct pep_config is = pep_config_private(a), asked = pep_config_default(a);
	uint64_t given;

	ck_assert(apply(a, "pubsub#access_model", "whitelist", &asked, &given));
	ck_assert(pep_config_meets(&is, &asked, given));
	ck_assert(!pep_config_meets(&is, &asked, ~UINT64_C(0)));
	ck_assert(apply(a, "pubsub#access_model", "open", &asked, &given));
	ck_assert(!pep_config_meets(&is, &asked, given));
	arena_free(&a);
}

END_TEST

SUITE_OF(pep_config, the_default_is_no_text, what_differs_comes_back,
	what_is_damaged_is_as_by_default, max_is_the_greatest_number,
	only_what_is_asked_must_be_met)
