/*
 * inbox.h -- what the files of the module share.
 *
 * Runs on: the account's home.
 */
#ifndef MODULES_INBOX_H
#define MODULES_INBOX_H

#include "module.h"

#define NS_INBOX "urn:xmpp:inbox:1"

struct inbox_options {
	int64_t page, page_max;
};

const struct inbox_options *inbox_options(const struct host *h);

/* list.c: answers <inbox/>. */
step_fn inbox_list;

#endif
