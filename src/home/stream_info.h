/*
 * stream_info.h -- what modules and commands may know of a client's stream.
 *
 * Runs on: the stream's worker.
 */
#ifndef HOME_STREAM_INFO_H
#define HOME_STREAM_INFO_H

#include "net/addr.h"
#include "xmpp/jid.h"

struct stream_info {
	char id[24]; /* "c2s-1f": of the connection, in logs */
	struct addr peer;
	bool tls; /* nobody on the way can read: TLS ends here, or at a proxy that says so */
	bool authenticated;
	char tls_text[64]; /* "TLSv1.3 TLS_AES_256_GCM_SHA384" */
	char mechanism[24]; /* "SCRAM-SHA-256-PLUS" */
	const char *transport; /* "c2s", "c2s_tls", "websocket", "bosh" */
};

#endif
