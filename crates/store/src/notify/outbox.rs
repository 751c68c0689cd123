//! What waits to be told to other processes, joined while it waits and bounded in what one message takes of it.
//! What does not fit is dropped or becomes "look at everything": nothing here may be the only place of anything.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;
use workflow::{
    RunId, StepKey, UserId,
    api::{Delta, LogLine, Telling},
    id::WorkerId,
    pieces::Pieces,
};

use super::{here, message::Message, trip};

/// Postgres takes 8,000 bytes; JSON escaping may double a text.
const MAX_IDS: usize = 150;
/// Runs that are worked on at such a pace are few.
const MAX_KEPT: usize = 10;
/// Of progress and log lines; then there is half as much text beside them.
const MAX_TELLING_BYTES: usize = 1_500;
/// Lines of one attempt that wait to be sent.
const MAX_LINES: usize = 200;
/// Bytes of a line as it is shown while it comes.
const MAX_LINE_BYTES: usize = 500;
/// Text of one attempt that waits to be sent; beyond it the oldest is dropped, and its offset tells.
const MAX_WAITING_BYTES: usize = 64 * 1024;

/// What waits to be told; filled after the commits of this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox(pub(super) Arc<OutboxInner>);

#[derive(Debug, Default)]
pub(super) struct OutboxInner {
    waiting: Mutex<Waiting>,
    pub(super) filled: Notify,
    pub(super) trip: trip::Trip,
}

#[derive(Debug, Default)]
pub(super) struct Waiting {
    message: Message,
    deltas: BTreeMap<(RunId, StepKey, i32), Pieces>,
    tellings: BTreeMap<(RunId, StepKey, i32), Telling>,
    pub(super) here: here::Queue,
}

impl Outbox {
    pub(super) fn put(&self, change: impl FnOnce(&mut Waiting)) {
        // A panic elsewhere leaves a set of ids at worst half filled, which is still a valid hint.
        change(&mut self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.filled.notify_one();
    }

    pub(crate) fn run(&self, run: RunId, kept_for: Option<WorkerId>) {
        self.put(|waiting| {
            waiting.message.kept.remove(&run);
            if let Some(worker) = kept_for.filter(|_| waiting.message.kept.len() < MAX_KEPT) {
                waiting.message.kept.insert(run, worker);
            }
            waiting.message.runs.insert(run);
            if waiting.message.runs.len() > MAX_IDS {
                waiting.message.runs.clear();
                waiting.message.all = true;
            }
        });
    }

    pub(crate) fn ready(&self) {
        self.put(|waiting| waiting.message.ready = true);
    }

    pub(crate) fn cancelled(&self, run: RunId) {
        self.put(|waiting| {
            if waiting.message.cancelled.len() < MAX_IDS / 3 {
                waiting.message.cancelled.insert(run);
            }
        });
    }

    pub(crate) fn watched(&self, run: RunId) {
        self.put(|waiting| {
            if waiting.message.watched.len() < MAX_IDS / 3 {
                waiting.message.watched.insert(run);
            }
        });
    }

    /// Also what is left out is found, only later: sessions are looked at every few seconds.
    pub(crate) fn person(&self, user: UserId) {
        self.put(|waiting| {
            if waiting.message.people.len() < MAX_IDS / 3 {
                waiting.message.people.insert(user);
            }
        });
    }

    pub(crate) fn delta(&self, delta: Delta) {
        self.put(|waiting| {
            let known = waiting.deltas.entry((delta.run, delta.step, delta.attempt)).or_default();
            // Text that is sent again holds what waits; what comes anew too fast takes its place.
            if known.n_bytes() >= MAX_WAITING_BYTES && delta.offset >= known.end() {
                *known = Pieces::default();
            }
            known.add(delta.offset, &delta.text);
        });
    }

    pub(crate) fn telling(&self, telling: Telling) {
        self.put(|waiting| {
            let place = (telling.run, telling.step.clone(), telling.attempt);
            match waiting.tellings.get_mut(&place) {
                Some(known) => {
                    known.progress = telling.progress.or(known.progress.take());
                    known.lines.extend(telling.lines);
                    // The oldest are lost here: where the attempt is, all that are kept can be read.
                    let n_lost = known.lines.len().saturating_sub(MAX_LINES);
                    known.lines.drain(..n_lost);
                }
                None => {
                    waiting.tellings.insert(place, telling);
                }
            }
        });
    }

    /// Up to one message's worth of what attempts say of themselves.
    pub(super) fn take_tellings(&self) -> Vec<Telling> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut left, mut taken) = (MAX_TELLING_BYTES, Vec::new());
        while left > 0
            && let Some((place, mut telling)) = waiting.tellings.pop_first()
        {
            let size = |line: &LogLine| line.text.len() + 80;
            let mut n_bytes = 200 + telling.progress.as_ref().map_or(0, |progress| progress.note.len());
            let mut n = 0;
            for line in &mut telling.lines {
                // One alone may be longer than a message; what is cut off is in the log.
                let end = line.text.floor_char_boundary(MAX_LINE_BYTES.min(line.text.len()));
                line.text.truncate(end);
                if n > 0 && n_bytes + size(line) > left {
                    break;
                }
                n_bytes += size(line);
                n += 1;
            }
            let rest = telling.lines.split_off(n);
            left = left.saturating_sub(n_bytes);
            if !rest.is_empty() {
                let (run, step, attempt) = place.clone();
                waiting.tellings.insert(place, Telling { run, step, attempt, progress: None, lines: rest });
                left = 0;
            }
            taken.push(telling);
        }
        taken
    }

    pub(super) fn take_message(&self) -> Message {
        std::mem::take(&mut self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).message)
    }

    /// Up to one message's worth of token text, in whole characters.
    pub(super) fn take_deltas(&self, most: usize) -> Vec<Delta> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = most;
        let mut taken = Vec::new();
        while left > 0
            && let Some((place, mut pieces)) = waiting.deltas.pop_first()
        {
            let Some((offset, mut text)) = pieces.pop_first() else { continue };
            let cut = text.floor_char_boundary(left.min(text.len()));
            let rest = text.split_off(cut);
            // A message also carries the names; a very short piece still costs that much.
            left = left.saturating_sub(cut.max(100));
            pieces.add(offset + i64::try_from(cut).unwrap_or(i64::MAX), &rest);
            let (run, step, attempt) = place.clone();
            if !pieces.is_empty() {
                waiting.deltas.insert(place, pieces);
            }
            if text.is_empty() {
                break;
            }
            taken.push(Delta { run, step, attempt, offset, text });
        }
        taken
    }

    /// Up to one message's worth of who is where: it goes alone, so that it takes no room from what is waited for.
    pub(super) fn take_here(&self) -> Message {
        let here = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).here.take();
        Message { here, ..Message::default() }
    }

    /// Something waits that is sent at a slower pace: what attempts write, and who is where.
    pub(super) fn has_more(&self) -> bool {
        let waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        !waiting.deltas.is_empty() || !waiting.tellings.is_empty() || !waiting.here.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::sending::MAX_DELTA_BYTES;

    fn delta(offset: i64, text: &str) -> Delta {
        Delta { run: RunId(uuid::Uuid::nil()), step: "a".into(), attempt: 1, offset, text: text.into() }
    }

    #[test]
    fn token_text_is_joined_and_cut_at_whole_characters() {
        let outbox = Outbox::default();
        outbox.delta(delta(0, "héllo "));
        outbox.delta(delta(7, &"ü".repeat(4_000)));
        let mut offset = 0;
        let mut rounds = 0;
        while outbox.has_more() {
            for piece in outbox.take_deltas(MAX_DELTA_BYTES) {
                assert_eq!(piece.offset, offset);
                assert!(piece.text.len() <= MAX_DELTA_BYTES);
                offset += i64::try_from(piece.text.len()).unwrap();
            }
            rounds += 1;
        }
        assert_eq!((offset, rounds), (8_007, 3));
    }

    #[test]
    fn text_that_is_sent_again_replaces_what_waits_of_it() {
        let outbox = Outbox::default();
        outbox.delta(delta(4, "two "));
        outbox.delta(delta(0, "one two "));
        outbox.delta(delta(8, "three"));
        assert_eq!(outbox.take_deltas(MAX_DELTA_BYTES), [delta(0, "one two three")]);
    }

    #[test]
    fn parts_of_a_text_that_another_process_has_the_rest_of_are_all_sent() {
        let outbox = Outbox::default();
        outbox.delta(delta(0, "one "));
        outbox.delta(delta(8, "three "));
        outbox.delta(delta(20, "five"));
        let taken = [outbox.take_deltas(MAX_DELTA_BYTES), outbox.take_deltas(MAX_DELTA_BYTES)].concat();
        assert_eq!(taken, [delta(0, "one "), delta(8, "three "), delta(20, "five")]);
        assert!(!outbox.has_more());
    }

    #[test]
    fn many_runs_become_one_look_at_everything() {
        let outbox = Outbox::default();
        for n in 0..500 {
            outbox.run(RunId(uuid::Uuid::from_u128(n)), None);
        }
        let message = outbox.take_message();
        assert!(message.all && serde_json::to_string(&message).unwrap().len() < 7_500);
    }
}
