//! An agent that an outside worker does: what it offered, and the hash by which its ports are known.
//! Must never say anything of who does it: that is another one each time.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::port::{InputPort, OutputPort};
pub use crate::definition::SideEffects;
use crate::{hash, id::AgentId};

/// An outside worker does it. Its ports are those that a worker offered and an admin accepted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WorkerConfig {
    /// Of what a step's author sees: [`offer_hash`]. Tasks go only to sessions that offer this very one.
    pub hash: String,
    #[serde(default)]
    pub side_effects: SideEffects,
    /// How long an attempt may take, as its worker says; the step decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u32>,
}

/// The hash of what a step's author sees of an offered agent: inputs and outputs by name, and side effects. In which order ports are
/// offered makes no difference.
pub fn offer_hash(inputs: &[InputPort], outputs: &[OutputPort], side_effects: SideEffects) -> String {
    let inputs: serde_json::Map<String, Value> = inputs
        .iter()
        .map(|port| (port.name.clone(), json!({"schema": port.schema, "required": port.required})))
        .collect();
    let outputs: serde_json::Map<String, Value> =
        outputs.iter().map(|port| (port.name.clone(), json!({"schema": port.schema}))).collect();
    let seen = json!({"inputs": inputs, "outputs": outputs, "side_effects": side_effects});
    hash::value_hash(&seen)
}

/// What its steps are claimed by.
pub fn queue(agent: &AgentId, hash: &str) -> String {
    format!("worker:{agent}:{hash}")
}

/// Whether an id is one of those that are meant: the id itself, or a beginning with a star.
pub fn matches(pattern: &str, id: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => id.starts_with(beginning),
        None => pattern == id,
    }
}

/// The agent and the hash in that; none where it is another kind's.
pub fn queued(kind: &str) -> Option<(AgentId, &str)> {
    let (agent, hash) = kind.strip_prefix("worker:")?.split_once(':')?;
    Some((AgentId::new(agent), hash))
}
