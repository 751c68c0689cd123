//! What a try runs on: what is given, then what the person pinned, then what an earlier run had, then what is made up.
//! Must never read a run of another workflow, nor what another person pinned.

use std::collections::BTreeMap;

use serde_json::Value;
use workflow::{
    AgentCatalog, Definition, RunId, StepKey, TemplateId,
    api::{Pin, PinSide, TryDraft},
    content::{self, Read},
    definition::RunInput,
    resolve::{self, InputArtifacts},
    run::State,
    source::Source,
    trying::{self, Extent, Part, StandIns},
};

use super::filled;
use crate::{
    Error, OpContext, Result,
    runs::{looking, values},
    steps::outputs,
};

type Named = BTreeMap<String, Value>;

#[derive(Debug)]
pub(super) struct Values {
    pub stand_ins: StandIns,
    /// For the workflow's inputs.
    inputs: Named,
    /// Those that are made up where nothing else is there.
    samples: bool,
}

impl Values {
    pub(super) async fn of(
        ctx: &OpContext,
        template: TemplateId,
        draft: &Definition,
        catalog: &AgentCatalog,
        extent: &Extent,
        wanted: &TryDraft,
    ) -> Result<Self> {
        let pins = if wanted.use_pins { ctx.store().pins(ctx.user()?.id, template).await? } else { Vec::new() };
        let (mut inputs, mut stand_ins) = sorted(pins);
        let alone = match extent {
            Extent::Step(key) => Some(key),
            Extent::Whole | Extent::UpTo(_) => None,
        };
        let earlier = match wanted.from_run {
            Some(run) => Some(Earlier::read(ctx, template, run, draft, catalog, alone).await?),
            None => None,
        };
        let Some(key) = alone else {
            values::fits("inputs", &wanted.inputs)?;
            let mut given = wanted.inputs.clone();
            filled(&mut given, &inputs);
            if let Some(earlier) = &earlier {
                filled(&mut given, &earlier.inputs);
            }
            return Ok(Self { stand_ins, inputs: given, samples: wanted.samples });
        };
        let asked = trying::asked(draft, catalog, key);
        let mut given = wanted.inputs.clone();
        // Null is nothing given, here as everywhere.
        given.retain(|_, value| !value.is_null());
        let pinned = stand_ins.ports.remove(key).unwrap_or_default();
        if let Some(step) = draft.steps.get(key) {
            let spec = catalog.get(&step.agent_id, step.agent_version);
            filled(&mut given, &pinned);
            if let Some(earlier) = &earlier {
                let seen = asked.keys().filter_map(|port| {
                    let source = trying::source_of(step, port)?;
                    let value = resolve::value_now(draft, &earlier.inputs, &earlier.artifacts, source)?;
                    Some((port.clone(), value))
                });
                filled(&mut given, &seen.collect());
            }
            if wanted.samples {
                filled(&mut given, &trying::samples(draft, catalog, key));
            }
            // A pin may stand in for a constant too.
            let mut declared = asked;
            for port in spec.iter().flat_map(|spec| &spec.inputs).filter(|port| pinned.contains_key(&port.name)) {
                let schema = port.schema.clone();
                declared.entry(port.name.clone()).or_insert_with(|| RunInput { schema, ..RunInput::default() });
            }
            values::check(&declared, &given)?;
        }
        if let Some(earlier) = earlier {
            filled(&mut inputs, &earlier.inputs);
        }
        let stand_ins = StandIns { ports: [(key.clone(), given)].into(), ..StandIns::default() };
        // What else the step reads of the workflow is the key of its limit, which holds whatever it is.
        Ok(Self { stand_ins, inputs, samples: true })
    }

    /// What is pinned has to fit what it stands for as the draft is now; what is not part of the try is no matter.
    pub(super) fn check_pins(&self, draft: &Definition, catalog: &AgentCatalog, part: &Part) -> Result<()> {
        for (key, ports) in &self.stand_ins.ports {
            if !part.definition.steps.contains_key(key) || part.given.contains(key) {
                continue;
            }
            let asked = trying::asked(draft, catalog, key);
            for (port, value) in ports {
                let Some(input) = asked.get(port) else { continue };
                if let Some((path, fault)) = input.schema.check(value).into_iter().next() {
                    let field = format!("pins.{key}.{port}{}", path.replace('/', "."));
                    let detail = format!(
                        "What is pinned for `{port}` of `{key}` does not fit any more: it {fault}. Pin another value."
                    );
                    return Err(Error::invalid(field, detail));
                }
            }
        }
        for key in &part.given {
            let (Some(step), Some(given)) = (draft.steps.get(key), self.stand_ins.outputs.get(key)) else { continue };
            if let Some(spec) = catalog.get(&step.agent_id, step.agent_version) {
                outputs::check(spec, step.map.is_some(), &format!("pins.{key}"), given)?;
            }
        }
        Ok(())
    }

    /// The inputs of the run: those that ports became, and those of the workflow that are read.
    pub(super) fn inputs(&self, definition: &Definition, fed: Named) -> Named {
        let mut inputs = fed;
        for (key, declared) in &definition.inputs {
            if inputs.contains_key(key) {
                continue;
            }
            let made_up = || {
                let is_missing = self.samples && declared.required && declared.default.is_none();
                let title = if declared.title.is_empty() { key } else { &declared.title };
                if is_missing { trying::sample(&declared.schema, title) } else { None }
            };
            if let Some(value) = self.inputs.get(key).cloned().or_else(made_up) {
                inputs.insert(key.clone(), value);
            }
        }
        inputs
    }
}

/// What is pinned for the workflow's inputs, and for its steps.
fn sorted(pins: Vec<Pin>) -> (Named, StandIns) {
    let (mut inputs, mut stand_ins) = (Named::new(), StandIns::default());
    for Pin { place, value } in pins {
        match (place.step, place.side) {
            (None, _) => {
                inputs.insert(place.name, value);
            }
            (Some(step), PinSide::Input) => {
                stand_ins.ports.entry(step).or_default().insert(place.name, value);
            }
            (Some(step), PinSide::Output) => {
                stand_ins.outputs.entry(step).or_default().insert(place.name, value);
            }
        }
    }
    (inputs, stand_ins)
}

/// What a run of the workflow, or an earlier try, had.
#[derive(Debug)]
struct Earlier {
    inputs: Named,
    /// Of the steps that the step alone reads.
    artifacts: InputArtifacts,
}

impl Earlier {
    async fn read(
        ctx: &OpContext,
        template: TemplateId,
        run: RunId,
        draft: &Definition,
        catalog: &AgentCatalog,
        alone: Option<&StepKey>,
    ) -> Result<Self> {
        if !ctx.store().is_run_of(run, template).await? {
            let detail = "There is no such run of this workflow, or it is not yours to see. Name another.";
            return Err(Error::invalid("from_run", detail));
        }
        let sources: Vec<Source> = alone.map_or_else(Vec::new, |key| {
            let step = draft.steps.get(key);
            let asked = trying::asked(draft, catalog, key);
            step.iter()
                .flat_map(|step| asked.keys().filter_map(|port| trying::source_of(step, port).cloned()))
                .collect()
        });
        let (inputs, metas) = looking::look(ctx, run, move |state: &State, _| {
            let metas: Vec<_> = content::names(&sources)
                .into_iter()
                .filter_map(|(step, name)| state.latest(step).find(|version| version.name == *name).cloned())
                .collect();
            (state.birth.inputs.clone(), metas)
        })
        .await?;
        ctx.make_room(content::weight(&metas)).await?;
        let ids: Vec<_> = metas.iter().map(|meta| meta.id).collect();
        let contents = ctx.store().artifact_contents(&ids).await?;
        let read: Vec<Read> = metas
            .into_iter()
            .map(|meta| {
                let value = contents.get(&meta.id).and_then(|bytes| content::parse(&meta.media_type, bytes));
                Read { value: value.map(Into::into), meta }
            })
            .collect();
        let artifacts = content::inputs(&read).map_err(|unreadable| {
            Error::invalid("from_run", format!("{unreadable}. Give the input a value, or name another run."))
        })?;
        Ok(Self { inputs, artifacts })
    }
}
