-- Messages for absent users (XEP-0160).  id is given by the owner's home and grows with time.
-- A table with rowid: rows are appended, which SQLite does several times faster than inserting large
-- rows in the order of the key.

CREATE TABLE offline (
	owner TEXT NOT NULL,
	id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	stanza BLOB NOT NULL,
	PRIMARY KEY (owner, id)
);
