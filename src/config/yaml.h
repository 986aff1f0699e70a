/*
 * yaml.h -- a YAML file as a small tree that knows its places.
 *
 * Runs on: main.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "config/fault.h"

#define YAML_SIZE_MAX (1024 * 1024) /* bytes of a file */
#define YAML_DEPTH_MAX 16
#define YAML_NODES_MAX 50000
#define YAML_KEYS_MAX 1000 /* of one map */

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

/* The children of a list or a map are linked in the file's order; those of a map have a key. */
struct yaml {
	enum yaml_kind kind;
	unsigned line, column; /* from 1 */
	struct yaml *next;
	struct str key;
	unsigned key_line, key_column;
	struct str text; /* of a YAML_TEXT; NUL-terminated behind its end */
	bool quoted;
	struct yaml *first;
	size_t count;
};

/* The tree of a document in f's arena; an empty document gives an empty map.  NULL with faults
 * added if it is not YAML, is too large or uses what is not offered here (anchors, aliases,
 * tags, several documents).  Keys that stand twice add faults, and the first one stays. */
struct yaml *yaml_read(struct str bytes, struct faults *f);
/* The value of a map's key, or NULL. */
struct yaml *yaml_find(const struct yaml *map, const char *key);
/* An empty value: `key:` or `key: ~`. */
bool yaml_is_null(const struct yaml *node);
/* «a list», «a map», «nothing», «"text"». */
const char *yaml_what(const struct yaml *node, struct faults *f);

#endif
