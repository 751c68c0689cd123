//! What puts a problem right with one press. A fix is offered only where there is one thing to do, and it does nothing else.
//! It must never throw away what an author wrote without saying so: what removes something is called so.

use workflow::{
    AgentCatalog, AgentSpec, Definition, Problem, ProblemCode, Step, StepKey,
    agent::InputPort,
    definition::{RunInput, in_order},
    graph::Graph,
    schema::{Compatibility, Schema},
    source::Source,
    validate::source_schema,
};

use super::{
    Edit,
    key::{free_slug, fresh_key},
    versions::behind,
};

/// An edit that puts a problem right.
#[derive(Clone, PartialEq, Debug)]
pub struct Fix {
    /// What it does, as a button says it.
    pub label: String,
    pub edit: Edit,
}

impl Fix {
    fn new(label: impl Into<String>, edit: Edit) -> Self {
        Self { label: label.into(), edit }
    }
}

/// What puts this problem right, best first. `graph` is that of the definition.
pub fn fixes(definition: &Definition, agents: &AgentCatalog, graph: &Graph<'_>, problem: &Problem) -> Vec<Fix> {
    let field = problem.field.as_deref().unwrap_or_default();
    let Some(key) = &problem.step else {
        return field
            .strip_prefix("inputs.")
            .map(|key| of_run_input(definition, key, problem.code))
            .unwrap_or_default();
    };
    let Some(step) = definition.steps.get(key) else { return Vec::new() };
    let at = At { definition, agents, graph, key, step, spec: agents.get(&step.agent_id, step.agent_version) };
    match (field, problem.code) {
        ("key", ProblemCode::InvalidKey) => {
            let new = fresh_key(definition, key.as_str());
            vec![Fix::new(format!("Rename it to {new}"), Edit::RenameStep { from: key.clone(), to: new })]
        }
        ("agent_id", ProblemCode::UnknownAgentVersion) => at.newest().into_iter().collect(),
        ("depends_on", ProblemCode::UnknownStep | ProblemCode::SelfDependency) => vec![at.without_dead_lines()],
        ("prompt", ProblemCode::NoPrompt) => vec![at.change("Remove the prompt", |step| step.prompt = None)],
        ("default_output", ProblemCode::NoEffect) => {
            vec![at.change("Remove the default output", |step| step.default_output = None)]
        }
        ("cache", ProblemCode::NotSupportedYet) => vec![at.change("Switch it off", |step| step.cache = false)],
        (_, ProblemCode::SourceNotUpstream) => at.line_drawn(field).into_iter().collect(),
        _ => match field.strip_prefix("inputs.") {
            Some(port) => at.of_input(port, problem.code),
            None => Vec::new(),
        },
    }
}

fn of_run_input(definition: &Definition, key: &str, code: ProblemCode) -> Vec<Fix> {
    if !definition.inputs.contains_key(key) {
        return Vec::new();
    }
    match code {
        ProblemCode::InvalidKey => {
            let is_taken = |new: &str| definition.inputs.contains_key(new) || super::reads_run_input(definition, new);
            let to = free_slug(key, is_taken);
            vec![Fix::new(format!("Rename it to {to}"), Edit::RenameRunInput { from: key.to_owned(), to })]
        }
        ProblemCode::UnusedInput => {
            vec![Fix::new("Delete the input", Edit::SetRunInput { key: key.to_owned(), input: None })]
        }
        _ => Vec::new(),
    }
}

/// The step that a problem is about.
struct At<'a> {
    definition: &'a Definition,
    agents: &'a AgentCatalog,
    graph: &'a Graph<'a>,
    key: &'a StepKey,
    step: &'a Step,
    spec: Option<&'a AgentSpec>,
}

impl At<'_> {
    fn change(&self, label: impl Into<String>, change: impl FnOnce(&mut Step)) -> Fix {
        let mut after = self.step.clone();
        change(&mut after);
        Fix::new(label, Edit::set(self.key.clone(), after))
    }

    fn map(&self, label: impl Into<String>, port: &str, source: Source) -> Fix {
        self.change(label, |step| {
            step.inputs.insert(port.to_owned(), source);
        })
    }

    fn newest(&self) -> Option<Fix> {
        let newest = self.agents.get(&self.step.agent_id, None)?.version;
        Some(self.change(format!("Use version {newest}"), |step| step.agent_version = Some(newest)))
    }

    fn without_dead_lines(&self) -> Fix {
        self.change("Remove all connections that lead nowhere", |step| {
            step.depends_on.retain(|from| from != self.key && self.definition.steps.contains_key(from));
        })
    }

    /// The line that a source needs, where it is read by a condition, a list or an input.
    fn line_drawn(&self, field: &str) -> Option<Fix> {
        let from = line_of(self.step, field)?;
        let title = self.definition.steps.get(from)?.title_or(from);
        Some(self.change(format!("Connect “{title}” to this step"), |step| {
            step.depends_on.insert(from.clone());
        }))
    }

    fn of_input(&self, port: &str, code: ProblemCode) -> Vec<Fix> {
        let source = self.step.inputs.get(port);
        let remove = || {
            self.change("Remove the mapping", |step| {
                step.inputs.remove(port);
            })
        };
        match (code, source) {
            (ProblemCode::MissingInput, _) => self.only_source(port).into_iter().collect(),
            (ProblemCode::UnknownPort, Some(source)) => {
                let raised = self.raised_for(port);
                raised.into_iter().chain(self.moved(port, source)).chain([remove()]).collect()
            }
            (ProblemCode::UnknownRunInput, Some(Source::Run { key, path })) => {
                let added = self.added_input(port, key, path);
                added.into_iter().chain(self.only_source(port)).chain([remove()]).collect()
            }
            (ProblemCode::UnknownArtifact, Some(Source::Step { step, .. })) => {
                self.only_output(port, step).into_iter().chain([remove()]).collect()
            }
            (ProblemCode::UnknownPath, Some(source)) => {
                self.whole(port, source).into_iter().chain(self.part(port, source)).chain([remove()]).collect()
            }
            (ProblemCode::UnknownStep | ProblemCode::SelfDependency, Some(_)) => {
                self.only_source(port).into_iter().chain([remove()]).collect()
            }
            (ProblemCode::TypeMismatch, Some(source)) => self.part(port, source).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn port(&self, name: &str) -> Option<&InputPort> {
        self.spec?.input(name)
    }

    /// What a source gives to this step, if that is known.
    fn given(&self, source: &Source) -> Option<Schema> {
        match source {
            Source::Item { path } => {
                let list = source_schema(self.definition, self.agents, &self.step.map.as_ref()?.over)?;
                list.item().part_at(path).ok()
            }
            Source::Const(_) => None,
            Source::Run { path, .. } | Source::Step { path, .. } => {
                let whole = with_path(source, String::new())?;
                source_schema(self.definition, self.agents, &whole)?.part_at(path).ok()
            }
        }
    }

    fn fits(&self, source: &Source, port: &InputPort) -> bool {
        self.given(source).is_some_and(|schema| schema.feeds(&port.schema) == Compatibility::Yes)
    }

    /// The one thing that surely fits: a run input, or what an earlier step makes.
    fn only_source(&self, name: &str) -> Option<Fix> {
        let port = self.port(name)?;
        let inputs = in_order(&self.definition.inputs).map(|(key, input)| {
            let title = if input.title.is_empty() { key } else { &input.title };
            (Source::Run { key: key.clone(), path: String::new() }, format!("Use run input “{title}”"))
        });
        let made = self.graph.ancestors(self.key).into_iter().flat_map(|from| {
            let step = self.definition.steps.get(from);
            let spec = step.and_then(|step| self.agents.get(&step.agent_id, step.agent_version));
            let title = step.map_or(from.as_str(), |step| step.title_or(from));
            spec.into_iter().flat_map(|spec| &spec.outputs).map(move |output| {
                let source = Source::Step { step: from.clone(), artifact: output.name.clone(), path: String::new() };
                (source, format!("Use “{title}” · {}", output.name))
            })
        });
        let mut fitting = inputs.chain(made).filter(|(source, _)| self.fits(source, port));
        let (source, label) = fitting.next()?;
        let is_only = fitting.next().is_none();
        is_only.then(|| self.connected(label, name, source))
    }

    /// With the line that the source needs, if it has to be drawn.
    fn connected(&self, label: String, port: &str, source: Source) -> Fix {
        let from = source.step().cloned();
        let mut fix = self.map(label, port, source);
        if let (Some(from), Edit::SetStep { step, .. }) = (from, &mut fix.edit) {
            step.depends_on.insert(from);
        }
        fix
    }

    /// Where the newest version of the agent has the input.
    fn raised_for(&self, port: &str) -> Option<Fix> {
        behind(self.step, self.agents)?;
        self.agents.get(&self.step.agent_id, None)?.input(port)?;
        self.newest()
    }

    /// A mapping goes to the one input that nothing feeds and that takes it: it was renamed.
    fn moved(&self, from: &str, source: &Source) -> Option<Fix> {
        let takes = |port: &&InputPort| match source {
            Source::Const(value) => port.schema.check(value).is_empty(),
            source => self.fits(source, port),
        };
        let free = self.spec?.inputs.iter().filter(|port| !self.step.inputs.contains_key(&port.name));
        let mut fitting = free.filter(takes);
        let to = fitting.next()?;
        if fitting.next().is_some() {
            return None;
        }
        Some(self.change(format!("Move it to {}", to.name), |step| {
            step.inputs.remove(from);
            step.inputs.insert(to.name.clone(), source.clone());
        }))
    }

    fn added_input(&self, port: &str, key: &str, path: &str) -> Option<Fix> {
        let port = self.port(port)?;
        let is_fine = path.is_empty() && StepKey::new(key).is_well_formed();
        let order = in_order(&self.definition.inputs).last().map_or(0, |(_, last)| last.order.saturating_add(1));
        let input = RunInput { schema: port.schema.clone(), required: port.required, order, ..RunInput::default() };
        is_fine.then(|| {
            let edit = Edit::SetRunInput { key: key.to_owned(), input: Some(Box::new(input)) };
            Fix::new(format!("Add the run input {key}"), edit)
        })
    }

    fn only_output(&self, port: &str, from: &StepKey) -> Option<Fix> {
        let producer = self.definition.steps.get(from)?;
        let spec = self.agents.get(&producer.agent_id, producer.agent_version)?;
        let wanted = self.port(port)?;
        let source = |name: &str| Source::Step { step: from.clone(), artifact: name.to_owned(), path: String::new() };
        let mut fitting = spec.outputs.iter().filter(|output| self.fits(&source(&output.name), wanted));
        let output = fitting.next()?;
        fitting.next().is_none().then(|| self.map(format!("Read {} instead", output.name), port, source(&output.name)))
    }

    fn whole(&self, port: &str, source: &Source) -> Option<Fix> {
        let whole = with_path(source, String::new())?;
        self.fits(&whole, self.port(port)?).then(|| self.map("Take all of it", port, whole))
    }

    /// The one part that surely fits; an item of a list may be missing.
    fn part(&self, port: &str, source: &Source) -> Option<Fix> {
        let wanted = self.port(port)?;
        let parts = self.given(&with_path(source, String::new())?)?.parts();
        let fits = |schema: &Schema| schema.feeds(&wanted.schema) == Compatibility::Yes;
        let mut fitting = parts.into_iter().filter(|found| !found.is_of_item && fits(&found.schema));
        let path = fitting.next()?.path;
        if fitting.next().is_some() {
            return None;
        }
        Some(self.map(format!("Take its part {path}"), port, with_path(source, path)?))
    }
}

fn with_path(source: &Source, to: String) -> Option<Source> {
    let mut changed = source.clone();
    match &mut changed {
        Source::Run { path, .. } | Source::Step { path, .. } | Source::Item { path } => *path = to,
        Source::Const(_) => return None,
    }
    Some(changed)
}

/// The step that a field of another one reads: where its line comes from.
pub fn line_of<'a>(step: &'a Step, field: &str) -> Option<&'a StepKey> {
    if let Some(port) = field.strip_prefix("inputs.") {
        return step.inputs.get(port)?.step();
    }
    if field.starts_with("map.") {
        return step.map.as_ref()?.over.step();
    }
    let mut sources = step.when.iter().flat_map(|when| when.placed_sources("when"));
    sources.find(|(place, _)| place == field)?.1.step()
}

#[cfg(test)]
mod tests;
