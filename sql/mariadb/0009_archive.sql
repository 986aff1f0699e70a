-- The number of a home (an account or another entity with an address): the owner of rows of which there are many.

CREATE TABLE IF NOT EXISTS home_number (
	owner VARBINARY(2047) NOT NULL PRIMARY KEY,
	number BIGINT NOT NULL,
	UNIQUE KEY home_number_number (number)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

-- History (XEP-0313). owner: home_number.number. id is given by the owner's home, grows, and holds the time.
-- peer: keyed hash of the bare JID of the other side. reference: hash of origin-id or id. See src/home/archive.h.
-- dictionary: 0, or the number of what the stanza is compressed with.
-- The rows of an owner lie together in the order of their ids: a page is one range.

CREATE TABLE IF NOT EXISTS archive (
	owner BIGINT NOT NULL,
	id BIGINT NOT NULL,
	peer INT NOT NULL,
	flags SMALLINT NOT NULL,
	reference BIGINT,
	dictionary TINYINT UNSIGNED NOT NULL,
	stanza MEDIUMBLOB NOT NULL,
	PRIMARY KEY (owner, id),
	KEY archive_peer (owner, peer, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
