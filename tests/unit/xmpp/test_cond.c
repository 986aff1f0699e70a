/*
 * Conditions: names and default types.
 *
 * Runs on: its own process
 */
#include "base/attr.h"
#include "xmpp/cond.h"

#include <check.h>

Suite *suite_cond(void);

/* RFC 6120 8.3.3: the types that its text recommends, one condition of each. */
static const struct {
	enum cond cond;
	const char *name, *type;
} rows[] = {
	{ COND_BAD_REQUEST, "bad-request", "modify" },
	{ COND_FORBIDDEN, "forbidden", "auth" },
	{ COND_ITEM_NOT_FOUND, "item-not-found", "cancel" },
	{ COND_JID_MALFORMED, "jid-malformed", "modify" },
	{ COND_RECIPIENT_UNAVAILABLE, "recipient-unavailable", "wait" },
	{ COND_SERVICE_UNAVAILABLE, "service-unavailable", "cancel" },
	{ COND_UNEXPECTED_REQUEST, "unexpected-request", "wait" },
};

START_TEST(a_condition_has_a_name_and_a_type)
{
	ck_assert_str_eq(cond_name(rows[_i].cond), rows[_i].name);
	ck_assert_str_eq(error_type_name(cond_type(rows[_i].cond)), rows[_i].type);
}

END_TEST

START_TEST(first_and_last_names_fit_their_symbols)
{
	ck_assert_str_eq(cond_name(COND_NONE), "");
	ck_assert_str_eq(stream_cond_name(STREAM_COND_NONE), "");
	ck_assert_str_eq(stream_cond_name(STREAM_COND_BAD_FORMAT), "bad-format");
	ck_assert_str_eq(stream_cond_name(STREAM_COND_UNSUPPORTED_VERSION), "unsupported-version");
	ck_assert_str_eq(sasl_cond_name(SASL_COND_NONE), "");
	ck_assert_str_eq(sasl_cond_name(SASL_COND_ABORTED), "aborted");
	ck_assert_str_eq(
		sasl_cond_name(SASL_COND_TEMPORARY_AUTH_FAILURE), "temporary-auth-failure");
}

END_TEST

START_TEST(a_problem_is_false)
{
	struct problem why;

	ck_assert(!problem(&why, COND_CONFLICT, "twice"));
	ck_assert_int_eq(why.cond, COND_CONFLICT);
	ck_assert_str_eq(why.text, "twice");
	ck_assert(!problem(NULL, COND_CONFLICT, NULL));
}

END_TEST

Suite *
suite_cond(void)
{
	Suite *s = suite_create("cond");
	TCase *t = tcase_create("cond");

	tcase_add_loop_test(t, a_condition_has_a_name_and_a_type, 0, COUNT(rows));
	tcase_add_test(t, first_and_last_names_fit_their_symbols);
	tcase_add_test(t, a_problem_is_false);
	suite_add_tcase(s, t);
	return s;
}
