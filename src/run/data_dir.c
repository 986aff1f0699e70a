/*
 * data_dir.c -- the folder that belongs to one server process.
 *
 * Two servers on one SQLite file, or on one control socket, would each answer half of the
 * questions.  So a lock on a file in the folder is taken first; the kernel gives it back when the
 * process ends, killed or not.
 *
 * Runs on: main.
 */
#include "run/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int lock_fd = -1;

static bool
make_folders(const char *path, struct err *e)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return err_set(e, "data_dir %.60s...: the name is too long", path);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return err_errno(e, "data_dir %s cannot be made: %s", path, part);
	}
	return true;
}

/* Who has it, from what that process wrote into the file. */
static bool
in_use(const char *path, int fd, struct err *e)
{
	char text[16] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;

	(void)close(fd);
	if (pid > 0)
		return err_set(
			e, "data_dir %s is in use by another server (process %ld)", path, pid);
	return err_set(e, "data_dir %s is in use by another server", path);
}

bool
data_dir_take(const char *path, struct err *e)
{
	char file[PATH_MAX], pid[16];
	int fd, n;

	if (!make_folders(path, e))
		return false;
	if (snprintf(file, sizeof(file), "%s/bongsud.lock", path) >= (int)sizeof(file))
		return err_set(e, "data_dir %.60s...: the name is too long", path);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(e, "data_dir %s cannot be written", path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return in_use(path, fd, e);
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	/* The number is for people; without it the lock holds all the same. */
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n)
		errno = 0;
	lock_fd = fd;
	return true;
}

void
data_dir_release(void)
{
	if (lock_fd >= 0)
		(void)close(lock_fd);
	lock_fd = -1;
}
