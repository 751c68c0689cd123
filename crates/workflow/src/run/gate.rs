//! An open gate as it is read before somebody decides there: what is decided about, what was there before, and what it was made from.
//! Pure, and without a rule: who may decide is for `decide` alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    State, Voters,
    plan::StepPlan,
    state::{Attempt, Emails, Rejection, Review, Step, Version, email},
};
use crate::{
    api::InboxItem,
    hash,
    id::{RunId, StepKey, TemplateId, UserId},
    status::Outcome,
};

/// The gate of a step, and what is shown there. People are ids here, as in the state.
#[derive(Clone, PartialEq, Debug)]
pub struct Gate {
    pub run_id: RunId,
    pub step: StepKey,
    pub title: String,
    pub template_id: TemplateId,
    pub template_name: String,
    /// Who started the run.
    pub owner: UserId,
    pub generation: i32,
    /// It is a form: it wants an answer.
    pub is_form: bool,
    /// How often it was sent back, and how often it may be.
    pub round: i32,
    pub max_rounds: i32,
    /// Without the votes that count no more.
    pub review: Review,
    /// What a decision is bound to.
    pub digest: String,
    /// The latest version of each output, by name.
    pub outputs: Vec<Version>,
    /// Of each output the version before it that somebody saw last, if there is one.
    pub previous: Vec<Version>,
    /// What the step was given that came from artifacts.
    pub inputs: Vec<GateInput>,
    /// What was wanted when it was sent back.
    pub feedback: Option<Rejection>,
    /// Of a form, what it asks for, as rendered.
    pub asked: Option<String>,
}

/// One port of the step, and the artifact that it was given.
#[derive(Clone, PartialEq, Debug)]
pub struct GateInput {
    pub port: String,
    /// What people call the step that made it.
    pub title: String,
    pub version: Version,
}

impl Gate {
    /// None where no gate is open there.
    pub fn of(state: &State, key: &StepKey, voters: &Voters) -> Option<Self> {
        let step = state.step(key)?;
        let mut review = step.review()?.clone();
        review.leave_out_void(voters, state.birth.user_id);
        let definition = state.design.step(step.definition_key());
        let max_rounds = definition.map_or(0, |step| step.review.max_rounds);
        let outputs: Vec<Version> = state.latest(key).cloned().collect();
        let previous = outputs.iter().filter_map(|version| seen_before(state, step, version)).cloned().collect();
        Some(Self {
            run_id: state.birth.id,
            step: key.clone(),
            title: state.title(key),
            template_id: state.birth.template_id,
            template_name: state.template_name.clone(),
            owner: state.birth.user_id,
            generation: step.generation,
            is_form: state.design.plan(step.definition_key()).is_some_and(StepPlan::is_form),
            round: step.rounds,
            max_rounds: i32::try_from(max_rounds).unwrap_or(i32::MAX),
            review,
            digest: state.review_digest(key),
            inputs: inputs(state, key, &outputs),
            outputs,
            previous,
            feedback: state.feedback(step).cloned(),
            asked: state.attempts(key).iter().rev().find_map(|attempt| attempt.message.clone()),
        })
    }

    /// Everybody whom it names by an id.
    pub fn people(&self) -> BTreeSet<UserId> {
        let versions = self.outputs.iter().chain(&self.previous).chain(self.inputs.iter().map(|input| &input.version));
        let wrote = versions.flat_map(|version| version.made_by.into_iter().chain(version.approved_by.iter().copied()));
        let wanted = self.feedback.as_ref().map(|feedback| feedback.by);
        wrote.chain(wanted).chain(self.review.voters()).chain([self.owner]).collect()
    }

    /// As it stands in a list, to nobody in particular. `about`: what the run is about; `n_asked`: how many of those who are asked can decide.
    pub fn item(&self, emails: &Emails, about: Option<String>, n_asked: Option<i64>) -> InboxItem {
        let review = &self.review;
        InboxItem {
            run_id: self.run_id,
            step: self.step.clone(),
            title: self.title.clone(),
            template_id: self.template_id,
            template_name: self.template_name.clone(),
            about,
            owner: email(self.owner, emails),
            generation: self.generation,
            number: review.number,
            is_form: self.is_form,
            round: self.round,
            max_rounds: self.max_rounds,
            opened_at: review.opened_at,
            due_at: review.due_at,
            on_timeout: review.on_timeout,
            quorum: i32::try_from(review.quorum).unwrap_or(i32::MAX),
            votes: review.votes.iter().map(|by| email(*by, emails)).collect(),
            n_asked,
            groups: review.groups.clone(),
            group_names: BTreeMap::new(),
            acts_for: None,
        }
    }
}

impl State {
    /// The digest over what is latest of a step: what a decision at its gate is bound to.
    pub fn review_digest(&self, key: &StepKey) -> String {
        let shown = self.latest(key);
        hash::review_digest(shown.map(|version| (&*version.name, version.version, &*version.content_hash)))
    }
}

/// The version before this one that somebody saw last. Where nobody saw any of them, the one right before it.
fn seen_before<'s>(state: &'s State, step: &Step, version: &Version) -> Option<&'s Version> {
    let before = parent(state, version)?;
    let n_versions = state.versions(&step.key, &version.name).len();
    let mut all = std::iter::successors(Some(before), |at| parent(state, at)).take(n_versions);
    Some(all.find(|at| was_seen(state, step, at)).unwrap_or(before))
}

fn parent<'s>(state: &'s State, version: &Version) -> Option<&'s Version> {
    state.artifact(version.parent?)
}

/// Somebody wrote it, approved it, sent it back, or has it before them at this very gate.
fn was_seen(state: &State, step: &Step, version: &Version) -> bool {
    let by = version.attempt.and_then(|number| attempt(state, &step.key, number));
    let was_shown = |attempt: &Attempt| {
        let of_rejection = |rejection: &Rejection| rejection.generation == attempt.generation;
        attempt.generation == step.generation || state.rejections(&step.key).iter().any(of_rejection)
    };
    version.made_by.is_some() || version.is_approved || by.is_some_and(was_shown)
}

fn attempt<'s>(state: &'s State, key: &StepKey, number: i32) -> Option<&'s Attempt> {
    state.attempts(key).iter().find(|attempt| attempt.number == number)
}

/// What the attempt was given that made these; where a person wrote them, the last that succeeded.
fn inputs(state: &State, key: &StepKey, outputs: &[Version]) -> Vec<GateInput> {
    let made = outputs.iter().find_map(|version| attempt(state, key, version.attempt?));
    let succeeded = |attempt: &&Attempt| attempt.outcome == Some(Outcome::Succeeded);
    let Some(attempt) = made.or_else(|| state.attempts(key).iter().rfind(succeeded)) else { return Vec::new() };
    let given = attempt.inputs.iter().filter_map(|input| {
        let version = state.artifact(input.artifact_id?)?.clone();
        Some(GateInput { port: input.port.clone(), title: state.title(&version.producing_step_id), version })
    });
    given.collect()
}
