/*
 * archive_query.h -- XEP-0313 4 and 5: what is asked of an archive, for accounts and rooms.
 *
 * Runs on: the home whose archive it is.
 */
#ifndef HOME_ARCHIVE_QUERY_H
#define HOME_ARCHIVE_QUERY_H

#include "home/archive.h"
#include "home/job.h"

#define NS_MAM "urn:xmpp:mam:2"
#define NS_MAM_EXTENDED "urn:xmpp:mam:2#extended"

/* How somebody sees an archive; lives as long as the job. */
struct archive_view {
	unsigned page, page_max; /* rows of a page if nothing is said, and at most */
	/* Whoever asks is still there; can take more now (else it is asked again later); gets s
	 * (borrowed). */
	bool (*is_there)(const struct job *j);
	bool (*is_ready)(const struct job *j);
	void (*send)(struct job *j, const struct stanza *s);
	/* May be NULL.  Looks at what is asked for (with), and may change it; false: there is nothing
	 * for whoever asks. */
	bool (*narrow)(struct job *j, const struct archive_view *v, struct archive_range *range);
	/* May be NULL (archive_row_is_with).  The row is meant. */
	bool (*is_meant)(
		const struct job *j, const struct archive_view *v, const struct archive_row *row);
	/* May be NULL: as it is stored.  The row as it may be seen. */
	void (*show)(const struct archive_view *v, const struct archive_row *row, struct buf *out);
	/* May be NULL.  All of everybody after the one id and up to the other is in the answer, was known
	 * before (0), or the next one asks for it.  Also told when the question came: what follows it may
	 * not wait for the answer. */
	void (*has_read)(struct job *j, int64_t after, int64_t to);
	struct jid with; /* narrow's and is_meant's */
};

/* An iq set of a query by j->stanza->from at j->home, which may see the archive. */
MUST_CHECK struct step archive_query(struct job *j, const struct archive_view *view);
/* The form, and which messages are the first and the last. */
step_fn archive_query_form, archive_query_metadata;

#endif
