-- Sessions that waited for their clients when the server was stopped (XEP-0198); taken back at the next start.
-- max: how long it may wait, in milliseconds.  settled, acked: counters.  presence: NULL when unavailable.  marks, directed:
-- a name, an address a line.  queue: what the client had not acknowledged.

CREATE TABLE IF NOT EXISTS kept_session (
	owner VARBINARY(2047) NOT NULL,
	id VARBINARY(32) NOT NULL,
	resource VARBINARY(1023) NOT NULL,
	max BIGINT NOT NULL,
	settled BIGINT NOT NULL,
	acked BIGINT NOT NULL,
	bound_at BIGINT NOT NULL,
	wants_roster TINYINT NOT NULL,
	ready TINYINT NOT NULL,
	priority INT NOT NULL,
	presence MEDIUMBLOB,
	presence_at BIGINT NOT NULL,
	marks BLOB NOT NULL,
	directed MEDIUMBLOB NOT NULL,
	queue MEDIUMBLOB NOT NULL,
	PRIMARY KEY (owner, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
