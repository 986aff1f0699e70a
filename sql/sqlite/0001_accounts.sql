-- Accounts and what is needed to check their passwords (RFC 5802: SCRAM keys only).
-- owner is the prepared bare JID "user@host"; times are milliseconds since 1970-01-01 UTC.

CREATE TABLE account (
	owner TEXT NOT NULL PRIMARY KEY,
	host TEXT NOT NULL,
	created INTEGER NOT NULL,
	disabled INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE INDEX account_host ON account (host, owner);

-- mechanism: 'SCRAM-SHA-1', 'SCRAM-SHA-256' or 'SCRAM-SHA-512'.
CREATE TABLE credential (
	owner TEXT NOT NULL,
	mechanism TEXT NOT NULL,
	salt BLOB NOT NULL,
	iterations INTEGER NOT NULL,
	stored_key BLOB NOT NULL,
	server_key BLOB NOT NULL,
	PRIMARY KEY (owner, mechanism)
) WITHOUT ROWID;
