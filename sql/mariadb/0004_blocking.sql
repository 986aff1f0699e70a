-- Blocked addresses (XEP-0191): bare or full JIDs, domains.
-- jid_key fills itself in: see «Long keys» in sql/README.md.

CREATE TABLE IF NOT EXISTS block (
	owner VARBINARY(2047) NOT NULL,
	jid VARBINARY(3071) NOT NULL,
	jid_key BINARY(32) NOT NULL DEFAULT (UNHEX(SHA2(jid, 256))),
	PRIMARY KEY (owner, jid_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
