//! The `human` kind: says what a person is asked. The answer comes later, by the verb `supply`, and is no part of this attempt.
//! It must never make an output itself.

use async_trait::async_trait;
use workflow::{agent::AgentConfig, limits::MAX_PROMPT_BYTES, status::Reason};

use crate::{
    Agent, AgentContext, AgentError, Sandbox, StepInput, StepOutput,
    template::{Insert, Scope},
};

pub(crate) struct HumanAgent {
    pub(crate) sandbox: Option<Sandbox>,
}

#[async_trait]
impl Agent for HumanAgent {
    async fn run(&self, input: StepInput, ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        let AgentConfig::Human(config) = &input.spec.config else {
            return Err(AgentError::wrong_kind(&input.spec));
        };
        let source = input.prompt.as_deref().unwrap_or(&config.instructions);
        let scope = Scope::new(&input, self.sandbox.as_ref())?;
        let message = tokio::select! {
            biased;
            () = ctx.cancel.cancelled() => return Err(AgentError::stopped()),
            message = scope.render("The instructions", source, Insert::AsIs) => message?,
        };
        // They are shown on a page and sent with the step, unlike an artifact.
        if message.len() > MAX_PROMPT_BYTES {
            return Err(AgentError::new(
                Reason::OutputTooLarge,
                format!("The instructions become longer than {} KiB: show less of the inputs", MAX_PROMPT_BYTES / 1024),
            ));
        }
        if message.contains('\0') {
            return Err(AgentError::new(
                Reason::Template,
                "The instructions would hold a NUL character (U+0000): take it out of the inputs",
            ));
        }
        Ok(StepOutput { message: Some(message), ..StepOutput::default() })
    }
}
