-- Nothing to do: SQLite fills its pages better, and cannot compress them.

SELECT 1;
