//! Who sees a run: its owner, an admin, and whoever is asked at a gate for as long as it is open. Every list and every door agree.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sqlx::PgPool;
use store::{MIGRATOR, Window, runs::Scope};
use workflow::{
    RunId,
    access::{Actor, Role},
    run::Command,
};

use crate::support::{World, person};

const ALL: Window<'_> = Window { after: None, limit: 100 };

fn gated(assignees: &Value) -> Value {
    json!({"steps": {
        "a": {"agent_id": "echo", "review": {"mode": "always", "assignees": assignees}},
        "b": {"agent_id": "echo", "depends_on": ["a"]},
    }})
}

/// What every door and every list says to one person: whether they see it, and whether it waits for them.
async fn sees(world: &World, run: RunId, viewer: &Actor) -> (bool, bool) {
    let store = &world.store;
    let is_visible = store.run_is_visible(run, viewer).await.unwrap();
    let named = store.run_summaries_of(&[run], viewer).await.unwrap();
    assert_eq!(named.len(), usize::from(is_visible), "{}", viewer.email);
    let all = store.run_summaries(viewer, None, 100, Scope::All).await.unwrap();
    assert_eq!(all.runs.iter().any(|known| known.id == run), is_visible, "{}", viewer.email);
    let mine = store.run_summaries(viewer, None, 100, Scope::Mine).await.unwrap();
    assert_eq!(mine.runs.iter().any(|known| known.id == run), *viewer == world.ada, "{}", viewer.email);
    let waiting = store.waiting_runs(viewer, ALL).await.unwrap();
    (is_visible, waiting.items.iter().any(|known| known.id == run))
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_is_asked_sees_a_run_while_its_gate_is_open(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let root = person(&pool, "root@example.com", Role::Admin).await;
    let eve = person(&pool, "Eve@Example.com", Role::User).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let run = world.begin(&gated(&json!({"users": ["eVe@example.com"]})), true).await;
    for viewer in [&world.ada, &root, &eve, &bob] {
        let owns = *viewer == world.ada || *viewer == root;
        assert_eq!(sees(&world, run, viewer).await, (owns, false), "{} before the gate opens", viewer.email);
    }

    world.process.settle(run).await;
    for viewer in [&world.ada, &root, &eve] {
        assert_eq!(sees(&world, run, viewer).await, (true, true), "{}", viewer.email);
    }
    assert_eq!(sees(&world, run, &bob).await, (false, false));

    let approve = Command::Continue { step: "a".into(), digest: None, expect_generation: None };
    world.process.verb(run, &eve, approve).await.unwrap();
    assert_eq!(sees(&world, run, &eve).await, (false, false), "the gate is closed");
    assert_eq!(sees(&world, run, &world.ada).await, (true, false));
    world.process.check(run).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_role_is_asked_like_a_person(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let run = world.begin(&gated(&json!({"roles": ["user"]})), true).await;
    assert_eq!(sees(&world, run, &bob).await, (false, false));
    world.process.settle(run).await;
    assert_eq!(sees(&world, run, &bob).await, (true, true));
    let missing = RunId(uuid::Uuid::now_v7());
    assert_eq!(sees(&world, missing, &bob).await, (false, false), "as absent as one that does not exist");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn emails_and_those_who_cannot_sign_in_are_told_of_many_at_once(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let eve = person(&pool, "Eve@Example.com", Role::User).await;
    let unknown = workflow::UserId(uuid::Uuid::now_v7());
    let all = BTreeSet::from([world.ada.id, eve.id, unknown]);
    let emails = world.store.emails(&all).await.unwrap();
    assert_eq!((emails.len(), emails[&eve.id].as_str()), (2, "Eve@Example.com"));
    assert!(world.store.disabled_among(&all).await.unwrap().is_empty());
    sqlx::query("UPDATE users SET disabled_at = now() WHERE id = $1").bind(eve.id.0).execute(&pool).await.unwrap();
    assert_eq!(world.store.disabled_among(&all).await.unwrap(), BTreeSet::from([eve.id]));
    assert!(world.store.emails(&BTreeSet::new()).await.unwrap().is_empty());
}
