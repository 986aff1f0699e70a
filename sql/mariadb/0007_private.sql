-- Private XML storage (XEP-0049): one element for each namespace and name.
-- item_key fills itself in: see «Long keys» in sql/README.md.

CREATE TABLE IF NOT EXISTS private_xml (
	owner VARBINARY(2047) NOT NULL,
	ns MEDIUMBLOB NOT NULL,
	name MEDIUMBLOB NOT NULL,
	item_key BINARY(32) NOT NULL DEFAULT (UNHEX(SHA2(CONCAT(ns, ' ', name), 256))),
	xml MEDIUMBLOB NOT NULL,
	PRIMARY KEY (owner, item_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
