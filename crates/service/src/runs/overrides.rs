//! What a person changes about a step for one run: another prompt, literal inputs. Checked before they are stored.
//! Must never let the overrides of one run grow without a bound.

use std::collections::BTreeMap;

use serde_json::Value;
use workflow::{AgentSpec, RunView, StepKey, limits, view::StepOverride};

use super::values;
use crate::{Error, Result, text};

/// As it comes with a trigger or a re-run: absent leaves what is there.
#[expect(clippy::option_option, reason = "absent, taken back and another text are three different wishes")]
pub(crate) struct Wanted<'a> {
    pub prompt: Option<Option<&'a str>>,
    pub inputs: Option<&'a BTreeMap<String, Value>>,
}

impl Wanted<'_> {
    pub(crate) fn is_nothing(&self) -> bool {
        self.prompt.is_none() && self.inputs.is_none()
    }

    /// Prompt and inputs of the step's agent, and the total of the run.
    pub(crate) fn check(&self, spec: &AgentSpec, run: &RunView, key: &StepKey) -> Result<()> {
        if let Some(Some(prompt)) = self.prompt {
            check_prompt(spec, prompt)?;
        }
        if let Some(inputs) = self.inputs {
            check_inputs(spec, "inputs", inputs)?;
        }
        let mut now = run.overrides.get(key).cloned().unwrap_or_default();
        if let Some(prompt) = self.prompt {
            now.prompt = prompt.map(str::to_owned);
        }
        if let Some(inputs) = self.inputs {
            now.inputs.clone_from(inputs);
        }
        let others = run.overrides.iter().filter(|(other, _)| *other != key);
        check_total(others.map(|(_, value)| value).chain([&now]))
    }
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
