//! What tests of this crate begin with: a store with one admin, and agents that are no more than a template.

use sqlx::PgPool;
use uuid::Uuid;
use workflow::{AgentSpec, UserId, access::Role};

use crate::{Store, audit::Author, users::NewUser};

/// The admin of [`with_admin`].
pub(crate) const BY: UserId = UserId(Uuid::from_u128(1));

pub(crate) async fn with_admin(pool: PgPool) -> Store {
    let store = Store::from_pool(pool);
    let user = NewUser { id: BY, email: "a@b.c".into(), role: Role::Admin, password_hash: "$argon2id$x".into() };
    store.create_user(&user, Author::default()).await.unwrap();
    store
}

/// As somebody typed it: its version is for the store to give.
pub(crate) fn agent(id: &str, name: &str) -> AgentSpec {
    let config = serde_json::json!({"kind": "template", "template": "x"});
    let spec = serde_json::json!({"id": id, "name": name, "outputs": [{"name": "text"}], "config": config});
    serde_json::from_value(spec).unwrap()
}
