-- Events of a room that a member is sent while not in it (urn:xmpp:mucsub:0): bits, in the order of modules/muc/event.def.
ALTER TABLE muc_affiliation ADD COLUMN IF NOT EXISTS events INT NOT NULL DEFAULT 0;
ALTER TABLE muc_member ADD COLUMN IF NOT EXISTS events INT NOT NULL DEFAULT 0;
