/*
 * Timestamps of XEP-0082.
 *
 * Runs on: its own process
 */
#include "base/attr.h"
#include "xmpp/datetime.h"

#include <check.h>

Suite *suite_datetime(void);

static const struct {
	msec_t at;
	const char *text;
} both[] = {
	{ 0, "1970-01-01T00:00:00.000Z" },
	{ -1, "1969-12-31T23:59:59.999Z" },
	{ 1795527900123, "2026-11-24T13:45:00.123Z" },
	{ 951782400000, "2000-02-29T00:00:00.000Z" },
	{ 951868799999, "2000-02-29T23:59:59.999Z" },
	{ 951868800000, "2000-03-01T00:00:00.000Z" },
	{ 4107542400000, "2100-03-01T00:00:00.000Z" },
	{ 4107542399000, "2100-02-28T23:59:59.000Z" },
	{ -62135596800000, "0001-01-01T00:00:00.000Z" },
	{ 253402300799999, "9999-12-31T23:59:59.999Z" },
};

START_TEST(a_time_is_written_and_read)
{
	char out[DATETIME_SIZE];
	msec_t back;

	datetime_write(out, both[_i].at);
	ck_assert_str_eq(out, both[_i].text);
	ck_assert(datetime_parse(str_of(out), &back));
	ck_assert_int_eq(back, both[_i].at);
}

END_TEST

/* Every day of 400 years, against the day before. */
START_TEST(days_follow_each_other)
{
	char out[DATETIME_SIZE];
	msec_t back;

	for (int64_t day = -146097 / 2; day < 146097 / 2; day++) {
		datetime_write(out, day * 86400000);
		ck_assert(datetime_parse(str_of(out), &back));
		ck_assert_int_eq(back, day * 86400000);
	}
}

END_TEST

static const struct {
	const char *text;
	msec_t at;
} accepted[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "1970-01-01T00:00:00.1Z", 100 },
	{ "1970-01-01T00:00:00.123456789Z", 123 },
	{ "1970-01-01T02:00:00+02:00", 0 },
	{ "1969-12-31T18:30:00-05:30", 0 },
	{ "1970-01-01T00:00:00+00:00", 0 },
	{ "1970-01-01T14:00:00+14:00", 0 },
};

START_TEST(other_forms_are_read)
{
	msec_t at;

	ck_assert(datetime_parse(str_of(accepted[_i].text), &at));
	ck_assert_int_eq(at, accepted[_i].at);
}

END_TEST

static const char *const refused[] = {
	"",
	"1970-01-01",
	"1970-01-01T00:00:00",
	"1970-01-01 00:00:00Z",
	"1970-1-1T00:00:00Z",
	"70-01-01T00:00:00Z",
	"1970-00-01T00:00:00Z",
	"1970-13-01T00:00:00Z",
	"1970-01-00T00:00:00Z",
	"1970-01-32T00:00:00Z",
	"1970-02-29T00:00:00Z",
	"1900-02-29T00:00:00Z",
	"0000-01-01T00:00:00Z",
	"1970-01-01T24:00:00Z",
	"1970-01-01T00:60:00Z",
	"1970-01-01T00:00:60Z",
	"1970-01-01T00:00:00.Z",
	"1970-01-01T00:00:00z",
	"1970-01-01T00:00:00+2:00",
	"1970-01-01T00:00:00+15:00",
	"1970-01-01T00:00:00+01:60",
	"1970-01-01T00:00:00Z ",
	"1970-01-01T00:00:00ZZ",
	"20020910T23:08:25",
};

START_TEST(malformed_times_are_refused)
{
	msec_t at = 42;

	ck_assert_msg(!datetime_parse(str_of(refused[_i]), &at), "%s", refused[_i]);
	ck_assert_int_eq(at, 42);
}

END_TEST

Suite *
suite_datetime(void)
{
	Suite *s = suite_create("datetime");
	TCase *t = tcase_create("datetime");

	tcase_add_loop_test(t, a_time_is_written_and_read, 0, COUNT(both));
	tcase_add_test(t, days_follow_each_other);
	tcase_add_loop_test(t, other_forms_are_read, 0, COUNT(accepted));
	tcase_add_loop_test(t, malformed_times_are_refused, 0, COUNT(refused));
	suite_add_tcase(s, t);
	return s;
}
