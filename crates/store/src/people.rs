//! People as a picker and the gates of a definition need them: who has an account, and whether they can sign in.
//! Must return nothing else of an account.

use workflow::api::PersonView;

use crate::{Result, Store};

impl Store {
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
