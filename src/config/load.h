/*
 * load.h -- what the files of src/config share while they turn a tree into a snapshot.
 *
 * Runs on: main.
 */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include "config/config.h"
#include "config/fault.h"
#include "config/yaml.h"

struct load {
	struct config *config;
	struct arena *arena; /* the snapshot's */
	const char *dir; /* of the file, absolute, for relative names */
	const struct yaml *root;
	const struct yaml **host_nodes; /* where each of config->hosts stands */
	struct faults faults;
};

/* A module's row in config_add_module, and what `modules:` says of it for every host. */
struct module_entry {
	const char *name;
	const struct field *fields;
	size_t size;
	bool enabled;
};

/* A member of struct config that is a struct of its own. */
struct block {
	const char *name;
	const struct field *fields;
	size_t offset;
	const char *doc;
};

/* ---- config_options.c: the core's tables ------------------------------------ */

extern const struct field config_top[]; /* members of struct config */
extern const struct block config_blocks[]; /* ends with a NULL name */
extern const struct field config_listen[]; /* struct listen_conf */
extern const struct field config_tls[]; /* struct tls_conf */
/* Keys that are not in those tables. */
extern const char *const config_lists[];

/* ---- config_field.c: values --------------------------------------------------- */

/* Sets members of target from the entries of map; what names the block in faults («in c2s»),
 * NULL at the top.  Unknown keys, and values that do not fit, add faults. */
void load_fields(struct load *l, const struct field *table, void *target, const struct yaml *map,
	const char *what);
void load_field(struct load *l, const struct field *f, void *target, const struct yaml *value);
/* Faults for rows with FIELD_REQUIRED that map does not have. */
void load_required(
	struct load *l, const struct field *table, const struct yaml *map, const char *what);
/* map is a YAML_MAP; else adds a fault and returns false. */
bool load_is_map(struct load *l, const struct yaml *node, const char *what);
/* «"hots" is not an option» with the names that are, NULL-terminated. */
void load_unknown(
	struct load *l, const struct yaml *entry, const char *noun, const char *const *names);
/* An absolute name in the arena: relative ones start at the file's folder. */
const char *load_path(struct load *l, const char *path);

/* ---- config_hosts.c, config_listen.c ------------------------------------------- */

void load_modules_table(struct module_entry **table, unsigned *count);
void load_hosts(struct load *l);
void load_listens(struct load *l);
/* Faults of the files that map, a `tls:`, names. */
void load_check_tls(struct load *l, const struct tls_conf *tls, const struct yaml *map);

#endif
