-- For a batch without messages and reservations. Decided by a clock that is right, by a worker that lives, with the large
-- content there that was written ahead: a failover may have taken it, and who collects orphans may be about to.
valid AS MATERIALIZED (
    SELECT b.* FROM batch b
    WHERE b.decided_at BETWEEN clock_timestamp() - interval '2 seconds' AND clock_timestamp() + interval '2 seconds'
        AND (b.worker IS NULL OR (SELECT w.state = 'alive' FROM workers w WHERE w.id = b.worker))
        AND (b.ahead IS NULL OR cardinality(b.ahead::text[]) = (
            SELECT count(*) FROM unnest(b.ahead::text[]) AS a (hash)
            CROSS JOIN LATERAL (SELECT FROM blobs x WHERE x.hash = a.hash FOR KEY SHARE OF x SKIP LOCKED) x
        ))
),
