/*
 * parse.h -- bytes of a stream to events: header, complete first-level elements, end.
 *
 * Expat behind a pull interface.  Feed bytes, then take events until PARSED_MORE.  Whatever a peer
 * could make grow is limited: bytes per first-level element (counted raw, from `<` to `>`), depth,
 * attributes of one element, names.  Comments, processing instructions, DTDs and entities other
 * than the five are PARSED_FAULT (restricted-xml), as is everything that is not well formed (RFC
 * 6120 11.1, 11.3); text other than white space between stanzas is invalid-xml.
 *
 * Expat itself belongs to the thread; a parser holds the bytes of a cut element and the namespaces
 * of its stream's header.  Between elements it holds nothing that cannot be rebuilt
 * (parser_is_idle): its owner may give it back to a pool and, when bytes come, take another and
 * parser_resume it with the header, which costs next to nothing for the usual header.
 *
 * Runs on: one thread at a time.
 */
#ifndef XML_PARSE_H
#define XML_PARSE_H

#include "base/arena.h"
#include "xml/xml.h"

struct parse_limits {
	size_t max_bytes; /* of one first-level element, and of the header */
	unsigned max_depth; /* of open elements; the first-level element counts */
	unsigned max_attrs; /* of one element with its declarations; of prefixes in scope */
};

enum parsed {
	PARSED_MORE, /* needs more bytes */
	PARSED_HEADER, /* the stream's open tag: element without children */
	PARSED_ELEMENT, /* one complete first-level element */
	PARSED_END, /* the stream's close tag; nothing follows */
	PARSED_FAULT, /* parser_fault says what; nothing follows */
};

enum parse_fault {
	PARSE_OK,
	PARSE_NOT_WELL_FORMED,
	PARSE_RESTRICTED, /* comment, PI, DTD, entity */
	PARSE_BAD_ENCODING, /* the XML declaration names another than UTF-8 */
	PARSE_BAD_PREFIX, /* undeclared namespace prefix */
	PARSE_STRAY_TEXT, /* text between first-level elements */
	PARSE_TOO_BIG, /* bytes; or out of proportion when parsed (tags) or written (namespaces) */
	PARSE_TOO_DEEP, /* depth, attributes */
};

struct parser;

struct parser *parser_new(void);
void parser_free(struct parser **p);
/* Ready for a new stream; forgets all names and bytes, keeps the limits. */
void parser_reset(struct parser *p);
/* As parser_reset, but the bytes that are not parsed yet belong to the new stream. */
void parser_restart(struct parser *p);
/* As parser_reset, then as if `header` (parser_header of an earlier one) had been read: the next
 * event is an element. */
void parser_resume(struct parser *p, struct str header);
/* A new parser has careful limits: 64 KiB, 64 levels, 64 attributes. */
void parser_limit(struct parser *p, const struct parse_limits *limits);
/* Copies the bytes; call parser_next until PARSED_MORE before feeding again. */
void parser_feed(struct parser *p, const char *bytes, size_t n);
/* On PARSED_HEADER and PARSED_ELEMENT *arena (to be freed by the caller) holds *element. */
enum parsed parser_next(struct parser *p, struct arena **arena, const struct xml **element);
enum parse_fault parser_fault(const struct parser *p);
/* Between first-level elements, with no bytes left over. */
bool parser_is_idle(const struct parser *p);
/* Bytes behind the last event, as they were fed (to be dropped after STARTTLS; parser_restart
 * keeps them).  Borrowed until the next call. */
struct str parser_rest(const struct parser *p);
/* An open tag with the namespaces that the stream's own declared, for parser_resume; the plain
 * jabber:client header gives STR_NONE, which parser_resume understands.  Borrowed until reset. */
struct str parser_header(const struct parser *p);
/* After PARSED_HEADER: elements without a declaration of their own are in that namespace (kept),
 * instead of the one that the header declared. */
void parser_assume(struct parser *p, const char *ns);
/* First-level elements parsed since reset. */
unsigned parser_count(const struct parser *p);

/* ---- Without a stream ------------------------------------------------------- */

/* A whole document of one element that declares its namespaces itself, with nothing around it.  On
 * PARSE_OK *arena (the caller's) holds *element. */
MUST_CHECK enum parse_fault parse_alone(struct str bytes, const struct parse_limits *limits,
	struct arena **arena, const struct xml **element);

#endif
