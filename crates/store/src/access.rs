//! Who may see a run, and what they may do with it. One predicate says who may see it, and every list of runs uses it.
//! Must answer alike for a run that is missing and one that is not the viewer's.

use std::collections::BTreeSet;

use workflow::{RunId, StepKey, access::Actor};

use crate::{Result, Store};

/// Whether a person is asked at the open gate `v`; the numbers are those of the parameters for their role and email. That somebody is
/// asked at all is said in the words of the indexes over those who are: else neither serves.
macro_rules! is_asked {
    ($role:literal, $email:literal) => {
        concat!(
            "(v.users <> '{}' AND v.users @> ARRAY[lower($",
            $email,
            "::text)] OR v.roles <> '{}' AND v.roles @> ARRAY[$",
            $role,
            "::text])"
        )
    };
}

/// Whether a person may see the run `r`: its owner, an admin, and those who are asked at one of its gates for as long as it is open.
macro_rules! may_see {
    ($user:literal, $role:literal, $email:literal) => {
        concat!(
            "(r.user_id = $",
            $user,
            " OR $",
            $role,
            "::text = 'admin' OR EXISTS (SELECT FROM reviews v WHERE v.run_id = r.id AND ",
            $crate::access::is_asked!($role, $email),
            "))"
        )
    };
}

pub(crate) use {is_asked, may_see};

/// What a viewer may do with a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Access {
    /// Every verb that the gates leave to its owner, or to an admin.
    Full,
    /// Somebody who is asked: the open gates of these steps, and to look.
    Gates(BTreeSet<StepKey>),
}

impl Store {
    pub async fn run_is_visible(&self, run: RunId, viewer: &Actor) -> Result<bool> {
        let sql =
            concat!("SELECT EXISTS (SELECT FROM workflow_runs r WHERE r.id = $1 AND ", may_see!("2", "3", "4"), ")");
        let found =
            sqlx::query_scalar(sql).bind(run.0).bind(viewer.id.0).bind(viewer.role.as_str()).bind(&viewer.email);
        Ok(found.fetch_one(&self.pool).await?)
    }

    /// What the viewer may do with a run; none when it does not exist or is not theirs to see.
    pub async fn run_access(&self, run: RunId, viewer: &Actor) -> Result<Option<Access>> {
        let sql = concat!(
            "SELECT r.user_id = $2 OR $3::text = 'admin',
                ARRAY(SELECT v.step FROM reviews v WHERE v.run_id = r.id AND ",
            is_asked!("3", "4"),
            ") FROM workflow_runs r WHERE r.id = $1 AND ",
            may_see!("2", "3", "4"),
        );
        let row: Option<(bool, Vec<String>)> = sqlx::query_as(sql)
            .bind(run.0)
            .bind(viewer.id.0)
            .bind(viewer.role.as_str())
            .bind(&viewer.email)
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(
            |(is_full, gates)| {
                if is_full { Access::Full } else { Access::Gates(gates.into_iter().map(StepKey::new).collect()) }
            },
        ))
    }
}
