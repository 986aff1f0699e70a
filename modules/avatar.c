/*
 * avatar.c -- XEP-0398: an avatar published (XEP-0084) is the photo of the vCard, and the other way
 * round; XEP-0153: presence says which one it is.
 *
 * What is published wins: whenever new metadata comes, the vCard gets the picture, if everybody may
 * read it, and otherwise none.  A vCard with another photo, or without, is published in turn; the
 * two then agree, so that it ends there.  The hash in presence is the name of the newest metadata.
 *
 * Runs on: the account's home.
 */
#include "module.h"

#include "modules/pep/pep.h"

#include <string.h>

#define NS_AVATAR_DATA "urn:xmpp:avatar:data"
#define NS_AVATAR_METADATA "urn:xmpp:avatar:metadata"
#define NS_VCARD_UPDATE "vcard-temp:x:update"
#define NS_CONVERSION "urn:xmpp:pep-vcard-conversion:0"

enum { AVATAR_VCARD_LOAD, AVATAR_VCARD_PUT, AVATAR_VCARD_CHANGE };

static const struct query queries[] = {
	[AVATAR_VCARD_LOAD] = { "avatar_vcard_load", "SELECT xml FROM vcard WHERE owner = ?",
		NULL },
	/* Only if nobody wrote it meanwhile. */
	[AVATAR_VCARD_PUT] = { "avatar_vcard_put",
		"INSERT INTO vcard (owner, xml) SELECT owner, ? FROM account WHERE owner = ? "
		"ON CONFLICT DO NOTHING",
		"INSERT INTO vcard (owner, xml) SELECT owner, ? FROM account WHERE owner = ? "
		"ON DUPLICATE KEY UPDATE vcard.owner = vcard.owner" },
	[AVATAR_VCARD_CHANGE] = { "avatar_vcard_change",
		"UPDATE vcard SET xml = ? WHERE owner = ? AND xml = ?", NULL },
	END_QUERIES,
};

/* What presence says, made of the newest metadata when it is first asked for. */
struct avatar {
	int64_t made_of; /* pep_node.last_id */
	char hash[41]; /* empty: there is none */
};

MODULE_SLOT(struct avatar)

static step_fn picture_load, picture_loaded, card_stored, publish_data, publish_metadata, published;

/* ---- The hash --------------------------------------------------------------------------------- */

static bool
is_hash(const char *text)
{
	return text && strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40;
}

/* The picture that is at the data node (XEP-0398 3.1); NULL: none. */
static const struct xml *
info_of(const struct xml *metadata)
{
	const struct xml *x = metadata ? xml_child(metadata, NS_AVATAR_METADATA, "info") : NULL;

	while (x && (xml_get(x, "url") || !is_hash(xml_get(x, "id"))))
		x = xml_next(x, NS_AVATAR_METADATA, "info");
	return x;
}

/* Everybody may read pictures. */
static bool
is_public(const struct account *a)
{
	const struct pep_node *n = pep_node_find(a, NS_AVATAR_DATA);

	return n && n->config.access_model == PEP_OPEN;
}

/* Empty without a public avatar. */
static const char *
hash_of(const struct account *a)
{
	struct avatar *avatar = slot_of(a);
	const struct pep_node *n = pep_node_find(a, NS_AVATAR_METADATA);
	struct arena *arena;
	const struct xml *info;

	if (!n || !is_public(a))
		return "";
	if (avatar->made_of == n->last_id)
		return avatar->hash;
	avatar->made_of = n->last_id;
	avatar->hash[0] = '\0';
	arena = arena_new(0);
	info = n->last_payload ? info_of(kept_read(arena, str_of(n->last_payload))) : NULL;
	if (info)
		memcpy(avatar->hash, xml_get(info, "id"), sizeof(avatar->hash));
	arena_free(&arena);
	return avatar->hash;
}

static bool
is_update(const struct xml *x, void *ctx)
{
	(void)ctx;
	return xml_is(x, NS_VCARD_UPDATE, "x");
}

/* XEP-0398 4: but for who says that it has no avatar. */
static enum verdict
on_presence_out(struct stanza_event *ev)
{
	const struct stanza *s = ev->stanza;
	const struct xml *x = stanza_child(s, NS_VCARD_UPDATE, "x");
	const struct xml *photo = x ? xml_child(x, NS_VCARD_UPDATE, "photo") : NULL;
	const char *hash = hash_of(ev->account);
	struct arena *arena;
	struct xml *ours;

	if (!hash[0] || (photo && (!photo->first || str_is(photo->first->text, hash))))
		return PASS;
	arena = arena_new(0);
	ours = xml_new(arena, NS_VCARD_UPDATE, "x");
	xml_add_text(arena, ours, NS_VCARD_UPDATE, "photo", hash);
	event_replace(ev, stanza_remake(s, s->from, s->to, is_update, NULL, ours));
	arena_free(&arena);
	return PASS;
}

/* Broadcasts what each session last said, with the new hash. */
static void
show_again(struct account *a)
{
	for_each_session(s, a) {
		const struct stanza *p;

		if (!s->available || s->ending)
			continue;
		p = stanza_ref(s->presence);
		presence_out(s, p, NO_RECEIPT);
		stanza_unref(&p);
	}
}

/* ---- From what is published to the vCard --------------------------------------------------------- */

struct to_card {
	const char *id, *type; /* of the picture; NULL: none */
};

static enum verdict
on_published(struct pep_event *ev)
{
	struct arena *arena;
	struct to_card *t;
	const struct xml *info;

	if (!text_eq(ev->node, NS_AVATAR_METADATA))
		return PASS;
	arena = arena_new(0);
	t = ARENA_NEW(arena, struct to_card);
	info = is_public(ev->account) ? info_of(ev->payload) : NULL;
	if (info) {
		t->id = arena_text(arena, xml_get(info, "id"));
		t->type = arena_text(arena, xml_get(info, "type"));
	}
	job_start(ev->account, NULL, &arena, t, picture_load);
	return PASS;
}

static struct step
finish(struct job *j)
{
	show_again(j->account);
	return job_done(j);
}

static struct step
picture_load(struct job *j)
{
	const struct to_card *t = j->state;
	struct value args[4], owner[] = { of_jid(j->owner) };

	return job_query_all(j, picture_loaded,
		(const struct ask[]){
			pep_ask_item(j->account, NS_AVATAR_DATA, t->id ? t->id : "", args),
			{ &queries[AVATAR_VCARD_LOAD], owner, 1 } },
		2);
}

static const char *
without_space(struct arena *a, struct str text, size_t *n)
{
	char *out = arena_alloc(a, text.n + 1);

	*n = 0;
	for (size_t i = 0; i < text.n; i++) {
		if (!strchr(" \t\r\n", text.p[i]))
			out[(*n)++] = text.p[i];
	}
	return out;
}

/* Base64 of a picture, perhaps in lines, to its bytes and its hash. */
static bool
decode(struct arena *a, struct str text, struct str *bytes, const char **hash)
{
	uint8_t digest[DIGEST_MAX];
	struct str plain;

	plain.p = without_space(a, text, &plain.n);
	if (plain.n == 0 || !base64_decode(a, plain, bytes))
		return false;
	digest_of(DIGEST_SHA1, *bytes, digest);
	*hash = hex_encode(a, digest, digest_size(DIGEST_SHA1));
	return true;
}

/* The picture as base64, if it is what its name says; NULL: not. */
static const char *
picture_of(struct job *j, const struct to_card *t)
{
	const struct rows *rows = j->results[0];
	const struct xml *data = rows->count > 0 ? kept_read(j->arena, row_str(rows, 0, 1)) : NULL;
	const char *hash;
	struct str bytes;

	if (!data || !decode(j->arena, xml_text_of(j->arena, data), &bytes, &hash) ||
		!text_eq(hash, t->id))
		return NULL;
	return base64_encode(j->arena, bytes.p, bytes.n);
}

/* The hash of the card's photo; NULL: it has none. */
static const char *
photo_hash(struct arena *a, const struct xml *card, struct str *bytes, const char **type)
{
	const struct xml *photo = card ? xml_child(card, NS_VCARD, "PHOTO") : NULL;
	const struct xml *value = photo ? xml_child(photo, NS_VCARD, "BINVAL") : NULL;
	const char *hash = NULL;

	if (!value || !decode(a, xml_text_of(a, value), bytes, &hash))
		return NULL;
	value = xml_child(photo, NS_VCARD, "TYPE");
	*type = value ? arena_str(a, str_trim(xml_text_of(a, value))) : NULL;
	return hash;
}

/* The card with that photo in place of its own. */
static struct xml *
card_with(struct arena *a, const struct xml *card, const char *type, const char *picture)
{
	struct xml *out = xml_new(a, NS_VCARD, "vCard"), *photo;

	for (const struct xml *x = card ? card->first : NULL; x; x = x->next) {
		if (!xml_is(x, NS_VCARD, "PHOTO"))
			xml_adopt(out, xml_copy(a, x));
	}
	if (picture) {
		photo = xml_add(a, out, NS_VCARD, "PHOTO");
		xml_add_text(a, photo, NS_VCARD, "TYPE", type ? type : "image/png");
		xml_add_text(a, photo, NS_VCARD, "BINVAL", picture);
	}
	return out;
}

static struct step
picture_loaded(struct job *j)
{
	AUTO(buf_fini) struct buf bytes = BUF_INIT;
	const struct to_card *t = j->state;
	struct str was = j->results[1]->count > 0 ? row_str(j->results[1], 0, 0) : STR_NONE, had;
	const char *picture = t->id ? picture_of(j, t) : NULL, *type;
	const struct xml *card = was.p ? kept_read(j->arena, was) : NULL;

	if (!text_eq(t->id ? t->id : "", hash_of(j->account)))
		return job_done(j); /* something newer was published */
	if (t->id && !picture)
		return job_done(j); /* the picture is missing, or another */
	if (text_eq(photo_hash(j->arena, card, &had, &type), t->id))
		return finish(j);
	kept_write(&bytes, card_with(j->arena, card, t->type, picture));
	if (was.p)
		return job_query(j, card_stored, &queries[AVATAR_VCARD_CHANGE],
			ARGS(of_str(buf_str(&bytes)), of_jid(j->owner), of_str(was)));
	return job_query(j, card_stored, &queries[AVATAR_VCARD_PUT],
		ARGS(of_str(buf_str(&bytes)), of_jid(j->owner)));
}

/* A card that its user wrote meanwhile is looked at again. */
static struct step
card_stored(struct job *j)
{
	return j->rows->changed > 0 ? finish(j) : picture_load(j);
}

/* ---- From the vCard to what is published ------------------------------------------------------------ */

struct to_pep {
	const char *hash, *type; /* hash NULL: the card has no photo */
	struct str bytes;
	struct pep_config config;
	struct pep_op op;
	struct pep_change change;
};

/* What the picture is, by its first bytes. */
static const char *
sniff(struct str bytes)
{
	static const struct {
		struct str begin;
		const char *type;
	} kinds[] = {
		{ { "\x89PNG", 4 }, "image/png" },
		{ { "\xff\xd8\xff", 3 }, "image/jpeg" },
		{ { "GIF8", 4 }, "image/gif" },
		{ { "RIFF", 4 }, "image/webp" },
	};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (str_starts(bytes, kinds[i].begin))
			return kinds[i].type;
	}
	return "image/png";
}

static enum verdict
on_card(struct vcard_event *ev)
{
	const struct pep_node *data = pep_node_find(ev->account, NS_AVATAR_DATA);
	struct arena *arena;
	struct to_pep *t;
	const char *now;

	if (!pep_is_on(ev->head.host))
		return PASS;
	arena = arena_new(0);
	t = ARENA_NEW(arena, struct to_pep);
	t->hash = photo_hash(arena, ev->card, &t->bytes, &t->type);
	now = hash_of(ev->account);
	if ((data && !is_public(ev->account)) || text_eq(t->hash ? t->hash : "", now)) {
		arena_free(&arena); /* kept from the public; or nothing new */
		return PASS;
	}
	if (!t->type || strncmp(t->type, "image/", 6) != 0)
		t->type = sniff(t->bytes);
	t->config = pep_config_default(arena);
	t->config.access_model = PEP_OPEN;
	job_start(ev->account, NULL, &arena, t, t->hash ? publish_data : publish_metadata);
	return PASS;
}

static struct step
publish_one(
	struct job *j, const char *node, const char *item, const struct xml *payload, step_fn *next)
{
	struct to_pep *t = j->state;

	t->op = (struct pep_op){ .item = item, .payload = payload };
	t->change = (struct pep_change){
		.node = node, .config = &t->config, .ops = &t->op, .count = 1, .next = next
	};
	return pep_change(j, &t->change);
}

static struct step
publish_data(struct job *j)
{
	const struct to_pep *t = j->state;
	struct xml *data = xml_new(j->arena, NS_AVATAR_DATA, "data");

	xml_text(j->arena, data, str_of(base64_encode(j->arena, t->bytes.p, t->bytes.n)));
	return publish_one(j, NS_AVATAR_DATA, t->hash, data, publish_metadata);
}

static struct step
publish_metadata(struct job *j)
{
	const struct to_pep *t = j->state;
	struct xml *metadata = xml_new(j->arena, NS_AVATAR_METADATA, "metadata"), *info;
	char id[RAND_ID_SIZE];

	rand_id(id);
	if (t->hash) {
		info = xml_add(j->arena, metadata, NS_AVATAR_METADATA, "info");
		xml_attrf(j->arena, info, "bytes", "%zu", t->bytes.n);
		xml_attr(j->arena, info, "id", t->hash);
		xml_attr(j->arena, info, "type", t->type);
	}
	return publish_one(j, NS_AVATAR_METADATA, t->hash ? t->hash : arena_text(j->arena, id),
		metadata, published);
}

static struct step
published(struct job *j)
{
	return job_done(j);
}

static enum verdict
on_disco_info(struct disco_event *ev)
{
	pep_add_feature(ev, NS_CONVERSION);
	return PASS;
}

static const struct slot slot = { .size = sizeof(struct avatar) };

MODULE(avatar) = {
	IDENTITY(avatar),
	.summary = "Keeps the photo of the vCard and the published avatar the same",
	.xeps = XEPS({ 84, "1.1.4", XEP_COMPLETE, NULL }, { 153, "1.1.1", XEP_COMPLETE, NULL },
		{ 398, "1.0.0", XEP_COMPLETE, NULL }),
	.hooks =
		(const struct hook[]){
			ON(presence_out, ORDER_STAMP, on_presence_out),
			ON(pep_published, ORDER_NORMAL, on_published),
			ON(vcard_changed, ORDER_NORMAL, on_card),
			ON(disco_info, ORDER_NORMAL, on_disco_info),
			END_HOOKS,
		},
	.slot = &slot,
	.queries = queries,
};
