//! Names that hold what somebody types: of workflows and of agents.
//! It must never answer a user with what only a draft says: those who may not edit are told the published names alone.

use workflow::{
    AgentId, TemplateId, UserId,
    api::{FoundAgent, FoundWorkflow},
};

use crate::{Result, Store};

/// What is searched for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sought {
    text: String,
    /// Its letters in this order, with anything between them.
    pattern: String,
}

impl Sought {
    /// Nothing where there is no letter to look for. What is longer than `most` letters is cut, because no name would hold it.
    pub fn new(text: &str, most: usize) -> Option<Self> {
        // Postgres holds no NUL, so no name has one.
        let text: String = text.trim().chars().filter(|char| *char != '\0').take(most).collect();
        let letters = text.chars().filter(|char| !char.is_whitespace());
        let escaped = letters
            .map(|char| if matches!(char, '%' | '_' | '\\') { format!("\\{char}%") } else { format!("{char}%") });
        let pattern: String = escaped.collect();
        (!pattern.is_empty()).then(|| Self { text, pattern: format!("%{pattern}") })
    }
}

impl Store {
    /// Of drafts, as admins find them.
    pub async fn find_templates(&self, sought: &Sought, most: i64) -> Result<Vec<FoundWorkflow>> {
        self.find_named(sought, most, None).await
    }

    /// Of published versions, as somebody finds them who may start them.
    pub async fn find_published(&self, sought: &Sought, by: UserId, most: i64) -> Result<Vec<FoundWorkflow>> {
        self.find_named(sought, most, Some(by)).await
    }

    async fn find_named(&self, sought: &Sought, most: i64, by: Option<UserId>) -> Result<Vec<FoundWorkflow>> {
        let may_edit = by.is_none();
        let rows = sqlx::query!(
            // Who may not edit is told of the published version alone: what has none has no name for them.
            r#"SELECT t.id, n.name AS "name!", t.published_version IS NOT NULL AS "is_published!"
               FROM workflow_templates t
               LEFT JOIN workflow_template_versions v
                   ON v.template_id = t.id AND v.version = t.published_version AND NOT $4
               CROSS JOIN LATERAL (SELECT CASE WHEN $4 THEN t.name ELSE v.name END AS name OFFSET 0) n
               WHERE NOT t.is_test AND t.archived_at IS NULL AND lower(n.name) LIKE lower($1)
                   AND ($5::uuid IS NULL OR NOT EXISTS (SELECT FROM workflow_audience a WHERE a.template_id = t.id AND a.may_start)
                   OR EXISTS (SELECT FROM workflow_audience a JOIN group_members m ON m.group_id = a.group_id
                              WHERE a.template_id = t.id AND a.may_start AND m.user_id = $5))
               ORDER BY strpos(lower(n.name), lower($2)) = 0, strpos(lower(n.name), lower($2)), length(n.name), t.id LIMIT $3"#,
            sought.pattern,
            sought.text,
            most,
            may_edit,
            by.map(|user| user.0),
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        let found = rows.map(|row| FoundWorkflow {
            id: TemplateId(row.id),
            name: row.name,
            is_published: row.is_published,
            may_edit,
        });
        Ok(found.collect())
    }

    /// By name or by id.
    pub async fn find_agents(&self, sought: &Sought, most: i64) -> Result<Vec<FoundAgent>> {
        let rows = sqlx::query!(
            // What is computed behind OFFSET 0 is computed once a row: reading a specification for its name is what costs here.
            r#"SELECT a.id AS "id!", n.name AS "name!"
               FROM agents a
               JOIN agent_versions v ON v.agent_id = a.id AND v.version = a.latest_version
               CROSS JOIN LATERAL (SELECT v.spec ->> 'name' AS name OFFSET 0) n
               WHERE NOT a.is_test AND (lower(n.name) LIKE lower($1) OR a.id LIKE lower($1))
               ORDER BY strpos(lower(n.name), lower($2)) = 0, strpos(lower(n.name), lower($2)), length(n.name), a.id
               LIMIT $3"#,
            sought.pattern,
            sought.text,
            most,
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        Ok(rows.map(|row| FoundAgent { id: AgentId::new(row.id), name: row.name }).collect())
    }
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;
    use crate::{
        audit::Author,
        testing::{BY, agent, with_admin},
    };

    #[test]
    fn what_is_typed_is_no_pattern() {
        let pattern = |text| Sought::new(text, 8).map(|sought| sought.pattern);
        assert_eq!(pattern(" a b "), Some("%a%b%".into()));
        assert_eq!(pattern("50%_\\"), Some("%5%0%\\%%\\_%\\\\%".into()));
        assert_eq!(pattern("abcdefghijk"), Some("%a%b%c%d%e%f%g%h%".into()));
        assert_eq!(pattern(" \0 "), None);
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn agents_are_found_by_their_latest_name_and_by_their_id(pool: PgPool) {
        let store = with_admin(pool).await;
        let save = async |id: &str, name: &str, base: Option<i32>| {
            store.save_agent(&agent(id, name), base, BY, Author::default()).await.unwrap();
        };
        save("ghost", "Co-writer", None).await;
        save("a", "Writer", None).await;
        save("b", "Writer of old", None).await;
        save("b", "Reader", Some(1)).await;
        let find = async |text: &str| {
            let found = store.find_agents(&Sought::new(text, 64).unwrap(), 30).await.unwrap();
            found.into_iter().map(|agent| (agent.id.to_string(), agent.name)).collect::<Vec<_>>()
        };
        let told = |id: &str, name: &str| (id.to_owned(), name.to_owned());
        assert_eq!(find("writer").await, [told("a", "Writer"), told("ghost", "Co-writer")]);
        assert_eq!(find("GHO").await, [told("ghost", "Co-writer")]);
    }
}
