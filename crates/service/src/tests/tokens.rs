//! API tokens: what they may be used for, who makes them, and everything that ends them.

use secrecy::SecretString;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;
use workflow::{
    StepKey, UserId,
    access::{Role, Scope},
    api::{CreatedToken, ErrorCode, HistoryQuery, NewToken},
};

use super::{World, at, body, nobody, plain, refusal, service_of, status};
use crate::{
    OpContext, RequestInfo, Service, Settings, Wanted, accounts, agents, inbox, runs, steps, templates, users, workers,
};

const ADMIN: &str = "person1@example.org";
const ADA: UserId = UserId(Uuid::from_u128(2));
const PASSWORD: &str = "several words of it";

pub(super) fn new_token(scopes: &[Scope]) -> NewToken {
    NewToken { name: " script ".into(), scopes: scopes.to_vec(), expires_in_days: None }
}

/// The context of a request with this token, if it is let in.
async fn with(service: &Service, token: &CreatedToken) -> Option<OpContext> {
    let principal = service.authenticate_bearer(&token.token, &RequestInfo::default()).await.unwrap()?;
    Some(service.context(Some(principal), RequestInfo::default()))
}

async fn token_of(service: &Service, email: &str, scopes: &[Scope]) -> CreatedToken {
    let operator = service.system_context().await.unwrap();
    accounts::create_token_for(&operator, email, new_token(scopes)).await.unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T, crate::Error>) -> ErrorCode {
    refusal(result).code
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_token_is_used_for_what_it_was_made_for(pool: PgPool) {
    let world = World::with_writer(pool).await;
    let template = world.published().await;
    let draft = world.template(&super::chain()).await.id;
    let run = world.start(&world.ada, template).await.id;
    let first = StepKey::new("first");
    for scope in Scope::ALL.into_iter().filter(|scope| *scope != Scope::Metrics) {
        let token = token_of(&world.service, ADMIN, &[scope]).await;
        assert!(token.view.scopes.contains(&Scope::Read) && token.view.scopes.len() <= 2);
        let ctx = with(&world.service, &token).await.unwrap();
        let used =
            |allowed: Scope, is_refused: bool| assert_eq!(is_refused, scope != allowed, "{scope:?} for {allowed:?}");
        let lacks = |code: Option<ErrorCode>| code == Some(ErrorCode::InsufficientScope);
        assert!(
            runs::get(&ctx, run).await.is_ok() && templates::gallery(&ctx, None, &Wanted::default()).await.is_ok(),
            "each may read"
        );
        let started = runs::start(&ctx, super::start(template, &json!({"topic": "Rain"})), None).await;
        used(Scope::Run, lacks(started.err().map(|error| error.to_api().code)));
        let stopped = steps::stop(&ctx, run, &first, body(json!({"expect_generation": 99})), None).await;
        used(Scope::Run, lacks(stopped.err().map(|error| error.to_api().code)));
        let continued = steps::approve(&ctx, run, &first, body(json!({})), None).await;
        used(Scope::Review, lacks(continued.err().map(|error| error.to_api().code)));
        used(
            Scope::Admin,
            lacks(templates::list(&ctx, None, &Wanted::default()).await.err().map(|error| error.to_api().code)),
        );
        used(Scope::Admin, lacks(users::list(&ctx, &Wanted::default()).await.err().map(|error| error.to_api().code)));
        used(Scope::Admin, lacks(agents::providers(&ctx).await.err().map(|error| error.to_api().code)));
        let everybodys = HistoryQuery { all: true, ..HistoryQuery::default() };
        let decided = inbox::history(&ctx, &everybodys, &Wanted::default()).await;
        used(Scope::Admin, lacks(decided.err().map(|error| error.to_api().code)));
        let version = templates::versions(&ctx, template, &Wanted::default()).await.unwrap().items.remove(0);
        used(Scope::Admin, version.note.is_none());
        used(Scope::Admin, version.published_by.is_none());
        let draft = templates::versions(&ctx, draft, &Wanted::default()).await;
        used(Scope::Admin, draft.err().is_some_and(|error| matches!(error, crate::Error::NotFound)));
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_token_for_metrics_alone_reads_them_and_nothing_else(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let token = token_of(&world.service, ADMIN, &[Scope::Metrics]).await;
    assert_eq!(token.view.scopes, [Scope::Metrics], "it may not even read");
    let ctx = with(&world.service, &token).await.unwrap();
    assert!(ctx.reader_of_metrics().is_ok() && workers::queues(&ctx, None).await.is_ok());
    for refused in [
        code(templates::gallery(&ctx, None, &Wanted::default()).await),
        code(accounts::list_tokens(&ctx, &Wanted::default()).await),
        code(users::list(&ctx, &Wanted::default()).await),
        code(workers::list(&ctx, &Wanted::default()).await),
        code(ctx.user().cloned()),
        code(ctx.user_for(Scope::Metrics).cloned()),
    ] {
        assert_eq!(refused, ErrorCode::InsufficientScope);
    }
    // With others it adds to them, and they to it.
    let both = token_of(&world.service, ADMIN, &[Scope::Metrics, Scope::Run]).await;
    assert_eq!(both.view.scopes, [Scope::Read, Scope::Run, Scope::Metrics]);
    let both = with(&world.service, &both).await.unwrap();
    assert!(both.user().is_ok() && both.reader_of_metrics().is_ok());
    assert_eq!(code(users::list(&both, &Wanted::default()).await), ErrorCode::InsufficientScope);
    // Other tokens of an admin have none of it, and those of users never.
    let reading = token_of(&world.service, ADMIN, &[Scope::Run]).await;
    let reading = with(&world.service, &reading).await.unwrap();
    assert_eq!(code(reading.reader_of_metrics()), ErrorCode::InsufficientScope);
    assert_eq!(status(accounts::create_token(&world.ada, new_token(&[Scope::Metrics])).await), at(422, "scopes"));
    assert_eq!(code(world.ada.reader_of_metrics()), ErrorCode::Forbidden);
    assert!(world.admin.reader_of_metrics().is_ok(), "an admin may in a session too");
    // Who is an admin no more is told nothing by it, and nobody else is either.
    sqlx::query("UPDATE users SET role = 'user' WHERE email = $1").bind(ADMIN).execute(&pool).await.unwrap();
    let ctx = with(&world.service, &token).await.unwrap();
    assert!(ctx.reader_of_metrics().is_err() && ctx.user().is_err());
    assert_eq!(code(nobody(&world.service).reader_of_metrics()), ErrorCode::Unauthenticated);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_token_makes_no_token_and_touches_no_account(pool: PgPool) {
    let world = World::new(pool).await;
    let token = token_of(&world.service, ADMIN, &Scope::ALL).await;
    let ctx = with(&world.service, &token).await.unwrap();
    let password = || SecretString::from(PASSWORD);
    let other = token_of(&world.service, ADMIN, &[]).await;
    for refused in [
        code(accounts::create_token(&ctx, new_token(&[])).await),
        code(accounts::confirm_password(&ctx, password()).await),
        code(accounts::change_password(&ctx, password(), password()).await),
        code(accounts::list_sessions(&ctx, &Wanted::default()).await),
        code(accounts::revoke_session(&ctx, "00").await),
        code(accounts::revoke_token(&ctx, other.view.id).await),
    ] {
        assert_eq!(refused, ErrorCode::SessionRequired);
    }
    accounts::revoke_token(&ctx, token.view.id).await.unwrap();
    assert!(with(&world.service, &token).await.is_none(), "but it may take back itself");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn tokens_are_ones_own_and_last_no_longer_than_a_year(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let made = accounts::create_token(&world.ada, new_token(&[Scope::Run, Scope::Run])).await.unwrap();
    assert_eq!((made.view.name.as_str(), &made.view.scopes[..]), ("script", &[Scope::Read, Scope::Run][..]));
    let days = (made.view.expires_at - made.view.created_at).num_days();
    assert_eq!(days, 90);
    assert_eq!(
        accounts::list_tokens(&world.ada, &Wanted::default()).await.unwrap().items,
        std::slice::from_ref(&made.view)
    );
    assert_eq!(status(accounts::revoke_token(&world.ben, made.view.id).await), plain(404));
    let ben = token_of(&world.service, "person3@example.org", &[]).await;
    assert!(with(&world.service, &ben).await.is_some());
    for (days, expected) in [(0, false), (1, true), (365, true), (366, false), (u16::MAX, false)] {
        let token = NewToken { expires_in_days: Some(days), ..new_token(&[]) };
        assert_eq!(accounts::create_token(&world.ada, token).await.is_ok(), expected, "{days} days");
    }
    let nameless = NewToken { name: " ".into(), ..new_token(&[]) };
    assert_eq!(status(accounts::create_token(&world.ada, nameless).await), at(422, "name"));
    assert_eq!(status(accounts::create_token(&world.ada, new_token(&[Scope::Admin])).await), at(422, "scopes"));
    let operator = world.service.system_context().await.unwrap();
    let for_ada = accounts::create_token_for(&operator, "person2@example.org", new_token(&[Scope::Admin])).await;
    assert_eq!(status(for_ada), at(422, "scopes"), "nor by the command line");
    assert_eq!(status(accounts::create_token(&nobody(&world.service), new_token(&[])).await), plain(401));
    assert_eq!(status(accounts::create_token_for(&world.admin, ADMIN, new_token(&[])).await), plain(403));

    sqlx::query("UPDATE api_tokens SET created_at = now() - interval '99 days', expires_at = now() WHERE id = $1")
        .bind(made.view.id.0)
        .execute(&pool)
        .await
        .unwrap();
    assert!(with(&world.service, &made).await.is_none());
    let listed = accounts::list_tokens(&world.ada, &Wanted::default()).await.unwrap().items;
    assert!(listed.iter().any(|token| token.id == made.view.id && token.is_expired), "it is seen why it is refused");
}

/// Ada with a password that is known, her session, and a token of hers.
async fn ada(pool: &PgPool) -> (Service, OpContext, OpContext, CreatedToken) {
    let service = service_of(pool.clone(), Settings::default()).await;
    let operator = service.system_context().await.unwrap();
    for (email, role) in [("admin@b.c", Role::Admin), ("ada@b.c", Role::Admin)] {
        users::create(&operator, email, role, PASSWORD.into()).await.unwrap();
    }
    let sign_in = async |email: &str| {
        let signed_in = accounts::login(&nobody(&service), email, PASSWORD.into()).await.unwrap();
        service.context(service.authenticate_cookie(signed_in.session()).await.unwrap(), RequestInfo::default())
    };
    let (admin, ada) = (sign_in("admin@b.c").await, sign_in("ada@b.c").await);
    let token = accounts::create_token(&ada, new_token(&Scope::ALL)).await.unwrap();
    assert!(with(&service, &token).await.is_some());
    (service, admin, ada, token)
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_token_is_made_only_shortly_after_the_password_was_given(pool: PgPool) {
    let (service, _, ada, _) = ada(&pool).await;
    let age =
        "UPDATE sessions SET created_at = now() - interval '1 hour', confirmed_at = now() - interval '11 minutes'";
    sqlx::query(age).execute(&pool).await.unwrap();
    let refused = refusal(accounts::create_token(&ada, new_token(&[])).await);
    assert_eq!((refused.status, refused.code), (403, ErrorCode::ConfirmPassword));
    assert_eq!(status(accounts::confirm_password(&ada, "a wrong password".into()).await), at(422, "password"));
    assert_eq!(code(accounts::create_token(&ada, new_token(&[])).await), ErrorCode::ConfirmPassword);
    accounts::confirm_password(&ada, PASSWORD.into()).await.unwrap();
    assert!(accounts::create_token(&ada, new_token(&[])).await.is_ok());
    let other = accounts::login(&nobody(&service), "ada@b.c", PASSWORD.into()).await.unwrap();
    sqlx::query(age).execute(&pool).await.unwrap();
    accounts::confirm_password(&ada, PASSWORD.into()).await.unwrap();
    let other = service.context(service.authenticate_cookie(other.session()).await.unwrap(), RequestInfo::default());
    assert_eq!(
        code(accounts::create_token(&other, new_token(&[])).await),
        ErrorCode::ConfirmPassword,
        "it is of one session"
    );
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_new_password_a_reset_and_disabling_end_every_credential(pool: PgPool) {
    let (service, admin, first, token) = ada(&pool).await;
    let id = first.actor().unwrap().id;
    let signed_in = accounts::change_password(&first, PASSWORD.into(), "quite another one".into()).await.unwrap();
    assert!(with(&service, &token).await.is_none() && !first.is_still_valid().await.unwrap());
    assert_eq!(
        status(accounts::create_token(&first, new_token(&[])).await),
        plain(401),
        "nor is one made by what was under way"
    );
    let session = async |cookie: &str| {
        let principal = service.authenticate_cookie(cookie).await.unwrap();
        service.context(principal, RequestInfo::default())
    };
    let second = session(signed_in.session()).await;
    assert!(
        accounts::list_tokens(&second, &Wanted::default()).await.unwrap().items.is_empty(),
        "this one goes on, under a new secret"
    );

    let token = accounts::create_token(&second, new_token(&[])).await.unwrap();
    users::reset_password(&admin, id, "and one more again".into()).await.unwrap();
    assert!(with(&service, &token).await.is_none() && !second.is_still_valid().await.unwrap());

    let signed_in = accounts::login(&nobody(&service), "ada@b.c", "and one more again".into()).await.unwrap();
    let third = session(signed_in.session()).await;
    let token = accounts::create_token(&third, new_token(&[])).await.unwrap();
    let with_token = with(&service, &token).await.unwrap();
    users::set_disabled(&admin, id, true).await.unwrap();
    assert!(!with_token.is_still_valid().await.unwrap(), "what is open with it ends too");
    users::set_disabled(&admin, id, false).await.unwrap();
    assert!(with(&service, &token).await.is_none() && !third.is_still_valid().await.unwrap(), "and stays ended");
    let devices: i64 = sqlx::query_scalar("SELECT count(*) FROM devices WHERE user_id = $1")
        .bind(id.0)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(devices, 0);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_changes_nothing_ends_nothing(pool: PgPool) {
    let (service, admin, first, token) = ada(&pool).await;
    let id = first.actor().unwrap().id;
    users::set_role(&admin, id, Role::Admin).await.unwrap();
    users::set_disabled(&admin, id, false).await.unwrap();
    assert!(first.is_still_valid().await.unwrap() && with(&service, &token).await.is_some());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_is_no_admin_any_more_has_no_token_of_an_admin(pool: PgPool) {
    let (service, admin, first, token) = ada(&pool).await;
    let id = first.actor().unwrap().id;
    let open = with(&service, &token).await.unwrap();
    users::set_role(&admin, id, Role::User).await.unwrap();
    assert!(!open.is_still_valid().await.unwrap() && !first.is_still_valid().await.unwrap());
    let now = with(&service, &token).await.unwrap();
    assert_eq!(code(users::list(&now, &Wanted::default()).await), ErrorCode::Forbidden);
    assert!(templates::gallery(&now, None, &Wanted::default()).await.is_ok(), "as a user's it goes on");
    users::set_role(&admin, id, Role::Admin).await.unwrap();
    let again = with(&service, &token).await.unwrap();
    assert_eq!(
        code(users::list(&again, &Wanted::default()).await),
        ErrorCode::InsufficientScope,
        "an admin's is made anew"
    );
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn admins_see_and_revoke_the_tokens_of_anybody(pool: PgPool) {
    let world = World::new(pool).await;
    let made = accounts::create_token(&world.ada, new_token(&[])).await.unwrap();
    assert_eq!(
        users::tokens(&world.admin, ADA, &Wanted::default()).await.unwrap().items,
        std::slice::from_ref(&made.view)
    );
    for (ctx, expected) in [(&world.ben, plain(403)), (&nobody(&world.service), plain(401))] {
        assert_eq!(status(users::tokens(ctx, ADA, &Wanted::default()).await), expected);
        assert_eq!(status(users::revoke_token(ctx, ADA, made.view.id).await), expected);
    }
    let stranger = UserId(Uuid::from_u128(9));
    assert_eq!(status(users::tokens(&world.admin, stranger, &Wanted::default()).await), plain(404));
    assert_eq!(status(users::revoke_token(&world.admin, stranger, made.view.id).await), plain(404));
    users::revoke_token(&world.admin, ADA, made.view.id).await.unwrap();
    assert!(with(&world.service, &made).await.is_none());
    let log = world.admin.store().audit_of(&ADA.to_string()).await.unwrap();
    let revoked = log.iter().find(|entry| entry.action == "token.revoked").unwrap();
    assert_eq!(revoked.actor, world.admin.actor().map(|actor| actor.id));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_use_of_a_token_is_told_by_the_minute_and_logged_by_the_day(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let made = accounts::create_token(&world.ada, new_token(&[])).await.unwrap();
    let used = async || {
        with(&world.service, &made).await.unwrap();
        let log = world.admin.store().audit_of(&ADA.to_string()).await.unwrap();
        let n_logged = log.iter().filter(|entry| entry.action == "token.used").count();
        (accounts::list_tokens(&world.ada, &Wanted::default()).await.unwrap().items[0].last_used_at.unwrap(), n_logged)
    };
    let (first, logged) = used().await;
    assert_eq!((used().await, logged), ((first, 1), 1));
    sqlx::query("UPDATE api_tokens SET last_used_at = now() - interval '2 minutes'").execute(&pool).await.unwrap();
    let (later, logged) = used().await;
    assert!(later >= first && logged == 1);
    sqlx::query("UPDATE api_tokens SET last_used_at = now() - interval '2 days'").execute(&pool).await.unwrap();
    assert_eq!(used().await.1, 2);
}
