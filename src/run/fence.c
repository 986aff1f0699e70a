/*
 * fence.c -- a mail behind what was posted to each of the others; the last one opened tells.
 *
 * Runs on: the worker.
 */
#include "run/fence.h"

#include "base/mem.h"
#include "run/worker_own.h"

struct stake {
	struct mail mail;
	struct fence *fence;
};

static void
stake_open(struct worker *w, struct mail *m)
{
	struct stake *stake = CONTAINER(m, struct stake, mail);
	struct fence *f = stake->fence;

	mem_free(&stake);
	if (__atomic_sub_fetch(&f->missing, 1, __ATOMIC_ACQ_REL) == 0)
		f->passed(w, f);
}

void
fence_raise(struct worker *w, struct fence *f)
{
	unsigned count = w->out_count;

	f->missing = count; /* nobody sees it before the turn is over */
	if (count == 0)
		f->passed(w, f);
	for (unsigned i = 0; i < count; i++) {
		struct stake *stake = MEM_NEW(struct stake);

		stake->mail.open = stake_open;
		stake->fence = f;
		worker_post(w, worker_at(w->out_to[i]), &stake->mail);
	}
}
