/*
 * Hooks: handlers run by their order until one stops, and only where their module is on.
 *
 * Runs on: its own process
 */
#include "hook/hook.h"

#include "config/config.h"
#include "tests/unit/suite.h"

#include <limits.h>
#include <string.h>

static char ran[16];

static void
note(char c)
{
	size_t n = strlen(ran);

	ran[n] = c;
	ran[n + 1] = '\0';
}

static enum verdict
first(struct stanza_event *ev)
{
	(void)ev;
	note('1');
	return PASS;
}

static enum verdict
second(struct stanza_event *ev)
{
	(void)ev;
	note('2');
	return PASS;
}

static enum verdict
third(struct stanza_event *ev)
{
	(void)ev;
	note('3');
	return STOP;
}

static enum verdict
fourth(struct stanza_event *ev)
{
	(void)ev;
	note('4');
	return PASS;
}

static const struct hook hooks[] = {
	ON(stanza_in, ORDER_ARCHIVE, third),
	ON(stanza_in, ORDER_OBSERVE, fourth),
	ON(stanza_in, ORDER_FILTER, first),
	ON(stanza_in, ORDER_NORMAL, second),
	END_HOOKS,
};

START_TEST(they_run_by_order_until_one_stops)
{
	struct stanza_event ev = { .head = { NULL, NULL } };

	ck_assert_int_eq(hook_stanza_in(&ev), PASS);
	for (const struct hook *h = hooks; h->id != HOOK_COUNT; h++)
		hook_add(h, UINT_MAX);
	ck_assert_int_eq(hook_stanza_in(&ev), STOP);
	ck_assert_str_eq(ran, "123");
	ck_assert_int_eq(hook_stanza_out(&ev), PASS);
	ck_assert_str_eq(ran, "123");
}

END_TEST

START_TEST(they_run_where_their_module_is_on)
{
	const bool off_on[] = { false, true };
	struct host host = { .runs = off_on };
	struct stanza_event ev = { .head = { NULL, &host } };

	hook_add(&hooks[2], 0);
	hook_add(&hooks[0], 0);
	hook_add(&hooks[3], 1);
	ck_assert_int_eq(hook_stanza_in(&ev), PASS);
	ck_assert_str_eq(ran, "2");
}

END_TEST

START_TEST(they_have_names)
{
	ck_assert_str_eq(hook_name(HOOK_stream_features), "stream_features");
	ck_assert_str_eq(hook_name(HOOK_config_reloaded), "config_reloaded");
}

END_TEST

SUITE_OF(
	hook, they_run_by_order_until_one_stops, they_run_where_their_module_is_on, they_have_names)
