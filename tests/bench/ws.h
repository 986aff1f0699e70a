/*
 * ws.h -- streams over WebSocket (RFC 7395): what is between the text and the bytes.
 */
#ifndef BENCH_WS_H
#define BENCH_WS_H

#include "buf.h"
#include "options.h"

/* The request to switch to WebSocket. */
void ws_put_request(struct buf *out, const struct options *o);

/* Drop the answer from the front of raw when it is whole: 1; 0 when it is not, -1 when it is
 * no. */
int ws_take_answer(struct buf *raw);

/* Move the elements of text, which are whole, into out, a frame each; stanzas get their
 * namespace. */
void ws_put_frames(struct buf *out, struct buf *text);

/* Move what whole frames of raw carry to the end of text. */
void ws_take_frames(struct buf *raw, struct buf *text);

#endif
