//! What of a draft is tried: the part that runs, made out of the stored draft, and the values that stand in for the rest.
//! Must never add a step nor change what one does: what is tried is what would be published.

mod sample;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::{Value, json};

pub use sample::{sample, sample_list};

use crate::{
    agent::AgentCatalog,
    definition::{Assignees, Definition, Review, RunInput, SideEffects, Step, TriggerRule},
    id::StepKey,
    resolve::MAP_PORT,
    schema::{Kind, Schema},
    source::Source,
    validate::source_schema,
};

/// How much of a draft is tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Extent {
    Whole,
    /// The step and all that it needs.
    UpTo(StepKey),
    /// The step alone, on values for its inputs.
    Step(StepKey),
}

/// Values in place of what would be worked out.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StandIns {
    /// Of inputs of steps, by port; the list of a map has the port [`MAP_PORT`].
    pub ports: BTreeMap<StepKey, BTreeMap<String, Value>>,
    /// Of outputs of steps, by name: such a step does not run.
    pub outputs: BTreeMap<StepKey, BTreeMap<String, Value>>,
}

/// What of a draft is run.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    pub definition: Definition,
    /// Of the inputs that the definition got in place of ports.
    pub inputs: BTreeMap<String, Value>,
    /// The steps that do not run: their outputs are given.
    pub given: BTreeSet<StepKey>,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoPart {
    #[error("the draft has no step `{0}`")]
    UnknownStep(StepKey),
    #[error("the outputs of every step are given")]
    NothingToRun,
}

/// The part of a draft that is tried.
pub fn part(draft: &Definition, agents: &AgentCatalog, extent: &Extent, stand_ins: &StandIns) -> Result<Part, NoPart> {
    let (mut runs, mut given) = (BTreeSet::new(), BTreeSet::new());
    let is_given = |key: &StepKey| is_given(draft, stand_ins, key);
    match extent {
        Extent::Whole => (given, runs) = draft.steps.keys().cloned().partition(|key| is_given(key)),
        Extent::Step(key) | Extent::UpTo(key) => {
            if !draft.steps.contains_key(key) {
                return Err(NoPart::UnknownStep(key.clone()));
            }
            let mut wanted = vec![key];
            while let Some(next) = wanted.pop() {
                let Some(step) = draft.steps.get(next) else { continue };
                if next != key && is_given(next) {
                    given.insert(next.clone());
                } else if runs.insert(next.clone()) && matches!(extent, Extent::UpTo(_)) {
                    wanted.extend(step.direct_dependencies());
                }
            }
        }
    }
    if runs.is_empty() && !draft.steps.is_empty() {
        return Err(NoPart::NothingToRun);
    }
    let mut part =
        Part { definition: Definition { notes: Vec::new(), ..draft.clone() }, inputs: BTreeMap::new(), given };
    part.definition.steps.retain(|key, _| runs.contains(key) || part.given.contains(key));
    for key in &part.given {
        if let Some(step) = part.definition.steps.get_mut(key) {
            *step = without_work(step);
        }
    }
    for key in &runs {
        if matches!(extent, Extent::Step(_))
            && let Some(step) = part.definition.steps.get_mut(key)
        {
            *step = alone(step);
        }
        if let Some(values) = stand_ins.ports.get(key) {
            part.feed(draft, agents, key, values);
        }
    }
    if *extent != Extent::Whole {
        drop_unused_inputs(&mut part.definition);
    }
    Ok(part)
}

/// Whether every output of the step that somebody reads is given, and at least one.
fn is_given(draft: &Definition, stand_ins: &StandIns, key: &StepKey) -> bool {
    let Some(values) = stand_ins.outputs.get(key).filter(|values| !values.is_empty()) else { return false };
    let read = draft.steps.values().flat_map(Step::sources).filter_map(|source| match source {
        Source::Step { step, artifact, .. } if step == key => Some(artifact),
        _ => None,
    });
    read.into_iter().all(|artifact| values.contains_key(artifact))
}

/// A step that is over from the beginning: it waits for nothing and reads nothing.
fn without_work(step: &Step) -> Step {
    let mut step = step.clone();
    step.depends_on.clear();
    step.inputs.clear();
    step.trigger_rule = TriggerRule::default();
    step.when = None;
    step.prompt = None;
    step.concurrency = None;
    if let Some(map) = &mut step.map {
        map.over = Source::Const(json!([]));
        map.key = None;
    }
    step
}

/// A step that waits for no other, and runs because somebody wants it to, whatever its condition says.
fn alone(step: &Step) -> Step {
    let mut step = step.clone();
    step.depends_on.clear();
    step.trigger_rule = TriggerRule::default();
    step.when = None;
    step.inputs.retain(|_, source| matches!(source, Source::Const(_) | Source::Item { .. }));
    if let Some(map) = step.map.as_mut().filter(|map| !matches!(map.over, Source::Const(_))) {
        map.over = Source::Const(Value::Null);
    }
    step
}

impl Part {
    /// Makes ports of a step inputs of the run, with these values. So the stored definition holds none of them.
    fn feed(&mut self, draft: &Definition, agents: &AgentCatalog, key: &StepKey, values: &BTreeMap<String, Value>) {
        let asked = asked(draft, agents, key);
        for (port, value) in values {
            let input = self.fresh_input();
            let declared =
                asked.get(port).cloned().unwrap_or_else(|| RunInput { title: port.clone(), ..RunInput::default() });
            let source = Source::Run { key: input.clone(), path: String::new() };
            let Some(step) = self.definition.steps.get_mut(key) else { return };
            if port != MAP_PORT {
                step.inputs.insert(port.clone(), source);
            } else if let Some(map) = &mut step.map {
                map.over = source;
            } else {
                continue;
            }
            self.definition.inputs.insert(input.clone(), RunInput { default: None, ..declared });
            self.inputs.insert(input, value.clone());
        }
    }

    /// Ports may be spelled as inputs of a run may not, so these are numbered.
    fn fresh_input(&self) -> String {
        let mut n = self.inputs.len();
        loop {
            let key = format!("input_{n}");
            if !self.definition.inputs.contains_key(&key) {
                return key;
            }
            n += 1;
        }
    }
}

/// Leaves out the inputs of the workflow that no step reads.
fn drop_unused_inputs(definition: &mut Definition) {
    let sources = definition
        .steps
        .values()
        .flat_map(|step| step.sources().chain(step.concurrency.iter().map(|concurrency| &concurrency.key)));
    let used: BTreeSet<String> = sources
        .filter_map(|source| match source {
            Source::Run { key, .. } => Some(key.clone()),
            _ => None,
        })
        .collect();
    definition.inputs.retain(|key, _| used.contains(key));
}

/// What a step alone has to be given: its inputs, but for those that are written down in the draft or follow from the item, in the order
/// of its agent's ports. For a step that is repeated also the list.
pub fn asked(draft: &Definition, agents: &AgentCatalog, key: &StepKey) -> BTreeMap<String, RunInput> {
    let Some(step) = draft.steps.get(key) else { return BTreeMap::new() };
    let spec = agents.get(&step.agent_id, step.agent_version);
    let mut asked = BTreeMap::new();
    let mut order = 0;
    if let Some(map) = step.map.as_ref().filter(|map| !matches!(map.over, Source::Const(_))) {
        let schema = source_schema(draft, agents, &map.over).filter(|schema| schema.kind == Some(Kind::Array));
        let schema = schema.unwrap_or_else(|| Schema::of(Kind::Array));
        let title = "List to repeat over".to_owned();
        asked.insert(MAP_PORT.to_owned(), RunInput { title, schema, required: true, default: None, order });
        order += 1;
    }
    let declared = spec.map(|spec| spec.inputs.as_slice()).unwrap_or_default();
    for port in declared {
        if matches!(step.inputs.get(&port.name), Some(Source::Const(_) | Source::Item { .. })) {
            continue;
        }
        let (title, schema) = (port.name.clone(), port.schema.clone());
        asked.insert(port.name.clone(), RunInput { title, schema, required: port.required, default: None, order });
        order += 1;
    }
    for (name, source) in &step.inputs {
        if matches!(source, Source::Run { .. } | Source::Step { .. }) && !asked.contains_key(name) {
            let schema = source_schema(draft, agents, source).unwrap_or_default();
            asked.insert(name.clone(), RunInput { title: name.clone(), schema, required: false, default: None, order });
            order += 1;
        }
    }
    asked
}

/// Where the draft takes the value of what [`asked`] names from.
pub fn source_of<'a>(step: &'a Step, port: &str) -> Option<&'a Source> {
    if port == MAP_PORT { step.map.as_ref().map(|map| &map.over) } else { step.inputs.get(port) }
}

/// Values that fit what a step alone has to be given, made up; what nobody can make up, such as a file, is left out.
pub fn samples(draft: &Definition, agents: &AgentCatalog, key: &StepKey) -> BTreeMap<String, Value> {
    let Some(step) = draft.steps.get(key) else { return BTreeMap::new() };
    let spec = agents.get(&step.agent_id, step.agent_version);
    let made = asked(draft, agents, key).into_iter().filter_map(|(port, input)| {
        let made =
            if port == MAP_PORT { sample_list(&input.schema, step, spec) } else { sample(&input.schema, &input.title) };
        Some((port, made?))
    });
    made.collect()
}

/// The steps of a part that act on the world outside, as the draft or their agents say: those that somebody has to agree to. What a
/// sub-workflow does is not looked into.
pub fn acting_outside<'a>(part: &'a Part, agents: &'a AgentCatalog) -> impl Iterator<Item = &'a StepKey> {
    let runs = part.definition.steps.iter().filter(|(key, _)| !part.given.contains(*key));
    runs.filter(|(_, step)| acts_outside(step, agents)).map(|(key, _)| key)
}

pub fn acts_outside(step: &Step, agents: &AgentCatalog) -> bool {
    let by_agent = agents.get(&step.agent_id, step.agent_version).is_some_and(crate::AgentSpec::acts_outside);
    step.side_effects == SideEffects::External || by_agent
}

/// The definition as a try runs it: whoever tries answers at its gates, alone, whomever the draft asks there.
pub fn with_own_gates(definition: &Definition) -> Cow<'_, Definition> {
    let is_own = |review: &Review| review.assignees.is_empty() && review.quorum <= 1 && review.allow_self;
    if definition.steps.values().all(|step| is_own(&step.review)) {
        return Cow::Borrowed(definition);
    }
    let mut definition = definition.clone();
    definition.steps.change_where(
        |_, step| !is_own(&step.review),
        |_, step| {
            step.review.assignees = Assignees::default();
            step.review.quorum = 1;
            step.review.allow_self = true;
        },
    );
    Cow::Owned(definition)
}
