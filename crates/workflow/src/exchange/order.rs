//! The order in which the parts of a file come to be: what is run before what runs it, and an older version before a newer one.
//! Must not recurse: how long its chains are is for the file to say.

use std::collections::{BTreeMap, BTreeSet};

use super::bundle::Bundle;
use crate::{agent::AgentConfig, id::AgentId};

/// A version of something, by its place in a list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Part<'a> {
    Agent(&'a AgentId, usize),
    Workflow(&'a str, usize),
}

/// All parts in order, and how many workflows are inside each other at most. None: there is no such order. What the parts name is there.
pub(super) fn order(bundle: &Bundle) -> Option<(Vec<Part<'_>>, usize)> {
    let mut waits: BTreeMap<Part<'_>, usize> = BTreeMap::new();
    let mut frees: BTreeMap<Part<'_>, Vec<Part<'_>>> = BTreeMap::new();
    for part in parts(bundle) {
        let before = before(bundle, part);
        waits.insert(part, before.len());
        for before in before {
            frees.entry(before).or_default().push(part);
        }
    }
    let mut ready: BTreeSet<Part<'_>> = waits.iter().filter(|(_, n)| **n == 0).map(|(part, _)| *part).collect();
    let mut order = Vec::with_capacity(waits.len());
    let mut heights: BTreeMap<Part<'_>, usize> = BTreeMap::new();
    while let Some(part) = ready.pop_first() {
        let inside = needs(bundle, part).into_iter().filter_map(|part| heights.get(&part)).max().copied().unwrap_or(0);
        heights.insert(part, inside + usize::from(matches!(part, Part::Workflow(..))));
        order.push(part);
        for freed in frees.remove(&part).unwrap_or_default() {
            if let Some(n) = waits.get_mut(&freed) {
                *n -= 1;
                if *n == 0 {
                    ready.insert(freed);
                }
            }
        }
    }
    (order.len() == waits.len()).then(|| (order, heights.into_values().max().unwrap_or(0)))
}

fn parts(bundle: &Bundle) -> impl Iterator<Item = Part<'_>> {
    let agents = bundle.agents.iter().flat_map(|(id, all)| (0..all.len()).map(move |n| Part::Agent(id, n)));
    let workflows = bundle.workflows.iter();
    agents.chain(workflows.flat_map(|(slug, all)| (0..all.len()).map(move |n| Part::Workflow(slug, n))))
}

/// What has to be there before, once each.
fn before<'a>(bundle: &'a Bundle, part: Part<'a>) -> BTreeSet<Part<'a>> {
    let mut before = needs(bundle, part);
    match part {
        Part::Agent(id, n) if n > 0 => before.insert(Part::Agent(id, n - 1)),
        Part::Workflow(slug, n) if n > 0 => before.insert(Part::Workflow(slug, n - 1)),
        _ => false,
    };
    before
}

/// What it runs.
fn needs<'a>(bundle: &'a Bundle, part: Part<'a>) -> BTreeSet<Part<'a>> {
    let place = |n: i32| usize::try_from(n).ok()?.checked_sub(1);
    match part {
        Part::Agent(id, n) => {
            let agent = bundle.agents.get(id).and_then(|all| all.get(n));
            let run = agent.and_then(|agent| match (&agent.runs, &agent.spec.config) {
                (Some(slug), AgentConfig::Workflow(config)) => {
                    let (slug, _) = bundle.workflows.get_key_value(slug)?;
                    Some(Part::Workflow(slug, place(config.version)?))
                }
                _ => None,
            });
            run.into_iter().collect()
        }
        Part::Workflow(slug, n) => {
            let workflow = bundle.workflows.get(slug).and_then(|all| all.get(n));
            let steps = workflow.into_iter().flat_map(|workflow| workflow.definition.steps.values());
            let agents = steps.filter_map(|step| {
                let (id, all) = bundle.agents.get_key_value(&step.agent_id)?;
                Some(Part::Agent(id, step.agent_version.map_or(all.len().checked_sub(1), place)?))
            });
            agents.collect()
        }
    }
}
