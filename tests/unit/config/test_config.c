/*
 * The configuration: a good file becomes a snapshot, a broken one is reported whole, each fault
 * with its place.
 *
 * Runs on: the test process
 */
#include "config/config.h"

#include "base/buf.h"
#include "base/log.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct door_conf {
	bool open;
	int64_t wide;
	const char *const *guests;
};

static const struct field door_fields[] = {
	BOOL_FIELD(
		struct door_conf, open, .dflt = "no", .flags = FIELD_RELOAD, .doc = "Let all in"),
	INT_FIELD(struct door_conf, wide, .dflt = "2", .min = 1, .max = 9, .doc = "How wide"),
	LIST_FIELD(struct door_conf, guests, .dflt = "romeo", .flags = FIELD_RELOAD,
		.doc = "Who is let in"),
	END_FIELDS,
};

static unsigned door, bell;

static void
add_modules(void)
{
	if (config_modules_count() > 0)
		return;
	door = config_add_module("door", door_fields, sizeof(struct door_conf), false);
	bell = config_add_module("bell", NULL, 0, true);
}

/* Lines without the name of the file, each with its line end. */
static void
gather(const char *line, void *ctx)
{
	struct buf *b = ctx;

	if (strncmp(line, "t.yml:", 6) == 0)
		line += 6;
	buf_printf(b, "%s\n", line);
}

static struct config *
read_text(const char *text, struct buf *faults)
{
	add_modules();
	return config_read("t.yml", str_of(text), gather, faults);
}

/* A snapshot of a text that has no fault. */
static struct config *
good(const char *text)
{
	struct buf faults = BUF_INIT;
	struct config *c = read_text(text, &faults);

	ck_assert_msg(c != NULL, "%s", buf_text(&faults));
	ck_assert_uint_eq(buf_len(&faults), 0);
	buf_fini(&faults);
	return c;
}

/* ---- Good files ------------------------------------------------------------------ */

START_TEST(file_of_every_day_is_read)
{
	AUTO(config_unref)
	struct config *c =
		good("hosts: [localhost]\n"
		     "data_dir: /var/lib/bongsu            # SQLite file, control socket\n"
		     "store: {driver: sqlite}\n"
		     "tls: {certificate: /tls/c.pem, key: /tls/k.pem}\n"
		     "listen:\n"
		     "  - {service: c2s, address: 127.0.0.1, port: 5222, starttls: required}\n"
		     "  - {service: c2s, address: 127.0.0.1, port: 5223, tls: direct}\n"
		     "modules: {door: {open: true}}\n");
	const struct door_conf *d = host_module(c->hosts[0], door);

	ck_assert_uint_eq(c->hosts_count, 1);
	ck_assert_str_eq(c->hosts[0]->name, "localhost");
	ck_assert_ptr_eq(c->hosts[0]->config, c);
	ck_assert_str_eq(c->data_dir, "/var/lib/bongsu");
	ck_assert_str_eq(c->control_socket, "/var/lib/bongsu/bongsuctl.sock");
	ck_assert_int_eq(c->store.driver, STORE_SQLITE);
	ck_assert_str_eq(c->hosts[0]->tls.certificate, "/tls/c.pem");
	ck_assert_str_eq(c->hosts[0]->tls.key, "/tls/k.pem");
	ck_assert_uint_eq(c->listens_count, 2);
	ck_assert_str_eq(c->listens[0].service, "c2s");
	ck_assert_str_eq(c->listens[0].address, "127.0.0.1");
	ck_assert_int_eq(c->listens[0].port, 5222);
	ck_assert_int_eq(c->listens[0].starttls, STARTTLS_REQUIRED);
	ck_assert_int_eq(c->listens[0].tls, LISTEN_PLAIN);
	ck_assert_int_eq(c->listens[1].port, 5223);
	ck_assert_int_eq(c->listens[1].starttls, STARTTLS_OFF);
	ck_assert_int_eq(c->listens[1].tls, LISTEN_DIRECT);
	ck_assert(d && d->open && d->wide == 2);
	ck_assert_str_eq(d->guests[0], "romeo");
	ck_assert_ptr_null(d->guests[1]);
	ck_assert(host_runs(c->hosts[0], bell));
}

END_TEST

START_TEST(everything_has_a_default)
{
	AUTO(config_unref)
	struct config *c = good("hosts: [example.org]\ntls: {certificate: both.pem}\n");

	ck_assert_str_eq(c->data_dir, BONGSU_DATA_DIR);
	ck_assert_uint_eq(c->listens_count, 2);
	ck_assert_str_eq(c->listens[0].address, "::");
	ck_assert_int_eq(c->listens[0].port, 5222);
	ck_assert_int_eq(c->listens[0].starttls, STARTTLS_REQUIRED);
	ck_assert_int_eq(c->listens[1].port, 5223);
	ck_assert_int_eq(c->listens[1].tls, LISTEN_DIRECT);
	ck_assert_str_eq(c->hosts[0]->tls.key, c->hosts[0]->tls.certificate);
	ck_assert_int_eq(c->c2s.max_stanza, 1024 * 1024);
	ck_assert_int_eq(c->c2s.max_stanza_before_auth, 10000);
	ck_assert_int_eq(c->c2s.auth_timeout, 60000);
	ck_assert_int_eq(c->c2s.idle_timeout, 300000);
	ck_assert_str_eq(c->c2s.mechanisms[0], "SCRAM-SHA-512-PLUS");
	ck_assert_str_eq(c->c2s.mechanisms[6], "PLAIN");
	ck_assert_ptr_null(c->c2s.mechanisms[7]);
	ck_assert_int_eq(c->store.timeout, 30000);
	ck_assert_int_eq(c->store.threads, 0);
	ck_assert_ptr_null(c->store.password);
	ck_assert_int_eq(c->workers, 0);
	ck_assert_int_eq(c->log.level, LOG_LEVEL_INFO);
	ck_assert_ptr_null(c->log.file);
	ck_assert(!host_runs(c->hosts[0], door));
}

END_TEST

START_TEST(hosts_override_certificate_and_modules)
{
	AUTO(config_unref)
	struct config *c = good(
		"hosts:\n"
		"  - Example.ORG\n"
		"  - {name: example.net, tls: {certificate: /n.pem, key: /n.key}, modules: {door: {wide: 5}, bell: off}}\n"
		"  - {name: example.com, modules: {door: false}}\n"
		"tls: {certificate: /o.pem, key: /o.key}\n"
		"modules: {door: {open: true, guests: [mercutio, benvolio]}}\n");
	const struct host *org = config_host(c, STR("example.org")),
			  *net = config_host(c, STR("example.net")),
			  *com = config_host(c, STR("example.com"));
	const struct door_conf *d;

	ck_assert(org && net && com);
	ck_assert_ptr_null(config_host(c, STR("Example.ORG")));
	ck_assert_ptr_null(config_host(c, STR("example.or")));
	ck_assert_uint_eq(net->index, 1);
	ck_assert_str_eq(org->tls.certificate, "/o.pem");
	ck_assert_str_eq(net->tls.certificate, "/n.pem");
	ck_assert_str_eq(net->tls.key, "/n.key");
	ck_assert_str_eq(com->tls.key, "/o.key");
	d = host_module(org, door);
	ck_assert(d->open && d->wide == 2);
	ck_assert_str_eq(d->guests[1], "benvolio");
	d = host_module(net, door);
	ck_assert(d->open && d->wide == 5);
	ck_assert_str_eq(d->guests[0], "mercutio");
	ck_assert(!host_runs(com, door) && host_runs(com, bell) && !host_runs(net, bell));
	/* What began while it was on still finds them. */
	d = host_module(com, door);
	ck_assert(d && d->open && d->wide == 2);
}

END_TEST

START_TEST(units_lists_and_levels_are_read)
{
	AUTO(config_unref)
	struct config *c = good(
		"hosts: [a.example]\n"
		"listen: []\n"
		"workers: 3\n"
		"c2s: {max_stanza: 64k, auth_timeout: 250ms, idle_timeout: 2h, bytes_per_second: 0, mechanisms: PLAIN}\n"
		"log: {level: debug, format: json, areas: [store=trace, net=none], file: '-'}\n");

	ck_assert_uint_eq(c->listens_count, 0);
	ck_assert_int_eq(c->workers, 3);
	ck_assert_int_eq(c->c2s.max_stanza, 65536);
	ck_assert_int_eq(c->c2s.auth_timeout, 250);
	ck_assert_int_eq(c->c2s.idle_timeout, 7200000);
	ck_assert_int_eq(c->c2s.bytes_per_second, 0);
	ck_assert_str_eq(c->c2s.mechanisms[0], "PLAIN");
	ck_assert_ptr_null(c->c2s.mechanisms[1]);
	ck_assert_int_eq(c->log.level, LOG_LEVEL_DEBUG);
	ck_assert_int_eq(c->log.format, LOG_JSON);
	ck_assert_str_eq(c->log.areas[1], "net=none");
	ck_assert_ptr_null(c->log.file);
}

END_TEST

START_TEST(relative_names_start_at_the_file)
{
	struct buf faults = BUF_INIT;
	AUTO(config_unref)
	struct config *c = config_read("/etc/bongsu/bongsu.yml",
		STR("hosts: [a.example]\ndata_dir: data\ntls: {certificate: tls/c.pem, key: /k.pem}\n"
		    "log: {file: b.log}\nstore: {driver: mariadb, socket: my.sock}\n"),
		gather, &faults);

	ck_assert_msg(c != NULL, "%s", buf_text(&faults));
	ck_assert_str_eq(c->data_dir, "/etc/bongsu/data");
	ck_assert_str_eq(c->control_socket, "/etc/bongsu/data/bongsuctl.sock");
	ck_assert_str_eq(c->tls.certificate, "/etc/bongsu/tls/c.pem");
	ck_assert_str_eq(c->tls.key, "/k.pem");
	ck_assert_str_eq(c->log.file, "/etc/bongsu/b.log");
	ck_assert_str_eq(c->store.socket, "/etc/bongsu/my.sock");
	ck_assert_str_eq(c->path, "/etc/bongsu/bongsu.yml");
	buf_fini(&faults);
}

END_TEST

START_TEST(names_of_hosts_are_prepared)
{
	AUTO(config_unref) struct config *c = good("hosts: [MÜNCHEN.example]\nlisten: []\n");

	ck_assert_ptr_nonnull(config_host(c, STR("münchen.example")));
}

END_TEST

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(secrets_come_from_files_and_the_environment)
{
	char dir[] = "/tmp/bongsu-config-XXXXXX", path[64], secret[64], modules[64];
	struct buf faults = BUF_INIT;
	struct arena *a = arena_new(0);
	struct config *c;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(secret, sizeof(secret), "%s/secret", dir);
	(void)snprintf(path, sizeof(path), "%s/bongsu.yml", dir);
	(void)snprintf(modules, sizeof(modules), "%s/mods", dir);
	write_file(secret, "pass word\n");
	write_file(path,
		"hosts: [a.example]\nlisten: []\nmodules_dir: mods\n"
		"store: {driver: mariadb, password: {file: secret}, user: {env: BONGSU_TEST_USER}}\n");
	(void)setenv("BONGSU_TEST_USER", "romeo", 1);
	c = config_load(path, gather, &faults);
	ck_assert_msg(c != NULL, "%s", buf_text(&faults));
	ck_assert_str_eq(c->store.password, "pass word");
	ck_assert_str_eq(c->store.user, "romeo");
	config_unref(&c);
	ck_assert_str_eq(config_modules_dir(a, path), modules);
	ck_assert_ptr_null(config_modules_dir(a, dir));
	(void)unlink(secret);
	ck_assert_ptr_null(config_load(path, gather, &faults));
	ck_assert_ptr_nonnull(strstr(buf_text(&faults), "secret cannot be read: No such file"));
	(void)unlink(path);
	(void)rmdir(dir);
	buf_clear(&faults);
	ck_assert_ptr_null(config_load(path, gather, &faults));
	ck_assert_ptr_nonnull(
		strstr(buf_text(&faults), "cannot be read: No such file or directory"));
	buf_fini(&faults);
	arena_free(&a);
}

END_TEST

/* ---- Broken files ---------------------------------------------------------------- */

#define ROWS "hosts: [a.example]\nlisten: []\n" /* Two lines without a fault. */

static const struct {
	const char *text, *faults;
} broken[] = {
	{ "", "1:1: no hosts; expected a list of domains, `hosts: [example.org]`\n" },
	{ "hosts: []\n", "1:8: no hosts; expected a list of domains, `hosts: [example.org]`\n" },
	{ "hosts: a.example\nlisten: []\n",
		"1:8: no hosts; expected a list of domains, `hosts: [example.org]`\n" },
	{ "- a\n", "1:1: the file is a list; expected a map of options\n" },
	{ ROWS "wrokers: 2\n",
		"3:1: \"wrokers\" is not an option; expected hosts, listen, modules, store, tls, c2s, http, log, data_dir, "
		"control_socket, modules_dir, admin_address or workers; did you mean \"workers\"?\n" },
	{ ROWS "store: {diver: sqlite}\n",
		"3:9: \"diver\" is not an option of store; expected driver, socket, host, port, user, password, "
		"database, threads or timeout; did you mean \"driver\"?\n" },
	{ ROWS "store: {driver: mariabd}\n",
		"3:17: driver is \"mariabd\"; expected sqlite or mariadb; did you mean \"mariadb\"?\n" },
	{ ROWS "store: sqlite\n", "3:8: store is \"sqlite\"; expected a map of options\n" },
	{ ROWS "store: {password: [hunter2]}\n", "3:19: password is not usable; expected text\n" },
	{ ROWS "store: {password: {env: BONGSU_TEST_NONE}}\n",
		"3:25: \"BONGSU_TEST_NONE\" is not in the environment; expected the name of a variable\n" },
	{ ROWS "store: {password: {file: /nonexistent/x}}\n",
		"3:26: /nonexistent/x cannot be read: No such file or directory; expected a file with the value\n" },
	{ ROWS "workers: many\n",
		"3:10: workers is \"many\"; expected a whole number at most 256\n" },
	{ ROWS "workers: 257\n",
		"3:10: workers is \"257\"; expected a whole number at most 256\n" },
	{ ROWS "workers:\n", "3:9: workers is nothing; expected a whole number at most 256\n" },
	{ ROWS "workers: [1]\n", "3:10: workers is a list; expected a whole number at most 256\n" },
	{ ROWS "workers: 1\nworkers: 2\n",
		"4:1: \"workers\" stands twice; expected it once, and it is already on line 3\n" },
	{ ROWS "c2s: {max_stanza: 9999}\n",
		"3:19: max_stanza is \"9999\"; expected a size such as 300, 64k or 10M, from 10000 to 64M\n" },
	{ ROWS "c2s: {max_stanza: 10000, max_stanza_before_auth: 20k}\n",
		"3:50: max_stanza_before_auth is larger than max_stanza; expected at most as much\n" },
	{ ROWS "c2s: {mechanisms: [SCRAM-SHA-1, SCRAM-SHA-265]}\n",
		"3:33: mechanisms is \"SCRAM-SHA-265\"; expected a list of from 1 to 16 of: "
		"SCRAM-SHA-512-PLUS, SCRAM-SHA-256-PLUS, SCRAM-SHA-1-PLUS, SCRAM-SHA-512, SCRAM-SHA-256, SCRAM-SHA-1 or "
		"PLAIN; did you mean \"SCRAM-SHA-256\"?\n" },
	{ ROWS "log: {areas: [sotre=debug]}\n",
		"3:14: areas has \"sotre=debug\"; expected an area and a level such as store=debug; did you mean "
		"\"store\"?\n" },
	{ ROWS "log: {areas: [store=loud]}\n",
		"3:14: areas has \"store=loud\"; expected an area and a level such as store=debug\n" },
	{ ROWS "modules: {dor: {}}\n",
		"3:11: \"dor\" is not a module; expected door or bell; did you mean \"door\"?\n" },
	{ ROWS "modules: {door: {opne: true}}\n",
		"3:18: \"opne\" is not an option of door; expected open, wide or guests; did you mean \"open\"?\n" },
	{ ROWS "modules: {door: {open: maybe}}\n",
		"3:24: open is \"maybe\"; expected true or false\n" },
	{ ROWS "modules: {door: maybe}\n",
		"3:17: door is \"maybe\"; expected a map of options, true or false\n" },
	{ ROWS "modules: {bell: {loud: yes}}\n",
		"3:18: \"loud\" is not an option of bell; expected nothing here\n" },
	{ ROWS "modules: [door]\n", "3:10: modules is a list; expected a map of options\n" },
	{ "hosts: [a.example, b.example, A.EXAMPLE]\nlisten: []\n",
		"1:31: host \"a.example\" stands twice; expected it once\n" },
	{ "hosts: ['a b', '']\nlisten: []\n",
		"1:9: \"a b\" cannot be a host; expected a domain such as example.org\n"
		"1:16: \"\" cannot be a host; expected a domain such as example.org\n" },
	{ "hosts: [{tls: {}}, {name: a.example, tsl: {}}]\nlisten: []\n",
		"1:9: no name in a host; expected a domain such as example.org\n"
		"1:38: \"tsl\" is not an option of a host; expected name, tls or modules; did you mean \"tls\"?\n" },
	{ "hosts: [a.example]\n",
		"1:1: no certificate for the standard listeners; expected `tls: {certificate: FILE, key: FILE}`, or "
		"`listen` with starttls: off\n" },
	{ "hosts: [a.example]\ntls: {key: k.pem}\nlisten: []\n",
		"2:6: a key without a certificate; expected `tls: {certificate: FILE, key: FILE}`\n" },
	{ "hosts: [a.example]\nlisten:\n- {service: c2s, port: 5222, starttls: required}\n- {service: c2s, port: 5223, "
	  "tls: direct}\n- {service: c2s, port: 5224}\n- {service: c2s, port: 5225, starttls: off}\n",
		"3:40: starttls: required without a certificate; expected `tls: {certificate: FILE, key: FILE}` in this "
		"file, or starttls: off\n"
		"4:35: tls: direct without a certificate; expected `tls: {certificate: FILE, key: FILE}` in this file\n"
		"5:3: starttls: required without a certificate; expected `tls: {certificate: FILE, key: FILE}` in this "
		"file, or starttls: off\n" },
	{ "hosts: [{name: a.example, tls: {certificate: a.pem}}, b.example]\n",
		"1:55: host \"b.example\" has no certificate; expected `{name: b.example, tls: {certificate: FILE, key: "
		"FILE}}`\n" },
	{ "hosts: [a.example]\nlisten: {service: c2s}\n",
		"2:9: listen is a map; expected a list such as `- {service: c2s, port: 5222}`\n" },
	{ "hosts: [a.example]\nlisten:\n- {service: c3s, port: 1, starttls: off}\n- {starttls: off}\n",
		"3:13: service is \"c3s\"; expected c2s; did you mean \"c2s\"?\n"
		"4:3: no service in listen; expected text that is not empty\n"
		"4:3: no port in listen; expected a whole number at most 65535\n" },
	{ "hosts: [a.example]\nlisten:\n- {service: c2s, address: localhost, port: 1, starttls: off}\n"
	  "- {service: c2s, port: 70000, starttls: off}\n",
		"3:27: address is \"localhost\"; expected an IP address such as 127.0.0.1 or \"::1\"\n"
		"4:24: port is \"70000\"; expected a whole number at most 65535\n" },
	{ "hosts: [a.example]\nlisten:\n- {service: c2s, port: 1, starttls: off}\n- {service: c2s, port: 1, starttls: "
	  "off}\n- {service: c2s, port: 0, starttls: off}\n- {service: c2s, port: 0, starttls: off}\n",
		"4:3: address :: with port 1 stands twice; expected each once\n" },
	{ "hosts: [a.example]\ntls: {certificate: c.pem}\nlisten:\n- {service: c2s, port: 1, tls: direct, starttls: "
	  "required}\n",
		"4:50: starttls on a listener with direct TLS; expected one of the two\n" },
	{ "hosts: [a.example]\nlisten: [\n",
		"3:1: not valid YAML: did not find expected node content, while parsing a "
		"flow node\n" },
	{ "hosts: &x [a.example]\n",
		"1:8: anchors (&name) are not supported; expected the value itself\n" },
	{ "hosts: *x\n", "1:8: aliases (*name) are not supported; expected the value itself\n" },
	{ "hosts: !!set [a]\n", "1:8: tags (!name) are not supported; expected a plain value\n" },
	{ ROWS "---\na: b\n", "3:1: a second document; expected the file to end here\n" },
	{ ROWS "? [a]\n: b\n", "3:3: a key that is not a word; expected `key: value`\n" },
	{ ROWS "a: [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]\n", "3:19: nested too deeply\n" },
	{ ROWS "a: \"x\\0y\"\n", "3:4: a NUL character; expected text\n" },
	{ ROWS "a: \xff\n", "3:4: not valid YAML: a byte that is not text; expected UTF-8\n" },
	{ ROWS "\"a\\e[2Jb\": 1\n", "3:1: \"a\\x1b[2Jb\" is not an option; expected hosts" },
	{ "hots: [a.example]\nworkers: x\nlisten: []\nlog: {level: lous}\n",
		"1:1: \"hots\" is not an option; expected hosts, listen, modules, store, tls, c2s, http, log, data_dir, "
		"control_socket, modules_dir, admin_address or workers; did you mean \"hosts\"?\n"
		"1:1: no hosts; expected a list of domains, `hosts: [example.org]`\n"
		"2:10: workers is \"x\"; expected a whole number at most 256\n"
		"4:14: level is \"lous\"; expected none, error, warn, info, debug or trace\n" },
};

/* Every line of `want` is there, in order, and nothing more; a row's last line may be a
 * beginning. */
START_TEST(faults_are_told_with_their_place)
{
	struct buf faults = BUF_INIT;
	const char *want = broken[_i].faults;
	struct config *c = read_text(broken[_i].text, &faults);

	ck_assert_msg(c == NULL, "row %d was read", _i);
	ck_assert_msg(strncmp(buf_text(&faults), want, strlen(want)) == 0,
		"row %d\nwant: %s\ngot:  %s", _i, want, buf_text(&faults));
	if (want[strlen(want) - 1] == '\n')
		ck_assert_msg(buf_len(&faults) == strlen(want), "row %d says more: %s", _i,
			buf_text(&faults));
	buf_fini(&faults);
}

END_TEST

START_TEST(faults_are_counted_beyond_a_bound)
{
	struct buf text = BUF_INIT, faults = BUF_INIT;

	buf_put_text(&text, ROWS);
	for (int i = 0; i < 150; i++)
		buf_printf(&text, "nothing%d: 1\n", i);
	ck_assert_ptr_null(read_text(buf_text(&text), &faults));
	ck_assert_ptr_nonnull(strstr(buf_text(&faults), "\n 50 more faults\n"));
	buf_fini(&text);
	buf_fini(&faults);
}

END_TEST

START_TEST(file_that_is_too_large_is_refused)
{
	struct buf text = BUF_INIT, faults = BUF_INIT;

	buf_put_text(&text, ROWS);
	while (buf_len(&text) <= 1024 * 1024)
		buf_put_text(&text, "# a comment that says nothing at all\n");
	ck_assert_ptr_null(read_text(buf_text(&text), &faults));
	ck_assert_str_eq(buf_text(&faults), " larger than 1048576 bytes\n");
	buf_fini(&text);
	buf_fini(&faults);
}

END_TEST

/* ---- Reload ------------------------------------------------------------------------ */

START_TEST(diff_tells_what_changed_and_when_it_applies)
{
	struct buf lines = BUF_INIT;
	AUTO(config_unref)
	struct config *was =
		good("hosts: [a.example, b.example]\nlisten: []\nstore: {password: x}\n"
		     "modules: {door: {open: no}}\n");
	AUTO(config_unref)
	struct config *is = good(
		"hosts: [c.example, a.example]\nworkers: 2\nstore: {password: y}\nc2s: {max_stanza: 2M}\n"
		"tls: {certificate: /c.pem}\nmodules: {door: {open: yes}, bell: no}\n");

	config_diff(was, was, gather, &lines);
	ck_assert_uint_eq(buf_len(&lines), 0);
	config_diff(was, is, gather, &lines);
	ck_assert_str_eq(buf_text(&lines),
		"workers: 2, was 0; applies after a restart\n"
		"store.password: (secret), was (secret); applies after a restart\n"
		"c2s.max_stanza: 2M, was 1M\n"
		"listen: changed; applies after a restart\n"
		"hosts: without b.example\n"
		"hosts: with c.example\n"
		"a.example: tls.certificate: /c.pem, was nothing\n"
		"a.example: tls.key: /c.pem, was nothing\n"
		"a.example: modules.door.open: true, was false\n"
		"a.example: modules.bell: off, was on\n");
	buf_fini(&lines);
}

END_TEST

static unsigned freed;

static void
count_free(struct config *c)
{
	(void)c;
	freed++;
}

START_TEST(snapshot_goes_with_its_last_reference)
{
	struct config *c = good(ROWS), *other = config_ref(c);

	freed = 0;
	config_on_free(count_free);
	config_unref(&c);
	ck_assert_ptr_null(c);
	ck_assert_uint_eq(freed, 0);
	config_unref(&other);
	ck_assert_uint_eq(freed, 1);
	config_unref(&other);
	ck_assert_uint_eq(freed, 1);
}

END_TEST

static void
see(struct worker *w, void *arg)
{
	const struct config **seen = arg;

	seen[worker_index(w)] = config_of(w);
}

static void
adopt(struct worker *w, void *arg)
{
	config_adopt(w, arg);
}

START_TEST(workers_change_over_to_what_they_adopt)
{
	const struct config *seen[2] = { NULL, NULL };
	struct config *first = good(ROWS), *second = good(ROWS);
	struct err e;

	freed = 0;
	config_on_free(count_free);
	ck_assert_msg(workers_init(2, &e), "%s", e.text);
	config_publish(first);
	workers_start();
	workers_each(see, seen);
	ck_assert(seen[0] == first && seen[1] == first);
	config_unref(&first);
	workers_each(adopt, second);
	workers_each(see, seen);
	ck_assert(seen[0] == second && seen[1] == second);
	ck_assert_uint_eq(freed, 1);
	workers_stop();
	config_withdraw();
	workers_fini();
	config_unref(&second);
	ck_assert_uint_eq(freed, 2);
}

END_TEST

START_TEST(reference_names_every_option)
{
	struct buf out = BUF_INIT;

	add_modules();
	config_print(&out);
	for (size_t i = 0; i < COUNT(door_fields) - 1; i++)
		ck_assert_msg(strstr(buf_text(&out), door_fields[i].doc) != NULL, "%s",
			door_fields[i].name);
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "max_stanza_before_auth"));
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "`starttls`"));
	ck_assert_ptr_nonnull(strstr(buf_text(&out), "## modules.bell"));
	buf_fini(&out);
}

END_TEST

Suite *
suite_config(void)
{
	const TTest *const tests[] = { file_of_every_day_is_read, everything_has_a_default,
		hosts_override_certificate_and_modules, units_lists_and_levels_are_read,
		relative_names_start_at_the_file, names_of_hosts_are_prepared,
		secrets_come_from_files_and_the_environment, faults_are_counted_beyond_a_bound,
		file_that_is_too_large_is_refused, diff_tells_what_changed_and_when_it_applies,
		snapshot_goes_with_its_last_reference, workers_change_over_to_what_they_adopt,
		reference_names_every_option, NULL };
	Suite *suite = suite_make("config", tests);
	TCase *tcase = tcase_create("faults");

	tcase_add_loop_test(tcase, faults_are_told_with_their_place, 0, COUNT(broken));
	suite_add_tcase(suite, tcase);
	return suite;
}
