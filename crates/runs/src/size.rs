//! About how much room things take, for what is bounded by bytes: the cache and a batch. Never exact, and never far too little.

use workflow::run::{RunEvent, State, event::Effects};

const OF_EVENT: usize = 200;
const OF_STEP: usize = 400;
const OF_RECORD: usize = 500;

/// As text, in a batch.
pub(crate) fn of_event(event: &RunEvent) -> usize {
    let data = &event.data;
    let definitions = data.started.as_ref().map_or(0, |started| of_started(started.steps.len(), &started.inputs));
    let moved = data.moved.as_ref().map_or(0, |moved| moved.steps.len() * OF_STEP);
    let texts = data.attempts.iter().map(|attempt| {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        text(&attempt.error) + text(&attempt.message) + attempt.inputs.len() * OF_EVENT + attempt.reads.len() * 40
    });
    // Once more in the row of the gate that it closed.
    let rejections = data.rejections.iter().map(|rejection| OF_EVENT + 2 * rejection.text.len());
    let overrides = data.overrides.values().flatten().map(|value| {
        let prompt = value.prompt.as_ref().map_or(0, String::len);
        OF_EVENT + prompt + value.inputs.values().map(of_value).sum::<usize>()
    });
    OF_EVENT
        + definitions
        + moved
        + (data.steps.len() + data.removed.len()) * OF_STEP
        + (data.attempts.len() + data.artifacts.len() + data.reviews.len() + data.tells.len()) * OF_RECORD
        + texts.sum::<usize>()
        + rejections.sum::<usize>()
        + overrides.sum::<usize>()
}

/// The rows beside the log that it touches, and itself.
pub(crate) fn rows_of(event: &RunEvent) -> usize {
    let Effects { steps, removed, attempts, artifacts, reviews, tells, .. } = &event.data;
    1 + steps.len() + removed.len() + attempts.len() + 2 * (artifacts.len() + reviews.len()) + tells.len()
}

pub(crate) fn of_state(state: &State) -> usize {
    let steps = state.steps().map(|step| {
        let versions = state.latest(&step.key).map(|version| state.versions(&step.key, &version.name).len());
        2 * OF_STEP + (state.attempts(&step.key).len() + versions.sum::<usize>()) * OF_RECORD
    });
    of_started(state.design.definition.steps.len(), &state.birth.inputs) + steps.sum::<usize>()
}

fn of_started(n_steps: usize, inputs: &std::collections::BTreeMap<String, serde_json::Value>) -> usize {
    2 * n_steps * OF_STEP + inputs.values().map(of_value).sum::<usize>()
}

fn of_value(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(text) => text.len() + 16,
        serde_json::Value::Array(items) => 16 + items.iter().map(of_value).sum::<usize>(),
        serde_json::Value::Object(fields) => {
            16 + fields.iter().map(|(name, value)| name.len() + 16 + of_value(value)).sum::<usize>()
        }
        _ => 16,
    }
}
