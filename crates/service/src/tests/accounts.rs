//! Logins, sessions and tokens.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher};
use secrecy::SecretString;
use sqlx::PgPool;
use store::{Store, audit::Author, users::NewUser};
use uuid::Uuid;
use workflow::{UserId, access::Role};

use super::{at, nobody, plain, refusal, service_of, status};
use crate::{OpContext, RequestInfo, Service, Settings, Wanted, accounts, id, users};

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "several words of it";

/// A server with one account, whose hash is weak and quick.
async fn with_account(pool: PgPool) -> (Service, Store) {
    let store = Store::from_pool(pool.clone());
    let quick = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    let password_hash = quick.hash_password(PASSWORD.as_bytes()).unwrap().to_string();
    let id = UserId(Uuid::from_u128(1));
    let user = NewUser { id, email: EMAIL.into(), role: Role::Admin, password_hash };
    store.create_user(&user, Author::default()).await.unwrap();
    (service_of(pool, Settings::default()).await, store)
}

fn from(service: &Service, address: &str) -> OpContext {
    service.context(None, at_address(address))
}

fn at_address(address: &str) -> RequestInfo {
    RequestInfo { address: Some(address.parse().unwrap()), user_agent: "browser\n".into(), device: None }
}

/// A browser there that keeps this cookie of its device.
fn on_device(service: &Service, address: &str, device: &str) -> OpContext {
    service.context(None, at_address(address).on_device(Some(device)))
}

/// How a sign-in with this password is answered, and that it took no longer than a person waits.
async fn answer(ctx: &OpContext, email: &str, password: &str) -> u16 {
    let began = Instant::now();
    let status = match accounts::login(ctx, email, SecretString::from(password)).await {
        Ok(_) => 200,
        Err(error) => error.to_api().status,
    };
    assert!(began.elapsed() < Duration::from_secs(5), "answered after {:?}", began.elapsed());
    status
}

/// How many of these were looked at; the others were told to wait.
fn n_tried(statuses: &[u16]) -> usize {
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    statuses.iter().filter(|status| **status == 401).count()
}

async fn let_the_delays_pass(pool: &PgPool) {
    sqlx::query("UPDATE login_throttle SET blocked_until = now()").execute(pool).await.unwrap();
}

/// Signs in, and gives the context of the next request of that browser.
async fn sign_in(service: &Service, ctx: &OpContext) -> OpContext {
    let cookie = accounts::login(ctx, " ADA@example.org ", PASSWORD.into()).await.unwrap();
    let principal = service.authenticate_cookie(cookie.session()).await.unwrap();
    service.context(Some(principal.unwrap()), RequestInfo::default())
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn of_twenty_first_admins_one_wins(pool: PgPool) {
    let service = service_of(pool, Settings::default()).await;
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
    let winner = service.authenticate_cookie(cookie.session()).await.unwrap().unwrap();
    assert!(winner.actor.is_admin());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_server_open_to_others_wants_its_token_for_the_first_admin(pool: PgPool) {
    let settings = Settings { is_loopback: false, first_run_token: Some("the-token".into()), ..Settings::default() };
    let service = service_of(pool.clone(), settings).await;
    let ctx = nobody(&service);
    assert!(accounts::setup_state(&ctx).await.unwrap().needs_token);
    for wrong in ["", "other"] {
        let refused = accounts::create_first_admin(&ctx, EMAIL, PASSWORD.into(), wrong).await;
        assert_eq!(status(refused), at(422, "token"));
    }
    let unset = service_of(pool, Settings { is_loopback: false, ..Settings::default() }).await;
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
    assert_eq!(accounts::list_sessions(&second, &Wanted::default()).await.unwrap().items.len(), 1);
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
async fn two_hundred_guesses_from_three_networks_lock_nobody_out(pool: PgPool) {
    let (service, store) = with_account(pool).await;
    let device = accounts::login(&from(&service, "10.0.9.9"), EMAIL, PASSWORD.into()).await.unwrap();
    let flood = (0..200).map(|n| {
        let address = match n % 3 {
            0 => format!("10.0.1.{n}"),
            1 => format!("::ffff:10.0.2.{n}"),
            _ => format!("2001:db8:0:1::{n:x}"),
        };
        let ctx = from(&service, &address);
        async move { accounts::login(&ctx, EMAIL, "a wrong password".into()).await.unwrap_err().to_api().status }
    });
    let statuses = futures::future::join_all(flood).await;
    let tried = n_tried(&statuses);
    assert!((3..=30).contains(&tried), "{tried} guesses were looked at");
    assert_eq!(answer(&from(&service, "10.0.4.1"), EMAIL, PASSWORD).await, 200, "a fourth network has a place");
    let known = on_device(&service, "10.0.1.1", device.device());
    assert_eq!(answer(&known, EMAIL, PASSWORD).await, 200, "a known device is not asked to wait for others");
    let log = store.audit_of(&Uuid::from_u128(1).to_string()).await.unwrap();
    assert_eq!(log.iter().filter(|entry| entry.action == "session.refused").count(), tried);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn one_account_is_tried_thirty_times_a_minute_over_all_networks(pool: PgPool) {
    let (service, _) = with_account(pool).await;
    let device = accounts::login(&from(&service, "10.0.9.9"), EMAIL, PASSWORD.into()).await.unwrap();
    for email in [EMAIL, "nobody@example.org"] {
        let flood = (0..60).map(|n| {
            let ctx = from(&service, &format!("10.1.{n}.1"));
            async move { accounts::login(&ctx, email, "a wrong password".into()).await.unwrap_err().to_api().status }
        });
        assert_eq!(n_tried(&futures::future::join_all(flood).await), 30, "{email}");
        assert_eq!(answer(&from(&service, "10.2.0.1"), email, PASSWORD).await, 429, "{email}");
    }
    let known = on_device(&service, "10.1.1.1", device.device());
    assert_eq!(answer(&known, EMAIL, PASSWORD).await, 200);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn one_network_tries_few_accounts_and_keeps_nobody_out_elsewhere(pool: PgPool) {
    let (service, _) = with_account(pool.clone()).await;
    let office = accounts::login(&from(&service, "10.0.0.1"), EMAIL, PASSWORD.into()).await.unwrap();
    let spray = (0..60).map(|n| {
        let ctx = from(&service, &format!("10.0.0.{n}"));
        async move {
            let email = format!("person{n}@example.org");
            accounts::login(&ctx, &email, "Winter is coming".into()).await.unwrap_err().to_api().status
        }
    });
    assert_eq!(n_tried(&futures::future::join_all(spray).await), 31);
    assert_eq!(answer(&from(&service, "10.0.1.1"), EMAIL, PASSWORD).await, 200);
    assert_eq!(answer(&on_device(&service, "10.0.0.1", office.device()), EMAIL, PASSWORD).await, 200);
    let_the_delays_pass(&pool).await;
    assert_eq!(answer(&from(&service, "10.0.0.2"), EMAIL, PASSWORD).await, 200, "not for good");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_stolen_device_is_no_free_pass(pool: PgPool) {
    let (service, _) = with_account(pool.clone()).await;
    let sign_in = async || accounts::login(&from(&service, "10.0.9.9"), EMAIL, PASSWORD.into()).await.unwrap();
    let (stolen, other) = (sign_in().await, sign_in().await);
    let thief = on_device(&service, "10.0.3.1", stolen.device());
    let flood = (0..40).map(|_| async {
        accounts::login(&thief, EMAIL, "a wrong password".into()).await.unwrap_err().to_api().status
    });
    assert_eq!(n_tried(&futures::future::join_all(flood).await), 6, "with a count of its own");
    assert_eq!(answer(&on_device(&service, "10.0.3.2", other.device()), EMAIL, PASSWORD).await, 200);
    for _ in 0..4 {
        let_the_delays_pass(&pool).await;
        assert_eq!(answer(&thief, EMAIL, "a wrong password").await, 401);
    }
    // It is one of many now: its network has its own few tries, and then no more.
    for _ in 0..6 {
        assert_eq!(answer(&thief, EMAIL, "a wrong password").await, 401);
    }
    assert_eq!(answer(&thief, EMAIL, PASSWORD).await, 429);
    // A cookie of another person's device is nobody's.
    assert_eq!(n_tried(&[answer(&thief, "nobody@example.org", PASSWORD).await]), 1);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_device_has_a_new_name_after_every_sign_in(pool: PgPool) {
    let (service, _) = with_account(pool.clone()).await;
    // Planted in the browser before its owner signs in.
    let planted = id::new_secret();
    let signed_in = accounts::login(&on_device(&service, "10.0.0.1", &planted), EMAIL, PASSWORD.into()).await.unwrap();
    assert_ne!(signed_in.device(), planted);
    let is_exempt = async |device: &str, n: u8| {
        let ctx = on_device(&service, &format!("10.3.{n}.1"), device);
        let flood = (0..8).map(|_| async {
            accounts::login(&ctx, EMAIL, "a wrong password".into()).await.unwrap_err().to_api().status
        });
        futures::future::join_all(flood).await;
        let counted: i64 = sqlx::query_scalar("SELECT cardinality(recent)::bigint FROM login_rate")
            .fetch_optional(&pool)
            .await
            .unwrap()
            .unwrap_or_default();
        counted == 0
    };
    assert!(is_exempt(signed_in.device(), 1).await);
    assert!(!is_exempt(&planted, 2).await);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn an_unknown_account_is_slowed_down_like_a_known_one(pool: PgPool) {
    let (service, _) = with_account(pool).await;
    for (email, network) in [(EMAIL, "10.0.1.1"), ("nobody@example.org", "10.0.2.1"), ("no email", "10.0.3.1")] {
        let flood = (0..12).map(|_| async {
            let refused =
                accounts::login(&from(&service, network), email, "a wrong password".into()).await.unwrap_err();
            refused.to_api().status
        });
        assert_eq!(n_tried(&futures::future::join_all(flood).await), 6, "{email}");
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_password_is_guessed_no_faster_in_a_session_and_others_do_not_hinder_it(pool: PgPool) {
    let (service, _) = with_account(pool.clone()).await;
    let thief = sign_in(&service, &nobody(&service)).await;
    let owner = sign_in(&service, &nobody(&service)).await;
    let change = async |ctx: &OpContext, current: &str| {
        accounts::change_password(ctx, SecretString::from(current), "quite another one".into()).await
    };
    let flood = (0..20).map(|_| async { change(&thief, "a wrong password").await.unwrap_err().to_api().status });
    let statuses = futures::future::join_all(flood).await;
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 6, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 14, "{statuses:?}");
    assert!(change(&owner, PASSWORD).await.is_ok());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_gives_the_right_password_over_and_over_hinders_nobody_and_is_slowed_down(pool: PgPool) {
    let (service, store) = with_account(pool.clone()).await;
    let flooder = sign_in(&service, &nobody(&service)).await;
    // With a hash of today's cost, as whoever signs in has one.
    let other = store.credentials(EMAIL).await.unwrap().unwrap().password_hash;
    let other =
        NewUser { id: UserId(Uuid::from_u128(2)), email: "b@b.c".into(), role: Role::User, password_hash: other };
    store.create_user(&other, Author::default()).await.unwrap();
    let device = accounts::login(&from(&service, "10.0.9.9"), "b@b.c", PASSWORD.into()).await.unwrap();
    let confirm = async |ctx: &OpContext| match accounts::confirm_password(ctx, PASSWORD.into()).await {
        Ok(()) => 204,
        Err(error) => error.to_api().status,
    };
    let flood = futures::future::join_all((0..110).map(|_| confirm(&flooder)));
    let known = on_device(&service, "10.0.1.1", device.device());
    let others = async {
        // The flood has begun by then.
        tokio::task::yield_now().await;
        assert_eq!(answer(&known, "b@b.c", PASSWORD).await, 200);
    };
    let (statuses, ()) = futures::join!(flood, others);
    assert!(statuses.iter().all(|status| matches!(status, 204 | 429)), "{statuses:?}");
    for _ in 0..20 {
        confirm(&flooder).await;
    }
    let n_right: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE action = 'session.confirmed'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(n_right, 10, "in one minute");
    let again = sign_in(&service, &nobody(&service)).await;
    assert_eq!(confirm(&again).await, 204, "each session has its own");
    sqlx::query("UPDATE login_rate SET recent = ARRAY(SELECT t - interval '61 seconds' FROM unnest(recent) t)")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(confirm(&flooder).await, 204, "a minute ends");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_first_token_is_guessed_slowly(pool: PgPool) {
    let settings = Settings { is_loopback: false, first_run_token: Some("the-token".into()), ..Settings::default() };
    let service = service_of(pool, settings).await;
    let guess = async |address: &str, token: &str| {
        let ctx = from(&service, address);
        accounts::create_first_admin(&ctx, EMAIL, PASSWORD.into(), token).await.map_err(|error| error.to_api().status)
    };
    let flood = (0..60).map(|n| async move { format!("guess {n}") });
    let guesses = futures::future::join_all(flood).await;
    let statuses = futures::future::join_all(guesses.iter().map(|token| guess("10.0.0.1", token))).await;
    assert_eq!(statuses.iter().filter(|status| matches!(status, Err(422))).count(), 31);
    assert_eq!(guess("10.0.0.1", "the-token").await.err(), Some(429));
    assert!(guess("10.0.1.1", "the-token").await.is_ok());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_password_and_an_email_are_the_same_however_they_are_typed(pool: PgPool) {
    let service = service_of(pool, Settings::default()).await;
    let operator = service.system_context().await.unwrap();
    let (mac, windows) = ("Zu\u{308}rich im Cafe\u{301}", "Zürich im Café");
    let made = users::create(&operator, " ZOE\u{308}@Example.org", Role::Admin, mac.into()).await.unwrap();
    assert_eq!(made.email, "zoë@example.org");
    for (email, password) in [("zoë@example.org", windows), ("Ｚoe\u{308}@EXAMPLE.org", "Zürich\u{a0}im Café")] {
        assert_eq!(answer(&nobody(&service), email, password).await, 200, "{email}");
    }
    let taken = users::create(&operator, "Zoë@example.org", Role::User, mac.into()).await;
    assert_eq!(status(taken), at(422, "email"));
    let other = users::create(&operator, "zоë@example.org", Role::User, mac.into()).await.unwrap();
    assert_ne!(other.id, made.id, "another script is another person");
    let ctx = service.context(None, RequestInfo::default());
    let session = accounts::login(&ctx, "zoë@example.org", windows.into()).await.unwrap();
    let principal = service.authenticate_cookie(session.session()).await.unwrap();
    let zoe = service.context(principal, RequestInfo::default());
    let same = accounts::change_password(&zoe, windows.into(), mac.into()).await;
    assert_eq!(status(same), at(422, "new"), "that is the password there is");
    let unseen = accounts::change_password(&zoe, mac.into(), "with a\u{7}bell in it".into()).await;
    assert_eq!(status(unseen), at(422, "new"));
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
    assert!(service.authenticate_cookie(cookie.session()).await.unwrap().is_some());
    assert_eq!(status(accounts::login(&nobody(&service), EMAIL, PASSWORD.into()).await), plain(401));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn one_of_my_sessions_can_be_ended_from_another(pool: PgPool) {
    let (service, _) = with_account(pool).await;
    let laptop = sign_in(&service, &nobody(&service)).await;
    let phone = sign_in(&service, &nobody(&service)).await;
    let listed = accounts::list_sessions(&laptop, &Wanted::default()).await.unwrap().items;
    let other = listed.iter().find(|session| !session.is_current).unwrap();
    assert_eq!(listed.len(), 2);
    accounts::revoke_session(&laptop, &other.id).await.unwrap();
    assert!(laptop.is_still_valid().await.unwrap() && !phone.is_still_valid().await.unwrap());
    for other in ["0000000000000000", "\0"] {
        assert_eq!(status(accounts::revoke_session(&laptop, other).await), plain(404));
    }
}
