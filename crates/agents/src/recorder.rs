//! Writes down, while an attempt runs, what it said to a model, what came back and what that cost: whoever stops the attempt, or
//! finds it failed, reads it here. It must never hold a key, and never more than people can read.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use serde_json::{Map, Value};
use workflow::{
    transcript::{Called, Round, Timing, Transcript},
    view::Usage,
};

use crate::Price;

/// What an answer cost, as far as the provider says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) prompt: Option<i64>,
    pub(crate) completion: Option<i64>,
    /// Both together.
    pub(crate) total: Option<i64>,
    /// In millionths.
    pub(crate) cost_micros: Option<i64>,
}

/// Characters of a name that the other side chose.
const MAX_NAME_CHARS: usize = 200;
/// A token is about this many bytes at least, so that an estimate is rather too high.
const BYTES_PER_TOKEN: usize = 3;

/// Clones write into the same record.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    transcript: Transcript,
    price: Option<Price>,
    costs: Vec<Cost>,
    called: Vec<Called>,
    left_out: Vec<String>,
    is_cut: bool,
}

/// What is known of the cost of one round.
#[derive(Clone, Default)]
struct Cost {
    prompt_bytes: usize,
    answer_bytes: usize,
    told: Tokens,
    /// The model began to answer.
    is_begun: bool,
    is_finished: bool,
    asked_at: Option<SystemTime>,
    finished_at: Option<SystemTime>,
}

impl Recorder {
    /// What was said so far; none where no model was asked.
    pub fn transcript(&self) -> Option<Transcript> {
        let record = self.record();
        (!record.transcript.rounds.is_empty()).then(|| record.transcript.clone())
    }

    /// When each round was, once the attempt is over: one that was not answered to its end lasted until now.
    pub fn timings(&self) -> Vec<Timing> {
        let now = SystemTime::now();
        let timing = |cost: &Cost| Timing {
            began_at: cost.asked_at.unwrap_or(now),
            ended_at: cost.finished_at.unwrap_or(now),
            prompt_tokens: cost.told.prompt,
            completion_tokens: cost.told.completion,
            is_finished: cost.is_finished,
        };
        self.record().costs.iter().map(timing).collect()
    }

    /// What was sent to others than models, as far as it was answered or failed.
    pub fn called(&self) -> Vec<Called> {
        self.record().called.clone()
    }

    pub(crate) fn call(&self, called: Called) {
        self.record().called.push(called);
    }

    /// What it cost so far; none where no model began to answer. What no provider counted is estimated.
    pub fn usage(&self) -> Option<Usage> {
        let record = self.record();
        let begun: Vec<&Cost> = record.costs.iter().filter(|cost| cost.is_begun).collect();
        if begun.is_empty() {
            return None;
        }
        let mut usage = Usage {
            model: Some(record.transcript.model.clone()),
            is_cut: record.is_cut,
            left_out: record.left_out.clone(),
            ..Usage::default()
        };
        for cost in &begun {
            let told = cost.told;
            let total = told.total.filter(|total| *total > 0);
            // The part that is not told is what is left of both.
            let rest = |other: Option<i64>| Some(total? - other.filter(|other| *other > 0)?).filter(|rest| *rest > 0);
            let (prompt, is_guessed) =
                counted_or_estimated(told.prompt.or_else(|| rest(told.completion)), cost.prompt_bytes, true);
            let prompt = total.filter(|_| is_guessed).map_or(prompt, |total| prompt.min(total));
            usage.prompt_tokens += prompt;
            usage.is_estimated |= is_guessed;
            let (completion, is_guessed) = counted_or_estimated(
                told.completion.or_else(|| rest(Some(prompt))),
                cost.answer_bytes,
                cost.is_finished,
            );
            usage.completion_tokens += completion;
            usage.is_estimated |= is_guessed;
        }
        usage.cost_micros = match record.price {
            Some(price) => Some(price.cost_micros(usage.prompt_tokens, usage.completion_tokens)),
            None => begun.iter().filter_map(|cost| cost.told.cost_micros).reduce(|sum, cost| sum + cost),
        };
        usage.currency = record.price.and_then(|price| price.currency).map(|currency| currency.to_string());
        Some(usage)
    }

    pub(crate) fn begin(&self, provider: &str, model: &str, price: Option<Price>) {
        let mut record = self.record();
        record.transcript = Transcript { provider: provider.to_owned(), model: model.to_owned(), rounds: Vec::new() };
        record.price = price;
    }

    /// A new round, with what is said in it; `prompt_bytes` is all that is sent, earlier rounds included.
    pub(crate) fn ask<'a>(&self, said: impl IntoIterator<Item = (&'a str, &'a str)>, prompt_bytes: usize) {
        let mut round = Round::default();
        for (role, text) in said {
            round.say(role, text);
        }
        let mut record = self.record();
        record.transcript.rounds.push(round);
        record.costs.push(Cost { prompt_bytes, asked_at: Some(SystemTime::now()), ..Cost::default() });
    }

    pub(crate) fn parameters(&self, parameters: Map<String, Value>) {
        self.round(|round, _| round.parameters = parameters);
    }

    pub(crate) fn request_id(&self, id: &str) {
        let id = id.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect();
        self.round(|round, _| round.request_id = Some(id));
    }

    pub(crate) fn has_request_id(&self) -> bool {
        self.record().transcript.rounds.last().is_some_and(|round| round.request_id.is_some())
    }

    pub(crate) fn write(&self, text: &str) {
        self.round(|round, cost| {
            round.write(text);
            cost.answer_bytes += text.len();
            cost.is_begun = true;
        });
    }

    pub(crate) fn think(&self, text: &str) {
        self.round(|round, cost| {
            round.think(text);
            cost.answer_bytes += text.len();
            cost.is_begun = true;
        });
    }

    /// What was written so far in this round was a thought.
    pub(crate) fn was_thought(&self) {
        self.round(|round, _| {
            let wrote = std::mem::take(&mut round.wrote);
            round.think(&wrote);
        });
    }

    /// What a provider counted, as it stands now. A nothing behind a count is no count.
    pub(crate) fn tokens(&self, tokens: Tokens) {
        let later = |now: Option<i64>, before: Option<i64>| now.filter(|count| *count > 0).or(before).or(now);
        self.round(|_, cost| {
            cost.told = Tokens {
                prompt: later(tokens.prompt, cost.told.prompt),
                completion: later(tokens.completion, cost.told.completion),
                total: later(tokens.total, cost.told.total),
                cost_micros: later(tokens.cost_micros, cost.told.cost_micros),
            };
        });
    }

    pub(crate) fn finish(&self, word: &str, is_cut: bool) {
        let word: String = word.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect();
        self.round(|round, cost| {
            round.finish_reason = Some(word).filter(|word| !word.is_empty());
            (cost.is_begun, cost.is_finished) = (true, true);
            cost.finished_at = Some(SystemTime::now());
        });
        self.record().is_cut = is_cut;
    }

    /// A parameter that this model does not take was not sent.
    pub(crate) fn left_out(&self, parameters: Vec<String>) {
        self.record().left_out = parameters;
    }

    fn round(&self, change: impl FnOnce(&mut Round, &mut Cost)) {
        let mut record = self.record();
        let Record { transcript, costs, .. } = &mut *record;
        if let (Some(round), Some(cost)) = (transcript.rounds.last_mut(), costs.last_mut()) {
            change(round, cost);
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Prompts are not for logs.
impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

/// Tokens, and whether they are a guess. No count, and a count of nothing for something, are unknown; and what was counted before
/// the end is at least that.
fn counted_or_estimated(counted: Option<i64>, bytes: usize, is_final: bool) -> (i64, bool) {
    let estimate = i64::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(i64::MAX);
    match counted.filter(|count| *count > 0 || bytes == 0) {
        Some(count) if is_final || count >= estimate => (count, false),
        _ => (estimate, estimate > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_counted_is_estimated_and_marked() {
        let recorder = Recorder::default();
        assert_eq!(recorder.usage(), None);
        recorder.begin("p", "m", None);
        recorder.ask([("user", "hello")], 10);
        assert_eq!(recorder.usage(), None, "a request that nobody answered costs nothing");
        recorder.write("abcd");
        recorder.think("efg");
        let shown = |recorder: &Recorder| {
            let usage = recorder.usage().unwrap();
            (usage.prompt_tokens, usage.completion_tokens, usage.is_estimated, usage.cost_micros)
        };
        assert_eq!(shown(&recorder), (4, 3, true, None));
        recorder.tokens(told(Some(9), Some(1), None));
        assert_eq!(shown(&recorder), (9, 3, true, None), "a count before the end is too low");
        recorder.finish("stop", false);
        assert_eq!(shown(&recorder), (9, 1, false, None));
        recorder.tokens(told(Some(0), Some(0), Some(70)));
        assert_eq!(shown(&recorder), (9, 1, false, Some(70)), "a nothing takes no count away");
        recorder.ask([("user", "again")], 30);
        recorder.tokens(told(Some(20), Some(5), Some(30)));
        recorder.finish("stop", false);
        assert_eq!(shown(&recorder), (29, 6, false, Some(100)));
        recorder.ask([("user", "again")], 30);
        recorder.write("abcdef");
        recorder.tokens(told(Some(0), Some(0), None));
        recorder.finish("stop", false);
        assert_eq!(shown(&recorder), (39, 8, true, Some(100)), "nothing for something is unknown");
    }

    #[test]
    fn each_round_is_timed_and_one_without_an_end_lasts_until_it_is_asked_about() {
        let recorder = Recorder::default();
        assert_eq!(recorder.timings(), []);
        recorder.begin("p", "m", None);
        recorder.ask([("user", "hello")], 10);
        recorder.tokens(told(Some(3), Some(4), None));
        recorder.finish("stop", false);
        recorder.ask([("user", "again")], 10);
        let timings = recorder.timings();
        let [first, second] = timings[..] else { panic!("{timings:?}") };
        assert_eq!((first.prompt_tokens, first.completion_tokens, first.is_finished), (Some(3), Some(4), true));
        assert_eq!((second.prompt_tokens, second.is_finished), (None, false));
        assert!(first.began_at <= first.ended_at && second.began_at <= second.ended_at);
        assert_eq!(recorder.timings()[0], first);
    }

    #[test]
    fn what_was_sent_to_others_is_kept_in_order_and_is_no_talk_with_a_model() {
        let (recorder, at) = (Recorder::default(), SystemTime::UNIX_EPOCH);
        let called =
            |status| Called { method: "GET".to_owned(), host: "h".to_owned(), status, began_at: at, ended_at: at };
        recorder.call(called(Some(302)));
        recorder.call(called(None));
        assert_eq!(recorder.called(), [called(Some(302)), called(None)]);
        assert_eq!((recorder.transcript(), recorder.usage()), (None, None));
    }

    #[test]
    fn a_price_goes_before_what_the_provider_reckons() {
        let recorder = Recorder::default();
        recorder.begin("p", "m", Some(Price { input: 1.0, output: 2.0, currency: "EUR".parse().ok() }));
        recorder.ask([], 0);
        recorder.tokens(told(Some(3), Some(4), Some(1_000)));
        recorder.finish("stop", false);
        let usage = recorder.usage().unwrap();
        assert_eq!((usage.cost_micros, usage.currency.as_deref()), (Some(11), Some("EUR")));
    }

    #[test]
    fn a_count_of_both_together_holds() {
        let table = [
            // (prompt, completion, total) of 30 bytes and 6.
            ((None, None, Some(50)), (10, 40, true)),
            ((None, None, Some(5)), (5, 2, true)),
            ((Some(20), None, Some(50)), (20, 30, false)),
            ((None, Some(20), Some(50)), (30, 20, false)),
            ((Some(20), Some(29), Some(50)), (20, 29, false)),
        ];
        for ((prompt, completion, total), expected) in table {
            let recorder = Recorder::default();
            recorder.begin("p", "m", None);
            recorder.ask([], 30);
            recorder.write("abcdef");
            recorder.tokens(Tokens { prompt, completion, total, cost_micros: None });
            recorder.finish("stop", false);
            let usage = recorder.usage().unwrap();
            assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.is_estimated), expected);
        }
    }

    fn told(prompt: Option<i64>, completion: Option<i64>, cost_micros: Option<i64>) -> Tokens {
        Tokens { prompt, completion, total: None, cost_micros }
    }
}
