//! Listens to one answer until it is told how it ended, and judges that end. Whatever becomes of it, what came is written down.
//! It must never take an answer for complete that nobody said to be.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use workflow::status::Reason;

use super::{
    failure::{self, Failure, Teller},
    thoughts::{Part, Thoughts},
    wire::{self, End, Event, Finish, Frames, MAX_ANSWER_BYTES, Said},
};
use crate::{AgentError, ProviderKind, Recorder, refusals::Parameter};

/// After the last word, only a count of tokens may follow.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What a model said in one round.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) text: String,
    /// It broke off at the longest answer that is allowed.
    pub(super) is_cut: bool,
    /// It ended within a thought.
    pub(super) is_thinking: bool,
    pub(super) has_thought: bool,
}

pub(super) struct Hearing<'a> {
    kind: ProviderKind,
    teller: &'a Teller<'a>,
    sent: &'a [(Parameter, String)],
    recorder: &'a Recorder,
    deltas: Option<&'a mpsc::Sender<String>>,
    thoughts: Thoughts,
    answer: Answer,
    n_bytes: usize,
    refusal: String,
    finish: Option<Finish>,
    /// Anything came that an answer is made of.
    is_answer: bool,
}

impl<'a> Hearing<'a> {
    pub(super) fn new(
        kind: ProviderKind,
        teller: &'a Teller<'a>,
        sent: &'a [(Parameter, String)],
        recorder: &'a Recorder,
        deltas: Option<&'a mpsc::Sender<String>>,
    ) -> Self {
        Self {
            kind,
            teller,
            sent,
            recorder,
            deltas,
            thoughts: Thoughts::default(),
            answer: Answer::default(),
            n_bytes: 0,
            refusal: String::new(),
            finish: None,
            is_answer: false,
        }
    }

    pub(super) async fn listen(mut self, mut frames: Frames, cost: Option<f64>) -> Result<Answer, Failure> {
        self.recorder.tokens(None, None, wire::micros(cost.map(Value::from).as_ref()));
        let mut strange = None;
        'frames: loop {
            let frame = match frames.next().await {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                // It was told to be complete; only the count of its tokens is missing.
                Err(_) if self.finish.is_some() => break,
                Err(fault) => {
                    self.settle();
                    return Err(self.teller.fault(fault));
                }
            };
            let events = match wire::read(self.kind, &frame) {
                events if events.is_empty() => {
                    strange.get_or_insert(frame);
                    continue;
                }
                events => events,
            };
            for event in events {
                match event {
                    Event::Done => break 'frames,
                    Event::Failed(said) => {
                        self.settle();
                        return Err(self.teller.inside(&said, self.n_bytes > 0, self.sent));
                    }
                    event => self.take(event)?,
                }
            }
            frames.hold(self.n_bytes).await;
            if self.finish.is_some() {
                frames.expect_the_end(LAST_WORDS);
            }
        }
        self.settle();
        match strange {
            Some(wire::Frame::Document(document)) if !self.is_answer => {
                let said = Said { class: None, words: String::new(), document };
                Err(self.teller.no_answer(&said))
            }
            _ => self.judge(),
        }
    }

    fn take(&mut self, event: Event) -> Result<(), Failure> {
        self.is_answer = true;
        match event {
            Event::Text(text) => {
                self.count(&text)?;
                let parts = self.thoughts.push(&text);
                self.part(parts);
            }
            Event::Whole(text) if self.n_bytes == 0 => return self.take(Event::Text(text)),
            Event::Thought(text) => {
                self.count(&text)?;
                self.answer.has_thought = true;
                self.recorder.think(&text);
            }
            Event::Refusal(text) => {
                self.count(&text)?;
                self.recorder.write(&text);
                self.refusal.push_str(&text);
            }
            // Some repeat `stop` in each piece; an end that is none says more.
            Event::Finish(finish) if self.finish.as_ref().is_none_or(|known| known.end == End::Complete) => {
                self.recorder.finish(&finish.word, finish.end == End::Cut);
                self.finish = Some(finish);
            }
            Event::Tokens(tokens) => self.recorder.tokens(tokens.prompt, tokens.completion, tokens.cost_micros),
            Event::Id(id) if !self.recorder.has_request_id() => self.recorder.request_id(&id),
            Event::Whole(_) | Event::Finish(_) | Event::Id(_) | Event::Failed(_) | Event::Done => {}
        }
        Ok(())
    }

    fn count(&mut self, text: &str) -> Result<(), Failure> {
        self.n_bytes += text.len();
        if self.n_bytes > MAX_ANSWER_BYTES { Err(failure::too_large()) } else { Ok(()) }
    }

    fn part(&mut self, parts: Vec<Part>) {
        for part in parts {
            match part {
                Part::Answer(text) => {
                    self.recorder.write(&text);
                    self.answer.text.push_str(&text);
                    self.show(text);
                }
                Part::Thought(text) => {
                    self.answer.has_thought = true;
                    self.recorder.think(&text);
                }
                Part::WasThought => {
                    self.answer.has_thought = true;
                    self.answer.text.clear();
                    self.recorder.was_thought();
                    self.show("\n\n— so far the thoughts; the answer: —\n\n".to_owned());
                }
            }
        }
    }

    /// A slow reader loses tokens, never delays them: the artifact holds them all.
    fn show(&self, text: String) {
        if let Some(deltas) = self.deltas {
            let _lossy = deltas.try_send(text);
        }
    }

    /// What was held back is written down, however the answer ended.
    fn settle(&mut self) {
        let (parts, is_thinking) = self.thoughts.end();
        self.part(parts);
        self.answer.is_thinking = is_thinking;
    }

    fn judge(mut self) -> Result<Answer, Failure> {
        let Some(finish) = self.finish else {
            return Err(failure::cut_off());
        };
        let words = |words: &str| self.teller.conceal(words);
        if !self.refusal.is_empty() {
            return Err(refused(&words(&self.refusal)));
        }
        match finish.end {
            End::Refused(why) => {
                let reason = finish.word.to_ascii_lowercase().replace('_', " ");
                Err(refused(&if why.is_empty() { reason } else { format!("{reason}: {}", words(&why)) }))
            }
            End::Failed => Err(AgentError::new(
                Reason::Server,
                format!("The provider broke the answer off: {}", finish.word.to_ascii_lowercase().replace('_', " ")),
            )
            .into()),
            End::ToolCall if self.answer.text.trim().is_empty() => Err(AgentError::new(
                Reason::InvalidOutput,
                "The model wanted to call a tool instead of answering, but this agent has none",
            )
            .into()),
            End::Complete | End::Cut | End::ToolCall => {
                self.answer.is_cut = finish.end == End::Cut;
                Ok(self.answer)
            }
        }
    }
}

fn refused(why: &str) -> Failure {
    let why = crate::error::shorten(why.to_owned(), failure::MAX_SAID_CHARS);
    AgentError::new(Reason::Refused, format!("The model refused to answer: {why}")).into()
}
