//! Runs for tests, made without a database: steps that succeed, edits, rollbacks.
//! Every agent here has one output, `out`, and the prompt "own". It must never be part of the product.
//! They are views, put together by hand: what they stand for is tested with the state that makes such views.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Definition, RunView, StepKey, hash,
    id::{ArtifactId, RunId, TemplateId, UserId},
    resolve,
    status::{Origin, Outcome, RunStatus, StepStatus},
    view::{ArtifactMeta, AttemptView, ConsumedInput, StepView, Usage},
};

pub(crate) const OUT: &str = "out";

fn at(n: usize) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(i64::try_from(n).unwrap())
}

/// A pending run of these steps.
pub(crate) fn run(steps: &Value) -> RunView {
    let run_definition = Definition::from_value(&json!({ "steps": steps })).unwrap();
    let steps = run_definition.steps.iter().map(|(key, step)| {
        Arc::new(StepView {
            key: key.clone(),
            title: key.to_string(),
            agent_id: step.agent_id.clone(),
            agent_version: step.agent_version.unwrap_or(1),
            kind: "template".into(),
            prompt_hash: Some(hash::sha256_hex(b"own")),
            status: StepStatus::Pending,
            reason: None,
            generation: 1,
            not_before: None,
            item_of: None,
            item_index: None,
            child_run: None,
            review: None,
            feedback: None,
            attempts: Vec::new(),
        })
    });
    RunView {
        id: RunId(Uuid::from_u128(1)),
        seq: 0,
        template_id: TemplateId(Uuid::from_u128(2)),
        template_name: "T".into(),
        template_version: 1,
        steps: steps.collect(),
        run_definition: Arc::new(run_definition),
        inputs: BTreeMap::new(),
        overrides: BTreeMap::new(),
        status: RunStatus::Running,
        status_reason: None,
        auto_run: true,
        user_id: UserId(Uuid::from_u128(3)),
        user_email: "owner@example.com".into(),
        is_test: false,
        created_at: at(0),
        finished_at: None,
        rested_ms: 0,
        deadline_at: None,
        budget: None,
        parent: None,
        forked_from: None,
        artifacts: Vec::new(),
        left_out: None,
    }
}

pub(crate) fn add_items(view: &mut RunView, of: &str, keys: &[&str]) {
    let map = step(view, of).clone();
    let items = (0..).zip(keys).map(|(index, key)| {
        Arc::new(StepView {
            key: map.key.item(key),
            title: format!("{} [{key}]", map.title),
            status: StepStatus::Ready,
            item_of: Some(map.key.clone()),
            item_index: Some(index),
            attempts: Vec::new(),
            ..map.clone()
        })
    });
    view.steps.extend(items);
    view.steps.sort_by(|a, b| a.key.cmp(&b.key));
}

pub(crate) fn step<'a>(view: &'a mut RunView, key: &str) -> &'a mut StepView {
    Arc::make_mut(view.steps.iter_mut().find(|step| step.key.as_str() == key).unwrap())
}

pub(crate) fn latest(view: &RunView, key: &str) -> Option<ArtifactMeta> {
    view.latest_artifacts(&StepKey::from(key)).next().cloned()
}

/// A new version of `out`.
pub(crate) fn write(view: &mut RunView, key: &str, content: &str, origin: Origin, attempt: Option<i32>) -> ArtifactId {
    let n = view.artifacts.len();
    let parent = latest(view, key).map(|artifact| artifact.id);
    let versions = view.artifacts.iter().filter(|artifact| artifact.producing_step_id.as_str() == key).count();
    let artifact = ArtifactMeta {
        id: ArtifactId(Uuid::from_u128(1000 + n as u128)),
        producing_step_id: key.into(),
        name: OUT.into(),
        version: i32::try_from(versions).unwrap() + 1,
        is_latest: true,
        content_hash: hash::sha256_hex(content.as_bytes()),
        value_hash: None,
        media_type: "text/plain".into(),
        size: 1,
        origin,
        attempt,
        parent,
        made_by: None,
        is_approved: false,
        approved_by: Vec::new(),
        created_at: at(n),
    };
    let id = artifact.id;
    view.artifacts.push(artifact);
    make_latest(view, id);
    id
}

fn make_latest(view: &mut RunView, id: ArtifactId) {
    let made = view.artifacts.iter().find(|known| known.id == id).unwrap();
    let (key, name) = (made.producing_step_id.clone(), made.name.clone());
    for known in view.artifacts.iter_mut().filter(|known| known.producing_step_id == key && known.name == name) {
        known.is_latest = known.id == id;
    }
    view.artifacts.sort_by_key(|known| (known.producing_step_id.clone(), known.name.clone(), known.version));
}

/// Makes an older version the latest again.
pub(crate) fn roll_back(view: &mut RunView, key: &str, version: i32) {
    let found = view.artifacts.iter().find(|known| known.producing_step_id.as_str() == key && known.version == version);
    let id = found.unwrap().id;
    make_latest(view, id);
}

/// One more attempt of a step that succeeds, having read `out` of the given steps at the given ports.
pub(crate) fn succeed(view: &mut RunView, key: &str, content: &str, read: &[(&str, &str)]) -> i32 {
    let number = attempt(view, key, read, Outcome::Succeeded);
    step(view, key).status = StepStatus::Completed;
    write(view, key, content, Origin::Agent, Some(number));
    number
}

/// One more attempt of a step, recorded as the engine does.
pub(crate) fn attempt(view: &mut RunView, key: &str, read: &[(&str, &str)], outcome: Outcome) -> i32 {
    let inputs = read.iter().map(|(port, source)| {
        let artifact = latest(view, source);
        ConsumedInput {
            port: (*port).to_owned(),
            artifact_id: artifact.as_ref().map(|artifact| artifact.id),
            version: artifact.as_ref().map(|artifact| artifact.version),
            hash: artifact.map_or_else(|| hash::value_hash(&Value::Null), |artifact| artifact.content_hash),
        }
    });
    let inputs = inputs.collect();
    let overrides = resolve::effective_override(&view.overrides, &key.into());
    let view_step = view.step(&key.into()).unwrap();
    let definition = &view.run_definition.steps[view_step.definition_key()];
    let prompt = overrides.and_then(|overrides| overrides.prompt).or_else(|| definition.prompt.clone());
    let basis = resolve::basis(
        Some(prompt.as_deref().unwrap_or("own")),
        view_step.agent_version,
        definition.direct_dependencies(),
    );
    let n = view.artifacts.len();
    let view_step = step(view, key);
    let number = view_step.attempts.last().map_or(0, |attempt| attempt.number) + 1;
    let attempt = AttemptView {
        step: key.into(),
        number,
        generation: view_step.generation,
        started_at: at(n),
        ended_at: Some(at(n)),
        outcome: Some(outcome),
        error_class: None,
        error: None,
        inputs,
        usage: None,
        basis: Some(basis),
        message: None,
        build: None,
    };
    view_step.attempts.push(attempt);
    number
}

pub(crate) fn priced(view: &mut RunView, key: &str, number: i32, tokens: i64, cost_micros: Option<i64>) {
    let found = step(view, key).attempts.iter_mut().find(|attempt| attempt.number == number).unwrap();
    found.usage = Some(Usage {
        model: Some("m".into()),
        prompt_tokens: tokens,
        completion_tokens: 0,
        cost_micros,
        ..Usage::default()
    });
}
