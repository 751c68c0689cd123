//! The model: loading a GGUF file into fast weights, and one generation, advanced one turn at a time.
//! It knows no request, no client and no clock; whoever holds a `Generation` decides when it goes on.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::Path;
use std::sync::Arc;

use candle_core::quantized::gguf_file::{Content, TensorInfo};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling};
use candle_transformers::models::quantized_llama::{MAX_SEQ_LEN, ModelWeights};
use candle_transformers::utils::apply_repeat_penalty;

use crate::error::{LoadError, ModelError};
use crate::text::{StopMatcher, Utf8Buffer};
use crate::tokenizer::{ChatTokenizer, require};

/// Prompt tokens read in one turn: large enough to be efficient, small enough that others and a cancellation wait briefly.
const PROMPT_CHUNK: usize = 64;
/// Small models repeat themselves without it. Over generated tokens only: over the prompt it would distort summaries.
const REPEAT_PENALTY: f32 = 1.1;
/// Tensors in the data section of a GGUF file begin at multiples of this.
const ALIGNMENT: usize = 32;

pub(crate) struct Model {
    weights: ModelWeights,
    pub(crate) tokenizer: Arc<ChatTokenizer>,
    /// Prompt and output together must fit into this many tokens.
    pub(crate) context: usize,
}

impl Model {
    pub(crate) fn load(path: &Path) -> Result<Self, LoadError> {
        let opened = File::open(path).map_err(|source| LoadError::Open { path: path.to_owned(), source })?;
        let mut reader = BufReader::new(opened);
        let file = Content::read(&mut reader).map_err(|source| LoadError::Format { path: path.to_owned(), source })?;
        let metadata = &file.metadata;
        require(metadata, "general.architecture", "llama", "architecture")?;
        let tokenizer = Arc::new(ChatTokenizer::from_metadata(metadata)?);
        let context = metadata
            .get("llama.context_length")
            .and_then(|value| value.to_u64().ok())
            .and_then(|length| usize::try_from(length).ok())
            .ok_or(LoadError::Metadata { key: "llama.context_length" })?
            .min(MAX_SEQ_LEN);
        let weights = fast_weights(file, &mut reader).map_err(LoadError::Weights)?;
        Ok(Self { weights, tokenizer, context })
    }

    /// Begins a generation with an empty cache of its own; the weights are shared.
    pub(crate) fn begin(&self, prompt: Vec<u32>, options: Options) -> Generation {
        let Options { sampling, seed, max_tokens, stops, ignore_end } = options;
        Generation {
            weights: self.weights.clone(),
            tokenizer: Arc::clone(&self.tokenizer),
            sampler: LogitsProcessor::from_sampling(seed, sampling),
            prompt,
            n_read: 0,
            answer: Vec::new(),
            utf8: Utf8Buffer::default(),
            stops: StopMatcher::new(stops),
            max_tokens,
            ignore_end,
        }
    }
}

/// Rewrites matrices of types that candle has no vector kernel for as `Q8_0`, one tensor at a time, then builds the model.
fn fast_weights(file: Content, reader: &mut BufReader<File>) -> Result<ModelWeights, candle_core::Error> {
    let device = Device::Cpu;
    let mut data = Vec::new();
    let mut tensor_infos = HashMap::new();
    for name in file.tensor_infos.keys() {
        let mut tensor = file.tensor(reader, name, &device)?;
        if is_slow(&tensor) {
            tensor = QTensor::quantize(&tensor.dequantize(&device)?, GgmlDType::Q8_0)?;
        }
        data.resize(data.len().next_multiple_of(ALIGNMENT), 0);
        let info = TensorInfo { ggml_dtype: tensor.dtype(), shape: tensor.shape().clone(), offset: data.len() as u64 };
        data.extend_from_slice(&tensor.data()?);
        tensor_infos.insert(name.clone(), info);
    }
    let fast = Content { magic: file.magic, metadata: file.metadata, tensor_infos, tensor_data_offset: 0 };
    ModelWeights::from_gguf(fast, &mut Cursor::new(data), &device)
}

fn is_slow(tensor: &QTensor) -> bool {
    use GgmlDType::{BF16, F16, F32, Q4_1, Q5_0, Q5_1, Q8_1};
    let is_matrix = tensor.rank() == 2;
    let fits = tensor.shape().dims().last().is_some_and(|width| width.is_multiple_of(GgmlDType::Q8_0.block_size()));
    let is_slow_type = matches!(tensor.dtype(), F32 | F16 | BF16 | Q4_1 | Q5_0 | Q5_1 | Q8_1);
    is_matrix && fits && is_slow_type
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
    weights: ModelWeights,
    tokenizer: Arc<ChatTokenizer>,
    sampler: LogitsProcessor,
    prompt: Vec<u32>,
    /// How many tokens of prompt and answer are in the cache.
    n_read: usize,
    answer: Vec<u32>,
    utf8: Utf8Buffer,
    stops: StopMatcher,
    max_tokens: usize,
    ignore_end: bool,
}

impl Generation {
    /// Reads one chunk of the prompt, or makes one token.
    pub(crate) fn turn(&mut self) -> Result<Turn, ModelError> {
        let unread = self.prompt.get(self.n_read..).unwrap_or_default();
        let chunk = match (unread, self.answer.last()) {
            ([], last) => last.map_or(&[][..], std::slice::from_ref),
            (unread, _) => &unread[..unread.len().min(PROMPT_CHUNK)],
        };
        let input = Tensor::new(chunk, &Device::Cpu)?.unsqueeze(0)?;
        let logits = self.weights.forward(&input, self.n_read)?;
        self.n_read += chunk.len();
        if self.n_read < self.prompt.len() {
            return Ok(Turn::Reading);
        }
        let mut logits = logits.squeeze(0)?;
        if !self.answer.is_empty() {
            logits = apply_repeat_penalty(&logits, REPEAT_PENALTY, &self.answer)?;
        }
        let id = self.sampler.sample(&logits)?;
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
