//! Gates: when one opens, who may decide at it, what a vote counts, how it closes.

use std::collections::BTreeSet;

use super::draft::Draft;
use crate::{
    definition::OnReviewTimeout,
    hash,
    id::{ArtifactId, StepKey, UserId},
    run::{
        Refused,
        event::EventKind,
        seeded::{self, Bug},
        state::{ClosedReview, Rejection, Review, Status, Verdict, Version, Word},
    },
    status::{ErrorClass, Origin, StepStatus},
    step_machine::StepEvent,
};

/// What became of a vote.
pub(super) enum Vote {
    /// Enough people approved: the step is completed.
    Approved,
    /// More of them are wanted.
    Counted,
}

impl Draft<'_> {
    /// Whether a person must look at what the step made. A form always waits for its answer; the gate of a map is at its items.
    pub(super) fn gates(&self, key: &StepKey) -> bool {
        let by_mode = self.definition(key).is_some_and(|step| step.review.mode.gates(self.run.auto_run));
        !self.is_map(key) && (self.asks_a_person(key) || by_mode)
    }

    /// Whether the step is a form.
    pub(super) fn asks_a_person(&self, key: &StepKey) -> bool {
        self.plan(key).is_some_and(crate::run::plan::StepPlan::is_form)
    }

    /// The step begins to wait for a person: it came through the door.
    pub(super) fn open_gate(&mut self, key: &StepKey) {
        let asked = self.definition(key).map(|step| step.review.clone()).unwrap_or_default();
        let now = self.now;
        self.change(key, |step| {
            step.n_reviews += 1;
            step.status = Status::AwaitingReview { review: Box::new(Review::open(&asked, step.n_reviews, now)) };
        });
    }

    /// Decides the open gate of a step, if it has one. What the step then is, is for the caller to say.
    pub(super) fn close_gate(&mut self, key: &StepKey, verdict: Verdict) {
        let Ok(step) = self.step(key) else { return };
        let Some(review) = step.review() else { return };
        if seeded::is(Bug::LosesReview) && verdict == Verdict::Rejected {
            return;
        }
        let title = self.plan(key).map(|plan| plan.title_of(key)).filter(|title| title != key.as_str());
        let closed = ClosedReview {
            step: key.clone(),
            generation: step.generation,
            number: review.number,
            verdict,
            by: if verdict == Verdict::TimedOut { None } else { self.actor() },
            acted_for: if verdict == Verdict::TimedOut { None } else { self.acted_for },
            digest: self.digest(key),
            votes: review.votes.clone(),
            voted_for: review.voted_for.clone(),
            opened_at: Some(review.opened_at),
            title,
        };
        self.reviews.push(closed);
    }

    /// The digest over what is latest: what a decision is bound to.
    pub(super) fn digest(&self, key: &StepKey) -> String {
        let shown = self.latest(key).into_iter();
        hash::review_digest(shown.map(|version| (&*version.name, version.version, &*version.content_hash)))
    }

    /// Counts this person's approval of what is latest; with enough of them the step completes.
    pub(super) fn vote(&mut self, key: &StepKey) -> Result<Vote, Refused> {
        let review = self.step(key)?.review().cloned().ok_or(Refused::Outdated)?;
        let actor = self.actor().ok_or(Refused::Access(crate::verbs::Access::Unauthenticated))?;
        let latest: BTreeSet<ArtifactId> = self.latest(key).into_iter().map(|version| version.id).collect();
        if self.asks_a_person(key) && latest.is_empty() {
            return Err(Refused::Unanswered);
        }
        if review.due_at.is_some_and(|due| due < self.now) {
            return Err(Refused::TooLate);
        }
        if !review.allow_self && self.is_own(key) {
            return Err(Refused::SelfApproval);
        }
        // Who left what is asked, or cannot sign in any more, has no say in what is decided now; nor has what they said before they were
        // back, or in the place of somebody whose reviews they have no more.
        let mut given = match review.quorum {
            0 | 1 => Vec::new(),
            _ => review.standing(self.ctx.voters, self.base().birth.user_id).ok_or(Refused::UnknownVoter)?,
        };
        let of = self.word_of_asker(key, &review, &given)?;
        self.acted_for = (of != actor).then_some(of);
        let mut approvers = vec![actor];
        if review.quorum > 1 {
            given.push(Word { by: actor, of });
            approvers = given.iter().map(|word| word.by).collect();
            let (n, now) = (given.len(), self.now);
            self.change(key, |step| {
                if let Status::AwaitingReview { review } = &mut step.status {
                    review.voted_at.insert(actor, now);
                    review.voted_at.retain(|by, _| given.iter().any(|word| word.by == *by));
                    review.voted_for =
                        given.iter().filter(|word| word.of != word.by).map(|word| (word.by, word.of)).collect();
                    review.votes = given.into_iter().map(|word| word.by).collect();
                }
            });
            if n < usize::try_from(review.quorum).unwrap_or(usize::MAX) {
                self.expect(key, StepEvent::Voted, StepStatus::AwaitingReview)?;
                return Ok(Vote::Counted);
            }
        }
        self.expect(key, StepEvent::Approved, StepStatus::Completed)?;
        self.close_gate(key, Verdict::Approved);
        self.approve_versions(key, &approvers);
        self.change(key, |step| {
            step.status = Status::Completed;
            step.rounds = 0;
        });
        Ok(Vote::Approved)
    }

    /// The latest versions passed a gate, by the word of these.
    pub(super) fn approve_versions(&mut self, key: &StepKey, by: &[UserId]) {
        let latest: Vec<Version> = self.latest(key).into_iter().cloned().collect();
        for mut version in latest {
            version.is_approved = true;
            version.approved_by = by.to_vec();
            self.put_version(version);
        }
    }

    /// Earlier approvals were of something else.
    pub(super) fn void_votes(&mut self, key: &StepKey) {
        if seeded::is(Bug::KeepsVotes) {
            return;
        }
        self.change(key, |step| {
            if let Status::AwaitingReview { review } = &mut step.status {
                review.votes.clear();
                review.voted_at.clear();
                review.voted_for.clear();
            }
        });
    }

    // ---- verbs

    pub(super) fn approve(&mut self, key: &StepKey) -> Result<(), Refused> {
        self.expect_status(key, &[StepStatus::AwaitingReview])?;
        let kind = match self.vote(key)? {
            Vote::Counted => EventKind::StepVoted,
            Vote::Approved => {
                self.advance(vec![key.clone()])?;
                EventKind::StepApproved
            }
        };
        self.tell(kind, Some(key), None)?;
        Ok(())
    }

    /// Asks for another round, or ends the step once there were enough.
    pub(super) fn reject(&mut self, key: &StepKey, text: &str) -> Result<(), Refused> {
        self.expect_status(key, &[StepStatus::AwaitingReview])?;
        let step = self.step(key)?.clone();
        let by = self.actor().ok_or(Refused::Access(crate::verbs::Access::Unauthenticated))?;
        let most = self.definition(key).map_or(0, |step| step.review.max_rounds);
        let round = step.rounds + 1;
        let is_last = i64::from(step.rounds) >= i64::from(most);
        let (step, generation, text) = (key.clone(), step.generation, text.to_owned());
        self.rejections.push(Rejection { step, generation, round, text, by, is_last });
        if is_last {
            self.close_gate(key, Verdict::Rejected);
            self.fail(key, ErrorClass::Rejected, StepEvent::Rejected { exhausted: true, blocked: false })?;
            self.advance(vec![key.clone()])?;
        } else {
            let rejected = |_: &StepKey, blocked| StepEvent::Rejected { exhausted: false, blocked };
            self.restart(&[key.clone()].into(), rejected, Verdict::Rejected, round)?;
        }
        self.tell(EventKind::StepRejected, Some(key), None)?;
        Ok(())
    }

    // ---- time

    /// Nobody decided in time: the gate is decided as its step says.
    pub(super) fn time_out(&mut self, key: &StepKey) -> Result<(), Refused> {
        let Some(review) = self.step(key)?.review().cloned() else { return Ok(()) };
        if review.due_at.is_none_or(|due| due >= self.now) {
            return Ok(());
        }
        self.close_gate(key, Verdict::TimedOut);
        // A form without an answer can only be approved with its default output.
        let asks = self.latest(key).is_empty();
        let has_default = self.plan(key).is_some_and(|plan| !plan.defaults.is_empty());
        let may_pass = review.on_timeout == OnReviewTimeout::Approve && !self.binds(key);
        if may_pass && (!asks || has_default) {
            self.expect(key, StepEvent::ReviewTimedOut { approve: true }, StepStatus::Completed)?;
            if asks {
                self.put_defaults(key);
            }
            self.change(key, |step| step.status = Status::Completed);
        } else {
            self.fail(key, ErrorClass::ReviewTimeout, StepEvent::ReviewTimedOut { approve: false })?;
        }
        self.advance(vec![key.clone()])?;
        self.tell(EventKind::ReviewTimedOut, Some(key), None)?;
        Ok(())
    }

    /// Whether these versions were written by whoever asks and are the latest: of equal clicks one has an effect, and this is how the
    /// others find it.
    pub(super) fn is_written(&self, key: &StepKey, outputs: &[crate::run::state::NewVersion]) -> bool {
        let actor = self.actor();
        outputs.iter().all(|new| {
            self.latest_of(key, &new.name).is_some_and(|known| {
                known.content_hash == new.content_hash && known.origin == Origin::HumanEdit && known.made_by == actor
            })
        })
    }
}
