/*
 * frame.h -- where a first-level element (or the stream's header) ends.
 *
 * Runs on: one thread at a time.
 */
#ifndef XML_FRAME_H
#define XML_FRAME_H

#include "xml/parse.h"

enum framed {
	FRAMED_MORE, /* the bytes end within it */
	FRAMED_DONE, /* it is the first `at` bytes */
	FRAMED_FAULT,
};

enum frame_place { FRAME_TEXT, FRAME_TAG, FRAME_VALUE, FRAME_CDATA };

/* How far the scanner is.  All offsets count from the first byte of what is framed.  Zeroed to
 * start. */
struct frame {
	size_t at; /* scanned */
	size_t tag; /* `<` of the newest tag */
	size_t inner, inner_end; /* between the outermost tags; equal if there is nothing */
	size_t decl; /* header: after the XML declaration */
	size_t nodes, attrs; /* open tags, quoted values */
	enum frame_place place;
	enum parse_fault fault;
	unsigned depth; /* of open elements */
	char quote; /* that ends the value */
	bool closing; /* the tag is a close tag */
	bool cdata; /* there is a CDATA section */
	bool empty; /* header: closes itself */
};

/* Goes on with an element; bytes[0] is its `<` and bytes[1] is there. */
enum framed frame_element(struct frame *f, struct str bytes, const struct parse_limits *limits);
/* Goes on with an XML declaration (if any) and an open tag; bytes[0] is not white space. */
enum framed frame_header(struct frame *f, struct str bytes, const struct parse_limits *limits);

#endif
