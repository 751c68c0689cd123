//! What was passed on of attempts that are running, for whoever follows their run later.
//! Must never keep more of one attempt than its worker sends, nor hand over more at a time than may wait for a peer that takes nothing.

use std::{collections::BTreeMap, ops::Bound};

use workflow::{
    RunId, StepKey,
    api::{Delta, RunFrame, Telling},
    pieces::Pieces,
    run::RunEvent,
};

use super::frame::small_pieces;

/// Log lines of one attempt that are kept for who comes later; more are to be had where the attempt is.
const MAX_LINES: usize = 100;
/// Text of one attempt that is kept for who comes later; workers send no more either.
const MAX_TEXT: usize = 1024 * 1024;
/// Bytes of such texts that are handed over together: each who takes nothing is waited for with as much, and there may be thousands.
const AT_ONCE: usize = 256 * 1024;

#[derive(Debug, Default)]
pub(super) struct Texts {
    /// What was passed on of attempts that are running, for followers who come later.
    so_far: BTreeMap<(StepKey, i32), Pieces>,
    /// What those say of themselves: how far they are, and the last lines of their logs.
    said: BTreeMap<(StepKey, i32), Telling>,
    /// The last attempt of each step that ended meanwhile: what comes late of it, nobody wants.
    ended: BTreeMap<StepKey, i32>,
}

/// How far somebody has taken over what was there before they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    place: Option<(StepKey, i32)>,
    /// In the text of that attempt.
    end: i64,
}

impl Texts {
    /// False where its attempt has ended.
    pub(super) fn keep(&mut self, delta: &Delta) -> bool {
        if self.has_ended(&delta.step, delta.attempt) {
            return false;
        }
        // Much of it may be there: it is sent again for whoever comes late, by each process that took a part of it.
        let known = self.so_far.entry((delta.step.clone(), delta.attempt)).or_default();
        if known.n_bytes() + delta.text.len() <= MAX_TEXT || delta.offset < known.end() {
            known.add(delta.offset, &delta.text);
        }
        true
    }

    /// False where its attempt has ended.
    pub(super) fn hear(&mut self, telling: &Telling) -> bool {
        if self.has_ended(&telling.step, telling.attempt) {
            return false;
        }
        let place = (telling.step.clone(), telling.attempt);
        let known = self.said.entry(place).or_insert_with(|| Telling { lines: Vec::new(), ..telling.clone() });
        known.progress = telling.progress.clone().or(known.progress.take());
        known.lines.extend(telling.lines.iter().cloned());
        let n_old = known.lines.len().saturating_sub(MAX_LINES);
        known.lines.drain(..n_old);
        true
    }

    fn has_ended(&self, step: &StepKey, attempt: i32) -> bool {
        self.ended.get(step).is_some_and(|ended| *ended >= attempt)
    }

    /// The artifact, or the error, takes the place of the text.
    pub(super) fn forget(&mut self, event: &RunEvent) {
        for attempt in event.data.attempts.iter().filter(|attempt| attempt.outcome.is_some()) {
            self.so_far.remove(&(attempt.step.clone(), attempt.number));
            self.said.remove(&(attempt.step.clone(), attempt.number));
            let last = self.ended.entry(attempt.step.clone()).or_default();
            *last = attempt.number.max(*last);
        }
    }

    /// The next part of the texts, and after the last of them what else attempts say. Whether that was all.
    pub(super) fn take_over(&self, run: RunId, taken: &mut Taken) -> (Vec<RunFrame>, bool) {
        let (mut frames, mut n_bytes) = (Vec::new(), 0);
        let from = taken.place.clone().map_or(Bound::Unbounded, Bound::Included);
        for (place, pieces) in self.so_far.range::<(StepKey, i32), _>((from, Bound::Unbounded)) {
            if taken.place.as_ref() != Some(place) {
                *taken = Taken { place: Some(place.clone()), end: 0 };
            }
            for (offset, text) in pieces.iter() {
                let known = usize::try_from(taken.end.saturating_sub(offset)).unwrap_or_default();
                let rest = text.get(known..).unwrap_or_default();
                for (offset, text) in small_pieces(offset.max(taken.end), rest) {
                    if n_bytes >= AT_ONCE {
                        return (frames, false);
                    }
                    n_bytes += text.len();
                    taken.end = offset.saturating_add(i64::try_from(text.len()).unwrap_or(i64::MAX));
                    let (step, attempt, text) = (place.0.clone(), place.1, text.to_owned());
                    frames.push(RunFrame::Delta(Delta { run, step, attempt, offset, text }));
                }
            }
        }
        frames.extend(self.said.values().cloned().map(RunFrame::Telling));
        (frames, true)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const RUN: RunId = RunId(Uuid::nil());

    #[test]
    fn whoever_comes_late_gets_the_text_from_its_beginning() {
        let mut texts = Texts::default();
        let mut keep = |offset, text: &str| {
            texts.keep(&Delta { run: RUN, step: "a".into(), attempt: 1, offset, text: text.into() });
            let (frames, is_all) = texts.take_over(RUN, &mut Taken::default());
            assert!(is_all);
            let texts = frames.into_iter().filter_map(|frame| match frame {
                RunFrame::Delta(delta) => Some((delta.offset, delta.text)),
                _ => None,
            });
            texts.collect::<Vec<_>>()
        };
        let is = |kept: Vec<(i64, String)>, expected: &[(i64, &str)]| {
            assert_eq!(kept.iter().map(|(at, text)| (*at, &**text)).collect::<Vec<_>>(), expected);
        };
        // What came before is not known yet.
        is(keep(8, "three "), &[(8, "three ")]);
        // Asked for, all of it is sent again.
        keep(0, "one two three ");
        is(keep(14, "four "), &[(0, "one two three four ")]);
        // A repetition changes nothing, and what follows a gap stays where it belongs.
        keep(0, "one two ");
        is(keep(40, "lost before"), &[(0, "one two three four "), (40, "lost before")]);
        // As another process had it.
        is(keep(19, "five, six, seven and "), &[(0, "one two three four five, six, seven and lost before")]);
        // What comes after the end is nothing any more.
        texts.ended.insert("a".into(), 1);
        texts.so_far.clear();
        assert!(!texts.keep(&Delta { run: RUN, step: "a".into(), attempt: 1, offset: 0, text: "one".into() }));
        assert!(texts.so_far.is_empty());
    }

    #[test]
    fn a_long_text_is_handed_over_in_parts_and_all_of_it_though_it_goes_on_meanwhile() {
        let delta = |step: &str, offset: usize, text: &str| {
            let (offset, text) = (i64::try_from(offset).unwrap(), text.to_owned());
            Delta { run: RUN, step: step.into(), attempt: 1, offset, text }
        };
        let (mut texts, long) = (Texts::default(), "aü".repeat(300_000));
        assert!(texts.keep(&delta("a", 0, "short")) && texts.keep(&delta("b", 7, &long)));
        let (mut taken, mut heard, mut n_parts) = (Taken::default(), BTreeMap::<StepKey, Pieces>::new(), 0);
        loop {
            let (frames, is_all) = texts.take_over(RUN, &mut taken);
            let mut n_bytes = 0;
            for frame in frames {
                let RunFrame::Delta(delta) = frame else { continue };
                n_bytes += delta.text.len();
                heard.entry(delta.step).or_default().add(delta.offset, &delta.text);
            }
            assert!(n_bytes < 2 * AT_ONCE, "{n_bytes} bytes would be held for each who takes nothing");
            n_parts += 1;
            if n_parts == 1 {
                assert!(texts.keep(&delta("b", 7 + long.len(), " on")));
            }
            if is_all {
                break;
            }
        }
        assert!(n_parts > 2, "{n_parts}");
        let heard: Vec<_> = heard.values().flat_map(Pieces::iter).collect();
        assert_eq!(heard, [(0, "short"), (7, &*(long + " on"))]);
    }
}
