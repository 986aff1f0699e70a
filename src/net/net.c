/*
 * net.c -- start and stop of the network layer.
 *
 * Runs on: main, while no worker runs.
 */
#include "net/net.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/conn_own.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

struct net *
net_of(struct worker *w)
{
	return worker_get(w, WORKER_NET);
}

static void
raise_files(unsigned wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_max < wanted) {
		struct rlimit more = { wanted, wanted };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warn(AREA_NET, NULL, "could not raise the limit of open files: %s",
			strerror(errno));
	else if (limit.rlim_cur < wanted)
		log_warn(AREA_NET, NULL,
			"only %llu of %u open files are allowed: raise the hard limit (LimitNOFILE "
			"of the service) for more connections",
			(unsigned long long)limit.rlim_cur, wanted);
}

void
net_init(unsigned wanted_files)
{
	raise_files(wanted_files);
	config_on_free(tls_release);
	for (unsigned i = 0; i < workers_count(); i++) {
		struct net *net = MEM_NEW(struct net);

		list_init(&net->conns);
		net->read = mem_new(NET_READ);
		net->plain = mem_new(NET_PLAIN);
		worker_set(worker_at(i), WORKER_NET, net);
	}
}

void
net_fini(void)
{
	for (unsigned i = 0; i < workers_count(); i++) {
		struct worker *w = worker_at(i);
		struct net *net = net_of(w);
		struct conn *c;

		assert(worker_is_here(w));
		if (!net)
			continue;
		while ((c = list_first(&net->conns, struct conn, list)) != NULL) {
			conn_abort(c);
			conn_finish(c);
		}
		mem_free_secret(&net->plain, NET_PLAIN);
		mem_free(&net->read);
		buf_fini(&net->wire);
		mem_free(&net);
		worker_set(w, WORKER_NET, NULL);
	}
	listeners_forget();
}
