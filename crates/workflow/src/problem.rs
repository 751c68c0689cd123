//! What the validator says: one flat list of problems with a place, a stable code and words for a person.
//! Codes are part of the API and never change meaning.

use serde::{Deserialize, Serialize};

use crate::id::StepKey;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// The step it is about; absent for the definition as a whole.
    pub step: Option<StepKey>,
    /// The field, as a path from the step or the definition.
    pub field: Option<String>,
    pub severity: Severity,
    pub code: ProblemCode,
    pub message: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    NoSteps,
    TooManySteps,
    TooManyDependencies,
    UnsupportedSchemaVersion,
    InvalidKey,
    InvalidValue,
    Duplicate,
    UnknownAgent,
    UnknownAgentVersion,
    UnknownStep,
    UnknownArtifact,
    UnknownPort,
    UnknownRunInput,
    SelfDependency,
    Cycle,
    SourceNotUpstream,
    MissingInput,
    MissingOutput,
    TypeMismatch,
    TypeUnknown,
    NoPrompt,
    /// The prompt inserts a name that is no input.
    UnknownName,
    /// A path leads to a part that is not there.
    UnknownPath,
    UnusedInput,
    /// It is understood, but changes nothing as things are.
    NoEffect,
    /// The workflow that an agent runs does not exist, or not in this version.
    UnknownWorkflow,
    /// The workflow that an agent runs was archived.
    Archived,
    /// The workflow leads back to itself through the workflows that its agents run.
    WorkflowCycle,
    /// Workflows inside workflows, deeper than allowed.
    WorkflowTooDeep,
    /// A gate asks somebody who has no account.
    UnknownPerson,
    /// A gate asks somebody whose account is disabled.
    DisabledPerson,
    /// A gate asks a group that nobody made.
    UnknownGroup,
    /// A gate asks a group in which nobody can sign in.
    EmptyGroup,
    /// A gate wants more approvals than there are people who may decide.
    TooFewPeople,
    /// The step acts on the world outside, so a try of it has to be confirmed.
    ActsOutside,
    NotSupportedYet,
}

impl ProblemCode {
    /// Whether only the server can find it: it is about what other workflows hold.
    pub fn is_of_server(self) -> bool {
        matches!(self, Self::UnknownWorkflow | Self::Archived | Self::WorkflowCycle | Self::WorkflowTooDeep)
    }
}

impl Problem {
    pub fn error(step: Option<&StepKey>, field: Option<String>, code: ProblemCode, message: impl Into<String>) -> Self {
        Self { step: step.cloned(), field, severity: Severity::Error, code, message: message.into() }
    }

    pub fn warning(
        step: Option<&StepKey>,
        field: Option<String>,
        code: ProblemCode,
        message: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(step, field, code, message) }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
