//! In whose place somebody decides just now. Read with the person, and only where there is anybody: most act for nobody.
//! Must never name whom these act for in turn, nor anybody who cannot sign in.

use std::collections::BTreeMap;

use uuid::Uuid;
use workflow::{UserId, access::Absent};

use crate::{
    Result,
    decode::{groups, parse_role},
    lending::Pool,
};

/// By delegate.
pub(crate) type Acting = BTreeMap<UserId, Vec<Absent>>;

/// Those in whose place these people decide, by email; asked about those alone who have somebody's reviews.
pub(crate) async fn for_whom(pool: &Pool, people: &[(Uuid, bool)]) -> Result<Acting> {
    let delegates: Vec<Uuid> = people.iter().filter(|(_, acts)| *acts).map(|(id, _)| *id).collect();
    let mut acting = Acting::new();
    if delegates.is_empty() {
        return Ok(acting);
    }
    let rows = sqlx::query!(
        r#"SELECT d.delegate_id, d.starts_at, p.id, p.email, p.role,
                  ARRAY(SELECT m.group_id FROM group_members m WHERE m.user_id = p.id) AS "groups!"
           FROM delegations d JOIN users p ON p.id = d.principal_id
           WHERE d.delegate_id = ANY($1) AND d.ended_at IS NULL AND d.starts_at <= now() AND d.ends_at > now()
               AND p.disabled_at IS NULL
           ORDER BY lower(p.email)"#,
        &delegates,
    );
    for row in rows.fetch_all(pool).await? {
        let role = parse_role(&row.role, row.id)?;
        let groups = groups(row.groups);
        let absent = Absent { id: UserId(row.id), email: row.email, role, groups, since: row.starts_at };
        acting.entry(UserId(row.delegate_id)).or_default().push(absent);
    }
    Ok(acting)
}

/// What of that is this person's.
pub(crate) fn of(acting: &Acting, id: Uuid) -> Vec<Absent> {
    acting.get(&UserId(id)).cloned().unwrap_or_default()
}
