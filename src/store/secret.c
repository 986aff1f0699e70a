/*
 * secret.c -- what the server itself keeps secret, by name.
 *
 * Runs on: main.
 */
#include "store/secret.h"

#include "base/mem.h"
#include "base/rand.h"

#include <pthread.h>
#include <string.h>

enum { SECRET_LOAD, SECRET_INSERT };

const struct query secret_queries[] = {
	[SECRET_LOAD] = { "secret_load", "SELECT value FROM server_secret WHERE name = ?", NULL },
	[SECRET_INSERT] = { "secret_insert",
		"INSERT INTO server_secret (name, value) VALUES (?, ?)", NULL },
	END_QUERIES,
};

/* What main waits for. */
struct secret_wait {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool over, found;
	enum store_result result;
	uint8_t *out;
};

static void
on_secret(struct worker *w, void *ctx, enum store_result result, const struct rows *const *rows,
	size_t count)
{
	struct secret_wait *s = ctx;
	struct str value = STR_NONE;

	(void)w;
	if (result == STORE_OK && count > 0 && rows[0]->count > 0)
		value = row_str(rows[0], 0, 0);
	pthread_mutex_lock(&s->lock);
	if (value.n == SECRET_SIZE) {
		memcpy(s->out, value.p, SECRET_SIZE);
		s->found = true;
	}
	s->result = result;
	s->over = true;
	pthread_cond_signal(&s->done);
	pthread_mutex_unlock(&s->lock);
}

static struct secret_wait
ask_for(const struct ask *ask, uint8_t *out)
{
	struct secret_wait s = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false,
		STORE_AWAY, out };

	store_ask(NULL, 0, ask, 1, on_secret, &s);
	pthread_mutex_lock(&s.lock);
	while (!s.over)
		pthread_cond_wait(&s.done, &s.lock);
	pthread_mutex_unlock(&s.lock);
	return s;
}

bool
secret_get(const char *name, uint8_t out[SECRET_SIZE], struct err *e)
{
	uint8_t fresh[SECRET_SIZE];
	struct value args[] = { of_text(name),
		of_str((struct str){ (const char *)fresh, SECRET_SIZE }) };
	struct ask load = { &secret_queries[SECRET_LOAD], args, 1 };
	struct ask insert = { &secret_queries[SECRET_INSERT], args, 2 };
	struct secret_wait s = ask_for(&load, out);

	if (s.result == STORE_OK && !s.found) {
		rand_bytes(fresh, sizeof(fresh));
		s = ask_for(&insert, out);
		/* A duplicate: another node was faster. */
		if (s.result == STORE_OK || s.result == STORE_DUPLICATE)
			s = ask_for(&load, out);
		mem_wipe(fresh, sizeof(fresh));
	}
	return s.found ||
	       err_set(e, "the server's secret «%s» could not be read from the store", name);
}
