//! Logins, sessions and tokens.

use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
use secrecy::SecretString;
use sqlx::PgPool;
use store::{Store, audit::Author, users::NewUser};
use uuid::Uuid;
use workflow::{UserId, access::Role};

use super::{World, at, nobody, plain, refusal, status};
use crate::{OpContext, RequestInfo, Service, Settings, accounts};

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "several words of it";

/// A server with one account, whose hash is weak and quick.
async fn with_account(pool: PgPool) -> (Service, Store) {
    let store = Store::from_pool(pool);
    let quick = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    let password_hash = quick.hash_password(PASSWORD.as_bytes()).unwrap().to_string();
    let id = UserId(Uuid::from_u128(1));
    let user = NewUser { id, email: EMAIL.into(), role: Role::Admin, password_hash };
    store.create_user(&user, Author::default()).await.unwrap();
    (Service::new(store.clone(), Settings::default()), store)
}

fn from(service: &Service, address: &str) -> OpContext {
    let request = RequestInfo { address: Some(address.parse().unwrap()), user_agent: "browser\n".into() };
    service.context(None, request)
}

/// Signs in, and gives the context of the next request of that browser.
async fn sign_in(service: &Service, ctx: &OpContext) -> OpContext {
    let cookie = accounts::login(ctx, " ADA@example.org ", PASSWORD.into()).await.unwrap();
    let principal = service.authenticate_cookie(cookie.value()).await.unwrap();
    service.context(Some(principal.unwrap()), RequestInfo::default())
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn of_twenty_first_admins_one_wins(pool: PgPool) {
    let service = Service::new(Store::from_pool(pool), Settings::default());
    let ctx = nobody(&service);
    assert!(accounts::setup_state(&ctx).await.unwrap().needs_admin);
    let attempts = (0..20).map(|n| {
        let ctx = ctx.clone();
        async move { accounts::create_first_admin(&ctx, &format!("a{n}@b.c"), PASSWORD.into(), "").await }
    });
    let (won, lost): (Vec<_>, Vec<_>) = futures::future::join_all(attempts).await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 19));
    for loser in lost {
        assert_eq!(status(loser), plain(409));
    }
    assert!(!accounts::setup_state(&ctx).await.unwrap().needs_admin);
    let cookie = won.into_iter().next().unwrap().unwrap();
    let winner = service.authenticate_cookie(cookie.value()).await.unwrap().unwrap();
    assert!(winner.actor.is_admin());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_server_open_to_others_wants_its_token_for_the_first_admin(pool: PgPool) {
    let settings = Settings { is_loopback: false, first_run_token: Some("the-token".into()), ..Settings::default() };
    let service = Service::new(Store::from_pool(pool.clone()), settings);
    let ctx = nobody(&service);
    assert!(accounts::setup_state(&ctx).await.unwrap().needs_token);
    for wrong in ["", "other"] {
        let refused = accounts::create_first_admin(&ctx, EMAIL, PASSWORD.into(), wrong).await;
        assert_eq!(status(refused), at(422, "token"));
    }
    let unset = Service::new(Store::from_pool(pool), Settings { is_loopback: false, ..Settings::default() });
    let refused = accounts::create_first_admin(&nobody(&unset), EMAIL, PASSWORD.into(), "").await;
    assert_eq!(status(refused), at(422, "token"), "no token set must not mean that none is wanted");
    let refused = accounts::create_first_admin(&ctx, EMAIL, "short".into(), "the-token").await;
    assert_eq!(status(refused), at(422, "password"));
    accounts::create_first_admin(&ctx, EMAIL, PASSWORD.into(), "the-token").await.unwrap();
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_login_rotates_the_session_and_a_logout_ends_it(pool: PgPool) {
    let (service, _) = with_account(pool).await;
    let first = sign_in(&service, &nobody(&service)).await;
    let second = sign_in(&service, &first).await;
    assert!(!first.is_still_valid().await.unwrap(), "the session before the login is over");
    assert!(second.is_still_valid().await.unwrap());
    assert_eq!(accounts::list_sessions(&second).await.unwrap().len(), 1);
    assert!(accounts::logout(&second).await.unwrap().contains("Max-Age=0"));
    assert!(!second.is_still_valid().await.unwrap());
    accounts::logout(&nobody(&service)).await.unwrap();
    assert!(service.authenticate_cookie("").await.unwrap().is_none());
    assert!(service.authenticate_cookie("weft_session").await.unwrap().is_none());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_unknown_email_a_wrong_password_and_a_disabled_account_look_alike(pool: PgPool) {
    let (service, store) = with_account(pool).await;
    let ctx = nobody(&service);
    let login =
        async |email: &str, password: &str| refusal(accounts::login(&ctx, email, SecretString::from(password)).await);
    let wrong = login(EMAIL, "another password").await;
    assert_eq!(wrong.status, 401);
    assert_eq!(login("nobody@example.org", PASSWORD).await, wrong);
    assert_eq!(login("no email \0 at all", PASSWORD).await, wrong);
    let second = NewUser {
        id: UserId(Uuid::from_u128(2)),
        email: "b@b.c".into(),
        role: Role::Admin,
        password_hash: "$argon2id$none".into(),
    };
    store.create_user(&second, Author::default()).await.unwrap();
    store.set_disabled(UserId(Uuid::from_u128(1)), true, Author::default()).await.unwrap();
    assert_eq!(login(EMAIL, PASSWORD).await, wrong);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn guessing_is_slowed_down_by_account_and_by_network(pool: PgPool) {
    let (service, store) = with_account(pool.clone()).await;
    let one = from(&service, "10.0.0.1");
    for _ in 0..6 {
        assert_eq!(status(accounts::login(&one, EMAIL, "a wrong password".into()).await), plain(401));
    }
    let other = from(&service, "10.0.0.2");
    let blocked = accounts::login(&other, EMAIL, PASSWORD.into()).await.unwrap_err();
    assert!(blocked.retry_after().is_some());
    assert_eq!(blocked.to_api().status, 429, "the account counts, wherever the guess comes from");
    sqlx::query("UPDATE login_throttle SET blocked_until = now()").execute(&pool).await.unwrap();
    accounts::login(&other, EMAIL, PASSWORD.into()).await.unwrap();
    accounts::login(&other, EMAIL, PASSWORD.into()).await.unwrap();

    // Many accounts from one network, without the cost of hashing: the network is counted before it.
    let key = format!("address:{}", hex::encode(crate::id::hash_secret("10.0.0.3")));
    sqlx::query("INSERT INTO login_throttle (key, failures, blocked_until) VALUES ($1, 40, now() + interval '1 hour')")
        .bind(key)
        .execute(&pool)
        .await
        .unwrap();
    let third = from(&service, "10.0.0.3");
    assert_eq!(status(accounts::login(&third, EMAIL, PASSWORD.into()).await), plain(429));
    let log = store.audit_of(&Uuid::from_u128(1).to_string()).await.unwrap();
    let refused = log.iter().filter(|entry| entry.action == "session.refused").count();
    assert_eq!(refused, 6);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_weak_hash_is_renewed_at_login(pool: PgPool) {
    let (service, store) = with_account(pool).await;
    let before = store.credentials(EMAIL).await.unwrap().unwrap().password_hash;
    sign_in(&service, &nobody(&service)).await;
    let after = store.credentials(EMAIL).await.unwrap().unwrap().password_hash;
    assert!(before != after && after.contains("m=19456,t=2,p=1"), "{after}");
    sign_in(&service, &nobody(&service)).await;
    assert_eq!(store.credentials(EMAIL).await.unwrap().unwrap().password_hash, after);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_new_password_ends_every_other_session(pool: PgPool) {
    let (service, _) = with_account(pool).await;
    let laptop = sign_in(&service, &nobody(&service)).await;
    let phone = sign_in(&service, &nobody(&service)).await;
    let change = async |current: &str, new: &str| {
        accounts::change_password(&laptop, SecretString::from(current), SecretString::from(new)).await
    };
    assert_eq!(status(change("a wrong password", "quite another one").await), at(422, "current"));
    assert_eq!(status(change(PASSWORD, PASSWORD).await), at(422, "new"));
    assert_eq!(status(change(PASSWORD, "password1234").await), at(422, "new"));
    let cookie = change(PASSWORD, "quite another one").await.unwrap();
    assert!(!laptop.is_still_valid().await.unwrap() && !phone.is_still_valid().await.unwrap());
    assert!(service.authenticate_cookie(cookie.value()).await.unwrap().is_some());
    assert_eq!(status(accounts::login(&nobody(&service), EMAIL, PASSWORD.into()).await), plain(401));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn sessions_and_tokens_are_ones_own(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let mine = accounts::list_tokens(&world.ada).await.unwrap();
    assert_eq!(status(accounts::revoke_token(&world.ben, mine[0].id).await), plain(404));
    let made = accounts::create_token(&world.ada, " laptop ").await.unwrap();
    assert_eq!(made.view.name, "laptop");
    assert!(world.service.authenticate_bearer(&made.token).await.unwrap().is_some());
    accounts::revoke_token(&world.ada, made.view.id).await.unwrap();
    assert!(world.service.authenticate_bearer(&made.token).await.unwrap().is_none());
    assert_eq!(status(accounts::revoke_token(&world.ada, made.view.id).await), plain(404));
    assert_eq!(status(accounts::create_token(&world.ada, " ").await), at(422, "name"));
    assert_eq!(status(accounts::create_token(&world.nobody(), "x").await), plain(401));
    assert_eq!(status(accounts::create_token_for(&world.admin, "person2@example.org", "x").await), plain(403));
    assert_eq!(status(accounts::revoke_session(&world.ada, "0000000000000000").await), plain(404));
    assert_eq!(status(accounts::revoke_session(&world.ada, "\0").await), plain(404));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn one_of_my_sessions_can_be_ended_from_another(pool: PgPool) {
    let (service, _) = with_account(pool).await;
    let laptop = sign_in(&service, &nobody(&service)).await;
    let phone = sign_in(&service, &nobody(&service)).await;
    let listed = accounts::list_sessions(&laptop).await.unwrap();
    let other = listed.iter().find(|session| !session.is_current).unwrap();
    assert_eq!(listed.len(), 2);
    accounts::revoke_session(&laptop, &other.id).await.unwrap();
    assert!(laptop.is_still_valid().await.unwrap() && !phone.is_still_valid().await.unwrap());
}
