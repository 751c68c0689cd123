//! What must hold of a merged draft beside its fields: no new circle, and nothing that reads what the other one removed.
//! What was wrong in one of the two drafts already stays as it is: the validator names it. Must never remove what nobody decided about.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Change, Choices, Conflict, Side, Why,
    place::{InputField, Place, StepField},
    told::Titles,
};
use crate::{
    condition::Condition,
    definition::{Definition, MapOver, Step},
    graph::Graph,
    id::StepKey,
    limits::{MAX_DEPENDENCIES, MAX_GROUPS, MAX_NOTES, MAX_STEP_INPUTS, MAX_STEPS},
    source::Source,
};

/// `both`: mine before, theirs after.
pub(super) fn keep(merged: &mut Definition, both: Titles<'_>, choices: &Choices, conflicts: &mut Vec<Conflict>) {
    open_circles(merged, both, choices, conflicts);
    settle_steps(merged, both, choices, conflicts);
    settle_inputs(merged, both, choices, conflicts);
}

/// What both together have too much of: each of the two may be as large as a workflow can be.
pub(super) fn too_much(merged: &Definition) -> Option<Conflict> {
    let sum = |count: fn(&Step) -> usize| merged.steps.values().map(count).sum::<usize>();
    let counts = [
        ("steps", merged.steps.len(), MAX_STEPS),
        ("connections", sum(|step| step.depends_on.len()), MAX_DEPENDENCIES),
        ("inputs of steps", sum(|step| step.inputs.len()), MAX_STEP_INPUTS),
        ("notes", merged.notes.len(), MAX_NOTES),
        ("groups", merged.groups.len(), MAX_GROUPS),
    ];
    let (what, n, most) = counts.into_iter().find(|(_, n, most)| n > most)?;
    let change = Change { place: Place::Size, of: None, before: None, after: None };
    Some(Conflict { why: Why::TooMuch { what, n, most }, change })
}

/// Where somebody chose a side, the steps of a circle are connected as on that side.
fn open_circles(merged: &mut Definition, both: Titles<'_>, choices: &Choices, conflicts: &mut Vec<Conflict>) {
    let (mut settled, mut as_mine) = (BTreeSet::new(), BTreeSet::new());
    loop {
        let (mut open, mut is_other) = (Vec::new(), false);
        for path in new_circles(merged, both) {
            let Some(place) = path.iter().min().map(|first| Place::Order(first.clone())) else { continue };
            let from = match choices.get(&place) {
                Some(Side::Mine) => both.before,
                Some(Side::Theirs) => both.after,
                None => {
                    let told = |draft: &Definition| told_lines(&path, draft, both);
                    let change = Change { place, of: None, before: told(both.before), after: told(both.after) };
                    open.push(Conflict { why: Why::Circle { path }, change });
                    continue;
                }
            };
            // What was chosen for two circles with common steps may close a third one, which then is as in mine: theirs is saved already.
            is_other |= settle(merged, &path, from, &mut settled) || settle(merged, &path, both.before, &mut as_mine);
        }
        if !is_other {
            conflicts.extend(open);
            return;
        }
    }
}

/// Each step once: whether there was one.
fn settle(merged: &mut Definition, path: &[StepKey], from: &Definition, settled: &mut BTreeSet<StepKey>) -> bool {
    let mut is_other = false;
    for key in path {
        if let (Some(step), Some(as_chosen)) = (merged.steps.get_mut(key), from.steps.get(key))
            && settled.insert(key.clone())
        {
            connect_as(step, as_chosen);
            is_other = true;
        }
    }
    is_other
}

/// Only what leads from step to step is as there: a constant that was typed leads in no circle, and nobody decided about it.
fn connect_as(step: &mut Step, other: &Step) {
    step.depends_on.clone_from(&other.depends_on);
    step.inputs.retain(|port, source| !reads_step(source) || other.inputs.contains_key(port));
    for (port, source) in &other.inputs {
        if step.inputs.get(port).unwrap_or(source).step().is_some() {
            step.inputs.insert(port.clone(), source.clone());
        }
    }
    let is_when_one = |when: &Condition| when.sources().into_iter().any(reads_step);
    if step.when.as_ref().or(other.when.as_ref()).is_some_and(is_when_one) {
        step.when.clone_from(&other.when);
    }
    if step.map.as_ref().or(other.map.as_ref()).is_some_and(|map| reads_step(&map.over)) {
        let own = step.map.take();
        step.map = other.map.clone().map(|map| match own {
            Some(own) => MapOver { over: map.over, ..own },
            None => map,
        });
    }
}

fn reads_step(source: &Source) -> bool {
    source.step().is_some()
}

/// Those of a path that a draft has, in words.
fn told_lines(path: &[StepKey], draft: &Definition, titles: Titles<'_>) -> Option<String> {
    let is_there = |from: &StepKey, to: &StepKey| {
        draft.steps.get(to).is_some_and(|step| step.direct_dependencies().contains(from))
    };
    let lines = path.windows(2).filter(|line| is_there(&line[0], &line[1]));
    let told = lines.map(|line| format!("{} → {}", titles.step(&line[0]), titles.step(&line[1])));
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// From a step to the one that waits for it.
type Line<'a> = (&'a StepKey, &'a StepKey);

fn lines(draft: &Definition) -> BTreeSet<Line<'_>> {
    let of = draft.steps.iter().flat_map(|(key, step)| step.direct_dependencies().into_iter().map(move |on| (on, key)));
    of.collect()
}

fn has_all(draft: &BTreeSet<Line<'_>>, path: &[&StepKey]) -> bool {
    path.windows(2).all(|line| draft.contains(&(line[0], line[1])))
}

fn beyond<'a>(lines: &[Line<'a>], draft: &BTreeSet<Line<'_>>) -> Vec<Line<'a>> {
    lines.iter().copied().filter(|line| !draft.contains(line)).collect()
}

/// Circles of which neither draft has all lines: of steps that all wait for each other, one, so that no two share a step.
fn new_circles(merged: &Definition, both: Titles<'_>) -> Vec<Vec<StepKey>> {
    let graph = Graph::of(merged);
    let rings = graph.on_cycles();
    if rings.is_empty() {
        return Vec::new();
    }
    let ring_of: BTreeMap<&StepKey, usize> =
        rings.iter().enumerate().flat_map(|(n, ring)| ring.iter().map(move |key| (*key, n))).collect();
    let of_one_ring = |(from, to): &Line<'_>| {
        let (one, other) = (ring_of.get(from), ring_of.get(to));
        from != to && one.is_some() && one == other
    };
    let within: Vec<Line<'_>> = lines(merged).into_iter().filter(of_one_ring).collect();
    let (mine, theirs) = (lines(both.before), lines(both.after));
    let (not_mine, not_theirs) = (beyond(&within, &mine), beyond(&within, &theirs));
    // A new circle has lines of both kinds. In a draft without circles no circle is whole, so that the first line of the other kind
    // leads to a new one. Where both have circles, a search from every line of the larger kind would take minutes.
    let is_open = |draft: &Definition| Graph::of(draft).on_cycles().is_empty();
    let takes_theirs = !is_open(both.before) && (is_open(both.after) || not_mine.len() < not_theirs.len());
    let walked = if takes_theirs { not_mine } else { not_theirs };
    let mut found = BTreeMap::new();
    for (from, to) in walked {
        let ring = ring_of.get(to);
        if found.contains_key(&ring) {
            continue;
        }
        let path = graph.cycle_with(from, to).filter(|path| !has_all(&mine, path) && !has_all(&theirs, path));
        if let Some(path) = path {
            found.insert(ring, path.into_iter().cloned().collect::<Vec<StepKey>>());
        }
    }
    found.into_values().collect()
}

/// A step that one removed and the other still reads is a conflict. Once somebody wants it gone, it goes with the lines and the mappings
/// that read it; conditions and lists that read it stay, and the validator names them.
fn settle_steps(merged: &mut Definition, both: Titles<'_>, choices: &Choices, conflicts: &mut Vec<Conflict>) {
    let (mine, theirs) = (lines(both.before), lines(both.after));
    let mut readers: BTreeMap<StepKey, Vec<StepKey>> = BTreeMap::new();
    for (key, step) in &merged.steps {
        for read in step.direct_dependencies() {
            let was_so = |draft: &Definition, lines: &BTreeSet<Line<'_>>| {
                lines.contains(&(read, key)) && !draft.steps.contains_key(read)
            };
            if !merged.steps.contains_key(read) && !was_so(both.before, &mine) && !was_so(both.after, &theirs) {
                readers.entry(read.clone()).or_default().push(key.clone());
            }
        }
    }
    let asked = asked(conflicts);
    let mut cut: BTreeMap<StepKey, BTreeSet<StepKey>> = BTreeMap::new();
    for (gone, by) in readers {
        let place = Place::step(&gone, StepField::Whole);
        if choices.contains_key(&place) {
            for key in by {
                cut.entry(key).or_default().insert(gone.clone());
            }
        } else if !asked.contains(&place) {
            let is_there = |draft: &Definition| draft.steps.get(&gone).map(super::told::step);
            let (before, after) = (is_there(both.before), is_there(both.after));
            let change = Change { place, of: Some(both.step(&gone)), before, after };
            conflicts.push(Conflict { why: Why::Used { by }, change });
        }
    }
    for (key, gone) in cut {
        if let Some(step) = merged.steps.get_mut(&key) {
            step.depends_on.retain(|on| !gone.contains(on));
            step.inputs.retain(|_, source| source.step().is_none_or(|read| !gone.contains(read)));
        }
    }
}

/// The same of run inputs, whose readers stay as they are when somebody wants one gone.
fn settle_inputs(merged: &Definition, both: Titles<'_>, choices: &Choices, conflicts: &mut Vec<Conflict>) {
    let mut readers: BTreeMap<&str, Vec<StepKey>> = BTreeMap::new();
    for (key, step) in &merged.steps {
        let missing: BTreeSet<&str> = run_inputs(step).filter(|read| !merged.inputs.contains_key(*read)).collect();
        if missing.is_empty() {
            continue;
        }
        let (mine, theirs) = (reads_of_run(both.before, key), reads_of_run(both.after, key));
        for read in missing {
            let was_so =
                |draft: &Definition, reads: &BTreeSet<&str>| reads.contains(read) && !draft.inputs.contains_key(read);
            if !was_so(both.before, &mine) && !was_so(both.after, &theirs) {
                readers.entry(read).or_default().push(key.clone());
            }
        }
    }
    let asked = asked(conflicts);
    for (gone, by) in readers {
        let place = Place::input(gone, InputField::Whole);
        if asked.contains(&place) || choices.contains_key(&place) {
            continue;
        }
        let is_there = |draft: &Definition| draft.inputs.get(gone).map(super::told::input);
        let (before, after) = (is_there(both.before), is_there(both.after));
        let change = Change { place, of: Some(both.input(gone)), before, after };
        conflicts.push(Conflict { why: Why::Used { by }, change });
    }
}

fn reads_of_run<'d>(draft: &'d Definition, key: &StepKey) -> BTreeSet<&'d str> {
    draft.steps.get(key).into_iter().flat_map(run_inputs).collect()
}

fn run_inputs(step: &Step) -> impl Iterator<Item = &str> {
    let shared = step.concurrency.iter().map(|shared| &shared.key);
    step.sources().chain(shared).filter_map(|source| match source {
        Source::Run { key, .. } => Some(key.as_str()),
        Source::Const(_) | Source::Step { .. } | Source::Item { .. } => None,
    })
}

/// One place is asked about once.
fn asked(conflicts: &[Conflict]) -> BTreeSet<Place> {
    conflicts.iter().map(|known| known.change.place.clone()).collect()
}
