//! Devices that signed in before: the hash of a cookie, and whose it is.
//! Must never be taken for proof of who somebody is: such a cookie only counts guesses apart.

use sqlx::PgConnection;
use workflow::UserId;

use crate::{Result, Store, secret::SecretHash};

/// As long as browsers keep a cookie.
const REMEMBERED_DAYS: i32 = 400;
/// Devices of one person; the one not seen for longest makes room.
const MAX_DEVICES: i64 = 20;

/// The cookie of the browser that signs in, and the one that replaces it.
#[derive(Clone, Copy, Debug)]
pub struct DeviceChange<'a> {
    pub old: Option<&'a SecretHash>,
    pub new: &'a SecretHash,
}

impl Store {
    /// Whether this person signed in on this device before. Nobody's device is looked up like somebody's.
    pub async fn is_known_device(&self, device: &SecretHash, user: UserId) -> Result<bool> {
        let found = sqlx::query_scalar!(
            r#"SELECT EXISTS (
                SELECT FROM devices WHERE id_hash = $1 AND user_id = $2
                    AND last_seen_at > now() - make_interval(days => $3)) AS "found!""#,
            &device[..],
            user.0,
            REMEMBERED_DAYS,
        );
        Ok(found.fetch_one(&self.pool).await?)
    }

    /// From now on its guesses count like those of everybody.
    pub async fn forget_device(&self, device: &SecretHash, user: UserId) -> Result<()> {
        sqlx::query!(r#"DELETE FROM devices WHERE id_hash = $1 AND user_id = $2"#, &device[..], user.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// The device of somebody who has just signed in gets a new name, also for the others who signed in on it:
/// a cookie that was planted in the browser before is worth nothing afterwards.
pub(crate) async fn remember(connection: &mut PgConnection, device: DeviceChange<'_>, user: UserId) -> Result<()> {
    if let Some(old) = device.old {
        sqlx::query!(r#"DELETE FROM devices WHERE id_hash = $1 AND user_id = $2"#, &old[..], user.0)
            .execute(&mut *connection)
            .await?;
        sqlx::query!(r#"UPDATE devices SET id_hash = $2 WHERE id_hash = $1"#, &old[..], &device.new[..])
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query!(r#"INSERT INTO devices (id_hash, user_id) VALUES ($1, $2)"#, &device.new[..], user.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        r#"DELETE FROM devices WHERE (id_hash, user_id) IN (
               SELECT id_hash, user_id FROM devices WHERE user_id = $1
               ORDER BY last_seen_at DESC, id_hash OFFSET $2
               -- Two logins that tidy at once never wait for each other.
               FOR UPDATE SKIP LOCKED)"#,
        user.0,
        MAX_DEVICES,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        r#"DELETE FROM devices WHERE (id_hash, user_id) IN (
               SELECT id_hash, user_id FROM devices WHERE last_seen_at <= now() - make_interval(days => $1)
               FOR UPDATE SKIP LOCKED)"#,
        REMEMBERED_DAYS,
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;
    use uuid::Uuid;
    use workflow::access::Role;

    use super::*;
    use crate::{audit::Author, users::NewUser};

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_device_is_renamed_for_all_who_signed_in_on_it(pool: PgPool) {
        let store = Store::from_pool(pool.clone());
        let [ada, ben] = [1, 2].map(|n| UserId(Uuid::from_u128(n)));
        for id in [ada, ben] {
            let user =
                NewUser { id, email: format!("{id}@b.c"), role: Role::User, password_hash: "$argon2id$x".into() };
            store.create_user(&user, Author::default()).await.unwrap();
        }
        let mut connection = pool.acquire().await.unwrap();
        let mut sign_in = async |user, old: Option<u8>, new: u8| {
            let (old, new) = (old.map(|n| [n; 32]), [new; 32]);
            remember(&mut connection, DeviceChange { old: old.as_ref(), new: &new }, user).await.unwrap();
        };
        sign_in(ada, None, 1).await;
        sign_in(ben, Some(1), 2).await;
        let knows = async |device: u8, user| store.is_known_device(&[device; 32], user).await.unwrap();
        assert!(knows(2, ada).await && knows(2, ben).await);
        assert!(!knows(1, ada).await && !knows(1, ben).await, "the name before is void");
        for n in 3..=30 {
            sign_in(ada, None, n).await;
        }
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM devices").fetch_one(&pool).await.unwrap();
        assert_eq!(left, MAX_DEVICES + 1, "Ada's newest, and Ben's");
        store.forget_device(&[30; 32], ada).await.unwrap();
        assert!(!knows(30, ada).await);
    }
}
