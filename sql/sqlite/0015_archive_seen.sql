-- How far the owner of an archive has read each conversation: the newest message that was displayed on any of the
-- owner's devices.  owner: home_number.number; peer: as in archive, or of a room, whose ids seen then is one of.

CREATE TABLE archive_seen (
	owner INTEGER NOT NULL,
	peer INTEGER NOT NULL,
	seen INTEGER NOT NULL,
	PRIMARY KEY (owner, peer)
) WITHOUT ROWID;

-- Since when the account is in the room: what was said before is not news for it.
ALTER TABLE muc_member ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
