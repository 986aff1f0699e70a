-- What the server itself keeps secret, by name: «scram» makes the keys of users that do not exist.

CREATE TABLE server_secret (
	name TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL
) WITHOUT ROWID;
