//! Who may see a run. One predicate says so, and every list of runs uses it.
//! Must answer alike for a run that is missing and one that is not the viewer's.

use workflow::{RunId, access::Actor};

use crate::{Result, Store};

/// Whether a person is asked at the open gate `v`; the numbers are those of the parameters for their id, role and email. Their groups
/// are looked up with it, so that nobody sees by a group that they have left. That somebody is asked at all is said in the words of the
/// indexes over those who are: else neither serves.
macro_rules! is_asked {
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

/// Whether the run `r` stands in a person's lists: its owner's, every admin's, and those of who is asked at one of its gates for as long
/// as it is open.
macro_rules! concerns {
    ($user:literal, $role:literal, $email:literal) => {
        concat!(
            "(r.user_id = $",
            $user,
            " OR $",
            $role,
            "::text = 'admin' OR EXISTS (SELECT FROM reviews v WHERE v.run_id = r.id AND ",
            $crate::access::is_asked!($user, $role, $email),
            "))"
        )
    };
}

/// Whether a person may see the run `r`: whom it concerns, and who is in a group that sees all runs of its workflow. A try is nobody's
/// but its maker's, and what a run starts as a sub-workflow is of that run: it holds what another workflow gave it.
macro_rules! may_see {
    ($user:literal, $role:literal, $email:literal) => {
        concat!(
            "(",
            $crate::access::concerns!($user, $role, $email),
            " OR NOT r.is_test AND r.parent_run IS NULL AND EXISTS (
                SELECT FROM workflow_audience a JOIN group_members m ON m.group_id = a.group_id
                WHERE a.template_id = r.template_id AND a.may_see AND m.user_id = $",
            $user,
            "))"
        )
    };
}

pub(crate) use {concerns, is_asked, may_see};

impl Store {
    pub async fn run_is_visible(&self, run: RunId, viewer: &Actor) -> Result<bool> {
        let sql =
            concat!("SELECT EXISTS (SELECT FROM workflow_runs r WHERE r.id = $1 AND ", may_see!("2", "3", "4"), ")");
        let found =
            sqlx::query_scalar(sql).bind(run.0).bind(viewer.id.0).bind(viewer.role.as_str()).bind(&viewer.email);
        Ok(found.fetch_one(&self.pool).await?)
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
