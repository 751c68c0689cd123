//! The spans that follow from what was written: of attempts that ended, of steps that are over, and of the run once it is.
//! Ids come from `workflow::trace`, so whoever does an attempt outside hangs its spans on the right one.
//!
//! Must never hold content unless it is wanted: names of things and numbers say what happened.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, Utc};
use opentelemetry::{
    Array, InstrumentationScope, KeyValue, SpanId, StringValue, TraceFlags, TraceId, Value,
    trace::{Link, SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use runs::Written;
use workflow::{
    RunId, RunStatus, StepKey,
    run::{
        State,
        plan::StepPlan,
        state::{self, Attempt, Step},
        task::Task,
    },
    status::{ErrorClass, Outcome},
    trace,
    transcript::{Called, Round, Timing, Transcript},
};

use super::content;

/// All that ended with a commit.
pub(super) fn of(written: &Written<'_>, wants_content: bool) -> Vec<SpanData> {
    let (run, state) = (written.run, written.state);
    let mut told = BTreeSet::new();
    let mut spans = Vec::new();
    for event in written.commit.events() {
        for ended in event.data.attempts.iter().filter(|attempt| attempt.ended_at == Some(event.at)) {
            if told.insert((&ended.step, ended.number)) {
                spans.push(attempt(run, state, ended, wants_content));
            }
        }
    }
    spans.extend(written.ended.iter().filter_map(|key| step(run, state, state.step(key)?)));
    if written.has_ended {
        spans.push(whole(run, state));
    }
    spans
}

/// The requests that an attempt sent to a model.
pub(super) fn calls(task: &Task, transcript: &Transcript, timings: &[Timing], wants_content: bool) -> Vec<SpanData> {
    let rounds = transcript.rounds.iter().zip(timings).enumerate();
    rounds.map(|(n, (round, timing))| call(task, transcript, (n, round, timing), wants_content)).collect()
}

/// The requests that it sent to others.
pub(super) fn requests(task: &Task, called: &[Called]) -> Vec<SpanData> {
    called.iter().enumerate().map(|(n, one)| request(task, n, one)).collect()
}

/// What every span is made of.
struct Parts {
    run: RunId,
    id: trace::SpanId,
    /// None: it is the run itself.
    parent: Option<trace::SpanId>,
    name: Cow<'static, str>,
    kind: SpanKind,
    start: SystemTime,
    end: SystemTime,
    status: Status,
    attributes: Vec<KeyValue>,
    links: SpanLinks,
}

impl Parts {
    fn build(self) -> SpanData {
        SpanData {
            span_context: context(self.run, self.id),
            parent_span_id: self.parent.map_or(SpanId::INVALID, |trace::SpanId(id)| SpanId::from(id)),
            // Whoever wrote its parent may be another process.
            parent_span_is_remote: false,
            span_kind: self.kind,
            name: self.name,
            start_time: self.start,
            end_time: self.end.max(self.start),
            attributes: self.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: self.links,
            status: self.status,
            instrumentation_scope: InstrumentationScope::builder("weft")
                .with_version(env!("CARGO_PKG_VERSION"))
                .build(),
        }
    }
}

fn context(run: RunId, trace::SpanId(id): trace::SpanId) -> SpanContext {
    let trace = TraceId::from(run.0.as_u128());
    SpanContext::new(trace, SpanId::from(id), TraceFlags::SAMPLED, false, TraceState::NONE)
}

fn whole(run: RunId, state: &State) -> SpanData {
    let status = state.run.status;
    let mut links = SpanLinks::default();
    let related = [(&state.birth.parent, "parent"), (&state.birth.forked_from, "forked_from")];
    for (other, relation) in related.into_iter().filter_map(|(other, relation)| Some((other.as_ref()?, relation))) {
        let attributes = vec![KeyValue::new("weft.relation", relation), text("weft.step.key", other.step.as_str())];
        links.links.push(Link::new(context(other.run, trace::SpanId::of_run(other.run)), attributes, 0));
    }
    let mut attributes = vec![
        text("weft.run.id", &run.to_string()),
        text("weft.workflow.id", &state.birth.template_id.to_string()),
        KeyValue::new("weft.workflow.version", i64::from(state.template_version)),
        KeyValue::new("weft.run.status", status.as_str()),
        KeyValue::new("weft.run.is_test", state.birth.is_test),
    ];
    if state.run.used_tokens > 0 {
        attributes.push(KeyValue::new("weft.usage.tokens", state.run.used_tokens));
        attributes.push(KeyValue::new("weft.usage.cost_micros", state.run.used_cost_micros));
    }
    Parts {
        run,
        id: trace::SpanId::of_run(run),
        parent: None,
        name: "run".into(),
        kind: SpanKind::Internal,
        start: time(state.birth.created_at),
        end: time(state.run.finished_at.unwrap_or(state.at)),
        status: match status {
            RunStatus::Failed => Status::error("failed"),
            RunStatus::Completed => Status::Ok,
            _ => Status::Unset,
        },
        attributes,
        links,
    }
    .build()
}

fn step(run: RunId, state: &State, step: &Step) -> Option<SpanData> {
    let attempts = state.attempts(&step.key).iter().filter(|attempt| attempt.generation == step.generation);
    let began = attempts.map(|attempt| attempt.started_at).min().unwrap_or(state.at);
    let (status, attribute) = match &step.status {
        state::Status::Completed => (Status::Ok, None),
        state::Status::Failed { class } => (Status::error(class.as_str()), Some(error_type(*class))),
        state::Status::Skipped { reason } => (Status::Unset, Some(KeyValue::new("weft.step.reason", reason.as_str()))),
        state::Status::Cancelled => (Status::Unset, None),
        _ => return None,
    };
    let parent = match &step.item {
        Some(item) => {
            let generation = state.step(&item.of).map_or(1, |map| map.generation);
            trace::SpanId::of_step(run, &item.of, generation)
        }
        None => trace::SpanId::of_run(run),
    };
    let mut attributes = about(run, state.design.plan(step.definition_key()), &step.key);
    attributes.push(KeyValue::new("weft.step.status", step.status.word().as_str()));
    attributes.push(KeyValue::new("weft.step.generation", i64::from(step.generation)));
    attributes.extend(attribute);
    let parts = Parts {
        run,
        id: trace::SpanId::of_step(run, &step.key, step.generation),
        parent: Some(parent),
        name: "step".into(),
        kind: SpanKind::Internal,
        start: time(began),
        end: time(state.at),
        status,
        attributes,
        links: SpanLinks::default(),
    };
    Some(parts.build())
}

fn attempt(run: RunId, state: &State, attempt: &Attempt, wants_content: bool) -> SpanData {
    let (of, _) = attempt.step.split();
    let mut attributes = about(run, state.design.plan(&of), &attempt.step);
    attributes.push(KeyValue::new("weft.attempt", i64::from(attempt.number)));
    if let Some(outcome) = attempt.outcome {
        attributes.push(KeyValue::new("weft.attempt.outcome", outcome.as_str()));
    }
    if let Some(build) = &attempt.build {
        attributes.push(text("weft.worker.build", build));
    }
    attributes.extend(attempt.error_class.map(error_type));
    if let (Some(error), true) = (&attempt.error, wants_content) {
        attributes.push(text("weft.attempt.error", &content::text(error)));
    }
    if let Some(usage) = &attempt.usage {
        attributes.extend(usage.model.as_ref().map(|model| text("gen_ai.request.model", model)));
        attributes.push(KeyValue::new("gen_ai.usage.input_tokens", usage.prompt_tokens));
        attributes.push(KeyValue::new("gen_ai.usage.output_tokens", usage.completion_tokens));
        attributes.extend(usage.cost_micros.map(|cost| KeyValue::new("weft.usage.cost_micros", cost)));
    }
    Parts {
        run,
        id: trace::SpanId::of_attempt(run, &attempt.step, attempt.number),
        parent: Some(trace::SpanId::of_step(run, &attempt.step, attempt.generation)),
        name: "attempt".into(),
        kind: SpanKind::Internal,
        start: time(attempt.started_at),
        end: time(attempt.ended_at.unwrap_or(attempt.started_at)),
        status: match (attempt.outcome, attempt.error_class) {
            (Some(Outcome::Succeeded), _) => Status::Ok,
            (Some(Outcome::Failed), Some(class)) => Status::error(class.as_str()),
            (Some(Outcome::Failed), None) => Status::error("failed"),
            (Some(Outcome::Lost), _) => Status::error("lost"),
            _ => Status::Unset,
        },
        attributes,
        links: SpanLinks::default(),
    }
    .build()
}

fn call(
    task: &Task,
    transcript: &Transcript,
    (n, round, timing): (usize, &Round, &Timing),
    wants_content: bool,
) -> SpanData {
    let (run, key, number) = (task.run(), task.key(), task.attempt.number);
    let mut attributes = about(run, task.plan(), key);
    attributes.push(KeyValue::new("weft.attempt", i64::from(number)));
    attributes.push(KeyValue::new("gen_ai.operation.name", "chat"));
    attributes.push(text("gen_ai.provider.name", &transcript.provider));
    attributes.push(text("gen_ai.request.model", &transcript.model));
    attributes.extend(timing.prompt_tokens.map(|n| KeyValue::new("gen_ai.usage.input_tokens", n)));
    attributes.extend(timing.completion_tokens.map(|n| KeyValue::new("gen_ai.usage.output_tokens", n)));
    attributes.extend(round.finish_reason.clone().map(|word| {
        let words = Value::Array(Array::String(vec![StringValue::from(word)]));
        KeyValue::new("gen_ai.response.finish_reasons", words)
    }));
    attributes.extend(round.request_id.as_ref().map(|id| text("gen_ai.response.id", id)));
    if wants_content {
        attributes.push(KeyValue::new("gen_ai.input.messages", content::sent(round)));
        attributes.push(KeyValue::new("gen_ai.output.messages", content::answered(round)));
    }
    Parts {
        run,
        id: trace::SpanId::of_call(run, key, number, n),
        parent: Some(trace::SpanId::of_attempt(run, key, number)),
        name: format!("chat {}", transcript.model).into(),
        kind: SpanKind::Client,
        start: timing.began_at,
        end: timing.ended_at,
        status: if timing.is_finished { Status::Unset } else { Status::error("unfinished") },
        attributes,
        links: SpanLinks::default(),
    }
    .build()
}

fn request(task: &Task, n: usize, called: &Called) -> SpanData {
    let (run, key, number) = (task.run(), task.key(), task.attempt.number);
    let mut attributes = about(run, task.plan(), key);
    attributes.push(KeyValue::new("weft.attempt", i64::from(number)));
    attributes.push(text("http.request.method", &called.method));
    attributes.push(text("server.address", &content::text(&called.host)));
    attributes.extend(called.status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
    let status = match called.status {
        Some(status) if status < 400 => Status::Unset,
        Some(status) => Status::error(status.to_string()),
        None => Status::error("no answer"),
    };
    Parts {
        run,
        id: trace::SpanId::of_call(run, key, number, n),
        parent: Some(trace::SpanId::of_attempt(run, key, number)),
        name: called.method.clone().into(),
        kind: SpanKind::Client,
        start: called.began_at,
        end: called.ended_at,
        status,
        attributes,
        links: SpanLinks::default(),
    }
    .build()
}

/// Which step of which run, and which agent does it.
fn about(run: RunId, plan: Option<&StepPlan>, key: &StepKey) -> Vec<KeyValue> {
    let mut attributes = vec![text("weft.run.id", &run.to_string()), text("weft.step.key", key.as_str())];
    if let Some(plan) = plan {
        attributes.push(text("weft.agent.id", plan.agent_id.as_str()));
        attributes.push(KeyValue::new("weft.agent.version", i64::from(plan.agent_version)));
        attributes.push(text("weft.agent.kind", plan.word()));
    }
    attributes
}

fn error_type(class: ErrorClass) -> KeyValue {
    KeyValue::new("error.type", class.as_str())
}

fn text(key: &'static str, text: &str) -> KeyValue {
    KeyValue::new(key, text.to_owned())
}

/// As spans tell it; what is before 1970 never was.
fn time(at: DateTime<Utc>) -> SystemTime {
    let micros = u64::try_from(at.timestamp_micros()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}
