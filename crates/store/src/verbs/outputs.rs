//! Verbs on what a step made: edit, supply, roll back. None begins a generation, and no version is ever changed or lost.

use workflow::{ArtifactId, StepKey, event::EventKind};

use super::{
    Call, Edit, Supply, VerbOutcome,
    gates::Vote,
    tx::{Step, Tx, begin, conflict, status},
};
use crate::{Result, Store, protocol::NewArtifact};

impl Store {
    /// New versions by a person, of a step that waits for review or is completed.
    pub async fn edit_step(&self, call: &Call<'_>, key: &StepKey, edit: &Edit) -> Result<VerbOutcome> {
        let (mut tx, step) = begin!(self, call, key, edit.expect_generation, edit.digest.as_ref());
        if !step.is(&["awaiting_review", "completed"]) {
            return status(&step.status);
        }
        if edit.expect_generation.is_some() {
            let (is_latest, has_voted) = tx.is_written(&step, &edit.artifacts).await?;
            if is_latest && (step.is(&["completed"]) || !edit.approve || has_voted) {
                return Ok(VerbOutcome::Unchanged);
            }
        }
        tx.moves(&step);
        tx.put(&step, &edit.artifacts, "human_edit").await?;
        tx.void_votes(&step).await?;
        // Edited after it passed an `always` gate, it has to pass it again.
        let is_gated = step.is(&["awaiting_review"]) || (step.review_mode == "always" && !step.is_map);
        if is_gated && step.is(&["completed"]) {
            tx.open_gate_again(&step).await?;
        }
        if is_gated && edit.approve {
            match tx.vote(&step).await? {
                Vote::Refused(refusal) => return conflict(refusal),
                Vote::Counted => {}
                Vote::Approved => tx.advance(&[step.id]).await?,
            }
        } else if !is_gated {
            tx.collect_again(&step).await?;
        }
        tx.commit(EventKind::StepEdited, Some(&step.key)).await
    }

    /// Completes a step with outputs by a person, whatever became of it; an `always` gate still asks.
    pub async fn supply_step(&self, call: &Call<'_>, key: &StepKey, supply: &Supply) -> Result<VerbOutcome> {
        let (mut tx, step) = begin!(self, call, key, supply.expect_generation);
        if step.is(&["running"]) || step.status == "cancelled" {
            return status(&step.status);
        }
        let stands = step.is(&["completed"]) || (step.is(&["awaiting_review"]) && step.review_mode == "always");
        if supply.expect_generation.is_some() && stands && tx.is_written(&step, &supply.artifacts).await?.0 {
            return Ok(VerbOutcome::Unchanged);
        }
        tx.put(&step, &supply.artifacts, "human_edit").await?;
        tx.complete_by_hand(&step).await?;
        tx.commit(EventKind::StepSupplied, Some(&step.key)).await
    }

    /// Makes an older version the latest again.
    pub async fn rollback_artifact(
        &self,
        call: &Call<'_>,
        artifact: ArtifactId,
        expect_generation: Option<i32>,
    ) -> Result<VerbOutcome> {
        // Which step made it never changes; all else is looked at under the locks.
        let Some(key) = sqlx::query_scalar!(
            "SELECT s.key FROM artifacts a JOIN steps s ON s.id = a.step_id WHERE a.id = $1 AND a.run_id = $2",
            artifact.0,
            call.run.0,
        )
        .fetch_optional(&self.pool)
        .await?
        else {
            return Ok(VerbOutcome::NotFound);
        };
        let (mut tx, step) = begin!(self, call, &key.as_str().into(), expect_generation);
        if step.is(&["running", "cancelled"]) {
            return status(&step.status);
        }
        let version = sqlx::query!(
            "SELECT name, is_latest, is_approved FROM artifacts WHERE id = $1 AND step_id = $2",
            artifact.0,
            step.id,
        );
        // Of another step under the same key: an item that was let go.
        let Some(version) = version.fetch_optional(tx.conn()).await? else { return Ok(VerbOutcome::NotFound) };
        if version.is_latest {
            return Ok(VerbOutcome::Unchanged);
        }
        sqlx::query!(
            "UPDATE artifacts SET is_latest = false WHERE step_id = $1 AND name = $2 AND is_latest",
            step.id,
            version.name,
        )
        .execute(tx.conn())
        .await?;
        sqlx::query!("UPDATE artifacts SET is_latest = true WHERE id = $1", artifact.0).execute(tx.conn()).await?;
        tx.shows([artifact.0]);
        tx.moves(&step);
        tx.void_votes(&step).await?;
        if step.is(&["completed"]) {
            if step.review_mode == "always" && !step.is_map && !version.is_approved {
                tx.open_gate_again(&step).await?;
            } else {
                tx.collect_again(&step).await?;
            }
        }
        tx.commit(EventKind::ArtifactRolledBack, Some(&step.key)).await
    }
}

impl Tx<'_> {
    /// Whether this person wrote exactly these versions and they are the latest, and whether they voted at the open gate:
    /// of equal clicks one has an effect, and this is how the others find it.
    async fn is_written(&mut self, step: &Step, artifacts: &[NewArtifact]) -> Result<(bool, bool)> {
        let names: Vec<&str> = artifacts.iter().map(|artifact| artifact.name.as_str()).collect();
        let hashes: Vec<&str> = artifacts.iter().map(|artifact| artifact.hash.as_str()).collect();
        let actor = self.call.actor.id.0;
        let found = sqlx::query!(
            r#"SELECT NOT EXISTS (
                    SELECT FROM unnest($2::text[], $3::text[]) n(name, hash) WHERE NOT EXISTS (
                        SELECT FROM artifacts a WHERE a.step_id = $1 AND a.is_latest AND a.name = n.name AND a.content_hash = n.hash
                            AND a.origin = 'human_edit' AND a.made_by = $4)) AS "is_latest!",
                EXISTS (
                    SELECT FROM reviews v JOIN review_votes o ON o.step_id = v.step_id AND o.generation = v.generation AND o.no = v.no
                    WHERE v.step_id = $1 AND v.decision IS NULL AND o.user_id = $4) AS "has_voted!""#,
            step.id,
            &names as &[&str],
            &hashes as &[&str],
            actor,
        )
        .fetch_one(self.conn())
        .await?;
        Ok((found.is_latest, found.has_voted))
    }

    /// Earlier approvals were of something else.
    pub(super) async fn void_votes(&mut self, step: &Step) -> Result<()> {
        sqlx::query!(
            "DELETE FROM review_votes o USING reviews v
            WHERE o.step_id = $1 AND v.step_id = o.step_id AND v.generation = o.generation AND v.no = o.no AND v.decision IS NULL",
            step.id,
        )
        .execute(self.conn())
        .await?;
        Ok(())
    }

    /// A completed step waits for review once more; what depends on it waits too, if it has not begun.
    async fn open_gate_again(&mut self, step: &Step) -> Result<()> {
        sqlx::query!("UPDATE steps SET status = 'awaiting_review' WHERE id = $1", step.id).execute(self.conn()).await?;
        sqlx::query!("SELECT open_gates_v2(ARRAY[$1::bigint])", step.id).execute(self.conn()).await?;
        self.reopen(step).await
    }

    /// The map of a completed item makes its list anew.
    async fn collect_again(&mut self, step: &Step) -> Result<()> {
        if step.map_status.is_some() {
            self.reopen(step).await?;
            self.advance(&[step.id]).await?;
        }
        Ok(())
    }

    /// The step is completed by what a person gave; an `always` gate still asks.
    pub(super) async fn complete_by_hand(&mut self, step: &Step) -> Result<()> {
        self.moves(step);
        self.void_votes(step).await?;
        if step.is_terminal() {
            self.reopen(step).await?;
        }
        let asks = step.review_mode == "always" && !step.is_map;
        if !asks {
            self.close_gate(step, "superseded").await?;
        }
        sqlx::query!(
            "UPDATE steps SET status = $2, reason = NULL, undecided = false, rounds = 0 WHERE id = $1",
            step.id,
            if asks { "awaiting_review" } else { "completed" },
        )
        .execute(self.conn())
        .await?;
        if !asks {
            return self.advance(&[step.id]).await;
        }
        if !step.is(&["awaiting_review"]) {
            sqlx::query!("SELECT open_gates_v2(ARRAY[$1::bigint])", step.id).execute(self.conn()).await?;
        }
        Ok(())
    }
}
