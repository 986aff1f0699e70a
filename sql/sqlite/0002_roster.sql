-- Rosters (RFC 6121 2, 3; versions: 2.6).

-- subscription: 0 none, 1 to, 2 from, 3 both.  groups: a JSON array of texts.
-- removed: a tombstone, so that a client with an older version learns of the removal.
CREATE TABLE roster (
	owner TEXT NOT NULL,
	contact TEXT NOT NULL,
	name TEXT NOT NULL DEFAULT '',
	subscription INTEGER NOT NULL DEFAULT 0,
	ask INTEGER NOT NULL DEFAULT 0,
	approved INTEGER NOT NULL DEFAULT 0,
	groups BLOB NOT NULL,
	version INTEGER NOT NULL,
	removed INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (owner, contact)
) WITHOUT ROWID;

CREATE TABLE roster_version (
	owner TEXT NOT NULL PRIMARY KEY,
	version INTEGER NOT NULL
) WITHOUT ROWID;

-- Requests to subscribe that the owner has not answered, delivered again at each login.
CREATE TABLE pending (
	owner TEXT NOT NULL,
	contact TEXT NOT NULL,
	stanza BLOB NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (owner, contact)
) WITHOUT ROWID;
