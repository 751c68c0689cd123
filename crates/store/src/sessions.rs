//! Sessions of browsers: what a cookie's secret hashes to, whose it is, and when it ends.
//! Must never see the secret itself, and never let a disabled account or an ended session through.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;
use workflow::{
    UserId,
    access::Actor,
    api::{Page, SessionView},
};

use crate::{
    Result, Store, Window,
    audit::{self, Author},
    decode::{groups, parse_role},
    delegations::absent,
    devices::{self, DeviceChange},
    lending::Pool,
    secret::SecretHash,
    throttle,
};

/// How long a session lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetimes {
    /// Without any request.
    pub idle: Duration,
    /// From login, whatever happens.
    pub absolute: Duration,
}

#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    pub id_hash: &'a SecretHash,
    pub user: UserId,
    /// The hash that the password was just checked against.
    pub password_hash: &'a str,
    pub user_agent: &'a str,
    pub lifetimes: Lifetimes,
    pub device: DeviceChange<'a>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenSession {
    pub actor: Actor,
    /// The last activity was written more than a minute ago: `touch_session`, so that reading seldom becomes writing.
    pub is_behind: bool,
}

impl Store {
    /// Begins a session, writes the login into the log and forgets sessions that have ended.
    /// False when the password that was checked is no longer the account's, or the account is disabled by now.
    pub async fn create_session(&self, session: &NewSession<'_>, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let user = session.user;
        let begun = sqlx::query!(
            r#"INSERT INTO sessions (id_hash, user_id, user_agent, expires_at)
               SELECT $1, id, $3, now() + make_interval(secs => $4) FROM users
               -- The lock waits for a change of the password or a disabling that is on its way.
               WHERE id = $2 AND password_hash = $5 AND disabled_at IS NULL FOR SHARE"#,
            &session.id_hash[..],
            user.0,
            session.user_agent,
            session.lifetimes.absolute.as_secs_f64(),
            session.password_hash,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if begun == 0 {
            return Ok(false);
        }
        sqlx::query!(
            r#"DELETE FROM sessions WHERE id_hash IN (
                   SELECT id_hash FROM sessions
                   WHERE expires_at <= now()
                       OR (user_id = $1 AND last_seen_at <= now() - make_interval(secs => $2))
                   -- Two logins that tidy at once never wait for each other.
                   FOR UPDATE SKIP LOCKED)"#,
            user.0,
            session.lifetimes.idle.as_secs_f64(),
        )
        .execute(&mut *tx)
        .await?;
        devices::remember(&mut tx, session.device, user).await?;
        throttle::sweep(&mut tx).await?;
        audit::append(&mut tx, author.who_is(user), "session.created", &user.to_string(), json!({})).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Who a session belongs to, if it has not ended and the account is not disabled. Looking is no activity.
    pub async fn open_session(&self, id_hash: &SecretHash, idle: Duration) -> Result<Option<OpenSession>> {
        let pool = self.pool.clone();
        self.sessions.ask(*id_hash, move |hashes| open_sessions(pool.clone(), hashes, idle)).await
    }

    /// The password was given again; false when the session has ended, or the password that was checked is no longer the account's.
    pub async fn confirm_session(&self, id_hash: &SecretHash, password_hash: &str, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let user = sqlx::query_scalar!(
            r#"UPDATE sessions s SET confirmed_at = now() FROM users u
               WHERE s.id_hash = $1 AND u.id = s.user_id AND u.password_hash = $2 RETURNING s.user_id"#,
            &id_hash[..],
            password_hash,
        )
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(user) = user {
            audit::append(&mut tx, author, "session.confirmed", &user.to_string(), json!({})).await?;
            tx.commit().await?;
        }
        Ok(user.is_some())
    }

    /// The person was active just now.
    pub async fn touch_session(&self, id_hash: &SecretHash) -> Result<()> {
        sqlx::query!(r#"UPDATE sessions SET last_seen_at = now() WHERE id_hash = $1"#, &id_hash[..])
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// A page of sessions, newest activity first. The public name is a quarter of the hash: enough to point at one, useless to open it.
    pub async fn sessions(
        &self,
        user: UserId,
        current: Option<&SecretHash>,
        idle: Duration,
        window: Window<'_>,
    ) -> Result<Page<SessionView>> {
        let (before, name) = window.after.and_then(read_place).unzip();
        let rows = sqlx::query!(
            r#"SELECT id_hash, created_at, last_seen_at, user_agent FROM sessions
               WHERE user_id = $1 AND expires_at > now() AND last_seen_at > now() - make_interval(secs => $2)
                   AND ($3::timestamptz IS NULL OR (last_seen_at, encode(substring(id_hash FOR 8), 'hex')) < ($3, $4))
               ORDER BY last_seen_at DESC, encode(substring(id_hash FOR 8), 'hex') DESC LIMIT $5"#,
            user.0,
            idle.as_secs_f64(),
            before,
            name,
            window.to_read(),
        )
        .fetch_all(&self.pool)
        .await?;
        let views = rows.into_iter().map(|row| SessionView {
            id: public_name(&row.id_hash),
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            user_agent: row.user_agent,
            is_current: current.is_some_and(|current| current[..] == row.id_hash[..]),
        });
        Ok(window.page(views.collect(), |session: &SessionView| {
            format!("{}_{}", session.last_seen_at.timestamp_micros(), session.id)
        }))
    }

    /// Ends one of the person's own sessions; false when there is none of that name.
    pub async fn revoke_session(&self, user: UserId, name: &str, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let ended = sqlx::query!(
            r#"DELETE FROM sessions WHERE user_id = $1 AND encode(substring(id_hash FOR 8), 'hex') = $2"#,
            user.0,
            name,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if ended > 0 {
            audit::append(&mut tx, author, "session.revoked", &user.to_string(), json!({"session": name})).await?;
            tx.commit().await?;
            self.outbox.person(user);
        }
        Ok(ended > 0)
    }

    /// Ends the session that a request came with.
    pub async fn end_session(&self, id_hash: &SecretHash, author: Author) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        let user = sqlx::query_scalar!(r#"DELETE FROM sessions WHERE id_hash = $1 RETURNING user_id"#, &id_hash[..])
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(user) = user {
            audit::append(&mut tx, author, "session.ended", &user.to_string(), json!({})).await?;
            tx.commit().await?;
            self.outbox.person(UserId(user));
        }
        Ok(())
    }
}

/// A place in the list: when it was last active, and its public name.
fn read_place(text: &str) -> Option<(DateTime<Utc>, String)> {
    let (micros, name) = text.split_once('_')?;
    Some((DateTime::from_timestamp_micros(micros.parse().ok()?)?, name.to_owned()))
}

fn public_name(id_hash: &[u8]) -> String {
    hex::encode(id_hash.get(..8).unwrap_or_default())
}

async fn open_sessions(
    pool: Pool,
    hashes: Vec<SecretHash>,
    idle: Duration,
) -> Result<BTreeMap<SecretHash, OpenSession>> {
    let wanted: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.to_vec()).collect();
    let rows = sqlx::query!(
        r#"SELECT s.id_hash, u.id, u.email, u.role, s.last_seen_at < now() - interval '1 minute' AS "is_behind!",
                  ARRAY(SELECT m.group_id FROM group_members m WHERE m.user_id = u.id) AS "groups!",
                  EXISTS (SELECT FROM delegations d WHERE d.delegate_id = u.id AND d.ended_at IS NULL
                      AND d.starts_at <= now() AND d.ends_at > now()) AS "acts!"
           FROM sessions s JOIN users u ON u.id = s.user_id
           WHERE s.id_hash = ANY ($1) AND u.disabled_at IS NULL
             AND s.expires_at > now() AND s.last_seen_at > now() - make_interval(secs => $2)"#,
        &wanted,
        idle.as_secs_f64(),
    );
    let rows = rows.fetch_all(&pool).await?;
    let delegates: Vec<(Uuid, bool)> = rows.iter().map(|row| (row.id, row.acts)).collect();
    let acting = absent::for_whom(&pool, &delegates).await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let role = parse_role(&row.role, row.id)?;
        let acts_for = absent::of(&acting, row.id);
        let actor = Actor { id: UserId(row.id), email: row.email, role, groups: groups(row.groups), acts_for };
        let open = OpenSession { actor, is_behind: row.is_behind };
        found.extend(hashes.iter().find(|hash| hash[..] == row.id_hash).map(|hash| (*hash, open)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;
    use workflow::access::Role;

    use super::*;
    use crate::users::NewUser;

    const HOUR: Duration = Duration::from_hours(1);
    const LIFETIMES: Lifetimes = Lifetimes { idle: HOUR, absolute: HOUR };

    async fn with_session(pool: PgPool, hash: &SecretHash) -> (Store, UserId) {
        let store = Store::from_pool(pool);
        let id = UserId(Uuid::from_u128(1));
        let user = NewUser { id, email: "a@b.c".into(), role: Role::User, password_hash: "$argon2id$x".into() };
        store.create_user(&user, Author::default()).await.unwrap();
        let session = NewSession {
            id_hash: hash,
            user: id,
            password_hash: "$argon2id$x",
            user_agent: "browser",
            lifetimes: LIFETIMES,
            device: DeviceChange { old: None, new: &[9; 32] },
        };
        assert!(store.create_session(&session, Author::default()).await.unwrap());
        let outdated = NewSession { password_hash: "$argon2id$old", id_hash: &[8; 32], ..session };
        assert!(!store.create_session(&outdated, Author::default()).await.unwrap());
        (store, id)
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_session_ends_when_idle_when_old_and_when_the_account_is_disabled(pool: PgPool) {
        let hash = [7; 32];
        let (store, id) = with_session(pool.clone(), &hash).await;
        let is_open = async || store.open_session(&hash, HOUR).await.unwrap().is_some();
        assert!(is_open().await);
        let age = |column| format!("UPDATE sessions SET {column} = {column} - interval '2 hours'");
        for (spoil, repair) in [
            (age("last_seen_at"), "UPDATE sessions SET last_seen_at = now()".to_owned()),
            (
                "UPDATE sessions SET created_at = created_at - interval '2 hours', expires_at = now()".to_owned(),
                "UPDATE sessions SET expires_at = now() + interval '1 hour'".to_owned(),
            ),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(spoil)).execute(&pool).await.unwrap();
            assert!(!is_open().await);
            sqlx::query(sqlx::AssertSqlSafe(repair)).execute(&pool).await.unwrap();
            assert!(is_open().await);
        }
        store.set_disabled(id, true, Author::default()).await.unwrap();
        store.set_disabled(id, false, Author::default()).await.unwrap();
        assert!(!is_open().await, "enabling an account does not bring its sessions back");
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_person_ends_only_their_own_sessions(pool: PgPool) {
        let hash = [7; 32];
        let (store, id) = with_session(pool, &hash).await;
        let listed = store.sessions(id, Some(&hash), HOUR, Window { after: None, limit: 200 }).await.unwrap().items;
        assert!(listed[0].is_current);
        let stranger = UserId(Uuid::from_u128(2));
        assert!(!store.revoke_session(stranger, &listed[0].id, Author::default()).await.unwrap());
        assert!(store.revoke_session(id, &listed[0].id, Author::default()).await.unwrap());
        assert!(store.open_session(&hash, HOUR).await.unwrap().is_none());
    }
}
