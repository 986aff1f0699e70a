-- What a user wants to have archived (XEP-0441): one <prefs/>.

CREATE TABLE IF NOT EXISTS archive_prefs (
	owner VARBINARY(2047) NOT NULL PRIMARY KEY,
	prefs MEDIUMBLOB NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;
