-- delivered: rows of the archive up to this id were given to a client, but for those in archive_left: pointers to rows that
-- nobody took.

ALTER TABLE home_number ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0;

CREATE TABLE archive_left (
	owner INTEGER NOT NULL,
	id INTEGER NOT NULL,
	PRIMARY KEY (owner, id)
) WITHOUT ROWID;
