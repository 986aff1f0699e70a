/*
 * register.c -- XEP-0077: accounts made, changed and deleted by their users.
 *
 * Name and password are asked for twice, as plain fields and as a data form (4), and taken from
 * either.  Making accounts is closed unless the configuration opens it.  Attempts are limited for each
 * address by a table of fixed size; addresses that fall into one cell share its limit.
 *
 * Runs on: the stream's worker (making), the account's home (the rest).
 */
#include "module/module.h"
#include "xep/form.h"

#include <pthread.h>

#define NS_CHANGE_PASSWORD NS_REGISTER ":changepassword" /* (3.3) */
#define CELLS 4096

struct register_options {
	bool open;
	int64_t per_hour;
};

MODULE_OPTIONS(struct register_options)

static const struct field fields[] = {
	BOOL_FIELD(struct register_options, open, .dflt = "false", .flags = FIELD_RELOAD,
		.doc = "Let anybody make an account"),
	INT_FIELD(struct register_options, per_hour, .dflt = "10", .min = 0, .max = 1000000,
		.flags = FIELD_RELOAD,
		.doc = "Accounts that one address may try to make in an hour; 0: any number"),
	END_FIELDS,
};

static struct {
	pthread_mutex_t lock;
	bool used[CELLS];
	struct limit cells[CELLS];
} guard = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
may_try(const struct register_options *o, const struct stream_info *stream)
{
	uint8_t key[16];
	size_t n = addr_limit_key(&stream->peer, key);
	double burst = (double)o->per_hour;
	msec_t now = clock_mono();
	size_t cell;
	bool ok;

	if (o->per_hour == 0)
		return true;
	cell = (size_t)(hash_stable(key, n) % CELLS);
	pthread_mutex_lock(&guard.lock);
	if (!guard.used[cell])
		limit_init(&guard.cells[cell], burst, now);
	guard.used[cell] = true;
	ok = limit_take(&guard.cells[cell], 1, burst / 3600, burst, now) == 0;
	if (!ok) /* what is refused does not count */
		(void)limit_take(&guard.cells[cell], -1, burst / 3600, burst, now);
	pthread_mutex_unlock(&guard.lock);
	return ok;
}

static struct step
done(struct job *j)
{
	switch (credential_result_of(j)) {
	case CREDENTIAL_OK:
		return iq_result(j, NULL);
	case CREDENTIAL_CONFLICT:
		return iq_error(j, COND_CONFLICT, "the name is taken");
	case CREDENTIAL_NOT_FOUND:
		return iq_error(j, COND_ITEM_NOT_FOUND, NULL);
	case CREDENTIAL_WRONG:
		return iq_error(j, COND_NOT_AUTHORIZED, NULL);
	case CREDENTIAL_BAD_PASSWORD:
		return iq_error(j, COND_NOT_ACCEPTABLE, "the password is not allowed");
	case CREDENTIAL_AWAY:
		break;
	}
	return iq_error(j, COND_RESOURCE_CONSTRAINT, "try again later");
}

/* This host does not speak of accounts with who asks. */
static bool
is_refused(const struct job *j, struct problem *why)
{
	if (j->account && !str_is(jid_domain(j->stanza->from), j->host->name))
		return !problem(why, COND_NOT_ALLOWED, "your account is not of this host");
	if (!j->account && !options(j->host)->open)
		return !problem(why, COND_SERVICE_UNAVAILABLE, "registration is closed");
	return false;
}

/* ---- What is asked for ------------------------------------------------------------- */

static void
add_field(struct job *j, struct xml *form, enum form_type type, const char *var, const char *label,
	const char *value)
{
	struct xml *field = form_add(j->arena, form, type, var, value);

	form_label(j->arena, field, label);
	form_require(j->arena, field);
}

/* name: of the account, or NULL where one is to be made. */
static void
add_form(struct job *j, struct xml *query, const char *instructions, const char *name)
{
	struct xml *form = form_new(j->arena, FORM_FORM, NS_REGISTER);

	form_head(j->arena, form, name ? "Another password" : "A new account", instructions);
	add_field(j, form, FORM_TEXT_SINGLE, "username", "Name", name);
	add_field(j, form, FORM_TEXT_PRIVATE, "password", "Password", NULL);
	xml_adopt(query, form);
}

static struct step
get(struct job *j)
{
	struct xml *query = xml_new(j->arena, NS_REGISTER, "query");
	const char *instructions =
		j->account ? "Choose another password." : "Choose a name and a password.";
	const char *name = NULL;
	struct problem why;

	if (is_refused(j, &why))
		return iq_refuse(j, &why);
	xml_add_text(j->arena, query, NS_REGISTER, "instructions", instructions);
	if (j->account) {
		name = arena_str(j->arena, jid_local(jid_bare(j->stanza->from)));
		xml_add(j->arena, query, NS_REGISTER, "registered");
		xml_add_text(j->arena, query, NS_REGISTER, "username", name);
	} else {
		xml_add(j->arena, query, NS_REGISTER, "username");
	}
	xml_add(j->arena, query, NS_REGISTER, "password");
	add_form(j, query, instructions, name);
	return iq_result(j, query);
}

/* ---- What is given ------------------------------------------------------------------- */

struct entries {
	struct str name, password; /* empty where absent */
	bool cancelled;
};

/* The text of a plain field; empty where the field is absent. */
static struct str
text_in(struct job *j, const struct xml *query, const char *name)
{
	return xml_text_of(j->arena, xml_child(query, NS_REGISTER, name));
}

/* A form that is there is what counts. */
static bool
read_entries(struct job *j, const struct xml *query, struct entries *e, struct problem *why)
{
	struct form form;

	*e = (struct entries){ text_in(j, query, "username"), text_in(j, query, "password"),
		false };
	if (!xml_child(query, NS_DATA_FORM, "x"))
		return true;
	if (!form_submitted(j->arena, query, &form, why))
		return false;
	e->cancelled = form.kind == FORM_CANCEL;
	if (!e->cancelled && !form_is(&form, NS_REGISTER) &&
		!(j->account && form_is(&form, NS_CHANGE_PASSWORD)))
		return problem(why, COND_BAD_REQUEST, "not the form that was asked for");
	e->name = str_of(form_value(&form, "username"));
	e->password = str_of(form_value(&form, "password"));
	return true;
}

static struct step
take(struct job *j, const struct entries *e)
{
	struct jid bare;

	if (e->name.n == 0 || e->password.n == 0)
		return iq_error(j, j->account ? COND_BAD_REQUEST : COND_NOT_ACCEPTABLE,
			"a username and a password are needed");
	if (jid_make(j->arena, e->name, str_of(j->host->name), STR_NONE, &bare) != JID_OK)
		return iq_error(j, COND_NOT_ACCEPTABLE, "the username is not allowed");
	if (j->account)
		return jid_eq_bare(bare, j->stanza->from)
			       ? credential_change(j, done, bare, e->password)
			       : iq_error(j, COND_NOT_ALLOWED, "not your account");
	if (!job_stream(j) || !may_try(options(j->host), job_stream(j)))
		return iq_error(j, COND_RESOURCE_CONSTRAINT, "too many accounts from your address");
	return credential_create(j, done, bare, e->password);
}

static struct step
set(struct job *j)
{
	const struct xml *query = iq_child(j);
	struct entries entries;
	struct problem why;

	if (!j->account && xml_child(query, NS_REGISTER, "remove"))
		return iq_error(j, COND_REGISTRATION_REQUIRED, NULL);
	if (is_refused(j, &why))
		return iq_refuse(j, &why);
	if (xml_child(query, NS_REGISTER, "remove")) {
		if (xml_count(query) != 1)
			return iq_error(j, COND_BAD_REQUEST, "remove stands alone");
		return credential_remove(j, done, jid_bare(j->stanza->from));
	}
	if (!read_entries(j, query, &entries, &why))
		return iq_refuse(j, &why);
	return entries.cancelled ? iq_result(j, NULL) : take(j, &entries);
}

static enum verdict
on_features(struct features_event *ev)
{
	if (!ev->stream->authenticated && options(ev->head.host)->open)
		xml_add(ev->arena, ev->features, NS_REGISTER_FEATURE, "register");
	return PASS;
}

MODULE(register) = {
	IDENTITY(register),
	.summary = "Lets users make, change and delete their accounts",
	.xeps = XEPS({ 77, "2.4", XEP_COMPLETE, NULL }),
	.options = fields,
	.options_size = sizeof(struct register_options),
	.features = FEATURES(NS_REGISTER),
	.iqs =
		(const struct iq_handler[]){
			{ NS_REGISTER, "query", ON_GET, TO_HOST | TO_SELF | TO_STREAM, get },
			{ NS_REGISTER, "query", ON_SET, TO_HOST | TO_SELF | TO_STREAM, set },
			END_IQS,
		},
	.hooks =
		(const struct hook[]){
			ON(stream_features, ORDER_NORMAL, on_features),
			END_HOOKS,
		},
};
