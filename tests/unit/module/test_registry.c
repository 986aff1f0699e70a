/*
 * The registry: modules from a folder are taken in order, checked and refused with the file's name;
 * what they declare reaches the configuration; and every table of the modules that are built in is
 * whole.
 *
 * Runs on: its own process
 */
#include "module/registry.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[] = "/tmp/bongsu-modules-XXXXXX";

static void
setup(void)
{
	log_set_all(LOG_LEVEL_NONE);
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
teardown(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* Compiles a module as somebody outside this tree would. */
static void
build(const char *file, const char *code)
{
	char path[128], command[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/source.c", dir);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "#include \"module.h\"\n%s\n", code);
	ck_assert_int_eq(fclose(f), 0);
	snprintf(command, sizeof(command),
		"%s -std=gnu11 -D_GNU_SOURCE -shared -fPIC -I%s/src -I%s/src/module -o %s/%s %s",
		TEST_CC, SOURCE_DIR, SOURCE_DIR, dir, file, path);
	ck_assert_int_eq(system(command), 0);
}

static void
put(const char *file, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

#define BELL                                                                                       \
	"struct bell { int64_t loud; };"                                                           \
	"MODULE_OPTIONS(struct bell)"                                                              \
	"static const struct field fields[] = {"                                                   \
	"INT_FIELD(struct bell, loud, .dflt = \"3\", .min = 1, .max = 9, .doc = \"How loud\"),"    \
	"END_FIELDS };"                                                                            \
	"static bool start(struct err *e) {"                                                       \
	"	if (getenv(\"BELL_BROKEN\")) {"                                                          \
	"		snprintf(e->text, sizeof(e->text), \"no clapper\"); return false; }"                    \
	"	return setenv(\"BELL\", \"started\", 1) == 0 && options; }"                              \
	"static void stop(void) { setenv(\"BELL\", \"stopped\", 1); }"                             \
	"MODULE(bell) = { IDENTITY(bell), .summary = \"Rings\", .off = true,"                      \
	".xeps = XEPS({ 9999, \"0.1\", XEP_PARTIAL, \"rings & <sings>\" }),"                       \
	".features = FEATURES(\"urn:bell\"),"                                                      \
	".options = fields, .options_size = sizeof(struct bell), .start = start, .stop = stop };"
#define PLAIN(name) "MODULE(" name ") = { IDENTITY(" name "), .summary = \"Plain\" };"

static void
gather(const char *line, void *ctx)
{
	buf_printf(ctx, "%s\n", line);
}

static const struct module *
find(const char *name)
{
	size_t count;
	const struct module *const *all = modules_all(&count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	}
	return NULL;
}

START_TEST(a_folder_is_loaded_by_name)
{
	const char *yaml = "hosts: [a.test, {name: b.test, modules: {bell: {loud: 7}}}]\n"
			   "listen: []\nmodules: {zeal: false}\n";
	struct buf faults = BUF_INIT;
	struct config *c;
	struct err e;
	size_t before, count;
	const struct module *const *all = modules_all(&before);

	setup();
	build("mod_bell.so", "#include <stdio.h>\n#include <stdlib.h>\n" BELL);
	build("zeal.so", PLAIN("zeal"));
	build("apple.so", PLAIN("apple"));
	put("README", "not a module");
	put(".hidden.so", "nor this");
	ck_assert_msg(registry_load_folder(dir, &e), "%s", e.text);
	(void)modules_all(&count);
	ck_assert_uint_eq(count, before + 3);
	ck_assert_str_eq(all[before]->name, "apple");
	ck_assert_str_eq(all[before + 1]->name, "bell");
	ck_assert_str_eq(all[before + 2]->name, "zeal");
	registry_register();

	c = config_read("test.yml", str_of(yaml), gather, &faults);
	ck_assert_msg(c != NULL, "%s", buf_text(&faults));
	ck_assert(!module_is_on(find("bell"), c->hosts[0]));
	ck_assert(module_is_on(find("bell"), c->hosts[1]));
	ck_assert(module_is_on(find("apple"), c->hosts[0]));
	ck_assert(!module_is_on(find("zeal"), c->hosts[1]));
	ck_assert_int_eq(*(const int64_t *)host_module(c->hosts[1], find("bell")->state->index), 7);
	config_unref(&c);

	ck_assert_msg(registry_start(&e), "%s", e.text);
	ck_assert_str_eq(getenv("BELL"), "started");
	registry_stop();
	ck_assert_str_eq(getenv("BELL"), "stopped");
	setenv("BELL_BROKEN", "1", 1);
	ck_assert(!registry_start(&e));
	ck_assert_str_eq(e.text, "module bell: no clapper");
	buf_fini(&faults);
	teardown();
}

END_TEST

#define SHELF                                                                                       \
	"struct shelf { const char *book; char *read; };"                                           \
	"MODULE_OPTIONS(struct shelf)"                                                              \
	"static const struct field fields[] = {"                                                    \
	"TEXT_FIELD(struct shelf, book, .dflt = \"a\", .doc = \"What to read\"), END_FIELDS };"     \
	"static void told(const char *what, const char *book) { char now[99];"                      \
	"	snprintf(now, sizeof(now), \"%s%s%s \", getenv(\"SHELF\"), what, book);"                  \
	"	setenv(\"SHELF\", now, 1); }"                                                             \
	"static bool load(void *o, struct err *e) { struct shelf *s = o; told(\"+\", s->book);"     \
	"	if (!strcmp(s->book, \"bad\")) {"                                                         \
	"		snprintf(e->text, sizeof(e->text), \"it is bad\"); return false; }"                      \
	"	s->read = strdup(s->book); return options; }"                                             \
	"static void unload(void *o) { struct shelf *s = o; told(\"-\", s->read ? s->read : \"\");" \
	"	free(s->read); s->read = NULL; }"                                                         \
	"MODULE(shelf) = { IDENTITY(shelf), .summary = \"Reads\", .options = fields,"               \
	".options_size = sizeof(struct shelf), .load = load, .unload = unload };"

START_TEST(what_options_name_comes_and_goes_with_them)
{
	const char *
		yaml = "hosts: [a.test, {name: b.test, modules: {shelf: {book: b}}}, c.test, "
		       "{name: d.test, modules: {shelf: false}}]\nlisten: []\n",
	       *bad = "hosts: [a.test, {name: b.test, modules: {shelf: {book: bad}}}]\nlisten: []\n";
	struct buf faults = BUF_INIT;
	struct config *c;
	struct err e;

	setup();
	build("shelf.so", "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n" SHELF);
	ck_assert_msg(registry_load_folder(dir, &e), "%s", e.text);
	registry_register();
	config_on_free(registry_unload);
	setenv("SHELF", "", 1);
	c = config_read("test.yml", str_of(yaml), gather, &faults);
	ck_assert_msg(c != NULL, "%s", buf_text(&faults));
	ck_assert_msg(registry_load(c, &e), "%s", e.text);
	ck_assert_str_eq(getenv("SHELF"), "+a +b ");
	config_unref(&c);
	ck_assert_str_eq(getenv("SHELF"), "+a +b -a -b ");

	setenv("SHELF", "", 1);
	c = config_read("test.yml", str_of(bad), gather, &faults);
	ck_assert_ptr_nonnull(c);
	ck_assert(!registry_load(c, &e));
	ck_assert_str_eq(e.text, "module shelf of host b.test: it is bad");
	config_unref(&c);
	ck_assert_str_eq(getenv("SHELF"), "+a +bad -a - ");
	buf_fini(&faults);
	teardown();
}

END_TEST

static const struct {
	const char *file, *code; /* code NULL: the file is no object at all */
	const char *expected;
} refused[] = {
	{ "old.so",
		"static struct module_state module_state_;"
		"const struct module module_old = { .abi = 99, .name = \"old\","
		".state = &module_state_ };",
		"old.so: was built for version 99 of the module interface" },
	{ "other.so", PLAIN("another"), "other.so: does not define module_other" },
	{ "liar.so",
		"static struct module_state module_state_;"
		"const struct module module_liar = { .abi = MODULE_ABI, .name = \"saint\","
		".state = &module_state_ };",
		"liar.so: module_liar calls itself saint" },
	{ "broken.so", NULL, "broken.so: " },
};

START_TEST(a_wrong_file_is_named)
{
	char path[128];
	struct err e;
	size_t before, count;

	(void)modules_all(&before);
	setup();
	ck_assert(!registry_load_folder("/nonexistent/folder", &e));
	ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/folder: No such file"));
	for (size_t i = 0; i < COUNT(refused); i++) {
		if (refused[i].code)
			build(refused[i].file, refused[i].code);
		else
			put(refused[i].file, "these are no instructions");
		ck_assert_msg(!registry_load_folder(dir, &e), "row %zu", i);
		ck_assert_msg(
			strstr(e.text, refused[i].expected) != NULL, "row %zu: %s", i, e.text);
		snprintf(path, sizeof(path), "%s/%s", dir, refused[i].file);
		ck_assert_int_eq(remove(path), 0);
	}
	(void)modules_all(&count);
	ck_assert_uint_eq(count, before);
	teardown();
}

END_TEST

START_TEST(a_name_is_taken_once)
{
	struct err e;

	setup();
	build("mod_twin.so", PLAIN("twin"));
	build("twin.so", PLAIN("twin"));
	ck_assert(!registry_load_folder(dir, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "twin.so: there is a module twin already"));
	teardown();
}

END_TEST

/* ---- References --------------------------------------------------------------------------- */

START_TEST(references_tell_what_was_loaded)
{
	struct buf out = BUF_INIT;
	struct err e;

	setup();
	build("mod_bell.so", "#include <stdio.h>\n#include <stdlib.h>\n" BELL);
	ck_assert_msg(registry_load_folder(dir, &e), "%s", e.text);
	registry_print_modules(&out);
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "## bell\n\nRings. Off unless"));
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "XEP-9999 0.1 (partial)"));
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "How loud"));
	buf_clear(&out);
	registry_print_xeps(&out);
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "| 0.1 | partial | bell | rings & <sings> |"));
	buf_clear(&out);
	registry_print_doap(&out);
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "xep-9999.html"));
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "rings &amp; &lt;sings"));
	buf_fini(&out);
	teardown();
}

END_TEST

/* ---- Built-in modules ------------------------------------------------------------------------ */

static void
check_tables(const struct module *m)
{
	for (const struct xep *x = m->xeps; x && x->number > 0; x++)
		ck_assert_msg(x->version && x->version[0], "%s: XEP-%04u", m->name, x->number);
	for (const struct field *f = m->options; f && f->name; f++)
		ck_assert_msg(f->doc && f->doc[0], "%s: option %s", m->name, f->name);
	for (const struct iq_handler *h = m->iqs; h && h->ns; h++)
		ck_assert_msg(h->name && h->types && h->targets && h->handle, "%s: iq %s", m->name,
			h->ns);
	for (const struct hook *h = m->hooks; h && h->id != HOOK_COUNT; h++)
		ck_assert_msg(h->id < HOOK_COUNT && h->fn.any, "%s: a hook", m->name);
	for (const struct query *q = m->queries; q && q->name; q++)
		ck_assert_msg(q->sql && q->sql[0], "%s: query %s", m->name, q->name);
	for (const struct command *c = m->commands; c && c->name; c++)
		ck_assert_msg(c->run && c->doc && c->tag, "%s: command %s", m->name, c->name);
	if (m->slot)
		ck_assert_msg(!m->slot->load || m->slot->loaded, "%s: slot", m->name);
	ck_assert_msg((m->options != NULL) == (m->options_size > 0), "%s: options", m->name);
}

START_TEST(tables_of_built_in_modules_are_whole)
{
	size_t count;
	const struct module *const *all;

	registry_builtin();
	all = modules_all(&count);
	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_eq(all[i]->abi, MODULE_ABI);
		ck_assert_msg(all[i]->summary && all[i]->summary[0], "%s", all[i]->name);
		check_tables(all[i]);
	}
}

END_TEST

Suite *
suite_registry(void)
{
	Suite *s = suite_create("registry");
	TCase *t = tcase_create("registry");

	tcase_set_timeout(t, 120); /* it compiles */
	tcase_add_test(t, a_folder_is_loaded_by_name);
	tcase_add_test(t, what_options_name_comes_and_goes_with_them);
	tcase_add_test(t, a_wrong_file_is_named);
	tcase_add_test(t, a_name_is_taken_once);
	tcase_add_test(t, references_tell_what_was_loaded);
	tcase_add_test(t, tables_of_built_in_modules_are_whole);
	suite_add_tcase(s, t);
	return s;
}
