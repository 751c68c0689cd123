//! The use cases against a real database: who may do what, what is refused with which field, and what races come to.

mod accounts;
mod exchange;
mod gates;
mod inbox;
mod nesting;
mod people;
mod process;
mod quotas;
mod refusals;
mod releasing;
mod runs;
mod secrets;
mod templates;
mod tokens;
mod verbs;
mod waiting;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::PgPool;
use store::{Store, audit::Author, devices::DeviceChange, sessions::NewSession, users::NewUser};
use uuid::Uuid;
use workflow::{
    RunView, TemplateId, UserId,
    access::Role,
    api::{ApiError, CreateTemplate, SaveAgent, StartRun, TemplateView},
};

use crate::{Error, OpContext, RequestInfo, Result, Service, Settings, runs::Done};
use process::Process;

/// A server with an admin and two users, each as their own request.
struct World {
    service: Service,
    process: Process,
    admin: OpContext,
    ada: OpContext,
    ben: OpContext,
}

impl World {
    async fn new(pool: PgPool) -> Self {
        Self::of(&pool, Store::from_pool(pool.clone())).await
    }

    /// With this store, for people who are held to its limits.
    async fn of(pool: &PgPool, store: Store) -> Self {
        let process = Process::new(pool).await;
        let service = Service::new(store.clone(), process.runs.clone(), Settings::default());
        let person = async |n, role| {
            let (id, email) = (UserId(Uuid::from_u128(n)), format!("person{n}@example.org"));
            let user = NewUser { id, email: email.clone(), role, password_hash: "$argon2id$none".into() };
            store.create_user(&user, Author::default()).await.unwrap();
            sign_in(&service, id).await
        };
        let admin = person(1, Role::Admin).await;
        let (ada, ben) = (person(2, Role::User).await, person(3, Role::User).await);
        Self { service, process, admin, ada, ben }
    }

    fn nobody(&self) -> OpContext {
        nobody(&self.service)
    }

    /// An agent that takes a text and may take a tone.
    async fn with_writer(pool: PgPool) -> Self {
        let world = Self::new(pool).await;
        world.save_writer(None).await;
        world
    }

    async fn save_writer(&self, base_version: Option<i32>) {
        crate::agents::save(&self.admin, SaveAgent { base_version, ..writer() }).await.unwrap();
    }

    async fn template(&self, definition: &Value) -> TemplateView {
        let template =
            CreateTemplate { name: "Brief".into(), description: String::new(), definition: definition.clone() };
        crate::templates::create(&self.admin, template).await.unwrap()
    }

    /// A published chain of two steps over one required input.
    async fn published(&self) -> TemplateId {
        let id = self.template(&chain()).await.id;
        crate::templates::publish(&self.admin, id).await.unwrap();
        id
    }

    async fn start(&self, ctx: &OpContext, template_id: TemplateId) -> RunView {
        let started = crate::runs::start(ctx, start(template_id, &json!({"topic": "Rain"})), None).await.unwrap();
        crate::runs::view_after(ctx, &started.done).await.unwrap()
    }
}

/// Another process over the same database, with these people in it.
async fn beside<const N: usize>(pool: &PgPool, people: [u128; N]) -> (Process, [OpContext; N]) {
    let process = Process::new(pool).await;
    let service = Service::new(Store::from_pool(pool.clone()), process.runs.clone(), Settings::default());
    let people = futures::future::join_all(people.map(|n| sign_in(&service, UserId(Uuid::from_u128(n))))).await;
    (process, people.try_into().unwrap_or_else(|_| panic!("as many as were asked for")))
}

/// A service over a database without runs.
async fn service_of(pool: PgPool, settings: Settings) -> Service {
    let process = Process::new(&pool).await;
    Service::new(Store::from_pool(pool), process.runs, settings)
}

/// The run after a verb, as whoever asked for it is shown it.
async fn shown(ctx: &OpContext, done: Result<Done>) -> Result<RunView> {
    crate::runs::view_after(ctx, &done?).await
}

/// A session of somebody whose password nobody knows.
async fn sign_in(service: &Service, user: UserId) -> OpContext {
    let secret = crate::id::new_secret();
    let session = NewSession {
        id_hash: &crate::id::hash_secret(&secret),
        user,
        password_hash: "$argon2id$none",
        user_agent: "browser",
        lifetimes: Settings::default().lifetimes,
        device: DeviceChange { old: None, new: &crate::id::hash_secret(&crate::id::new_secret()) },
    };
    let ctx = nobody(service);
    assert!(ctx.store().create_session(&session, Author::default()).await.unwrap());
    service.context(service.authenticate_cookie(&secret).await.unwrap(), RequestInfo::default())
}

fn nobody(service: &Service) -> OpContext {
    service.context(None, RequestInfo::default())
}

fn start(template_id: TemplateId, inputs: &Value) -> StartRun {
    let inputs: BTreeMap<String, Value> = serde_json::from_value(inputs.clone()).unwrap();
    StartRun { template_id, version: None, inputs, auto_run: true }
}

fn writer() -> SaveAgent {
    serde_json::from_value(json!({
        "id": "writer",
        "name": "Writer",
        "inputs": [
            {"name": "text", "schema": {"type": "string"}, "required": true},
            {"name": "tone", "schema": {"type": "string", "enum": ["formal", "plain"]}}
        ],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "template", "template": "{{ text }}"}
    }))
    .unwrap()
}

fn chain() -> Value {
    json!({
        "inputs": {"topic": {"title": "Topic", "schema": {"type": "string"}, "required": true}},
        "steps": {
            "first": {"title": "First", "agent_id": "writer", "inputs": {"text": {"from": "run", "key": "topic"}}},
            "second": {"agent_id": "writer", "depends_on": ["first"],
                "inputs": {"text": {"from": "step", "step": "first", "artifact": "text"}}}
        }
    })
}

fn body<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// What the person is answered, with what differs from case to case taken out.
fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> ApiError {
    result.unwrap_err().to_api()
}

/// The status and the field of a refusal.
fn status<T: std::fmt::Debug>(result: Result<T, Error>) -> (u16, String) {
    let error = refusal(result);
    (error.status, error.field.unwrap_or_default())
}

/// A refusal without a field.
fn plain(status: u16) -> (u16, String) {
    (status, String::new())
}

fn at(status: u16, field: &str) -> (u16, String) {
    (status, field.to_owned())
}
