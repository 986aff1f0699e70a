-- Accounts and what is needed to check their passwords (RFC 5802: SCRAM keys only).
-- owner is the prepared bare JID "user@host"; times are milliseconds since 1970-01-01 UTC.

CREATE TABLE IF NOT EXISTS account (
	owner VARBINARY(2047) NOT NULL PRIMARY KEY,
	host VARBINARY(1023) NOT NULL,
	created BIGINT NOT NULL,
	disabled TINYINT NOT NULL DEFAULT 0,
	KEY account_host (host)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

-- mechanism: 'SCRAM-SHA-1', 'SCRAM-SHA-256' or 'SCRAM-SHA-512'.
CREATE TABLE IF NOT EXISTS credential (
	owner VARBINARY(2047) NOT NULL,
	mechanism VARBINARY(32) NOT NULL,
	salt VARBINARY(255) NOT NULL,
	iterations INT NOT NULL,
	stored_key VARBINARY(64) NOT NULL,
	server_key VARBINARY(64) NOT NULL,
	PRIMARY KEY (owner, mechanism)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
