/*
 * Lists: order, removal while walking, nodes that know whether they are linked.
 *
 * Runs on: the test process
 */
#include "base/list.h"

#include "tests/unit/suite.h"

struct item {
	int value;
	struct list link;
};

START_TEST(items_come_out_in_order)
{
	struct list head;
	struct item items[4] = { { 0 } };
	int expect = 0;

	list_init(&head);
	ck_assert(list_empty(&head));
	ck_assert_ptr_null(list_first(&head, struct item, link));
	for (int i = 0; i < 4; i++) {
		items[i].value = i;
		ck_assert(!list_linked(&items[i].link));
		list_append(&head, &items[i].link);
		ck_assert(list_linked(&items[i].link));
	}
	list_for_each(it, &head, struct item, link) ck_assert_int_eq(it->value, expect++);
	ck_assert_int_eq(expect, 4);
	ck_assert_ptr_eq(list_first(&head, struct item, link), &items[0]);
}

END_TEST

START_TEST(a_walk_may_remove_what_it_stands_on)
{
	struct list head;
	struct item items[5] = { { 0 } };
	int sum = 0;

	list_init(&head);
	for (int i = 0; i < 5; i++) {
		items[i].value = i;
		list_append(&head, &items[i].link);
	}
	list_for_each(it, &head, struct item, link)
	{
		if (it->value % 2 == 0)
			list_remove(&it->link);
	}
	list_for_each(it, &head, struct item, link) sum += it->value;
	ck_assert_int_eq(sum, 1 + 3);
	ck_assert(!list_linked(&items[0].link) && list_linked(&items[1].link));
	list_remove(&items[0].link); /* again: nothing happens */
	list_remove(&items[1].link);
	list_remove(&items[3].link);
	ck_assert(list_empty(&head));
}

END_TEST

START_TEST(a_zeroed_node_may_be_removed)
{
	struct item item = { 0 };

	list_remove(&item.link);
	ck_assert(!list_linked(&item.link));
}

END_TEST

SUITE_OF(list, items_come_out_in_order, a_walk_may_remove_what_it_stands_on,
	a_zeroed_node_may_be_removed)
