//! The model: loading a GGUF file, and one generation, advanced one turn at a time.
//! It knows no request, no client and no clock; whoever holds a `Generation` decides when it goes on.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use candle_core::quantized::gguf_file::Content;

use crate::error::{LoadError, ModelError};
use crate::llama::{Cache, Dimensions, Llama};
use crate::sampling::{Sampler, Sampling};
use crate::text::{StopMatcher, Utf8Buffer};
use crate::tokenizer::{ChatTokenizer, require};

/// Prompt tokens read in one turn: large enough to be efficient, small enough that others and a cancellation wait briefly.
const PROMPT_CHUNK: usize = 64;

pub(crate) struct Model {
    llama: Arc<Llama>,
    pub(crate) tokenizer: Arc<ChatTokenizer>,
    /// Prompt and output together must fit into this many tokens.
    pub(crate) context: usize,
}

impl Model {
    /// Loads a file for sequences of up to `max_context` tokens, or as many as the model was made for.
    pub(crate) fn load(path: &Path, max_context: usize) -> Result<Self, LoadError> {
        let opened = File::open(path).map_err(|source| LoadError::Open { path: path.to_owned(), source })?;
        let mut reader = BufReader::new(opened);
        let file = Content::read(&mut reader).map_err(|source| LoadError::Format { path: path.to_owned(), source })?;
        require(&file.metadata, "general.architecture", "llama", "architecture")?;
        let tokenizer = Arc::new(ChatTokenizer::from_metadata(&file.metadata)?);
        let dimensions = Dimensions::from_metadata(&file.metadata)?;
        let context = dimensions.context.min(max_context);
        let llama = Llama::read(&file, &mut reader, dimensions, context).map_err(LoadError::Weights)?;
        Ok(Self { llama: Arc::new(llama), tokenizer, context })
    }

    /// Begins a generation with an empty cache of its own; the weights are shared.
    pub(crate) fn begin(&self, prompt: Vec<u32>, options: Options) -> Generation {
        let Options { sampling, seed, max_tokens, stops, ignore_end } = options;
        Generation {
            cache: self.llama.new_cache(),
            llama: Arc::clone(&self.llama),
            tokenizer: Arc::clone(&self.tokenizer),
            sampler: Sampler::new(sampling, seed),
            prompt,
            answer: Vec::new(),
            utf8: Utf8Buffer::default(),
            stops: StopMatcher::new(stops),
            max_tokens,
            ignore_end,
        }
    }
}

/// How one answer is to be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    pub(crate) sampling: Sampling,
    pub(crate) seed: u64,
    pub(crate) max_tokens: usize,
    pub(crate) stops: Vec<String>,
    /// Go on to `max_tokens` even where the model would end; for measuring.
    pub(crate) ignore_end: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The model ended its answer, or a stop string was met.
    Stop,
    /// `max_tokens` was reached.
    Length,
}

/// What one turn brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// A part of the prompt was read.
    Reading,
    /// A token was made; its text may be empty while a character or a stop string is undecided.
    Token {
        text: String,
    },
    Finished {
        text: String,
        finish: Finish,
    },
}

pub(crate) struct Generation {
    llama: Arc<Llama>,
    /// Holds the tokens of prompt and answer that were read so far.
    cache: Cache,
    tokenizer: Arc<ChatTokenizer>,
    sampler: Sampler,
    prompt: Vec<u32>,
    answer: Vec<u32>,
    utf8: Utf8Buffer,
    stops: StopMatcher,
    max_tokens: usize,
    ignore_end: bool,
}

impl Generation {
    /// Reads one chunk of the prompt, or makes one token.
    pub(crate) fn turn(&mut self) -> Result<Turn, ModelError> {
        let unread = self.prompt.get(self.cache.n_tokens()..).unwrap_or_default();
        let chunk = match self.answer.last() {
            Some(last) => std::slice::from_ref(last),
            None => &unread[..unread.len().min(PROMPT_CHUNK)],
        };
        let state = self.llama.append(chunk, &mut self.cache)?;
        if self.cache.n_tokens() < self.prompt.len() {
            return Ok(Turn::Reading);
        }
        let logits = self.llama.logits(&state)?;
        let id = self.sampler.choose(logits, &self.answer);
        Ok(self.take(id))
    }

    pub(crate) fn n_prompt(&self) -> usize {
        self.prompt.len()
    }

    /// Tokens of the answer so far, without the mark that ended it.
    pub(crate) fn n_answer(&self) -> usize {
        self.answer.len()
    }

    fn take(&mut self, id: u32) -> Turn {
        if self.tokenizer.is_end(id) && !self.ignore_end {
            return self.finished(String::new(), Finish::Stop);
        }
        self.answer.push(id);
        let text = self.utf8.push(self.tokenizer.piece(id));
        let matched = self.stops.push(&text);
        if matched.is_stopped {
            return Turn::Finished { text: matched.text, finish: Finish::Stop };
        }
        if self.answer.len() >= self.max_tokens {
            return self.finished(matched.text, Finish::Length);
        }
        Turn::Token { text: matched.text }
    }

    fn finished(&mut self, mut text: String, finish: Finish) -> Turn {
        let rest = self.utf8.finish();
        let matched = self.stops.push(&rest);
        text.push_str(&matched.text);
        text.push_str(&self.stops.finish());
        Turn::Finished { text, finish }
    }
}
