//! Events of a run as people read them: the timeline, over REST and on pages. Emails stand where the log has ids.
//! Must never hold what only the engine needs: such as workers, what a verb was asked under, what other runs are told.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    definition::Definition,
    id::{RunId, StepKey, UserId},
    run::{
        RunEvent,
        event::{EventKind, Moved},
        state::{Attempt, ClosedReview, Emails, Rejection, RunChange, Step, Verdict, email, emails_of},
    },
    status::{Reason, StepStatus},
    view::{ArtifactMeta, AttemptView, Feedback, ReviewView, StepOverride, is_zero},
};

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventView {
    /// Gapless from 1 in each run.
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub kind: EventKind,
    /// Absent when the engine did it.
    pub actor: Option<EventActor>,
    /// In whose place they did it, by email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted_for: Option<String>,
    /// The event of the same decision that it follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<i64>,
    pub data: EventData,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventActor {
    pub id: UserId,
    pub email: String,
}

/// What the event changed, as new values.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct EventData {
    /// The step the event is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunChange>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepChange>,
    /// Attempts that began or ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptView>,
    /// New versions, and versions whose flags changed. One that is latest ends every other of its name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactMeta>,
    /// New overrides of the named steps; null takes one back.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::overrides))]
    pub overrides: BTreeMap<StepKey, Option<StepOverride>>,
    /// Steps that are no part of the run any more: items that vanished, steps that a newer version dropped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<StepKey>,
    /// Gates that were closed, and how.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<ReviewEnd>,
    /// What people wanted when they rejected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejections: Vec<RejectionView>,
    /// The run goes on with another version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<Box<MovedView>>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepChange {
    pub key: StepKey,
    pub status: StepStatus,
    pub reason: Option<Reason>,
    pub generation: i32,
    /// When a step that backs off may start again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
    /// The map step that this is an item of, and its place in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_of: Option<StepKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_index: Option<i32>,
    /// The run of a sub-workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child_run: Option<RunId>,
    /// The gate that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewView>,
    /// What a person asked for when this generation began with a rejection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
}

/// A gate that was closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReviewEnd {
    pub step: StepKey,
    pub generation: i32,
    /// From 1 in each generation.
    pub number: i32,
    pub verdict: Verdict,
    /// Absent where nobody in particular closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// In whose place they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted_for: Option<String>,
    /// What was latest.
    pub digest: String,
    /// Emails of those who approved that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<String>,
    /// Of those who did in the place of somebody who was away: by their email that of whom.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub approved_for: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RejectionView {
    pub step: StepKey,
    /// The generation whose result was rejected.
    pub generation: i32,
    /// 1 for the first rejection in a row.
    pub round: i32,
    pub text: String,
    pub by: String,
    /// There was no round left: it ended the step.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub is_last: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MovedView {
    pub template_version: i32,
    pub template_name: String,
    pub run_definition: Arc<Definition>,
}

impl EventView {
    /// Somebody without an account any more is shown by nothing.
    pub fn of(event: &RunEvent, emails: &Emails) -> Self {
        let data = &event.data;
        Self {
            seq: event.seq,
            at: event.at,
            kind: event.kind,
            actor: event.actor.map(|id| EventActor { id, email: email(id, emails) }),
            acted_for: data.acted_for.map(|id| email(id, emails)),
            cause: event.cause,
            data: EventData {
                step: data.step.clone(),
                run: data.run.clone(),
                steps: data.steps.iter().map(|step| StepChange::of(step, event, emails)).collect(),
                attempts: data.attempts.iter().map(Attempt::view).collect(),
                artifacts: data.artifacts.iter().map(|version| version.view(emails)).collect(),
                overrides: data.overrides.clone(),
                removed: data.removed.clone(),
                reviews: data.reviews.iter().map(|closed| ReviewEnd::of(closed, emails)).collect(),
                rejections: data.rejections.iter().map(|rejection| RejectionView::of(rejection, emails)).collect(),
                moved: data.moved.as_deref().map(|moved| Box::new(MovedView::of(moved))),
            },
        }
    }
}

impl StepChange {
    fn of(step: &Step, event: &RunEvent, emails: &Emails) -> Self {
        let status = step.status.word();
        let mut rejections = event.data.rejections.iter().filter(|rejection| rejection.step == step.key);
        Self {
            key: step.key.clone(),
            status,
            reason: step.status.reason(),
            generation: step.generation,
            not_before: Some(step.not_before).filter(|at| status == StepStatus::Ready && *at > event.at),
            item_of: step.item.as_ref().map(|item| item.of.clone()),
            item_index: step.item.as_ref().map(|item| item.index),
            child_run: step.child_run,
            review: step.review().map(|review| review.view(emails)),
            feedback: rejections.find(|rejection| rejection.began(step)).map(|rejection| rejection.view(emails)),
        }
    }
}

impl ReviewEnd {
    fn of(closed: &ClosedReview, emails: &Emails) -> Self {
        Self {
            step: closed.step.clone(),
            generation: closed.generation,
            number: closed.number,
            verdict: closed.verdict,
            by: closed.by.map(|by| email(by, emails)),
            acted_for: closed.acted_for.map(|of| email(of, emails)),
            digest: closed.digest.clone(),
            approvals: closed.votes.iter().map(|by| email(*by, emails)).collect(),
            approved_for: emails_of(&closed.voted_for, emails),
        }
    }
}

impl RejectionView {
    fn of(rejection: &Rejection, emails: &Emails) -> Self {
        Self {
            step: rejection.step.clone(),
            generation: rejection.generation,
            round: rejection.round,
            text: rejection.text.clone(),
            by: email(rejection.by, emails),
            is_last: rejection.is_last,
        }
    }
}

impl MovedView {
    fn of(moved: &Moved) -> Self {
        Self {
            template_version: moved.template_version,
            template_name: moved.template_name.clone(),
            run_definition: moved.run_definition.clone(),
        }
    }
}
