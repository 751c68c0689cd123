//! Addresses that notices are posted to. Where each leads is sealed like the value of a secret, together with what it is signed with.
//! Must never write either in the clear.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;
use workflow::{
    SecretName,
    api::{AddressKind, MAX_ADDRESSES, NoticeAddressView},
    id::NoticeAddressId,
};

use super::Word;
use crate::{
    Error, Result, Store,
    audit::{self, Author},
    vault::{Bound, KeyRing, Sealed, VaultError},
};

/// What is sealed of an address.
#[derive(Clone, Debug)]
pub struct Target {
    pub url: SecretString,
    /// `whsec_...`, for what is signed.
    pub secret: Option<SecretString>,
}

/// As it is put into the seal.
#[derive(Serialize, Deserialize)]
struct Inside<'a> {
    url: std::borrow::Cow<'a, str>,
    secret: Option<std::borrow::Cow<'a, str>>,
}

/// An address to keep.
#[derive(Clone, Copy, Debug)]
pub struct NewAddress<'a> {
    pub id: NoticeAddressId,
    pub name: &'a str,
    pub kind: AddressKind,
    pub place: &'a str,
    pub sealed: &'a Sealed,
}

/// What of an address is to be otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChangeAddress<'a> {
    pub name: Option<&'a str>,
    /// With the place that it is bound to.
    pub sealed: Option<(&'a str, &'a Sealed)>,
    /// What that was made of: it is put in the place of nothing else.
    pub was: Option<&'a Sealed>,
    pub is_enabled: Option<bool>,
    /// It is signed with another secret.
    pub is_renewal: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetAddress {
    Set,
    NotFound,
    /// Somebody else set it anew meanwhile.
    Changed,
    NameTaken,
    TooMany,
}

/// An address that messages go to, closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredAddress {
    pub id: NoticeAddressId,
    pub name: String,
    pub kind: AddressKind,
    pub place: String,
    pub sealed: Sealed,
    pub is_disabled: bool,
}

/// What no secret is called, so that neither opens in the other's place.
fn bound_name(id: NoticeAddressId) -> SecretName {
    SecretName::new(format!("notice address {id}"))
}

impl Target {
    pub fn seal(&self, keys: &KeyRing, id: NoticeAddressId, place: &str) -> Result<Sealed, VaultError> {
        let inside = Inside {
            url: self.url.expose_secret().into(),
            secret: self.secret.as_ref().map(|secret| secret.expose_secret().into()),
        };
        let text = serde_json::to_string(&inside).map(SecretString::from).map_err(|_| VaultError::NotSealed)?;
        let hosts = [place.to_owned()];
        keys.seal(Bound { name: &bound_name(id), hosts: &hosts }, &text)
    }
}

impl StoredAddress {
    pub fn open(&self, keys: &KeyRing) -> Result<Target, VaultError> {
        let hosts = [self.place.clone()];
        let text = keys.open(Bound { name: &bound_name(self.id), hosts: &hosts }, &self.sealed)?;
        let inside: Inside<'_> = serde_json::from_str(text.expose_secret()).map_err(|_| VaultError::Forged)?;
        Ok(Target {
            url: SecretString::from(inside.url.into_owned()),
            secret: inside.secret.map(|secret| SecretString::from(secret.into_owned())),
        })
    }
}

struct Row {
    id: Uuid,
    name: String,
    kind: String,
    place: String,
    key_id: String,
    created_at: DateTime<Utc>,
    disabled_at: Option<DateTime<Utc>>,
    is_given_up: bool,
    n_failures: i32,
    last_delivery_at: Option<DateTime<Utc>>,
    last_error: Option<String>,
    n_people: i64,
}

impl Row {
    fn view(self, keys: &KeyRing) -> Result<NoticeAddressView> {
        Ok(NoticeAddressView {
            kind: AddressKind::read(&self.kind, "notice_addresses", "kind", &self.id)?,
            id: NoticeAddressId(self.id),
            name: self.name,
            place: self.place,
            is_readable: keys.knows(&self.key_id),
            created_at: self.created_at,
            disabled_at: self.disabled_at,
            is_given_up: self.is_given_up,
            n_failures: self.n_failures,
            last_delivery_at: self.last_delivery_at,
            last_error: self.last_error,
            n_people: self.n_people,
        })
    }
}

struct SealedRow {
    id: Uuid,
    name: String,
    kind: String,
    place: String,
    key_id: String,
    nonce: Vec<u8>,
    sealed: Vec<u8>,
    is_disabled: bool,
}

impl SealedRow {
    fn stored(self) -> Result<StoredAddress> {
        let inconsistent = |column| Error::Inconsistent { table: "notice_addresses", column, row: self.id.to_string() };
        let nonce: [u8; 12] = self.nonce.as_slice().try_into().map_err(|_| inconsistent("nonce"))?;
        Ok(StoredAddress {
            kind: AddressKind::read(&self.kind, "notice_addresses", "kind", &self.id)?,
            id: NoticeAddressId(self.id),
            name: self.name,
            place: self.place,
            sealed: Sealed { key_id: self.key_id, nonce, bytes: self.sealed },
            is_disabled: self.is_disabled,
        })
    }
}

impl Store {
    /// By name.
    pub async fn notice_addresses(&self, keys: &KeyRing) -> Result<Vec<NoticeAddressView>> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT a.id, a.name, a.kind, a.place, a.key_id, a.created_at, a.disabled_at, a.is_given_up, a.n_failures,
                      a.last_delivery_at, a.last_error,
                      (SELECT count(DISTINCT c.user_id) FROM notice_choices c
                       WHERE c.address = a.id AND c.send <> 'never') AS "n_people!"
               FROM notice_addresses a ORDER BY lower(a.name), a.id"#
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(|row| row.view(keys)).collect()
    }

    /// One, closed.
    pub async fn stored_address(&self, id: NoticeAddressId) -> Result<Option<StoredAddress>> {
        let row = sqlx::query_as!(
            SealedRow,
            r#"SELECT id, name, kind, place, key_id, nonce, sealed, disabled_at IS NOT NULL AS "is_disabled!"
               FROM notice_addresses WHERE id = $1"#,
            id.0,
        );
        row.fetch_optional(&self.pool).await?.map(SealedRow::stored).transpose()
    }

    pub async fn add_notice_address(&self, new: &NewAddress<'_>, author: Author) -> Result<SetAddress> {
        let mut tx = self.pool.begin().await?;
        let n = sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM notice_addresses"#).fetch_one(&mut *tx).await?;
        if usize::try_from(n).unwrap_or(usize::MAX) >= MAX_ADDRESSES {
            return Ok(SetAddress::TooMany);
        }
        let made = sqlx::query!(
            "INSERT INTO notice_addresses (id, name, kind, place, key_id, nonce, sealed)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            new.id.0,
            new.name,
            new.kind.word(),
            new.place,
            new.sealed.key_id,
            &new.sealed.nonce[..],
            new.sealed.bytes,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if made == 0 {
            return Ok(SetAddress::NameTaken);
        }
        let data = json!({"name": new.name, "kind": new.kind, "place": new.place});
        audit::append(&mut tx, author, "notice.address_added", &new.id.to_string(), data).await?;
        tx.commit().await?;
        Ok(SetAddress::Set)
    }

    pub async fn change_notice_address(
        &self,
        id: NoticeAddressId,
        change: &ChangeAddress<'_>,
        author: Author,
    ) -> Result<SetAddress> {
        let mut tx = self.pool.begin().await?;
        let is_there = sqlx::query_scalar!("SELECT id FROM notice_addresses WHERE id = $1", id.0);
        if is_there.fetch_optional(&mut *tx).await?.is_none() {
            return Ok(SetAddress::NotFound);
        }
        if let Some(name) = change.name {
            let taken = sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM notice_addresses WHERE lower(name) = lower($2) AND id <> $1) AS "taken!""#,
                id.0,
                name,
            );
            if taken.fetch_one(&mut *tx).await? {
                return Ok(SetAddress::NameTaken);
            }
        }
        let (place, sealed) = change.sealed.unzip();
        // Whoever switches one on begins anew with its failures; one that is off stays off for the reason that it is.
        let changed = sqlx::query!(
            "UPDATE notice_addresses SET
                name = coalesce($2, name),
                place = coalesce($3, place),
                key_id = coalesce($4, key_id),
                nonce = coalesce($5, nonce),
                sealed = coalesce($6, sealed),
                disabled_at = CASE WHEN $7::boolean THEN NULL WHEN NOT $7::boolean THEN coalesce(disabled_at, now()) ELSE disabled_at END,
                is_given_up = is_given_up AND $7::boolean IS NULL,
                n_failures = CASE WHEN $7::boolean THEN 0 ELSE n_failures END,
                failing_since = CASE WHEN $7::boolean THEN NULL ELSE failing_since END
            WHERE id = $1 AND ($8::bytea IS NULL OR nonce = $8::bytea)",
            id.0,
            change.name,
            place,
            sealed.map(|sealed| sealed.key_id.clone()),
            sealed.map(|sealed| sealed.nonce.to_vec()),
            sealed.map(|sealed| sealed.bytes.clone()),
            change.is_enabled,
            change.was.map(|was| was.nonce.to_vec()),
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if changed == 0 {
            return Ok(SetAddress::Changed);
        }
        let mut data = json!({});
        if let Some(name) = change.name {
            data["name"] = json!(name);
        }
        if let Some(place) = place {
            data["place"] = json!(place);
        }
        if let Some(is_enabled) = change.is_enabled {
            data["is_enabled"] = json!(is_enabled);
        }
        let action = if change.is_renewal { "notice.secret_renewed" } else { "notice.address_changed" };
        audit::append(&mut tx, author, action, &id.to_string(), data).await?;
        tx.commit().await?;
        Ok(SetAddress::Set)
    }

    /// False where there is none.
    pub async fn delete_notice_address(&self, id: NoticeAddressId, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let name = sqlx::query_scalar!("DELETE FROM notice_addresses WHERE id = $1 RETURNING name", id.0);
        let Some(name) = name.fetch_optional(&mut *tx).await? else { return Ok(false) };
        audit::append(&mut tx, author, "notice.address_deleted", &id.to_string(), json!({"name": name})).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// All that are under another key than this one.
    pub async fn addresses_not_under(&self, key_id: &str) -> Result<Vec<StoredAddress>> {
        let rows = sqlx::query_as!(
            SealedRow,
            r#"SELECT id, name, kind, place, key_id, nonce, sealed, disabled_at IS NOT NULL AS "is_disabled!"
               FROM notice_addresses WHERE key_id <> $1 ORDER BY id"#,
            key_id,
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(SealedRow::stored).collect()
    }

    /// The same under another key. False where it was changed or deleted meanwhile.
    pub async fn reseal_address(&self, was: &StoredAddress, sealed: &Sealed, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let changed = sqlx::query!(
            "UPDATE notice_addresses SET key_id = $3, nonce = $4, sealed = $5 WHERE id = $1 AND nonce = $2",
            was.id.0,
            &was.sealed.nonce[..],
            sealed.key_id,
            &sealed.nonce[..],
            sealed.bytes,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        let data = json!({"from": was.sealed.key_id, "to": sealed.key_id});
        audit::append(&mut tx, author, "notice.address_rotated", &was.id.to_string(), data).await?;
        tx.commit().await?;
        Ok(true)
    }
}
