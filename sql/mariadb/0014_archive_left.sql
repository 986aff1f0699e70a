-- delivered: rows of the archive up to this id were given to a client, but for those in archive_left: pointers to rows that
-- nobody took.

ALTER TABLE home_number ADD COLUMN IF NOT EXISTS delivered BIGINT NOT NULL DEFAULT 0;

CREATE TABLE IF NOT EXISTS archive_left (
	owner BIGINT NOT NULL,
	id BIGINT NOT NULL,
	PRIMARY KEY (owner, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
