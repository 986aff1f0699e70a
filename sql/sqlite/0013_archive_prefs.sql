-- What a user wants to have archived (XEP-0441): one <prefs/>.

CREATE TABLE archive_prefs (
	owner TEXT NOT NULL PRIMARY KEY,
	prefs BLOB NOT NULL
) WITHOUT ROWID;
