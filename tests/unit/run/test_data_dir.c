/*
 * The server's folder: made when it is missing, and for one process at a time.
 *
 * Runs on: the test process
 */
#include "run/data_dir.h"

#include "tests/unit/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[] = "/tmp/bongsu-data-XXXXXX";
static char path[128], file[160];

static void
make_top(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
	(void)snprintf(path, sizeof(path), "%s/a/b", top);
	(void)snprintf(file, sizeof(file), "%s/bongsud.lock", path);
}

static void
remove_all(void)
{
	(void)unlink(file);
	(void)rmdir(path);
	*strrchr(path, '/') = '\0';
	(void)rmdir(path);
	(void)rmdir(top);
}

START_TEST(folder_is_made_for_its_owner_alone)
{
	struct stat st;
	struct err e;

	make_top();
	ck_assert_msg(data_dir_take(path, &e), "%s", e.text);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	data_dir_release();
	ck_assert_msg(data_dir_take(path, &e), "%s", e.text);
	data_dir_release();
	remove_all();
}

END_TEST

START_TEST(second_process_is_told_who_has_it)
{
	char want[64];
	struct err e;
	int status;
	pid_t child;

	make_top();
	ck_assert_msg(data_dir_take(path, &e), "%s", e.text);
	(void)snprintf(
		want, sizeof(want), "is in use by another server (process %ld)", (long)getpid());
	child = fork();
	if (child == 0)
		_exit(data_dir_take(path, &e) || !strstr(e.text, want));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	data_dir_release();
	remove_all();
}

END_TEST

START_TEST(folder_that_cannot_be_is_named)
{
	struct err e;

	ck_assert(!data_dir_take("/dev/null/x", &e));
	ck_assert_ptr_nonnull(strstr(e.text, "/dev/null/x cannot be made"));
	ck_assert(!data_dir_take("/proc", &e));
	ck_assert_ptr_nonnull(strstr(e.text, "/proc cannot be written"));
}

END_TEST

SUITE_OF(data_dir, folder_is_made_for_its_owner_alone, second_process_is_told_who_has_it,
	folder_that_cannot_be_is_named)
