//! What all live sockets share: admission, limits, what the peer says, pings, the session looked at again, the orderly end.
//! Must never let a slow or silent peer hold memory: everything that waits is bounded, and everything has a time limit.
//! A page that says where it is must answer pings within seconds, or nobody would know that it is gone.
//! What never becomes a message, such as a message of endless pieces, is counted below, in bytes: `accept/meter.rs`.
//! Must never await the database here: this loop drops what it waits for whenever something else happens, and a query that is dropped
//! half way costs its connection. Feeds and the look at the session run in tasks of their own, to their end.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{
        FromRequestParts, WebSocketUpgrade,
        ws::{CloseCode, CloseFrame, Message, Utf8Bytes, WebSocket, close_code, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use http::{StatusCode, request::Parts};
use serde_json::json;
use service::OpContext;
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc, watch,
    },
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use workflow::{
    UserId,
    api::{Beat, ErrorCode, Follow, Whereabouts},
};

use super::{
    attend::Attending,
    hub::Hub,
    link::{Feed, Link},
    seat::Seat,
};
use crate::{accept::Place, bucket::Bucket, http::Problem};

const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// A page sends some thirty bytes at a time.
const READ_BUFFER_BYTES: usize = 4 * 1024;
const MAX_WRITE_BUFFER_BYTES: usize = 1024 * 1024;
const PING_EVERY: Duration = Duration::from_secs(20);
const IDLE: Duration = Duration::from_mins(1);
/// The same for a page that others are told of: it is to be gone for them within ten seconds.
const PING_AT_PLACE_EVERY: Duration = Duration::from_secs(2);
const IDLE_AT_PLACE: Duration = Duration::from_secs(6);
const LOOK_AT_SESSION_EVERY: Duration = Duration::from_secs(5);
/// A peer that takes no bytes for so long is gone.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// Beginning anew replays the log, so nobody gets to do it all the time.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);
/// Messages that may still come between our close and the peer's answer to it.
const UNTIL_ANSWERED: usize = 256;
/// Messages of any kind: at once, and a second.
const MESSAGES: (u32, u32) = (20, 10);
/// Beats, by which a page asks whether anybody is there: at once, as after it was asleep, and a second.
const BEATS: (u32, u32) = (10, 1);
/// Where a page is and what is selected there: at once, and a second.
const PLACES: (u32, u32) = (10, 5);

/// What asks for a socket, if anything does, and the connection that it comes on. Without one nothing is metered, as in tests.
pub(crate) struct Upgrade {
    asked: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    place: Option<Arc<Place>>,
}

/// Why the server ends a socket, in a code and words. None when the peer has ended it.
type End = Option<(CloseCode, &'static str)>;

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let place = parts.extensions.get::<Arc<Place>>().cloned();
        Ok(Self { asked: WebSocketUpgrade::from_request_parts(parts, state).await, place })
    }
}

/// Accepts the socket of somebody who may have it.
pub(super) fn accept<F: Feed>(
    hub: &Hub,
    ctx: OpContext,
    seat: Seat,
    upgrade: Upgrade,
    feed: F,
) -> Result<Response, Problem> {
    let Upgrade { asked, place } = upgrade;
    let upgrade = asked.map_err(|rejection| {
        Problem::new(
            StatusCode::UPGRADE_REQUIRED,
            ErrorCode::Malformed,
            format!("This address is a WebSocket: {}.", rejection.body_text().trim_end_matches('.')),
        )
    })?;
    let hub = hub.clone();
    let held = Connection { place, seat: Arc::new(seat) };
    Ok(upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .on_upgrade(move |socket| hub.tasks().clone().track_future(drive(socket, hub, ctx, feed, held))))
}

/// What an open socket holds.
struct Connection {
    place: Option<Arc<Place>>,
    seat: Arc<Seat>,
}

impl Connection {
    /// Until more has come than a page ever sends.
    async fn flooded(&self) {
        match &self.place {
            Some(place) => place.flooded().await,
            None => std::future::pending().await,
        }
    }
}

/// Until either side ends it.
async fn drive<F: Feed>(mut socket: WebSocket, hub: Hub, ctx: OpContext, feed: F, held: Connection) {
    let (follow, asked) = watch::channel(Follow::default());
    // Few: the feed reads on only as fast as the peer takes what it reads.
    let (frames, ready) = mpsc::channel(1);
    let (gone, session_ended) = (CancellationToken::new(), CancellationToken::new());
    let who = ctx.actor().cloned();
    let place = who.clone().filter(|_| F::HAS_PLACES).map(|who| {
        let (place, said) = watch::channel(Whereabouts::default());
        let attending = Attending::new(hub.clone(), ctx.clone(), who, Arc::clone(&held.seat));
        hub.tasks().spawn(attending.run(said, frames.clone()));
        place
    });
    hub.tasks().spawn(feed.run(Link::new(asked, frames, Arc::clone(&held.seat))));
    let persons = Persons { of: who.map(|who| who.id), changed: hub.persons() };
    hub.tasks().spawn(look_at_session(ctx, persons, gone.clone(), session_ended.clone()));
    let ask = Ask { follow, place };
    let end = talk(&mut socket, &hub, &held, &ask, ready, &session_ended).await;
    gone.cancel();
    // At once, before the peer has answered the close: the feed ends, and who was somewhere is not there any more.
    drop(ask);
    if let Some((code, reason)) = end {
        let close = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
        if send(&mut socket, close).await {
            // The peer answers a close; then both ends know that nothing was cut off.
            // A flood does not stop because of it, and is not read on for long: so many messages, and so many bytes of whatever else.
            let answered = async {
                for _ in 0..UNTIL_ANSWERED {
                    if !matches!(socket.recv().await, Some(Ok(_))) {
                        break;
                    }
                }
            };
            let _ = tokio::time::timeout(Duration::from_secs(1), answered).await;
        }
    }
}

async fn talk(
    socket: &mut WebSocket,
    hub: &Hub,
    held: &Connection,
    ask: &Ask,
    mut ready: mpsc::Receiver<Vec<Utf8Bytes>>,
    session_ended: &CancellationToken,
) -> End {
    let mut ping = interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ping_at_place = interval(PING_AT_PLACE_EVERY);
    ping_at_place.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    let mut peer = Peer::new(ask.place.is_some(), heard);
    loop {
        tokio::select! {
            () = hub.shutdown().cancelled() => return Some((close_code::RESTART, "the server is restarting")),
            () = session_ended.cancelled() => return Some((close_code::POLICY, "the session has ended")),
            () = held.flooded() => return Some((close_code::AGAIN, "too many bytes: send little")),
            message = socket.recv() => {
                heard = Instant::now();
                match message {
                    Some(Ok(message)) => match peer.says(&message, heard) {
                        Ok(Said::Follow(from)) => ask.follow.send_modify(|asked| *asked = from),
                        Ok(Said::At(whereabouts)) => ask.is_at(whereabouts),
                        Ok(Said::Beat(beat)) => {
                            if !send(socket, Message::Text(answer(beat))).await {
                                return None;
                            }
                        }
                        Ok(Said::Nothing) => {}
                        Err(end) => return end,
                    },
                    Some(Err(_)) | None => return None,
                }
            }
            _ = ping.tick() => {
                if heard.elapsed() > IDLE || !send(socket, Message::Ping(axum::body::Bytes::new())).await {
                    return None;
                }
            }
            _ = ping_at_place.tick(), if ask.is_somewhere() => {
                if heard.elapsed() > IDLE_AT_PLACE || !send(socket, Message::Ping(axum::body::Bytes::new())).await {
                    return None;
                }
            }
            Some(frames) = ready.recv() => {
                for frame in frames {
                    if !send(socket, Message::Text(frame)).await {
                        return None;
                    }
                }
            }
        }
    }
}

/// What the peer says, on its way to those who act on it.
struct Ask {
    follow: watch::Sender<Follow>,
    /// Where its page is; none where it cannot say so.
    place: Option<watch::Sender<Whereabouts>>,
}

impl Ask {
    fn is_at(&self, whereabouts: Whereabouts) {
        if let Some(place) = &self.place {
            place.send_replace(whereabouts);
        }
    }

    fn is_somewhere(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.borrow().at.is_some())
    }
}

/// How often the peer has said something.
struct Peer {
    /// Whether it may say where it is.
    has_places: bool,
    followed: Option<Instant>,
    messages: Bucket,
    beats: Bucket,
    places: Bucket,
}

/// What one message asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Said {
    Nothing,
    /// Begin anew from there.
    Follow(Follow),
    /// Is anybody there?
    Beat(Beat),
    /// The page is there now.
    At(Whereabouts),
}

impl Peer {
    fn new(has_places: bool, now: Instant) -> Self {
        Self {
            has_places,
            followed: None,
            messages: Bucket::new(MESSAGES.0, MESSAGES.1, now),
            beats: Bucket::new(BEATS.0, BEATS.1, now),
            places: Bucket::new(PLACES.0, PLACES.1, now),
        }
    }

    /// What the message asks for; or why the socket ends.
    fn says(&mut self, message: &Message, now: Instant) -> Result<Said, End> {
        if self.messages.take(now).is_err() {
            return Err(Some((close_code::AGAIN, "too many messages: ten a second are enough")));
        }
        let words = match message {
            Message::Text(text) => serde_json::from_str(text)
                .map(Said::Beat)
                .or_else(|_| serde_json::from_str(text).map(Said::At))
                .or_else(|_| serde_json::from_str(text).map(Said::Follow))
                .ok(),
            Message::Binary(_) => None,
            Message::Ping(_) | Message::Pong(_) => return Ok(Said::Nothing),
            Message::Close(_) => return Err(None),
        };
        let from = match words {
            Some(Said::Follow(from)) => from,
            Some(Said::Beat(_)) if self.beats.take(now).is_err() => {
                return Err(Some((close_code::AGAIN, "too many beats: one a second is enough")));
            }
            Some(Said::At(_)) if !self.has_places => {
                return Err(Some((close_code::UNSUPPORTED, "say where you are at /api/live")));
            }
            Some(Said::At(_)) if self.places.take(now).is_err() => {
                return Err(Some((close_code::AGAIN, "too many places: five a second are enough")));
            }
            Some(said) => return Ok(said),
            None => return Err(Some((close_code::UNSUPPORTED, "send {\"after\": NUMBER}"))),
        };
        if self.followed.is_some_and(|at| now.saturating_duration_since(at) < FOLLOW_EVERY) {
            return Err(Some((close_code::AGAIN, "begin anew at most once a second")));
        }
        self.followed = Some(now);
        Ok(Said::Follow(from))
    }
}

/// The same frame on every live socket.
fn answer(beat: Beat) -> Utf8Bytes {
    json!({"type": "beat", "beat": beat.beat}).to_string().into()
}

/// Word of changes in what lets one person in.
struct Persons {
    of: Option<UserId>,
    changed: broadcast::Receiver<UserId>,
}

impl Persons {
    /// Until there is a word about this person.
    async fn has_changed(&mut self) {
        loop {
            match self.changed.recv().await {
                Ok(person) if self.of != Some(person) => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

/// Tells when the session is over: at once where there is a word of it, else within seconds. While the database is away nothing can be
/// read either, so nothing is given away.
async fn look_at_session(ctx: OpContext, mut persons: Persons, gone: CancellationToken, ended: CancellationToken) {
    loop {
        tokio::select! {
            () = gone.cancelled() => return,
            () = persons.has_changed() => {}
            () = sleep(LOOK_AT_SESSION_EVERY) => {}
        }
        if matches!(ctx.is_still_valid().await, Ok(false)) {
            return ended.cancel();
        }
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(SEND_WITHIN, socket.send(message)).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_anew_is_for_once_a_second() {
        let begun = Instant::now();
        let mut peer = Peer::new(false, begun);
        let follow = Message::Text("{\"after\":0}".into());
        assert_eq!(peer.says(&follow, begun), Ok(Said::Follow(Follow::default())));
        assert_eq!(peer.says(&follow, begun + FOLLOW_EVERY), Ok(Said::Follow(Follow::default())));
        let soon = peer.says(&follow, begun + FOLLOW_EVERY * 3 / 2);
        assert_eq!(soon.unwrap_err().unwrap().0, close_code::AGAIN);
        let pings = (0..100).map(|_| peer.says(&Message::Ping(axum::body::Bytes::new()), begun));
        assert!(pings.last().unwrap().is_err(), "pings are messages too");
    }

    #[test]
    fn a_page_is_always_answered_and_a_flood_of_beats_is_not() {
        let begun = Instant::now();
        let mut peer = Peer::new(true, begun);
        let beat = Message::Text("{\"beat\":7}".into());
        for second in 0..1_000 {
            let now = begun + Duration::from_secs(second);
            assert_eq!(peer.says(&beat, now), Ok(Said::Beat(Beat { beat: 7 })), "second {second}");
        }
        let later = begun + Duration::from_secs(2_000);
        assert_eq!((0..20).filter(|_| peer.says(&beat, later).is_ok()).count(), BEATS.0 as usize);
    }

    #[test]
    fn a_page_may_say_where_it_is_at_its_own_socket_and_not_all_the_time() {
        let begun = Instant::now();
        let at =
            Message::Text("{\"at\":{\"run\":\"00000000-0000-0000-0000-000000000001\"},\"selected\":[\"a\"]}".into());
        let said = Peer::new(true, begun).says(&at, begun);
        assert!(matches!(said, Ok(Said::At(Whereabouts { at: Some(_), .. }))), "{said:?}");
        assert_eq!(Peer::new(false, begun).says(&at, begun).unwrap_err().unwrap().0, close_code::UNSUPPORTED);
        let nowhere = Message::Text("{\"at\":null}".into());
        assert_eq!(Peer::new(true, begun).says(&nowhere, begun), Ok(Said::At(Whereabouts::default())));
        let mut peer = Peer::new(true, begun);
        assert_eq!((0..20).filter(|_| peer.says(&at, begun).is_ok()).count(), PLACES.0 as usize);
        for second in 1..100 {
            assert!(peer.says(&at, begun + Duration::from_secs(second)).is_ok(), "second {second}");
        }
        for no_place in ["{\"at\":7}", "{\"at\":{\"door\":1}}"] {
            let said = Peer::new(true, begun).says(&Message::Text(no_place.into()), begun);
            assert_eq!(said.unwrap_err().unwrap().0, close_code::UNSUPPORTED, "{no_place}");
        }
    }
}
