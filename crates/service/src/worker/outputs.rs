//! What a worker says that an attempt made, checked against the ports of its agent, as versions that a commit can take.
//! Must never name content that the session neither sent nor was given, nor change a digit of a value.

use std::{collections::BTreeMap, sync::Arc};

use runs::Content as Bytes;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use workflow::{
    AgentSpec, ArtifactId,
    agent::OutputPort,
    content::{JSON, version},
    id::WorkerId,
    json::{Bounds, parse},
    limits::INLINE_ARTIFACT_BYTES,
    run::state::NewVersion,
    schema::{Kind, is_hash},
};

use super::{
    Inner, limits,
    wire::{Content, OutputProblem},
};
use crate::{Result, id};

/// What can be committed.
#[derive(Default)]
pub(super) struct Made {
    pub(super) versions: Vec<NewVersion>,
    pub(super) contents: Vec<Bytes>,
    /// Files that the values name.
    pub(super) files: Vec<String>,
    /// Memory that it takes.
    held: Vec<OwnedSemaphorePermit>,
}

/// One output as bytes, with the value that they are.
struct Given {
    media_type: String,
    bytes: Vec<u8>,
    value: Option<Value>,
}

type Checked<T> = std::result::Result<T, OutputProblem>;

fn problem(field: impl Into<String>, message: impl Into<String>) -> OutputProblem {
    OutputProblem { field: field.into(), message: message.into() }
}

impl Inner {
    /// The error: what is wrong with them, field by field.
    pub(super) async fn outputs(
        &self,
        session: WorkerId,
        spec: &AgentSpec,
        outputs: BTreeMap<String, Content>,
    ) -> Result<std::result::Result<Made, Vec<OutputProblem>>> {
        let (mut made, mut problems) = (Made::default(), Vec::new());
        for name in outputs.keys().filter(|name| spec.output(name).is_none()) {
            let known: Vec<&str> = spec.outputs.iter().map(|port| port.name.as_str()).collect();
            problems.push(problem(
                format!("outputs.{name}"),
                format!("The agent has no such output: there are {}", known.join(", ")),
            ));
        }
        let mut outputs = outputs;
        for port in &spec.outputs {
            let field = format!("outputs.{}", port.name);
            let Some(content) = outputs.remove(&port.name) else {
                problems.push(problem(field, "This output is missing"));
                continue;
            };
            match self.output(session, port, &field, content, &mut made).await? {
                Ok(()) => {}
                Err(fault) => problems.extend(fault),
            }
        }
        Ok(if problems.is_empty() { Ok(made) } else { Err(problems) })
    }

    async fn output(
        &self,
        session: WorkerId,
        port: &OutputPort,
        field: &str,
        content: Content,
        made: &mut Made,
    ) -> Result<std::result::Result<(), Vec<OutputProblem>>> {
        if let Err(fault) = check_media_type(field, &content.media_type) {
            return Ok(Err(vec![fault]));
        }
        let given = match self.given(session, field, content, made).await? {
            Ok(given) => given,
            Err(fault) => return Ok(Err(vec![fault])),
        };
        let faults = faults(port, field, &given);
        if !faults.is_empty() {
            return Ok(Err(faults));
        }
        if let Some(value) = &given.value {
            let mut faults = Vec::new();
            for file in port.schema.files(value) {
                match self.store.blob_of_session(session, &file.blob).await? {
                    Some(size) if u64::try_from(size).is_ok_and(|size| size == file.size) => made.files.push(file.blob),
                    Some(_) => {
                        faults.push(problem(field, format!("The file `{}` has another size than is said", file.name)));
                    }
                    None => faults.push(problem(
                        field,
                        format!("The file `{}` names content that this session neither sent nor was given", file.name),
                    )),
                }
            }
            if !faults.is_empty() {
                return Ok(Err(faults));
            }
        }
        let version = version(ArtifactId(id::new_id()), port.name.clone(), given.media_type, &given.bytes);
        if given.bytes.len() > INLINE_ARTIFACT_BYTES {
            // Content-addressed: what the session sent is there already, and is young again.
            self.store.put_blob(&version.content_hash, &given.bytes).await?;
        } else {
            made.contents.push(Bytes { hash: version.content_hash.clone(), bytes: Arc::from(given.bytes) });
        }
        made.versions.push(version);
        Ok(Ok(()))
    }

    async fn given(&self, session: WorkerId, field: &str, content: Content, made: &mut Made) -> Result<Checked<Given>> {
        let Content { media_type, value, text, blob, .. } = content;
        Ok(match (value, text, blob) {
            (None, Some(text), None) if media_type != JSON => {
                Ok(Given { media_type, bytes: text.clone().into_bytes(), value: Some(Value::String(text)) })
            }
            // A text is a value too.
            (None, Some(text), None) => {
                let value = Value::String(text);
                Ok(Given { media_type, bytes: value.to_string().into_bytes(), value: Some(value) })
            }
            (Some(value), None, None) if media_type == JSON => {
                Ok(Given { media_type, bytes: value.to_string().into_bytes(), value: Some(value) })
            }
            (None, None, Some(hash)) => return self.sent(session, field, media_type, &hash, made).await,
            // Not null by itself: whoever means that says so.
            (None, None, None) if media_type == JSON => {
                Err(problem(field, "It has neither `value` nor `blob`. Give the JSON as `value`; null is one too"))
            }
            (None, None, None) => Err(problem(field, "It has neither `value` nor `text` nor `blob`")),
            (Some(_), None, None) => Err(problem(field, "A `value` is of the media type application/json")),
            _ => Err(problem(field, "It has more than one of `value`, `text` and `blob`")),
        })
    }

    /// Content that the session sent before.
    async fn sent(
        &self,
        session: WorkerId,
        field: &str,
        media_type: String,
        hash: &str,
        made: &mut Made,
    ) -> Result<Checked<Given>> {
        let size = if is_hash(hash) { self.store.blob_of_session(session, hash).await? } else { None };
        let Some(size) = size else {
            return Ok(Err(problem(field, "It names content that this session neither sent nor was given")));
        };
        let bytes = usize::try_from(size).unwrap_or(usize::MAX);
        if bytes > limits::MAX_OUTPUT_BYTES {
            let mib = limits::MAX_OUTPUT_BYTES / 1024 / 1024;
            let message = format!("It is larger than {mib} MiB: give it as a file, by a port of the format `file`");
            return Ok(Err(problem(field, message)));
        }
        let weight = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(if media_type == JSON { 8 } else { 2 });
        made.held.extend(self.memory.take(weight).await);
        let bytes = self.store.whole_blob(hash, size).await?;
        let value = if media_type == JSON {
            match std::str::from_utf8(&bytes).ok().map(|text| parse(text, Bounds::VALUE)) {
                Some(Ok(value)) => Some(value),
                Some(Err(fault)) => return Ok(Err(problem(field, format!("It is no JSON that can be kept: {fault}")))),
                None => return Ok(Err(problem(field, "It is not UTF-8, so it is no JSON"))),
            }
        } else {
            std::str::from_utf8(&bytes).ok().map(|text| Value::String(text.to_owned()))
        };
        Ok(Ok(Given { media_type, bytes, value }))
    }
}

fn check_media_type(field: &str, media_type: &str) -> Checked<()> {
    let is_plain = media_type.len() <= 200 && media_type.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let is_whole = media_type.split_once('/').is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
    if is_plain && is_whole {
        Ok(())
    } else {
        Err(problem(format!("{field}.media_type"), "This is no media type such as text/plain"))
    }
}

/// Why a value does not fit its port. Bytes that are no text fit where a text would.
fn faults(port: &OutputPort, field: &str, given: &Given) -> Vec<OutputProblem> {
    match &given.value {
        Some(value) => {
            let faults = port.schema.check(value).into_iter();
            faults
                .map(|(place, reason)| problem(format!("{field}{}", place.replace('/', ".")), format!("It {reason}")))
                .collect()
        }
        None if matches!(port.schema.kind, None | Some(Kind::String)) && port.schema.choices.is_none() => Vec::new(),
        None => vec![problem(field, "These bytes are no text: an output of this type is JSON or text")],
    }
}
