//! `/api/workflows/runs/{id}/live`: replays the events after the one that the peer has, then follows.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{State, ws::Utf8Bytes},
    response::Response,
};
use chrono::{DateTime, TimeDelta, Utc};
use service::{OpContext, runs};
use store::Store;
use tokio::sync::broadcast::{self, error::RecvError};
use workflow::{
    RunId,
    api::{Follow, RunFrame},
    run::RunEvent,
};

use super::{
    events::People,
    frame::Frame,
    hub::Hub,
    link::{Feed, Interrupted, Link},
    room::Room,
    socket::{self, Upgrade},
    texts::Taken,
};
use crate::http::{AppState, Ids, Problem};

/// A peer that is further behind fetches the run again, which is cheaper for both.
const MAX_REPLAY: i64 = 4_000;
const A_MOMENT: TimeDelta = TimeDelta::milliseconds(1);

/// The handler. Visibility is looked at again with the session: who is asked at a gate sees the run only until it closes.
pub(crate) async fn run_socket(
    State(state): State<AppState>,
    Extension(ctx): Extension<OpContext>,
    Ids(run): Ids<RunId>,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    // Before anything is read: whoever opens too many should cost nothing.
    let seat = state.hub.seats().take(ctx.user()?.id)?;
    runs::visible(&ctx, run).await?;
    let newest = state.hub.store().run_events(run, None, 1).await.map_err(service::Error::from)?;
    let seq = newest.first().map_or(0, |event| event.seq);
    let feed = RunFeed { hub: state.hub.clone(), room: state.hub.enter(run, seq) };
    socket::accept(&state.hub, ctx.watching(run), seat, upgrade, feed)
}

struct RunFeed {
    hub: Hub,
    room: Arc<Room>,
}

struct Following {
    frames: broadcast::Receiver<Frame>,
    /// The last event that the peer has.
    sent: i64,
    /// Up to here events come from the log, afterwards from the room.
    replay_to: i64,
    /// When that was told, as the peer has it and nobody has looked at yet.
    told_at: Option<DateTime<Utc>>,
    /// In which history of the database.
    history: u64,
    stage: Stage,
    /// Of the running texts.
    taken: Taken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Too much is missing: told to fetch the run, which then holds everything up to here.
    Resync,
    Replay,
    /// The running text so far.
    Texts,
    Live,
}

impl RunFeed {
    /// Until the peer begins anew or is gone.
    async fn follow(&self, from: Follow, link: &mut Link) -> Interrupted {
        let mut following = Following::new(&self.room, from);
        loop {
            let place = match link.place().await {
                Ok(place) => place,
                Err(interrupted) => return interrupted,
            };
            match following.next(&self.hub, &self.room, link).await {
                Ok(frames) => _ = place.send(frames),
                Err(interrupted) => return interrupted,
            }
        }
    }
}

impl Following {
    fn new(room: &Room, Follow { after, told_at }: Follow) -> Self {
        let history = room.history();
        let (frames, replay_to) = room.subscribe();
        let is_too_far = replay_to.saturating_sub(after) > MAX_REPLAY;
        Self {
            history,
            frames,
            sent: if is_too_far { replay_to } else { after },
            replay_to,
            told_at: told_at.filter(|_| after > 0),
            stage: if is_too_far { Stage::Resync } else { Stage::Replay },
            taken: Taken::default(),
        }
    }

    /// After the room has dropped frames that this reader had not taken, has one that is too large, or began anew itself: everything is to be
    /// fetched again.
    fn anew(room: &Room) -> Self {
        let history = room.history();
        let (frames, head) = room.subscribe();
        let (sent, replay_to, told_at) = (head, head, None);
        Self { frames, sent, replay_to, told_at, history, stage: Stage::Resync, taken: Taken::default() }
    }

    async fn next(&mut self, hub: &Hub, room: &Room, link: &mut Link) -> Result<Vec<Utf8Bytes>, Interrupted> {
        loop {
            // Also where the room began anew before this reader could hear its frames.
            if self.history != room.history() {
                *self = Self::anew(room);
            }
            match self.stage {
                Stage::Resync => {
                    self.stage = Stage::Texts;
                    return Ok(text(Frame::new(None, &RunFrame::Resync)));
                }
                Stage::Replay => {
                    if self.sent > self.replay_to && !has_been(hub.store(), room.run(), self.sent, link).await? {
                        *self = Self::anew(room);
                        continue;
                    }
                    if let Some(told_at) = self.told_at.take()
                        && !is_as_told(hub.store(), room.run(), self.sent, told_at, link).await?
                    {
                        *self = Self::anew(room);
                        continue;
                    }
                    if self.sent >= self.replay_to {
                        self.stage = Stage::Texts;
                        continue;
                    }
                    let sent = self.sent;
                    let (people, events) = link.read(|| read(hub.store(), room.run(), sent)).await?;
                    link.pace(events.len()).await?;
                    // Fewer than there must be: the run was removed meanwhile.
                    self.sent = events.last().map_or(self.replay_to, |event| event.seq);
                    let frames = events.iter().filter_map(|event| Frame::new(Some(event.seq), &people.frame(event)));
                    let frames: Vec<Frame> = frames.collect();
                    if frames.iter().any(Frame::is_too_large) {
                        *self = Self::anew(room);
                        continue;
                    }
                    return Ok(frames.into_iter().map(|frame| frame.text).collect());
                }
                Stage::Texts => {
                    // Pieces that the receiver holds as well are told apart by their offset.
                    let (frames, is_all) = room.take_over(&mut self.taken);
                    if is_all {
                        self.stage = Stage::Live;
                    }
                    if !frames.is_empty() {
                        return Ok(frames.into_iter().map(|frame| frame.text).collect());
                    }
                }
                Stage::Live => match link.until(self.frames.recv()).await? {
                    Ok(_) if self.history != room.history() => *self = Self::anew(room),
                    Ok(Frame { seq: Some(seq), .. }) if seq <= self.sent => {}
                    Ok(frame) if frame.is_too_large() => *self = Self::anew(room),
                    Ok(frame) => {
                        self.sent = frame.seq.unwrap_or(self.sent);
                        return Ok(vec![frame.text]);
                    }
                    Err(RecvError::Lagged(_)) => *self = Self::anew(room),
                    // The room holds its sender, and this feed the room.
                    Err(RecvError::Closed) => link.until(std::future::pending()).await?,
                },
            }
        }
    }
}

impl Feed for RunFeed {
    async fn run(self, mut link: Link) {
        let mut from = link.first().await;
        while let Some(begin) = from {
            from = match self.follow(begin, &mut link).await {
                Interrupted::Again(again) => Some(again),
                Interrupted::Gone => None,
            };
        }
    }
}

fn text(frame: Option<Frame>) -> Vec<Utf8Bytes> {
    frame.map(|frame| frame.text).into_iter().collect()
}

async fn read(store: &Store, run: RunId, after: i64) -> store::Result<(People, Vec<RunEvent>)> {
    let mut people = People::default();
    let events = people.some_after(store, run, after).await?;
    Ok((people, events))
}

/// Whether there is an event that the peer has and the room has not: the room may be behind by a moment, or the peer comes from a time
/// that never was, before a backup was restored.
async fn has_been(store: &Store, run: RunId, seq: i64, link: &mut Link) -> Result<bool, Interrupted> {
    let newest = link.read(|| store.run_events(run, None, 1)).await?;
    Ok(newest.first().is_some_and(|newest| newest.seq >= seq))
}

/// Whether the event of this number is the one that the peer has: a run that went on after a backup was restored has other events under
/// numbers that were told before. It may be a moment off by how finely each keeps times.
async fn is_as_told(
    store: &Store,
    run: RunId,
    seq: i64,
    told_at: DateTime<Utc>,
    link: &mut Link,
) -> Result<bool, Interrupted> {
    let found = link.read(|| store.events_after(run, seq - 1, 1)).await?;
    Ok(found.first().is_some_and(|event| event.seq == seq && (event.at - told_at).abs() < A_MOMENT))
}
