-- Roles that somebody was given in a moderated room, for the next visit (XEP-0045 5.1).
-- owner: the room.  role: 1 visitor, 2 participant, 3 moderator.  at: when it was given.
CREATE TABLE muc_role (
	owner TEXT NOT NULL,
	jid TEXT NOT NULL,
	role INTEGER NOT NULL,
	at INTEGER NOT NULL,
	PRIMARY KEY (owner, jid)
) WITHOUT ROWID;

CREATE INDEX muc_role_jid ON muc_role (jid);
