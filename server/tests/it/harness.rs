//! A server in process: router, live hub and engine over one fresh database, with an admin and three users.
//! Requests go through the router itself; sockets through a port.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use agents::{Options, Providers, Registry, Sandbox};
use axum::{Router, body::Body};
use engine::Engine;
use http::{HeaderMap, HeaderName, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::{
    accept::{Limits, Places, Timers, raise_file_limit, serve},
    config::{Collector, TrustedProxies},
    http::{AppState, Requests, SameOrigin, router},
    live::Hub,
    metrics::{Figures, Metrics, Sockets},
    seed,
    traces::Traces,
    witness::Observer,
};
use service::{RequestInfo, Service, Settings, accounts, library, users, worker::Workers};
use sqlx::{PgPool, postgres::PgConnectOptions};
use store::{Store, log::Log, notify::Hints, quotas, vault::KeyRing};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use workflow::{
    access::{Role, Scope},
    api::NewToken,
    cell::CellNumber,
};

pub(crate) const ADMIN: &str = "admin@example.org";
pub(crate) const ANNA: &str = "anna@example.org";
pub(crate) const BEN: &str = "ben@example.org";
/// Who is asked at gates.
pub(crate) const CARA: &str = "cara@example.org";
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const RUNS: &str = "/api/workflows/runs";
pub(crate) const TEMPLATES: &str = "/api/workflows/templates";

/// A step of a run as REST tells it.
pub(crate) fn step<'a>(view: &'a Value, key: &str) -> &'a Value {
    view["steps"].as_array().unwrap().iter().find(|step| step["key"] == key).unwrap()
}

pub(crate) fn status_of<'a>(view: &'a Value, key: &str) -> &'a str {
    step(view, key)["status"].as_str().unwrap()
}

/// The latest version of what a step with one output made.
pub(crate) fn latest<'a>(view: &'a Value, key: &str) -> &'a Value {
    let is_it = |artifact: &&Value| artifact["producing_step_id"] == key && artifact["is_latest"] == true;
    view["artifacts"].as_array().unwrap().iter().find(is_it).unwrap()
}

pub(crate) struct Server {
    pub(crate) router: Router,
    pub(crate) service: Service,
    pub(crate) hub: Hub,
    pub(crate) store: Store,
    pub(crate) metrics: Metrics,
    pub(crate) admin: Client,
    pub(crate) anna: Client,
    pub(crate) ben: Client,
    pub(crate) cara: Client,
    pub(crate) nobody: Client,
    log: Arc<Log>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    decider: JoinHandle<()>,
}

/// What encrypts the secrets of every server here.
pub(crate) fn secret_keys() -> KeyRing {
    KeyRing::read("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap()
}

/// As the product has them.
pub(crate) fn agent_options() -> Options {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_weft"), ["sandbox"]);
    Options { sandbox: Some(sandbox), ..Options::default() }
}

impl Server {
    pub(crate) async fn start(pool: PgPool) -> Self {
        let registry = Registry::new(Providers::default(), Arc::new(agents::InMemory::default()), agent_options());
        Self::start_with(pool, Arc::new(registry)).await
    }

    /// With quotas, as the variables would set them; all others start a server as it is with every quota `off`.
    pub(crate) async fn start_within(pool: PgPool, store: Store, requests: Requests) -> Self {
        let registry = Registry::new(Providers::default(), Arc::new(agents::InMemory::default()), agent_options());
        Self::start_on(pool, store, Arc::new(registry), requests, None, None).await
    }

    /// With agents of the test's own.
    pub(crate) async fn start_with(pool: PgPool, agents: Arc<dyn engine::Agents>) -> Self {
        Self::start_on(pool.clone(), Store::from_pool(pool), agents, Requests::default(), None, None).await
    }

    /// The same, whose runs are told to a collector of traces.
    pub(crate) async fn start_traced(pool: PgPool, agents: Arc<dyn engine::Agents>, collector: Collector) -> Self {
        let store = Store::from_pool(pool.clone());
        Self::start_on(pool, store, agents, Requests::default(), Some(collector), None).await
    }

    /// One of several installations.
    pub(crate) async fn start_in(pool: PgPool, cell: CellNumber) -> Self {
        let registry = Registry::new(Providers::default(), Arc::new(agents::InMemory::default()), agent_options());
        let store = Store::from_pool(pool.clone());
        Self::start_on(pool, store, Arc::new(registry), Requests::default(), None, Some(cell)).await
    }

    async fn start_on(
        pool: PgPool,
        store: Store,
        agents: Arc<dyn engine::Agents>,
        requests: Requests,
        collector: Option<Collector>,
        cell: Option<CellNumber>,
    ) -> Self {
        // Nobody's quota holds the engine.
        let of_engine = store.clone().within(quotas::Limits::default());
        let options = PgConnectOptions::clone(&pool.connect_options());
        let log = Arc::new(Log::connect(options, 8, pool, None).await.unwrap());
        let (runs, decider) = engine::work_on_runs(Arc::clone(&log), of_engine.clone()).await.unwrap();
        let settings = Settings { library: seed::library(), secret_keys: secret_keys(), cell, ..Settings::default() };
        let service = Service::new(store.clone(), runs.clone(), settings);
        let (hints, stop) = (Hints::default(), CancellationToken::new());
        let hub = Hub::new(store.clone(), hints.clone());
        let workers = Workers::new(store.clone(), runs.clone(), &log, hints.clone());
        let figures = Arc::<Figures>::default();
        let begun = collector.map(|to| Traces::begin(&to, Arc::clone(&figures), stop.clone()).unwrap());
        let (traces, sending) = begun.unzip();
        runs.set_witness(Arc::new(Observer::new(Arc::clone(&figures), traces)));
        let cell = cell.unwrap_or_default();
        let options =
            engine::Options { slots: 64, poll: Duration::from_millis(50), cell, ..engine::Options::default() };
        let (shelf, of_log) = (Arc::new(of_engine), Arc::clone(&log));
        let engine = Engine::new(runs, of_log, Arc::clone(&shelf), agents, hints.clone(), options);
        let sockets: Sockets = Box::new({
            let hub = hub.clone();
            move || hub.n_sockets()
        });
        let pools = vec![("web", store.clone())];
        let load = Some(engine.load());
        let metrics = Metrics::new(figures, store.clone(), pools, Arc::clone(&log), load, Some(sockets));
        let state = AppState::new(
            service.clone(),
            metrics.clone(),
            hub.clone(),
            SameOrigin::default(),
            TrustedProxies::default(),
            requests,
            workers.clone(),
        );
        state.readiness.set(true);
        let router = router(state);
        let mut tasks = vec![
            tokio::spawn({
                let stop = stop.clone();
                async move { workers.run(stop).await }
            }),
            tokio::spawn({
                let stop = stop.clone();
                async move { shelf.send_hints(stop.cancelled()).await }
            }),
            tokio::spawn(engine.run(stop.clone())),
            tokio::spawn(service::batches::run(service.clone(), stop.clone())),
            tokio::spawn({
                let (hub, stop) = (hub.clone(), stop.clone());
                async move { hub.run(stop).await }
            }),
            tokio::spawn({
                let (store, stop) = (store.clone(), stop.clone());
                async move { hints.listen(&store, stop.cancelled()).await }
            }),
        ];
        tasks.extend(sending);
        let token = async |email| {
            let ctx = service.system_context().await.unwrap();
            let mut scopes = Scope::ALL.to_vec();
            scopes.retain(|scope| !scope.is_admins() || email == ADMIN);
            accounts::create_token_for(&ctx, email, new_token(&scopes)).await.unwrap().token
        };
        let operator = service.system_context().await.unwrap();
        for (email, role) in [(ADMIN, Role::Admin), (ANNA, Role::User), (BEN, Role::User), (CARA, Role::User)] {
            users::create(&operator, email, role, PASSWORD.to_owned().into()).await.unwrap();
        }
        let client = |credential| Client { router: router.clone(), credential };
        Self {
            admin: client(Credential::Token(token(ADMIN).await)),
            anna: client(Credential::Token(token(ANNA).await)),
            ben: client(Credential::Token(token(BEN).await)),
            cara: client(Credential::Token(token(CARA).await)),
            nobody: client(Credential::None),
            router,
            service,
            hub,
            store,
            metrics,
            log,
            stop,
            tasks,
            decider,
        }
    }

    /// Somebody's program, with a token for this much.
    pub(crate) async fn program(&self, email: &str, scopes: &[Scope]) -> Client {
        let ctx = self.service.system_context().await.unwrap();
        let token = accounts::create_token_for(&ctx, email, new_token(scopes)).await.unwrap().token;
        Client { router: self.router.clone(), credential: Credential::Token(token) }
    }

    pub(crate) async fn with_library(self) -> Self {
        let ctx = self.service.system_context().await.unwrap();
        library::install(&ctx, &seed::library()).await.unwrap();
        self
    }

    /// Signs in as a browser does, and gives the client that holds the cookie.
    pub(crate) async fn browser(&self, email: &str) -> Client {
        let nobody = self.service.context(None, RequestInfo::default());
        let session = accounts::login(&nobody, email, PASSWORD.to_owned().into()).await.unwrap();
        let cookie = format!("{}={}", self.service.cookie_name(), session.session());
        Client { router: self.router.clone(), credential: Credential::Cookie(cookie) }
    }

    /// A real port, for what cannot go through the router by hand.
    pub(crate) async fn listen(&self) -> SocketAddr {
        self.listen_within(Limits::for_files(raise_file_limit()), Timers::default()).await
    }

    pub(crate) async fn listen_within(&self, limits: Limits, timers: Timers) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let places = Places::new(limits, TrustedProxies::default());
        tokio::spawn(serve(listener, self.router.clone(), places, timers, self.stop.clone()));
        address
    }

    /// A published template of one `template` agent that shouts its input, with the given review mode.
    pub(crate) async fn shouting_template(&self, mode: &str) -> String {
        self.shouting_template_with(json!({"mode": mode})).await
    }

    /// The same, with all of its first step's review.
    pub(crate) async fn shouting_template_with(&self, review: Value) -> String {
        self.shouting_agent().await;
        let definition = json!({
            "inputs": {"text": {"title": "Text", "schema": {"type": "string", "format": "multiline"}, "required": true}},
            "steps": {
                "shout": {"agent_id": "shout", "inputs": {"text": {"from": "run", "key": "text"}}, "review": review},
                "again": {"agent_id": "shout", "depends_on": ["shout"],
                    "inputs": {"text": {"from": "step", "step": "shout", "artifact": "text"}}}
            }
        });
        self.publish("Shouting", definition).await
    }

    pub(crate) async fn shouting_agent(&self) {
        let agent = json!({
            "id": "shout", "name": "Shout",
            "inputs": [{"name": "text", "schema": {"type": "string"}, "required": true}],
            "outputs": [{"name": "text", "schema": {"type": "string"}}],
            "config": {"kind": "template", "template": "{{ text | upper }}"}
        });
        assert!(matches!(self.admin.post("/api/agents", agent).await.status.as_u16(), 201 | 409));
    }

    /// A published template.
    pub(crate) async fn publish(&self, name: &str, definition: Value) -> String {
        let mut body = json!({"name": name});
        // Moved, as the numbers in it are spelled.
        body["definition"] = definition;
        let created = self.admin.post("/api/workflows/templates", body).await;
        let id = created.expect(201)["id"].as_str().unwrap().to_owned();
        self.admin.post(&format!("/api/workflows/templates/{id}/publish"), json!({})).await.expect(201);
        id
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
        // It would wait for whoever may still ask, and the clients are there for longer.
        self.decider.abort();
        self.log.close().await;
    }
}

fn new_token(scopes: &[Scope]) -> NewToken {
    NewToken { name: "test".into(), scopes: scopes.to_vec(), expires_in_days: None }
}

#[derive(Clone)]
enum Credential {
    None,
    Token(String),
    Cookie(String),
}

/// Somebody who sends requests.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    credential: Credential,
}

impl Client {
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "weft.test".parse().unwrap());
        match &self.credential {
            Credential::None => {}
            Credential::Token(token) => {
                headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            }
            Credential::Cookie(cookie) => {
                headers.insert(header::COOKIE, cookie.parse().unwrap());
                headers.insert(header::ORIGIN, "http://weft.test".parse().unwrap());
            }
        }
        headers
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, HeaderMap::new(), Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.json(Method::POST, path, &body).await
    }

    /// The same under an Idempotency-Key.
    pub(crate) async fn post_under(&self, key: &str, path: &str, body: &Value) -> Answer {
        let headers = [
            (HeaderName::from_static("idempotency-key"), key.parse().unwrap()),
            (header::CONTENT_TYPE, "application/json".parse().unwrap()),
        ];
        self.send(Method::POST, path, headers.into_iter().collect(), body.to_string().into()).await
    }

    pub(crate) async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.bytes(method, path, "application/json", body.to_string()).await
    }

    pub(crate) async fn bytes(&self, method: Method, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
        let headers = [(header::CONTENT_TYPE, kind.parse().unwrap())].into_iter().collect();
        self.send(method, path, headers, body.into()).await
    }

    /// Somebody else, who presents this.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { router: self.router.clone(), credential: Credential::Token(token.to_owned()) }
    }

    /// The same one, by way of another process.
    pub(crate) fn through(&self, router: Router) -> Self {
        Self { router, credential: self.credential.clone() }
    }

    pub(crate) fn token(&self) -> &str {
        match &self.credential {
            Credential::Token(token) => token,
            Credential::None | Credential::Cookie(_) => "",
        }
    }

    /// Headers given here win over the client's own.
    pub(crate) async fn send(&self, method: Method, path: &str, headers: HeaderMap, body: Body) -> Answer {
        let mut request = Request::builder().method(method).uri(path).body(body).unwrap();
        *request.headers_mut() = self.headers();
        request.headers_mut().extend(headers);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// The run, once it no longer moves by itself.
    pub(crate) async fn settled(&self, run: &str) -> Value {
        let began = Instant::now();
        loop {
            let view = self.get(&format!("/api/workflows/runs/{run}")).await.expect(200);
            if !matches!(view["status"].as_str(), Some("running" | "pending")) {
                return view;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "the run settles: {view:#}");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn start(&self, template: &str, text: &str) -> String {
        let body = json!({"template_id": template, "inputs": {"text": text}});
        self.post("/api/workflows/runs", body).await.expect(201)["id"].as_str().unwrap().to_owned()
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The JSON body of an answer with this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        if self.bytes.is_empty() { Value::Null } else { workflow::json::kept(&self.bytes).unwrap() }
    }

    /// The problem of a refusal, with everything that every problem has.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json", "{body:#}");
        assert_eq!(body["code"], code, "{body:#}");
        assert_eq!(body["status"], status);
        for field in ["type", "title", "detail"] {
            assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {body:#}");
        }
        body
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A percent-encoded form.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let encoded = |text: &str| {
        text.bytes()
            .map(
                |byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") },
            )
            .collect::<String>()
    };
    pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}
