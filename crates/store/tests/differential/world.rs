//! A family of runs (one, its sub-workflows, its forks), the people around them and two workers, on a clock that only the test moves:
//! the SQL asks `clock_timestamp()` of a schema that stands before Postgres' own.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use store::{
    Store,
    protocol::{Claimed, NewArtifact},
    runs::StartOutcome,
};
use uuid::Uuid;
use workflow::{
    AgentCatalog, AgentSpec, ArtifactId, Definition, RunId, StepKey, TemplateId, UserId,
    access::{Actor, Role},
    hash,
    id::WorkerId,
    run::{
        Command, Context, Refused, RunEvent, State,
        command::{NewRun, Start},
        decide,
        event::{Request, Tell},
        state::NewVersion,
    },
    validate,
    view::Basis,
};

use crate::{
    chance::{self, Dice},
    known::Tally,
    twin::Twin,
};

/// Why a walk goes no further: the engines part, or one of them fails.
pub(crate) type Check<T = ()> = Result<T, String>;

/// An attempt that a worker has.
#[derive(Clone)]
pub(crate) struct Held {
    pub twin: usize,
    pub worker: WorkerId,
    pub claim: Claimed,
    /// What the old engine is told that it was made with; the new one knows it by itself.
    pub basis: Basis,
}

pub(crate) struct World {
    pub pool: PgPool,
    pub store: Store,
    pub dice: Dice,
    pub agents: AgentCatalog,
    pub twins: Vec<Twin>,
    pub workers: Vec<WorkerId>,
    pub held: Vec<Held>,
    /// Results that were given already, to be given again.
    pub sent: Vec<(Held, store::protocol::Finished, Command)>,
    /// Texts by their hash.
    pub contents: BTreeMap<String, String>,
    /// The newest version of each template.
    pub versions: BTreeMap<TemplateId, i32>,
    pub now: DateTime<Utc>,
    n: u128,
    pub tally: Tally,
    pub told: Vec<String>,
    /// Runs that the new engine wants ended, since nobody waits for them.
    pub abandoned: Vec<RunId>,
    /// Those that it ever wanted ended.
    pub let_go: BTreeSet<RunId>,
    /// What the last commands were about may be told in another order.
    pub is_unordered: bool,
}

pub(crate) fn person(n: u128, name: &str, role: Role) -> Actor {
    Actor { id: UserId(Uuid::from_u128(n)), email: format!("{name}@example.com"), role }
}

/// The owner, an admin, somebody who is asked at gates, a stranger, and an admin who only sees to it that runs end.
pub(crate) fn people() -> [Actor; 5] {
    [
        person(3, "owner", Role::User),
        person(4, "admin", Role::Admin),
        person(5, "asked", Role::User),
        person(6, "stranger", Role::User),
        person(7, "keeper", Role::Admin),
    ]
}

pub(crate) fn emails() -> BTreeMap<UserId, String> {
    people().into_iter().map(|actor| (actor.id, actor.email)).collect()
}

/// Agents that are workflows, with their templates.
pub(crate) const CHILDREN: [(&str, u128); 2] = [("sub", 77), ("deep", 78)];

/// The template of an agent that is a workflow.
pub(crate) fn child_template(agent: &str) -> Option<TemplateId> {
    CHILDREN.iter().find(|(name, _)| *name == agent).map(|(_, n)| TemplateId(Uuid::from_u128(*n)))
}

/// Every agent has one output, `text`.
fn agents() -> Vec<AgentSpec> {
    let agent = |id: &str, config: Value, more: Value| -> AgentSpec {
        let mut document = json!({"id": id, "version": 1, "name": id, "config": config,
            "inputs": [{"name": "must"}], "outputs": [{"name": "text", "schema": {"type": "string"}}]});
        for (name, value) in more.as_object().unwrap() {
            document[name] = value.clone();
        }
        serde_json::from_value(document).unwrap()
    };
    let template = json!({"kind": "template", "template": "own"});
    let sub = |name: &str| {
        json!({"kind": "workflow", "template_id": child_template(name), "version": 1,
            "outputs": {"text": {"step": "b", "artifact": "text"}}})
    };
    vec![
        agent("echo", template.clone(), json!({})),
        agent("needy", template.clone(), json!({"inputs": [{"name": "must", "required": true}]})),
        agent("form", json!({"kind": "human", "instructions": "Answer"}), json!({})),
        agent("sub", sub("sub"), json!({})),
        agent("deep", sub("deep"), json!({})),
        agent("rare", template, json!({"max_parallel": 1})),
    ]
}

/// The same database by connections to which the time is what the test says.
pub(crate) async fn with_a_clock_of_its_own(pool: &PgPool) -> PgPool {
    let statements = [
        "CREATE SCHEMA clock",
        "CREATE TABLE clock.hand (at timestamptz NOT NULL)",
        "INSERT INTO clock.hand VALUES (now())",
        "CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT at FROM clock.hand'",
        "DO $$ DECLARE c record; BEGIN
            FOR c IN SELECT table_name, column_name FROM information_schema.columns
                WHERE table_schema = 'public' AND column_default LIKE '%clock_timestamp()'
            LOOP
                EXECUTE format('ALTER TABLE %I ALTER %I SET DEFAULT clock.clock_timestamp()', c.table_name, c.column_name);
            END LOOP;
        END $$",
    ];
    for statement in statements {
        sqlx::query(statement).execute(pool).await.unwrap();
    }
    let options = PgConnectOptions::clone(&pool.connect_options());
    // Functions of Postgres come before everything else, unless the path says where they come.
    let options = options.options([("search_path", "clock,public,pg_catalog")]);
    PgPoolOptions::new().max_connections(4).connect_with(options).await.unwrap()
}

pub(crate) async fn people_and_agents(pool: &PgPool) {
    for actor in people() {
        sqlx::query("INSERT INTO users (id, email, role, password_hash) VALUES ($1, $2, $3, '$argon2id$x')")
            .bind(actor.id.0)
            .bind(&actor.email)
            .bind(actor.role.as_str())
            .execute(pool)
            .await
            .unwrap();
    }
    let by = people()[1].id.0;
    for agent in agents() {
        sqlx::query("INSERT INTO agents (id, latest_version, created_by) VALUES ($1, 1, $2)")
            .bind(agent.id.as_str())
            .bind(by)
            .execute(pool)
            .await
            .unwrap();
        sqlx::query("INSERT INTO agent_versions (agent_id, version, spec, created_by) VALUES ($1, 1, $2, $3)")
            .bind(agent.id.as_str())
            .bind(json!(agent))
            .bind(by)
            .execute(pool)
            .await
            .unwrap();
    }
}

/// Nothing of one walk is left for the next.
pub(crate) async fn sweep(pool: &PgPool) {
    sqlx::query("TRUNCATE workflow_runs, workflow_templates, workers, decisions, concurrency_keys CASCADE")
        .execute(pool)
        .await
        .unwrap();
}

impl World {
    pub(crate) async fn new(pool: PgPool, seed: u64, tally: Tally) -> Self {
        let mut world = Self {
            store: Store::from_pool(pool.clone()),
            pool,
            dice: Dice::new(seed),
            agents: AgentCatalog::new(agents()),
            twins: Vec::new(),
            workers: Vec::new(),
            held: Vec::new(),
            sent: Vec::new(),
            contents: BTreeMap::new(),
            versions: BTreeMap::new(),
            now: DateTime::UNIX_EPOCH + TimeDelta::days(20_000),
            n: 0,
            tally,
            told: Vec::new(),
            abandoned: Vec::new(),
            let_go: BTreeSet::new(),
            is_unordered: false,
        };
        world.tick(1).await;
        for _ in 0..2 {
            world.hire().await;
        }
        world
    }

    /// The runs begin, and then whatever may come comes.
    pub(crate) async fn walk(&mut self, n_steps: usize) -> Check {
        for (agent, template) in CHILDREN {
            self.publish(TemplateId(Uuid::from_u128(template)), &chance::child(agent), "Child").await;
        }
        let template = TemplateId(self.new_id());
        let document = loop {
            let document = chance::document(&mut self.dice);
            if self.read(&document).is_some() {
                break document;
            }
        };
        self.publish(template, &document, "T").await;
        let auto_run = !self.dice.one_in(3);
        self.begin(template, document, auto_run).await?;
        for _ in 0..n_steps {
            self.step().await?;
        }
        self.lead_to_an_end().await?;
        for twin in &self.twins {
            if twin.state.run.status != workflow::RunStatus::Cancelled && !twin.state.run.status.is_terminal() {
                let steps = twin.state.steps().map(|step| format!("{} {:?}", step.key, step.status));
                let steps: Vec<String> = steps.collect();
                return Err(format!("the run {} does not end: {:?}\n  {}", twin.run, twin.state.run, steps.join("\n  ")));
            }
        }
        Ok(())
    }

    async fn begin(&mut self, template: TemplateId, document: Value, auto_run: bool) -> Check {
        let (definition, run) = (Definition::from_value(&document).unwrap(), RunId(self.new_id()));
        let [owner, ..] = people();
        self.note("start", &format!("{document}"));
        let (plan, _) = validate(&definition, &self.agents);
        let new = store::runs::NewRun {
            id: run,
            template_id: template,
            version: 1,
            definition: &definition,
            plan: &plan,
            agents: &self.agents,
            inputs: &BTreeMap::new(),
            auto_run,
            is_test: false,
            user: owner.id,
            idempotency: None,
        };
        let started = self.store.start_run(new).await.map_err(shown)?;
        if started != StartOutcome::Created {
            return Err(format!("{started:?}"));
        }
        let start = self.start_of(run, template, 1, "T", &definition, auto_run, owner.id);
        self.add_twin(template, document, &start).await?;
        self.settle().await
    }

    #[expect(clippy::too_many_arguments, reason = "all that a start is made of")]
    pub(crate) fn start_of(
        &self,
        id: RunId,
        template_id: TemplateId,
        template_version: i32,
        name: &str,
        definition: &Definition,
        auto_run: bool,
        user_id: UserId,
    ) -> Start {
        let (plan, _) = validate(definition, &self.agents);
        Start::of(NewRun {
            id,
            template_id,
            template_name: name.into(),
            template_version,
            definition: definition.clone(),
            plan: &plan,
            agents: &self.agents,
            inputs: BTreeMap::new(),
            auto_run,
            user_id,
            is_test: false,
        })
    }

    /// A run that the old engine began begins in the new one.
    pub(crate) async fn add_twin(&mut self, template: TemplateId, document: Value, start: &Start) -> Check {
        let by = people().into_iter().find(|actor| actor.id == start.run.user_id);
        let viewer = &people()[1];
        let seen = self.store.run_view(start.run.id, viewer).await.map_err(shown)?.ok_or("the run is not there")?;
        let mut twin = Twin {
            run: start.run.id,
            owner: start.run.user_id,
            template,
            document,
            state: State::empty(),
            fresh: Vec::new(),
            seen,
            by_itself: BTreeSet::new(),
            empty_generations: BTreeMap::new(),
        };
        // Everything that the old engine has told so far is to be compared.
        twin.seen.seq = 0;
        self.twins.push(twin);
        let (t, command) = (self.twins.len() - 1, Command::Start(Box::new(start.clone())));
        let events = self.decide(t, by.as_ref(), false, None, &command).map_err(|refused| format!("{refused:?}"))?;
        self.apply(t, events);
        Ok(())
    }

    // ---- the new engine

    pub(crate) fn decide(
        &mut self,
        t: usize,
        actor: Option<&Actor>,
        was_asked: bool,
        request: Option<&Request>,
        command: &Command,
    ) -> Result<Vec<RunEvent>, Refused> {
        self.n += 1;
        let ctx = Context {
            now: self.now,
            random: self.n * 7_919,
            actor,
            was_asked,
            request,
            disabled: &BTreeSet::new(),
            agents: &self.agents,
        };
        decide(&self.twins[t].state, command, &ctx)
    }

    pub(crate) fn apply(&mut self, t: usize, events: Vec<RunEvent>) {
        let twin = &mut self.twins[t];
        for event in &events {
            twin.state.apply(event);
            for tell in &event.data.tells {
                if let Tell::CancelChild { run } = tell {
                    self.abandoned.push(*run);
                    self.let_go.insert(*run);
                }
            }
        }
        twin.fresh.extend(events);
    }

    /// By itself; refused is a fault of the walk.
    pub(crate) fn tell(&mut self, t: usize, command: &Command) -> Check {
        let events =
            self.decide(t, None, false, None, command).map_err(|refused| format!("{refused:?} to {command:?}"))?;
        self.apply(t, events);
        Ok(())
    }

    // ---- odds and ends

    /// The runs as the new engine has them, for whoever reads why a walk parted.
    pub(crate) fn shown(&self) -> String {
        let runs = self.twins.iter().enumerate().map(|(t, twin)| {
            let steps = twin.state.steps().map(|step| {
                let forced = if step.manually_triggered { ", wanted" } else { "" };
                format!("    {} generation {}: {:?}{forced}", step.key, step.generation, step.status)
            });
            let run = &twin.state.run;
            format!("  run {t} is {:?} {:?}: {}\n{}", run.status, run.held, twin.document, steps.collect::<Vec<_>>().join("\n"))
        });
        runs.collect::<Vec<_>>().join("\n")
    }

    pub(crate) async fn tick(&mut self, ms: i64) {
        self.now += TimeDelta::milliseconds(ms);
        sqlx::query("UPDATE clock.hand SET at = $1").bind(self.now).execute(&self.pool).await.unwrap();
    }

    pub(crate) async fn hire(&mut self) {
        let worker = WorkerId(self.new_id());
        self.store.register_worker(store::protocol::WorkerId(worker.0)).await.unwrap();
        self.workers.push(worker);
    }

    pub(crate) fn new_id(&mut self) -> Uuid {
        self.n += 1;
        Uuid::from_u128((1 << 64) + self.n)
    }

    /// A definition without errors.
    pub(crate) fn read(&self, document: &Value) -> Option<Definition> {
        let definition = Definition::from_value(document).ok()?;
        let (_, problems) = validate(&definition, &self.agents);
        (!problems.iter().any(workflow::Problem::is_error)).then_some(definition)
    }

    pub(crate) fn note(&mut self, command: &'static str, what: &str) {
        self.tally.command(command);
        self.told.push(format!("{command} {what}"));
    }

    /// The next version of a template.
    pub(crate) async fn publish(&mut self, template: TemplateId, document: &Value, name: &str) -> i32 {
        let version = self.versions.get(&template).map_or(1, |version| version + 1);
        let definition = Definition::from_value(document).unwrap();
        let by = people()[1].id.0;
        let n_steps = i64::try_from(definition.steps.len()).unwrap();
        if version == 1 {
            sqlx::query(
                "INSERT INTO workflow_templates (id, name, description, definition, n_steps, created_by) VALUES ($1, $2, '', $3, $4, $5)",
            )
            .bind(template.0)
            .bind(name)
            .bind(definition.to_value())
            .bind(n_steps)
            .bind(by)
            .execute(&self.pool)
            .await
            .unwrap();
        }
        sqlx::query(
            "INSERT INTO workflow_template_versions (template_id, version, name, description, definition, semantic_hash, published_by,
                n_steps) VALUES ($1, $2, $3, '', $4, $5, $6, $7)",
        )
        .bind(template.0)
        .bind(version)
        .bind(name)
        .bind(definition.to_value())
        .bind(definition.semantic_hash())
        .bind(by)
        .bind(n_steps)
        .execute(&self.pool)
        .await
        .unwrap();
        self.versions.insert(template, version);
        version
    }

    /// Content as both engines take it: text, or a list where a map makes one.
    pub(crate) fn content(&mut self, text: &str, is_list: bool) -> (NewArtifact, NewVersion) {
        let id = ArtifactId(self.new_id());
        let (media_type, text) =
            if is_list { ("application/json", json!([text]).to_string()) } else { ("text/plain", text.to_owned()) };
        let hash = hash::sha256_hex(text.as_bytes());
        self.contents.insert(hash.clone(), text.clone());
        let old = NewArtifact {
            id,
            name: "text".into(),
            media_type: media_type.into(),
            hash,
            value_hash: None,
            size: i64::try_from(text.len()).unwrap(),
            content: Some(text.into_bytes()),
        };
        let new = version_of(&old);
        (old, new)
    }

    /// The row of a step in the old engine.
    pub(crate) async fn row(&self, t: usize, key: &StepKey) -> Check<i64> {
        let row = sqlx::query_scalar("SELECT id FROM steps WHERE run_id = $1 AND key = $2 AND NOT superseded")
            .bind(self.twins[t].run.0)
            .bind(key.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(shown)?;
        row.ok_or_else(|| format!("the old engine has no step {key}"))
    }
}

pub(crate) fn version_of(old: &NewArtifact) -> NewVersion {
    NewVersion {
        id: old.id,
        name: old.name.clone(),
        media_type: old.media_type.clone(),
        content_hash: old.hash.clone(),
        value_hash: old.value_hash.clone(),
        size: old.size,
        copy_of: None,
    }
}

pub(crate) fn shown(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
