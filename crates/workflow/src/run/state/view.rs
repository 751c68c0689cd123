//! What a person sees of a run, made of its state. Emails are joined here: the state knows people by their ids.
//! Must never show what the state does not hold.

use std::{collections::BTreeMap, sync::Arc};

use super::{Outputs, Rejection, Review, State, Step, Version};
use crate::{
    id::{StepKey, UserId},
    status::{Outcome, StepStatus},
    view::{ArtifactMeta, Feedback, ReviewView, RunView, StepView},
};

/// Emails of the people that a run names.
pub type Emails = BTreeMap<UserId, String>;

impl State {
    /// Somebody without an account any more is shown by nothing.
    pub fn view(&self, emails: &Emails) -> RunView {
        RunView {
            steps: self.steps().map(|step| self.step_view(step, emails)).collect(),
            artifacts: self.artifact_views(emails),
            ..self.view_begun(emails)
        }
    }

    /// The view without any step yet: `view_more` adds them.
    pub fn view_begun(&self, emails: &Emails) -> RunView {
        RunView {
            id: self.birth.id,
            seq: self.seq,
            template_id: self.birth.template_id,
            template_name: self.template_name.clone(),
            template_version: self.template_version,
            run_definition: self.design.definition.clone(),
            inputs: self.birth.inputs.clone(),
            overrides: self.overrides.clone(),
            status: self.run.status,
            status_reason: self.run.status_reason,
            auto_run: self.run.auto_run,
            user_id: self.birth.user_id,
            user_email: email(self.birth.user_id, emails),
            is_test: self.birth.is_test,
            created_at: self.birth.created_at,
            finished_at: self.run.finished_at,
            rested_ms: self.run.rested_ms,
            deadline_at: self.run.deadline_at,
            budget: self.run.budget,
            parent: self.birth.parent.clone(),
            forked_from: self.birth.forked_from.clone(),
            steps: Vec::new(),
            artifacts: Vec::new(),
            left_out: None,
        }
    }

    /// Adds the next `n` steps, and what they made, to a view that was begun of this very state. False once it has all.
    pub fn view_more(&self, view: &mut RunView, n: usize, emails: &Emails) -> bool {
        let next: Vec<&Step> = self.steps().skip(view.steps.len()).take(n).collect();
        for step in &next {
            view.steps.push(self.step_view(step, emails));
            for name in self.names(&step.key) {
                view.artifacts.extend(self.version_views(&step.key, name, emails));
            }
        }
        // Where the last ones fill it there may be more, of which the next call finds none.
        next.len() == n
    }

    /// What people call a step: as the definition does, with its item if it is one.
    pub fn title(&self, key: &StepKey) -> String {
        self.design.plan(&key.split().0).map(|plan| plan.title_of(key)).unwrap_or_default()
    }

    /// By step, name and version.
    pub(in crate::run) fn artifact_views(&self, emails: &Emails) -> Vec<ArtifactMeta> {
        let steps = self.steps().map(|step| &step.key);
        let names = steps.flat_map(|key| self.names(key).map(move |name| (key, name)));
        names.flat_map(|(key, name)| self.version_views(key, name, emails)).collect()
    }

    /// Every version of one output, in order.
    pub(in crate::run) fn version_views(&self, key: &StepKey, name: &str, emails: &Emails) -> Vec<ArtifactMeta> {
        let versions = self.versions(key, name).iter();
        versions.map(|version| version.view(emails)).collect()
    }

    /// What the step ever made.
    pub(in crate::run) fn names(&self, key: &StepKey) -> impl Iterator<Item = &str> {
        self.versions.get(key).into_iter().flat_map(Outputs::names).map(String::as_str)
    }

    pub(in crate::run) fn step_view(&self, step: &Step, emails: &Emails) -> Arc<StepView> {
        let plan = self.design.plan(step.definition_key());
        let attempts = self.attempts(&step.key);
        let backs_off =
            step.status.word() == StepStatus::Ready && Self::count_ends(attempts, step.generation, Outcome::Failed) > 0;
        Arc::new(StepView {
            key: step.key.clone(),
            title: self.title(&step.key),
            agent_id: plan.map_or_else(|| "".into(), |plan| plan.agent_id.clone()),
            agent_version: plan.map_or(0, |plan| plan.agent_version),
            kind: plan.map(|plan| plan.word().to_owned()).unwrap_or_default(),
            prompt_hash: plan.and_then(|plan| plan.prompt_hash.clone()),
            status: step.status.word(),
            reason: step.status.reason(),
            generation: step.generation,
            not_before: backs_off.then_some(step.not_before),
            item_of: step.item.as_ref().map(|item| item.of.clone()),
            item_index: step.item.as_ref().map(|item| item.index),
            child_run: step.child_run,
            review: step.review().map(|review| review.view(emails)),
            feedback: self.last_words(step).map(|wanted| wanted.view(emails)),
            attempts: attempts.iter().map(super::Attempt::view).collect(),
        })
    }

    /// The rejection with which the step's generation began.
    pub fn feedback(&self, step: &Step) -> Option<&Rejection> {
        self.rejections(&step.key).last().filter(|last| last.began(step))
    }

    /// That, or the rejection that ended it.
    fn last_words(&self, step: &Step) -> Option<&Rejection> {
        self.rejections(&step.key).last().filter(|last| last.began(step) || last.ended(step))
    }
}

impl Version {
    /// Somebody without an account any more is shown by nothing.
    pub fn view(&self, emails: &Emails) -> ArtifactMeta {
        ArtifactMeta {
            id: self.id,
            producing_step_id: self.producing_step_id.clone(),
            name: self.name.clone(),
            version: self.version,
            is_latest: self.is_latest,
            content_hash: self.content_hash.clone(),
            value_hash: self.value_hash.clone(),
            media_type: self.media_type.clone(),
            size: self.size,
            origin: self.origin,
            attempt: self.attempt,
            parent: self.parent,
            made_by: self.made_by.map(|by| email(by, emails)),
            is_approved: self.is_approved,
            approved_by: self.approved_by.iter().map(|by| email(*by, emails)).collect(),
            created_at: self.created_at,
        }
    }
}

impl Review {
    pub(crate) fn view(&self, emails: &Emails) -> ReviewView {
        ReviewView {
            opened_at: self.opened_at,
            due_at: self.due_at,
            quorum: i32::try_from(self.quorum).unwrap_or(i32::MAX),
            allow_self: self.allow_self,
            roles: self.roles.clone(),
            groups: self.groups.clone(),
            users: self.users.clone(),
            approvals: self.votes.iter().map(|by| email(*by, emails)).collect(),
            approved_for: emails_of(&self.voted_for, emails),
        }
    }
}

impl Rejection {
    /// The generation that the step is in.
    pub(crate) fn began(&self, step: &Step) -> bool {
        !self.is_last && self.generation + 1 == step.generation
    }

    fn ended(&self, step: &Step) -> bool {
        self.is_last && self.generation == step.generation && step.status.word() == StepStatus::Failed
    }

    pub fn view(&self, emails: &Emails) -> Feedback {
        Feedback { text: self.text.clone(), by: email(self.by, emails), round: self.round }
    }
}

/// Whom each of these stood in for.
pub(crate) fn emails_of(stood_in: &BTreeMap<UserId, UserId>, emails: &Emails) -> BTreeMap<String, String> {
    stood_in.iter().map(|(by, of)| (email(*by, emails), email(*of, emails))).collect()
}

pub(crate) fn email(of: UserId, emails: &Emails) -> String {
    emails.get(&of).cloned().unwrap_or_default()
}
