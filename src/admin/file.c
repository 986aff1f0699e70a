/*
 * file.c -- files that commands read whole.
 *
 * The server reads them itself, as it does with those of XEP-0227; whoever calls only names them.  They
 * are bounded, and nothing but a plain file is read.
 *
 * Runs on: where the command is; read_all: a chore thread.
 */
#include "admin/command_own.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
file_path(const struct job *j, const char *typed)
{
	return *typed == '/'
		       ? arena_text(j->arena, typed)
		       : arena_printf(j->arena, "%s/%s", config_of(j->worker)->data_dir, typed);
}

struct reading {
	const char *path;
	size_t most;
	struct str text;
	int error; /* errno */
	call_text_fn *next;
	void *state; /* the command's */
};

/* 0, or errno. */
static int
read_into(int fd, char *text, size_t room, size_t *got)
{
	ssize_t n;

	while (*got < room) {
		n = read(fd, text + *got, room - *got);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return errno;
		*got += n > 0 ? (size_t)n : 0;
	}
	return EFBIG; /* it grew */
}

static int
read_fd(int fd, struct arena *a, struct reading *r)
{
	struct stat st;
	char *text;
	size_t room;

	if (fstat(fd, &st) != 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return EINVAL;
	if (st.st_size > (off_t)r->most)
		return EFBIG;
	room = (size_t)st.st_size + 1;
	text = arena_alloc(a, room);
	r->text = (struct str){ text, 0 };
	return read_into(fd, text, room, &r->text.n);
}

static void
read_all(struct job *j)
{
	struct reading *r = j->state;
	int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		r->error = errno;
		return;
	}
	r->error = read_fd(fd, j->arena, r);
	(void)close(fd); /* nothing was written */
}

static struct step
was_read(struct job *j)
{
	const struct reading *r = j->state;

	if (r->error != 0)
		return call_error(j, "file", "%s: %s", r->path, strerror(r->error));
	j->state = r->state;
	return r->next(j, r->text);
}

struct step
call_read_file(struct job *j, const char *typed, size_t most, call_text_fn *next)
{
	struct reading *r = ARENA_NEW(j->arena, struct reading);

	r->path = file_path(j, typed);
	r->most = most;
	r->next = next;
	r->state = j->state;
	j->state = r;
	return job_chore(j, was_read, read_all);
}
