/*
 * route.c -- paths and who serves them.
 *
 * Runs on: main (http_serve), the connection's worker.
 */
#include "http/http_own.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

enum { ROUTES_MAX = 64 };

static struct {
	const struct http_route *route;
	unsigned module;
} routes[ROUTES_MAX];

static size_t routes_count;

void
http_serve(const struct http_route *r, unsigned module)
{
	assert(routes_count < ROUTES_MAX);
	routes[routes_count].route = r;
	routes[routes_count++].module = module;
}

/* How much of the path the route names; 0: it does not fit. */
static size_t
fits(const struct exchange *x, const struct http_route *r)
{
	const char *path = x->request->head.path,
		   *own = r->path ? r->path : r->path_of(config_of(x->worker));
	size_t n = own ? strlen(own) : 0;

	if (n == 0 || own[0] != '/')
		return 0;
	if (own[n - 1] == '/')
		return strncmp(path, own, n) == 0 ? n : 0;
	return strcmp(path, own) == 0 ? n : 0;
}

static bool
is_on(const struct exchange *x, unsigned module)
{
	const struct host *h = x->request->host;

	return module == UINT_MAX || (h && host_runs(h, module));
}

const struct http_route *
http_route_for(const struct exchange *x)
{
	const struct http_route *best = NULL;
	size_t best_fit = 0;

	for (size_t i = 0; i < routes_count; i++) {
		size_t fit = is_on(x, routes[i].module) ? fits(x, routes[i].route) : 0;

		if (fit > best_fit) {
			best = routes[i].route;
			best_fit = fit;
		}
	}
	return best;
}

size_t
http_max_body(const struct exchange *x)
{
	const struct http_route *r = x->route;

	if (!r)
		return 64 * 1024; /* to be read over, for a proper answer */
	return r->max_body_of ? r->max_body_of(config_of(x->worker)) : r->max_body;
}

unsigned
http_methods_of(const struct http_route *r)
{
	return r->methods | HTTP_OPTIONS | (r->methods & HTTP_GET ? HTTP_HEAD : 0);
}
