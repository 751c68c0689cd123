//! Managing people: only admins and the operator, and never away with the last admin.

use sqlx::PgPool;
use uuid::Uuid;
use workflow::{UserId, access::Role, api::UpdateTemplate};

use super::{World, at, nobody, plain, service_of, status, tokens::new_token};
use crate::{
    RequestInfo, Settings, Wanted, accounts, exchange, exchange::Import, library, library::Library, templates, users,
};

const ADMIN: UserId = UserId(Uuid::from_u128(1));
const ADA: UserId = UserId(Uuid::from_u128(2));

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn only_admins_manage_people(pool: PgPool) {
    let world = World::new(pool).await;
    for (ctx, expected) in [(&world.nobody(), plain(401)), (&world.ada, plain(403))] {
        assert_eq!(status(users::list(ctx, &Wanted::default()).await), expected);
        assert_eq!(status(users::create(ctx, "x@y.z", Role::Admin, "several words".into()).await), expected);
        assert_eq!(status(users::set_role(ctx, ADA, Role::Admin).await), expected);
        assert_eq!(status(users::set_disabled(ctx, ADMIN, true).await), expected);
        assert_eq!(status(users::reset_password(ctx, ADMIN, "several words".into()).await), expected);
    }
    let missing = UserId(Uuid::from_u128(99));
    assert_eq!(status(users::set_role(&world.admin, missing, Role::User).await), plain(404));
    assert_eq!(status(users::reset_password(&world.admin, missing, "several words".into()).await), plain(404));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_last_admin_stays(pool: PgPool) {
    let world = World::new(pool).await;
    assert_eq!(status(users::set_role(&world.admin, ADMIN, Role::User).await), plain(409));
    assert_eq!(status(users::set_disabled(&world.admin, ADMIN, true).await), plain(409));
    users::set_role(&world.admin, ADA, Role::Admin).await.unwrap();
    users::set_disabled(&world.admin, ADA, true).await.unwrap();
    assert_eq!(status(users::set_role(&world.admin, ADMIN, Role::User).await), plain(409), "a disabled one is none");
    users::set_disabled(&world.admin, ADA, false).await.unwrap();
    users::set_role(&world.admin, ADMIN, Role::User).await.unwrap();
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_disabled_account_is_out_at_once(pool: PgPool) {
    let world = World::new(pool).await;
    assert!(world.ada.is_still_valid().await.unwrap());
    users::set_disabled(&world.admin, ADA, true).await.unwrap();
    assert!(!world.ada.is_still_valid().await.unwrap());
    users::set_disabled(&world.admin, ADA, false).await.unwrap();
    users::set_role(&world.admin, ADA, Role::Admin).await.unwrap();
    assert!(!world.ada.is_still_valid().await.unwrap(), "what was opened as a user does not become an admin's");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_new_account_is_checked_by_field_and_can_sign_in(pool: PgPool) {
    let world = World::new(pool).await;
    let create = async |email: &str, password: &str| {
        users::create(&world.admin, email, Role::User, secrecy::SecretString::from(password)).await
    };
    assert_eq!(status(create("no email", "several words of it").await), at(422, "email"));
    assert_eq!(status(create("new@example.org", "short").await), at(422, "password"));
    assert_eq!(status(create("new@example.org", "new@example.ORG").await), at(422, "password"));
    let made = create(" new@example.org ", "several words of it").await.unwrap();
    assert_eq!(made.email, "new@example.org");
    assert_eq!(status(create("NEW@example.org", "several words of it").await), at(422, "email"));
    accounts::login(&world.nobody(), "new@example.org", "several words of it".into()).await.unwrap();
    users::reset_password(&world.admin, made.id, "quite another one".into()).await.unwrap();
    accounts::login(&world.nobody(), "new@example.org", "quite another one".into()).await.unwrap();
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_operator_creates_people_and_owns_nothing_before_there_is_an_admin(pool: PgPool) {
    let service = service_of(pool, Settings::default()).await;
    let operator = service.system_context().await.unwrap();
    assert_eq!(status(templates::list(&operator, None, &Wanted::default()).await), plain(409));
    let password = || "several words of it".into();
    assert_eq!(status(users::create(&operator, "u@b.c", Role::User, password()).await), plain(409));
    users::create(&operator, "a@b.c", Role::Admin, password()).await.unwrap();
    let operator = service.system_context().await.unwrap();
    templates::list(&operator, None, &Wanted::default()).await.unwrap();
    let token = accounts::create_token_for(&operator, "a@b.c", new_token(&[])).await.unwrap();
    assert!(service.authenticate_bearer(&token.token, &RequestInfo::default()).await.unwrap().is_some());
    assert_eq!(status(accounts::create_token_for(&operator, "x@b.c", new_token(&[])).await), at(422, "email"));
    let admin = users::list(&operator, &Wanted::default()).await.unwrap().items[0].id;
    let log = operator.store().audit_of(&admin.to_string()).await.unwrap();
    let made = log.iter().find(|entry| entry.action == "token.created").unwrap();
    assert_eq!((made.actor, made.data["via"].as_str()), (None, Some("operator")), "the command line is in the log");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_first_admin_finds_the_library_and_it_is_installed_once(pool: PgPool) {
    let content = Library { files: vec![BRIEF] };
    let settings = Settings { library: content.clone(), ..Settings::default() };
    let service = service_of(pool, settings).await;
    accounts::create_first_admin(&nobody(&service), "a@b.c", "several words of it".into(), "").await.unwrap();
    let operator = service.system_context().await.unwrap();
    assert_eq!(templates::gallery(&operator, None, &Wanted::default()).await.unwrap().items.len(), 1);
    assert_eq!(library::install(&operator, &content).await.unwrap(), library::Installed::default());
}

/// A file of a workflow, with its one agent.
const BRIEF: &str = r#"{"weft": 1, "main": "brief",
    "workflows": {"brief": [{"name": "Brief", "definition": {"steps": {"a": {"agent_id": "scribe"}}}}]},
    "agents": {"scribe": [{"name": "Scribe", "outputs": [{"name": "text"}], "config": {"kind": "template", "template": "x"}}]}}"#;
/// Another one, whose agent of the same id says something else.
const OTHER: &str = r#"{"weft": 1, "main": "other",
    "workflows": {"other": [{"name": "Other", "definition": {"steps": {"a": {"agent_id": "scribe"}}}}]},
    "agents": {"scribe": [{"name": "Scribe", "outputs": [{"name": "text"}], "config": {"kind": "template", "template": "y"}}]}}"#;

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn shipped_content_never_goes_over_what_somebody_made(pool: PgPool) {
    let world = World::new(pool).await;
    let content = Library { files: vec![BRIEF, OTHER] };
    assert_eq!(status(library::install(&world.ada, &content).await.map(|_| ())), plain(403));
    let installed = library::install(&world.admin, &content).await.unwrap();
    assert_eq!((installed.n_agents, installed.n_templates), (1, 1));
    let [left_out] = installed.left_out.as_slice() else { panic!("{installed:?}") };
    assert_eq!(left_out.name, "Other");
    assert!(left_out.why.contains("`scribe`"), "{}", left_out.why);
    let made = templates::list(&world.admin, None, &Wanted::default()).await.unwrap().items;
    assert_eq!(
        made.iter().map(|template| template.name.as_str()).collect::<Vec<_>>(),
        ["Brief"],
        "nothing of it is here"
    );

    // Called something else, changed and set aside, it is still the one that was shipped.
    let id = made[0].id;
    let update = UpdateTemplate {
        name: Some("Mine".into()),
        base_revision: Some(made[0].draft_revision),
        ..UpdateTemplate::default()
    };
    templates::save_draft(&world.admin, id, update).await.unwrap();
    templates::archive(&world.admin, id, true).await.unwrap();
    let again = library::install(&world.admin, &Library { files: vec![BRIEF] }).await.unwrap();
    assert_eq!(again, library::Installed::default());
    let seen = templates::get(&world.admin, id).await.unwrap();
    assert_eq!((seen.name.as_str(), seen.archived_at.is_some()), ("Mine", true));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_install_that_was_cut_short_is_finished_by_the_next_and_what_somebody_works_on_is_not(pool: PgPool) {
    let world = World::new(pool).await;
    let content = Library { files: vec![BRIEF] };
    // As if the process had ended before it published.
    let import = async || {
        let made = exchange::import(&world.admin, BRIEF.to_owned(), &Import::default()).await.unwrap();
        made.template_id.unwrap()
    };
    let install = async || library::install(&world.admin, &content).await.unwrap();
    let published = async |id| templates::get(&world.admin, id).await.unwrap().published_version;

    let id = import().await;
    let touched =
        UpdateTemplate { description: Some("Mine".into()), base_revision: Some(1), ..UpdateTemplate::default() };
    templates::save_draft(&world.admin, id, touched).await.unwrap();
    assert_eq!((install().await, published(id).await), (library::Installed::default(), None));
    let as_before =
        UpdateTemplate { description: Some(String::new()), base_revision: Some(2), ..UpdateTemplate::default() };
    templates::save_draft(&world.admin, id, as_before).await.unwrap();
    assert_eq!((install().await, published(id).await), (library::Installed::default(), None), "it is somebody's");
    templates::delete(&world.admin, id, None).await.unwrap();

    let id = import().await;
    let installed = install().await;
    assert_eq!((installed.n_agents, installed.n_templates, installed.left_out), (0, 1, Vec::new()));
    assert_eq!(published(id).await, Some(1));
    assert_eq!(install().await, library::Installed::default());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn two_installs_at_the_same_moment_both_end_well(pool: PgPool) {
    let world = World::new(pool).await;
    let content = Library { files: vec![BRIEF] };
    let install = async || library::install(&world.admin, &content).await;
    let (one, other) = futures::future::join(install(), install()).await;
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    assert_eq!(templates::gallery(&world.ada, None, &Wanted::default()).await.unwrap().items.len(), 1);
}
