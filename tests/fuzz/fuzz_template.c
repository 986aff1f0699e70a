/*
 * Files of contacts: whatever is in one, texts are XML text without control characters, there are no
 * more contacts than were asked for, and what is wrong is told.
 *
 * Runs on: its own process
 */
#include "admin/template.h"

#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
check_text(const char *text)
{
	must(text && utf8_is_xml(str_of(text)) && !strpbrk(text, "\n\r\t"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(0);
	struct template_contact *list;
	struct err why = { "" };
	size_t count;

	if (!template_parse(
		    a, (struct str){ (const char *)data, size }, MOST, &list, &count, &why)) {
		must(strncmp(why.text, "line ", 5) == 0);
		arena_free(&a);
		return 0;
	}
	must(count <= MOST);
	for (size_t i = 0; i < count; i++) {
		check_text(list[i].user);
		check_text(list[i].host);
		check_text(list[i].group);
		check_text(list[i].nick);
		must(list[i].line > 0);
	}
	arena_free(&a);
	return 0;
}
