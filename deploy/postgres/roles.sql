-- The two roles of Weft and its database, made once by a superuser:
--   psql -v owner_password=... -v password=... -f roles.sql
-- `weft_owner` owns the tables and only migrates (DATABASE_OWNER_URL); `weft` owns nothing, and `weft migrate` gives it what it needs.
CREATE ROLE weft_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE weft LOGIN PASSWORD :'password';
CREATE DATABASE weft OWNER weft_owner;
REVOKE ALL ON DATABASE weft FROM PUBLIC;
GRANT CONNECT ON DATABASE weft TO weft;
