/*
 * Migrations: from an empty database, again on one that is up to date, by several processes at
 * once, and not on one that a newer program made.  And the tables they make: any address that the
 * server accepts fits into their keys.
 *
 * Runs on: its own process
 */
#include "tests/unit/store/bench.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct migration first[] = {
	{ 1, "one", "CREATE TABLE m1 (owner TEXT NOT NULL PRIMARY KEY);\n",
		"CREATE TABLE IF NOT EXISTS m1 (owner VARBINARY(100) NOT NULL PRIMARY KEY);\n" },
};

static const struct migration second[] = {
	{ 1, "one", NULL, NULL }, /* never looked at again */
	{ 3, "three",
		"ALTER TABLE m1 ADD COLUMN a INTEGER;\n\nALTER TABLE m1 ADD COLUMN b INTEGER;\n",
		"ALTER TABLE m1 ADD COLUMN IF NOT EXISTS a INTEGER;\nALTER TABLE m1 ADD COLUMN IF NOT EXISTS b INT;\n" },
};

static const struct migration renamed[] = {
	{ 1, "uno", NULL, NULL },
};

static const struct migration broken[] = {
	{ 1, "one", "CREATE TABLE m1 (owner TEXT NOT NULL PRIMARY KEY);\nCREATE NONSENSE;\n",
		"CREATE TABLE IF NOT EXISTS m1 (owner VARBINARY(100) NOT NULL PRIMARY KEY);\nCREATE NONSENSE;\n" },
};

static struct config *config;

static void
setup(void)
{
	config = bench_config();
}

static void
migrate(const struct migration *list, size_t count)
{
	struct err e = { "" };

	store_add_migrations("test", list, count);
	ck_assert_msg(store_migrate(config, &e), "%s", e.text);
}

static void
migrate_fails(const struct migration *list, size_t count, const char *why)
{
	struct err e = { "" };

	store_add_migrations("test", list, count);
	ck_assert(!store_migrate(config, &e));
	ck_assert_msg(strstr(e.text, why), "%s", e.text);
}

START_TEST(migrations_are_applied_once)
{
	migrate(first, COUNT(first));
	migrate(first, COUNT(first));
	migrate(second, COUNT(second));
	migrate(second, COUNT(second));
}

END_TEST

START_TEST(a_newer_database_is_refused)
{
	migrate(first, COUNT(first));
	migrate(second, COUNT(second));
	migrate_fails(first, COUNT(first), "made by a newer program: its migration test 3 (three)");
}

END_TEST

START_TEST(another_history_is_refused)
{
	migrate(first, COUNT(first));
	migrate_fails(renamed, COUNT(renamed),
		"migration test 1 is \"one\" in the database, but \"uno\"");
}

END_TEST

START_TEST(a_migration_that_fails_is_applied_when_it_is_mended)
{
	migrate_fails(broken, COUNT(broken), "migration test 1 (one): ");
	migrate(first, COUNT(first));
	migrate(second, COUNT(second));
}

END_TEST

START_TEST(several_processes_may_start_at_once)
{
	enum { PROCESSES = 6 };

	pid_t pids[PROCESSES];
	int gate[2], status;
	char c;

	ck_assert_int_eq(pipe(gate), 0);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct err e = { "" };

			close(gate[1]);
			(void)!read(gate[0], &c, 1);
			store_add_migrations("test", first, COUNT(first));
			if (!store_migrate(config, &e))
				fprintf(stderr, "%s\n", e.text);
			_exit(e.text[0] != '\0');
		}
	}
	close(gate[1]); /* now all start */
	close(gate[0]);
	for (int i = 0; i < PROCESSES; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
}

END_TEST

/* ---- The tables of sql/ ---------------------------------------------------------- */

static const struct query keys[] = {
	{ "account", "INSERT INTO account (owner, host, created) VALUES (?, ?, 1)", NULL },
	{ "roster", "INSERT INTO roster (owner, contact, groups, version) VALUES (?, ?, '[]', 1)",
		NULL },
	{ "pending", "INSERT INTO pending (owner, contact, stanza, at) VALUES (?, ?, 'x', 1)",
		NULL },
	{ "block", "INSERT INTO block (owner, jid) VALUES (?, ?)", NULL },
	{ "private", "INSERT INTO private_xml (owner, ns, name, xml) VALUES (?, ?, 'x', 'y')",
		NULL },
	END_QUERIES,
};

enum { ACCOUNT, KEYS = COUNT(keys) - 1 };

static const struct query finds[] = {
	{ "account_find", "SELECT owner FROM account WHERE owner = ? AND host = ?", NULL },
	{ "roster_find", "SELECT contact FROM roster WHERE owner = ? AND contact = ?", NULL },
	{ "pending_find", "SELECT contact FROM pending WHERE owner = ? AND contact = ?", NULL },
	{ "block_find", "SELECT jid FROM block WHERE owner = ? AND jid = ?", NULL },
	{ "private_find", "SELECT ns FROM private_xml WHERE owner = ? AND ns = ?", NULL },
	END_QUERIES,
};

static const struct query others[] = {
	{ "credential",
		"INSERT INTO credential (owner, mechanism, salt, iterations, stored_key, server_key)"
		" VALUES (?, 'SCRAM-SHA-512', ?, 4096, ?, ?)",
		NULL },
	{ "credential_find", "SELECT iterations FROM credential WHERE owner = ? AND mechanism = ?",
		NULL },
	{ "roster_replace",
		"REPLACE INTO roster (owner, contact, name, subscription, ask, approved, groups, version, removed)"
		" VALUES (?, ?, ?, 3, 1, 1, ?, 2, 0)",
		NULL },
	{ "roster_version", "REPLACE INTO roster_version (owner, version) VALUES (?, ?)", NULL },
	{ "offline", "INSERT INTO offline (owner, id, at, stanza) VALUES (?, ?, ?, ?)", NULL },
	{ "last", "REPLACE INTO last_activity (owner, at, status) VALUES (?, ?, ?)", NULL },
	{ "vcard", "REPLACE INTO vcard (owner, xml) VALUES (?, ?)", NULL },
	{ "roster_all", "SELECT name FROM roster WHERE owner = ?", NULL },
	END_QUERIES,
};

enum {
	CREDENTIAL,
	CREDENTIAL_FIND,
	ROSTER_REPLACE,
	ROSTER_VERSION,
	OFFLINE,
	LAST,
	VCARD,
	ROSTER_ALL
};

static struct answer
ask(const struct query *q, const struct value *args, size_t count, enum store_result expected)
{
	const struct ask one = { q, args, count };
	static struct answer a;

	answer_clear(&a);
	bench_ask(&a, 0, &one, 1);
	ck_assert(bench_wait(&a));
	ck_assert_msg(a.result == expected, "%s: %d", q->name, a.result);
	return a;
}

/* A text of n bytes, long enough to differ from another only at its end. */
static struct str
text(char *out, size_t n, char last)
{
	memset(out, 'x', n);
	out[n - 1] = last;
	return (struct str){ out, n };
}

START_TEST(the_longest_addresses_fit_into_keys)
{
	static char buf[4][3071];
	/* user@host; user@host/resource */
	const struct value owner = of_str(text(buf[0], 2047, 'o'));
	static const size_t size[KEYS] = { 1023, 2047, 2047, 3071, 3000 };

	store_add_queries(keys);
	store_add_queries(finds);
	bench_reopen();
	for (int i = 0; i < KEYS; i++) {
		const struct value one = of_str(text(buf[1], size[i], '1'));
		const struct value two = of_str(text(buf[2], size[i], '2'));
		struct answer a;

		ask(&keys[i], ARGS(owner, one), STORE_OK);
		ask(&keys[i], ARGS(owner, one), STORE_DUPLICATE);
		ask(&keys[i], ARGS(owner, two), i == ACCOUNT ? STORE_DUPLICATE : STORE_OK);
		a = ask(&finds[i], ARGS(owner, one), STORE_OK);
		ck_assert_uint_eq(a.rows[0].rows.count, 1);
		ck_assert_uint_eq(row_str(&a.rows[0].rows, 0, 0).n, i == ACCOUNT ? 2047 : size[i]);
	}
}

END_TEST

START_TEST(every_table_takes_its_rows)
{
	const struct value owner = of_text("romeo@montague.lit"),
			   contact = of_text("juliet@capulet.lit");
	const struct value key = of_str((struct str){ "\0\xff\x80key", 6 });
	struct answer a;

	store_add_queries(others);
	bench_reopen();
	ask(&others[CREDENTIAL], ARGS(owner, key, key, key), STORE_OK);
	a = ask(&others[CREDENTIAL_FIND], ARGS(owner, of_text("SCRAM-SHA-512")), STORE_OK);
	ck_assert_int_eq(row_int(&a.rows[0].rows, 0, 0), 4096);
	ask(&others[ROSTER_REPLACE], ARGS(owner, contact, of_text("J"), of_text("[]")), STORE_OK);
	ask(&others[ROSTER_REPLACE], ARGS(owner, contact, of_text("Jule"), of_text("[]")),
		STORE_OK);
	a = ask(&others[ROSTER_ALL], ARGS(owner), STORE_OK);
	ck_assert_uint_eq(a.rows[0].rows.count, 1);
	ck_assert(str_is(row_str(&a.rows[0].rows, 0, 0), "Jule"));
	for (int i = 0; i < 2; i++) {
		ask(&others[ROSTER_VERSION], ARGS(owner, of_int(i)), STORE_OK);
		ask(&others[OFFLINE], ARGS(owner, of_int(i), of_int(1), key), STORE_OK);
		ask(&others[LAST], ARGS(owner, of_int(i), of_text("")), STORE_OK);
		ask(&others[VCARD], ARGS(owner, of_text("<vCard/>")), STORE_OK);
	}
}

END_TEST

static void
teardown(void)
{
	store_close();
	bench_clean();
}

Suite *
suite_migrate(void)
{
	static const TTest *tests[8];
	size_t n = 0;

	tests[n++] = migrations_are_applied_once;
	tests[n++] = a_newer_database_is_refused;
	tests[n++] = another_history_is_refused;
	tests[n++] = a_migration_that_fails_is_applied_when_it_is_mended;
	tests[n++] = several_processes_may_start_at_once;
	tests[n++] = the_longest_addresses_fit_into_keys;
	tests[n++] = every_table_takes_its_rows;
	return bench_suite("migrate", setup, teardown, tests);
}
