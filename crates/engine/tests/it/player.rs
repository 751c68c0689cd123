//! A scripted agent of every kind, which sees all that a step is given.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agents::{Agent, AgentContext, AgentError, Output, StepInput, StepOutput};
use async_trait::async_trait;
use engine::Agents;
use workflow::{status::Reason, view::Usage};

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Say(String),
    SayBytes(Vec<u8>),
    Fail(Reason),
    Panic,
    Sleep(Duration),
    /// Until it is cancelled.
    Hang,
    /// Until the test lets it go on.
    Until(Arc<tokio::sync::Notify>),
}

/// What the agent does on its n-th attempt at a step.
type Script = dyn Fn(&StepInput, i32) -> Act + Send + Sync;

pub(crate) struct Player {
    script: Box<Script>,
    /// The idempotency key of every call, in their order.
    pub keys: Mutex<Vec<String>>,
}

impl Player {
    pub(crate) fn new(script: impl Fn(&StepInput, i32) -> Act + Send + Sync + 'static) -> Self {
        Self { script: Box::new(script), keys: Mutex::default() }
    }
}

#[async_trait]
impl Agent for Player {
    async fn run(&self, input: StepInput, ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        self.keys.lock().unwrap().push(ctx.idempotency_key.clone());
        if input.spec.kind() == "human" {
            let message = input.prompt.clone();
            return Ok(StepOutput { outputs: vec![], usage: None, message });
        }
        let bytes = match (self.script)(&input, ctx.attempt) {
            Act::Say(text) => text.into_bytes(),
            Act::SayBytes(bytes) => bytes,
            Act::Fail(class) => return Err(AgentError::new(class, "as the script says")),
            Act::Panic => panic!("as the script says"),
            Act::Sleep(pause) => {
                tokio::time::sleep(pause).await;
                b"slept".to_vec()
            }
            Act::Until(told) => {
                told.notified().await;
                b"late".to_vec()
            }
            Act::Hang => {
                ctx.cancel.cancelled().await;
                return Err(AgentError::stopped());
            }
        };
        let port = &input.spec.outputs[0];
        let is_text = input.spec.answers_in_text();
        let media_type = if is_text { "text/plain" } else { "application/json" };
        let outputs = vec![Output { name: port.name.clone(), media_type: media_type.into(), bytes }];
        let usage = Some(Usage {
            model: None,
            prompt_tokens: 6,
            completion_tokens: 4,
            cost_micros: Some(100),
            ..Usage::default()
        });
        Ok(StepOutput { outputs, usage, message: None })
    }
}

/// Where the one player plays every kind.
pub(crate) struct Stage(pub Arc<Player>);

impl Agents for Stage {
    fn for_kind(&self, _kind: &str) -> Option<Arc<dyn Agent>> {
        Some(Arc::clone(&self.0) as Arc<dyn Agent>)
    }
}

/// The key of a step of `lab::dag`, which is told it.
pub(crate) fn key(input: &StepInput) -> &str {
    input.values["text"].as_str().unwrap()
}
