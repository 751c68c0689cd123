//! People as a picker, the gates of a definition and the views of runs need them: who has an account, and whether they can sign in.
//! Must return nothing else of an account.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;
use workflow::{UserId, api::PersonView};

use crate::{Result, Store};

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

    /// Those of these people who cannot sign in any more.
    pub async fn disabled_among(&self, people: &BTreeSet<UserId>) -> Result<BTreeSet<UserId>> {
        if people.is_empty() {
            return Ok(BTreeSet::new());
        }
        let found =
            sqlx::query_scalar!("SELECT id FROM users WHERE id = ANY($1) AND disabled_at IS NOT NULL", &ids(people));
        Ok(found.fetch_all(&self.pool).await?.into_iter().map(UserId).collect())
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
