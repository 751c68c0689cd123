//! Whether a file is whole: all that it names is in it, nothing in it is for nothing, and no workflow leads back to itself.
//! Must never follow what the file says deeper than a run would go.

use std::collections::BTreeSet;

use super::{
    bundle::{Bundle, Fault},
    order::order,
};
use crate::{agent::AgentConfig, id::AgentId, limits::MAX_WORKFLOW_DEPTH};

/// A version of a workflow or of an agent, by its place in a list.
type Seen<T> = BTreeSet<(T, usize)>;

/// What is wrong between the parts of a file, each of which is right.
pub(super) fn faults(bundle: &Bundle) -> Vec<Fault> {
    let mut walk = Walk { bundle, faults: Vec::new(), path: Vec::new(), workflows: Seen::new(), agents: Seen::new() };
    match bundle.workflows.get(&bundle.main).map(Vec::len) {
        None => walk.fault("main".into(), format!("There is no workflow `{}` in the file", bundle.main)),
        Some(1) => walk.workflow(&bundle.main, 0),
        Some(_) => {
            let message = "The workflow that the file is about stands there once: its draft. Take the others out";
            walk.fault(format!("workflows.{}", bundle.main), message.into());
        }
    }
    if walk.faults.is_empty() {
        walk.unused();
        match order(bundle) {
            Some((_, inside)) if inside <= MAX_WORKFLOW_DEPTH => {}
            Some((_, inside)) => {
                let message =
                    format!("Workflows inside workflows, {inside} deep: at most {MAX_WORKFLOW_DEPTH} are run");
                walk.fault(format!("workflows.{}", bundle.main), message);
            }
            None => {
                let message = "Older versions need newer ones of the same here, so they cannot be made one after the other. Put each list in order, oldest first";
                walk.fault("agents".into(), message.into());
            }
        }
    }
    walk.faults
}

struct Walk<'a> {
    bundle: &'a Bundle,
    faults: Vec<Fault>,
    /// The workflows down to here.
    path: Vec<&'a str>,
    /// What was looked at.
    workflows: Seen<&'a str>,
    agents: Seen<&'a AgentId>,
}

impl<'a> Walk<'a> {
    fn fault(&mut self, place: String, message: String) {
        self.faults.push(Fault { place, message });
    }

    fn workflow(&mut self, slug: &'a str, n: usize) {
        if !self.workflows.insert((slug, n)) {
            return;
        }
        let Some(workflow) = self.bundle.workflows.get(slug).and_then(|versions| versions.get(n)) else { return };
        let at = format!("workflows.{slug}[{n}].definition.steps");
        let is_main = self.path.is_empty();
        self.path.push(slug);
        for (key, step) in &workflow.definition.steps {
            let Some((id, versions)) = self.bundle.agents.get_key_value(&step.agent_id) else {
                // A draft may name what is not there; what others run may not.
                if !is_main || step.agent_version.is_some() {
                    let message =
                        format!("The agent `{}` is not in the file. Export it again with the agent", step.agent_id);
                    self.fault(format!("{at}.{key}.agent_id"), message);
                }
                continue;
            };
            let last = versions.len();
            let n = step.agent_version.map_or(Some(last), |n| usize::try_from(n).ok());
            if let Some(n) = n.filter(|n| (1..=last).contains(n)) {
                self.agent(id, n - 1);
            } else {
                self.fault(format!("{at}.{key}.agent_version"), out_of_place(id.as_str(), last));
            }
        }
        self.path.pop();
    }

    fn agent(&mut self, id: &'a AgentId, n: usize) {
        let Some(agent) = self.bundle.agents.get(id).and_then(|versions| versions.get(n)) else { return };
        let place = format!("agents.{id}[{n}].config");
        // Only what runs something can be reached by ways of different lengths.
        let is_new = self.agents.insert((id, n));
        let (Some(slug), AgentConfig::Workflow(config)) = (&agent.runs, &agent.spec.config) else { return };
        if !is_new && !self.path.contains(&slug.as_str()) {
            return;
        }
        let Some((slug, versions)) = self.bundle.workflows.get_key_value(slug) else {
            let message = format!("The workflow `{slug}` is not in the file. Export it again with the workflow");
            self.fault(format!("{place}.workflow"), message);
            return;
        };
        if self.path.contains(&slug.as_str()) {
            let path = self.path.join(" → ");
            let message = format!("The workflow leads back to itself: {path} → {slug}. Use another agent");
            self.fault(format!("{place}.workflow"), message);
            return;
        }
        if self.path.len() >= MAX_WORKFLOW_DEPTH {
            let path = self.path.join(" → ");
            let message = format!("Workflows inside workflows, more than {MAX_WORKFLOW_DEPTH} deep: {path} → {slug}");
            self.fault(format!("{place}.workflow"), message);
            return;
        }
        let last = versions.len();
        if let Some(n) = usize::try_from(config.version).ok().filter(|n| (1..=last).contains(n)) {
            self.workflow(slug, n - 1);
        } else {
            self.fault(format!("{place}.version"), out_of_place(slug, last));
        }
    }

    /// What nothing leads to would come in without anybody having asked for it.
    fn unused(&mut self) {
        let mut places = Vec::new();
        for (slug, versions) in &self.bundle.workflows {
            let unused = (0..versions.len()).filter(|n| !self.workflows.contains(&(slug.as_str(), *n)));
            places.extend(unused.map(|n| format!("workflows.{slug}[{n}]")));
        }
        for (id, versions) in &self.bundle.agents {
            let unused = (0..versions.len()).filter(|n| !self.agents.contains(&(id, *n)));
            places.extend(unused.map(|n| format!("agents.{id}[{n}]")));
        }
        for place in places {
            let message = format!(
                "Nothing that `{}` needs leads here. Take it out, or give it a file of its own",
                self.bundle.main
            );
            self.fault(place, message);
        }
    }
}

fn out_of_place(name: &str, last: usize) -> String {
    format!("The file holds {last} of `{name}`: name one from 1 to {last}, counted from the oldest")
}
