//! What a verb is about. Whether it is theirs, and the words of a refusal, go by that.
//! Must know nothing of the run itself.

use workflow::{
    ArtifactId, StepKey,
    access::Scope,
    verbs::{RunVerb, Verb},
};

/// What a verb is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum About {
    Run(RunVerb),
    Step(Verb, StepKey),
    /// Rolling back to it.
    Artifact(ArtifactId),
}

impl About {
    /// What a token has to be made for.
    pub(super) fn scope(&self) -> Scope {
        if self.decides_at().is_some() { Scope::Review } else { Scope::Run }
    }

    /// The step whose gate it is a decision at.
    pub(super) fn decides_at(&self) -> Option<&StepKey> {
        match self {
            Self::Step(verb, key) if verb.is_decision() => Some(key),
            _ => None,
        }
    }
}
