/*
 * config_listen.c -- listeners, and whether the certificates they need are there.
 *
 * Without `listen:` there are the two standard ones of RFC 6120 and XEP-0368 on all addresses, with
 * TLS on both, so that nothing is ever open in clear because a line was left out.
 *
 * Runs on: main.
 */
#include "config/load.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define SERVICES_MAX 16

static const char *services[SERVICES_MAX + 1] = { "c2s" };
static size_t services_count = 1;

void
config_add_service(const char *name)
{
	for (size_t i = 0; i < services_count; i++) {
		if (text_eq(services[i], name))
			return;
	}
	if (services_count >= SERVICES_MAX)
		abort(); /* The program names its own services. */
	services[services_count++] = name;
}

/* ---- Certificates ----------------------------------------------------------------- */

/* A key may stand in the certificate's file; a key alone is a mistake. */
static void
complete_tls(struct load *l, struct tls_conf *tls, const struct yaml *node)
{
	if (!tls->certificate && tls->key)
		fault_add(&l->faults, node->line, node->column,
			"a key without a certificate; expected `tls: {certificate: FILE, key: FILE}`");
	if (!tls->key)
		tls->key = tls->certificate;
}

static config_tls_fn *check_files;

void
config_check_tls(config_tls_fn *check)
{
	check_files = check;
}

void
load_check_tls(struct load *l, const struct tls_conf *tls, const struct yaml *map)
{
	const struct yaml *certificate = yaml_find(map, "certificate"),
			  *key = yaml_find(map, "key");
	const struct yaml *at = certificate;
	struct err e;

	if (!check_files || !tls->certificate ||
		check_files(tls->certificate, tls->key ? tls->key : tls->certificate, &e))
		return;
	if (key && strncmp(e.text, "key ", 4) == 0)
		at = key;
	fault_add(&l->faults, at->line, at->column,
		"%s; expected PEM files of a certificate with its chain and of its key", e.text);
}

/* Gives each host its certificate; returns how many have one. */
static size_t
share_certificates(struct load *l)
{
	struct config *c = l->config;
	const struct yaml *node = yaml_find(l->root, "tls");
	size_t with = 0;

	complete_tls(l, &c->tls, node ? node : l->root);
	if (node)
		load_check_tls(l, &c->tls, node);
	for (size_t i = 0; i < c->hosts_count; i++) {
		struct host *h = c->hosts[i];

		complete_tls(l, &h->tls, l->host_nodes[i]);
		if (!h->tls.certificate)
			h->tls = c->tls;
		with += h->tls.certificate != NULL;
	}
	return with;
}

/* ---- Rows -------------------------------------------------------------------------- */

static void
check_address(struct load *l, const struct listen_conf *row, const struct yaml *node)
{
	const struct yaml *at = yaml_find(node, "address");
	unsigned char ip[16];

	if (!at || at->kind != YAML_TEXT || inet_pton(AF_INET, row->address, ip) == 1 ||
		inet_pton(AF_INET6, row->address, ip) == 1)
		return;
	fault_add(&l->faults, at->line, at->column,
		"address is %s; expected an IP address such as 127.0.0.1 or \"::1\"",
		yaml_what(at, &l->faults));
}

static void
check_service(struct load *l, const struct yaml *node)
{
	const struct yaml *at = yaml_find(node, "service");
	const char *near;
	struct buf b = BUF_INIT;

	if (!at || at->kind != YAML_TEXT)
		return;
	for (size_t i = 0; i < services_count; i++) {
		if (str_is(at->text, services[i]))
			return;
	}
	near = names_nearest(services, at->text);
	for (size_t i = 0; i < services_count; i++)
		buf_printf(&b, "%s%s", i == 0 ? "" : ", ", services[i]);
	if (near)
		buf_printf(&b, "; did you mean \"%s\"?", near);
	fault_add(&l->faults, at->line, at->column, "service is %s; expected %s",
		yaml_what(at, &l->faults), buf_text(&b));
	buf_fini(&b);
}

static void
check_twice(struct load *l, const struct listen_conf *row, const struct yaml *node)
{
	for (const struct listen_conf *it = l->config->listens; it < row; it++) {
		if (row->port == 0 || it->port != row->port || !text_eq(it->address, row->address))
			continue;
		fault_add(&l->faults, node->line, node->column,
			"address %s with port %lld stands twice; expected each once", row->address,
			(long long)row->port);
		return;
	}
}

/* TLS that is asked for needs a certificate; direct TLS and STARTTLS exclude each other. */
static void
check_tls(struct load *l, struct listen_conf *row, const struct yaml *node, size_t certificates)
{
	const struct yaml *starttls = yaml_find(node, "starttls"), *tls = yaml_find(node, "tls");
	const struct yaml *at = tls ? tls : starttls ? starttls : node;

	if (row->tls == LISTEN_DIRECT) {
		if (starttls && row->starttls != STARTTLS_OFF)
			fault_add(&l->faults, starttls->line, starttls->column,
				"starttls on a listener with direct TLS; expected one of the two");
		row->starttls = STARTTLS_OFF;
	} else if (row->starttls == STARTTLS_OFF) {
		return;
	} else if (starttls) {
		at = starttls;
	}
	if (certificates == 0 && l->config->hosts_count > 0)
		fault_add(&l->faults, at->line, at->column,
			"%s without a certificate; expected `tls: {certificate: FILE, key: FILE}` in this file%s",
			row->tls == LISTEN_DIRECT	     ? "tls: direct"
			: row->starttls == STARTTLS_REQUIRED ? "starttls: required"
							     : "starttls: optional",
			row->tls == LISTEN_DIRECT ? "" : ", or starttls: off");
}

/* HTTP has no STARTTLS that anybody uses. */
static void
check_http(struct load *l, struct listen_conf *row, const struct yaml *node)
{
	const struct yaml *starttls = yaml_find(node, "starttls");

	if (!text_eq(row->service, "http"))
		return;
	if (starttls && row->starttls != STARTTLS_OFF)
		fault_add(&l->faults, starttls->line, starttls->column,
			"starttls on a listener for http; expected `tls: direct` or nothing");
	row->starttls = STARTTLS_OFF;
}

static void
load_proxies(struct load *l, struct listen_conf *row, const struct yaml *node)
{
	const struct yaml *at = yaml_find(node, "proxies");
	size_t n = 0;

	while (row->proxies && row->proxies[n])
		n++;
	row->trusted = ARENA_ARRAY(l->arena, struct range, n);
	for (size_t i = 0; i < n; i++) {
		if (range_parse(row->proxies[i], &row->trusted[i]))
			row->trusted_count++;
		else
			fault_add(&l->faults, at->line, at->column,
				"proxies has %s; expected addresses or ranges such as 192.0.2.1 or 10.0.0.0/8",
				fault_quote(&l->faults, str_of(row->proxies[i])));
	}
	if (row->proxy_protocol && n == 0)
		fault_add(&l->faults, node->line, node->column,
			"proxy_protocol without proxies; expected the addresses that may send it");
}

static void
load_row(struct load *l, const struct yaml *node, size_t certificates)
{
	struct listen_conf *row = &l->config->listens[l->config->listens_count];

	fields_default(config_listen, row, l->arena);
	if (!load_is_map(l, node, "a listener"))
		return;
	load_fields(l, config_listen, row, node, "listen");
	load_required(l, config_listen, node, "listen");
	check_service(l, node);
	check_address(l, row, node);
	check_twice(l, row, node);
	check_http(l, row, node);
	check_tls(l, row, node, certificates);
	load_proxies(l, row, node);
	l->config->listens_count++;
}

static void
standard_listeners(struct load *l, size_t certificates)
{
	static const struct listen_conf standard[] = {
		{ .service = "c2s", .address = "::", .port = 5222, .starttls = STARTTLS_REQUIRED },
		{ .service = "c2s",
			.address = "::",
			.port = 5223,
			.starttls = STARTTLS_OFF,
			.tls = LISTEN_DIRECT },
	};

	l->config->listens = ARENA_ARRAY(l->arena, struct listen_conf, COUNT(standard));
	memcpy(l->config->listens, standard, sizeof(standard));
	l->config->listens_count = COUNT(standard);
	if (certificates == 0 && l->config->hosts_count > 0)
		fault_add(&l->faults, l->root->line, l->root->column,
			"no certificate for the standard listeners; expected `tls: {certificate: FILE, key: FILE}`, or "
			"`listen` with starttls: off");
}

/* Among hosts with certificates, those without could not be reached. */
static void
check_hosts(struct load *l, size_t certificates)
{
	const struct config *c = l->config;
	bool wanted = false;

	for (size_t i = 0; i < c->listens_count; i++)
		wanted = wanted || c->listens[i].tls == LISTEN_DIRECT ||
			 c->listens[i].starttls == STARTTLS_REQUIRED;
	for (size_t i = 0; wanted && certificates > 0 && i < c->hosts_count; i++) {
		const struct yaml *at = l->host_nodes[i];

		if (!c->hosts[i]->tls.certificate)
			fault_add(&l->faults, at->line, at->column,
				"host \"%s\" has no certificate; expected `{name: %s, tls: {certificate: FILE, key: "
				"FILE}}`",
				c->hosts[i]->name, c->hosts[i]->name);
	}
}

void
load_listens(struct load *l)
{
	const struct yaml *node = yaml_find(l->root, "listen");
	size_t certificates = share_certificates(l);

	if (!node) {
		standard_listeners(l, certificates);
	} else if (node->kind != YAML_LIST) {
		fault_add(&l->faults, node->line, node->column,
			"listen is %s; expected a list such as `- {service: c2s, port: 5222}`",
			yaml_what(node, &l->faults));
	} else {
		l->config->listens = ARENA_ARRAY(l->arena, struct listen_conf, node->count + 1);
		for (const struct yaml *it = node->first; it; it = it->next)
			load_row(l, it, certificates);
	}
	check_hosts(l, certificates);
}
