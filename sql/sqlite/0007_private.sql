-- Private XML storage (XEP-0049): one element for each namespace and name.

CREATE TABLE private_xml (
	owner TEXT NOT NULL,
	ns TEXT NOT NULL,
	name TEXT NOT NULL,
	xml BLOB NOT NULL,
	PRIMARY KEY (owner, ns, name)
);
