-- Messages for absent users (XEP-0160).  id is given by the owner's home and grows with time.

CREATE TABLE IF NOT EXISTS offline (
	owner VARBINARY(2047) NOT NULL,
	id BIGINT NOT NULL,
	at BIGINT NOT NULL,
	stanza MEDIUMBLOB NOT NULL,
	PRIMARY KEY (owner, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
