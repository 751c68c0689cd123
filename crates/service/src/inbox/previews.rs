//! The beginnings of what several gates are about, so that a list shows them in its rows.
//! Must never read a whole content for it, and says nothing of a gate that is closed or not theirs.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use workflow::{
    ArtifactId, RunId, StepKey,
    api::{GatePreview, GateRef, PreviewedOutput},
    run::State,
};

use super::{AT_ONCE, not_too_many};
use crate::{
    Error, OpContext, Result,
    runs::{access::Access, looking},
};

/// Of each output.
const MOST_CHARS: usize = 500;
/// That many characters, however many bytes each of them takes.
const MOST_BYTES: u16 = 2_000;

/// What is to be shown of one gate, before any content is read.
struct Open {
    step: StepKey,
    content_hash: String,
    generation: i32,
    outputs: Vec<Output>,
}

struct Output {
    id: ArtifactId,
    name: String,
    media_type: String,
    size: i64,
}

/// In the order in which they were asked for, each once; those that are not theirs to decide, or closed, are left out.
pub async fn previews(ctx: &OpContext, gates: &[GateRef]) -> Result<Vec<GatePreview>> {
    ctx.user()?;
    not_too_many(gates.len())?;
    let mut by_run: BTreeMap<RunId, BTreeSet<StepKey>> = BTreeMap::new();
    for gate in gates {
        by_run.entry(gate.run_id).or_default().insert(gate.step.clone());
    }
    let looks = stream::iter(by_run).map(|(run, steps)| open_of(ctx, run, steps)).buffered(AT_ONCE);
    let looked: Vec<Result<(RunId, Vec<Open>)>> = looks.collect().await;
    let mut open: BTreeMap<(RunId, StepKey), Open> = BTreeMap::new();
    for looked in looked {
        let (run, gates) = looked?;
        open.extend(gates.into_iter().map(|gate| ((run, gate.step.clone()), gate)));
    }
    let texts: Vec<ArtifactId> = open
        .values()
        .flat_map(|gate| &gate.outputs)
        .filter(|output| output.is_text())
        .map(|output| output.id)
        .collect();
    ctx.make_room(u64::from(MOST_BYTES).saturating_mul(texts.len().try_into().unwrap_or(u64::MAX))).await?;
    let beginnings = ctx.store().artifact_beginnings(&texts, MOST_BYTES.into()).await?;
    let shown = gates.iter().filter_map(|gate| {
        let Open { step, content_hash, generation, outputs } = open.remove(&(gate.run_id, gate.step.clone()))?;
        let outputs = outputs.into_iter().map(|output| output.shown(&beginnings)).collect();
        Some(GatePreview { run_id: gate.run_id, step, content_hash, generation, outputs })
    });
    Ok(shown.collect())
}

/// Those of the steps of a run at whose open gates the viewer may decide.
async fn open_of(ctx: &OpContext, run: RunId, steps: BTreeSet<StepKey>) -> Result<(RunId, Vec<Open>)> {
    let look = move |state: &State, access: Access| -> Vec<Open> {
        let theirs = steps.iter().filter(|step| match &access {
            Access::Full => true,
            Access::Gates(open) => open.contains(*step),
            Access::Look => false,
        });
        theirs.filter_map(|step| Open::of(state, step)).collect()
    };
    match looking::look(ctx, run, look).await {
        Ok(open) => Ok((run, open)),
        // Nobody decides there.
        Err(Error::NotFound | Error::SetAside { .. } | Error::TooNew) => Ok((run, Vec::new())),
        Err(error) => Err(error),
    }
}

impl Open {
    fn of(state: &State, key: &StepKey) -> Option<Self> {
        let step = state.step(key).filter(|step| step.review().is_some())?;
        let outputs = state.latest(key).map(|version| Output {
            id: version.id,
            name: version.name.clone(),
            media_type: version.media_type.clone(),
            size: version.size,
        });
        Some(Self {
            step: key.clone(),
            content_hash: state.review_digest(key),
            generation: step.generation,
            outputs: outputs.collect(),
        })
    }
}

impl Output {
    fn is_text(&self) -> bool {
        let kind = self.media_type.split(';').next().unwrap_or_default().trim();
        kind.starts_with("text/") || kind == "application/json"
    }

    fn shown(self, beginnings: &BTreeMap<ArtifactId, Vec<u8>>) -> PreviewedOutput {
        let bytes = beginnings.get(&self.id);
        let text = bytes.and_then(|bytes| beginning(bytes, self.size)).map(str::to_owned);
        let is_cut = text.as_ref().is_some_and(|text| i64::try_from(text.len()).is_ok_and(|shown| shown < self.size));
        PreviewedOutput { name: self.name, media_type: self.media_type, size: self.size, text, is_cut }
    }
}

/// The first characters of a content of `size` bytes, which begins with these; none where it is no text.
fn beginning(bytes: &[u8], size: i64) -> Option<&str> {
    let is_part = i64::try_from(bytes.len()).is_ok_and(|n| n < size);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // They end within a character.
        Err(error) if is_part && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let end = text.char_indices().nth(MOST_CHARS).map_or(text.len(), |(at, _)| at);
    Some(&text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_two_characters() {
        let long = "ü🦀".repeat(1_000);
        let size = i64::try_from(long.len()).unwrap();
        for n_bytes in [1_999, 2_000, 2_001, 2_002, 2_003] {
            let shown = beginning(&long.as_bytes()[..n_bytes], size).unwrap();
            assert_eq!(shown.chars().count(), MOST_CHARS, "{n_bytes}");
            assert!(long.starts_with(shown));
        }
        assert_eq!(beginning("kurz ü".as_bytes(), 7), Some("kurz ü"));
        assert_eq!(beginning(b"", 0), Some(""));
        // Half a character at the end of all there is, or nonsense anywhere, is no text.
        assert_eq!(beginning(&"ü".as_bytes()[..1], 1), None);
        assert_eq!(beginning(b"a\xff\xfe", 1_000_000), None);
    }
}
