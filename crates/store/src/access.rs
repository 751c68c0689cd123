//! Who may see a run. One predicate says so, and every list of runs uses it.
//! Must answer alike for a run that is missing and one that is not the viewer's.

use workflow::{RunId, StepKey, UserId, access::Actor};

use crate::{Result, Store};

/// Delegations `d` by which a person decides in the place of others just now; what follows narrows them. Who cannot sign in gives and has
/// none: theirs end with it.
macro_rules! acts_by {
    ($user:literal) => {
        concat!(
            "delegations d WHERE d.delegate_id = $",
            $user,
            " AND d.ended_at IS NULL AND d.starts_at <= now() AND d.ends_at > now()"
        )
    };
}

/// Open gates `v` that ask nobody in particular, of those in whose place a person decides: found from each of these, so that the gates of
/// all others cost nothing.
macro_rules! gates_of_owners {
    ($user:literal) => {
        concat!(
            "(SELECT d.principal_id FROM ",
            $crate::access::acts_by!($user),
            ") d CROSS JOIN LATERAL (
                SELECT v.* FROM reviews v WHERE v.user_id = d.principal_id AND v.users = '{}' AND v.roles = '{}' OFFSET 0
            ) v"
        )
    };
}
pub(crate) use gates_of_owners;

/// Whether a person is asked at the open gate `v` themselves; the numbers are those of the parameters for their id, role and email. Their
/// groups are looked up with it, so that nobody sees by a group that they have left. That somebody is asked at all is said in the words of
/// the indexes over those who are: else neither serves.
macro_rules! is_asked_themselves {
    ($user:literal, $role:literal, $email:literal) => {
        concat!(
            "(v.users <> '{}' AND v.users @> ARRAY[lower($",
            $email,
            "::text)] OR v.roles <> '{}' AND v.roles && (ARRAY[$",
            $role,
            "::text] || ARRAY(SELECT 'group:' || m.group_id FROM group_members m WHERE m.user_id = $",
            $user,
            ")))"
        )
    };
}

/// The same, or in the place of somebody who is away: by their email, their role and their groups.
macro_rules! is_asked {
    ($user:literal, $role:literal, $email:literal) => {
        concat!(
            "(v.users <> '{}' AND v.users && (ARRAY[lower($",
            $email,
            "::text)] || ARRAY(SELECT lower(p.email) FROM users p WHERE p.id IN (SELECT d.principal_id FROM ",
            $crate::access::acts_by!($user),
            "))) OR v.roles <> '{}' AND v.roles && (ARRAY[$",
            $role,
            "::text] || ARRAY(SELECT 'group:' || m.group_id FROM group_members m WHERE m.user_id = $",
            $user,
            ") || ARRAY(SELECT p.role FROM users p WHERE p.id IN (SELECT d.principal_id FROM ",
            $crate::access::acts_by!($user),
            ")) || ARRAY(SELECT 'group:' || m.group_id FROM group_members m WHERE m.user_id IN (SELECT d.principal_id FROM ",
            $crate::access::acts_by!($user),
            "))))"
        )
    };
}

/// Whether the open gate `v` asks nobody in particular, and so the run's owner, in whose place a person decides.
macro_rules! is_asked_for_owner {
    ($user:literal) => {
        concat!(
            "(v.users = '{}' AND v.roles = '{}' AND v.user_id IN (SELECT d.principal_id FROM ",
            $crate::access::acts_by!($user),
            "))"
        )
    };
}

/// Whether the open gate `v` asks the person `p`, as whoever decides in their place has it: by their email, their role and their groups, or
/// as the owner of the run where it asks nobody in particular.
macro_rules! asks_absent {
    () => {
        "(v.users @> ARRAY[lower(p.email)] OR v.roles && (ARRAY[p.role]
            || ARRAY(SELECT 'group:' || m.group_id FROM group_members m WHERE m.user_id = p.id))
            OR v.users = '{}' AND v.roles = '{}' AND v.user_id = p.id)"
    };
}

/// Of the open gate `v`: the email of the first in whose place a person decides there, by email; NULL where they are asked themselves, or
/// it is theirs as the run's owner or as an admin. For a column of a list, whose WHERE says already that they may see the gate.
macro_rules! acts_for {
    ($user:literal, $role:literal, $email:literal) => {
        concat!(
            "CASE WHEN v.user_id = $",
            $user,
            " OR $",
            $role,
            "::text = 'admin' OR ",
            $crate::access::is_asked_themselves!($user, $role, $email),
            " THEN NULL ELSE (SELECT p.email FROM users p WHERE p.id IN (SELECT d.principal_id FROM ",
            $crate::access::acts_by!($user),
            ") AND ",
            $crate::access::asks_absent!(),
            " ORDER BY lower(p.email) LIMIT 1) END"
        )
    };
}

/// One row `who`: how many (`n`) of those whom `g` asks can decide. By role or group (`g.roles`, with `group:ID`), by email in lower case
/// (`g.users`); who can sign in, without `g.without`, which is whoever started the run where nobody approves their own.
macro_rules! who_can {
    () => {
        "(
            SELECT count(*) AS n
            FROM (
                SELECT u.id FROM users u WHERE g.roles && ARRAY['admin', 'user'] AND u.role = ANY(g.roles)
                UNION
                SELECT u.id FROM users u WHERE lower(u.email) = ANY(g.users)
                UNION
                SELECT m.user_id FROM group_members m
                WHERE m.group_id = ANY(ARRAY(SELECT substr(k, 7) FROM unnest(g.roles) k WHERE k LIKE 'group:%'))
            ) a
            JOIN users u ON u.id = a.id
            WHERE u.disabled_at IS NULL AND u.id IS DISTINCT FROM g.without
        ) who"
    };
}

/// Whether the run `r` stands in a person's lists: its owner's, every admin's, and those of who is asked at one of its gates for as long
/// as it is open, themselves or in the place of somebody who is away. The gates of a try ask nobody, and whoever tries gives them to nobody.
macro_rules! concerns {
    ($user:literal, $role:literal, $email:literal) => {
        concat!(
            "(r.user_id = $",
            $user,
            " OR $",
            $role,
            "::text = 'admin' OR EXISTS (SELECT FROM reviews v WHERE v.run_id = r.id AND (",
            $crate::access::is_asked!($user, $role, $email),
            " OR NOT r.is_test AND ",
            $crate::access::is_asked_for_owner!($user),
            ")))"
        )
    };
}

/// The run `$run` and those around it, up to the one that somebody started: for the beginning of a subquery. There are at most sixteen, each
/// found by its id; `UNION` comes to an end also where a row should lead to itself.
macro_rules! runs_around {
    ($run:literal) => {
        concat!(
            "WITH RECURSIVE up AS (
                SELECT r0.id, r0.parent_run FROM workflow_runs r0 WHERE r0.id = ",
            $run,
            " UNION
                SELECT p.id, p.parent_run FROM up JOIN workflow_runs p ON p.id = up.parent_run
            ) "
        )
    };
}

/// Whether the share `s` is with a person, or with a group that they are in just now.
macro_rules! is_share_with {
    ($user:literal) => {
        concat!(
            "(s.user_id = $",
            $user,
            " OR s.group_id IN (SELECT m.group_id FROM group_members m WHERE m.user_id = $",
            $user,
            "))"
        )
    };
}

/// Whether a person may look at the run `r` of somebody else, and nothing more: who is in a group that sees all runs of its workflow, and
/// whom it, or a run around it, is shared with. A try is nobody's but its maker's. What a run starts as a sub-workflow is of that run: it
/// holds what another workflow gave it, so it is seen with that run alone. A fork is another run.
macro_rules! may_look {
    ($user:literal) => {
        concat!(
            "(NOT r.is_test AND (r.parent_run IS NULL AND EXISTS (
                SELECT FROM workflow_audience a JOIN group_members m ON m.group_id = a.group_id
                WHERE a.template_id = r.template_id AND a.may_see AND m.user_id = $",
            $user,
            ") OR EXISTS (",
            $crate::access::runs_around!("r.id"),
            "SELECT FROM up JOIN run_shares s ON s.run_id = up.id WHERE ",
            $crate::access::is_share_with!($user),
            ")))"
        )
    };
}

/// Whether a person may see the run `r`: whom it concerns, and who may look at it.
macro_rules! may_see {
    ($user:literal, $role:literal, $email:literal) => {
        concat!("(", $crate::access::concerns!($user, $role, $email), " OR ", $crate::access::may_look!($user), ")")
    };
}

pub(crate) use {
    acts_by, acts_for, asks_absent, concerns, is_asked, is_asked_for_owner, is_asked_themselves, is_share_with,
    may_look, runs_around, who_can,
};

impl Store {
    pub async fn run_is_visible(&self, run: RunId, viewer: &Actor) -> Result<bool> {
        let sql =
            concat!("SELECT EXISTS (SELECT FROM workflow_runs r WHERE r.id = $1 AND ", may_see!("2", "3", "4"), ")");
        let found =
            sqlx::query_scalar(sql).bind(run.0).bind(viewer.id.0).bind(viewer.role.as_str()).bind(&viewer.email);
        Ok(found.fetch_one(&self.pool).await?)
    }

    /// Whether somebody looks at a run of somebody else, and nothing more. The twin of what every read asks.
    pub async fn run_is_shared(&self, run: RunId, user: UserId) -> Result<bool> {
        let sql = concat!("SELECT EXISTS (SELECT FROM workflow_runs r WHERE r.id = $1 AND ", may_look!("2"), ")");
        Ok(sqlx::query_scalar(sql).bind(run.0).bind(user.0).fetch_one(&self.pool).await?)
    }

    /// The email of who is away and in whose place the viewer decides at an open gate; none where they are asked themselves, or may not
    /// decide there.
    pub async fn in_whose_place(&self, run: RunId, step: &StepKey, viewer: &Actor) -> Result<Option<String>> {
        let sql = concat!(
            "SELECT ",
            crate::access::acts_for!("3", "4", "5"),
            " FROM reviews v WHERE v.run_id = $1 AND v.step = $2"
        );
        let found = sqlx::query_scalar(sql)
            .bind(run.0)
            .bind(step.as_str())
            .bind(viewer.id.0)
            .bind(viewer.role.as_str())
            .bind(&viewer.email);
        Ok(found.fetch_optional(&self.pool).await?.flatten())
    }

    /// Whether nobody may go on with a run until an admin looked at it; none when it does not exist or is not theirs to see.
    pub async fn run_is_set_aside(&self, run: RunId, viewer: &Actor) -> Result<Option<bool>> {
        let sql = concat!(
            "SELECT r.quarantine IS NOT NULL FROM workflow_runs r WHERE r.id = $1 AND ",
            may_see!("2", "3", "4")
        );
        let found =
            sqlx::query_scalar(sql).bind(run.0).bind(viewer.id.0).bind(viewer.role.as_str()).bind(&viewer.email);
        Ok(found.fetch_optional(&self.pool).await?)
    }
}
