//! Delegations: who decides at gates in whose place, from a day to a day. What they come to is said in docs/delegation.md.
//! Must never keep one that goes in a circle or lies beside another of the same person, nor forget one that is over.

pub(crate) mod absent;
mod making;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{
    UserId,
    api::{DelegationView, MyDelegations, Page},
    id::DelegationId,
};

pub use making::{Delegate, NewDelegation};

use crate::{
    Result, Store, Window,
    audit::{self, Author},
    page,
};

struct Row {
    id: Uuid,
    principal: String,
    delegate: String,
    from_day: NaiveDate,
    to_day: NaiveDate,
    zone: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    lasts: bool,
}

impl From<Row> for DelegationView {
    fn from(row: Row) -> Self {
        Self {
            id: DelegationId(row.id),
            principal: row.principal,
            delegate: row.delegate,
            from_day: row.from_day,
            to_day: row.to_day,
            zone: row.zone,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            ended_at: row.ended_at,
            created_at: row.created_at,
            lasts: row.lasts,
        }
    }
}

/// As many of each as a page of one's account shows.
const MOST_SHOWN: i64 = 100;

impl Store {
    /// What somebody gave and what they received, as far as it is not over, the first to begin first.
    pub async fn delegations_of(&self, user: UserId) -> Result<MyDelegations> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT d.id, p.email AS principal, b.email AS delegate, d.from_day, d.to_day, d.zone, d.starts_at, d.ends_at,
                      d.ended_at, d.created_at, d.starts_at <= now() AS "lasts!"
               FROM delegations d JOIN users p ON p.id = d.principal_id JOIN users b ON b.id = d.delegate_id
               WHERE d.principal_id = $1 AND d.ended_at IS NULL AND d.ends_at > now()
               ORDER BY d.starts_at, d.id LIMIT $2"#,
            user.0,
            MOST_SHOWN,
        );
        let given = rows.fetch_all(&self.pool).await?.into_iter().map(DelegationView::from).collect();
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT d.id, p.email AS principal, b.email AS delegate, d.from_day, d.to_day, d.zone, d.starts_at, d.ends_at,
                      d.ended_at, d.created_at, d.starts_at <= now() AS "lasts!"
               FROM delegations d JOIN users p ON p.id = d.principal_id JOIN users b ON b.id = d.delegate_id
               WHERE d.delegate_id = $1 AND d.ended_at IS NULL AND d.ends_at > now()
               ORDER BY d.starts_at, d.id LIMIT $2"#,
            user.0,
            MOST_SHOWN,
        );
        let received = rows.fetch_all(&self.pool).await?.into_iter().map(DelegationView::from).collect();
        Ok(MyDelegations { given, received })
    }

    /// A page of all that ever were, the newest first.
    pub async fn delegations(&self, window: Window<'_>) -> Result<Page<DelegationView>> {
        let (before, id) = window.after.and_then(page::read_at).unzip();
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT d.id, p.email AS principal, b.email AS delegate, d.from_day, d.to_day, d.zone, d.starts_at, d.ends_at,
                      d.ended_at, d.created_at,
                      (d.ended_at IS NULL AND d.starts_at <= now() AND d.ends_at > now()) AS "lasts!"
               FROM delegations d JOIN users p ON p.id = d.principal_id JOIN users b ON b.id = d.delegate_id
               WHERE $1::timestamptz IS NULL OR (d.created_at, d.id) < ($1, $2::uuid)
               ORDER BY d.created_at DESC, d.id DESC LIMIT $3"#,
            before,
            id,
            window.to_read(),
        );
        let found = rows.fetch_all(&self.pool).await?.into_iter().map(DelegationView::from).collect();
        Ok(window.page(found, |one: &DelegationView| page::at(one.created_at, one.id.0)))
    }

    /// Ends one that is not over; `of`: only if this person gave or received it. False where there is none of these.
    pub async fn end_delegation(&self, id: DelegationId, of: Option<UserId>, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let ended = sqlx::query!(
            r#"UPDATE delegations SET ended_at = now()
               WHERE id = $1 AND ended_at IS NULL AND ends_at > now()
                   AND ($2::uuid IS NULL OR principal_id = $2 OR delegate_id = $2)
               RETURNING principal_id, delegate_id"#,
            id.0,
            of.map(|user| user.0),
        );
        let Some(ended) = ended.fetch_optional(&mut *tx).await? else { return Ok(false) };
        let (principal, delegate) = (UserId(ended.principal_id), UserId(ended.delegate_id));
        let data = json!({"user": delegate, "delegation": id});
        audit::append(&mut tx, author, "delegation.ended", &principal.to_string(), data).await?;
        tx.commit().await?;
        self.outbox.person(principal);
        self.outbox.person(delegate);
        Ok(true)
    }
}

/// Whoever gave or received reviews cannot sign in any more: all of it ends, for good. Says who else is to look again.
pub(crate) async fn end_all_of(connection: &mut PgConnection, user: UserId, author: Author) -> Result<Vec<UserId>> {
    let ended = sqlx::query!(
        r#"UPDATE delegations SET ended_at = now()
           WHERE (principal_id = $1 OR delegate_id = $1) AND ended_at IS NULL AND ends_at > now()
           RETURNING id, principal_id, delegate_id"#,
        user.0,
    );
    let mut others = Vec::new();
    for ended in ended.fetch_all(&mut *connection).await? {
        let (principal, delegate) = (UserId(ended.principal_id), UserId(ended.delegate_id));
        let data = json!({"user": delegate, "delegation": ended.id, "because": "user.disabled"});
        audit::append(&mut *connection, author, "delegation.ended", &principal.to_string(), data).await?;
        others.push(if principal == user { delegate } else { principal });
    }
    Ok(others)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use chrono::Days;
    use sqlx::PgPool;
    use workflow::access::Role;

    use super::*;
    use crate::users::NewUser;

    async fn person(store: &Store, n: u128) -> UserId {
        let id = UserId(Uuid::from_u128(n));
        let email = format!("person{n}@example.org");
        let user = NewUser { id, email, role: Role::User, password_hash: "$argon2id$x".into() };
        store.create_user(&user, Author::default()).await.unwrap();
        id
    }

    /// So many days from today, by the clock that decides.
    async fn day(store: &Store, n: u64) -> NaiveDate {
        let today = sqlx::query_scalar("SELECT (now() AT TIME ZONE 'UTC')::date");
        let today: NaiveDate = today.fetch_one(&store.pool).await.unwrap();
        today + Days::new(n)
    }

    async fn give(store: &Store, n: u128, (from, to): (UserId, UserId), days: (u64, u64)) -> Delegate {
        let new = NewDelegation {
            id: DelegationId(Uuid::from_u128(n)),
            principal: from,
            delegate: to,
            from_day: day(store, days.0).await,
            to_day: day(store, days.1).await,
            zone: "UTC",
            most: 5,
            most_ahead: 366,
        };
        store.delegate(&new, Author::default()).await.unwrap()
    }

    async fn acts_for(store: &Store, person: UserId) -> Vec<String> {
        let voters = store.voters(&[person].into()).await.unwrap();
        voters.now(person).unwrap().acts_for.iter().map(|absent| absent.email.clone()).collect()
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn reviews_are_somebody_elses_from_their_first_day_until_they_are_ended(pool: PgPool) {
        let store = Store::from_pool(pool);
        let (anna, ben, cara) = (person(&store, 1).await, person(&store, 2).await, person(&store, 3).await);
        assert_eq!(give(&store, 1, (anna, ben), (0, 2)).await, Delegate::Made);
        assert_eq!(give(&store, 2, (anna, cara), (3, 3)).await, Delegate::Made, "the day after is another's");
        assert_eq!(acts_for(&store, ben).await, ["person1@example.org"]);
        assert!(acts_for(&store, cara).await.is_empty(), "not yet");
        let mine = store.delegations_of(anna).await.unwrap();
        assert_eq!(mine.given.iter().map(|one| one.lasts).collect::<Vec<_>>(), [true, false]);
        assert_eq!(store.delegations_of(ben).await.unwrap().received, mine.given[..1]);
        let id = mine.given[0].id;
        assert!(!store.end_delegation(id, Some(cara), Author::default()).await.unwrap(), "it is not hers");
        assert!(store.end_delegation(id, Some(ben), Author::default()).await.unwrap(), "who has them gives them back");
        assert!(!store.end_delegation(id, None, Author::default()).await.unwrap());
        assert!(acts_for(&store, ben).await.is_empty());
        let all = store.delegations(Window { after: None, limit: 1 }).await.unwrap();
        let rest = store.delegations(Window { after: all.next.as_deref(), limit: 5 }).await.unwrap();
        let ended: Vec<_> = all.items.iter().chain(&rest.items).map(|one| one.ended_at.is_some()).collect();
        assert_eq!(ended, [false, true], "what is over stays in the list of admins");
        let log = store.audit_of(&anna.to_string()).await.unwrap();
        let actions: Vec<&str> = log.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions.iter().filter(|action| action.starts_with("delegation.")).count(), 3, "{actions:?}");
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn none_lies_beside_another_goes_in_a_circle_or_is_of_yesterday(pool: PgPool) {
        let store = Store::from_pool(pool);
        let (anna, ben, cara) = (person(&store, 1).await, person(&store, 2).await, person(&store, 3).await);
        assert_eq!(give(&store, 1, (anna, ben), (1, 5)).await, Delegate::Made);
        let (from_day, to_day) = (day(&store, 1).await, day(&store, 5).await);
        let overlaps = Delegate::Overlaps { delegate: "person2@example.org".into(), from_day, to_day };
        assert_eq!(give(&store, 2, (anna, cara), (5, 9)).await, overlaps);
        assert_eq!(give(&store, 3, (ben, anna), (5, 5)).await, Delegate::Circle);
        assert_eq!(give(&store, 4, (ben, cara), (4, 6)).await, Delegate::Made, "ben's own, and nothing of anna's");
        assert_eq!(give(&store, 5, (cara, anna), (5, 5)).await, Delegate::Circle, "by way of ben");
        assert_eq!(give(&store, 6, (cara, anna), (7, 7)).await, Delegate::Made, "the others are back by then");
        assert_eq!(give(&store, 7, (anna, cara), (400, 401)).await, Delegate::TooFarAhead);
        let wrong = NewDelegation {
            id: DelegationId(Uuid::from_u128(8)),
            principal: anna,
            delegate: cara,
            from_day: day(&store, 0).await - Days::new(2),
            to_day: day(&store, 0).await,
            zone: "UTC",
            most: 5,
            most_ahead: 366,
        };
        assert!(matches!(store.delegate(&wrong, Author::default()).await.unwrap(), Delegate::Past(_)));
        let nowhere = NewDelegation { zone: "Nowhere/Land", ..wrong };
        assert_eq!(store.delegate(&nowhere, Author::default()).await.unwrap(), Delegate::UnknownZone);
        let later = day(&store, 20).await;
        let full = NewDelegation { from_day: later, to_day: later, most: 1, ..wrong };
        assert_eq!(store.delegate(&full, Author::default()).await.unwrap(), Delegate::TooMany);
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn two_that_have_nobody_in_common_close_no_circle_at_once(pool: PgPool) {
        let store = Store::from_pool(pool);
        let (anna, ben, cara) = (person(&store, 1).await, person(&store, 2).await, person(&store, 3).await);
        let dora = person(&store, 4).await;
        assert_eq!(give(&store, 1, (anna, ben), (1, 5)).await, Delegate::Made);
        assert_eq!(give(&store, 2, (cara, dora), (1, 5)).await, Delegate::Made);
        // Dora gives hers to Anna, and that is not committed yet.
        let mut tx = store.pool.begin().await.unwrap();
        let days_of =
            "INSERT INTO delegations (id, principal_id, delegate_id, from_day, to_day, zone, starts_at, ends_at)
            SELECT $1, $2, $3, from_day, to_day, zone, starts_at, ends_at FROM delegations WHERE id = $4";
        let add = sqlx::query(days_of).bind(Uuid::from_u128(3)).bind(dora.0).bind(anna.0).bind(Uuid::from_u128(1));
        add.execute(&mut *tx).await.unwrap();
        let is_made = AtomicBool::new(false);
        let make = async {
            let made = give(&store, 4, (ben, cara), (1, 5)).await;
            is_made.store(true, Ordering::Relaxed);
            made
        };
        let commit_once_it_waits = async {
            let waits = "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                WHERE d.datname = current_database() AND l.relation = 'delegations'::regclass AND NOT l.granted)";
            while !is_made.load(Ordering::Relaxed) {
                if sqlx::query_scalar::<_, bool>(waits).fetch_one(&store.pool).await.unwrap() {
                    break;
                }
            }
            tx.commit().await.unwrap();
        };
        let (made, ()) = tokio::join!(make, commit_once_it_waits);
        assert_eq!(made, Delegate::Circle);
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn nobodys_account_is_held_while_a_zone_is_looked_for(pool: PgPool) {
        let store = Store::from_pool(pool);
        let (anna, ben) = (person(&store, 1).await, person(&store, 2).await);
        let mut held = store.pool.begin().await.unwrap();
        sqlx::query("SELECT FROM users WHERE id = $1 FOR UPDATE").bind(ben.0).execute(&mut *held).await.unwrap();
        let today = day(&store, 0).await;
        let nowhere = NewDelegation {
            id: DelegationId(Uuid::from_u128(1)),
            principal: anna,
            delegate: ben,
            from_day: today,
            to_day: today,
            zone: "Nowhere/Land",
            most: 5,
            most_ahead: 366,
        };
        let waited = std::time::Duration::from_secs(30);
        let refused = tokio::time::timeout(waited, store.delegate(&nowhere, Author::default())).await;
        assert_eq!(refused.unwrap().unwrap(), Delegate::UnknownZone);
        held.rollback().await.unwrap();
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn it_ends_for_good_when_either_of_them_is_disabled(pool: PgPool) {
        let store = Store::from_pool(pool);
        let (anna, ben, cara) = (person(&store, 1).await, person(&store, 2).await, person(&store, 3).await);
        for (n, (from, to), disabled) in [(1, (anna, ben), anna), (2, (cara, ben), ben)] {
            assert_eq!(give(&store, n, (from, to), (0, 2)).await, Delegate::Made);
            store.set_disabled(disabled, true, Author::default()).await.unwrap();
            assert_eq!(give(&store, 9, (cara, anna), (0, 2)).await, Delegate::Gone(anna));
            store.set_disabled(disabled, false, Author::default()).await.unwrap();
            assert!(acts_for(&store, ben).await.is_empty(), "being enabled brings nothing back");
            store.set_disabled(anna, true, Author::default()).await.unwrap();
        }
        let log = store.audit_of(&anna.to_string()).await.unwrap();
        let last = log.iter().rfind(|entry| entry.action == "delegation.ended").unwrap();
        assert_eq!(last.data["because"], "user.disabled");
    }
}
