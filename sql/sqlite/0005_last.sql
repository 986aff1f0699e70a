-- When the owner was last online, and the status left then (XEP-0012).

CREATE TABLE last_activity (
	owner TEXT NOT NULL PRIMARY KEY,
	at INTEGER NOT NULL,
	status TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
