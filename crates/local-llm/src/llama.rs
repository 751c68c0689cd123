//! The llama architecture over quantised weights: from token ids to the next token's logits.
//! Its cache grows in place and is never copied per token, which keeps long prompts fast; it knows no text and no sampling.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{Read, Seek};
use std::sync::Arc;

use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{Device, Error, Module, Result, Tensor};
use candle_nn::kv_cache::KvCache;
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};
use candle_nn::rotary_emb::rope_i;

use crate::error::LoadError;

/// Tokens by which a cache grows.
const CACHE_STEP: usize = 256;

/// The numbers of one model, as its file states them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dimensions {
    n_layers: usize,
    n_heads: usize,
    n_kv_heads: usize,
    head: usize,
    width: usize,
    norm_eps: f32,
    rope_base: f32,
    /// The longest sequence the model was made for.
    pub(crate) context: usize,
}

impl Dimensions {
    pub(crate) fn from_metadata(metadata: &HashMap<String, Value>) -> std::result::Result<Self, LoadError> {
        let whole = |key| {
            let number = metadata.get(key).and_then(|value| value.to_u64().ok());
            number.and_then(|number| usize::try_from(number).ok()).ok_or(LoadError::Metadata { key })
        };
        let real = |key| metadata.get(key).and_then(|value| value.to_f32().ok()).ok_or(LoadError::Metadata { key });
        let n_heads = whole("llama.attention.head_count")?;
        let width = whole("llama.embedding_length")?;
        let dimensions = Self {
            n_layers: whole("llama.block_count")?,
            n_heads,
            n_kv_heads: whole("llama.attention.head_count_kv").unwrap_or(n_heads),
            head: whole("llama.rope.dimension_count")?,
            width,
            norm_eps: real("llama.attention.layer_norm_rms_epsilon")?,
            rope_base: real("llama.rope.freq_base").unwrap_or(10_000.0),
            context: whole("llama.context_length")?,
        };
        let unsupported = |found: &str, supported| {
            Err(LoadError::Unsupported { what: "attention", found: found.to_owned(), supported })
        };
        let Self { n_kv_heads, head, .. } = dimensions;
        if whole("llama.expert_count").is_ok_and(|n| n > 1) {
            return unsupported("a mixture of experts", "one dense network per layer");
        }
        if n_kv_heads == 0 || !n_heads.is_multiple_of(n_kv_heads) || head * n_heads != width {
            let found = format!("{n_heads} heads of {head} over {n_kv_heads} keys in {width}");
            return unsupported(&found, "heads that divide the width evenly");
        }
        Ok(dimensions)
    }
}

pub(crate) struct Llama {
    dimensions: Dimensions,
    embedding: Arc<QTensor>,
    layers: Vec<Layer>,
    norm: Tensor,
    output: QMatMul,
    cos: Tensor,
    sin: Tensor,
}

struct Layer {
    attention_norm: Tensor,
    query: QMatMul,
    key: QMatMul,
    value: QMatMul,
    attention_output: QMatMul,
    feed_norm: Tensor,
    gate: QMatMul,
    up: QMatMul,
    down: QMatMul,
}

/// The keys and values of one sequence.
pub(crate) struct Cache {
    layers: Vec<KvCache>,
    n_tokens: usize,
}

impl Cache {
    pub(crate) fn n_tokens(&self) -> usize {
        self.n_tokens
    }
}

impl Llama {
    /// Reads the weights for sequences of up to `context` tokens.
    pub(crate) fn read<R: Read + Seek>(
        file: &Content,
        reader: &mut R,
        dimensions: Dimensions,
        context: usize,
    ) -> Result<Self> {
        for name in ["rope_freqs.weight", "blk.0.attn_q.bias"] {
            if file.tensor_infos.contains_key(name) {
                return Err(Error::Msg(format!("tensors such as `{name}` are not supported")));
            }
        }
        let mut weights = Weights { file, reader };
        let layers = (0..dimensions.n_layers).map(|at| weights.layer(at)).collect::<Result<_>>()?;
        let embedding = Arc::new(weights.matrix("token_embd.weight")?);
        // Small models use one matrix for both ends.
        let output = if file.tensor_infos.contains_key("output.weight") {
            QMatMul::from_qtensor(weights.matrix("output.weight")?)?
        } else {
            QMatMul::from_arc(Arc::clone(&embedding))?
        };
        let norm = weights.vector("output_norm.weight")?;
        let (cos, sin) = rotation(dimensions, context)?;
        Ok(Self { dimensions, embedding, layers, norm, output, cos, sin })
    }

    pub(crate) fn new_cache(&self) -> Cache {
        Cache { layers: self.layers.iter().map(|_| KvCache::new(1, CACHE_STEP)).collect(), n_tokens: 0 }
    }

    /// Appends tokens to a sequence; returns the state after the last one.
    pub(crate) fn append(&self, tokens: &[u32], cache: &mut Cache) -> Result<Tensor> {
        let n = tokens.len();
        let step = Step {
            dimensions: self.dimensions,
            cos: self.cos.narrow(0, cache.n_tokens, n)?.unsqueeze(1)?,
            sin: self.sin.narrow(0, cache.n_tokens, n)?.unsqueeze(1)?,
            mask: if n == 1 { None } else { Some(causal_mask(n, cache.n_tokens)?) },
        };
        let mut state = self.embed(tokens)?;
        for (layer, cache) in self.layers.iter().zip(&mut cache.layers) {
            state = step.layer(layer, &state, cache)?;
        }
        cache.n_tokens += n;
        state.narrow(0, n - 1, 1)
    }

    /// How likely each token of the vocabulary comes next.
    pub(crate) fn logits(&self, state: &Tensor) -> Result<Vec<f32>> {
        let state = rms_norm(&state.contiguous()?, &self.norm, self.dimensions.norm_eps)?;
        self.output.forward(&state)?.squeeze(0)?.to_vec1()
    }

    /// Only the rows in use are unpacked, so the table stays quantised in memory.
    fn embed(&self, tokens: &[u32]) -> Result<Tensor> {
        let table = self.embedding.data()?;
        let dtype = self.embedding.dtype();
        let row = self.dimensions.width / dtype.block_size() * dtype.type_size();
        let mut rows = Vec::with_capacity(tokens.len() * row);
        for &token in tokens {
            let begin = token as usize * row;
            let bytes = table.get(begin..begin + row);
            rows.extend_from_slice(bytes.ok_or_else(|| Error::Msg(format!("no token {token}")))?);
        }
        let storage = QStorage::from_data(Cow::Owned(rows), &Device::Cpu, dtype)?;
        QTensor::new(storage, (tokens.len(), self.dimensions.width))?.dequantize(&Device::Cpu)
    }
}

/// What all layers share while some tokens are appended.
struct Step {
    dimensions: Dimensions,
    cos: Tensor,
    sin: Tensor,
    mask: Option<Tensor>,
}

impl Step {
    fn layer(&self, layer: &Layer, state: &Tensor, cache: &mut KvCache) -> Result<Tensor> {
        let eps = self.dimensions.norm_eps;
        let normed = rms_norm(state, &layer.attention_norm, eps)?;
        let state = (state + self.attention(layer, &normed, cache)?)?;
        let normed = rms_norm(&state, &layer.feed_norm, eps)?;
        let gated = (silu(&layer.gate.forward(&normed)?)? * layer.up.forward(&normed)?)?;
        state + layer.down.forward(&gated)?
    }

    fn attention(&self, layer: &Layer, state: &Tensor, cache: &mut KvCache) -> Result<Tensor> {
        let Dimensions { n_heads, n_kv_heads, head, width, .. } = self.dimensions;
        let n = state.dim(0)?;
        let query = layer.query.forward(state)?.reshape((n, n_heads, 1, head))?;
        let key = layer.key.forward(state)?.reshape((n, n_kv_heads, 1, head))?;
        let value = layer.value.forward(state)?.reshape((1, n, n_kv_heads, head))?;
        let query = rope_i(&query, &self.cos, &self.sin)?;
        let key = rope_i(&key, &self.cos, &self.sin)?.reshape((1, n, n_kv_heads, head))?;
        let (keys, values) = cache.append(&key, &value)?;
        let mixed = self.attend(&query.squeeze(2)?, &keys.squeeze(0)?, &values.squeeze(0)?)?;
        layer.attention_output.forward(&mixed.reshape((n, width))?)
    }

    /// Heads that share a key are stacked into one product, and neither keys nor values are copied.
    fn attend(&self, query: &Tensor, keys: &Tensor, values: &Tensor) -> Result<Tensor> {
        let Dimensions { n_heads, n_kv_heads, head, .. } = self.dimensions;
        let (n, n_keys) = (query.dim(0)?, keys.dim(0)?);
        let rows = n_heads / n_kv_heads * n;
        #[expect(clippy::cast_precision_loss, reason = "a head has some tens of numbers")]
        let scale = 1.0 / (head as f64).sqrt();
        let query = (query.transpose(0, 1)?.contiguous()? * scale)?.reshape((n_kv_heads, rows, head))?;
        let mut scores = query.matmul(&keys.transpose(0, 1)?.t()?)?;
        if let Some(mask) = &self.mask {
            scores = scores.reshape((n_heads, n, n_keys))?.broadcast_add(mask)?;
        }
        let shares = softmax_last_dim(&scores)?.reshape((n_kv_heads, rows, n_keys))?;
        let mixed = shares.matmul(&values.transpose(0, 1)?)?;
        mixed.reshape((n_heads, n, head))?.transpose(0, 1)?.contiguous()
    }
}

/// Zero where a token may look, minus infinity where that would be the future.
fn causal_mask(n: usize, n_before: usize) -> Result<Tensor> {
    let n_keys = n_before + n;
    let mask: Vec<f32> = (0..n)
        .flat_map(|at| (0..n_keys).map(move |key| if key > n_before + at { f32::NEG_INFINITY } else { 0.0 }))
        .collect();
    Tensor::from_vec(mask, (n, n_keys), &Device::Cpu)
}

/// Cosine and sine of every position and frequency.
fn rotation(dimensions: Dimensions, context: usize) -> Result<(Tensor, Tensor)> {
    let Dimensions { head, rope_base, .. } = dimensions;
    #[expect(clippy::cast_precision_loss, reason = "positions and head sizes are far below 2^23")]
    let angles: Vec<f32> = (0..context)
        .flat_map(|position| {
            let frequency = move |at: usize| 1.0 / rope_base.powf(at as f32 / head as f32);
            (0..head).step_by(2).map(move |at| position as f32 * frequency(at))
        })
        .collect();
    let angles = Tensor::from_vec(angles, (context, head / 2), &Device::Cpu)?;
    Ok((angles.cos()?, angles.sin()?))
}

struct Weights<'a, R> {
    file: &'a Content,
    reader: &'a mut R,
}

impl<R: Read + Seek> Weights<'_, R> {
    fn layer(&mut self, at: usize) -> Result<Layer> {
        let name = |part: &str| format!("blk.{at}.{part}.weight");
        let mut multiply = |part: &str| QMatMul::from_qtensor(self.matrix(&name(part))?);
        Ok(Layer {
            query: multiply("attn_q")?,
            key: multiply("attn_k")?,
            value: multiply("attn_v")?,
            attention_output: multiply("attn_output")?,
            gate: multiply("ffn_gate")?,
            up: multiply("ffn_up")?,
            down: multiply("ffn_down")?,
            attention_norm: self.vector(&name("attn_norm"))?,
            feed_norm: self.vector(&name("ffn_norm"))?,
        })
    }

    fn vector(&mut self, name: &str) -> Result<Tensor> {
        self.file.tensor(self.reader, name, &Device::Cpu)?.dequantize(&Device::Cpu)
    }

    /// Matrices of types that candle has no vector kernel for become `Q8_0`: several times faster, hardly larger.
    fn matrix(&mut self, name: &str) -> Result<QTensor> {
        use GgmlDType::{BF16, F16, F32, Q4_1, Q5_0, Q5_1, Q8_0, Q8_1};
        let tensor = self.file.tensor(self.reader, name, &Device::Cpu)?;
        let (_, width) = tensor.shape().dims2()?;
        let is_slow = matches!(tensor.dtype(), F32 | F16 | BF16 | Q4_1 | Q5_0 | Q5_1 | Q8_1);
        if is_slow && width.is_multiple_of(Q8_0.block_size()) {
            QTensor::quantize(&tensor.dequantize(&Device::Cpu)?, Q8_0)
        } else {
            Ok(tensor)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(changes: &[(&str, u32)]) -> HashMap<String, Value> {
        let whole = [
            ("llama.block_count", 30),
            ("llama.attention.head_count", 9),
            ("llama.attention.head_count_kv", 3),
            ("llama.embedding_length", 576),
            ("llama.rope.dimension_count", 64),
            ("llama.context_length", 8192),
        ];
        let mut metadata: HashMap<String, Value> =
            whole.iter().chain(changes).map(|(key, value)| ((*key).to_owned(), Value::U32(*value))).collect();
        metadata.insert("llama.attention.layer_norm_rms_epsilon".to_owned(), Value::F32(1e-5));
        metadata
    }

    #[test]
    fn dimensions_come_from_the_file() {
        let dimensions = Dimensions::from_metadata(&metadata(&[])).expect("it is complete");
        assert_eq!((dimensions.n_layers, dimensions.head, dimensions.context), (30, 64, 8192));
    }

    #[test]
    fn shapes_this_code_would_compute_wrongly_are_refused() {
        for change in
            [("llama.expert_count", 8), ("llama.rope.dimension_count", 32), ("llama.attention.head_count_kv", 2)]
        {
            let refused = Dimensions::from_metadata(&metadata(&[change]));
            assert!(matches!(refused, Err(LoadError::Unsupported { .. })), "{change:?}");
        }
    }

    #[test]
    fn a_missing_number_is_named() {
        let mut metadata = metadata(&[]);
        metadata.remove("llama.block_count");
        let error = Dimensions::from_metadata(&metadata).expect_err("the layers are not counted");
        assert!(error.to_string().contains("llama.block_count"));
    }

    #[test]
    fn a_token_sees_itself_and_the_past_only() {
        let mask = causal_mask(2, 1).and_then(|mask| mask.to_vec2::<f32>()).expect("it is small");
        let never = f32::NEG_INFINITY;
        assert_eq!(mask, [[0.0, 0.0, never], [0.0, 0.0, 0.0]]);
    }
}
