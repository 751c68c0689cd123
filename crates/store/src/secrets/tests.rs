//! Secrets against a real database: what is stored of a value, who is refused it, and that rotation may end anywhere.

use secrecy::ExposeSecret;
use sqlx::PgPool;
use uuid::Uuid;
use workflow::{RunId, StepKey};

use super::*;
use crate::{
    testing::{BY, agent, with_admin},
    vault::Bound,
};

const ONE: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const CANARY: &str = "c4n4ry-of-a-secret";

fn ring(text: &str) -> KeyRing {
    KeyRing::read(text).unwrap()
}

fn hosts() -> Vec<String> {
    vec!["a.example".to_owned(), "http://b.example:8080".to_owned()]
}

async fn set(store: &Store, keys: &KeyRing, name: &str, value: &str, agents: Option<&[AgentId]>) -> SetSecret {
    let (name, hosts) = (SecretName::from(name), hosts());
    let sealed = keys.seal(Bound { name: &name, hosts: &hosts }, &value.to_owned().into()).unwrap();
    let new = NewSecret { name: &name, description: "", hosts: &hosts, agents, sealed: &sealed, max_secrets: 3 };
    store.set_secret(&new, Author::default()).await.unwrap()
}

async fn with_agents(pool: PgPool) -> Store {
    let store = with_admin(pool).await;
    for id in ["caller", "other"] {
        store.save_agent(&agent(id, id), None, BY, Author::default()).await.unwrap();
    }
    store
}

const RUN: RunId = RunId(Uuid::from_u128(7));

/// What an agent of a step is told that wants to send it there.
async fn open(store: &Store, keys: &KeyRing, name: &str, agent: &str, to: (&str, &str, u16)) -> String {
    let (name, agent, step) = (SecretName::from(name), AgentId::from(agent), StepKey::from("a"));
    let asked = Asked {
        name: &name,
        by: By::Agent { agent: &agent, run: RUN, step: &step },
        to: Some(Destination { scheme: to.0, host: to.1, port: to.2 }),
    };
    match store.open_secret(keys, &asked).await.unwrap() {
        Opening::Opened(value) => value.expose_secret().to_owned(),
        other => format!("{other:?}"),
    }
}

const HOME: (&str, &str, u16) = ("https", "a.example", 443);

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_value_is_opened_for_whom_and_where_it_may_go_and_nowhere_else(pool: PgPool) {
    let (store, keys) = (with_agents(pool).await, ring(ONE));
    let granted = [AgentId::from("caller")];
    assert_eq!(set(&store, &keys, "github", CANARY, Some(&granted)).await, SetSecret::Created);
    assert_eq!(open(&store, &keys, "github", "caller", HOME).await, CANARY);
    for _ in 0..2 {
        assert_eq!(open(&store, &keys, "github", "caller", ("http", "b.example", 8080)).await, CANARY);
    }
    assert_eq!(open(&store, &keys, "github", "caller~1a2b", HOME).await, "NotGranted", "nobody is known to try it");
    assert_eq!(open(&store, &keys, "gitlab", "caller", HOME).await, "Unknown");
    assert_eq!(open(&store, &keys, "github", "other", HOME).await, "NotGranted");
    for to in [("http", "a.example", 80), ("https", "evil.example", 443), ("https", "a.example", 8443)] {
        let told = open(&store, &keys, "github", "caller", to).await;
        assert!(told.starts_with("Elsewhere") && !told.contains(CANARY), "{told}");
    }
    let told = open(&store, &ring(OTHER), "github", "caller", HOME).await;
    assert!(told.starts_with("Closed(UnknownKey"), "{told}");
    assert_eq!(open(&store, &KeyRing::default(), "github", "caller", HOME).await, "Closed(NoKeys)");

    let audit = store.audit_of("github").await.unwrap();
    let actions: Vec<&str> = audit.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        actions,
        ["secret.created", "secret.used", "secret.used"],
        "once for a run, an agent and a place, and none for what was refused"
    );
    assert_eq!((&audit[1].data["agent"], &audit[1].data["to"]), (&json!("caller"), &json!("https://a.example:443")));
    assert_eq!(audit[2].data["to"], "http://b.example:8080");
    assert!(!format!("{audit:?}").contains(CANARY));
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_row_that_somebody_rewrote_opens_nothing(pool: PgPool) {
    let (store, keys) = (with_agents(pool.clone()).await, ring(ONE));
    let granted = [AgentId::from("caller")];
    set(&store, &keys, "github", CANARY, Some(&granted)).await;
    set(&store, &keys, "gitlab", "another-value", Some(&granted)).await;
    sqlx::query("UPDATE secrets SET hosts = hosts || '{evil.example}' WHERE name = 'github'")
        .execute(&pool)
        .await
        .unwrap();
    for to in [HOME, ("https", "evil.example", 443)] {
        assert_eq!(open(&store, &keys, "github", "caller", to).await, "Closed(Forged)");
    }
    let moved = "UPDATE secrets s SET sealed = o.sealed, nonce = o.nonce FROM secrets o WHERE s.name = 'gitlab' AND o.name = 'github'";
    sqlx::query(moved).execute(&pool).await.unwrap();
    assert_eq!(open(&store, &keys, "gitlab", "caller", HOME).await, "Closed(Forged)");
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_grant_is_to_agents_that_are_there_and_goes_with_them(pool: PgPool) {
    let (store, keys) = (with_agents(pool).await, ring(ONE));
    let (caller, other, nobody) = (AgentId::from("caller"), AgentId::from("other"), AgentId::from("nobody"));
    let unknown = SetSecret::UnknownAgent(nobody.clone());
    assert_eq!(set(&store, &keys, "github", CANARY, Some(&[caller.clone(), nobody.clone()])).await, unknown);
    assert_eq!(set(&store, &keys, "github", CANARY, None).await, SetSecret::Created);
    assert_eq!(open(&store, &keys, "github", "caller", HOME).await, "NotGranted", "nobody has it at first");
    let name = SecretName::from("github");
    let both = [caller.clone(), other.clone()];
    assert_eq!(store.grant_secret(&name, &both, None, Author::default()).await.unwrap(), GrantSecret::Granted);
    let stale = store.grant_secret(&name, &[], Some(&both[..1]), Author::default()).await.unwrap();
    assert_eq!(stale, GrantSecret::Changed);
    let refused = store.grant_secret(&name, std::slice::from_ref(&nobody), None, Author::default()).await.unwrap();
    assert_eq!(refused, GrantSecret::UnknownAgent(nobody));
    let missing = store.grant_secret(&"none".into(), &both, Some(&[]), Author::default()).await.unwrap();
    assert_eq!(missing, GrantSecret::NotFound);
    assert_eq!(set(&store, &keys, "github", "a-new-value", None).await, SetSecret::Replaced);
    assert_eq!(open(&store, &keys, "github", "caller", HOME).await, "a-new-value", "a new value leaves the agents");

    store.delete_agent(&caller, Author::default()).await.unwrap();
    store.save_agent(&agent("caller", "Another"), None, BY, Author::default()).await.unwrap();
    assert_eq!(open(&store, &keys, "github", "caller", HOME).await, "NotGranted", "under the id of a deleted one");
    let view = store.secret(&keys, &name).await.unwrap().unwrap();
    assert_eq!((view.agents, view.is_readable), (vec![other], true));
    assert!(store.delete_secret(&name, Author::default()).await.unwrap());
    assert!(!store.delete_secret(&name, Author::default()).await.unwrap());
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn there_are_no_more_than_there_may_be_and_they_come_in_pages(pool: PgPool) {
    let (store, keys) = (with_agents(pool).await, ring(ONE));
    for name in ["b", "a", "c"] {
        assert_eq!(set(&store, &keys, name, CANARY, None).await, SetSecret::Created);
    }
    assert_eq!(set(&store, &keys, "d", CANARY, None).await, SetSecret::TooMany);
    assert_eq!(set(&store, &keys, "c", "another-value", None).await, SetSecret::Replaced);
    let page = store.secrets(&keys, Window { after: None, limit: 2 }).await.unwrap();
    let names: Vec<&str> = page.items.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!((names, page.next.as_deref()), (vec!["a", "b"], Some("b")));
    let page = store.secrets(&ring(OTHER), Window { after: Some("b"), limit: 2 }).await.unwrap();
    assert_eq!((page.items.len(), page.items[0].is_readable, page.next), (1, false, None));
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_rotation_may_end_anywhere_and_overtakes_nobody(pool: PgPool) {
    let (store, old) = (with_agents(pool).await, ring(ONE));
    let both = ring(&format!("{OTHER} {ONE}"));
    let granted = [AgentId::from("caller")];
    for name in ["a", "b"] {
        set(&store, &old, name, CANARY, Some(&granted)).await;
    }
    let current = both.current().unwrap().to_owned();
    let reseal = async |was: &UnderKey| {
        let bound = Bound { name: &was.name, hosts: &was.hosts };
        let sealed = both.seal(bound, &both.open(bound, &was.sealed).unwrap()).unwrap();
        store.reseal_secret(was, &sealed, Author::default()).await.unwrap()
    };
    let left = store.secrets_not_under(&current).await.unwrap();
    assert_eq!(left.len(), 2);
    assert!(reseal(&left[0]).await);
    // Here the process ended: both are still read by whoever has both keys.
    for name in ["a", "b"] {
        assert_eq!(open(&store, &both, name, "caller", HOME).await, CANARY);
    }
    assert_eq!(store.secrets_not_under(&current).await.unwrap(), left[1..]);
    // Somebody gave a new value meanwhile: what was read before is not written over it.
    assert_eq!(set(&store, &both, "b", "a-new-value", None).await, SetSecret::Replaced);
    assert!(!reseal(&left[1]).await);
    assert_eq!(open(&store, &both, "b", "caller", HOME).await, "a-new-value");
    assert!(store.secrets_not_under(&current).await.unwrap().is_empty());
    // The old key is needed no more.
    assert_eq!(open(&store, &ring(OTHER), "a", "caller", HOME).await, CANARY);
    let rotated = store.audit_of("a").await.unwrap();
    assert!(rotated.iter().any(|entry| entry.action == "secret.rotated" && entry.data["to"] == current.as_str()));
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn the_server_itself_uses_one_and_that_is_written_down_once_a_day(pool: PgPool) {
    let (store, keys) = (with_agents(pool).await, ring(ONE));
    set(&store, &keys, "smtp", CANARY, None).await;
    let name = SecretName::from("smtp");
    for _ in 0..2 {
        let asked = Asked { name: &name, by: By::Server { what: "mail" }, to: None };
        let Opening::Opened(value) = store.open_secret(&keys, &asked).await.unwrap() else { panic!() };
        assert_eq!(value.expose_secret(), CANARY);
    }
    let elsewhere = Destination { scheme: "https", host: "evil.example", port: 443 };
    let asked = Asked { name: &name, by: By::Server { what: "webhook" }, to: Some(elsewhere) };
    assert!(matches!(store.open_secret(&keys, &asked).await.unwrap(), Opening::Elsewhere { .. }));
    let uses = store.audit_of("smtp").await.unwrap();
    assert_eq!(uses.iter().filter(|entry| entry.action == "secret.used").count(), 1);
    assert_eq!(uses.last().unwrap().data["for"], "mail");
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_dump_of_every_table_holds_no_value(pool: PgPool) {
    let (store, keys) = (with_agents(pool.clone()).await, ring(ONE));
    let granted = [AgentId::from("caller")];
    set(&store, &keys, "github", CANARY, Some(&granted)).await;
    open(&store, &keys, "github", "caller", HOME).await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(tables.len() > 30, "{tables:?}");
    let spelled = [CANARY.to_owned(), hex::encode(CANARY)];
    for table in tables {
        let rows = format!("SELECT t::text FROM \"{table}\" t");
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(rows)).fetch_all(&pool).await.unwrap();
        assert!(!rows.iter().any(|row| spelled.iter().any(|canary| row.contains(canary))), "{table}");
    }
}
