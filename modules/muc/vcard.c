/*
 * vcard.c -- XEP-0486: a room's vCard, whose picture is its avatar.
 *
 * The card is in the row and is read when somebody asks; only the picture's hash is in memory.
 *
 * Runs on: the room's home.
 */
#include "modules/muc/muc.h"

#define VCARD_MAX 262144

static step_fn vcard_read, vcard_written;

struct step
room_vcard_get(struct job *j)
{
	return job_query(j, vcard_read, &room_queries[ROOM_GET_VCARD], ARGS(of_jid(j->owner)));
}

static struct step
vcard_read(struct job *j)
{
	struct str stored = j->rows->count > 0 ? row_str(j->rows, 0, 0) : STR_NONE;
	const struct stanza *s = stored.n > 0 ? stanza_read(stored) : NULL;
	struct step answered;

	if (!s || !s->children)
		answered = iq_result(j, xml_new(j->arena, NS_VCARD, "vCard"));
	else
		answered = iq_result(j, s->children);
	stanza_unref(&s);
	return answered;
}

/* Hex SHA-1 of the picture; NULL if there is none. */
static const char *
avatar_of(struct arena *a, const struct xml *card)
{
	const struct xml *photo = xml_child(card, NS_VCARD, "PHOTO");
	const struct xml *bin = photo ? xml_child(photo, NS_VCARD, "BINVAL") : NULL;
	struct buf packed = BUF_INIT;
	struct str text = bin ? xml_text_of(a, bin) : STR_NONE, bytes;
	uint8_t digest[DIGEST_MAX];
	bool ok;

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] > ' ')
			buf_put_char(&packed, text.p[i]);
	ok = buf_len(&packed) > 0 && base64_decode(a, buf_str(&packed), &bytes) && bytes.n > 0;
	buf_fini(&packed);
	if (!ok)
		return NULL;
	digest_of(DIGEST_SHA1, bytes, digest);
	return hex_encode(a, digest, digest_size(DIGEST_SHA1));
}

struct step
room_vcard_set(struct job *j)
{
	const struct room *room = room_of(j->home);
	struct standing who = standing_of(room, j->stanza->from);
	AUTO(buf_fini) struct buf b = BUF_INIT;
	const char *avatar;
	struct ask ask;

	if (!may(room->config, MAY_CONFIGURE, who.role, who.affiliation))
		return iq_error(j, COND_FORBIDDEN, "only owners change the avatar");
	if (room->locked)
		return iq_error(j, COND_NOT_ALLOWED, "the room is not configured yet");
	stanza_write_alone(&b, j->stanza);
	if (buf_len(&b) > VCARD_MAX)
		return iq_error(j, COND_NOT_ACCEPTABLE, "the card is too big");
	avatar = avatar_of(j->arena, iq_child(j));
	j->state = (void *)(uintptr_t)avatar;
	ask = room_ask(j->arena, ROOM_SET_VCARD,
		ARGS(of_str(xml_count(iq_child(j)) > 0 ? buf_str(&b) : STR("")),
			of_text(avatar ? avatar : ""), of_jid(j->owner)));
	return room_write(j, vcard_written, &ask, 1);
}

const struct stanza *
room_avatar_shown(const struct room *room)
{
	struct arena *a = arena_new(0);
	struct xml *x = xml_new(a, NS_VCARD ":x:update", "x");

	xml_add_text(a, x, NS_VCARD ":x:update", "photo", room->avatar ? room->avatar : "");
	return stanza_new(
		&a, STANZA_PRESENCE, PRESENCE_AVAILABLE, room->home.jid, JID_NONE, NULL, x);
}

static struct step
vcard_written(struct job *j)
{
	static const unsigned codes[] = { 104, 0 };
	struct room *room = room_of(j->home);
	const char *avatar = j->state;
	struct step answered = iq_result(j, NULL);
	AUTO(stanza_unref) const struct stanza *shown = NULL;

	mem_free(&room->avatar);
	room->avatar = mem_copy_text(avatar);
	room_announce(room, codes);
	shown = room_avatar_shown(room);
	room_send_all(room, shown);
	return answered;
}
