//! Who sees a run: its owner, an admin, and whoever is asked at a gate for as long as it is open. Every list and every door agree.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use store::{
    MIGRATOR, Window,
    audit::Author,
    delegations::{Delegate, NewDelegation},
    groups::DeleteGroup,
    runs::{
        Scope,
        shares::{NewRunShare, ShareRun, SharedWith},
    },
};
use workflow::{
    RunId, StepKey, UserId,
    access::{Actor, Role},
    api::{RunQuery, RunScope},
    id::{DelegationId, GroupId, ShareId},
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
    let everybodys = RunQuery { scope: RunScope::All, ..RunQuery::default() };
    let all = store.listed_runs(viewer, &everybodys, None, ALL).await.unwrap();
    let owns = *viewer == world.ada || viewer.is_admin();
    assert_eq!(all.items.iter().any(|known| known.run.id == run), is_visible && owns, "{}", viewer.email);
    let mine = store.run_summaries(viewer, None, 100, Scope::Mine).await.unwrap();
    assert_eq!(mine.runs.iter().any(|known| known.id == run), *viewer == world.ada, "{}", viewer.email);
    // Who follows their runs asks about a change only where this does not rule it out.
    let owners = store.owners_of(&[run]).await.unwrap();
    let may_concern = |(owner, asks): &(UserId, bool)| *asks || *owner == viewer.id || viewer.is_admin();
    assert!(!is_visible || owners.get(&run).is_some_and(may_concern), "{}", viewer.email);
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
    let owners = async || world.store.owners_of(&[run]).await.unwrap();
    assert_eq!(owners().await, BTreeMap::from([(run, (world.ada.id, false))]));

    world.process.settle(run).await;
    for viewer in [&world.ada, &root, &eve] {
        assert_eq!(sees(&world, run, viewer).await, (true, true), "{}", viewer.email);
    }
    assert_eq!(sees(&world, run, &bob).await, (false, false));

    let approve = Command::Continue { step: "a".into(), digest: None, expect_generation: None };
    world.process.verb(run, &eve, approve).await.unwrap();
    assert_eq!(sees(&world, run, &eve).await, (false, false), "the gate is closed");
    assert_eq!(owners().await, BTreeMap::from([(run, (world.ada.id, false))]), "it is nobody else's any more");
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
async fn a_group_is_asked_with_whoever_is_in_it_just_now(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let eve = person(&pool, "eve@example.com", Role::User).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let legal = GroupId::new("legal");
    let author = Author::default();
    world.store.create_group(&legal, "Legal", 10, author).await.unwrap();
    world.store.add_member(&legal, eve.id, author).await.unwrap();
    let run = world.begin(&gated(&json!({"groups": ["legal"]})), true).await;
    world.process.settle(run).await;
    assert_eq!((sees(&world, run, &eve).await, sees(&world, run, &bob).await), ((true, true), (false, false)));
    // Whoever looks need not have signed in since.
    world.store.add_member(&legal, bob.id, author).await.unwrap();
    world.store.remove_member(&legal, eve.id, author).await.unwrap();
    assert_eq!((sees(&world, run, &eve).await, sees(&world, run, &bob).await), ((false, false), (true, true)));
    world.process.check(run).await;
    let used = world.store.delete_group(&legal, author).await.unwrap();
    assert!(matches!(used, DeleteGroup::Used(names) if names.len() == 1), "a gate that is open asks it");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_has_somebodys_reviews_sees_what_asks_them(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let eve = person(&pool, "Eve@example.com", Role::User).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let (legal, author) = (GroupId::new("legal"), Author::default());
    world.store.create_group(&legal, "Legal", 10, author).await.unwrap();
    let mut runs = Vec::new();
    for assignees in [json!({"users": ["eve@example.com"]}), json!({"groups": ["legal"]}), json!({})] {
        let run = world.begin(&gated(&assignees), true).await;
        world.process.settle(run).await;
        runs.push(run);
    }
    let all = async || {
        let mut found = Vec::new();
        for run in &runs {
            found.push(sees(&world, *run, &bob).await == (true, true));
        }
        found
    };
    assert_eq!(all().await, [false, false, false]);
    let give = async |from: &Actor| {
        let today = sqlx::query_scalar("SELECT (now() AT TIME ZONE 'UTC')::date").fetch_one(&pool).await.unwrap();
        let id = DelegationId(uuid::Uuid::now_v7());
        let new = NewDelegation {
            id,
            principal: from.id,
            delegate: bob.id,
            from_day: today,
            to_day: today,
            zone: "UTC",
            most: 9,
            most_ahead: 366,
        };
        assert_eq!(world.store.delegate(&new, author).await.unwrap(), Delegate::Made);
        id
    };
    let from_eve = give(&eve).await;
    let step = StepKey::new("a");
    let whose = async |run: RunId| world.store.in_whose_place(run, &step, &bob).await.unwrap();
    assert_eq!(all().await, [true, false, false]);
    assert_eq!(whose(runs[0]).await.as_deref(), Some("Eve@example.com"));
    world.store.add_member(&legal, eve.id, author).await.unwrap();
    assert_eq!(all().await, [true, true, false], "as she is in groups now");
    // What asks nobody is its owner's.
    give(&world.ada).await;
    assert_eq!(all().await, [true, true, true]);
    assert_eq!(whose(runs[2]).await.as_deref(), Some(world.ada.email.as_str()));
    // In a group himself, he is asked in his own name.
    world.store.add_member(&legal, bob.id, author).await.unwrap();
    assert_eq!(whose(runs[1]).await, None);
    world.store.remove_member(&legal, bob.id, author).await.unwrap();
    world.store.end_delegation(from_eve, None, author).await.unwrap();
    assert_eq!(all().await, [false, false, true]);
    sqlx::query("UPDATE delegations SET ends_at = now() WHERE ended_at IS NULL").execute(&pool).await.unwrap();
    assert_eq!(all().await, [false, false, false], "the day is over");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_sees_all_runs_of_a_workflow_sees_no_try_and_no_sub_workflow_of_it(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let run = world.begin(&gated(&json!({})), true).await;
    let legal = GroupId::new("legal");
    let author = Author::default();
    world.store.create_group(&legal, "Legal", 10, author).await.unwrap();
    world.store.add_member(&legal, bob.id, author).await.unwrap();
    sqlx::query(
        "WITH made AS (
            INSERT INTO workflow_templates (id, name, description, definition, n_steps, created_by)
            SELECT r.template_id, 'T', '', '{}', 0, r.user_id FROM workflow_runs r WHERE r.id = $1 RETURNING id)
        INSERT INTO workflow_audience (template_id, group_id, may_start, may_see) SELECT id, 'legal', false, true FROM made",
    )
    .bind(run.0)
    .execute(&pool)
    .await
    .unwrap();
    let sees = async || {
        let is_visible = world.store.run_is_visible(run, &bob).await.unwrap();
        assert_eq!(world.store.run_is_shared(run, bob.id).await.unwrap(), is_visible);
        // A list of its own has them, which is read by page.
        assert!(world.store.run_summaries_of(&[run], &bob).await.unwrap().is_empty());
        is_visible
    };
    assert!(sees().await);
    for (of_another, whole) in [("is_test = true", "is_test = false"), ("parent_run = id", "parent_run = NULL")] {
        for (set, expected) in [(of_another, false), (whole, true)] {
            let update = format!("UPDATE workflow_runs SET {set} WHERE id = $1");
            sqlx::query(AssertSqlSafe(update)).bind(run.0).execute(&pool).await.unwrap();
            assert_eq!(sees().await, expected, "{set}");
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_a_run_is_shared_with_sees_it_and_what_it_started_and_nothing_else(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let (run, child, other) = (
        world.begin(&gated(&json!({})), true).await,
        world.begin(&gated(&json!({})), true).await,
        world.begin(&gated(&json!({})), true).await,
    );
    let (store, author, legal) = (&world.store, Author::default(), GroupId::new("legal"));
    store.create_group(&legal, "Legal", 10, author).await.unwrap();
    let put = async |sql: &'static str| sqlx::query(sql).bind(child.0).bind(run.0).execute(&pool).await.unwrap();
    put("UPDATE workflow_runs SET parent_run = $2 WHERE id = $1").await;
    let sees = async || {
        let mut found = Vec::new();
        for run in [run, child, other] {
            let is_visible = store.run_is_visible(run, &bob).await.unwrap();
            assert_eq!(store.run_is_shared(run, bob.id).await.unwrap(), is_visible, "they are twins");
            assert_eq!(store.shared_by(run, bob.id).await.unwrap().is_some(), is_visible);
            // What is shared stands in no list of theirs but its own.
            assert!(store.run_summaries_of(&[run], &bob).await.unwrap().is_empty());
            found.push(is_visible);
        }
        let query = RunQuery { scope: RunScope::WithMe, ..RunQuery::default() };
        let listed = store.listed_runs(&bob, &query, None, ALL).await.unwrap();
        let listed: Vec<RunId> = listed.items.iter().map(|listed| listed.run.id).collect();
        assert_eq!(listed.contains(&run), found[0], "a list of its own has it");
        assert!(listed.iter().all(|listed| *listed == run), "and not what it started");
        found
    };
    let share = async |with: SharedWith| {
        let new = NewRunShare { id: ShareId(uuid::Uuid::now_v7()), run, with, by: world.ada.id, most: 2 };
        store.share_run(&new, author).await.unwrap()
    };
    let shared = |made: ShareRun| match made {
        ShareRun::Shared(id) => id,
        refused => panic!("{refused:?}"),
    };
    assert_eq!(sees().await, [false; 3]);
    let by_name = shared(share(SharedWith::Person(bob.id)).await);
    assert_eq!(shared(share(SharedWith::Person(bob.id)).await), by_name, "twice is once");
    assert_eq!(sees().await, [true, true, false]);
    assert_eq!(share(SharedWith::Group(GroupId::new("nobodys"))).await, ShareRun::NoGroup);
    let by_group = shared(share(SharedWith::Group(legal.clone())).await);
    assert_eq!(share(SharedWith::Person(world.ada.id)).await, ShareRun::TooMany);
    assert!(!store.end_share(child, by_name, author).await.unwrap(), "it is not that run's");
    assert!(store.end_share(run, by_name, author).await.unwrap());
    assert!(!store.end_share(run, by_name, author).await.unwrap());
    assert_eq!(sees().await, [false; 3], "he is not in the group");
    store.add_member(&legal, bob.id, author).await.unwrap();
    assert_eq!(sees().await, [true, true, false]);
    put("UPDATE workflow_runs SET parent_run = NULL WHERE id = $1 AND $2::uuid IS NOT NULL").await;
    assert_eq!(sees().await, [true, false, false], "what has nothing around it is not of that run");
    put("UPDATE workflow_runs SET parent_run = $1 WHERE id = $1 AND $2::uuid IS NOT NULL").await;
    assert_eq!(sees().await, [true, false, false], "nor what leads to itself");
    assert_eq!(store.run_shares(run).await.unwrap()[0].id, by_group);
    assert_eq!(store.delete_group(&legal, author).await.unwrap(), DeleteGroup::Deleted);
    assert_eq!(sees().await, [false; 3], "its shares went with it");
    assert!(store.run_shares(run).await.unwrap().is_empty());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn emails_and_those_who_cannot_sign_in_are_told_of_many_at_once(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let eve = person(&pool, "Eve@Example.com", Role::User).await;
    let unknown = UserId(uuid::Uuid::now_v7());
    let all = BTreeSet::from([world.ada.id, eve.id, unknown]);
    let emails = world.store.emails(&all).await.unwrap();
    assert_eq!((emails.len(), emails[&eve.id].as_str()), (2, "Eve@Example.com"));
    let voters = world.store.voters(&all).await.unwrap();
    let ids = [world.ada.id, eve.id, unknown];
    assert_eq!(ids.map(|id| voters.now(id)), [Some(&world.ada), Some(&eve), None]);
    sqlx::query("UPDATE users SET disabled_at = now() WHERE id = $1").bind(eve.id.0).execute(&pool).await.unwrap();
    let voters = world.store.voters(&all).await.unwrap();
    assert_eq!(ids.map(|id| voters.now(id)), [Some(&world.ada), None, None]);
    assert!(world.store.emails(&BTreeSet::new()).await.unwrap().is_empty());
}
