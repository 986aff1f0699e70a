/*
 * Rooms: every role and affiliation against every privilege (XEP-0045 5.1.1, 5.2.1), and every
 * change of a role or an affiliation by everybody (5.1.3, 5.2.2), each against a table written from
 * the text.
 *
 * Runs on: the test process
 */
#include "modules/muc/muc.h"
#include "tests/unit/suite.h"

#include <string.h>

/* What an open, ordinary room has. */
static struct room_config
ordinary(void)
{
	return (struct room_config){ .changesubject = true,
		.allowinvites = true,
		.allowpm = ALLOW_ANYONE,
		.getmemberlist = ALLOW_PARTICIPANTS,
		.presencevisitor = true,
		.presenceparticipant = true,
		.presencemoderator = true,
		.allowregister = true };
}

/* One row a privilege: a letter for each role (none, visitor, participant, moderator) or each
 * affiliation (outcast, none, member, admin, owner): Y yes, - no. */
struct row {
	enum privilege p;
	const char *who;
};

static void
check_roles(const struct room_config *c, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (unsigned r = 0; r < ROLE_COUNT; r++)
			for (unsigned a = 0; a < AFF_COUNT; a++)
				ck_assert_msg(
					may(c, rows[i].p, (enum role)r, (enum affiliation)a) ==
						(rows[i].who[r] == 'Y'),
					"row %zu, role %s", i, role_name((enum role)r));
}

static void
check_affiliations(const struct room_config *c, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (unsigned a = 0; a < AFF_COUNT; a++)
			for (unsigned r = 0; r < ROLE_COUNT; r++)
				ck_assert_msg(
					may(c, rows[i].p, (enum role)r, (enum affiliation)a) ==
						(rows[i].who[a] == 'Y'),
					"row %zu, affiliation %s", i,
					affiliation_name((enum affiliation)a));
}

START_TEST(roles_have_their_privileges)
{
	static const struct row rows[] = {
		{ MAY_RECEIVE, "-YYY" },
		{ MAY_SHOW_PRESENCE, "-YYY" },
		{ MAY_CHANGE_NICK, "-YYY" },
		{ MAY_WHISPER, "-YYY" },
		{ MAY_INVITE, "--YY" },
		{ MAY_SPEAK, "--YY" },
		{ MAY_SET_SUBJECT, "--YY" },
		{ MAY_KICK, "---Y" },
		{ MAY_SET_VOICE, "---Y" },
		{ MAY_MODERATE, "---Y" },
	};
	struct room_config c = ordinary();

	check_roles(&c, rows, COUNT(rows));
}

END_TEST

START_TEST(the_configuration_narrows_roles)
{
	static const struct row rows[] = {
		{ MAY_RECEIVE, "-YYY" },
		{ MAY_SHOW_PRESENCE, "---Y" },
		{ MAY_CHANGE_NICK, "----" },
		{ MAY_WHISPER, "---Y" },
		{ MAY_INVITE, "---Y" },
		{ MAY_SPEAK, "--YY" },
		{ MAY_SET_SUBJECT, "---Y" },
	};
	static const struct row participants[] = { { MAY_WHISPER, "--YY" } };
	static const struct row nobody[] = { { MAY_WHISPER, "----" } };
	struct room_config c = ordinary();

	c.presencevisitor = c.presenceparticipant = false;
	c.changesubject = c.allowinvites = false;
	c.locknicks = true;
	c.allowpm = ALLOW_MODERATORS;
	check_roles(&c, rows, COUNT(rows));
	c.allowpm = ALLOW_PARTICIPANTS;
	check_roles(&c, participants, 1);
	c.allowpm = ALLOW_NONE;
	check_roles(&c, nobody, 1);
}

END_TEST

START_TEST(affiliations_have_their_privileges)
{
	static const struct row rows[] = {
		{ MAY_ENTER_OPEN, "-YYYY" },
		{ MAY_ENTER, "-YYYY" },
		{ MAY_REGISTER, "-YYYY" },
		{ MAY_LIST_MEMBERS, "--YYY" },
		{ MAY_BAN, "---YY" },
		{ MAY_EDIT_MEMBERS, "---YY" },
		{ MAY_EDIT_MODERATORS, "---YY" },
		{ MAY_EDIT_ADMINS, "----Y" },
		{ MAY_EDIT_OWNERS, "----Y" },
		{ MAY_CONFIGURE, "----Y" },
		{ MAY_DESTROY, "----Y" },
	};
	static const struct row closed[] = {
		{ MAY_ENTER, "--YYY" },
		{ MAY_REGISTER, "--YYY" },
		{ MAY_LIST_MEMBERS, "---YY" },
	};
	struct room_config c = ordinary();

	check_affiliations(&c, rows, COUNT(rows));
	c.membersonly = true;
	c.allowregister = false;
	c.getmemberlist = ALLOW_MODERATORS;
	check_affiliations(&c, closed, COUNT(closed));
}

END_TEST

START_TEST(every_privilege_is_tested)
{
	/* As many as the rows above; who adds one adds a row. */
	ck_assert_uint_eq(PRIVILEGE_COUNT, 10 + 11);
}

END_TEST

START_TEST(roles_on_entry)
{
	static const enum role open[] = { ROLE_NONE, ROLE_PARTICIPANT, ROLE_PARTICIPANT,
		ROLE_MODERATOR, ROLE_MODERATOR };

	static const enum role moderated[] = { ROLE_NONE, ROLE_VISITOR, ROLE_PARTICIPANT,
		ROLE_MODERATOR, ROLE_MODERATOR };
	struct room_config c = ordinary();

	for (unsigned a = 0; a < AFF_COUNT; a++)
		ck_assert_int_eq(role_on_entry(&c, (enum affiliation)a), open[a]);
	c.moderatedroom = true;
	for (unsigned a = 0; a < AFF_COUNT; a++)
		ck_assert_int_eq(role_on_entry(&c, (enum affiliation)a), moderated[a]);
}

END_TEST

/* A letter for what is answered: . done, f forbidden, n not-allowed, c conflict. */
static char
letter(enum cond c)
{
	switch (c) {
	case COND_NONE:
		return '.';
	case COND_FORBIDDEN:
		return 'f';
	case COND_NOT_ALLOWED:
		return 'n';
	case COND_CONFLICT:
		return 'c';
	default:
		return '?';
	}
}

/* Rows: the target's affiliation (outcast, none, member, admin, owner); columns: the wanted one. */
static const char *const by_admin[AFF_COUNT] = {
	"...ff",
	"...ff",
	"...ff",
	"nff.f", /* another admin */
	"nnnnn",
};

START_TEST(changes_of_affiliations)
{
	for (unsigned actor = 0; actor < AFF_COUNT; actor++)
		for (unsigned target = 0; target < AFF_COUNT; target++)
			for (unsigned wanted = 0; wanted < AFF_COUNT; wanted++) {
				char expected = actor < AFF_ADMIN    ? 'f'
						: actor == AFF_ADMIN ? by_admin[target][wanted]
								     : '.';
				enum cond c = may_set_affiliation((enum affiliation)actor,
					(enum affiliation)target, (enum affiliation)wanted, false,
					2);

				ck_assert_msg(letter(c) == expected, "%s makes %s %s: %c, not %c",
					affiliation_name((enum affiliation)actor),
					affiliation_name((enum affiliation)target),
					affiliation_name((enum affiliation)wanted), letter(c),
					expected);
			}
}

END_TEST

START_TEST(changes_of_ones_own_affiliation)
{
	/* outcast, none, member, admin, owner */
	static const char one_owner[] = "cccc.", two_owners[] = "c....", admin[] = "c...f";

	for (unsigned wanted = 0; wanted < AFF_COUNT; wanted++) {
		enum affiliation w = (enum affiliation)wanted;

		ck_assert_int_eq(letter(may_set_affiliation(AFF_OWNER, AFF_OWNER, w, true, 1)),
			one_owner[wanted]);
		ck_assert_int_eq(letter(may_set_affiliation(AFF_OWNER, AFF_OWNER, w, true, 2)),
			two_owners[wanted]);
		ck_assert_int_eq(letter(may_set_affiliation(AFF_ADMIN, AFF_ADMIN, w, true, 1)),
			admin[wanted]);
	}
	ck_assert_int_eq(
		letter(may_set_affiliation(AFF_ADMIN, AFF_OWNER, AFF_NONE, false, 1)), 'n');
}

END_TEST

/* What a moderator of that affiliation is answered who gives a target (rows: affiliation none,
 * member, admin, owner, with its role) the role none, visitor, participant, moderator. */
struct role_row {
	enum affiliation target;
	enum role role;
	const char *by_none, *by_member, *by_admin, *by_owner;
};

START_TEST(changes_of_roles)
{
	static const struct role_row rows[] = {
		{ AFF_NONE, ROLE_VISITOR, "...f", "...f", "....", "...." },
		{ AFF_NONE, ROLE_PARTICIPANT, "...f", "...f", "....", "...." },
		{ AFF_NONE, ROLE_MODERATOR, "nff.", "nff.", "....", "...." },
		{ AFF_MEMBER, ROLE_VISITOR, "n.nn", "...f", "....", "...." },
		{ AFF_MEMBER, ROLE_PARTICIPANT, "nn.n", "...f", "....", "...." },
		{ AFF_MEMBER, ROLE_MODERATOR, "nnn.", "nff.", "....", "...." },
		{ AFF_ADMIN, ROLE_MODERATOR, "nnn.", "nnn.", "nnn.", ".nn." },
		{ AFF_OWNER, ROLE_MODERATOR, "nnn.", "nnn.", "nnn.", "nnn." },
	};
	struct room_config c = ordinary();

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *by[AFF_COUNT] = { NULL, rows[i].by_none, rows[i].by_member,
			rows[i].by_admin, rows[i].by_owner };

		for (unsigned a = AFF_NONE; a < AFF_COUNT; a++)
			for (unsigned r = 0; r < ROLE_COUNT; r++) {
				struct standing actor = { (enum affiliation)a, ROLE_MODERATOR };
				struct standing target = { rows[i].target, rows[i].role };
				enum cond got = may_set_role(&c, actor, target, (enum role)r);

				ck_assert_msg(letter(got) == by[a][r],
					"row %zu: a moderator who is %s gives %s: %c, not %c", i,
					affiliation_name((enum affiliation)a),
					role_name((enum role)r), letter(got), by[a][r]);
			}
	}
}

END_TEST

START_TEST(who_is_no_moderator_changes_no_roles)
{
	struct room_config c = ordinary();
	struct standing target = { AFF_NONE, ROLE_PARTICIPANT };

	for (unsigned r = ROLE_NONE; r < ROLE_MODERATOR; r++)
		for (unsigned a = AFF_OUTCAST; a <= AFF_MEMBER; a++)
			for (unsigned wanted = 0; wanted < ROLE_COUNT; wanted++) {
				struct standing actor = { (enum affiliation)a, (enum role)r };

				if (wanted == ROLE_PARTICIPANT)
					continue;
				ck_assert_int_eq(
					letter(may_set_role(&c, actor, target, (enum role)wanted)),
					'f');
			}
}

END_TEST

START_TEST(names_are_read_again)
{
	enum affiliation a;
	enum role r;

	for (unsigned i = 0; i < AFF_COUNT; i++) {
		ck_assert(affiliation_parse(affiliation_name((enum affiliation)i), &a));
		ck_assert_uint_eq(a, i);
	}
	for (unsigned i = 0; i < ROLE_COUNT; i++) {
		ck_assert(role_parse(role_name((enum role)i), &r));
		ck_assert_uint_eq(r, i);
	}
	ck_assert(!affiliation_parse("king", &a) && !affiliation_parse(NULL, &a));
	ck_assert(!role_parse("", &r) && !role_parse(NULL, &r));
}

END_TEST

START_TEST(configurations_survive_the_store)
{
	struct arena *a = arena_new(0);
	struct room_config c = { 0 }, again = { 0 };
	struct buf b = BUF_INIT;

	fields_default(config_fields, &c, a);
	config_store(&c, &b);
	ck_assert_uint_eq(buf_len(&b), 0);
	c.roomname = "Name, with\ttab and = signs";
	c.membersonly = true;
	c.maxusers = 7;
	c.whois = WHOIS_ANYONE;
	c.roomsecret = "secret";
	config_store(&c, &b);
	config_restore(&again, a, buf_str(&b));
	for (const struct field *f = config_fields; f->name; f++)
		ck_assert_msg(field_same(f, &c, &again), "%s", f->name);
	config_restore(&again, a,
		STR("nonsense\x1e"
		    "maxusers\x1fmany\x1e"
		    "roomname\x1f"
		    "x"));
	ck_assert_str_eq(again.roomname, "x");
	ck_assert_int_eq(again.maxusers, 0);
	buf_fini(&b);
	arena_free(&a);
}

END_TEST

SUITE_OF(muc_privilege, roles_have_their_privileges, the_configuration_narrows_roles,
	affiliations_have_their_privileges, every_privilege_is_tested, roles_on_entry,
	changes_of_affiliations, changes_of_ones_own_affiliation, changes_of_roles,
	who_is_no_moderator_changes_no_roles, names_are_read_again,
	configurations_survive_the_store)
