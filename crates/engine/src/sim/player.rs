//! The agents of one process: each attempt ends in one of the ways in which attempts end. What it makes tells which attempt made it, and of
//! what, so that whoever looks at the log knows whether it is the right one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use agents::{Agent, AgentContext, AgentError, Output, StepInput, StepOutput};
use async_trait::async_trait;
use runs::memory::Rng;
use serde_json::Value;
use tokio::time::sleep;
use workflow::{run::testing::Dice, status::Reason, view::Usage};

use super::{library::items, stage::Stage};
use crate::{Agents, tasks::ON_PURPOSE};

/// How often an agent looks around, in milliseconds, and how irregularly.
const SLICE: (u64, u64) = (200, 100);
/// So many looks at a step that is another's, each while its process is awake, before that is a mistake: eleven seconds.
const MOST_LOOKS_TOO_LATE: u32 = 48;
/// The same past its time: what ends it may have to wait for its turn.
const MOST_LOOKS_PAST_TIME: u32 = 8;

/// Who plays in one process.
#[derive(Clone)]
pub(super) struct Cast(Arc<Inner>);

struct Inner {
    stage: Arc<Stage>,
    /// Places for them.
    n_places: usize,
    n_playing: AtomicUsize,
}

/// One who plays; no more when dropped.
struct Playing<'c>(&'c Inner);

impl Drop for Playing<'_> {
    fn drop(&mut self) {
        self.0.n_playing.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Cast {
    pub(super) fn new(stage: Arc<Stage>, n_places: usize) -> Self {
        Self(Arc::new(Inner { stage, n_places, n_playing: AtomicUsize::new(0) }))
    }
}

impl Agents for Cast {
    fn for_kind(&self, kind: &str) -> Option<Arc<dyn Agent>> {
        ["template", "llm", "human"].contains(&kind).then(|| Arc::new(self.clone()) as Arc<dyn Agent>)
    }
}

/// How an attempt ends.
enum End {
    Says,
    SaysMuch,
    SaysUnfit,
    Fails(Reason),
    Panics,
    /// Until somebody ends it.
    Hangs,
}

impl End {
    fn draw(rng: &mut Rng, is_stopped: bool) -> Self {
        match rng.roll(30) {
            // Nothing hangs in a world that comes to rest.
            0 if !is_stopped => Self::Hangs,
            1 => Self::Panics,
            2 => Self::SaysUnfit,
            3 | 4 => Self::SaysMuch,
            5 => Self::Fails(Reason::Permanent),
            6 | 7 => Self::Fails([Reason::Server, Reason::RateLimit, Reason::Timeout][rng.roll(3)]),
            8 => Self::Fails([Reason::InvalidOutput, Reason::Refused, Reason::Stopped][rng.roll(3)]),
            _ => Self::Says,
        }
    }
}

#[async_trait]
impl Agent for Cast {
    async fn run(&self, input: StepInput, ctx: &AgentContext) -> Result<StepOutput, AgentError> {
        let Inner { stage, n_places, n_playing, .. } = &*self.0;
        let n_before = n_playing.fetch_add(1, Ordering::Relaxed);
        let _playing = Playing(&self.0);
        if n_before >= *n_places {
            stage.world.violated(format!("{} agents play on {n_places} places", n_before + 1));
        }
        stage.plays(&ctx.idempotency_key, ctx.attempt);
        if input.spec.kind() == "human" {
            let message = Some("Answer".to_owned());
            return Ok(StepOutput { message, ..StepOutput::default() });
        }
        let mut rng = stage.world.fork();
        let end = End::draw(&mut rng, stage.world.is_stopped());
        let looks = if rng.one_in(12) { 4 + rng.roll(80) } else { rng.roll(8) };
        self.pass(&mut rng, ctx, if matches!(end, End::Hangs) { usize::MAX } else { looks }).await;
        let bytes = match end {
            End::Says | End::Hangs => answer(&mut rng, &input, ctx),
            End::SaysMuch => {
                let mut bytes = answer(&mut rng, &input, ctx);
                // Enough for content that is written ahead, and sometimes for a place among large answers.
                let kib = if rng.one_in(4) { 300 } else { 80 };
                bytes.resize(kib * 1024, b' ');
                ctx.room.hold(bytes.len()).await;
                bytes
            }
            End::SaysUnfit => return Ok(said("text/plain\0", b"x".to_vec())),
            End::Fails(class) => {
                let retry_after = rng.one_in(3).then(|| rng.short(4_000));
                let message = if rng.one_in(10) { "no\0" } else { "no" };
                return Err(AgentError::new(class, message).with_retry_after(retry_after));
            }
            End::Panics => std::panic::panic_any(ON_PURPOSE),
        };
        let media_type = if input.spec.id.as_str() == "list" { "application/json" } else { "text/plain" };
        Ok(said(media_type, bytes))
    }
}

impl Cast {
    /// Time passes in slices, in each of which it looks whether it is yet to play.
    async fn pass(&self, rng: &mut Rng, ctx: &AgentContext, looks: usize) {
        let stage = &self.0.stage;
        let key = &ctx.idempotency_key;
        let (mut n_late, mut n_past) = (0, 0);
        let begun = tokio::time::Instant::now();
        for n in 0..looks {
            if let Some(deltas) = &ctx.deltas {
                // One that has no room is lost.
                let _ = deltas.try_send(format!("{n} "));
            }
            sleep(Duration::from_millis(SLICE.0 + rng.short(SLICE.1))).await;
            if stage.world.is_stopped() && n > 40 {
                return;
            }
            n_late = if stage.runs(key, ctx.attempt) { 0 } else { n_late + 1 };
            let limit = stage.time_limit(key).map(|limit| Duration::from_secs(limit.into()));
            n_past += u32::from(limit.is_some_and(|limit| begun.elapsed() > limit));
            if n_late > MOST_LOOKS_TOO_LATE {
                stage.world.violated(format!(
                    "attempt {} of {} goes on although it is over",
                    ctx.attempt,
                    stage.name(key)
                ));
                return;
            }
            if n_past > MOST_LOOKS_PAST_TIME {
                stage.world.violated(format!("attempt {} of {} goes on past its time", ctx.attempt, stage.name(key)));
                return;
            }
        }
    }
}

/// The key of its attempt, its number, and what it was given.
fn answer(rng: &mut Rng, input: &StepInput, ctx: &AgentContext) -> Vec<u8> {
    let text = match input.spec.id.as_str() {
        "list" if rng.one_in(12) => "\"no list\"".to_owned(),
        "list" => items(rng).to_string(),
        "judge" => ["yes", "yes", "no"][rng.roll(3)].to_owned(),
        _ => {
            let given = input.values.get("in").unwrap_or(&Value::Null);
            format!("{} {} {given}", ctx.idempotency_key, ctx.attempt)
        }
    };
    text.into_bytes()
}

fn said(media_type: &str, bytes: Vec<u8>) -> StepOutput {
    let output = Output { name: "text".to_owned(), media_type: media_type.to_owned(), bytes };
    let usage = Some(Usage { prompt_tokens: 5, ..Usage::default() });
    StepOutput { outputs: vec![output], usage, message: None }
}
