-- Rooms (XEP-0045).  owner is the room's bare JID, service its domain.
-- options: what differs from the defaults (modules/muc/config.c).  subject: the message that set it.
-- version: of the affiliations (XEP-0463).  used: the last message, give or take an hour.

CREATE TABLE muc_room (
	owner TEXT NOT NULL PRIMARY KEY,
	service TEXT NOT NULL,
	created INTEGER NOT NULL,
	used INTEGER NOT NULL,
	secret TEXT NOT NULL,
	persistent INTEGER NOT NULL,
	listed INTEGER NOT NULL,
	open INTEGER NOT NULL,
	title TEXT NOT NULL DEFAULT '',
	description TEXT NOT NULL DEFAULT '',
	members INTEGER NOT NULL DEFAULT 0,
	options BLOB NOT NULL,
	version INTEGER NOT NULL DEFAULT 0,
	version_floor INTEGER NOT NULL DEFAULT 0,
	subject BLOB NOT NULL DEFAULT '',
	subject_at INTEGER NOT NULL DEFAULT 0,
	hats BLOB NOT NULL DEFAULT '',
	avatar TEXT NOT NULL DEFAULT '',
	vcard BLOB NOT NULL DEFAULT ''
) WITHOUT ROWID;

CREATE INDEX muc_room_listed ON muc_room (service, listed, owner);

-- affiliation: 0 outcast, 1 none (only remembered for XEP-0463), 2 member, 3 admin, 4 owner.
CREATE TABLE muc_affiliation (
	owner TEXT NOT NULL,
	jid TEXT NOT NULL,
	affiliation INTEGER NOT NULL,
	nick TEXT NOT NULL DEFAULT '',
	reason TEXT NOT NULL DEFAULT '',
	version INTEGER NOT NULL,
	PRIMARY KEY (owner, jid)
) WITHOUT ROWID;

-- The rooms in which an account is member, admin or owner: written by the room, read by the account.
CREATE TABLE muc_member (
	owner TEXT NOT NULL,
	room TEXT NOT NULL,
	affiliation INTEGER NOT NULL,
	nick TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (owner, room)
) WITHOUT ROWID;

-- Who was in a room when the server was stopped in order to start again.
CREATE TABLE muc_occupant (
	owner TEXT NOT NULL,
	jid TEXT NOT NULL,
	nick TEXT NOT NULL,
	role INTEGER NOT NULL,
	presence BLOB NOT NULL,
	PRIMARY KEY (owner, jid)
) WITHOUT ROWID;
