//! Managing people: only admins and the operator, and never away with the last admin.

use sqlx::PgPool;
use uuid::Uuid;
use workflow::{UserId, access::Role};

use super::{World, at, chain, nobody, plain, service_of, status, tokens::new_token};
use crate::{RequestInfo, Settings, Wanted, accounts, library, library::Library, templates, users};

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
    assert_eq!(status(templates::list(&operator, &Wanted::default()).await), plain(409));
    let password = || "several words of it".into();
    assert_eq!(status(users::create(&operator, "u@b.c", Role::User, password()).await), plain(409));
    users::create(&operator, "a@b.c", Role::Admin, password()).await.unwrap();
    let operator = service.system_context().await.unwrap();
    templates::list(&operator, &Wanted::default()).await.unwrap();
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
    let content = Library {
        agents: vec![super::writer()],
        templates: vec![workflow::api::CreateTemplate {
            name: "Brief".into(),
            description: String::new(),
            definition: chain(),
        }],
    };
    let settings = Settings { library: content.clone(), ..Settings::default() };
    let service = service_of(pool, settings).await;
    accounts::create_first_admin(&nobody(&service), "a@b.c", "several words of it".into(), "").await.unwrap();
    let operator = service.system_context().await.unwrap();
    assert_eq!(templates::gallery(&operator, &Wanted::default()).await.unwrap().items.len(), 1);
    assert_eq!(library::install(&operator, &content).await.unwrap(), library::Installed::default());
}
