-- Rosters (RFC 6121 2, 3; versions: 2.6).

-- subscription: 0 none, 1 to, 2 from, 3 both.  groups: a JSON array of texts.
-- removed: a tombstone, so that a client with an older version learns of the removal.
-- contact_key fills itself in: see «Long keys» in sql/README.md.
CREATE TABLE IF NOT EXISTS roster (
	owner VARBINARY(2047) NOT NULL,
	contact VARBINARY(2047) NOT NULL,
	contact_key BINARY(32) NOT NULL DEFAULT (UNHEX(SHA2(contact, 256))),
	name BLOB NOT NULL DEFAULT '',
	subscription TINYINT NOT NULL DEFAULT 0,
	ask TINYINT NOT NULL DEFAULT 0,
	approved TINYINT NOT NULL DEFAULT 0,
	groups MEDIUMBLOB NOT NULL,
	version BIGINT NOT NULL,
	removed TINYINT NOT NULL DEFAULT 0,
	PRIMARY KEY (owner, contact_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS roster_version (
	owner VARBINARY(2047) NOT NULL PRIMARY KEY,
	version BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

-- Requests to subscribe that the owner has not answered, delivered again at each login.
CREATE TABLE IF NOT EXISTS pending (
	owner VARBINARY(2047) NOT NULL,
	contact VARBINARY(2047) NOT NULL,
	contact_key BINARY(32) NOT NULL DEFAULT (UNHEX(SHA2(contact, 256))),
	stanza MEDIUMBLOB NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (owner, contact_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
