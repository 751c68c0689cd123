-- Whoever owns the tables migrates them, and is gone before the first request is served. The application speaks as another
-- role, which owns nothing: it cannot change a table, nor switch a trigger off, and of the audit log it may only add and read.

-- Called by the owner after the migrations, so that tables which later migrations bring are covered as well. Does nothing where
-- the rights are right already, since a change of rights makes every session plan its statements anew.
CREATE FUNCTION grant_application_v1(application name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    thing record;
    wanted text[];
    found text[];
BEGIN
    -- Of processes that start at the same time, two that changed the rights of one table would fail on each other.
    PERFORM pg_advisory_xact_lock(hashtextextended('weft.grant_application', 0));
    IF NOT has_schema_privilege(application, current_schema(), 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), application);
    END IF;
    FOR thing IN
        SELECT oid, oid::regclass::text AS name, relname, relkind FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'S')
            AND relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
        ORDER BY oid
    LOOP
        IF thing.relkind = 'S' THEN
            IF NOT has_sequence_privilege(application, thing.oid, 'USAGE') THEN
                EXECUTE format('GRANT USAGE ON SEQUENCE %s TO %I', thing.name, application);
            END IF;
            CONTINUE;
        END IF;
        wanted := CASE thing.relname
            WHEN 'audit_log' THEN ARRAY['SELECT', 'INSERT']
            WHEN '_sqlx_migrations' THEN ARRAY['SELECT']
            ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']
        END;
        SELECT coalesce(array_agg(one.name ORDER BY one.ord), '{}') INTO found
        FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
            WITH ORDINALITY AS one(name, ord)
        WHERE has_table_privilege(application, thing.oid, one.name);
        IF found IS DISTINCT FROM wanted THEN
            EXECUTE format('REVOKE ALL ON TABLE %s FROM %I', thing.name, application);
            EXECUTE format('GRANT %s ON TABLE %s TO %I', array_to_string(wanted, ', '), thing.name, application);
        END IF;
    END LOOP;
END $$;
-- It gives only what its caller owns; still, nobody else has a use for it.
REVOKE ALL ON FUNCTION grant_application_v1(name) FROM PUBLIC;
