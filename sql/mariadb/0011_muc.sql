-- Rooms (XEP-0045).  owner is the room's bare JID, service its domain.
-- options: what differs from the defaults (modules/muc/config.c).  subject: the message that set it.
-- version: of the affiliations (XEP-0463).  used: the last message, give or take an hour.

CREATE TABLE IF NOT EXISTS muc_room (
	owner VARBINARY(2047) NOT NULL PRIMARY KEY,
	service VARBINARY(1023) NOT NULL,
	created BIGINT NOT NULL,
	used BIGINT NOT NULL,
	secret VARBINARY(64) NOT NULL,
	persistent TINYINT NOT NULL,
	listed TINYINT NOT NULL,
	open TINYINT NOT NULL,
	title BLOB NOT NULL DEFAULT '',
	description BLOB NOT NULL DEFAULT '',
	members INT NOT NULL DEFAULT 0,
	options BLOB NOT NULL,
	version BIGINT NOT NULL DEFAULT 0,
	version_floor BIGINT NOT NULL DEFAULT 0,
	subject MEDIUMBLOB NOT NULL DEFAULT '',
	subject_at BIGINT NOT NULL DEFAULT 0,
	hats MEDIUMBLOB NOT NULL DEFAULT '',
	avatar VARBINARY(64) NOT NULL DEFAULT '',
	vcard MEDIUMBLOB NOT NULL DEFAULT '',
	KEY muc_room_listed (service, listed)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

-- affiliation: 0 outcast, 1 none (only remembered for XEP-0463), 2 member, 3 admin, 4 owner.
-- jid_key, room_key fill themselves in: see «Long keys» in sql/README.md.
CREATE TABLE IF NOT EXISTS muc_affiliation (
	owner VARBINARY(2047) NOT NULL,
	jid VARBINARY(2047) NOT NULL,
	jid_key BINARY(32) NOT NULL DEFAULT (UNHEX(SHA2(jid, 256))),
	affiliation TINYINT NOT NULL,
	nick VARBINARY(1023) NOT NULL DEFAULT '',
	reason BLOB NOT NULL DEFAULT '',
	version BIGINT NOT NULL,
	PRIMARY KEY (owner, jid_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

-- The rooms in which an account is member, admin or owner: written by the room, read by the account.
CREATE TABLE IF NOT EXISTS muc_member (
	owner VARBINARY(2047) NOT NULL,
	room VARBINARY(2047) NOT NULL,
	room_key BINARY(32) NOT NULL DEFAULT (UNHEX(SHA2(room, 256))),
	affiliation TINYINT NOT NULL,
	nick VARBINARY(1023) NOT NULL DEFAULT '',
	PRIMARY KEY (owner, room_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

-- Who was in a room when the server was stopped in order to start again.
CREATE TABLE IF NOT EXISTS muc_occupant (
	owner VARBINARY(2047) NOT NULL,
	jid VARBINARY(3071) NOT NULL,
	jid_key BINARY(32) NOT NULL DEFAULT (UNHEX(SHA2(jid, 256))),
	nick VARBINARY(1023) NOT NULL,
	role TINYINT NOT NULL,
	presence MEDIUMBLOB NOT NULL,
	PRIMARY KEY (owner, jid_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
