-- Pages of archives are compressed as they are written to disk, and take a quarter less there: mostly the room that is left in
-- pages for rows to come. From now on; the pages that are there already when they change, or with OPTIMIZE TABLE archive.

ALTER TABLE archive PAGE_COMPRESSED=1;
