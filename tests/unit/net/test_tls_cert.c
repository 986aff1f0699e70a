/*
 * Certificates: files that cannot be used are named with their fault, doubts are seen, and hosts
 * with the same files share a context.
 *
 * Runs on: the test process
 */
#include "base/log.h"
#include "net/net.h"
#include "net/tls_own.h"
#include "tests/unit/net/net_test.h"
#include "tests/unit/suite.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

static void
write_file(const char *file, const char *text)
{
	FILE *f = fopen(cert_path(file), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

START_TEST(bad_files_are_named_with_their_fault)
{
	static const struct {
		const char *certificate, *key, *fault;
	} rows[] = {
		{ "none.pem", "a.pem", "certificate @none.pem: No such file or directory" },
		{ "a.pem", "none.pem", "key @none.pem: No such file or directory" },
		{ "text.pem", "a.pem", "certificate @text.pem: no start line" },
		{ "a.pem", "text.pem", "key @text.pem: unsupported" },
		{ "a.pem", "b.pem",
			"key @b.pem does not belong to certificate @a.pem: key values mismatch" },
	};

	char want[512], certificate[160], key[160];

	cert_make("a.pem", "a.example", 365);
	cert_make("b.pem", "b.example", 365);
	write_file("text.pem", "hello\n");
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *from = rows[i].fault;
		size_t n = 0;
		struct err e;

		snprintf(certificate, sizeof(certificate), "%s", cert_path(rows[i].certificate));
		snprintf(key, sizeof(key), "%s", cert_path(rows[i].key));
		/* @ stands for the folder. */
		for (; *from && n < sizeof(want) - 160; from++) {
			if (*from == '@')
				n += (size_t)snprintf(want + n, 160, "%s", cert_path(""));
			else
				want[n++] = *from;
		}
		want[n] = '\0';
		ck_assert_ptr_null(tls_ctx_new(certificate, key, &e));
		ck_assert_msg(strcmp(e.text, want) == 0, "row %zu: %s", i, e.text);
	}
}

END_TEST

START_TEST(doubts_are_seen)
{
	static const struct {
		const char *names, *host;
		int days;
		enum tls_cert_doubt doubt;
	} rows[] = {
		{ "a.example", "a.example", 365, CERT_FINE },
		{ "*.a.example", "x.a.example", 365, CERT_FINE },
		{ "*.a.example", "x.y.a.example", 365, CERT_OTHER_NAME },
		{ "b.example a.example", "a.example", 31, CERT_FINE },
		{ "b.example", "a.example", 365, CERT_OTHER_NAME },
		{ "a.example", "a.example", 29, CERT_ENDS_SOON },
		{ "a.example", "a.example", -1, CERT_EXPIRED },
		{ "a.example", "a.example", -10, CERT_EXPIRED },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *file = cert_make("doubt.pem", rows[i].names, rows[i].days);
		SSL_CTX *ctx;
		struct err e;
		int days;

		ctx = tls_ctx_new(file, file, &e);
		ck_assert_msg(ctx != NULL, "row %zu: %s", i, e.text);
		ck_assert_msg(
			tls_cert_doubt(ctx, rows[i].host, &days) == rows[i].doubt, "row %zu", i);
		SSL_CTX_free(ctx);
	}
}

END_TEST

static void
fault(const char *line, void *ctx)
{
	(void)ctx;
	ck_abort_msg("%s", line);
}

START_TEST(hosts_with_the_same_files_share_a_context)
{
	const char *a = cert_make("a.pem", "a.example b.example", 365);
	const char *c = cert_make("c.pem", "c.example", 365);
	struct config *config;
	char yaml[1024];
	struct err e;

	log_set_all(LOG_LEVEL_ERROR);
	snprintf(yaml, sizeof(yaml),
		"tls: {certificate: %s, key: %s}\n"
		"hosts: [a.example, b.example, {name: c.example, tls: {certificate: %s, key: %s}}]\n",
		a, a, c, c);
	config_on_free(tls_release);
	config = config_read("/tmp/t.yml", str_of(yaml), fault, NULL);
	ck_assert_ptr_nonnull(config);
	ck_assert_msg(tls_prepare(config, &e), "%s", e.text);
	ck_assert_ptr_nonnull(config->hosts[0]->tls_ctx);
	ck_assert_ptr_eq(config->hosts[0]->tls_ctx, config->hosts[1]->tls_ctx);
	ck_assert_ptr_ne(config->hosts[0]->tls_ctx, config->hosts[2]->tls_ctx);
	config_unref(&config);
}

END_TEST

SUITE_OF(tls_cert, bad_files_are_named_with_their_fault, doubts_are_seen,
	hosts_with_the_same_files_share_a_context)
