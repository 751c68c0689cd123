//! Whether the viewer has a word left at an open gate `v`: their own, or that of somebody in whose place they decide. It is what
//! `run::decide` makes of who approves, in the words of a list. Parameters: the viewer's id, role and email.
//! Must never cost those who voted nowhere and act for nobody: what is looked up is asked for last.

/// Whether somebody neither started the run nor wrote what is latest; OFFSET 0 keeps that from being asked of all artifacts at once.
macro_rules! is_not_of {
    ($who:literal) => {
        concat!(
            "v.user_id <> ",
            $who,
            " AND NOT EXISTS (
                SELECT FROM artifact_heads h
                JOIN artifacts a ON a.run_id = h.run_id AND a.step = h.step AND a.name = h.name AND a.version = h.latest
                WHERE h.run_id = v.run_id AND h.step = v.step AND a.made_by = ",
            $who,
            " OFFSET 0
            )"
        )
    };
}

/// One row `w`: who gave the approvals that count, and in whose names they do. An approval is in the name of somebody who is away, as long
/// as whoever gave it has their reviews since before, both could sign in ever since, and the gate asks the one who is away; else it is of
/// who gave it, if they are asked themselves. Nothing counts that was said before an account was enabled again, nor by a group that
/// somebody has joined since; clocks may differ by some seconds. Empty where it is nothing to the viewer: they act for nobody, and neither
/// approved nor somebody in their place.
macro_rules! words {
    () => {
        concat!(
            "(
            SELECT coalesce(array_agg(t.by), '{}') AS by,
                coalesce(array_agg(CASE WHEN f.is_in_place THEN t.whose ELSE t.by END), '{}') AS names
            FROM unnest(v.votes, v.voted_at, v.voted_for) AS t (by, at, whose)
            JOIN users u ON u.id = t.by
            CROSS JOIN LATERAL (
                SELECT t.whose IS NOT NULL AND EXISTS (
                    SELECT FROM delegations d JOIN users p ON p.id = d.principal_id
                    WHERE d.delegate_id = t.by AND d.principal_id = t.whose AND d.ended_at IS NULL AND d.starts_at <= now()
                        AND d.ends_at > now() AND p.disabled_at IS NULL
                        AND coalesce(greatest(d.starts_at, u.enabled_at, p.enabled_at) <= t.at + interval '10 seconds', true)
                        AND (p.role = ANY(v.roles) OR lower(p.email) = ANY(v.users)
                            OR v.roles = '{}' AND v.users = '{}' AND p.id = v.user_id
                            OR EXISTS (
                                SELECT FROM group_members m
                                WHERE m.user_id = p.id AND 'group:' || m.group_id = ANY(v.roles)
                                    AND coalesce(m.added_at <= t.at + interval '10 seconds', true)
                            ))
                ) AS is_in_place
            ) f
            WHERE (v.votes @> ARRAY[$1] OR v.voted_for @> ARRAY[$1] OR v.votes <> '{}' AND EXISTS (SELECT FROM ",
            $crate::access::acts_by!("1"),
            ")) AND u.disabled_at IS NULL AND (
                f.is_in_place OR coalesce(u.enabled_at <= t.at + interval '10 seconds', true) AND (
                    u.role = 'admin' OR u.role = ANY(v.roles) OR lower(u.email) = ANY(v.users)
                    OR v.roles = '{}' AND v.users = '{}' AND u.id = v.user_id
                    OR EXISTS (
                        SELECT FROM group_members m
                        WHERE m.user_id = u.id AND 'group:' || m.group_id = ANY(v.roles)
                            AND coalesce(m.added_at <= t.at + interval '10 seconds', true)
                    )
                )
            )
        ) w"
        )
    };
}

/// Nobody approves twice, whomever they act for, nor in a name in which somebody has. Where nobody approves their own, that holds for the
/// viewer, and for whom they speak for. Of several whom they act for, one is enough.
macro_rules! has_word_left {
    () => {
        concat!(
            "(v.allow_self OR ",
            $crate::inbox::words_left::is_not_of!("$1"),
            ") AND NOT w.by @> ARRAY[$1] AND ((v.user_id = $1 OR $2::text = 'admin' OR ",
            $crate::access::is_asked_themselves!("1", "2", "3"),
            ") AND NOT w.names @> ARRAY[$1] OR EXISTS (
                SELECT FROM ",
            $crate::access::acts_by!("1"),
            " AND EXISTS (
                    SELECT FROM users p WHERE p.id = d.principal_id AND NOT w.names @> ARRAY[p.id] AND ",
            $crate::access::asks_absent!(),
            " AND (v.allow_self OR ",
            $crate::inbox::words_left::is_not_of!("p.id"),
            ")
                )
            ))"
        )
    };
}

pub(super) use {has_word_left, is_not_of, words};
