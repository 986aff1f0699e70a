-- Roles that somebody was given in a moderated room, for the next visit (XEP-0045 5.1).
-- owner: the room.  role: 1 visitor, 2 participant, 3 moderator.  at: when it was given.
-- jid_key fills itself in: see «Long keys» in sql/README.md.
CREATE TABLE IF NOT EXISTS muc_role (
	owner VARBINARY(2047) NOT NULL,
	jid VARBINARY(2047) NOT NULL,
	jid_key BINARY(32) NOT NULL DEFAULT (UNHEX(SHA2(jid, 256))),
	role TINYINT NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (owner, jid_key),
	KEY muc_role_jid (jid(255))
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
