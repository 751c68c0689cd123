//! The writes of templates against a real database: which of two wins, and what is made.

use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::*;
use crate::{
    agents::DeleteAgent,
    templates::Startable,
    testing::{BY, agent, with_admin},
};

const ALL: crate::Window<'_> = crate::Window { after: None, limit: 100 };
const ID: TemplateId = TemplateId(Uuid::from_u128(2));

fn definition(document: &Value) -> Definition {
    Definition::from_value(document).unwrap()
}

async fn with_template(pool: PgPool) -> Store {
    let store = with_admin(pool).await;
    store.save_agent(&agent("x", "X"), None, BY, Author::default()).await.unwrap();
    let definition = definition(&json!({"steps":{"a":{"agent_id":"x","agent_version":1}}}));
    let new = NewTemplate { id: ID, name: "Brief", description: "", definition: &definition, by: BY };
    store.create_template(new, Author::default()).await.unwrap();
    store
}

async fn publish_draft(store: &Store) -> Publish {
    let draft = store.draft(ID).await.unwrap().unwrap();
    let new = NewVersion { id: ID, revision: draft.revision, definition: &draft.definition, note: "", by: BY };
    store.publish(new, Author::default()).await.unwrap()
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn of_two_saves_on_one_base_one_is_stale_and_changes_nothing(pool: PgPool) {
    let store = with_template(pool).await;
    let save = |name| store.save_draft(ID, 1, Some(name), None, None, Author::default());
    let (one, two) = futures::future::join(save("One"), save("Two")).await;
    let (one, two) = (one.unwrap(), two.unwrap());
    let stale = SaveDraft::Stale { current: 2 };
    assert!([(SaveDraft::Saved, stale), (stale, SaveDraft::Saved)].contains(&(one, two)), "{one:?} {two:?}");
    let draft = store.draft(ID).await.unwrap().unwrap();
    assert_eq!((draft.revision, draft.name == "One"), (2, one == SaveDraft::Saved));
    assert_eq!(draft.definition.steps.len(), 1, "absent fields stay");
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_version_is_made_only_when_the_meaning_changed(pool: PgPool) {
    let store = with_template(pool).await;
    assert_eq!(store.startable(ID, None).await.unwrap(), Startable::NotPublished);
    assert_eq!(publish_draft(&store).await, Publish::Published { version: 1 });
    assert_eq!(publish_draft(&store).await, Publish::Unchanged { version: 1 });
    let other = definition(&json!({"steps":{"a":{"agent_id":"x","agent_version":2}}}));
    store.save_draft(ID, 1, None, None, Some(&other), Author::default()).await.unwrap();
    assert_eq!(publish_draft(&store).await, Publish::Published { version: 2 });
    assert_eq!(store.startable(ID, Some(1)).await.unwrap(), Startable::Version(1));
    let (old, _) = store.version(ID, 1).await.unwrap().expect("version 1 is kept");
    assert_eq!(old.definition.steps["a"].agent_version, Some(1));
    assert_eq!(store.startable(ID, Some(3)).await.unwrap(), Startable::NotFound);
    assert_eq!(store.gallery(None, None, ALL).await.unwrap().items[0].version, 2);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn of_a_publishing_and_the_deleting_of_its_agent_at_the_same_time_one_wins(pool: PgPool) {
    let store = with_template(pool).await;
    for n in 0..8 {
        let agent = format!("raced-{n}");
        let spec = json!({"id": agent, "name": "Raced", "config": {"kind": "template", "template": "x"}});
        let spec: workflow::AgentSpec = serde_json::from_value(spec).unwrap();
        store.save_agent(&spec, None, BY, Author::default()).await.unwrap();
        // The draft itself is without it, so that nothing but the version keeps it.
        let version = definition(&json!({"steps":{"a":{"agent_id":agent,"agent_version":1}}}));
        let new = NewVersion { id: ID, revision: 1, definition: &version, note: "", by: BY };
        let (published, deleted) = futures::future::join(
            store.publish(new, Author::default()),
            store.delete_agent(&spec.id, Author::default()),
        )
        .await;
        let is_there = store.agent(&spec.id, None).await.unwrap().is_some();
        match (published.unwrap(), deleted.unwrap()) {
            (Publish::Published { .. }, DeleteAgent::Used) => assert!(is_there),
            (Publish::Stale, DeleteAgent::Deleted) => assert!(!is_there),
            both => panic!("{both:?}"),
        }
    }
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn literals_keep_the_order_of_their_keys_and_their_digits(pool: PgPool) {
    let store = with_template(pool).await;
    let literal = r#"{"zz":[1E2,-0,1.10],"b":{"y":1e400,"x":12345678901234567.89},"a":"1"}"#;
    let text =
        format!(r#"{{"steps":{{"a":{{"agent_id":"x","agent_version":1,"inputs":{{"in":{{"const":{literal}}}}}}}}}}}"#);
    let exact: Definition = serde_json::from_str(&text).unwrap();
    store.save_draft(ID, 1, None, None, Some(&exact), Author::default()).await.unwrap();
    let draft = store.draft(ID).await.unwrap().unwrap().definition;
    assert!(draft.to_value().to_string().contains(literal), "{}", draft.to_value());
    publish_draft(&store).await;
    let (version, _) = store.version(ID, 1).await.unwrap().unwrap();
    assert!(version.definition.to_value().to_string().contains(literal), "{}", version.definition.to_value());
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn workflows_are_found_by_words_of_their_name_whatever_their_case_and_accents(pool: PgPool) {
    let store = with_template(pool).await;
    let definition = definition(&json!({"steps":{"a":{"agent_id":"x","agent_version":1}}}));
    for (n, name) in ["Überraschung für Zoë", "Ueber 50%_off", "Cafe\u{301} 50", "Zoology"].into_iter().enumerate() {
        let id = TemplateId(Uuid::from_u128(10 + n as u128));
        let new = NewTemplate { id, name, description: "", definition: &definition, by: BY };
        store.create_template(new, Author::default()).await.unwrap();
        let new = NewVersion { id, revision: 1, definition: &definition, note: "", by: BY };
        store.publish(new, Author::default()).await.unwrap();
    }
    let searches: [(&str, &[&str]); 7] = [
        ("zoe UBER", &["Überraschung für Zoë"]),
        ("ÜBERRASCH", &["Überraschung für Zoë"]),
        ("café", &["Cafe\u{301} 50"]),
        ("%_", &["Ueber 50%_off"]),
        ("50", &["Cafe\u{301} 50", "Ueber 50%_off"]),
        ("zoe 50", &[]),
        ("brief", &[]),
    ];
    for (search, expected) in searches {
        let mut gallery = Vec::new();
        let mut after = None;
        loop {
            let window = crate::Window { after: after.as_deref(), limit: 1 };
            let page = store.gallery(None, Some(search), window).await.unwrap();
            gallery.extend(page.items.into_iter().map(|template| template.name));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(gallery, expected, "{search}");
        let drafts = store.template_summaries(Some(search), ALL).await.unwrap().items;
        let n_drafts = expected.len() + usize::from(search == "brief");
        assert_eq!(drafts.len(), n_drafts, "{search}");
    }
    assert_eq!(store.template_summaries(Some(" "), ALL).await.unwrap().items.len(), 5, "nothing is looked for");
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_list_pages_without_repeating_or_hiding_anything(pool: PgPool) {
    let store = with_template(pool).await;
    let definition = definition(&json!({"steps":{"a":{"agent_id":"x","agent_version":1}}}));
    let make = async |n: u128, name: &str| {
        let new =
            NewTemplate { id: TemplateId(Uuid::from_u128(n)), name, description: "", definition: &definition, by: BY };
        store.create_template(new, Author::default()).await.unwrap();
        let new = NewVersion { id: new.id, revision: 1, definition: &definition, note: "", by: BY };
        store.publish(new, Author::default()).await.unwrap();
    };
    // Of one name many, so that the id decides; and names that only differ in case.
    for n in 10..15 {
        make(n, "same").await;
    }
    make(20, "Zebra_x").await;
    make(21, "apple").await;
    let (mut names, mut gallery, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = store.template_summaries(None, crate::Window { after: after.as_deref(), limit: 3 }).await.unwrap();
        names.extend(page.items.into_iter().map(|template| (template.name, template.id)));
        let Some(next) = page.next else { break };
        // What comes meanwhile, before the place that was reached, moves nothing.
        make(100 + names.len() as u128, "AAA").await;
        after = Some(next);
    }
    assert_eq!(names.len(), 8);
    assert_eq!((names[0].0.as_str(), names[7].0.as_str()), ("apple", "Brief"), "the last changed first: {names:?}");
    after = None;
    loop {
        let page = store.gallery(None, None, crate::Window { after: after.as_deref(), limit: 2 }).await.unwrap();
        gallery.extend(page.items.into_iter().map(|template| template.id));
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    let mut unique = gallery.clone();
    unique.sort();
    unique.dedup();
    assert_eq!((gallery.len(), unique.len()), (9, 9), "the draft alone is not published");
    let order: Vec<(String, TemplateId)> = store
        .gallery(None, None, ALL)
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|t| (t.name.to_lowercase(), t.id))
        .collect();
    assert!(order.is_sorted() && order.iter().map(|(_, id)| *id).eq(gallery), "{order:?}");
    let versions = store.template_versions(TemplateId(Uuid::from_u128(20)), ALL).await.unwrap();
    assert_eq!((versions.items.len(), versions.next), (1, None));
}
