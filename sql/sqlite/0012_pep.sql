-- Personal eventing (XEP-0163): the nodes of an account and what was published at them.

CREATE TABLE pep_node (
	owner TEXT NOT NULL,
	number INTEGER NOT NULL,
	node TEXT NOT NULL,
	config TEXT NOT NULL,
	items INTEGER NOT NULL,
	newest INTEGER NOT NULL,
	PRIMARY KEY (owner, number)
) WITHOUT ROWID;

CREATE TABLE pep_item (
	owner TEXT NOT NULL,
	number INTEGER NOT NULL,
	id INTEGER NOT NULL,
	item TEXT NOT NULL,
	at INTEGER NOT NULL,
	payload BLOB NOT NULL,
	PRIMARY KEY (owner, number, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX pep_item_by_name ON pep_item (owner, number, item);
