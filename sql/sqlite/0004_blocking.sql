-- Blocked addresses (XEP-0191): bare or full JIDs, domains.

CREATE TABLE block (
	owner TEXT NOT NULL,
	jid TEXT NOT NULL,
	PRIMARY KEY (owner, jid)
) WITHOUT ROWID;
