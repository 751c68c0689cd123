//! Drafts, publishing and the agent library.

use std::thread;

use serde_json::{Value, json};
use sqlx::PgPool;
use workflow::{
    AgentId, Problem, ProblemCode,
    api::{CreateTemplate, NewGroup, PublishedTemplate, SaveAgent, TestAgent, UpdateTemplate},
    limits,
};

use super::{World, at, chain, plain, refusal, status, writer};
use crate::{OpContext, Wanted, agents, groups, people, templates, users};

fn update(definition: Value, base: i64) -> UpdateTemplate {
    UpdateTemplate { definition: Some(definition), base_revision: Some(base), ..UpdateTemplate::default() }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_stale_draft_is_refused_and_changes_nothing(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let draft = world.template(&chain()).await;
    let base = draft.draft_revision;
    let saved = templates::save_draft(&world.admin, draft.id, update(json!({"steps": {}}), base)).await.unwrap();
    assert_eq!(saved.draft_revision, base + 1);
    assert_eq!(saved.problems[0].code, ProblemCode::NoSteps, "a half-drawn draft is saved with its problems");
    let stale = refusal(templates::save_draft(&world.admin, draft.id, update(chain(), base)).await);
    assert_eq!((stale.status, stale.code), (409, workflow::api::ErrorCode::StaleRevision));
    let without_base = UpdateTemplate { base_revision: None, ..update(chain(), 0) };
    let refused = templates::save_draft(&world.admin, draft.id, without_base).await;
    assert_eq!(status(refused), at(422, "base_revision"));
    assert_eq!(templates::get(&world.admin, draft.id).await.unwrap(), saved);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn publishing_refuses_every_error_with_its_place(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let definition = json!({"steps": {
        "a": {"agent_id": "writer", "depends_on": ["b"], "inputs": {"text": {"const": "x"}}},
        "b": {"agent_id": "writer", "depends_on": ["a"]},
        "c": {"agent_id": "nobody"},
        "d": {"agent_id": "writer", "inputs": {"text": {"const": "x"}}, "cache": true}
    }});
    let draft = world.template(&definition).await;
    let refused = refusal(templates::publish(&world.admin, draft.id).await);
    assert_eq!((refused.status, refused.code), (422, workflow::api::ErrorCode::InvalidDefinition));
    for (step, code) in [
        ("a", ProblemCode::Cycle),
        ("b", ProblemCode::MissingInput),
        ("c", ProblemCode::UnknownAgent),
        ("d", ProblemCode::NotSupportedYet),
    ] {
        let is_told = refused
            .problems
            .iter()
            .any(|problem| problem.code == code && problem.step.as_ref().is_some_and(|found| found.as_str() == step));
        assert!(is_told, "{step} {code:?}: {:?}", refused.problems);
    }
    assert!(templates::gallery(&world.ada, None, &Wanted::default()).await.unwrap().items.is_empty());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_gate_that_asks_somebody_who_cannot_come_is_told_and_not_published(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let (ada, ben) = ("Person2@example.org", "person3@example.org");
    let mut definition = chain();
    definition["steps"]["first"]["review"] =
        json!({"mode": "always", "assignees": {"users": [ada, "gone@example.org", ben]}});
    let draft = world.template(&definition).await;
    let told = |problems: &[Problem]| {
        let of_people = problems.iter().filter(|problem| problem.field.as_deref().is_some_and(|f| f.contains("users")));
        of_people.map(|problem| (problem.code, problem.field.clone().unwrap())).collect::<Vec<_>>()
    };
    let gone = (ProblemCode::UnknownPerson, "review.assignees.users.1".to_owned());
    assert_eq!(told(&draft.problems), std::slice::from_ref(&gone), "saving says so");
    let refused = refusal(templates::publish(&world.admin, draft.id).await);
    assert_eq!((refused.status, told(&refused.problems)), (422, vec![gone]));

    definition["steps"]["first"]["review"]["assignees"]["users"] = json!([ada, ben]);
    let saved = templates::save_draft(&world.admin, draft.id, update(definition, draft.draft_revision)).await.unwrap();
    assert_eq!(told(&saved.problems), []);
    assert_eq!(templates::publish(&world.admin, draft.id).await.unwrap().version, 1);
    let ben_id = world.ben.actor().unwrap().id;
    users::set_disabled(&world.admin, ben_id, true).await.unwrap();
    let off = (ProblemCode::DisabledPerson, "review.assignees.users.1".to_owned());
    let notes = templates::get_published(&world.admin, draft.id).await.unwrap().draft.unwrap();
    assert_eq!((notes.has_unpublished_changes, told(&notes.problems)), (false, vec![off.clone()]));
    assert_eq!(
        templates::get_published(&world.ada, draft.id).await.unwrap().draft,
        None,
        "only admins learn who is disabled"
    );
    assert_eq!(told(&templates::get(&world.admin, draft.id).await.unwrap().problems), [off]);
    assert_eq!(people::find(&world.admin, "PERSON").await.unwrap().len(), 3);
    assert_eq!(status(people::find(&world.ada, "p").await), plain(403));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_gate_that_nobody_can_decide_is_not_published_and_told_to_admins_when_it_becomes_so(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let admin = &world.admin;
    let mut definition = chain();
    definition["steps"]["first"]["review"] = json!({"mode": "always", "quorum": 2, "assignees": {"groups": ["legal"]}});
    let draft = world.template(&definition).await;
    let told = |problems: &[Problem]| {
        problems.iter().filter(|problem| problem.is_error()).map(|problem| problem.code).collect::<Vec<_>>()
    };
    let refused = refusal(templates::publish(admin, draft.id).await);
    assert_eq!(told(&refused.problems), [ProblemCode::UnknownGroup, ProblemCode::TooFewPeople]);
    let legal = NewGroup { id: "legal".into(), name: "Legal".into() };
    groups::create(admin, &legal).await.unwrap();
    let refused = refusal(templates::publish(admin, draft.id).await);
    assert_eq!(told(&refused.problems), [ProblemCode::EmptyGroup, ProblemCode::TooFewPeople]);
    let ben = groups::add_member(admin, &legal.id, "person3@example.org").await.unwrap();
    assert_eq!(templates::publish(admin, draft.id).await.unwrap().version, 1);

    groups::remove_member(admin, &legal.id, ben.id).await.unwrap();
    let notes = templates::get_published(admin, draft.id).await.unwrap().draft.unwrap();
    assert_eq!(told(&notes.problems), [ProblemCode::EmptyGroup, ProblemCode::TooFewPeople]);
    let used = refusal(groups::delete(admin, &legal.id).await);
    assert!(used.status == 409 && used.detail.contains("“Brief”"), "{}", used.detail);
    assert_eq!(status(groups::list(&world.ada, &Wanted::default()).await), plain(403));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn publishing_pins_agents_and_an_unchanged_draft_stays_live(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let draft = world.template(&chain()).await;
    assert!(draft.has_unpublished_changes && draft.problems.is_empty());
    let publish = async || templates::publish(&world.admin, draft.id).await.unwrap().version;
    assert_eq!((publish().await, publish().await), (1, 1));
    let has_changes = async || templates::get(&world.admin, draft.id).await.unwrap().has_unpublished_changes;
    assert!(!has_changes().await);

    let mut moved = chain();
    moved["steps"]["first"]["ui"] = json!({"x": 1.0, "y": 2.0});
    templates::save_draft(&world.admin, draft.id, update(moved, draft.draft_revision)).await.unwrap();
    assert!(!has_changes().await, "moving a node means nothing");

    world.save_writer(Some(1)).await;
    assert!(has_changes().await, "publishing now would take the newer agent");
    assert_eq!(publish().await, 2);
    let published = templates::get_published(&world.ada, draft.id).await.unwrap();
    assert_eq!((published.version, published.n_steps, published.inputs.len()), (2, 2, 1));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn no_newer_agent_goes_live_than_the_one_that_was_shown(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let draft = world.template(&chain()).await;
    let publish = async |shown: i32| {
        let latest = std::collections::BTreeMap::from([(AgentId::from("writer"), shown)]);
        templates::publish_as_shown(&world.admin, draft.id, None, "", &latest).await
    };
    world.save_writer(Some(1)).await;
    assert_eq!(status(publish(1).await), plain(409));
    assert_eq!(templates::get(&world.admin, draft.id).await.unwrap().published_version, None);
    assert_eq!(publish(2).await.unwrap().version, 1);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_version_keeps_who_published_it_and_what_they_said_for_admins_alone(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let draft = world.template(&chain()).await;
    let publish = async |note: &str| templates::publish_at(&world.admin, draft.id, None, note).await;
    assert_eq!(status(publish(&"x".repeat(limits::MAX_VERSION_NOTE_CHARS + 1)).await), at(422, "note"));
    assert_eq!(status(publish("a\0").await), at(422, "note"));
    assert_eq!(publish(" Shorter texts ").await.unwrap().version, 1);
    let listed =
        async |ctx: &OpContext| templates::versions(ctx, draft.id, &Wanted::default()).await.unwrap().items.remove(0);
    let first = listed(&world.admin).await;
    assert_eq!(first.note.as_deref(), Some("Shorter texts"));
    assert!(first.published_by.is_some_and(|email| email.contains('@')));
    let told = listed(&world.ada).await;
    assert_eq!((told.version, told.note, told.published_by), (1, None, None));
    let document = templates::version(&world.admin, draft.id, 1).await.unwrap();
    assert_eq!((document.name, document.description), (draft.name, draft.description));
    assert_eq!(status(templates::version(&world.ada, draft.id, 1).await), plain(403));
    assert_eq!(status(templates::version(&world.admin, draft.id, 9).await), plain(404));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_cannot_be_stored_is_refused_by_field(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let create = async |name: &str, definition: Value| {
        let template = CreateTemplate { name: name.into(), description: String::new(), definition };
        status(templates::create(&world.admin, template).await)
    };
    assert_eq!(create(" ", chain()).await, at(422, "name"));
    assert_eq!(create("a\0b", chain()).await, at(422, "name"));
    assert_eq!(create(&"x".repeat(201), chain()).await, at(422, "name"));
    assert_eq!(create("x", json!([])).await, at(422, "definition"));
    assert_eq!(create("x", json!({"step": {}})).await, at(422, "definition.step"));
    let nul = json!({"steps": {"a": {"agent_id": "writer", "prompt": "a\0"}}});
    assert_eq!(create("x", nul).await, at(422, "definition.steps.a.prompt"));
    let many: serde_json::Map<String, Value> =
        (0..10_001).map(|n| (format!("s{n}"), json!({"agent_id": "writer"}))).collect();
    assert_eq!(create("x", json!({"steps": many})).await, at(422, "definition.steps"));
    let huge = json!({"steps": {"a": {"agent_id": "writer", "prompt": "x".repeat(5 * 1024 * 1024)}}});
    assert_eq!(create("x", huge).await, at(413, "definition"));
    let deep = (0..70).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(create("x", json!({"steps": deep})).await, at(422, "definition"));
    assert!(templates::list(&world.admin, None, &Wanted::default()).await.unwrap().items.is_empty());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn drafts_and_configurations_are_for_admins(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let draft = world.template(&chain()).await;
    let writer_id = AgentId::new("writer");
    for (ctx, expected) in [(&world.nobody(), plain(401)), (&world.ada, plain(403))] {
        assert_eq!(status(templates::list(ctx, None, &Wanted::default()).await), expected);
        assert_eq!(status(templates::get(ctx, draft.id).await), expected);
        assert_eq!(status(templates::open(ctx, draft.id).await), expected);
        assert_eq!(status(templates::save_draft(ctx, draft.id, update(chain(), 1)).await), expected);
        assert_eq!(status(templates::publish(ctx, draft.id).await), expected);
        assert_eq!(status(agents::get(ctx, &writer_id, None).await), expected);
        assert_eq!(status(agents::catalog(ctx, draft.id).await), expected);
        assert_eq!(status(agents::save(ctx, writer()).await), expected);
        assert_eq!(status(agents::providers(ctx).await), expected);
    }
    // What the editor opens with is what either half answers by itself.
    let (template, catalog) = templates::open(&world.admin, draft.id).await.unwrap();
    assert_eq!(template, templates::get(&world.admin, draft.id).await.unwrap());
    assert_eq!(catalog, agents::catalog(&world.admin, draft.id).await.unwrap());
    assert_eq!(status(templates::gallery(&world.nobody(), None, &Wanted::default()).await), plain(401));
    assert_eq!(status(agents::list(&world.nobody(), None, &Wanted::default()).await), plain(401));
    assert_eq!(status(templates::get_published(&world.ada, draft.id).await), plain(404));
    assert_eq!(agents::list(&world.ada, None, &Wanted::default()).await.unwrap().items.len(), 1);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_agent_is_checked_by_field_and_never_overwritten(pool: PgPool) {
    let world = World::with_writer(pool).await;
    assert_eq!(status(agents::save(&world.admin, writer()).await), plain(409));
    let next = SaveAgent { base_version: Some(1), name: "Better".into(), ..writer() };
    assert_eq!(agents::save(&world.admin, next.clone()).await.unwrap().version, 2);
    assert_eq!(status(agents::save(&world.admin, next).await), plain(409));
    let missing = SaveAgent { id: AgentId::new("other"), base_version: Some(1), ..writer() };
    assert_eq!(status(agents::save(&world.admin, missing).await), plain(404));
    let unnamed = SaveAgent { name: " ".into(), id: AgentId::new("other"), ..writer() };
    assert_eq!(status(agents::save(&world.admin, unnamed).await), at(422, "name"));
    let slug = SaveAgent { id: AgentId::new("Other"), ..writer() };
    assert_eq!(status(agents::save(&world.admin, slug).await), at(422, "id"));
    let nul = SaveAgent { id: AgentId::new("other"), description: "a\0".into(), ..writer() };
    assert_eq!(status(agents::save(&world.admin, nul).await), at(422, "description"));
    let first = agents::get(&world.admin, &AgentId::new("writer"), Some(1)).await.unwrap();
    assert_eq!(first.name, "Writer");
    assert_eq!(status(agents::get(&world.admin, &AgentId::new("a\0"), None).await), plain(404));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_copy_says_the_same_under_a_name_of_its_own_and_counts_as_stored(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let draft = world.template(&chain()).await;
    assert_eq!(status(templates::duplicate(&world.ada, draft.id).await), plain(403));
    let mut names = Vec::new();
    let mut of = draft.id;
    for _ in 0..3 {
        let copy = templates::duplicate(&world.admin, of).await.unwrap();
        assert_eq!((&copy.definition, &copy.description), (&draft.definition, &draft.description));
        assert_eq!((copy.draft_revision, copy.published_version), (1, None));
        names.push(copy.name);
        of = copy.id;
    }
    let expected = ["(copy)", "(copy 2)", "(copy 3)"].map(|end| format!("{} {end}", draft.name));
    assert_eq!(names, expected);
    let nobody = workflow::TemplateId(uuid::Uuid::from_u128(9));
    assert_eq!(status(templates::duplicate(&world.admin, nobody).await), plain(404));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn empty_workflows_do_not_pile_up(pool: PgPool) {
    let world = World::with_writer(pool).await;
    assert_eq!(status(templates::begin(&world.ada).await), plain(403));
    let first = templates::begin(&world.admin).await.unwrap();
    assert_eq!((first.name.as_str(), first.definition.steps.len()), ("Untitled workflow", 0));
    assert_eq!(templates::begin(&world.admin).await.unwrap(), first);
    templates::save_draft(&world.admin, first.id, update(chain(), 1)).await.unwrap();
    let second = templates::begin(&world.admin).await.unwrap();
    assert_ne!(second.id, first.id, "what was drawn in is somebody's work");
    // A program that wants one gets one of its own.
    let made = json!({"name": "Untitled workflow"});
    let made = templates::create(&world.admin, serde_json::from_value(made).unwrap()).await.unwrap();
    assert_ne!(made.id, second.id);
    assert_eq!(templates::list(&world.admin, None, &Wanted::default()).await.unwrap().items.len(), 3);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_was_never_used_is_deleted_and_what_was_is_refused_with_what_to_do(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let draft = world.template(&chain()).await;
    assert_eq!(status(templates::delete(&world.ada, draft.id, None).await), plain(403));
    let stale = refusal(templates::delete(&world.admin, draft.id, Some(draft.draft_revision + 1)).await);
    assert_eq!((stale.status, stale.code), (409, workflow::api::ErrorCode::StaleRevision));
    // The draft uses the agent, and then a version does.
    let agent = AgentId::new("writer");
    assert_eq!(status(agents::delete(&world.ada, &agent).await), plain(403));
    let refused = refusal(agents::delete(&world.admin, &agent).await);
    assert_eq!(refused.status, 409);
    assert!(
        refused.detail.contains(&draft.name) && refused.detail.contains("Delete that step first"),
        "{}",
        refused.detail
    );
    templates::delete(&world.admin, draft.id, Some(draft.draft_revision)).await.unwrap();
    assert_eq!(status(templates::get(&world.admin, draft.id).await), plain(404));
    assert_eq!(status(templates::delete(&world.admin, draft.id, None).await), plain(404));

    let published = world.published().await;
    let refused = refusal(templates::delete(&world.admin, published, None).await);
    assert_eq!(refused.status, 409);
    assert!(refused.detail.contains("Archive it instead"), "{}", refused.detail);
    let refused = refusal(agents::delete(&world.admin, &agent).await);
    assert!(refused.detail.contains("stays in the library"), "{}", refused.detail);

    let mut other = writer();
    other.id = AgentId::new("other");
    agents::save(&world.admin, other).await.unwrap();
    agents::delete(&world.admin, &AgentId::new("other")).await.unwrap();
    assert_eq!(status(agents::delete(&world.admin, &AgentId::new("other")).await), plain(404));
    assert_eq!(status(agents::delete(&world.admin, &AgentId::new("no such id")).await), plain(404));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_made_of_a_version_is_made_beside_the_requests(pool: PgPool) {
    let world = World::with_writer(pool).await;
    world.published().await;
    let listed = templates::gallery(&world.ada, None, &Wanted::default()).await.unwrap().items.remove(0);
    let made = async |ctx: &OpContext, listed: &PublishedTemplate| {
        templates::made_of(ctx, listed, |definition| (thread::current().id(), definition.steps.len())).await
    };
    let (there, n_steps) = made(&world.ada, &listed).await.unwrap().unwrap();
    assert_eq!(n_steps, 2);
    assert_ne!(there, thread::current().id());
    let gone = PublishedTemplate { version: 9, ..listed.clone() };
    assert_eq!(made(&world.ada, &gone).await.unwrap(), None);
    assert_eq!(status(made(&world.nobody(), &listed).await), plain(401));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_workflows_that_somebody_started_last_come_first_and_never_one_that_is_not_listed(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let mut made = Vec::new();
    for name in ["A", "B", "C", "D", "E", "F", "G", "H"] {
        let new = CreateTemplate { name: name.into(), description: String::new(), definition: chain() };
        let id = templates::create(&world.admin, new).await.unwrap().id;
        templates::publish(&world.admin, id).await.unwrap();
        made.push(id);
    }
    let names = async |ctx: &OpContext| {
        let recent = templates::recent(ctx).await.unwrap();
        recent.into_iter().map(|template| template.name).collect::<String>()
    };
    assert_eq!(names(&world.ada).await, "ABCDEF", "who started nothing sees the first by name");
    for at in [7, 2, 6, 7, 2] {
        world.start(&world.ada, made[at]).await;
    }
    assert_eq!(names(&world.ada).await, "CHGABD");
    assert_eq!(names(&world.ben).await, "ABCDEF", "what others start is theirs");
    templates::archive(&world.admin, made[7], true).await.unwrap();
    assert_eq!(names(&world.ada).await, "CGABDE");
    assert_eq!(status(templates::recent(&world.nobody()).await), plain(401));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_step_of_a_deleted_agent_is_a_problem_whether_tests_ran_it_or_not(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let test = TestAgent {
        agent_id: "writer".into(),
        version: None,
        inputs: serde_json::from_value(json!({"text": "x"})).unwrap(),
        unsaved: None,
        confirm: false,
    };
    agents::test(&world.admin, test).await.unwrap();
    agents::delete(&world.admin, &AgentId::new("writer")).await.unwrap();
    // As an editor saves it that was open meanwhile.
    let step = json!({"agent_id": "writer", "agent_version": 1, "inputs": {"text": {"const": "x"}}});
    let draft = world.template(&json!({"steps": {"a": step}})).await;
    assert!(draft.problems.iter().any(|problem| problem.code == ProblemCode::UnknownAgent), "{:?}", draft.problems);
    assert_eq!(refusal(templates::publish(&world.admin, draft.id).await).status, 422);
}
