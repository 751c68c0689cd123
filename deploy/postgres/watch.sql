-- A role for what scales: it sees how many steps wait, and nothing else. By the owner of the tables, in the database, after the first
-- `weft migrate`; the role itself by a superuser before: CREATE ROLE weft_watch LOGIN PASSWORD '...' CONNECTION LIMIT 4;
GRANT CONNECT ON DATABASE weft TO weft_watch;
GRANT USAGE ON SCHEMA public TO weft_watch;
GRANT SELECT (kind, not_before) ON steps TO weft_watch;
