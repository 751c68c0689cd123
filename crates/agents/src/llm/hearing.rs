//! Listens to one answer until it is told how it ended, and judges that end. Whatever becomes of it, what came is written down.
//! It must never take an answer for complete that nobody said to be.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use workflow::status::Reason;

use super::{
    failure::{self, Failure, Teller},
    thoughts::{Part, Thoughts},
    wire::{self, End, Event, Fault, Finish, Frame, Frames, MAX_ANSWER_BYTES, Whole},
};
use crate::{AgentError, ProviderKind, Recorder, refusals::Parameter};

/// After the last word, only a count of tokens may follow.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// After a word that some say with every piece, the rest may follow.
const PERHAPS_LAST_WORDS: Duration = Duration::from_mins(5);

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

/// Whether an end that was told may be none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doubt {
    None,
    /// It was told before anything was said: gateways that pass on no thoughts tell it in place of each piece of one.
    Early,
    /// It was told together with a piece, as those do who tell it with every piece.
    WithText,
    /// Text came behind an earlier one: this provider tells it with every piece.
    Repeated,
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
    /// Whether that is an end.
    doubt: Doubt,
    /// Text came in pieces.
    has_pieces: bool,
    /// The text as it came, where it came in no pieces.
    whole: String,
    /// What came where a text belongs and is none.
    strange: Option<Value>,
    /// A call of a tool came.
    wants_tool: bool,
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
            doubt: Doubt::None,
            has_pieces: false,
            whole: String::new(),
            strange: None,
            wants_tool: false,
            is_answer: false,
        }
    }

    pub(super) async fn listen(mut self, mut frames: Frames, cost: Option<f64>) -> Result<Answer, Failure> {
        self.recorder.tokens(wire::Tokens {
            cost_micros: wire::micros(cost.map(Value::from).as_ref()),
            ..wire::Tokens::default()
        });
        let mut strange = None;
        'frames: loop {
            let frame = match frames.next().await {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                // It was told to be complete; only the count of its tokens is missing.
                Err(_) if self.is_over(&frames) => break,
                Err(Fault::Unreadable(text)) if self.n_bytes > 0 => {
                    self.settle();
                    return Err(self.teller.garbled(&text));
                }
                Err(fault) => {
                    self.settle();
                    return Err(self.teller.fault(fault));
                }
            };
            let events = wire::read(self.kind, &frame);
            let is_said = |event: &Event| !matches!(event, Event::Id(_) | Event::Tokens(_));
            if strange.is_none() && !events.iter().any(is_said) {
                strange = as_strange(frame);
            }
            let has_text = events.iter().any(|event| matches!(event, Event::Text(_)));
            for event in events {
                match event {
                    Event::Done => {
                        self.done();
                        break 'frames;
                    }
                    Event::Failed(said) => {
                        self.settle();
                        return Err(self.teller.inside(&said, self.n_bytes > 0, self.sent));
                    }
                    Event::Finish(finish) => self.end(finish, has_text),
                    event => self.take(event)?,
                }
            }
            frames.hold(self.n_bytes + self.whole.len()).await;
            match &self.finish {
                None => frames.expect_more(),
                Some(_)
                    if matches!(self.doubt, Doubt::Repeated | Doubt::Early)
                        || self.doubt == Doubt::WithText && self.kind == ProviderKind::Gemini =>
                {
                    frames.expect_the_end(PERHAPS_LAST_WORDS);
                }
                Some(_) => frames.expect_the_end(LAST_WORDS),
            }
        }
        // The body ended within what came behind the end: that was more of the answer.
        if frames.is_cut() && self.doubt != Doubt::None {
            self.finish = None;
        }
        self.settle();
        let passed_over = frames.passed_over();
        match strange {
            Some(document) if !self.is_answer => Err(self.teller.no_answer(&wire::read_error(&document))),
            None if !self.is_answer && !passed_over.is_empty() => {
                Err(self.teller.fault(Fault::Unreadable(passed_over.to_owned())))
            }
            _ => self.judge(passed_over),
        }
    }

    /// Whether an end that was told is one, though the stream broke. Who tells it with every piece may have told it too early.
    fn is_over(&self, frames: &Frames) -> bool {
        let is_doubtful = match self.doubt {
            Doubt::None => false,
            Doubt::WithText => frames.is_cut(),
            Doubt::Early | Doubt::Repeated => true,
        };
        self.finish.is_some() && !is_doubtful
    }

    fn take(&mut self, event: Event) -> Result<(), Failure> {
        self.is_answer |= !matches!(event, Event::Id(_) | Event::Tokens(_));
        match event {
            Event::Text(text) => {
                self.has_pieces = true;
                self.text(&text)?;
            }
            Event::Whole(whole) => self.whole(&whole)?,
            Event::Thought(text) => self.thought(&text)?,
            Event::Refusal(text) => self.refusal(&text)?,
            Event::Tokens(tokens) => self.recorder.tokens(tokens),
            Event::Id(id) if !self.recorder.has_request_id() => self.recorder.request_id(&id),
            Event::ToolCall => self.wants_tool = true,
            Event::Strange(content) => self.strange = self.strange.take().or(Some(content)),
            Event::Finish(_) | Event::Id(_) | Event::Failed(_) | Event::Done => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.count(text)?;
        // What ends goes on no more.
        if self.finish.as_ref().is_some_and(|finish| finish.end == End::Complete) {
            self.finish = None;
            self.doubt = Doubt::Repeated;
        }
        let parts = self.thoughts.push(text);
        self.part(parts);
        Ok(())
    }

    fn thought(&mut self, text: &str) -> Result<(), Failure> {
        self.count(text)?;
        self.answer.has_thought = true;
        self.recorder.think(text);
        Ok(())
    }

    fn refusal(&mut self, text: &str) -> Result<(), Failure> {
        self.count(text)?;
        self.recorder.write(text);
        self.refusal.push_str(text);
        Ok(())
    }

    /// What does not come in pieces: a part, or all again with what is new. It counts where it says what no piece did.
    fn whole(&mut self, whole: &Whole) -> Result<(), Failure> {
        if !whole.thought.is_empty() && !self.answer.has_thought {
            self.thought(&whole.thought)?;
        }
        if self.refusal.is_empty() && !whole.refusal.is_empty() {
            self.refusal(&whole.refusal)?;
        }
        if self.has_pieces || self.whole.ends_with(&whole.text) {
            return Ok(());
        }
        let new = whole.text.strip_prefix(&self.whole).unwrap_or(&whole.text);
        self.whole.push_str(new);
        self.text(new)
    }

    fn end(&mut self, finish: Finish, has_text: bool) {
        self.is_answer = true;
        // Some repeat `stop` in each piece; an end that is none says more.
        if self.finish.as_ref().is_none_or(|known| known.end == End::Complete) {
            if self.doubt != Doubt::Repeated {
                self.doubt = match finish.end {
                    _ if has_text => Doubt::WithText,
                    End::Complete if self.n_bytes == 0 && !self.wants_tool => Doubt::Early,
                    _ => Doubt::None,
                };
            }
            self.recorder.finish(&finish.word, finish.end == End::Cut);
            self.finish = Some(finish);
        }
    }

    /// The provider said that nothing comes any more. That is the end of what it said, also where it gives no reason.
    fn done(&mut self) {
        self.doubt = Doubt::None;
        if self.finish.is_none() && (self.n_bytes > 0 || self.wants_tool) {
            self.end(Finish { word: String::new(), end: End::Complete }, false);
        }
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

    fn judge(mut self, passed_over: &str) -> Result<Answer, Failure> {
        let words = |words: &str| self.teller.conceal(words);
        let Some(finish) = self.finish else {
            // What is no more than a word keeps the connection alive.
            let told = Some(passed_over.trim()).filter(|told| told.contains(char::is_whitespace));
            return Err(failure::cut_off(told.map(words)));
        };
        if !self.refusal.is_empty() {
            return Err(refused(&words(&self.refusal)));
        }
        let reason = || words(&finish.word).to_ascii_lowercase().replace('_', " ");
        match finish.end {
            End::Refused(why) => {
                Err(refused(&if why.is_empty() { reason() } else { format!("{}: {}", reason(), words(&why)) }))
            }
            End::Failed(class) => {
                Err(AgentError::new(class, format!("The provider broke the answer off: {}", reason())).into())
            }
            End::ToolCall => Err(tool_call()),
            // Some call one and end as if the answer were complete.
            End::Complete if self.wants_tool && self.answer.text.trim().is_empty() => Err(tool_call()),
            End::Complete | End::Cut => {
                if let Some(content) = self.strange.filter(|_| self.answer.text.trim().is_empty()) {
                    return Err(no_text(&content, &words(&content.to_string())));
                }
                self.answer.is_cut = finish.end == End::Cut;
                Ok(self.answer)
            }
        }
    }
}

fn tool_call() -> Failure {
    let message = "The model wanted to call a tool instead of answering, but this agent has none";
    AgentError::new(Reason::InvalidOutput, message).into()
}

/// A document that says nothing of an answer; none where it has the shape of one.
fn as_strange(frame: Frame) -> Option<Value> {
    match frame {
        Frame::Document(document) | Frame::Body(document) if !wire::is_of_answer(&document) => Some(document),
        _ => None,
    }
}

/// What came in place of a text; `shown`: the same, as people may see it.
fn no_text(content: &Value, shown: &str) -> Failure {
    let kind = match content {
        Value::Object(_) => "an object",
        Value::Number(_) => "a number",
        Value::Bool(_) => "true or false",
        Value::Null | Value::String(_) | Value::Array(_) => "something else",
    };
    let shown = crate::error::shorten(shown.to_owned(), failure::MAX_SAID_CHARS);
    let message = format!("The provider sent {kind} where the text of the answer belongs: {shown}");
    AgentError::new(Reason::InvalidOutput, message).into()
}

fn refused(why: &str) -> Failure {
    let why = crate::error::shorten(why.to_owned(), failure::MAX_SAID_CHARS);
    AgentError::new(Reason::Refused, format!("The model refused to answer: {why}")).into()
}
