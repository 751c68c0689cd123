//! The frames of one response, as they come over the wire, and how long they are waited for.
//! It must never hand out a fault before what came whole ahead of it.

use std::time::Duration;

use reqwest::Response;
use tokio::time::{Instant, timeout};

use super::decoder::{Decoder, Fault, Frame};
use crate::{Room, charset};

/// A provider that has begun and then sends nothing for so long is taken for dead. Models that think keep silent for minutes.
const IDLE: Duration = Duration::from_mins(5);

pub(in crate::llm) struct Frames {
    response: Response,
    /// Where it declares another charset than the one that JSON is written in.
    charset: Option<encoding_rs::Decoder>,
    decoder: Decoder,
    has_begun: bool,
    has_ended: bool,
    /// What broke, to be told once all that came before is handed out.
    fault: Option<Fault>,
    /// When the last words are to be there.
    deadline: Option<Instant>,
    room: Room,
}

impl Frames {
    pub(in crate::llm) fn new(response: Response, room: Room) -> Self {
        let decoder = Decoder::default();
        let charset = charset::other_than_utf8(response.headers()).map(encoding_rs::Encoding::new_decoder);
        Self { response, charset, decoder, has_begun: false, has_ended: false, fault: None, deadline: None, room }
    }

    /// From here on nothing more than a few last words is expected: within that time, whatever comes meanwhile.
    pub(in crate::llm) fn expect_the_end(&mut self, within: Duration) {
        self.deadline.get_or_insert_with(|| Instant::now() + within);
    }

    /// It goes on after all.
    pub(in crate::llm) fn expect_more(&mut self) {
        self.deadline = None;
    }

    /// Takes room for an answer that has grown to so many bytes; while there is none, nothing more is read.
    pub(in crate::llm) async fn hold(&self, n_bytes: usize) {
        self.room.hold(n_bytes).await;
    }

    /// Whether the body ended within a frame.
    pub(in crate::llm) fn is_cut(&self) -> bool {
        self.decoder.is_cut()
    }

    /// What came that is no JSON, and no frame.
    pub(in crate::llm) fn passed_over(&self) -> &str {
        self.decoder.passed_over()
    }

    /// None at the end of the body.
    pub(in crate::llm) async fn next(&mut self) -> Result<Option<Frame>, Fault> {
        loop {
            if let Some(frame) = self.decoder.frames.pop_front() {
                return Ok(Some(frame));
            }
            if let Some(fault) = self.fault.take() {
                return Err(fault);
            }
            if self.has_ended {
                return Ok(None);
            }
            let chunk = match self.wait() {
                Some(wait) => timeout(wait, self.response.chunk()).await.map_err(|_| Fault::Stalled)?,
                None => self.response.chunk().await,
            };
            let result = match chunk {
                Ok(Some(bytes)) => {
                    self.has_begun = true;
                    self.room.hold(self.decoder.n_held() + bytes.len()).await;
                    self.push(&bytes, false)
                }
                Ok(None) => {
                    self.has_ended = true;
                    self.push(&[], true).and_then(|()| self.decoder.end())
                }
                Err(error) => {
                    self.has_ended = true;
                    // What is whole of the rest counts; that the rest is not is told by the error.
                    let _as_far_as_it_came = self.decoder.end();
                    Err(Fault::Broken(error))
                }
            };
            if let Err(fault) = result {
                self.has_ended = true;
                self.fault = Some(fault);
            }
        }
    }

    fn push(&mut self, bytes: &[u8], is_last: bool) -> Result<(), Fault> {
        let Some(charset) = &mut self.charset else { return self.decoder.push(bytes) };
        // One that no number can tell was too long before.
        let n_most = charset.max_utf8_buffer_length(bytes.len()).ok_or(Fault::TooLarge)?;
        let mut text = String::with_capacity(n_most);
        let (_all_is_read, _, _) = charset.decode_to_string(bytes, &mut text, is_last);
        self.decoder.push(text.as_bytes())
    }

    /// How long the next bytes may take; before the first, that is the step's own time limit.
    fn wait(&self) -> Option<Duration> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()).min(IDLE));
        left.or(self.has_begun.then_some(IDLE))
    }
}
