-- For a batch without messages and reservations. Decided by a clock that is right, by a worker that lives.
valid AS MATERIALIZED (
    SELECT b.* FROM batch b
    WHERE b.decided_at BETWEEN clock_timestamp() - interval '2 seconds' AND clock_timestamp() + interval '2 seconds'
        AND (b.worker IS NULL OR (SELECT w.state <> 'dead' FROM workers w WHERE w.id = b.worker))
),
