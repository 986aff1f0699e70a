-- The number of a home (an account or another entity with an address): the owner of rows of which there are many.

CREATE TABLE home_number (
	owner TEXT NOT NULL PRIMARY KEY,
	number INTEGER NOT NULL UNIQUE
) WITHOUT ROWID;

-- History (XEP-0313). owner: home_number.number. id is given by the owner's home, grows, and holds the time.
-- peer: keyed hash of the bare JID of the other side. reference: hash of origin-id or id. See src/home/archive.h.
-- dictionary: 0, or the number of what the stanza is compressed with.
-- The rows of an owner lie together in the order of their ids: a page is one range.

CREATE TABLE archive (
	owner INTEGER NOT NULL,
	id INTEGER NOT NULL,
	peer INTEGER NOT NULL,
	flags INTEGER NOT NULL,
	reference INTEGER,
	dictionary INTEGER NOT NULL,
	stanza BLOB NOT NULL,
	PRIMARY KEY (owner, id)
) WITHOUT ROWID;

CREATE INDEX archive_peer ON archive (owner, peer, id);
