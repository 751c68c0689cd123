//! How maps and sub-workflows begin and end, and what time does by itself.

use serde_json::json;
use uuid::Uuid;
use workflow::{
    ArtifactId, RunId, StepKey, UserId,
    access::{Actor, Role},
    status::Reason,
    view::{Basis, ConsumedInput},
};

use super::{CALL_LIMIT, Claimed, NewArtifact, WorkerId, complete::ArtifactColumns, within};
use crate::{
    Error, Result, Store, exact,
    runs::{NewRun, NewSteps},
    verbs::Call,
};

/// The run that a step of kind `workflow` begins.
pub struct ChildRun<'a> {
    pub claim: &'a Claimed,
    pub run: NewRun<'a>,
    pub inputs: &'a [ConsumedInput],
    pub basis: &'a Basis,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChildAnswer {
    /// It has begun, now or by a call whose answer was lost.
    Begun,
    /// The attempt is not this worker's any more.
    Fenced,
    /// Sub-workflows are nested as deep as they may.
    TooDeep,
}

/// How a map or a sub-workflow ended.
#[derive(Clone, PartialEq, Debug)]
pub struct ParentEnd {
    pub step: i64,
    pub run: RunId,
    /// Which asking this answers.
    pub mark: i32,
    /// The sub-workflow's run; none for a map.
    pub child: Option<RunId>,
    pub result: Result<Vec<NewArtifact>, (Reason, String)>,
}

impl Store {
    pub async fn start_child(&self, worker: WorkerId, child: &ChildRun<'_>) -> Result<ChildAnswer> {
        let steps = NewSteps::of(child.run.definition, child.run.plan, child.run.agents, child.run.inputs);
        if !steps.meanings.is_empty() {
            exact::remember(&mut *self.pool.acquire().await?, steps.meanings.clone()).await?;
        }
        let call = sqlx::query_scalar!(
            r#"SELECT start_child_v2($1, $2, $3, $4, $5, $6, $7, $8, $9) AS "answer!""#,
            worker.0,
            child.claim.step,
            child.claim.attempt,
            json!(child.inputs),
            json!(child.basis),
            child.run.document(&steps),
            json!(steps.rows),
            &steps.dep_from,
            &steps.dep_to,
        );
        let pool = self.pool.clone();
        let answer = match within(CALL_LIMIT, async move { call.fetch_one(&pool).await }).await?.as_str() {
            "done" | "already" => ChildAnswer::Begun,
            "fenced" => ChildAnswer::Fenced,
            "too_deep" => ChildAnswer::TooDeep,
            other => {
                return Err(Error::Inconsistent { table: "start_child_v2", column: "answer", row: other.to_owned() });
            }
        };
        if answer == ChildAnswer::Begun {
            self.hint_change(child.claim.run, true);
            self.outbox.run(child.run.id);
        }
        Ok(answer)
    }

    /// Ends a map whose items are over, or a step whose sub-workflow's run is over. False: there was nothing to end.
    pub async fn end_parent(&self, end: &ParentEnd) -> Result<bool> {
        let (artifacts, class, error) = match &end.result {
            Ok(artifacts) => (artifacts.as_slice(), None, None),
            Err((class, error)) => (&[][..], Some(class.as_str()), Some(error.as_str())),
        };
        if artifacts.iter().any(|artifact| artifact.value_hash.is_some()) {
            exact::remember_values(&mut *self.pool.acquire().await?, artifacts).await?;
        }
        let columns = ArtifactColumns::of(end.step, artifacts);
        let call = sqlx::query_scalar!(
            r#"SELECT end_parent_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS "changed!""#,
            end.step,
            end.mark,
            end.child.map(|child| child.0),
            class,
            error,
            &columns.id,
            &columns.name as &[&str],
            &columns.media as &[&str],
            &columns.hash as &[&str],
            &columns.size,
            &columns.content as &[Option<&[u8]>],
        );
        let pool = self.pool.clone();
        let changed = within(CALL_LIMIT, async move { call.fetch_one(&pool).await }).await?;
        self.hint_change(end.run, changed);
        Ok(changed)
    }

    /// Cancels the run of a sub-workflow that its step does not wait for any more, as its owner.
    pub async fn cancel_abandoned(&self, run: RunId) -> Result<()> {
        let owner = sqlx::query!(
            "SELECT u.id, u.email FROM workflow_runs r JOIN users u ON u.id = r.user_id WHERE r.id = $1",
            run.0,
        )
        .fetch_optional(&self.pool)
        .await?;
        if let Some(owner) = owner {
            let actor = Actor { id: UserId(owner.id), email: owner.email, role: Role::User };
            self.cancel_run(&Call::new(run, &actor)).await?;
        }
        Ok(())
    }

    /// The latest version of an artifact of a run, as an output of another name; content is shared by its hash.
    pub async fn output_of(
        &self,
        run: RunId,
        step: &StepKey,
        artifact: &str,
        name: &str,
    ) -> Result<Option<NewArtifact>> {
        let row = sqlx::query!(
            "SELECT a.media_type, a.content_hash, a.size, a.content FROM steps s JOIN artifacts a ON a.step_id = s.id
            WHERE s.run_id = $1 AND s.key = $2 AND a.name = $3 AND a.is_latest AND NOT s.superseded",
            run.0,
            step.as_str(),
            artifact,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| NewArtifact {
            id: ArtifactId(Uuid::now_v7()),
            name: name.to_owned(),
            media_type: row.media_type,
            hash: row.content_hash,
            size: row.size,
            content: row.content,
            value_hash: None,
        }))
    }

    /// Ends runs that took longer than they may, and gates that nobody decided in time.
    pub async fn expire(&self, n: i32) -> Result<usize> {
        let mut runs: Vec<Uuid> =
            sqlx::query_scalar!(r#"SELECT expire_runs_v2($1) AS "runs!""#, n).fetch_one(&self.pool).await?;
        let reviews: Vec<Uuid> =
            sqlx::query_scalar!(r#"SELECT expire_reviews_v2($1) AS "runs!""#, n).fetch_one(&self.pool).await?;
        runs.extend(reviews);
        for run in &runs {
            self.outbox.run(RunId(*run));
            self.outbox.cancelled(RunId(*run));
        }
        if !runs.is_empty() {
            self.outbox.ready();
        }
        Ok(runs.len())
    }
}
