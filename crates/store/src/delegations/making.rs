//! Making a delegation: whether there is room for it beside what there is, judged while nobody else makes one, so that of two that are made
//! at once one sees the other. Must hold both people's rows before that: who ends one's delegations has theirs first.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{UserId, id::DelegationId};

use crate::{
    Result, Store,
    audit::{self, Author},
};

#[derive(Clone, Copy, Debug)]
pub struct NewDelegation<'a> {
    pub id: DelegationId,
    pub principal: UserId,
    pub delegate: UserId,
    pub from_day: NaiveDate,
    pub to_day: NaiveDate,
    /// As the IANA database names it.
    pub zone: &'a str,
    /// So many of one person may be to come.
    pub most: i64,
    /// It begins at the latest so many days from now.
    pub most_ahead: i64,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delegate {
    Made,
    /// One of the two cannot sign in.
    Gone(UserId),
    UnknownZone,
    /// There it is this day already.
    Past(NaiveDate),
    TooFarAhead,
    TooMany,
    /// The same person has given their reviews to somebody else on some of these days.
    Overlaps {
        delegate: String,
        from_day: NaiveDate,
        to_day: NaiveDate,
    },
    /// On some of these days the reviews of the delegate go, by whichever way, to whoever gives theirs.
    Circle,
}

struct Period {
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    today: NaiveDate,
    days_ahead: i32,
}

impl Store {
    pub async fn delegate(&self, new: &NewDelegation<'_>, author: Author) -> Result<Delegate> {
        let mut tx = self.pool.begin().await?;
        // Before anybody's row is held: to know a zone, the database reads all that there are.
        let Some(period) = period(&mut tx, new).await? else { return Ok(Delegate::UnknownZone) };
        if let Some(gone) = gone(&mut tx, [new.principal, new.delegate]).await? {
            return Ok(Delegate::Gone(gone));
        }
        // A circle may be closed by two who have nobody in common.
        sqlx::query("LOCK TABLE delegations IN SHARE ROW EXCLUSIVE MODE").execute(&mut *tx).await?;
        if let Some(refused) = refused(&mut tx, new, &period).await? {
            return Ok(refused);
        }
        sqlx::query!(
            r#"INSERT INTO delegations (id, principal_id, delegate_id, from_day, to_day, zone, starts_at, ends_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"#,
            new.id.0,
            new.principal.0,
            new.delegate.0,
            new.from_day,
            new.to_day,
            new.zone,
            period.starts_at,
            period.ends_at,
        )
        .execute(&mut *tx)
        .await?;
        let data = json!({"user": new.delegate, "delegation": new.id, "from_day": new.from_day, "to_day": new.to_day,
            "zone": new.zone});
        audit::append(&mut tx, author, "delegation.created", &new.principal.to_string(), data).await?;
        tx.commit().await?;
        self.outbox.person(new.principal);
        self.outbox.person(new.delegate);
        Ok(Delegate::Made)
    }
}

/// Which of these cannot sign in. Both rows are held until all of it is decided, always in the same order.
async fn gone(connection: &mut PgConnection, people: [UserId; 2]) -> Result<Option<UserId>> {
    let ids: Vec<Uuid> = people.iter().map(|user| user.0).collect();
    let rows = sqlx::query!(
        r#"SELECT id, disabled_at IS NOT NULL AS "is_disabled!" FROM users WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE"#,
        &ids,
    );
    let rows = rows.fetch_all(connection).await?;
    let stands = |user: &UserId| rows.iter().any(|row| row.id == user.0 && !row.is_disabled);
    Ok(people.into_iter().find(|user| !stands(user)))
}

/// From when to when the days are; none where nobody knows the zone. What begins today begins now.
async fn period(connection: &mut PgConnection, new: &NewDelegation<'_>) -> Result<Option<Period>> {
    let is_known = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = $1) AS "known!""#,
        new.zone,
    );
    if !is_known.fetch_one(&mut *connection).await? {
        return Ok(None);
    }
    let period = sqlx::query_as!(
        Period,
        r#"SELECT greatest($1::date::timestamp AT TIME ZONE $3::text, now()) AS "starts_at!",
                  ($2::date + 1)::timestamp AT TIME ZONE $3::text AS "ends_at!",
                  (now() AT TIME ZONE $3::text)::date AS "today!",
                  $1::date - (now() AT TIME ZONE $3::text)::date AS "days_ahead!""#,
        new.from_day,
        new.to_day,
        new.zone,
    );
    Ok(Some(period.fetch_one(connection).await?))
}

async fn refused(connection: &mut PgConnection, new: &NewDelegation<'_>, period: &Period) -> Result<Option<Delegate>> {
    if new.from_day < period.today {
        return Ok(Some(Delegate::Past(period.today)));
    }
    if i64::from(period.days_ahead) > new.most_ahead {
        return Ok(Some(Delegate::TooFarAhead));
    }
    let n = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM delegations WHERE principal_id = $1 AND ended_at IS NULL AND ends_at > now()"#,
        new.principal.0,
    );
    if n.fetch_one(&mut *connection).await? >= new.most {
        return Ok(Some(Delegate::TooMany));
    }
    let other = sqlx::query!(
        r#"SELECT b.email, d.from_day, d.to_day FROM delegations d JOIN users b ON b.id = d.delegate_id
           WHERE d.principal_id = $1 AND d.ended_at IS NULL AND d.starts_at < $3 AND d.ends_at > $2
           ORDER BY d.starts_at LIMIT 1"#,
        new.principal.0,
        period.starts_at,
        period.ends_at,
    );
    if let Some(other) = other.fetch_optional(&mut *connection).await? {
        let (from_day, to_day) = (other.from_day, other.to_day);
        return Ok(Some(Delegate::Overlaps { delegate: other.email, from_day, to_day }));
    }
    let goes_round = sqlx::query_scalar!(
        r#"WITH RECURSIVE given AS (
               SELECT d.delegate_id FROM delegations d
               WHERE d.principal_id = $1 AND d.ended_at IS NULL AND d.starts_at < $4 AND d.ends_at > $3
               UNION
               SELECT d.delegate_id FROM given g JOIN delegations d ON d.principal_id = g.delegate_id
               WHERE d.ended_at IS NULL AND d.starts_at < $4 AND d.ends_at > $3
           )
           SELECT EXISTS (SELECT FROM given g WHERE g.delegate_id = $2) AS "found!""#,
        new.delegate.0,
        new.principal.0,
        period.starts_at,
        period.ends_at,
    );
    Ok(goes_round.fetch_one(connection).await?.then_some(Delegate::Circle))
}
