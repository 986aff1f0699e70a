-- Sessions that waited for their clients when the server was stopped (XEP-0198); taken back at the next start.
-- max: how long it may wait, in milliseconds.  settled, acked: counters.  presence: NULL when unavailable.  marks, directed:
-- a name, an address a line.  queue: what the client had not acknowledged.

CREATE TABLE kept_session (
	owner TEXT NOT NULL,
	id TEXT NOT NULL,
	resource TEXT NOT NULL,
	max INTEGER NOT NULL,
	settled INTEGER NOT NULL,
	acked INTEGER NOT NULL,
	bound_at INTEGER NOT NULL,
	wants_roster INTEGER NOT NULL,
	ready INTEGER NOT NULL,
	priority INTEGER NOT NULL,
	presence BLOB,
	presence_at INTEGER NOT NULL,
	marks TEXT NOT NULL,
	directed TEXT NOT NULL,
	queue BLOB NOT NULL,
	PRIMARY KEY (owner, id)
) WITHOUT ROWID;
