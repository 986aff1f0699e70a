/*
 * load.c -- modules in shared objects.
 *
 * The file's name says the module's, and that the symbol.  Files are taken in the order of their
 * names, so that every start registers the same in the same order.  A loaded module stays until the
 * process ends: configuration and tables point into it.
 *
 * Runs on: main.
 */
#include "module/own.h"

#include "base/log.h"
#include "base/mem.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static int
is_object(const struct dirent *d)
{
	return d->d_name[0] != '.' && str_ends(str_of(d->d_name), STR(".so"));
}

/* "mod_ping.so" and "ping.so" are ping. */
static const char *
name_of(struct arena *a, const char *file)
{
	struct str name = str_of(file);

	name.n -= strlen(".so");
	if (str_starts(name, STR("mod_"))) {
		name.p += strlen("mod_");
		name.n -= strlen("mod_");
	}
	return arena_str(a, name);
}

static const char *
last_error(void)
{
	const char *text = dlerror();

	return text ? text : "unknown error";
}

static bool
check(const struct module *m, const char *name, const char *path, struct err *e)
{
	size_t count;

	if (m->abi != MODULE_ABI)
		return err_set(e,
			"%s: was built for version %u of the module interface, this server has "
			"version %d: build it again with the installed headers",
			path, m->abi, MODULE_ABI);
	if (!text_eq(m->name, name) || !m->state)
		return err_set(e, "%s: module_%s calls itself %s", path, name,
			m->name ? m->name : "nothing");
	if (module_find(name))
		return err_set(e, "%s: there is a module %s already", path, name);
	(void)modules_all(&count);
	if (count >= MODULES_MAX)
		return err_set(
			e, "%s: there are %zu modules already, which is the most", path, count);
	return true;
}

static bool
load_file(struct arena *a, const char *path, const char *file, struct err *e)
{
	const char *name = name_of(a, file);
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct module *m;

	if (!object)
		return err_set(e, "%s: %s", path, last_error());
	m = dlsym(object, arena_printf(a, "module_%s", name));
	if (!m)
		return err_set(e, "%s: does not define module_%s", path, name);
	if (!check(m, name, path, e))
		return false;
	module_declare(m);
	log_debug(AREA_MODULE, NULL, "loaded module %s from %s", name, path);
	return true;
}

bool
registry_load_folder(const char *path, struct err *e)
{
	struct dirent **files;
	int count = scandir(path, &files, is_object, alphasort);
	struct arena *a;
	bool ok = true;

	if (count < 0)
		return err_errno(e, "modules_dir: %s", path);
	a = arena_new(0);
	for (int i = 0; i < count; i++) {
		ok = ok && load_file(a, arena_printf(a, "%s/%s", path, files[i]->d_name),
				   files[i]->d_name, e);
		free(files[i]);
	}
	free(files);
	arena_free(&a);
	return ok;
}
