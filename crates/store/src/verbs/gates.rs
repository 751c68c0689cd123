//! Verbs at a gate: approve (perhaps as one of several), and reject with feedback.

use uuid::Uuid;
use workflow::{StepKey, event::EventKind};

use super::{
    Approval, Call, Conflict, Rejection, VerbOutcome,
    tx::{Step, Tx, begin, conflict, status},
};
use crate::{Result, Store};

/// What became of a vote.
pub(super) enum Vote {
    Approved,
    /// More are wanted.
    Counted,
    Refused(Conflict),
}

impl Store {
    /// Lets a step that waits for review go on, once enough people say so.
    pub async fn approve_step(&self, call: &Call<'_>, key: &StepKey, approval: &Approval) -> Result<VerbOutcome> {
        let (mut tx, step) = begin!(self, call, key, approval.expect_generation, approval.digest.as_ref());
        if !step.is(&["awaiting_review"]) {
            return status(&step.status);
        }
        tx.moves(&step);
        match tx.vote(&step).await? {
            Vote::Refused(refusal) => conflict(refusal),
            Vote::Counted => tx.commit(EventKind::StepVoted, Some(&step.key)).await,
            Vote::Approved => {
                tx.advance(&[step.id]).await?;
                tx.commit(EventKind::StepApproved, Some(&step.key)).await
            }
        }
    }

    /// Asks for another round, or fails the step once there were enough.
    pub async fn reject_step(&self, call: &Call<'_>, key: &StepKey, rejection: &Rejection) -> Result<VerbOutcome> {
        let (mut tx, step) = begin!(self, call, key, rejection.expect_generation, rejection.digest.as_ref());
        if !step.is(&["awaiting_review"]) {
            return status(&step.status);
        }
        if step.rounds < step.max_rounds {
            tx.restart(&[step.id], Some((&rejection.feedback, step.rounds + 1)), "rejected").await?;
        } else {
            tx.moves(&step);
            tx.close_gate(&step, "rejected").await?;
            tx.keep_last(&step, &rejection.feedback).await?;
            sqlx::query!("SELECT fail_steps_v2(ARRAY[$1::bigint], 'rejected')", step.id).execute(tx.conn()).await?;
            tx.show_latest(&step).await?;
            tx.advance(&[step.id]).await?;
        }
        tx.commit(EventKind::StepRejected, Some(&step.key)).await
    }
}

impl Tx<'_> {
    /// The digest over what is latest: what a decision is bound to.
    pub(super) async fn digest(&mut self, step: &Step) -> Result<String> {
        let digest = sqlx::query_scalar!(r#"SELECT review_digest_v1($1) AS "digest!""#, step.id);
        Ok(digest.fetch_one(self.conn()).await?)
    }

    /// Counts this person's approval of what is latest; with enough of them the step completes.
    pub(super) async fn vote(&mut self, step: &Step) -> Result<Vote> {
        let gate = sqlx::query!(
            "SELECT generation, no, quorum, allow_self FROM reviews WHERE step_id = $1 AND decision IS NULL",
            step.id,
        )
        .fetch_one(self.conn())
        .await?;
        let latest = sqlx::query!("SELECT id, made_by FROM artifacts WHERE step_id = $1 AND is_latest", step.id)
            .fetch_all(self.conn())
            .await?;
        if step.kind == "human" && latest.is_empty() {
            return Ok(Vote::Refused(Conflict::Unanswered));
        }
        let actor = self.call.actor.id.0;
        let is_own = self.run.user == actor || latest.iter().any(|artifact| artifact.made_by == Some(actor));
        if !gate.allow_self && is_own {
            return Ok(Vote::Refused(Conflict::SelfApproval));
        }
        if gate.quorum > 1 {
            let counted = sqlx::query!(
                "INSERT INTO review_votes (step_id, generation, no, user_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                step.id,
                gate.generation,
                gate.no,
                actor,
            )
            .execute(self.conn())
            .await?;
            if counted.rows_affected() == 0 {
                return Ok(Vote::Refused(Conflict::AlreadyVoted));
            }
            let n = sqlx::query_scalar!(
                r#"SELECT count(*) AS "n!" FROM review_votes WHERE step_id = $1 AND generation = $2 AND no = $3"#,
                step.id,
                gate.generation,
                gate.no,
            )
            .fetch_one(self.conn())
            .await?;
            if n < i64::from(gate.quorum) {
                return Ok(Vote::Counted);
            }
        }
        self.close_gate(step, "approved").await?;
        let ids: Vec<Uuid> = latest.iter().map(|artifact| artifact.id).collect();
        self.approve_versions(&ids).await?;
        sqlx::query!("UPDATE steps SET status = 'completed', rounds = 0 WHERE id = $1", step.id)
            .execute(self.conn())
            .await?;
        Ok(Vote::Approved)
    }

    /// These versions passed a gate.
    pub(super) async fn approve_versions(&mut self, ids: &[Uuid]) -> Result<()> {
        sqlx::query!("UPDATE artifacts SET is_approved = true WHERE id = ANY($1)", ids).execute(self.conn()).await?;
        self.shows(ids.iter().copied());
        Ok(())
    }

    /// The feedback of the last rejection begins a generation that nothing runs in. So it stays with the step, what the generation before it
    /// was asked stays too, and no version counts as made for it.
    async fn keep_last(&mut self, step: &Step, feedback: &str) -> Result<()> {
        let actor = self.call.actor.id.0;
        self.stores(feedback.len());
        sqlx::query!(
            "WITH begun AS (
                INSERT INTO step_generations (step_id, generation, begun_by, feedback, round) VALUES ($1, $2, $3, $4, $5)
            )
            UPDATE steps SET generation = $2 WHERE id = $1",
            step.id,
            step.generation + 1,
            actor,
            feedback,
            step.rounds + 1,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// Decides the open gate of a step, if it has one.
    pub(super) async fn close_gate(&mut self, step: &Step, decision: &str) -> Result<()> {
        let actor = self.call.actor.id.0;
        sqlx::query!(
            "UPDATE reviews SET decision = $2, decided_by = $3, decided_at = clock_timestamp(), digest = review_digest_v1($1)
            WHERE step_id = $1 AND decision IS NULL",
            step.id,
            decision,
            actor,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// The event tells the latest versions of a step.
    pub(super) async fn show_latest(&mut self, step: &Step) -> Result<()> {
        let ids = sqlx::query_scalar!("SELECT id FROM artifacts WHERE step_id = $1 AND is_latest", step.id)
            .fetch_all(self.conn())
            .await?;
        self.shows(ids);
        Ok(())
    }
}
