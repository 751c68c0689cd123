//! The inbox: whose a gate is and until when, in every order and in pages; and what was decided, by whom.

mod delegated;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;
use store::{MIGRATOR, Window, audit::Author};
use workflow::{
    RunId, StepKey, TemplateId,
    access::{Actor, Role},
    api::{HistoryItem, HistoryQuery, InboxItem, InboxQuery, InboxScope, InboxSort},
    id::GroupId,
    run::{
        Command,
        command::{Edit, Start},
        state::Verdict,
    },
    view::StepOfRun,
};

use crate::support::{World, by, person, start, version, with_content};
use delegated::given;

const ALL: Window<'_> = Window { after: None, limit: 100 };

fn gated(review: &Value) -> Value {
    let mut review = review.clone();
    review["mode"] = json!("always");
    json!({"steps": {"a": {"agent_id": "echo", "title": "Draft", "review": review}}})
}

/// A run of Ada's that waits at a gate.
async fn waiting(world: &World, review: &Value) -> RunId {
    begun(world, start(&gated(review), true, world.ada.id)).await
}

async fn begun(world: &World, start: Start) -> RunId {
    let run = world.begin_as(start).await;
    world.process.settle(run).await;
    run
}

async fn inbox(world: &World, viewer: &Actor, scope: InboxScope) -> Vec<InboxItem> {
    let query = InboxQuery { scope, ..InboxQuery::default() };
    let items = world.store.inbox(viewer, &query, ALL).await.unwrap().items;
    let counts = world.store.inbox_counts(viewer, &query).await.unwrap();
    assert_eq!(counts.n, i64::try_from(items.len()).unwrap(), "{}", viewer.email);
    items
}

async fn has(world: &World, viewer: &Actor, run: RunId) -> bool {
    inbox(world, viewer, InboxScope::Mine).await.iter().any(|item| item.run_id == run)
}

async fn history(world: &World, viewer: &Actor, query: &HistoryQuery) -> Vec<HistoryItem> {
    world.store.inbox_history(viewer, query, ALL).await.unwrap().items
}

async fn approve(world: &World, run: RunId, actor: &Actor) {
    let approve = Command::Continue { step: "a".into(), digest: None, expect_generation: None };
    world.process.verb(run, actor, approve).await.unwrap();
}

async fn change(pool: &PgPool, run: RunId, sql: &'static str) {
    let done = sqlx::query(sql).bind(run.0).execute(pool).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_gate_is_theirs_whom_it_asks_or_else_the_owners_and_all_are_the_admins(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let eve = person(&pool, "Eve@Example.com", Role::User).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let root = person(&pool, "root@example.com", Role::Admin).await;
    let asked = waiting(&world, &json!({"assignees": {"users": ["eVe@example.com"]}})).await;
    let owned = waiting(&world, &json!({"max_rounds": 5, "timeout_s": 60})).await;
    let runs = async |viewer: &Actor, scope| {
        let items = inbox(&world, viewer, scope).await;
        items.into_iter().map(|item| item.run_id).collect::<Vec<_>>()
    };
    for scope in [InboxScope::Mine, InboxScope::All] {
        assert_eq!(runs(&eve, scope).await, [asked]);
        assert_eq!(runs(&world.ada, scope).await, [owned], "somebody else is asked at the other");
        assert!(runs(&bob, scope).await.is_empty());
    }
    assert!(runs(&root, InboxScope::Mine).await.is_empty());
    assert_eq!(runs(&root, InboxScope::All).await, [asked, owned]);

    let item = inbox(&world, &eve, InboxScope::Mine).await.remove(0);
    assert_eq!((item.title.as_str(), item.step.as_str(), item.template_name.as_str()), ("Draft", "a", "T"));
    assert_eq!((item.owner.as_str(), item.generation, item.number, item.quorum), ("ada@example.com", 1, 1, 1));
    assert_eq!((item.n_asked, item.round, item.max_rounds, item.is_form), (Some(1), 0, 3, false));
    let item = inbox(&world, &world.ada, InboxScope::Mine).await.remove(0);
    assert_eq!((item.n_asked, item.max_rounds), (None, 5));
    assert_eq!(item.due_at, Some(item.opened_at + chrono::TimeDelta::seconds(60)));
    for run in [asked, owned] {
        world.process.check(run).await;
        world.process.verb(run, &world.ada, Command::Cancel).await.unwrap();
    }
    assert!(runs(&root, InboxScope::All).await.is_empty(), "what is over waits for nobody");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_approved_is_asked_no_more_as_long_as_that_counts(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let eve = person(&pool, "eve@example.com", Role::User).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let (legal, author) = (GroupId::new("legal"), Author::default());
    world.store.create_group(&legal, "Legal", 10, author).await.unwrap();
    world.store.add_member(&legal, eve.id, author).await.unwrap();
    let eve = Actor { groups: [legal.clone()].into(), ..eve };
    let asked = json!({"quorum": 2, "assignees": {"groups": ["legal"], "users": ["bob@example.com"]}});
    let run = waiting(&world, &asked).await;
    assert!(has(&world, &eve, run).await && has(&world, &bob, run).await);
    approve(&world, run, &eve).await;
    assert!(!has(&world, &eve, run).await && has(&world, &bob, run).await);
    let shown = async || {
        let item = inbox(&world, &bob, InboxScope::Mine).await.remove(0);
        (item.votes, item.n_asked, item.groups)
    };
    assert_eq!(shown().await, (vec![eve.email.clone()], Some(2), vec!["legal".to_owned()]));

    let set = async |sql: &'static str| {
        sqlx::query(sql).bind(eve.id.0).execute(&pool).await.unwrap();
    };
    // What was said before does not count for who is back, or has joined since: they look anew.
    for (void, back) in [
        (
            "UPDATE users SET enabled_at = now() + interval '1 hour' WHERE id = $1",
            "UPDATE users SET enabled_at = created_at WHERE id = $1",
        ),
        (
            "UPDATE group_members SET added_at = now() + interval '1 hour' WHERE user_id = $1",
            "UPDATE group_members SET added_at = now() - interval '1 hour' WHERE user_id = $1",
        ),
    ] {
        set(void).await;
        assert_eq!(shown().await.0, Vec::<String>::new(), "{void}");
        assert!(has(&world, &eve, run).await, "{void}");
        set(back).await;
        assert!(!has(&world, &eve, run).await && shown().await.0.len() == 1, "{back}");
    }
    set("UPDATE users SET disabled_at = now() WHERE id = $1").await;
    assert_eq!(shown().await, (vec![], Some(1), vec!["legal".to_owned()]));
    world.process.check(run).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_nobody_may_approve_as_their_own_is_not_theirs(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let eve = person(&pool, "eve@example.com", Role::User).await;
    let users = json!({"users": ["ada@example.com", "eve@example.com"]});
    let run = waiting(&world, &json!({"allow_self": false, "assignees": users})).await;
    assert!(!has(&world, &world.ada, run).await, "it is her run");
    let item = inbox(&world, &eve, InboxScope::Mine).await.remove(0);
    assert_eq!((item.run_id, item.n_asked), (run, Some(1)), "she is not counted");
    let edit = Edit {
        step: "a".into(),
        outputs: vec![version("better")],
        and_continue: false,
        digest: None,
        expect_generation: None,
    };
    let edit = with_content(by(&eve, run, Command::Edit(Box::new(edit))), "better");
    world.process.runs.execute(edit).await.unwrap();
    assert!(!has(&world, &eve, run).await, "what is there now she wrote");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn tests_and_what_is_set_aside_are_nobodys_and_a_sub_workflows_gate_is_one(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let root = person(&pool, "root@example.com", Role::Admin).await;
    let run = waiting(&world, &json!({})).await;
    let of = || start(&gated(&json!({})), true, world.ada.id);
    let mut test = of();
    test.run.is_test = true;
    let mut child = of();
    child.run.parent = Some(StepOfRun { run, step: StepKey::new("a") });
    child.run.depth = 2;
    let (test, child) = (begun(&world, test).await, begun(&world, child).await);
    for (viewer, scope) in [(&world.ada, InboxScope::Mine), (&root, InboxScope::All)] {
        let found: Vec<_> = inbox(&world, viewer, scope).await.into_iter().map(|item| item.run_id).collect();
        assert_eq!(found, [run, child]);
    }
    approve(&world, test, &world.ada).await;
    assert!(history(&world, &world.ada, &HistoryQuery::default()).await.is_empty(), "nor have tests a history");
    world.process.check(test).await;
    change(&pool, child, "UPDATE workflow_runs SET quarantine = 'by hand' WHERE id = $1").await;
    assert!(!has(&world, &world.ada, child).await);
}

/// Eve is asked at 10,000 gates of Ada's runs, of two workflows; as many others ask somebody else.
async fn many(pool: &PgPool, ada: &Actor) {
    sqlx::query(
        "INSERT INTO workflow_runs (id, head, seq, user_id, template_id, template_version, template_name, about, status, status_reason,
            auto_run, is_test, created_at, wants_judgement, n_steps, n_completed, n_skipped, n_failed, n_cancelled, n_items, n_waiting,
            committed_at)
        SELECT gen_random_uuid(), gen_random_uuid(), 1, $1,
            ('00000000-0000-0000-0000-' || lpad((n % 2)::text, 12, '0'))::uuid, 1,
            CASE n % 2 WHEN 0 THEN 'beta 50%_off' ELSE 'Alpha 500off' END, 'Rain in May ' || n, 'paused', 'review', true, false,
            now() - n * interval '1 second', false, 1, 0, 0, 0, 0, 0, 1, now()
        FROM generate_series(1, 20000) n",
    )
    .bind(ada.id.0)
    .execute(pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO reviews (run_id, step, generation, number, user_id, opened_at, due_at, quorum, allow_self, roles, users, votes,
            voted_at, voted_for, title, round, max_rounds, on_timeout, is_form)
        SELECT id, 's', 1, 1, user_id, date_trunc('minute', created_at),
            CASE WHEN n % 3 = 0 THEN date_trunc('hour', created_at) + interval '9 hours' END, 1, true, '{}',
            ARRAY[CASE WHEN n <= 10000 THEN 'eve@example.com' ELSE 'other@example.com' END], '{}', '{}', '{}', 'Draft', 0, 3, 'fail',
            false
        FROM (SELECT r.*, row_number() OVER (ORDER BY created_at DESC) AS n FROM workflow_runs r) r",
    )
    .execute(pool)
    .await
    .unwrap();
    sqlx::query("ANALYZE").execute(pool).await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn ten_thousand_gates_come_in_every_order_each_once(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let eve = person(&pool, "eve@example.com", Role::User).await;
    many(&pool, &world.ada).await;
    let of = |sort| InboxQuery { sort, ..InboxQuery::default() };
    for sort in [InboxSort::Oldest, InboxSort::Newest, InboxSort::Due, InboxSort::Workflow] {
        let (mut items, mut after) = (Vec::new(), None::<String>);
        loop {
            let window = Window { after: after.as_deref(), limit: 3_400 };
            let page = world.store.inbox(&eve, &of(sort), window).await.unwrap();
            items.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let runs: BTreeSet<RunId> = items.iter().map(|item| item.run_id).collect();
        assert_eq!((items.len(), runs.len()), (10_000, 10_000), "{sort:?}");
        let is_sorted = match sort {
            InboxSort::Oldest => items.is_sorted_by_key(|item| (item.opened_at, item.run_id)),
            InboxSort::Newest => items.iter().rev().is_sorted_by_key(|item| (item.opened_at, item.run_id)),
            InboxSort::Due => items.is_sorted_by_key(|item| {
                (item.due_at.unwrap_or(DateTime::<Utc>::MAX_UTC), item.opened_at, item.run_id)
            }),
            InboxSort::Workflow => {
                items.is_sorted_by_key(|item| (item.template_name.to_lowercase(), item.opened_at, item.run_id))
            }
        };
        assert!(is_sorted, "{sort:?}");
    }

    let first = world.store.inbox(&eve, &of(InboxSort::Newest), ALL).await.unwrap();
    let oldest = world.store.inbox(&eve, &of(InboxSort::Oldest), ALL).await.unwrap();
    for after in [oldest.next.as_deref(), Some("nonsense"), Some("{}")] {
        let window = Window { after, ..ALL };
        let page = world.store.inbox(&eve, &of(InboxSort::Newest), window).await.unwrap();
        assert_eq!(page, first, "a place in another list is none in this one");
    }

    let beta = TemplateId(uuid::Uuid::nil());
    let n = async |search: Option<&str>, workflow, due_before| {
        let search = search.map(str::to_owned);
        let query = InboxQuery { search, workflow, due_before, ..InboxQuery::default() };
        let counts = world.store.inbox_counts(&eve, &query).await.unwrap();
        let page = world.store.inbox(&eve, &query, ALL).await.unwrap();
        assert_eq!(i64::try_from(page.items.len()).unwrap(), counts.n.min(100), "{query:?}");
        (counts.n, counts.workflows.iter().map(|one| (one.name.clone(), one.n)).collect::<Vec<_>>())
    };
    let both = vec![("Alpha 500off".to_owned(), 5_000), ("beta 50%_off".to_owned(), 5_000)];
    assert_eq!(n(None, None, None).await, (10_000, both.clone()));
    assert_eq!(n(None, Some(beta), None).await, (5_000, both), "of the other there are as many, which is said");
    assert_eq!(n(Some("50%_"), None, None).await.0, 5_000, "what is typed is no pattern");
    assert_eq!(n(Some("  draft RAIN ADA@example "), None, None).await.0, 10_000);
    assert_eq!(n(Some("May 777"), None, None).await.0, 19, "777, and those with a digit more");
    assert_eq!(n(Some("beta alpha"), None, None).await, (0, vec![]));
    assert_eq!(n(None, None, DateTime::from_timestamp(4_000_000_000, 0)).await.0, 3_333, "a third is due at all");
    assert_eq!(n(None, None, Some(DateTime::UNIX_EPOCH)).await.0, 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_decided_is_told_to_who_decided_and_to_the_owner(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let eve = person(&pool, "eve@example.com", Role::User).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let root = person(&pool, "root@example.com", Role::Admin).await;
    let users = json!({"users": ["eve@example.com", "bob@example.com"]});
    let both = waiting(&world, &json!({"quorum": 2, "assignees": users})).await;
    approve(&world, both, &eve).await;
    approve(&world, both, &bob).await;
    let back = waiting(&world, &json!({"assignees": users})).await;
    let wanted = "Shorter, please: 50% <b>of it</b>";
    let reject = Command::Reject { step: "a".into(), feedback: wanted.into(), digest: None, expect_generation: None };
    world.process.verb(back, &eve, reject).await.unwrap();
    let ended = waiting(&world, &json!({"assignees": users})).await;
    world.process.verb(ended, &world.ada, Command::Cancel).await.unwrap();

    let all = HistoryQuery::default();
    let runs = async |viewer: &Actor, query: &HistoryQuery| {
        let items = history(&world, viewer, query).await;
        items.into_iter().map(|item| item.run_id).collect::<Vec<_>>()
    };
    assert_eq!(runs(&eve, &all).await, [back, both], "who approved decided, whoever came last");
    assert_eq!(runs(&bob, &all).await, [both]);
    assert_eq!(runs(&world.ada, &all).await, [ended, back, both]);
    let everybodys = HistoryQuery { all: true, ..HistoryQuery::default() };
    assert_eq!(runs(&bob, &everybodys).await, [both], "everybody's is for admins");
    assert!(runs(&root, &all).await.is_empty());
    assert_eq!(runs(&root, &everybodys).await, [ended, back, both]);

    let [cancelled, rejected, approved]: [HistoryItem; 3] = history(&world, &world.ada, &all).await.try_into().unwrap();
    let told = |item: &HistoryItem| (item.verdict, item.by.clone().unwrap(), item.votes.len());
    assert_eq!(told(&cancelled), (Verdict::Cancelled, world.ada.email.clone(), 0));
    assert_eq!(told(&rejected), (Verdict::Rejected, eve.email.clone(), 0));
    assert_eq!(told(&approved), (Verdict::Approved, bob.email.clone(), 2));
    assert_eq!((rejected.text.as_deref(), rejected.title.as_str()), (Some(wanted), "Draft"));
    assert_eq!((approved.text, approved.owner.as_str()), (None, "ada@example.com"));
    assert!(approved.opened_at < approved.closed_at);

    for (query, found) in [
        (HistoryQuery { search: Some("shorter 50%".into()), ..all.clone() }, vec![back]),
        (HistoryQuery { search: Some("50_".into()), ..all.clone() }, vec![]),
        (HistoryQuery { verdict: Some(Verdict::Approved), ..all.clone() }, vec![both]),
        (HistoryQuery { workflow: Some(TemplateId(uuid::Uuid::nil())), ..all.clone() }, vec![]),
    ] {
        assert_eq!(runs(&world.ada, &query).await, found, "{query:?}");
    }
    let (mut paged, mut after) = (Vec::new(), None::<String>);
    loop {
        let window = Window { after: after.as_deref(), limit: 1 };
        let page = world.store.inbox_history(&world.ada, &all, window).await.unwrap();
        paged.extend(page.items.into_iter().map(|item| item.run_id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, [ended, back, both]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_row_of_a_gate_that_is_not_what_the_log_tells_is_found(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    for (table, sql) in [
        ("reviews", "UPDATE reviews SET title = 'other' WHERE run_id = $1"),
        ("reviews", "UPDATE reviews SET round = 2 WHERE run_id = $1"),
        ("review_ends", "UPDATE review_ends SET verdict = 'approved', feedback = NULL WHERE run_id = $1"),
        ("review_ends", "UPDATE review_ends SET acted_for = run_id WHERE run_id = $1"),
        ("review_ends", "DELETE FROM review_deciders WHERE run_id = $1"),
        ("review_ends", "DELETE FROM review_ends WHERE run_id = $1"),
    ] {
        let run = waiting(&world, &json!({})).await;
        let reject =
            Command::Reject { step: "a".into(), feedback: "again".into(), digest: None, expect_generation: None };
        world.process.verb(run, &world.ada, reject).await.unwrap();
        world.process.settle(run).await;
        world.process.check(run).await;
        change(&pool, run, sql).await;
        let found = world.process.log.differences(run).await.unwrap();
        assert_eq!(found.iter().map(|one| one.table).collect::<Vec<_>>(), [table], "{sql}");
    }
    // In whose name somebody approved is no less told than that they did.
    let eve = person(&pool, "eve@example.com", Role::User).await;
    let bob = person(&pool, "bob@example.com", Role::User).await;
    let run =
        waiting(&world, &json!({"quorum": 2, "assignees": {"users": ["eve@example.com", "cid@example.com"]}})).await;
    approve(&world, run, &given(&pool, &eve, &bob).await).await;
    world.process.check(run).await;
    change(&pool, run, "UPDATE reviews SET voted_for = '{NULL}' WHERE run_id = $1").await;
    let found = world.process.log.differences(run).await.unwrap();
    assert_eq!(found.iter().map(|one| one.table).collect::<Vec<_>>(), ["reviews"]);
}
