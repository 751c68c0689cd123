//! Builds a scene from a definition with the agents it names, or from a run.
//! Steps without a place get one from the layout; nothing may depend on where a hash map put it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    sync::Arc,
};

use kurbo::Point;
use workflow::{
    AgentCatalog, AgentId, Definition, Problem, RunView, Step, StepKey,
    definition::{Position, ReviewMode, TriggerRule},
    graph::Graph,
    view::StepView,
};

use super::{
    Edge, HEAD_HEIGHT, Kind, Mark, STATUS_HEIGHT, Said, Scene, Side, bounded, curve_between,
    describe::{Items, status_words},
    snapped,
};
use crate::layout;

/// Where a scene comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    Draft { agents: &'a AgentCatalog },
    Run { run: &'a RunView, agent_names: &'a BTreeMap<AgentId, String> },
}

impl Scene {
    /// `automatic` keeps the places of steps that have none of their own, so that they stay put from build to build.
    pub fn build(definition: &Definition, source: Source<'_>, automatic: &mut BTreeMap<StepKey, Position>) -> Self {
        let n = definition.steps.len();
        let mut scene = Self {
            keys: definition.steps.keys().cloned().collect(),
            n_errors: vec![0; n],
            n_warnings: vec![0; n],
            ..Self::default()
        };
        let items = match source {
            Source::Draft { .. } => BTreeMap::new(),
            Source::Run { run, .. } => items_of(run),
        };
        for (key, step) in &definition.steps {
            match source {
                Source::Draft { agents } => scene.push_draft(key, step, agents),
                Source::Run { run, agent_names } => {
                    scene.push_run(key, step, run.step(key), items.get(key).copied(), agent_names);
                }
            }
        }
        scene.is_stale = vec![false; n];
        scene.said = vec![None; n];
        let index: BTreeMap<&StepKey, u32> = definition.steps.keys().zip(0..).collect();
        let mut ends: Vec<(u32, u32, Arc<str>)> = Vec::new();
        for (key, step) in &definition.steps {
            for from in step.direct_dependencies() {
                if let Some(&at) = index.get(from)
                    && from != key
                {
                    ends.push((at, index[key], edge_label(step, from)));
                }
            }
        }
        scene.place = places(definition, &scene.height, &ends, automatic);
        scene.edges = ends
            .into_iter()
            .map(|(from, to, label)| {
                let curve = curve_between(scene.port(from, Side::Out), scene.port(to, Side::In));
                Edge { from, to, curve, label }
            })
            .collect();
        scene.order = match Graph::of(definition).order() {
            Ok(order) => order.into_iter().map(|key| index[key]).collect(),
            Err(_) => scene.nodes().collect(),
        };
        scene.rebuild_index();
        scene
    }

    fn push_draft(&mut self, key: &StepKey, step: &Step, agents: &AgentCatalog) {
        let spec = agents.get(&step.agent_id, step.agent_version);
        let name = spec.map_or(step.agent_id.as_str(), |spec| spec.name.as_str());
        let sub = match step.agent_version {
            Some(version) => format!("{name} · v{version}"),
            None => name.to_owned(),
        };
        self.push(key, step, sub, spec.map_or(Kind::Other, |spec| Kind::of(spec.kind())));
        self.height.push(HEAD_HEIGHT);
        self.status.push(None);
        self.status_text.push("".into());
        self.progress.push(None);
    }

    fn push_run(
        &mut self,
        key: &StepKey,
        step: &Step,
        view: Option<&StepView>,
        items: Option<Items>,
        agent_names: &BTreeMap<AgentId, String>,
    ) {
        let name = agent_names.get(&step.agent_id).map_or(step.agent_id.as_str(), String::as_str);
        let version = view.map(|view| view.agent_version).or(step.agent_version);
        let sub = version.map_or_else(|| name.to_owned(), |version| format!("{name} · v{version}"));
        self.push(key, step, sub, view.map_or(Kind::Other, |view| Kind::of(&view.kind)));
        self.height.push(HEAD_HEIGHT + STATUS_HEIGHT);
        self.status.push(view.map(|view| view.status));
        self.status_text.push(view.map_or_else(|| "".into(), |view| status_words(view, items)));
        self.progress.push(items.map(Items::share));
    }

    fn push(&mut self, key: &StepKey, step: &Step, sub: String, kind: Kind) {
        self.title.push(step.title_or(key).into());
        self.sub.push(sub.into());
        self.kind.push(kind);
        let marks = [
            (step.map.is_some(), Mark::Map),
            (step.when.is_some() || step.trigger_rule != TriggerRule::default(), Mark::Condition),
            (step.review.mode == ReviewMode::Always || kind == Kind::Human, Mark::Gate),
        ];
        self.marks.push(marks.into_iter().filter_map(|(is_set, mark)| is_set.then_some(mark)).collect());
    }

    /// Takes in the statuses of a run; answers with the nodes that look different now.
    pub fn update_statuses(&mut self, run: &RunView) -> Vec<u32> {
        let mut changed = Vec::new();
        let items = items_of(run);
        for view in run.steps.iter().filter(|view| view.item_of.is_none()) {
            let Some(node) = self.node(&view.key) else {
                continue;
            };
            let at = node as usize;
            let items = items.get(&view.key).copied();
            let words = status_words(view, items);
            self.progress[at] = items.map(Items::share);
            if self.status[at] != Some(view.status) || self.status_text[at] != words {
                self.status[at] = Some(view.status);
                self.status_text[at] = words;
                changed.push(node);
            }
        }
        changed
    }

    /// Takes in which steps are stale; answers with the nodes that look different now.
    pub fn set_stale(&mut self, is_stale: impl Fn(&StepKey) -> bool) -> Vec<u32> {
        let now: Vec<bool> = self.keys.iter().map(is_stale).collect();
        let changed = self.nodes().filter(|node| self.is_stale[*node as usize] != now[*node as usize]).collect();
        self.is_stale = now;
        changed
    }

    /// Takes in what is said of steps beside their status; answers with the nodes that look different now.
    pub fn set_said(&mut self, said: &BTreeMap<StepKey, Said>) -> Vec<u32> {
        let now: Vec<Option<Said>> = self.keys.iter().map(|key| said.get(key).cloned()).collect();
        let changed = self.nodes().filter(|node| self.said[*node as usize] != now[*node as usize]).collect();
        self.said = now;
        changed
    }

    /// Counts the problems of each node, for badges and descriptions.
    pub fn set_problems(&mut self, problems: &[Problem]) {
        self.n_errors.fill(0);
        self.n_warnings.fill(0);
        for problem in problems {
            if let Some(node) = problem.step.as_ref().and_then(|key| self.node(key)) {
                let counts = if problem.is_error() { &mut self.n_errors } else { &mut self.n_warnings };
                counts[node as usize] += 1;
            }
        }
    }
}

/// The items of each map step of a run, counted.
fn items_of(run: &RunView) -> BTreeMap<&StepKey, Items> {
    let mut items: BTreeMap<&StepKey, Items> = BTreeMap::new();
    for (of, view) in run.steps.iter().filter_map(|view| Some((view.item_of.as_ref()?, view))) {
        items.entry(of).or_default().add(view.status);
    }
    items
}

fn edge_label(step: &Step, from: &StepKey) -> Arc<str> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for source in step.inputs.values() {
        if let workflow::source::Source::Step { step, artifact, .. } = source
            && step == from
        {
            names.insert(artifact);
        }
    }
    let mut label = String::new();
    for name in names {
        let separator = if label.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(label, "{separator}{name}");
    }
    label.into()
}

/// The place of every node: its own, the remembered one, or one from the layout.
fn places(
    definition: &Definition,
    heights: &[f64],
    ends: &[(u32, u32, Arc<str>)],
    automatic: &mut BTreeMap<StepKey, Position>,
) -> Vec<Point> {
    automatic.retain(|key, _| definition.steps.get(key).is_some_and(|step| step.ui.is_none()));
    let known = |key: &StepKey, step: &Step, automatic: &BTreeMap<StepKey, Position>| {
        step.ui.or_else(|| automatic.get(key).copied()).map(|place| bounded(Point::new(place.x, place.y)))
    };
    let mut places: Vec<Option<Point>> =
        definition.steps.iter().map(|(key, step)| known(key, step, automatic)).collect();
    if places.iter().any(Option::is_none) {
        let edges: Vec<(u32, u32)> = ends.iter().map(|(from, to, _)| (*from, *to)).collect();
        let laid_out = layout::layered(heights, &edges);
        // New arrivals go below what has its place, in the shape that the layout gives them.
        let floor =
            places.iter().zip(heights).filter_map(|(place, height)| Some((*place)?.y + height)).reduce(f64::max);
        let left = places.iter().flatten().map(|place| place.x).reduce(f64::min).unwrap_or(0.0);
        let corner = |pick: fn(&Point) -> f64| {
            let missing = places.iter().zip(&laid_out).filter(|(place, _)| place.is_none());
            missing.map(|(_, at)| pick(at)).reduce(f64::min).unwrap_or(0.0)
        };
        let shift = match floor {
            Some(floor) => kurbo::Vec2::new(left - corner(|p| p.x), floor + 48.0 - corner(|p| p.y)),
            None => kurbo::Vec2::ZERO,
        };
        for ((place, at), key) in places.iter_mut().zip(&laid_out).zip(definition.steps.keys()) {
            if place.is_none() {
                let at = snapped(bounded(*at + shift));
                automatic.insert(key.clone(), Position { x: at.x, y: at.y });
                *place = Some(at);
            }
        }
    }
    places.into_iter().map(Option::unwrap_or_default).collect()
}
