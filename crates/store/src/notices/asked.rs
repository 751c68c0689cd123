//! Who is told that a gate waits, in the words of SQL: once for making messages and for sending them.
//! Must never be taken for the rule of who may decide, which `run::decide` has.

/// Whether the person `u` can sign in and is asked at the gate `g`, themselves or in the place of somebody who is away: where nobody in
/// particular is asked, that is who owns the run. Nobody is told of their own where they may not approve it.
macro_rules! is_told {
    () => {
        "u.disabled_at IS NULL AND (g.allow_self OR u.id <> g.user_id) AND EXISTS (
            SELECT FROM (
                SELECT u.id AS id
                UNION ALL SELECT d.principal_id FROM delegations d
                WHERE d.delegate_id = u.id AND d.ended_at IS NULL AND d.starts_at <= now() AND d.ends_at > now()
            ) w JOIN users p ON p.id = w.id
            WHERE p.disabled_at IS NULL AND (g.allow_self OR p.id <> g.user_id)
                AND CASE WHEN g.roles = '{}' AND g.users = '{}' THEN p.id = g.user_id
                    ELSE p.role = ANY (g.roles) OR lower(p.email) = ANY (g.users) OR EXISTS (
                        SELECT FROM group_members m
                        WHERE m.user_id = p.id AND 'group:' || m.group_id = ANY (g.roles)
                    ) END)"
    };
}

pub(super) use is_told;
