//! The inbox by the use cases: who is shown what, and what may be asked of it.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgPool;
use workflow::{
    TemplateId,
    api::{HistoryQuery, InboxQuery, InboxScope},
    id::StepKey,
    run::state::Verdict,
};

use super::{World, at, body, chain, plain, status};
use crate::{OpContext, Wanted, inbox, steps, templates};

fn searching(search: &str) -> InboxQuery {
    InboxQuery { search: Some(search.to_owned()), ..InboxQuery::default() }
}

/// A run of Ada's at whose gate Ben is asked.
async fn waiting(world: &World) -> workflow::RunId {
    let mut definition = chain();
    definition["steps"]["first"]["review"] = json!({"mode": "always", "assignees": {"users": ["person3@example.org"]}});
    let template: TemplateId = world.template(&definition).await.id;
    templates::publish(&world.admin, template).await.unwrap();
    let run = world.start(&world.ada, template).await.id;
    let outputs = body(json!({"outputs": {"text": "draft"}}));
    steps::supply(&world.ada, run, &StepKey::new("first"), outputs, None).await.unwrap();
    run
}

async fn n_listed(ctx: &OpContext, query: &InboxQuery) -> i64 {
    let items = inbox::list(ctx, query, &Wanted::default()).await.unwrap().items;
    let counts = inbox::counts(ctx, query).await.unwrap();
    assert_eq!(i64::try_from(items.len()).unwrap(), counts.n);
    counts.n
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_gate_waits_for_who_is_asked_and_its_end_is_told_to_both(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let run = waiting(&world).await;
    let all = InboxQuery { scope: InboxScope::All, ..InboxQuery::default() };
    for (ctx, mine, everybodys) in [(&world.ben, 1, 1), (&world.ada, 0, 0), (&world.admin, 0, 1)] {
        assert_eq!(n_listed(ctx, &InboxQuery::default()).await, mine);
        assert_eq!(n_listed(ctx, &all).await, everybodys);
    }
    assert_eq!(n_listed(&world.ben, &searching(" first person2@ ")).await, 1, "by its title and who started it");
    assert_eq!(n_listed(&world.ben, &searching("second")).await, 0);
    let item = inbox::list(&world.ben, &InboxQuery::default(), &Wanted::default()).await.unwrap().items.remove(0);
    assert_eq!((item.run_id, item.title.as_str(), item.about.as_deref()), (run, "First", Some("Rain")));

    steps::approve(&world.ben, run, &item.step, body(json!({})), None).await.unwrap();
    assert_eq!(n_listed(&world.ben, &InboxQuery::default()).await, 0);
    for ctx in [&world.ben, &world.ada] {
        let told = inbox::history(ctx, &HistoryQuery::default(), &Wanted::default()).await.unwrap().items;
        let told: Vec<_> = told.iter().map(|item| (item.run_id, item.verdict, item.by.as_deref())).collect();
        assert_eq!(told, [(run, Verdict::Approved, Some("person3@example.org"))]);
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_cannot_be_asked_is_refused_with_the_field(pool: PgPool) {
    let world = World::new(pool).await;
    let (nobody, wanted) = (world.nobody(), Wanted::default());
    assert_eq!(status(inbox::list(&nobody, &InboxQuery::default(), &wanted).await), plain(401));
    assert_eq!(status(inbox::counts(&nobody, &InboxQuery::default()).await), plain(401));
    assert_eq!(status(inbox::history(&nobody, &HistoryQuery::default(), &wanted).await), plain(401));
    let everybodys = HistoryQuery { all: true, ..HistoryQuery::default() };
    assert_eq!(status(inbox::history(&world.ada, &everybodys, &wanted).await), plain(403));
    assert!(inbox::history(&world.admin, &everybodys, &wanted).await.is_ok());
    for refused in ["x".repeat(201), "w ".repeat(11), "a\0b".to_owned()] {
        let query = searching(&refused);
        assert_eq!(status(inbox::list(&world.ada, &query, &wanted).await), at(422, "search"), "{refused:?}");
        assert_eq!(status(inbox::counts(&world.ada, &query).await), at(422, "search"), "{refused:?}");
        let query = HistoryQuery { search: Some(refused), ..HistoryQuery::default() };
        assert_eq!(status(inbox::history(&world.ada, &query, &wanted).await), at(422, "search"));
    }
    for due_before in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        let query = InboxQuery { due_before: Some(due_before), ..InboxQuery::default() };
        assert_eq!(status(inbox::list(&world.ada, &query, &wanted).await), at(422, "due_before"));
    }
    // Letters of any script, and what means something to a pattern, are only looked for.
    for text in ["", "   ", "100%_\\ \u{202e}🦀 ﷺ'\"--;"] {
        assert_eq!(n_listed(&world.ada, &searching(text)).await, 0);
    }
    let wanted = Wanted { after: Some("{\"sort\":\"oldest\"}".into()), limit: Some(1_000_000) };
    assert!(inbox::list(&world.ada, &InboxQuery::default(), &wanted).await.unwrap().items.is_empty());
}
