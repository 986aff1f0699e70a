-- How far the owner of an archive has read each conversation: the newest message that was displayed on any of the
-- owner's devices.  owner: home_number.number; peer: as in archive, or of a room, whose ids seen then is one of.

CREATE TABLE IF NOT EXISTS archive_seen (
	owner BIGINT NOT NULL,
	peer INT NOT NULL,
	seen BIGINT NOT NULL,
	PRIMARY KEY (owner, peer)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

-- Since when the account is in the room: what was said before is not news for it.
ALTER TABLE muc_member ADD COLUMN IF NOT EXISTS since BIGINT NOT NULL DEFAULT 0;
