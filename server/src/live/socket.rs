//! What all live sockets share: admission, limits, the first message, pings, the session looked at again, the orderly end.
//! Must never let a slow or silent peer hold memory: everything that waits is bounded, and everything has a time limit.

use std::time::Duration;

use axum::{
    extract::{
        WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use http::StatusCode;
use service::OpContext;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};
use workflow::{
    UserId,
    api::{ErrorCode, Follow},
};

use super::hub::{Hub, Seat};
use crate::http::Problem;

const MAX_MESSAGE_BYTES: usize = 64 * 1024;
const MAX_WRITE_BUFFER_BYTES: usize = 1024 * 1024;
const PING_EVERY: Duration = Duration::from_secs(20);
const IDLE: Duration = Duration::from_mins(1);
const LOOK_AT_SESSION_EVERY: Duration = Duration::from_secs(5);
/// A peer that takes no bytes for so long is gone.
const SEND_WITHIN: Duration = Duration::from_secs(10);

pub(super) type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// What a socket sends, once it knows from where.
pub(super) trait Feed: Send + 'static {
    /// The peer says what it has. It may say so again later, to begin anew.
    fn follow(&mut self, from: Follow);

    /// The next frames. May be dropped at any await and called again; frames are lost only when it has returned them.
    fn next(&mut self) -> impl Future<Output = Vec<Utf8Bytes>> + Send;
}

/// Accepts the socket of somebody who may have it.
pub(super) fn accept(
    hub: &Hub,
    ctx: OpContext,
    user: UserId,
    upgrade: Upgrade,
    feed: impl Feed,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|rejection| {
        Problem::new(
            StatusCode::UPGRADE_REQUIRED,
            ErrorCode::Malformed,
            format!("This address is a WebSocket: {}.", rejection.body_text().trim_end_matches('.')),
        )
    })?;
    let seat = hub.take_seat(user).ok_or_else(|| {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::TooManyRequests,
            "Too many live connections of yours are open. Close some tabs and try again.",
        )
    })?;
    let hub = hub.clone();
    Ok(upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .on_upgrade(move |socket| hub.tasks().clone().track_future(drive(socket, hub, ctx, feed, seat))))
}

/// Until either side ends it.
async fn drive(mut socket: WebSocket, hub: Hub, ctx: OpContext, mut feed: impl Feed, _seat: Seat) {
    let mut ping = interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut look = interval_at(Instant::now() + LOOK_AT_SESSION_EVERY, LOOK_AT_SESSION_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    let end = loop {
        tokio::select! {
            () = hub.shutdown().cancelled() => break Some((close_code::RESTART, "the server is restarting")),
            message = socket.recv() => {
                heard = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => match serde_json::from_str::<Follow>(&text) {
                        Ok(from) => feed.follow(from),
                        Err(_) => break Some((close_code::UNSUPPORTED, "send {\"after\": NUMBER}")),
                    },
                    Some(Ok(Message::Binary(_))) => break Some((close_code::UNSUPPORTED, "send {\"after\": NUMBER}")),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break None,
                }
            }
            _ = ping.tick() => {
                if heard.elapsed() > IDLE || !send(&mut socket, Message::Ping(axum::body::Bytes::new())).await {
                    break None;
                }
            }
            _ = look.tick() => {
                // While the database is away nothing can be read either, so nothing is given away.
                if matches!(ctx.is_still_valid().await, Ok(false)) {
                    break Some((close_code::POLICY, "the session has ended"));
                }
            }
            frames = feed.next() => {
                let mut is_open = true;
                for frame in frames {
                    is_open = is_open && send(&mut socket, Message::Text(frame)).await;
                }
                if !is_open {
                    break None;
                }
            }
        }
    };
    if let Some((code, reason)) = end {
        let close = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
        if send(&mut socket, close).await {
            // The peer answers a close; then both ends know that nothing was cut off.
            let answered = async { while let Some(Ok(_)) = socket.recv().await {} };
            let _ = tokio::time::timeout(Duration::from_secs(1), answered).await;
        }
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(SEND_WITHIN, socket.send(message)).await, Ok(Ok(())))
}
