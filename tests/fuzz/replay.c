/*
 * Stands in for libFuzzer in ordinary builds: gives a fuzz target every file of the folders and
 * files named as arguments, so that `make check` tries the corpus with every compiler.
 *
 * Runs on: its own process
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long tried;

static void
replay_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	/* exactly as long as the input, so that a sanitizer sees a read past its end */
	uint8_t *data = malloc(size ? size : 1);

	if (f == NULL || data == NULL || fread(data, 1, size, f) != size) {
		fprintf(stderr, "replay: cannot read %s\n", path);
		exit(2);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	tried++;
}

static void
replay(const char *path)
{
	struct stat st;
	DIR *dir;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "replay: there is no %s\n", path);
		exit(2);
	}
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path, (size_t)st.st_size);
		return;
	}
	dir = opendir(path);
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		char name[4096];

		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		replay(name);
	}
	if (dir != NULL)
		closedir(dir);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%lu inputs replayed\n", tried);
	return EXIT_SUCCESS;
}
