//! The use cases against a real database: who may do what, what is refused with which field, and what races come to.

mod accounts;
mod gates;
mod nesting;
mod people;
mod refusals;
mod runs;
mod templates;
mod tokens;
mod verbs;

use std::collections::BTreeMap;

use futures::future::LocalBoxFuture;
use serde_json::{Value, json};
use sqlx::PgPool;
use store::{Store, audit::Author, devices::DeviceChange, sessions::NewSession, users::NewUser};
use uuid::Uuid;
use workflow::{
    RunView, TemplateId, UserId,
    access::Role,
    api::{ApiError, CreateTemplate, SaveAgent, StartRun, TemplateView},
};

use crate::{Error, OpContext, RequestInfo, Service, Settings};

/// A server with an admin and two users, each as their own request.
struct World {
    service: Service,
    admin: OpContext,
    ada: OpContext,
    ben: OpContext,
}

impl World {
    async fn new(pool: PgPool) -> Self {
        let store = Store::from_pool(pool);
        let service = Service::new(store.clone(), Settings::default());
        let person = async |n, role| {
            let (id, email) = (UserId(Uuid::from_u128(n)), format!("person{n}@example.org"));
            let user = NewUser { id, email: email.clone(), role, password_hash: "$argon2id$none".into() };
            store.create_user(&user, Author::default()).await.unwrap();
            sign_in(&service, id).await
        };
        let admin = person(1, Role::Admin).await;
        let (ada, ben) = (person(2, Role::User).await, person(3, Role::User).await);
        Self { service, admin, ada, ben }
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
        crate::runs::start(ctx, start(template_id, &json!({"topic": "Rain"})), None).await.unwrap().run
    }
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

/// Both wait for the run's lock in this order, each having looked at the run before the lock was let go.
fn in_order<'a, A: 'a, B: 'a>(
    pool: &'a PgPool,
    first: impl Future<Output = A> + 'a,
    second: impl Future<Output = B> + 'a,
) -> LocalBoxFuture<'a, (A, B)> {
    Box::pin(async move {
        let mut holder = pool.begin().await.unwrap();
        sqlx::query("SELECT id FROM workflow_runs FOR UPDATE").execute(&mut *holder).await.unwrap();
        let second = async {
            waiting(pool, 1).await;
            second.await
        };
        let release = async {
            waiting(pool, 2).await;
            holder.rollback().await.unwrap();
        };
        let (first, second, ()) = futures::join!(first, second, release);
        (first, second)
    })
}

/// Returns once so many connections wait for a lock.
async fn waiting(pool: &PgPool, n: i64) {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(count).fetch_one(pool).await.unwrap() < n {
        tokio::task::yield_now().await;
    }
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
