//! Claiming: what a worker takes to run, and what it is asked to look at.

use serde::Deserialize;
use serde_json::Value;
use workflow::{
    RunId, StepKey,
    view::{Feedback, StepOverride},
};

use super::{Asked, CALL_LIMIT, WorkerId, asking, within};
use crate::{Result, Store, decode::document, exact};

/// An attempt that this worker now runs.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Claimed {
    pub step: i64,
    pub run: RunId,
    pub key: StepKey,
    pub generation: i32,
    pub attempt: i32,
    /// Failures of this generation so far.
    pub fail_count: i32,
    /// Of the run's template: a run may move to another one.
    pub version: i32,
    pub overrides: Option<StepOverride>,
    /// What a person asked for when this generation began.
    #[serde(default)]
    pub feedback: Option<Feedback>,
    #[serde(default)]
    pub item: Option<ClaimedItem>,
}

/// The item that an item step is for.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct ClaimedItem {
    /// Its map step.
    pub of: StepKey,
    #[serde(deserialize_with = "workflow::json::exact")]
    pub value: Value,
    /// What the run changes about all items.
    pub overrides: Option<StepOverride>,
}

impl Claimed {
    /// The key under which the definition knows it.
    pub fn definition_key(&self) -> &StepKey {
        self.item.as_ref().map_or(&self.key, |item| &item.of)
    }

    /// What the run changes about it: an item's own over those of its map step.
    pub fn effective_overrides(&self) -> Option<StepOverride> {
        let own = self.overrides.clone().map(|own| (self.key.clone(), own));
        let general = self.item.as_ref().and_then(|item| Some((item.of.clone(), item.overrides.clone()?)));
        workflow::resolve::effective_override(&own.into_iter().chain(general).collect(), &self.key)
    }
}

/// What one look for work found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Claims {
    pub claimed: Vec<Claimed>,
    pub asked: Vec<Asked>,
}

pub(super) fn read(mut value: Value) -> Result<Vec<Claimed>> {
    for claim in value.as_array_mut().into_iter().flatten() {
        claim.get_mut("overrides").into_iter().for_each(exact::open_override);
        if let Some(item) = claim.get_mut("item") {
            item.get_mut("value").into_iter().for_each(exact::open);
            item.get_mut("overrides").into_iter().for_each(exact::open_override);
        }
    }
    document(value, "claim", "claimed", &"*")
}

impl Store {
    /// Claims up to `n` steps, and takes what is to be decided; none when this worker is no longer alive.
    pub async fn claim(&self, worker: WorkerId, n: usize) -> Result<Option<Claims>> {
        let n = i32::try_from(n).unwrap_or(i32::MAX);
        let call = sqlx::query!("SELECT claimed, asked FROM claim_v2($1, $2)", worker.0, n);
        let pool = self.pool.clone();
        let row = within(CALL_LIMIT, async move { call.fetch_one(&pool).await }).await?;
        let (Some(claimed), Some(asked)) = (row.claimed, row.asked) else { return Ok(None) };
        let claims = Claims { claimed: read(claimed)?, asked: asking::read(asked)? };
        for claim in &claims.claimed {
            self.outbox.run(claim.run);
        }
        Ok(Some(claims))
    }
}
