//! People as a picker, the gates of a definition and the views of runs need them: who has an account, and whether they can sign in.
//! Must return nothing else of an account.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;
use workflow::{
    UserId,
    access::Actor,
    api::PersonView,
    id::GroupId,
    run::{Since, Voters},
};

use crate::{
    Result, Store,
    decode::{groups, parse_role},
    delegations::absent,
};

impl Store {
    /// The emails of these people; who has no account is left out.
    pub async fn emails(&self, people: &BTreeSet<UserId>) -> Result<BTreeMap<UserId, String>> {
        if people.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows = sqlx::query!("SELECT id, email FROM users WHERE id = ANY($1)", &ids(people));
        let rows = rows.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| (UserId(row.id), row.email)).collect())
    }

    /// How these people, who voted at a gate, stand now and since when: with their role and groups, or as nobody where they cannot sign in
    /// any more.
    pub async fn voters(&self, people: &BTreeSet<UserId>) -> Result<Voters> {
        let mut voters = Voters::looked_up();
        if people.is_empty() {
            return Ok(voters);
        }
        for id in people {
            voters.set(*id, None);
        }
        let rows = sqlx::query!(
            r#"SELECT u.id, u.email, u.role, u.enabled_at,
                      ARRAY(SELECT m.group_id FROM group_members m WHERE m.user_id = u.id ORDER BY m.group_id) AS "groups!",
                      ARRAY(SELECT m.added_at FROM group_members m WHERE m.user_id = u.id ORDER BY m.group_id) AS "joined!",
                      EXISTS (SELECT FROM delegations d WHERE d.delegate_id = u.id AND d.ended_at IS NULL
                          AND d.starts_at <= now() AND d.ends_at > now()) AS "acts!"
               FROM users u WHERE u.id = ANY($1) AND u.disabled_at IS NULL"#,
            &ids(people),
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let delegates: Vec<(Uuid, bool)> = rows.iter().map(|row| (row.id, row.acts)).collect();
        let acting = absent::for_whom(&self.pool, &delegates).await?;
        for row in rows {
            let role = parse_role(&row.role, row.id)?;
            let acts_for = absent::of(&acting, row.id);
            let joined = row.groups.iter().cloned().map(GroupId::new).zip(row.joined).collect();
            let actor = Actor { id: UserId(row.id), email: row.email, role, groups: groups(row.groups), acts_for };
            voters.since(actor.id, Since { enabled_at: row.enabled_at, joined });
            voters.set(actor.id, Some(actor));
        }
        Ok(voters)
    }

    /// How many people can sign in, and the emails of admins who can; `most` of each.
    pub async fn who_can_sign_in(&self, most: i64) -> Result<(i64, Vec<String>)> {
        let n_active = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!" FROM (SELECT id FROM users WHERE disabled_at IS NULL LIMIT $1) active"#,
            most,
        );
        let n_active = n_active.fetch_one(&self.pool).await?;
        let admins = sqlx::query_scalar!(
            "SELECT email FROM users WHERE role = 'admin' AND disabled_at IS NULL ORDER BY id LIMIT $1",
            most,
        );
        Ok((n_active, admins.fetch_all(&self.pool).await?))
    }

    /// Those of these emails that have an account.
    pub async fn people_with(&self, emails: &[String]) -> Result<Vec<PersonView>> {
        let found = sqlx::query!(
            r#"SELECT email, disabled_at IS NOT NULL AS "is_disabled!" FROM users
            WHERE lower(email) IN (SELECT lower(e) FROM unnest($1::text[]) e)"#,
            emails,
        );
        let found = found.fetch_all(&self.pool).await?;
        Ok(found.into_iter().map(|row| PersonView { email: row.email, is_disabled: row.is_disabled }).collect())
    }

    /// People whose email has this text in it, by email; those who cannot sign in come last.
    pub async fn find_people(&self, text: &str, limit: i64) -> Result<Vec<PersonView>> {
        let found = sqlx::query!(
            r#"SELECT email, disabled_at IS NOT NULL AS "is_disabled!" FROM users
            WHERE strpos(lower(email), lower($1)) > 0
            ORDER BY disabled_at IS NOT NULL, lower(email) LIMIT $2"#,
            text,
            limit,
        );
        let found = found.fetch_all(&self.pool).await?;
        Ok(found.into_iter().map(|row| PersonView { email: row.email, is_disabled: row.is_disabled }).collect())
    }
}

fn ids(people: &BTreeSet<UserId>) -> Vec<Uuid> {
    people.iter().map(|user| user.0).collect()
}
