//! Notices in the database: who takes what, and what is sealed.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use uuid::Uuid;
use workflow::{
    RunId, TemplateId,
    api::{AddressKind, NoticeWhen},
    id::NoticeAddressId,
    notices::StoredMail,
};

use super::{
    Choose, GateKey, Recipient, SetSettings,
    addresses::{ChangeAddress, NewAddress, SetAddress, Target},
    gates::{Patience, SeenGate, WantedNotice},
    sending::{Channel, Delivered, Outcome},
};
use crate::{
    Store,
    audit::Author,
    testing::{BY, with_admin},
    vault::{KeyRing, VaultError},
};

const NOW: Patience = Patience { run: Duration::ZERO, digest: Duration::ZERO };
const ROOM: NoticeAddressId = NoticeAddressId(Uuid::from_u128(7));

fn keys() -> KeyRing {
    KeyRing::read("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap()
}

fn gate(n: u128) -> SeenGate {
    SeenGate {
        key: GateKey { run: RunId(Uuid::from_u128(n)), step: "a".into(), generation: 1, number: 1 },
        template: TemplateId(Uuid::from_u128(4)),
        template_name: "Letters".to_owned(),
        about: None,
        title: "A".to_owned(),
        owner: BY,
        allow_self: true,
        roles: Vec::new(),
        users: Vec::new(),
        opened_at: chrono::DateTime::UNIX_EPOCH,
        due_at: None,
    }
}

fn to_admin(gates: &[SeenGate]) -> WantedNotice {
    WantedNotice {
        to: Recipient::Person(BY),
        run: Some(gates[0].key.run),
        gates: gates.iter().map(|gate| gate.key.clone()).collect(),
    }
}

async fn seal(store: &Store, url: &str) {
    let target = Target { url: SecretString::from(url.to_owned()), secret: None };
    let sealed = target.seal(&keys(), ROOM, "https://a.example").unwrap();
    let new =
        NewAddress { id: ROOM, name: "Room", kind: AddressKind::Slack, place: "https://a.example", sealed: &sealed };
    assert_eq!(store.add_notice_address(&new, Author::default()).await.unwrap(), SetAddress::Set);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn of_two_processes_that_see_a_gate_one_makes_its_message_and_one_sends_it(pool: PgPool) {
    let store = with_admin(pool).await;
    let gates = [gate(1)];
    let wanted = [to_admin(&gates)];
    let (one, other) = tokio::join!(store.note_gates(&gates, &wanted, NOW), store.note_gates(&gates, &wanted, NOW));
    one.unwrap();
    other.unwrap();
    let lease = Duration::from_mins(5);
    let (one, other) =
        tokio::join!(store.claim_notices(Channel::Mail, 9, lease), store.claim_notices(Channel::Mail, 9, lease));
    let claimed = [one.unwrap(), other.unwrap()].concat();
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].to, claimed[0].attempt), (Recipient::Person(BY), 1));
    assert!(store.claim_notices(Channel::Addresses, 9, lease).await.unwrap().is_empty());

    // What came too late to end it, after somebody else took it, ends nothing.
    let (id, took) = (claimed[0].id, Duration::ZERO);
    let late = Delivered { id, attempt: 0, status: None, took, answer: None, outcome: Outcome::Sent };
    store.delivered(&late).await.unwrap();
    assert!(store.told_of_any(&gates[0].key).await.is_empty());
    store.delivered(&Delivered { attempt: 1, ..late }).await.unwrap();
    assert_eq!(store.told_of_any(&gates[0].key).await, [Recipient::Person(BY)]);
}

impl Store {
    async fn told_of_any(&self, gate: &GateKey) -> Vec<Recipient> {
        let mut connection = self.pool.begin().await.unwrap();
        let told = super::gates::told_of(&mut connection, gate).await.unwrap();
        told.into_iter().map(|(to, _)| to).collect()
    }
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn gates_gather_in_a_message_until_somebody_begins_to_send_it(pool: PgPool) {
    let store = with_admin(pool).await;
    let later = Patience { run: Duration::from_hours(1), digest: Duration::from_hours(1) };
    for n in [1, 2] {
        let gates = [gate(n)];
        let wanted = WantedNotice { run: None, ..to_admin(&gates) };
        store.note_gates(&gates, &[wanted], later).await.unwrap();
    }
    assert!(store.claim_notices(Channel::Mail, 9, Duration::ZERO).await.unwrap().is_empty(), "it is not due");
    let n_lines: Vec<i64> = sqlx::query_scalar("SELECT count(*) FROM notice_lines GROUP BY notice_id")
        .fetch_all(&store.pool)
        .await
        .unwrap();
    assert_eq!(n_lines, [2]);
    sqlx::raw_sql("UPDATE notices SET due_at = now()").execute(&store.pool).await.unwrap();
    assert_eq!(store.claim_notices(Channel::Mail, 9, Duration::from_mins(5)).await.unwrap().len(), 1);
    let gates = [gate(3)];
    let wanted = WantedNotice { run: None, ..to_admin(&gates) };
    store.note_gates(&gates, &[wanted], later).await.unwrap();
    let n: i64 = sqlx::query_scalar("SELECT count(*) FROM notices").fetch_one(&store.pool).await.unwrap();
    assert_eq!(n, 2, "what is on its way takes no more");
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn how_gates_were_decided_is_gathered_too_where_it_would_be_too_much(pool: PgPool) {
    let store = with_admin(pool).await;
    let gates: Vec<SeenGate> = (1..=3).map(gate).collect();
    for one in &gates {
        let one = std::slice::from_ref(one);
        store.note_gates(one, &[to_admin(one)], NOW).await.unwrap();
    }
    for claimed in store.claim_notices(Channel::Mail, 9, Duration::from_mins(5)).await.unwrap() {
        let (id, attempt, took) = (claimed.id, claimed.attempt, Duration::ZERO);
        store
            .delivered(&Delivered { id, attempt, status: None, took, answer: None, outcome: Outcome::Sent })
            .await
            .unwrap();
    }
    let closed = store.gates_closed(9).await.unwrap();
    assert_eq!(closed.len(), 3);
    // The three that asked count too.
    store.close_gates(&closed, NOW, 4).await.unwrap();
    assert!(store.gates_closed(9).await.unwrap().is_empty());
    let made: Vec<(bool, i64)> = sqlx::query_as(
        "SELECT n.run_id IS NOT NULL, count(*) FROM notices n JOIN notice_lines l ON l.notice_id = n.id
        WHERE n.kind = 'outcome' GROUP BY n.id, n.run_id ORDER BY 1",
    )
    .fetch_all(&store.pool)
    .await
    .unwrap();
    assert_eq!(made, [(false, 2), (true, 1)]);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn what_could_not_be_sent_for_a_month_is_not_sent_then(pool: PgPool) {
    let store = with_admin(pool).await;
    for n in [1, 2] {
        let gates = [gate(n)];
        store.note_gates(&gates, &[to_admin(&gates)], NOW).await.unwrap();
    }
    let long_ago = "UPDATE notices SET created_at = now() - interval '31 days' WHERE run_id = $1";
    sqlx::query(long_ago).bind(gate(1).key.run.0).execute(&store.pool).await.unwrap();
    store.forget_notices().await.unwrap();
    let left = store.claim_notices(Channel::Mail, 9, Duration::from_mins(5)).await.unwrap();
    let of_run: Vec<Uuid> = sqlx::query_scalar("SELECT run_id FROM notices").fetch_all(&store.pool).await.unwrap();
    assert_eq!((left.len(), of_run), (1, vec![gate(2).key.run.0]));
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn an_address_opens_nowhere_but_in_its_place(pool: PgPool) {
    let store = with_admin(pool).await;
    seal(&store, "https://a.example/c4n4ry").await;
    let stored = store.stored_address(ROOM).await.unwrap().unwrap();
    assert_eq!(stored.open(&keys()).unwrap().url.expose_secret(), "https://a.example/c4n4ry");
    let moved = super::addresses::StoredAddress { place: "https://evil.example".to_owned(), ..stored.clone() };
    assert_eq!(moved.open(&keys()).unwrap_err(), VaultError::Forged);
    let anothers = super::addresses::StoredAddress { id: NoticeAddressId(Uuid::from_u128(8)), ..stored.clone() };
    assert_eq!(anothers.open(&keys()).unwrap_err(), VaultError::Forged);
    assert!(!format!("{:?}", stored.open(&keys()).unwrap()).contains("c4n4ry"));
    assert_eq!(stored.open(&KeyRing::default()).unwrap_err(), VaultError::NoKeys);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn of_two_who_set_an_address_anew_at_once_one_is_told_that_it_was_not(pool: PgPool) {
    let store = with_admin(pool).await;
    seal(&store, "https://a.example/x").await;
    let was = store.stored_address(ROOM).await.unwrap().unwrap();
    let mut came_of = Vec::new();
    for url in ["https://b.example/x", "https://c.example/x"] {
        let target = Target { url: SecretString::from(url.to_owned()), secret: None };
        let sealed = target.seal(&keys(), ROOM, "https://b.example").unwrap();
        let place = "https://b.example";
        let change =
            ChangeAddress { sealed: Some((place, &sealed)), was: Some(&was.sealed), ..ChangeAddress::default() };
        came_of.push(store.change_notice_address(ROOM, &change, Author::default()).await.unwrap());
    }
    assert_eq!(came_of, [SetAddress::Set, SetAddress::Changed]);
    let now = store.stored_address(ROOM).await.unwrap().unwrap();
    assert_eq!(now.open(&keys()).unwrap().url.expose_secret(), "https://b.example/x");
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn a_choice_is_one_for_each_place_and_taken_back(pool: PgPool) {
    let store = with_admin(pool).await;
    seal(&store, "https://a.example/x").await;
    for when in [NoticeWhen::Hourly, NoticeWhen::Never] {
        for address in [None, Some(ROOM)] {
            let chosen = store.choose_notice(BY, address, None, Some(when)).await.unwrap();
            assert_eq!(chosen, Choose::Chosen);
        }
    }
    let choices = store.notice_choices(BY, false).await.unwrap();
    assert_eq!(choices.len(), 2);
    assert!(choices.iter().all(|choice| choice.when == NoticeWhen::Never));
    let nowhere = Some(NoticeAddressId(Uuid::from_u128(9)));
    assert_eq!(store.choose_notice(BY, nowhere, None, Some(NoticeWhen::Never)).await.unwrap(), Choose::NoAddress);
    let template = Some(TemplateId(Uuid::from_u128(9)));
    assert_eq!(store.choose_notice(BY, None, template, Some(NoticeWhen::Never)).await.unwrap(), Choose::NoTemplate);
    assert_eq!(store.choose_notice(BY, Some(ROOM), None, None).await.unwrap(), Choose::Chosen);
    assert_eq!(store.notice_choices(BY, false).await.unwrap().len(), 1);
}

#[sqlx::test(migrator = "crate::MIGRATOR")]
async fn settings_are_changed_from_what_was_seen_and_from_nothing_else(pool: PgPool) {
    let store = with_admin(pool).await;
    let first = StoredMail { host: "a.example".to_owned(), ..StoredMail::default() };
    assert_eq!(store.set_notice_settings(&first, Author::default()).await.unwrap(), SetSettings::Set);
    assert_eq!(store.set_notice_settings(&first, Author::default()).await.unwrap(), SetSettings::Stale(1));
    let second = StoredMail { content: true, revision: 1, ..first };
    assert_eq!(store.set_notice_settings(&second, Author::default()).await.unwrap(), SetSettings::Set);
    assert_eq!(store.notice_settings().await.unwrap(), StoredMail { revision: 2, ..second });
}
