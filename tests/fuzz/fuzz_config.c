/*
 * The configuration file: whatever its bytes are, it is read or refused with faults.
 *
 * Runs on: the fuzzer's process
 */
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct toy_conf {
	bool open;
	const char *const *names;
};

static const struct field toy_fields[] = {
	BOOL_FIELD(struct toy_conf, open, .doc = "A truth value"),
	LIST_FIELD(struct toy_conf, names, .doc = "A list"),
	END_FIELDS,
};

static void
ignore(const char *line, void *ctx)
{
	(void)line;
	(void)ctx;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c;

	if (config_modules_count() == 0)
		(void)config_add_module("toy", toy_fields, sizeof(struct toy_conf), false);
	c = config_read("/x/bongsu.yml", (struct str){ (const char *)data, size }, ignore, NULL);
	if (c)
		config_diff(c, c, ignore, NULL);
	config_unref(&c);
	return 0;
}
