//! What a person changes about a step for one run: another prompt, literal inputs. Checked before they are stored.
//! Must never let the overrides of one run grow without a bound.

use std::collections::BTreeMap;

use serde_json::Value;
use workflow::{
    AgentSpec, StepKey, json, limits,
    run::command::{Changes, Patch},
    view::StepOverride,
};

use super::values;
use crate::{Error, Result, text};

/// What a run overrides, by step.
pub(crate) type Overrides = BTreeMap<StepKey, StepOverride>;

/// As it comes with a trigger or a re-run: absent leaves what is there, null takes the prompt back, and no inputs take them back.
#[expect(clippy::option_option, reason = "absent, taken back and another text are three different wishes")]
pub(crate) fn changes(prompt: Option<Option<String>>, inputs: Option<BTreeMap<String, Value>>) -> Changes {
    Changes {
        prompt: match prompt {
            None => Patch::Keep,
            Some(None) => Patch::Reset,
            Some(Some(text)) => Patch::Set(text),
        },
        inputs: match inputs {
            None => Patch::Keep,
            Some(inputs) if inputs.is_empty() => Patch::Reset,
            Some(inputs) => Patch::Set(inputs),
        },
    }
}

pub(crate) fn is_nothing(changes: &Changes) -> bool {
    changes.prompt.is_keep() && changes.inputs.is_keep()
}

/// Checks prompt and inputs by the step's agent, and the total of the run. How many bytes the step's override then has.
pub(crate) fn check(changes: &Changes, spec: &AgentSpec, overrides: &Overrides, key: &StepKey) -> Result<usize> {
    let mut now = overrides.get(key).cloned().unwrap_or_default();
    match &changes.prompt {
        Patch::Keep => {}
        Patch::Reset => now.prompt = None,
        Patch::Set(prompt) => {
            check_prompt(spec, prompt)?;
            now.prompt = Some(prompt.clone());
        }
    }
    match &changes.inputs {
        Patch::Keep => {}
        Patch::Reset => now.inputs.clear(),
        Patch::Set(inputs) => {
            check_inputs(spec, "inputs", inputs)?;
            now.inputs.clone_from(inputs);
        }
    }
    let others = overrides.iter().filter(|(other, _)| *other != key);
    check_total(others.map(|(_, value)| value).chain([&now]))?;
    Ok(bytes_of(&now))
}

/// What is stored of it; one that says nothing is taken away.
pub(crate) fn bytes_of(value: &StepOverride) -> usize {
    if *value == StepOverride::default() { 0 } else { json::n_bytes(value) }
}

/// Whether a prompt can stand in the place of the agent's own.
pub(crate) fn check_prompt(spec: &AgentSpec, prompt: &str) -> Result<()> {
    const FIELD: &str = "prompt_override";
    if spec.config.prompt().is_none() {
        let detail = format!("Agents of kind `{}` have no prompt. Leave it out.", spec.kind());
        return Err(Error::invalid(FIELD, detail));
    }
    if prompt.trim().is_empty() {
        return Err(Error::invalid(FIELD, "The prompt is empty. Write one, or take the override back."));
    }
    if prompt.len() > limits::MAX_PROMPT_BYTES {
        return Err(Error::too_large(FIELD, "The prompt is larger than 256 KiB. Shorten it."));
    }
    text::no_nul(FIELD, prompt)?;
    match spec.prompt_faults(prompt).into_iter().next() {
        None => Ok(()),
        Some((_, message)) => Err(Error::invalid(FIELD, message)),
    }
}

/// Literal values for ports of an agent, named under `field`.
pub(crate) fn check_inputs(spec: &AgentSpec, field: &str, inputs: &BTreeMap<String, Value>) -> Result<()> {
    values::fits(field, inputs)?;
    for (port, value) in inputs {
        let Some(known) = spec.input(port) else {
            let detail = format!("The agent `{}` has no input `{port}`.", spec.id);
            return Err(Error::invalid(format!("{field}.{port}"), detail));
        };
        if let Some((path, fault)) = known.schema.check(value).into_iter().next() {
            let field = format!("{field}.{port}{}", path.replace('/', "."));
            return Err(Error::invalid(field, format!("`{port}` {fault}.")));
        }
    }
    Ok(())
}

/// All overrides of one run together.
pub(crate) fn check_total<'a>(overrides: impl IntoIterator<Item = &'a StepOverride>) -> Result<()> {
    let n_bytes: usize = overrides
        .into_iter()
        .map(|value| {
            let inputs = value.inputs.iter().map(|(port, value)| port.len() + value.to_string().len());
            value.prompt.as_ref().map_or(0, String::len) + inputs.sum::<usize>()
        })
        .sum();
    if n_bytes > limits::MAX_OVERRIDE_BYTES {
        let detail = "The prompts and inputs that this run overrides are larger than 4 MiB together. Take some back.";
        return Err(Error::too_large("overrides", detail));
    }
    Ok(())
}
