-- When the owner was last online, and the status left then (XEP-0012).

CREATE TABLE IF NOT EXISTS last_activity (
	owner VARBINARY(2047) NOT NULL PRIMARY KEY,
	at BIGINT NOT NULL,
	status MEDIUMBLOB NOT NULL DEFAULT ''
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
