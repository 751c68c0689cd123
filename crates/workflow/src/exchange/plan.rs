//! Compares a file with what a Weft has, and says what has to be done: nothing for what is there, the next version for what differs.
//!
//! The same slug, or id, is the same thing. An agent that differs gets its next version. A workflow that others run has to be published to
//! be run, so it gets its next published version. The workflow that the file is about becomes its draft: what a file brings is looked at
//! and published by a person, as every other edit. Must never grant: see `grants` and `secrets`.

mod agents;
mod told;
mod workflows;

use std::collections::{BTreeMap, BTreeSet};

use told::{Grants, Notes};

use super::{
    bundle::Bundle,
    order::{Part, order},
    report::{Act, Change, Grant, GrantKind, Note, Report, Thing},
    secrets::without_secrets,
};
use crate::{
    agent::{AgentCatalog, AgentConfig, AgentSpec, WorkflowConfig},
    definition::Definition,
    hash::sha256_hex,
    id::{AgentId, SecretName, TemplateId},
};

/// What is here of all that a file names.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Here {
    pub workflows: BTreeMap<String, Known>,
    /// Oldest first.
    pub agents: BTreeMap<AgentId, Vec<AgentSpec>>,
    /// The latest versions of those that were deleted and whose numbers go on, since tests refer to them.
    pub retired: BTreeMap<AgentId, i32>,
    /// For workflows that are new.
    pub ids: BTreeMap<String, TemplateId>,
    /// The model providers that are set up, in small letters.
    pub providers: BTreeSet<String>,
    /// The secrets that agents which are here may send.
    pub granted: BTreeSet<(AgentId, SecretName)>,
}

/// A workflow that is here.
#[derive(Clone, PartialEq, Debug)]
pub struct Known {
    pub id: TemplateId,
    pub revision: i64,
    pub name: String,
    pub description: String,
    pub draft: Definition,
    pub live: Option<Definition>,
    /// Oldest first.
    pub versions: Vec<Mark>,
    pub has_unpublished_changes: bool,
    pub is_archived: bool,
}

/// By what a published version is known again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    pub version: i32,
    pub name: String,
    pub description: String,
    pub semantic_hash: String,
}

/// What is to be stored, in this order, all of it or nothing.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// The version after `base`, or the first.
    Agent {
        base: Option<i32>,
        spec: Box<AgentSpec>,
        place: String,
        /// Secrets that it would send in another request than the newest that is here does: it may not until an admin lets it again.
        asked_anew: BTreeSet<SecretName>,
    },
    Workflow(Box<Saved>),
}

/// A draft, which is published at once where others run it.
#[derive(Clone, PartialEq, Debug)]
pub struct Saved {
    pub slug: String,
    pub id: TemplateId,
    /// The revision that it is saved over; none makes the workflow.
    pub base: Option<i64>,
    pub name: String,
    pub description: String,
    pub definition: Definition,
    /// The version that it is published as.
    pub publish: Option<i32>,
    pub place: String,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    pub report: Report,
    pub actions: Vec<Action>,
    /// With all that is about to be made: by this the workflows were judged.
    pub agents: AgentCatalog,
    /// What is published, or was, under the versions that the file's agents run.
    pub published: BTreeMap<(TemplateId, i32), Definition>,
}

/// The comparison took longer than whoever asked for it wanted to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("comparing the file took too long")]
pub struct GivenUp;

/// What has to be done. The file was read without a fault. `is_over` is asked before each part: once it says yes, the rest is not done.
pub fn plan(bundle: &Bundle, here: &Here, is_over: &dyn Fn() -> bool) -> Result<Plan, GivenUp> {
    let mut planner = Planner::new(bundle, here);
    let order = order(bundle).map(|(order, _)| order).unwrap_or_default();
    for part in order {
        if is_over() {
            return Err(GivenUp);
        }
        match part {
            Part::Agent(id, n) => planner.agent(id, n),
            Part::Workflow(slug, n) if slug == bundle.main => planner.main(slug, n),
            Part::Workflow(slug, n) => planner.inner(slug, n),
        }
    }
    Ok(planner.done())
}

/// A version of an agent that is here or is about to be, as a file would tell it and without its number.
struct Bare {
    version: i32,
    spec: AgentSpec,
}

impl Bare {
    fn new(spec: &AgentSpec) -> Self {
        Self { version: spec.version, spec: AgentSpec { version: 0, ..without_secrets(spec) } }
    }
}

struct Planner<'a> {
    bundle: &'a Bundle,
    here: &'a Here,
    /// Agents that the draft takes at their latest.
    followed: BTreeSet<&'a AgentId>,
    /// The version here of a version in the file; none for what has to be offered by a worker first.
    agents: BTreeMap<(&'a AgentId, usize), Option<i32>>,
    workflows: BTreeMap<(&'a str, usize), (TemplateId, i32)>,
    /// What is here and what is about to be.
    catalog: AgentCatalog,
    /// The same to compare with, oldest first.
    bare: BTreeMap<AgentId, Vec<Bare>>,
    marks: BTreeMap<&'a str, Vec<Mark>>,
    /// What got a version that was not here.
    made_agents: BTreeSet<&'a AgentId>,
    made_workflows: BTreeSet<&'a str>,
    /// The revisions of drafts, as they will be.
    revisions: BTreeMap<&'a str, i64>,
    /// One a thing, whatever the number of its versions.
    changes: Vec<Change>,
    conflicts: Notes,
    grants: Grants,
    calls: Notes,
    problems: Notes,
    warnings: Notes,
    actions: Vec<Action>,
    published: BTreeMap<(TemplateId, i32), Definition>,
}

impl<'a> Planner<'a> {
    fn new(bundle: &'a Bundle, here: &'a Here) -> Self {
        let main = bundle.workflows.get(&bundle.main).into_iter().flatten();
        let steps = main.flat_map(|workflow| workflow.definition.steps.values());
        let followed = steps.filter(|step| step.agent_version.is_none()).map(|step| &step.agent_id).collect();
        let marks = here.workflows.iter().map(|(slug, known)| (slug.as_str(), known.versions.clone()));
        let revisions = here.workflows.iter().map(|(slug, known)| (slug.as_str(), known.revision));
        let bare = here.agents.iter().map(|(id, specs)| (id.clone(), specs.iter().map(Bare::new).collect()));
        Self {
            bundle,
            here,
            followed,
            agents: BTreeMap::new(),
            workflows: BTreeMap::new(),
            catalog: AgentCatalog::new(here.agents.values().flatten().cloned()),
            bare: bare.collect(),
            marks: marks.collect(),
            made_agents: BTreeSet::new(),
            made_workflows: BTreeSet::new(),
            revisions: revisions.collect(),
            changes: Vec::new(),
            conflicts: Notes::default(),
            grants: Grants::default(),
            calls: Notes::default(),
            problems: Notes::default(),
            warnings: Notes::default(),
            actions: Vec::new(),
            published: BTreeMap::new(),
        }
    }

    /// Says what becomes of a thing; of its versions, the last that changes something is told.
    fn tell(&mut self, change: Change) {
        let told = self.changes.iter_mut().find(|told| told.thing == change.thing && told.id == change.id);
        match told {
            // The first of several new versions makes it.
            Some(told) if told.act == Act::Create => told.version = change.version.or(told.version),
            Some(told) if change.act != Act::Nothing => *told = change,
            Some(_) => {}
            None => self.changes.push(change),
        }
    }

    fn grant(&mut self, kind: GrantKind, place: String, name: impl Into<String>, message: impl Into<String>) {
        self.grants.push(Grant { kind, place, name: name.into(), message: message.into() });
    }

    fn done(self) -> Plan {
        let main = self.bundle.workflows.get(&self.bundle.main).and_then(|versions| versions.first());
        let mut report = Report {
            main: self.bundle.main.clone(),
            name: main.map(|workflow| workflow.name.clone()).unwrap_or_default(),
            changes: self.changes,
            conflicts: self.conflicts.into_list(),
            grants: self.grants.into_list(),
            calls: self.calls.into_list(),
            problems: self.problems.into_list(),
            warnings: self.warnings.into_list(),
            digest: String::new(),
            applied: false,
            template_id: self.here.workflows.get(&self.bundle.main).map(|known| known.id),
        };
        // Ids for what is new are drawn anew each time, so they are told by their slugs.
        let new: BTreeMap<TemplateId, &str> = self.here.ids.iter().map(|(slug, id)| (*id, slug.as_str())).collect();
        // What is stored depends on the file too, not only on what is told of it.
        let content = self.actions.iter().map(|action| match action {
            Action::Agent { base, spec, .. } => match &spec.config {
                AgentConfig::Workflow(config) if new.contains_key(&config.template_id) => {
                    let runs = new.get(&config.template_id);
                    let config = WorkflowConfig { template_id: TemplateId(uuid::Uuid::nil()), ..config.clone() };
                    let spec = AgentSpec { config: AgentConfig::Workflow(config), ..(**spec).clone() };
                    format!("{base:?} {runs:?} {}", serde_json::to_string(&spec).unwrap_or_default())
                }
                _ => format!("{base:?} {}", serde_json::to_string(spec).unwrap_or_default()),
            },
            Action::Workflow(saved) => {
                let Saved { slug, base, name, description, definition, publish, .. } = &**saved;
                format!("{slug} {base:?} {name:?} {description:?} {publish:?} {}", definition.to_value())
            }
        });
        let content: Vec<String> = content.collect();
        let told = format!("{}\n{}", serde_json::to_string(&report).unwrap_or_default(), content.join("\n"));
        report.digest = sha256_hex(told.as_bytes());
        Plan { report, actions: self.actions, agents: self.catalog, published: self.published }
    }
}

fn change(thing: Thing, id: &str, name: &str, act: Act, version: Option<i64>) -> Change {
    Change { thing, id: id.to_owned(), name: name.to_owned(), act, version, fields: Vec::new() }
}
