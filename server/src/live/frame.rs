//! What is sent to everybody who follows a run, written once for all of them.
//! Must never be larger than a socket takes.

use axum::extract::ws::Utf8Bytes;
use workflow::api::RunFrame;

/// Bytes of a frame. Whoever should get a larger one fetches the run instead: it would be held for each who takes nothing, and no socket
/// takes a message of more than a mebibyte.
const MAX_FRAME_BYTES: usize = 960 * 1024;
/// Bytes of text in one frame, of what was written before its follower came; in JSON's words a byte may take six.
const MAX_PIECE_BYTES: usize = 64 * 1024;

/// A frame on its way to every follower, written once.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The event's number; none for what has no place in the order.
    pub(super) seq: Option<i64>,
    pub(super) text: Utf8Bytes,
}

impl Frame {
    pub(super) fn new(seq: Option<i64>, frame: &RunFrame) -> Option<Self> {
        match serde_json::to_string(frame) {
            Ok(text) if text.len() <= MAX_FRAME_BYTES => Some(Self { seq, text: text.into() }),
            // What has no place in the order may be left out.
            Ok(_) => seq.map(|seq| Self { seq: Some(seq), text: Utf8Bytes::from_static("") }),
            Err(error) => {
                tracing::error!(%error, "a live frame could not be written");
                None
            }
        }
    }

    /// There is an event, which stands in the run itself.
    pub(super) fn is_too_large(&self) -> bool {
        self.text.is_empty()
    }
}

/// A text in pieces that are small enough, each with its place, in whole characters.
pub(super) fn small_pieces(mut offset: i64, mut text: &str) -> Vec<(i64, &str)> {
    let mut pieces = Vec::new();
    while !text.is_empty() {
        let (piece, rest) = text.split_at(text.floor_char_boundary(MAX_PIECE_BYTES.min(text.len())));
        pieces.push((offset, piece));
        offset += i64::try_from(piece.len()).unwrap_or(i64::MAX);
        text = rest;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use workflow::{RunId, api::Delta};

    use super::*;

    #[test]
    fn no_frame_is_larger_than_a_socket_takes() {
        let delta = |text: String| {
            RunFrame::Delta(Delta { run: RunId(uuid::Uuid::nil()), step: "a".into(), attempt: 1, offset: 0, text })
        };
        let large = delta("x".repeat(MAX_FRAME_BYTES));
        assert!(Frame::new(Some(1), &large).unwrap().is_too_large(), "whoever follows fetches the run");
        assert!(Frame::new(None, &large).is_none());
        assert!(!Frame::new(Some(1), &delta("x".to_owned())).unwrap().is_too_large());
        let long = "\u{1}ü".repeat(300_000);
        for (_, piece) in small_pieces(0, &long) {
            assert!(
                !Frame::new(Some(1), &delta(piece.to_owned())).unwrap().is_too_large(),
                "each sign takes six bytes"
            );
        }
    }
}
