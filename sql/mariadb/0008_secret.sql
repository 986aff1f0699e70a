-- What the server itself keeps secret, by name: «scram» makes the keys of users that do not exist.

CREATE TABLE IF NOT EXISTS server_secret (
	name VARBINARY(64) NOT NULL PRIMARY KEY,
	value VARBINARY(255) NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
