//! Statuses of steps and runs, their reasons, and how a run's status follows from its steps.
//! Stale is never a status: it is derived.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A text that is none of the known ones.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is unknown here")]
pub struct Unknown(pub String);

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::openapi::word(Self::ALL.iter().map(|word| word.as_str())).into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Unknown;

            fn from_str(text: &str) -> Result<Self, Unknown> {
                match text { $($word => Ok(Self::$variant),)+ other => Err(Unknown(other.to_owned())) }
            }
        }
    };
}

pub(crate) use words;

words!(StepStatus {
    /// Waits for its dependencies.
    Pending = "pending",
    /// Queued; starts by itself.
    Ready = "ready",
    Running = "running",
    AwaitingReview = "awaiting_review",
    Completed = "completed",
    Failed = "failed",
    Skipped = "skipped",
    Cancelled = "cancelled",
});

words!(RunStatus {
    Pending = "pending",
    Running = "running",
    Paused = "paused",
    Completed = "completed",
    Failed = "failed",
    Cancelled = "cancelled",
});

words!(
    /// Why a run is paused.
    StatusReason { Person = "person", Review = "review", Budget = "budget" }
);

words!(
    /// Why a step was skipped, or what made it fail.
    Reason {
        Condition = "condition",
        UpstreamSkipped = "upstream_skipped",
        UpstreamFailed = "upstream_failed",
        Person = "person",
        Timeout = "timeout",
        RateLimit = "rate_limit",
        Server = "server",
        InvalidOutput = "invalid_output",
        OutputTooLarge = "output_too_large",
        /// Nobody took it within the time that it may wait.
        NoWorker = "no_worker",
        Permanent = "permanent",
        MissingInput = "missing_input",
        /// The prompt or template cannot be rendered.
        Template = "template",
        /// The prompt is longer than the model takes.
        ContextLength = "context_length",
        /// The provider refused the key, none is set, or the agent may not use the secret.
        Unauthorized = "unauthorized",
        /// The provider, or the model, does not want to answer this.
        Refused = "refused",
        /// The address is private or not allowed, or not one for the secret.
        Blocked = "blocked",
        CrashLoop = "crash_loop",
        Stopped = "stopped",
        /// The list to map over is none, too long, or its keys are empty or double.
        InvalidMap = "invalid_map",
        /// An item of the map failed.
        ItemFailed = "item_failed",
        /// The sub-workflow failed, was cancelled, or cannot be started.
        ChildFailed = "child_failed",
        /// Rejected more often than its gate allows.
        Rejected = "rejected",
        /// Nobody decided at its gate in time.
        ReviewTimeout = "review_timeout",
        /// The run used up its budget.
        Budget = "budget",
        /// The run took longer than it may.
        RunTimeout = "run_timeout",
    }
);

words!(
    /// Why a step was skipped.
    SkipReason {
        Condition = "condition",
        UpstreamSkipped = "upstream_skipped",
        UpstreamFailed = "upstream_failed",
        Person = "person",
    }
);

words!(
    /// What made an attempt or a step fail. `Reason` says what each means.
    ErrorClass {
        Timeout = "timeout",
        RateLimit = "rate_limit",
        Server = "server",
        InvalidOutput = "invalid_output",
        OutputTooLarge = "output_too_large",
        NoWorker = "no_worker",
        Permanent = "permanent",
        MissingInput = "missing_input",
        Template = "template",
        ContextLength = "context_length",
        Unauthorized = "unauthorized",
        Refused = "refused",
        Blocked = "blocked",
        CrashLoop = "crash_loop",
        Stopped = "stopped",
        InvalidMap = "invalid_map",
        ItemFailed = "item_failed",
        ChildFailed = "child_failed",
        Rejected = "rejected",
        ReviewTimeout = "review_timeout",
        Budget = "budget",
        RunTimeout = "run_timeout",
    }
);

impl From<SkipReason> for Reason {
    fn from(reason: SkipReason) -> Self {
        match reason {
            SkipReason::Condition => Self::Condition,
            SkipReason::UpstreamSkipped => Self::UpstreamSkipped,
            SkipReason::UpstreamFailed => Self::UpstreamFailed,
            SkipReason::Person => Self::Person,
        }
    }
}

impl From<ErrorClass> for Reason {
    fn from(class: ErrorClass) -> Self {
        // Every class is one of the reasons: a test goes through them.
        class.as_str().parse().unwrap_or(Self::Permanent)
    }
}

words!(
    /// How an attempt ended; a running one has none.
    Outcome {
        Succeeded = "succeeded",
        Failed = "failed",
        /// Its worker died.
        Lost = "lost",
        Cancelled = "cancelled",
        /// Given back by a draining worker, not counted against the step.
        Released = "released",
    }
);

words!(
    /// Who made an artifact.
    Origin { Agent = "agent", HumanEdit = "human_edit", Import = "import" }
);

impl StepStatus {
    /// Nothing more happens by itself.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Skipped | Self::Cancelled)
    }
}

impl RunStatus {
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl Reason {
    /// In a few words of people, as they stand after the status: "Failed · took too long".
    pub fn words(self) -> &'static str {
        match self {
            Self::Condition => "its condition was false",
            Self::UpstreamSkipped => "nothing before it ran",
            Self::UpstreamFailed => "a step before it failed",
            Self::Person => "by a person",
            Self::Timeout => "took too long",
            Self::RateLimit => "told to slow down",
            Self::Server => "the other side's fault",
            Self::InvalidOutput => "not the promised form",
            Self::OutputTooLarge => "output too large",
            Self::NoWorker => "no worker came in time",
            Self::Permanent => "cannot work as it is",
            Self::MissingInput => "an input was missing",
            Self::Template => "template cannot be filled",
            Self::ContextLength => "too long for the model",
            Self::Unauthorized => "the key was refused",
            Self::Refused => "the model refused",
            Self::Blocked => "address not allowed",
            Self::CrashLoop => "lost its worker too often",
            Self::Stopped => "stopped by a person",
            Self::InvalidMap => "not a list to go through",
            Self::ItemFailed => "an item failed",
            Self::ChildFailed => "its sub-workflow failed",
            Self::Rejected => "rejected for good",
            Self::ReviewTimeout => "no review in time",
            Self::Budget => "the budget is used up",
            Self::RunTimeout => "the run took too long",
        }
    }

    /// What a person can do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Condition => "Its condition was false",
            Self::UpstreamSkipped => "Every step it depends on was skipped",
            Self::UpstreamFailed => "A step it depends on failed: retry that one, and this one opens again",
            Self::Person => "A person skipped it",
            Self::Timeout => {
                "It took longer than its time limit: retry it; an admin can raise the limit in the workflow"
            }
            Self::RateLimit => "The provider asked to slow down: wait a moment, then retry",
            Self::Server => "The other side had a fault: retry in a moment",
            Self::InvalidOutput => "The answer did not have the promised form: retry with a clearer prompt",
            Self::OutputTooLarge => "The output is larger than can be kept: ask for less",
            Self::NoWorker => "No worker for its agent took it in time: start one, or ask who runs it, then retry",
            Self::Permanent => "Trying again without a change will not help: read the message, then edit and retry",
            Self::MissingInput => "A required input had no value: give it one, then retry",
            Self::Template => "The prompt cannot be filled in: edit it and retry",
            Self::ContextLength => "The text is longer than the model can read: shorten it, or use a larger model",
            Self::Unauthorized => "A key was refused, or may not be used here: ask an admin to look at it, then retry",
            Self::Refused => {
                "The model was not willing or allowed to answer: change the prompt or the input, then retry"
            }
            Self::Blocked => "What it sends may not go there: use another address, or ask an admin",
            Self::CrashLoop => {
                "Its worker died, or had no answer from the database, three times in it: look at the input and the server, then retry"
            }
            Self::Stopped => "A person stopped it: retry when ready",
            Self::InvalidMap => "It needs a list with a key for each item: mend the step before, then retry",
            Self::ItemFailed => "An item failed: retry that item, and this step goes on",
            Self::ChildFailed => "Open the sub-workflow's run, mend it there, or retry this step",
            Self::Rejected => {
                "It was rejected as often as its review allows: retry with another prompt, or enter the result yourself"
            }
            Self::ReviewTimeout => "Nobody decided in time: retry, or enter the result yourself",
            Self::Budget => "The run used up its budget: resume it with a larger one, then retry",
            Self::RunTimeout => "The run took longer than it may: retry, which lifts the limit",
        }
    }
}

/// How many current steps of a run are in the states that decide its status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StepCounts {
    /// Ready (backing off included) or running.
    pub active: i64,
    pub awaiting_review: i64,
    /// Failed with `on_error: fail`.
    pub failed: i64,
}

impl RunStatus {
    /// The status of a run, first match.
    pub fn derive(is_cancelled: bool, held: Option<StatusReason>, counts: StepCounts) -> (Self, Option<StatusReason>) {
        if is_cancelled {
            (Self::Cancelled, None)
        } else if held.is_some() {
            (Self::Paused, held)
        } else if counts.active > 0 {
            (Self::Running, None)
        } else if counts.awaiting_review > 0 {
            (Self::Paused, Some(StatusReason::Review))
        } else if counts.failed > 0 {
            (Self::Failed, None)
        } else {
            (Self::Completed, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_the_reasons_to_skip_and_the_classes_of_errors() {
        let skips = SkipReason::ALL.iter().map(|&reason| (reason.as_str(), Reason::from(reason)));
        let errors = ErrorClass::ALL.iter().map(|&class| (class.as_str(), Reason::from(class)));
        let both: Vec<_> = skips.chain(errors).collect();
        assert!(both.iter().all(|(word, reason)| *word == reason.as_str()));
        assert_eq!(both.len(), Reason::ALL.len());
    }

    #[test]
    fn what_stands_under_a_refused_secret_is_true_of_it_too() {
        // A secret that an agent may not use is no provider's, and a host that it is not for may be a public one.
        for reason in [Reason::Unauthorized, Reason::Blocked] {
            let advice = reason.advice();
            assert!(!advice.contains("provider") && !advice.contains("public"), "{advice}");
            assert!(advice.contains("ask an admin"), "{advice}");
        }
    }

    #[test]
    fn a_reason_has_words_of_its_own_that_fit_beside_a_status() {
        for reason in Reason::ALL {
            let words = reason.words();
            assert!(words.contains(' ') && !words.contains('_') && words.len() <= 26, "{reason}: {words}");
            assert_eq!(Reason::ALL.iter().filter(|other| other.words() == words).count(), 1, "{words}");
        }
    }
}
