-- Personal eventing (XEP-0163): the nodes of an account and what was published at them.
-- item_key fills itself in: see «Long keys» in sql/README.md.  A node may have thousands of items, so queries name item_key.

CREATE TABLE IF NOT EXISTS pep_node (
	owner VARBINARY(2047) NOT NULL,
	number BIGINT NOT NULL,
	node VARBINARY(1023) NOT NULL,
	config MEDIUMBLOB NOT NULL,
	items BIGINT NOT NULL,
	newest BIGINT NOT NULL,
	PRIMARY KEY (owner, number)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS pep_item (
	owner VARBINARY(2047) NOT NULL,
	number BIGINT NOT NULL,
	id BIGINT NOT NULL,
	item VARBINARY(1023) NOT NULL,
	item_key BINARY(32) NOT NULL DEFAULT (UNHEX(SHA2(item, 256))),
	at BIGINT NOT NULL,
	payload MEDIUMBLOB NOT NULL,
	PRIMARY KEY (owner, number, id),
	UNIQUE KEY pep_item_by_name (owner, number, item_key)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
