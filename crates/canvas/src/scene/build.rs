//! Builds a scene from a definition with the agents it names, or from a run.
//! Steps without a place get one from the layout; nothing may depend on where a hash map put it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    sync::Arc,
};

use kurbo::Point;
use workflow::{
    AgentCatalog, AgentId, Definition, Problem, RunView, Step, StepKey, StepStatus,
    definition::{ReviewMode, TriggerRule},
    merge::Fate,
    view::StepView,
};

use super::{
    Edge, HEAD_HEIGHT, Kind, Mark, Route, STATUS_HEIGHT, Said, Scene, bounded,
    describe::{Items, status_words, worked},
    ways::{FEW, Ways},
};
use crate::{edit, flow::Flow, layout};

/// Where a scene comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    Draft { agents: &'a AgentCatalog },
    Run { run: &'a RunView, agent_names: &'a BTreeMap<AgentId, String> },
}

/// What another state of a run came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changed {
    /// Whose status is another, or the words beside it.
    pub nodes: Vec<u32>,
    /// Those, and the ones of which a time began or ended.
    pub restyled: Vec<u32>,
    /// Others may be landmarks now.
    pub are_landmarks: bool,
}

/// Whether a step in this status waits for somebody to do something: it comes first where not all can be named.
pub(crate) fn wants_somebody(status: Option<StepStatus>) -> bool {
    matches!(status, Some(StepStatus::Failed | StepStatus::AwaitingReview))
}

impl Scene {
    /// `automatic` keeps the places of steps that have none of their own, so that they stay put from build to build.
    /// `before` is what was shown until now: where nothing moved, its lines are taken over.
    pub fn build(
        definition: &Definition,
        source: Source<'_>,
        flow: Flow,
        automatic: &mut BTreeMap<StepKey, Point>,
        before: Option<Self>,
    ) -> Self {
        Self::build_with(definition, source, flow, automatic, before, Ways::All)
    }

    /// The same, whose lines may find their ways around cards later.
    pub(crate) fn build_with(
        definition: &Definition,
        source: Source<'_>,
        flow: Flow,
        automatic: &mut BTreeMap<StepKey, Point>,
        before: Option<Self>,
        ways: Ways,
    ) -> Self {
        let n = definition.steps.len();
        let mut scene = Self {
            flow,
            keys: definition.steps.keys().cloned().collect(),
            n_errors: vec![0; n],
            n_warnings: vec![0; n],
            ..Self::default()
        };
        for (key, step) in &definition.steps {
            match source {
                Source::Draft { agents } => scene.push_draft(key, step, agents),
                Source::Run { run, agent_names } => {
                    scene.push_run(key, step, run, agent_names);
                }
            }
        }
        scene.keep_told(before.as_ref());
        scene.is_pinned = definition.steps.values().map(|step| step.ui.is_some_and(|place| place.pinned)).collect();
        scene.index = scene.keys.iter().cloned().zip(0..).collect();
        let mut ends: Vec<(u32, u32, Arc<str>)> = Vec::new();
        for (to, step) in (0..).zip(definition.steps.values()) {
            for key in step.direct_dependencies() {
                if let Some(from) = scene.node(key).filter(|from| *from != to) {
                    ends.push((from, to, edge_label(step, key)));
                }
            }
        }
        scene.place = places(definition, &scene.height, &ends, flow, automatic);
        // What is collapsed stays so from build to build, and a text that nobody changed is not read again.
        let collapsed = before.as_ref().map(|before| before.collapsed.clone()).unwrap_or_default();
        let notes = before.as_ref().map(|before| before.notes.as_slice()).unwrap_or_default();
        scene.mark(definition, collapsed, notes);
        scene.index_nodes();
        scene.edges = scene.lines(ends, before, ways);
        scene.index_edges();
        scene.order = scene.ordered();
        scene.rank = vec![0; n];
        for (place, node) in (0..).zip(&scene.order) {
            scene.rank[*node as usize] = place;
        }
        scene
    }

    fn lines(&mut self, ends: Vec<(u32, u32, Arc<str>)>, before: Option<Self>, ways: Ways) -> Vec<Edge> {
        let is_as_before = |before: &Self| {
            (before.flow, &before.keys, &before.place, &before.height, &before.folded)
                == (self.flow, &self.keys, &self.place, &self.height, &self.folded)
                && !before.is_astray
                && before.edges.len() == ends.len()
                && before.edges.iter().zip(&ends).all(|(edge, (from, to, _))| (edge.from, edge.to) == (*from, *to))
        };
        let routes: Vec<Route> = match before.filter(is_as_before) {
            Some(before) => {
                self.wayless = before.wayless;
                before.edges.into_iter().map(|edge| edge.route).collect()
            }
            None if ways == Ways::AsSeen && ends.len() > FEW => {
                let leads = (0..).zip(&ends).filter(|(_, (from, to, _))| !self.is_inner(*from, *to));
                let wayless: BTreeSet<u32> = leads.map(|(edge, _)| edge).collect();
                self.wayless = wayless;
                ends.iter().map(|(from, to, _)| Route::Curve(self.curve(*from, *to))).collect()
            }
            None => ends.iter().map(|(from, to, _)| self.route(*from, *to)).collect(),
        };
        ends.into_iter().zip(routes).map(|((from, to, label), route)| Edge { from, to, route, label }).collect()
    }

    fn push_draft(&mut self, key: &StepKey, step: &Step, agents: &AgentCatalog) {
        let spec = agents.get(&step.agent_id, step.agent_version);
        let name = spec.map_or(step.agent_id.as_str(), |spec| spec.name.as_str());
        self.push(key, step, name, step.agent_version, spec.map_or(Kind::Other, |spec| Kind::of(spec.kind())));
        let n_behind = edit::behind(step, agents).unwrap_or_default();
        self.n_behind.push(n_behind);
        if n_behind > 0 {
            self.marks.last_mut().into_iter().for_each(|marks| marks.push(Mark::Behind));
        }
        if step.ui.is_some_and(|place| place.pinned) {
            self.marks.last_mut().into_iter().for_each(|marks| marks.push(Mark::Pin));
        }
        self.height.push(HEAD_HEIGHT);
        self.status.push(None);
        self.status_text.push("".into());
        self.progress.push(None);
        self.worked.push(None);
    }

    fn push_run(&mut self, key: &StepKey, step: &Step, run: &RunView, agent_names: &BTreeMap<AgentId, String>) {
        let (view, items) = (run.step(key), Items::of(run, key));
        let name = agent_names.get(&step.agent_id).map_or(step.agent_id.as_str(), String::as_str);
        let version = view.map(|view| view.agent_version).or(step.agent_version);
        self.push(key, step, name, version, view.map_or(Kind::Other, |view| Kind::of(&view.kind)));
        self.n_behind.push(0);
        self.height.push(HEAD_HEIGHT + STATUS_HEIGHT);
        self.status.push(view.map(|view| view.status));
        self.status_text.push(view.map_or_else(|| "".into(), |view| status_words(view, items)));
        self.progress.push(items.map(Items::share));
        self.worked.push(view.and_then(|view| worked(view, items)));
    }

    fn push(&mut self, key: &StepKey, step: &Step, agent: &str, version: Option<i32>, kind: Kind) {
        let title = step.title_or(key);
        // A number is all that tells a second step of an agent from the first.
        let is_named_for_agent = title == agent
            || title
                .strip_prefix(agent)
                .and_then(|rest| rest.strip_prefix(' '))
                .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
        let by = if is_named_for_agent { kind.words() } else { agent };
        let sub = version.map_or_else(|| by.to_owned(), |version| format!("{by} · v{version}"));
        self.title.push(title.into());
        self.sub.push(sub.into());
        self.is_named_for_agent.push(is_named_for_agent);
        self.kind.push(kind);
        let marks = [
            (step.map.is_some(), Mark::Map),
            (step.when.is_some() || step.trigger_rule != TriggerRule::default(), Mark::Condition),
            (step.review.mode == ReviewMode::Always || kind == Kind::Human, Mark::Gate),
        ];
        self.marks.push(marks.into_iter().filter_map(|(is_set, mark)| is_set.then_some(mark)).collect());
    }

    /// Marks what differs.
    pub(crate) fn set_fates(&mut self, fates: &BTreeMap<StepKey, Fate>) {
        for (key, fate) in fates {
            if let Some(node) = self.node(key) {
                self.marks[node as usize].push(Mark::Differs(*fate));
            }
        }
    }

    /// Takes in the statuses and times of these steps of a run, or of what they are items of; answers with the nodes that stand otherwise
    /// now.
    pub fn update_statuses<'a>(&mut self, run: &RunView, steps: impl IntoIterator<Item = &'a StepView>) -> Changed {
        let mut changed = Changed::default();
        let keys: BTreeSet<&StepKey> =
            steps.into_iter().map(|step| step.item_of.as_ref().unwrap_or(&step.key)).collect();
        for key in keys {
            let (Some(node), Some(view)) = (self.node(key), run.step(key)) else {
                continue;
            };
            let at = node as usize;
            let items = Items::of(run, key);
            let words = status_words(view, items);
            self.progress[at] = items.map(Items::share);
            let worked = worked(view, items);
            let has_other_time = self.worked[at] != worked;
            self.worked[at] = worked;
            let has_other_status = self.status[at] != Some(view.status) || self.status_text[at] != words;
            if has_other_status {
                changed.are_landmarks |= wants_somebody(self.status[at]) != wants_somebody(Some(view.status));
                self.status[at] = Some(view.status);
                self.status_text[at] = words;
                changed.nodes.push(node);
            }
            if has_other_status || has_other_time {
                changed.restyled.push(node);
            }
        }
        changed
    }

    /// What a page told of these steps is told of them still, however they lie now.
    fn keep_told(&mut self, before: Option<&Self>) {
        let n = self.n_nodes();
        if let Some(before) = before.filter(|before| before.keys == self.keys) {
            self.is_stale.clone_from(&before.is_stale);
            self.said.clone_from(&before.said);
            self.path.clone_from(&before.path);
        } else {
            self.is_stale = vec![false; n];
            self.said = vec![None; n];
            self.path = vec![None; n];
        }
    }

    /// Takes in which steps are stale; answers with the nodes that look different now.
    pub fn set_stale(&mut self, is_stale: impl Fn(&StepKey) -> bool) -> Vec<u32> {
        let now: Vec<bool> = self.keys.iter().map(is_stale).collect();
        let changed = self.nodes().filter(|node| self.is_stale[*node as usize] != now[*node as usize]).collect();
        self.is_stale = now;
        changed
    }

    /// Takes in which nodes are on the slowest path, in its order; answers whether that is another one.
    pub fn set_path(&mut self, path: &[StepKey]) -> bool {
        let mut now = vec![None; self.n_nodes()];
        for (place, node) in (0..).zip(path.iter().filter_map(|key| self.node(key))) {
            now[node as usize] = Some(place);
        }
        let is_another = self.path != now;
        self.path = now;
        is_another
    }

    /// Takes in what is said of steps beside their status; answers with the nodes that look different now.
    pub fn set_said(&mut self, said: &BTreeMap<StepKey, Said>) -> Vec<u32> {
        let now: Vec<Option<Said>> = self.keys.iter().map(|key| said.get(key).cloned()).collect();
        let changed = self.nodes().filter(|node| self.said[*node as usize] != now[*node as usize]).collect();
        self.said = now;
        changed
    }

    /// Counts the problems of each node, for badges and descriptions, and finds the lines that they are about.
    pub fn set_problems(&mut self, definition: &Definition, problems: &[Problem]) {
        self.n_errors.fill(0);
        self.n_warnings.fill(0);
        self.faults.clear();
        for problem in problems {
            let Some((key, node)) = problem.step.as_ref().and_then(|key| Some((key, self.node(key)?))) else {
                continue;
            };
            let counts = if problem.is_error() { &mut self.n_errors } else { &mut self.n_warnings };
            counts[node as usize] += 1;
            let step = definition.steps.get(key).zip(problem.field.as_deref());
            let from = step.and_then(|(step, field)| self.node(edit::line_of(step, field)?));
            if let Some(edge) = from.and_then(|from| self.edge_between(from, node)) {
                // An error is told rather than a warning.
                if self.faults.get(&edge).is_none_or(|known| problem.severity < known.0) {
                    // Names stand between backticks, which only a page can set as code.
                    self.faults.insert(edge, (problem.severity, problem.message.replace('`', "").into()));
                }
            }
        }
    }
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
    flow: Flow,
    automatic: &mut BTreeMap<StepKey, Point>,
) -> Vec<Point> {
    automatic.retain(|key, _| definition.steps.get(key).is_some_and(|step| step.ui.is_none()));
    let known = |(key, step): (&StepKey, &Step)| {
        step.ui.map(|stored| bounded(flow.drawn(stored))).or_else(|| automatic.get(key).copied())
    };
    let known: Vec<Option<Point>> = definition.steps.iter().map(known).collect();
    if let Some(places) = known.iter().copied().collect() {
        return places;
    }
    let edges: Vec<(u32, u32)> = ends.iter().map(|(from, to, _)| (*from, *to)).collect();
    let places: Vec<Point> = layout::around(heights, &edges, &known, flow).into_iter().map(bounded).collect();
    for ((key, known), at) in definition.steps.keys().zip(known).zip(&places) {
        if known.is_none() {
            automatic.insert(key.clone(), *at);
        }
    }
    places
}
