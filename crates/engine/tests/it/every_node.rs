//! Whatever node of a workflow fails or runs twice, the run ends as the rules say, each generation has one success, versions have no gap,
//! and the events folded onto a view of any moment give the view of the end.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use rand::Rng;
use serde_json::{Value, json};
use sqlx::PgPool;
use store::MIGRATOR;
use tokio::sync::Notify;
use workflow::{
    Definition, RunId, RunView, StepKey, StepStatus, TemplateId,
    decide::{Dependency, Verdict, decide},
    definition::OnError,
    graph::Graph,
    run::State,
    source::Source,
    status::{Outcome, Reason, RunStatus},
    view::{Applied, AttemptView},
};

use crate::{lab::Lab, player::Act};

/// How a node misbehaves in its first attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    /// It fails for good.
    Fails,
    /// It fails once, and is tried again.
    Flakes,
    /// Its worker is declared dead after the agent began; what the agent says then comes too late.
    Dies,
}

impl Fault {
    fn word(self) -> &'static str {
        match self {
            Self::Fails => "fails",
            Self::Flakes => "flakes",
            Self::Dies => "dies",
        }
    }
}

/// Every node is told its name in `text`, and in `more` whom the fault of this run strikes and how.
fn script(input: &agents::StepInput, attempt: i32, dead: &Arc<Notify>) -> Act {
    let word = |port: &str| input.values.get(port).and_then(Value::as_str).unwrap_or_default();
    let (name, struck) = (word("text"), word("more"));
    let fault = struck.strip_prefix(name).and_then(|rest| rest.strip_prefix(':'));
    match (fault, attempt) {
        (Some("fails"), _) => Act::Fail(Reason::Permanent),
        (Some("flakes"), 1) => Act::Fail(Reason::Server),
        (Some("dies"), 1) => Act::Until(Arc::clone(dead)),
        _ if name == "plan" => Act::Say(json!([{"id": "a", "say": "ia"}, {"id": "b", "say": "ib"}]).to_string()),
        _ if name == "triage" => Act::Say("long".into()),
        _ => Act::Say(format!("{name} {attempt}")),
    }
}

fn say(name: &str, depends_on: &[&str], more: &Value) -> Value {
    let mut step = json!({"agent_id": "say", "depends_on": depends_on, "retry": {"max": 2, "initial_ms": 5, "max_ms": 10},
        "inputs": {"text": {"const": name}, "more": {"from": "run", "key": "struck"}}});
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

fn plain(steps: &[(&str, &[&str], Value)]) -> Value {
    let steps: serde_json::Map<String, Value> =
        steps.iter().map(|(key, deps, more)| ((*key).to_owned(), say(key, deps, more))).collect();
    document(Value::Object(steps))
}

#[expect(clippy::needless_pass_by_value, reason = "every caller makes it for this")]
fn document(steps: Value) -> Value {
    json!({"inputs": {"struck": {"schema": {"type": "string"}}}, "steps": steps})
}

fn map() -> Value {
    let mut draft = say(
        "",
        &["plan"],
        &json!({"map": {
        "over": {"from": "step", "step": "plan", "artifact": "items"}, "key": "/id"}}),
    );
    draft["inputs"]["text"] = json!({"from": "item", "path": "/say"});
    document(json!({
        "plan": say("plan", &[], &json!({"agent_id": "list"})), "draft": draft,
        "beside": say("beside", &["plan"], &json!({})), "end": say("end", &["draft", "beside"], &json!({}))}))
}

fn branch() -> Value {
    let is =
        |word: &str| json!({"when": {"eq": [{"from": "step", "step": "triage", "artifact": "text"}, {"const": word}]}});
    plain(&[
        ("triage", &[], json!({})),
        ("long", &["triage"], is("long")),
        ("short", &["triage"], is("short")),
        ("after_short", &["short"], json!({})),
        ("join", &["long", "after_short"], json!({})),
        ("any", &["long", "short"], json!({"trigger_rule": "one_success"})),
        ("tidy", &["join"], json!({"trigger_rule": "all_done"})),
    ])
}

/// Where a node is: in the run itself, an item of its map, or in the run of a sub-workflow.
fn place(node: &str) -> (&str, Option<&str>) {
    match node {
        "ia" => ("draft", Some("draft[a]")),
        "ib" => ("draft", Some("draft[b]")),
        "inner" => ("sub", None),
        node => (node, None),
    }
}

type Ends = BTreeMap<StepKey, (StepStatus, Option<Reason>)>;

/// How the steps of the definition end when this node fails for good.
fn ends(definition: &Definition, struck: Option<&str>) -> Ends {
    let read = |source: &Source| match source {
        Source::Step { .. } => Some(json!("long")),
        Source::Const(value) => Some(value.clone()),
        _ => None,
    };
    let mut ends = Ends::new();
    for key in Graph::of(definition).order().unwrap() {
        let step = &definition.steps[key];
        let dependencies: Vec<Dependency> = step
            .depends_on
            .iter()
            .map(|key| Dependency { status: ends[key].0, reason: ends[key].1, on_error: OnError::Fail })
            .collect();
        let end = match decide(step, &dependencies, &read) {
            Verdict::Skip(reason) => (StepStatus::Skipped, Some(reason)),
            Verdict::Run if struck.is_some_and(|node| place(node).0 == key.as_str()) => {
                let reason = match struck {
                    Some("ia" | "ib") => Reason::ItemFailed,
                    Some("inner") => Reason::ChildFailed,
                    _ => Reason::Permanent,
                };
                (StepStatus::Failed, Some(reason))
            }
            Verdict::Run => (StepStatus::Completed, None),
        };
        ends.insert(key.clone(), end);
    }
    ends
}

/// The invariants that hold once nothing runs; each query returns no row.
const INVARIANTS: [(&str, &str); 5] = [
    (
        "a generation has one success at most",
        "SELECT step FROM attempts WHERE outcome = 'succeeded' GROUP BY run_id, step, generation HAVING count(*) > 1",
    ),
    (
        "versions are 1 to n, one for each success, and one is the latest",
        "SELECT a.step FROM artifacts a JOIN artifact_heads h USING (run_id, step, name) GROUP BY a.run_id, a.step, a.name
        HAVING count(*) <> max(a.version) OR count(*) FILTER (WHERE h.latest = a.version) <> 1
            OR count(*) <> (SELECT count(*) FROM attempts t
                WHERE t.run_id = a.run_id AND t.step = a.step AND t.outcome = 'succeeded')",
    ),
    ("nothing is open", "SELECT step FROM attempts WHERE outcome IS NULL"),
    ("nothing waits", "SELECT step FROM steps"),
    (
        "events are numbered without a gap",
        "SELECT r.id::text FROM workflow_runs r
        WHERE r.seq <> (SELECT count(*) FROM run_events e WHERE e.run_id = r.id AND e.seq BETWEEN 1 AND r.seq)",
    ),
];

struct Course<'a> {
    lab: &'a Lab,
    name: &'static str,
    definition: Definition,
    template: TemplateId,
    nodes: &'static [&'static str],
    /// Told once the workers are dead.
    dead: Arc<Notify>,
}

impl Course<'_> {
    async fn start(&self, node: &str, fault: Fault) -> RunId {
        let struck = format!("{node}:{}", fault.word());
        self.lab.start_of(self.template, &json!({"struck": struck}), true).await
    }

    /// Looks at a run at random moments until it has ended.
    async fn followed(&self, run: RunId) -> (RunView, Vec<State>) {
        let mut seen = Vec::new();
        for _ in 0..4000 {
            let state = self.lab.state(run).await;
            if state.run.status.is_terminal() {
                return (state.view(&self.lab.emails()), seen);
            }
            seen.push(state);
            let pause = rand::rng().random_range(0..12);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        panic!("{}: the run never ended: {:?}", self.name, seen.last().map(|state| &state.run));
    }

    /// Every view of the way, with what happened since, is the view of the end.
    async fn folds(&self, end: &RunView, seen: Vec<State>, at: &str) {
        let emails = self.lab.emails();
        for mut state in seen {
            let (from, mut view) = (state.seq, state.view(&emails));
            for event in self.lab.store.events_after(end.id, from, 100_000).await.unwrap() {
                assert_eq!(state.apply(&event), Applied::Changed, "{at}");
                view.refresh(&state, &event, &emails);
            }
            for (mine, theirs) in view.steps.iter().zip(&end.steps) {
                assert_eq!(json!(mine), json!(theirs), "{at}: folded from {from}");
            }
            assert_eq!(json!(view), json!(end), "{at}: folded from {from}");
        }
    }

    async fn judge(&self, node: &str, fault: Fault, end: RunView, seen: Vec<State>) {
        let at = format!("{}, {node} {}", self.name, fault.word());
        let fails = (fault == Fault::Fails).then_some(node);
        let expected = ends(&self.definition, fails);
        let got: Ends = end
            .steps
            .iter()
            .filter(|it| it.item_of.is_none())
            .map(|it| (it.key.clone(), (it.status, it.reason)))
            .collect();
        assert_eq!(got, expected, "{at}");
        let has_failed = expected.values().any(|(status, _)| *status == StepStatus::Failed);
        assert_eq!(end.status, if has_failed { RunStatus::Failed } else { RunStatus::Completed }, "{at}");
        let (step, item) = place(node);
        let child = end.step(&step.into()).unwrap().child_run;
        let inside = match child {
            Some(child) if node == "inner" => Some(self.lab.view(child).await),
            _ => None,
        };
        let struck = match &inside {
            Some(child) => child.step(&"inner".into()).unwrap(),
            None => end.step(&item.unwrap_or(step).into()).unwrap(),
        };
        let outcomes: Vec<Outcome> = struck.attempts.iter().map(|attempt| attempt.outcome.unwrap()).collect();
        let ran: &[Outcome] = match fault {
            _ if struck.status == StepStatus::Skipped => &[],
            Fault::Fails => &[Outcome::Failed],
            Fault::Flakes => &[Outcome::Failed, Outcome::Succeeded],
            Fault::Dies => &[Outcome::Lost, Outcome::Succeeded],
        };
        assert_eq!(outcomes, ran, "{at}");
        for view in inside.iter().chain([&end]) {
            for step in view.steps.iter().filter(|step| step.status == StepStatus::Completed) {
                let is_its = |attempt: &AttemptView| {
                    attempt.generation == step.generation && attempt.outcome == Some(Outcome::Succeeded)
                };
                assert!(step.attempts.iter().any(is_its), "{at}: a completed step has a success of its generation");
            }
        }
        self.folds(&end, seen, &at).await;
        for (name, query) in INVARIANTS {
            let broken: Vec<String> = sqlx::query_scalar(query).fetch_all(&self.lab.pool).await.unwrap();
            assert!(broken.is_empty(), "{at}: {name}: {broken:?}");
        }
    }

    /// Declares every worker dead and takes over what they ran, as soon as the node runs.
    async fn kill(&self, run: RunId, node: &str) {
        let (step, item) = place(node);
        let key = if node == "inner" { node } else { item.unwrap_or(step) };
        loop {
            let is_running: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM attempts a JOIN workflow_runs r ON r.id = a.run_id
                    WHERE (r.id = $1 OR r.parent_run = $1) AND a.step = $2 AND a.lease_worker IS NOT NULL)",
            )
            .bind(run.0)
            .bind(key)
            .fetch_one(&self.lab.pool)
            .await
            .unwrap();
            if is_running {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        sqlx::query("UPDATE workers SET state = 'dead'").execute(&self.lab.pool).await.unwrap();
        let is_lost = || async {
            let lost: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM attempts a JOIN workflow_runs r ON r.id = a.run_id
                WHERE (r.id = $1 OR r.parent_run = $1) AND a.step = $2 AND a.outcome = 'lost'",
            )
            .bind(run.0)
            .bind(key)
            .fetch_one(&self.lab.pool)
            .await
            .unwrap();
            lost > 0
        };
        while !is_lost().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.dead.notify_waiters();
    }

    async fn run(&self) {
        // Beside each other where nobody dies.
        for fault in [Fault::Fails, Fault::Flakes] {
            let runs = self.nodes.iter().map(|node| async move {
                let run = self.start(node, fault).await;
                (*node, self.followed(run).await)
            });
            for (node, (end, seen)) in futures::future::join_all(runs).await {
                self.judge(node, fault, end, seen).await;
            }
        }
        let without = ends(&self.definition, None);
        for node in self.nodes.iter().filter(|node| without[place(node).0].0 == StepStatus::Completed) {
            let run = self.start(node, Fault::Dies).await;
            let ((), (end, seen)) = tokio::join!(self.kill(run, node), self.followed(run));
            self.judge(node, Fault::Dies, end, seen).await;
        }
    }
}

async fn course(pool: PgPool, name: &'static str, document: Value, nodes: &'static [&'static str]) {
    let dead = Arc::new(Notify::new());
    let told = Arc::clone(&dead);
    let lab = Lab::new(pool, move |input, attempt| script(input, attempt, &told)).await;
    let template = lab
        .template(&json!({"inputs": {"struck": {"schema": {"type": "string"}}},
            "steps": {"inner": say("inner", &[], &json!({}))}}))
        .await;
    lab.agent(&json!({"id": "sub", "inputs": [{"name": "struck", "schema": {"type": "string"}}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "workflow", "template_id": template, "version": 1,
            "outputs": {"text": {"step": "inner", "artifact": "text"}}}}))
        .await;
    let definition = Definition::from_value(&document).unwrap();
    let template = lab.template(&document).await;
    let (stop, engine) = lab.engine();
    Course { lab: &lab, name, definition, template, nodes, dead }.run().await;
    stop.cancel();
    engine.await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn at_every_node_of_a_chain(pool: PgPool) {
    let chain =
        plain(&[("a", &[], json!({})), ("b", &["a"], json!({})), ("c", &["b"], json!({})), ("d", &["c"], json!({}))]);
    course(pool, "chain", chain, &["a", "b", "c", "d"]).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn at_every_node_of_a_diamond(pool: PgPool) {
    let diamond = plain(&[
        ("a", &[], json!({})),
        ("l", &["a"], json!({})),
        ("r", &["a"], json!({})),
        ("end", &["l", "r"], json!({})),
    ]);
    course(pool, "diamond", diamond, &["a", "l", "r", "end"]).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn at_every_node_of_a_fan_with_a_join(pool: PgPool) {
    let fan = plain(&[
        ("a", &[], json!({})),
        ("f1", &["a"], json!({})),
        ("f2", &["a"], json!({})),
        ("f3", &["a"], json!({})),
        ("f4", &["a"], json!({"review": {"mode": "never"}})),
        ("end", &["f1", "f2", "f3", "f4"], json!({})),
        ("some", &["f1", "f2"], json!({"trigger_rule": "one_success"})),
    ]);
    course(pool, "fan", fan, &["a", "f1", "f2", "f3", "f4", "end", "some"]).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn at_every_node_of_a_map(pool: PgPool) {
    course(pool, "map", map(), &["plan", "ia", "ib", "beside", "end"]).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn at_every_node_of_a_branch(pool: PgPool) {
    course(pool, "branch", branch(), &["triage", "long", "short", "after_short", "join", "any", "tidy"]).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn at_every_node_of_a_sub_workflow(pool: PgPool) {
    let sub =
        json!({"agent_id": "sub", "depends_on": ["before"], "inputs": {"struck": {"from": "run", "key": "struck"}}});
    let steps =
        json!({"before": say("before", &[], &json!({})), "sub": sub, "after": say("after", &["sub"], &json!({}))});
    course(pool, "sub-workflow", document(steps), &["before", "inner", "after"]).await;
}
