//! Gates that somebody is shown in the place of one who is away, and until when.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::PgPool;
use store::{MIGRATOR, audit::Author};
use workflow::{
    RunId,
    access::{Absent, Actor, Role},
    api::{HistoryQuery, InboxScope},
    id::GroupId,
    run::{Command, command::Edit},
};

use super::{approve, change, has, history, inbox, waiting};
use crate::support::{World, by, person, version, with_content};

/// The viewer as they sign in while they have the reviews of somebody.
pub(super) async fn given(pool: &PgPool, from: &Actor, to: &Actor) -> Actor {
    let since = sqlx::query_scalar(
        "INSERT INTO delegations (id, principal_id, delegate_id, from_day, to_day, zone, starts_at, ends_at)
        VALUES (gen_random_uuid(), $1, $2, current_date, current_date + 1, 'UTC', now() - interval '1 hour', now() + interval '1 day')
        RETURNING starts_at",
    );
    let since = since.bind(from.id.0).bind(to.id.0).fetch_one(pool).await.unwrap();
    let absent = Absent { id: from.id, email: from.email.clone(), role: from.role, groups: BTreeSet::new(), since };
    Actor { acts_for: vec![absent], ..to.clone() }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_has_somebodys_reviews_is_shown_them_until_that_name_was_given(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let eve = person(&pool, "eve@example.com", Role::User).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let cid = person(&pool, "cid@example.com", Role::User).await;
    let users = json!({"users": ["eve@example.com", "cid@example.com"]});
    let run = waiting(&world, &json!({"quorum": 2, "assignees": users})).await;
    assert!(!has(&world, &bob, run).await);
    let bob = given(&pool, &eve, &bob).await;
    let item = inbox(&world, &bob, InboxScope::Mine).await.remove(0);
    assert_eq!((item.run_id, item.acts_for.as_deref()), (run, Some("eve@example.com")));
    assert_eq!(inbox(&world, &eve, InboxScope::Mine).await[0].acts_for, None);
    approve(&world, run, &bob).await;
    assert!(!has(&world, &bob, run).await && !has(&world, &eve, run).await, "her name is given");
    let votes = async || inbox(&world, &cid, InboxScope::Mine).await.remove(0).votes;
    assert_eq!(votes().await, [bob.email.as_str()]);
    world.process.check(run).await;

    sqlx::query("UPDATE delegations SET ended_at = now()").execute(&pool).await.unwrap();
    assert_eq!(votes().await, Vec::<String>::new());
    assert!(has(&world, &eve, run).await, "what he said does not count any more");
    sqlx::query("UPDATE delegations SET ended_at = NULL").execute(&pool).await.unwrap();
    approve(&world, run, &cid).await;
    for viewer in [&eve, &bob, &cid] {
        let told = history(&world, viewer, &HistoryQuery::default()).await.remove(0);
        assert_eq!((told.run_id, told.by.as_deref(), told.acted_for), (run, Some("cid@example.com"), None));
        assert_eq!(told.votes, ["bob@example.com", "cid@example.com"]);
    }
    let alone = waiting(&world, &json!({"assignees": {"users": ["eve@example.com"]}})).await;
    approve(&world, alone, &bob).await;
    let told = history(&world, &eve, &HistoryQuery::default()).await.remove(0);
    assert_eq!((told.run_id, told.by, told.acted_for), (alone, Some(bob.email.clone()), Some(eve.email.clone())));
    world.process.check(alone).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_asks_nobody_is_shown_to_who_has_the_owners_reviews_but_where_nobody_approves_their_own(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let (open, strict) = (waiting(&world, &json!({})).await, waiting(&world, &json!({"allow_self": false})).await);
    let bob = given(&pool, &world.ada, &bob).await;
    assert!(has(&world, &bob, open).await && !has(&world, &bob, strict).await);
    assert!(has(&world, &world.ada, open).await && !has(&world, &world.ada, strict).await);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_has_spoken_is_judged_in_lists_as_when_somebody_decides(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let eve = person(&pool, "eve@example.com", Role::User).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let cid = person(&pool, "cid@example.com", Role::User).await;
    let (legal, author) = (GroupId::new("legal"), Author::default());
    world.store.create_group(&legal, "Legal", 10, author).await.unwrap();
    world.store.add_member(&legal, eve.id, author).await.unwrap();
    let eve = Actor { groups: [legal.clone()].into(), ..eve };
    let users = json!({"users": ["eve@example.com", "cid@example.com"]});
    let run = waiting(&world, &json!({"quorum": 2, "assignees": users})).await;
    let bob = given(&pool, &eve, &bob).await;
    approve(&world, run, &bob).await;
    world.process.check(run).await;
    let set = async |sql: &'static str| {
        let done = sqlx::query(sql).bind(eve.id.0).execute(&pool).await.unwrap();
        assert!(done.rows_affected() > 0, "{sql}");
    };
    // He said it an hour ago, and all was as it is now for a day.
    change(&pool, run, "UPDATE reviews SET voted_at = ARRAY[now() - interval '1 hour'] WHERE run_id = $1").await;
    set("UPDATE users SET enabled_at = now() - interval '1 day' WHERE $1::uuid IS NOT NULL").await;
    set("UPDATE delegations SET starts_at = now() - interval '1 day' WHERE principal_id = $1").await;
    let votes = async || inbox(&world, &cid, InboxScope::Mine).await.remove(0).votes;
    for (void, back) in [
        (
            "UPDATE delegations SET starts_at = now() WHERE principal_id = $1",
            "UPDATE delegations SET starts_at = now() - interval '1 day' WHERE principal_id = $1",
        ),
        (
            "UPDATE users SET enabled_at = now() WHERE id = $1",
            "UPDATE users SET enabled_at = now() - interval '1 day' WHERE id = $1",
        ),
    ] {
        assert!(!has(&world, &eve, run).await && !has(&world, &bob, run).await, "before {void}");
        assert_eq!(votes().await, [bob.email.as_str()], "before {void}");
        set(void).await;
        assert!(has(&world, &eve, run).await && has(&world, &bob, run).await, "{void}");
        assert_eq!(votes().await, Vec::<String>::new(), "{void}");
        set(back).await;
    }

    // What she said herself bars whoever speaks for her, as long as it counts.
    let asked = json!({"quorum": 2, "assignees": {"groups": ["legal"], "users": ["cid@example.com"]}});
    let run = waiting(&world, &asked).await;
    approve(&world, run, &eve).await;
    assert!(!has(&world, &eve, run).await && !has(&world, &bob, run).await);
    set("UPDATE group_members SET added_at = now() + interval '1 hour' WHERE user_id = $1").await;
    assert!(has(&world, &eve, run).await && has(&world, &bob, run).await);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_several_who_are_away_one_in_whose_place_somebody_may_decide_is_enough(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let eve = person(&pool, "eve@example.com", Role::User).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let cid = person(&pool, "cid@example.com", Role::User).await;
    let users = json!({"users": ["eve@example.com", "cid@example.com"]});
    let said = waiting(&world, &json!({"quorum": 2, "assignees": users})).await;
    let wrote = waiting(&world, &json!({"allow_self": false, "assignees": users})).await;
    given(&pool, &eve, &bob).await;
    assert!(has(&world, &bob, said).await && has(&world, &bob, wrote).await);
    approve(&world, said, &eve).await;
    let edit = Edit {
        step: "a".into(),
        outputs: vec![version("better")],
        and_continue: false,
        digest: None,
        expect_generation: None,
    };
    let edit = with_content(by(&eve, wrote, Command::Edit(Box::new(edit))), "better");
    world.process.runs.execute(edit).await.unwrap();
    assert!(!has(&world, &bob, said).await && !has(&world, &bob, wrote).await, "she cannot any more");
    given(&pool, &cid, &bob).await;
    assert!(has(&world, &bob, said).await && has(&world, &bob, wrote).await, "he can");
    // Each is there once, though both are asked.
    let runs: Vec<RunId> = inbox(&world, &bob, InboxScope::Mine).await.into_iter().map(|item| item.run_id).collect();
    assert_eq!(runs, [said, wrote]);
}
