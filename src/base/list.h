/*
 * list.h -- intrusive doubly linked list; the head is a node too.
 *
 * Runs on: any thread, one at a time.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct list {
	struct list *prev, *next;
};

static inline void
list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

/* Linked into some list (a node must be list_init'ed or zeroed before it is asked). */
static inline bool
list_linked(const struct list *node)
{
	return node->next && node->next != node;
}

static inline void
list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void
list_remove(struct list *node)
{
	if (node->next) {
		node->prev->next = node->next;
		node->next->prev = node->prev;
	}
	list_init(node);
}

#define list_first(head, T, m) (list_empty(head) ? NULL : CONTAINER((head)->next, T, m))

/* The body may remove `it` (and only it). */
#define list_for_each(it, head, T, m)                                                              \
	for (T *it = CONTAINER((head)->next, T, m), *it##_next = CONTAINER(it->m.next, T, m);      \
		&it->m != (head); it = it##_next, it##_next = CONTAINER(it->m.next, T, m))

#endif
