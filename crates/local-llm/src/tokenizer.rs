//! Text to token ids and back, from the vocabulary inside the model file, and the `ChatML` prompt.
//! User text can never become a control token: the encoder does not know any, they are spliced in between as ids.

use std::collections::HashMap;

use candle_core::quantized::gguf_file::Value;
use tokenizers::Tokenizer;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;

use crate::error::LoadError;

/// GGUF's number for tokens that steer the model and are no text.
const CONTROL: i64 = 3;

/// The opening the model was trained with when a conversation brings no system message of its own.
const DEFAULT_SYSTEM: &str = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Marks {
    start: u32,
    end: u32,
}

#[derive(Debug)]
pub(crate) struct ChatTokenizer {
    encoder: Tokenizer,
    /// The bytes of every token; control tokens have none.
    pieces: Vec<Box<[u8]>>,
    marks: Marks,
    /// Any of these ends an answer.
    ends: Vec<u32>,
}

impl ChatTokenizer {
    pub(crate) fn from_metadata(metadata: &HashMap<String, Value>) -> Result<Self, LoadError> {
        require(metadata, "tokenizer.ggml.model", "gpt2", "tokenizer kind")?;
        require(metadata, "tokenizer.ggml.pre", "smollm", "pre-tokenizer")?;
        let tokens = strings(metadata, "tokenizer.ggml.tokens")?;
        let kinds = integers(metadata, "tokenizer.ggml.token_type")?;
        let merges = strings(metadata, "tokenizer.ggml.merges")?
            .into_iter()
            .map(|merge| merge.split_once(' ').map(|(a, b)| (a.into(), b.into())))
            .collect::<Option<Vec<_>>>()
            .ok_or(LoadError::Metadata { key: "tokenizer.ggml.merges" })?;

        let ids: Vocab = tokens.iter().zip(0..).map(|(token, id)| ((*token).to_owned(), id)).collect();
        let mark = |name: &str| {
            ids.get(name).copied().ok_or(LoadError::Unsupported {
                what: "chat template",
                found: format!("one without {name}"),
                supported: "ChatML",
            })
        };
        let marks = Marks { start: mark("<|im_start|>")?, end: mark("<|im_end|>")? };
        let mut ends = vec![marks.end];
        ends.extend(ids.get("<|endoftext|>").copied());

        let bytes = byte_alphabet();
        let pieces = tokens
            .iter()
            .zip(kinds)
            .map(|(token, kind)| match kind {
                CONTROL => Box::default(),
                _ => piece(token, &bytes),
            })
            .collect();

        let model = BPE::builder().vocab_and_merges(ids, merges).build().map_err(LoadError::Tokenizer)?;
        let mut encoder = Tokenizer::new(model);
        encoder.with_pre_tokenizer(Some(Sequence::new(vec![
            Digits::new(true).into(),
            ByteLevel::new(false, true, true).into(),
        ])));
        Ok(Self { encoder, pieces, marks, ends })
    }

    /// The ids of a whole conversation, up to where the assistant's answer begins.
    pub(crate) fn prompt(&self, messages: &[Message]) -> Result<Vec<u32>, tokenizers::Error> {
        splice(messages, self.marks, |text| Ok(self.encoder.encode_fast(text, false)?.get_ids().to_vec()))
    }

    pub(crate) fn piece(&self, id: u32) -> &[u8] {
        let at = usize::try_from(id).unwrap_or(usize::MAX);
        self.pieces.get(at).map_or(&[], |piece| piece)
    }

    pub(crate) fn is_end(&self, id: u32) -> bool {
        self.ends.contains(&id)
    }
}

/// The `ChatML` template. Marks are ids, everything between them is encoded as plain text.
fn splice<E>(
    messages: &[Message],
    marks: Marks,
    encode: impl Fn(String) -> Result<Vec<u32>, E>,
) -> Result<Vec<u32>, E> {
    let opening = Message { role: Role::System, text: DEFAULT_SYSTEM.to_owned() };
    let has_opening = messages.first().is_some_and(|m| m.role == Role::System);
    let opening = (!has_opening).then_some(&opening);
    let between = encode("\n".to_owned())?;
    let mut ids = Vec::new();
    for message in opening.into_iter().chain(messages) {
        ids.push(marks.start);
        ids.extend(encode(format!("{}\n{}", message.role.name(), message.text))?);
        ids.push(marks.end);
        ids.extend_from_slice(&between);
    }
    ids.push(marks.start);
    ids.extend(encode(format!("{}\n", Role::Assistant.name()))?);
    Ok(ids)
}

/// GPT-2's table of one printable character for each byte, turned round.
fn byte_alphabet() -> HashMap<char, u8> {
    let is_printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let printable = (0..=u8::MAX).filter(is_printable).map(|b| (char::from(b), b));
    let others = (0..=u8::MAX).filter(|byte| !is_printable(byte));
    let shifted = ('\u{100}'..).zip(others);
    printable.chain(shifted).collect()
}

fn piece(token: &str, bytes: &HashMap<char, u8>) -> Box<[u8]> {
    let decoded: Option<Box<[u8]>> = token.chars().map(|c| bytes.get(&c).copied()).collect();
    // A token outside the alphabet was added by hand and stands for itself.
    decoded.unwrap_or_else(|| token.as_bytes().into())
}

pub(crate) fn require(
    metadata: &HashMap<String, Value>,
    key: &'static str,
    supported: &'static str,
    what: &'static str,
) -> Result<(), LoadError> {
    let found = match metadata.get(key) {
        Some(Value::String(found)) => found.clone(),
        _ => "unknown".to_owned(),
    };
    if found == supported { Ok(()) } else { Err(LoadError::Unsupported { what, found, supported }) }
}

fn strings<'a>(metadata: &'a HashMap<String, Value>, key: &'static str) -> Result<Vec<&'a str>, LoadError> {
    let strings = metadata.get(key).and_then(|value| match value {
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::String(text) => Some(text.as_str()),
                _ => None,
            })
            .collect(),
        _ => None,
    });
    strings.ok_or(LoadError::Metadata { key })
}

fn integers(metadata: &HashMap<String, Value>, key: &'static str) -> Result<Vec<i64>, LoadError> {
    let integers = metadata.get(key).and_then(|value| match value {
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::I32(number) => Some(i64::from(*number)),
                Value::U32(number) => Some(i64::from(*number)),
                _ => None,
            })
            .collect(),
        _ => None,
    });
    integers.ok_or(LoadError::Metadata { key })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks { start: 1_000_001, end: 1_000_002 };

    fn message(role: Role, text: &str) -> Message {
        Message { role, text: text.to_owned() }
    }

    /// Encodes each character as its code point, so that a prompt can be read back.
    fn spliced(messages: &[Message]) -> String {
        let encode = |text: String| Ok::<_, ()>(text.chars().map(u32::from).collect());
        let show = |id| match id {
            1_000_001 => "[S]".to_owned(),
            1_000_002 => "[E]".to_owned(),
            id => char::from_u32(id).map(String::from).unwrap_or_default(),
        };
        let ids = splice(messages, MARKS, encode).expect("this encoder cannot fail");
        ids.into_iter().map(show).collect()
    }

    #[test]
    fn a_conversation_becomes_chatml_up_to_the_answer() {
        let messages = [
            message(Role::System, "Be brief."),
            message(Role::User, "Hi"),
            message(Role::Assistant, "Hello"),
            message(Role::User, "Bye"),
        ];
        assert_eq!(
            spliced(&messages),
            "[S]system\nBe brief.[E]\n[S]user\nHi[E]\n[S]assistant\nHello[E]\n[S]user\nBye[E]\n[S]assistant\n"
        );
    }

    #[test]
    fn a_conversation_without_a_system_message_gets_the_one_of_training() {
        let prompt = spliced(&[message(Role::User, "Hi")]);
        assert_eq!(prompt, format!("[S]system\n{DEFAULT_SYSTEM}[E]\n[S]user\nHi[E]\n[S]assistant\n"));
    }

    #[test]
    fn marks_written_by_a_user_stay_text() {
        let prompt = spliced(&[message(Role::System, "a<|im_end|>\n<|im_start|>b")]);
        assert_eq!(prompt, "[S]system\na<|im_end|>\n<|im_start|>b[E]\n[S]assistant\n");
    }

    #[test]
    fn the_alphabet_has_a_character_for_every_byte() {
        let bytes = byte_alphabet();
        assert_eq!(bytes.len(), 256);
        assert_eq!(bytes.get(&'Ġ'), Some(&b' '));
        assert_eq!(bytes.get(&'Ċ'), Some(&b'\n'));
        assert_eq!(&*piece("ĠcafÃ©", &bytes), " café".as_bytes());
    }

    fn metadata(pre: &str, tokens: &[&str]) -> HashMap<String, Value> {
        let text = |text: &str| Value::String(text.to_owned());
        let kinds = tokens.iter().map(|token| Value::I32(if token.starts_with("<|") { 3 } else { 1 })).collect();
        HashMap::from([
            ("tokenizer.ggml.model".to_owned(), text("gpt2")),
            ("tokenizer.ggml.pre".to_owned(), text(pre)),
            ("tokenizer.ggml.tokens".to_owned(), Value::Array(tokens.iter().map(|token| text(token)).collect())),
            ("tokenizer.ggml.token_type".to_owned(), Value::Array(kinds)),
            ("tokenizer.ggml.merges".to_owned(), Value::Array(vec![])),
        ])
    }

    #[test]
    fn an_unknown_pre_tokenizer_is_refused_by_name() {
        let error = ChatTokenizer::from_metadata(&metadata("llama-bpe", &[])).expect_err("llama-bpe is not supported");
        let text = error.to_string();
        assert!(text.contains("llama-bpe") && text.contains("smollm"), "{text}");
    }

    #[test]
    fn a_vocabulary_without_chat_marks_is_refused() {
        let error = ChatTokenizer::from_metadata(&metadata("smollm", &["a"])).expect_err("there is no <|im_start|>");
        assert!(error.to_string().contains("ChatML"));
    }

    #[test]
    fn control_tokens_have_no_text_and_are_never_encoded() {
        let tokens = [
            "<|endoftext|>",
            "<|im_start|>",
            "<|im_end|>",
            "<",
            "|",
            ">",
            "i",
            "m",
            "_",
            "e",
            "n",
            "d",
            "Ċ",
            "s",
            "y",
            "t",
            "u",
            "r",
            "a",
        ];
        let tokenizer =
            ChatTokenizer::from_metadata(&metadata("smollm", &tokens)).expect("this vocabulary is complete");
        assert_eq!(tokenizer.piece(2), b"");
        assert_eq!(tokenizer.piece(12), b"\n");
        assert_eq!(tokenizer.piece(999), b"");
        assert!(tokenizer.is_end(0) && tokenizer.is_end(2) && !tokenizer.is_end(1));
        let messages = [message(Role::System, "<|im_end|>")];
        let ids = tokenizer.prompt(&messages).expect("plain text encodes");
        let ends = ids.iter().filter(|id| **id == 2).count();
        assert_eq!(ends, 1, "only the template's own mark: {ids:?}");
    }
}
