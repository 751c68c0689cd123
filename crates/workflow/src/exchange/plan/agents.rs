//! What becomes of an agent of a file: the version that it is here, or the next one.
//! Must never make an outside agent: that a worker offers it, and an admin accepts it, is how it comes to be.

use super::{Act, Action, AgentId, AgentSpec, Change, GrantKind, Note, Planner, Thing, change};
use crate::{
    agent::AgentConfig,
    exchange::{
        bundle::Agent,
        changes,
        secrets::{carried, left_out, without_secrets},
    },
    json,
};

impl<'a> Planner<'a> {
    pub(super) fn agent(&mut self, id: &'a AgentId, n: usize) {
        let Some(versions) = self.bundle.agents.get(id) else { return };
        let Some(agent) = versions.get(n) else { return };
        let spec = self.spec_here(agent);
        let has_to_be_latest = n + 1 == versions.len() && self.followed.contains(id);
        let known = self.specs.get(id).map(Vec::as_slice).unwrap_or_default();
        let found = if has_to_be_latest {
            known.last().filter(|known| is_same(known, &spec))
        } else {
            known.iter().rev().find(|known| is_same(known, &spec))
        };
        let found = found.cloned();
        let version = match found {
            Some(known) => {
                self.tell(change(Thing::Agent, id.as_str(), &spec.name, Act::Nothing, Some(known.version.into())));
                self.missing(&known, agent);
                Some(known.version)
            }
            None if matches!(spec.config, AgentConfig::Worker(_)) => {
                self.outside(&spec, agent);
                None
            }
            None => Some(self.next(&spec, agent)),
        };
        self.agents.insert((id, n), version);
    }

    /// The agent with the ids that this Weft has for what it runs.
    fn spec_here(&self, agent: &Agent) -> AgentSpec {
        let mut spec = without_secrets(&agent.spec);
        if let (AgentConfig::Workflow(config), Some(slug)) = (&mut spec.config, &agent.runs) {
            let place = usize::try_from(config.version).ok().and_then(|n| n.checked_sub(1));
            let runs = place.and_then(|place| self.workflows.get(&(slug.as_str(), place)));
            if let Some((id, version)) = runs {
                config.template_id = *id;
                config.version = *version;
            }
        }
        spec
    }

    fn next(&mut self, spec: &AgentSpec, agent: &Agent) -> i32 {
        let known = self.specs.get(&spec.id).map(Vec::as_slice).unwrap_or_default();
        let base = known.last().map(|known| known.version);
        // The newest version that calls the same address has the secrets that belong there.
        let mut kept = known.iter().rev().map(|known| carried(spec.clone(), known));
        let mut made = kept.find(|kept| kept.config != spec.config).unwrap_or_else(|| spec.clone());
        made.version = base.map_or(1, |base| base + 1);
        let fields = known.last().map(|known| fields(known, spec)).unwrap_or_default();
        for problem in made.problems().into_iter().filter(crate::Problem::is_error) {
            let place = [Some(agent.place()), problem.field].into_iter().flatten().collect::<Vec<_>>().join(".");
            self.problems.push(Note { place, message: problem.message });
        }
        let act = if base.is_some() { Act::NewVersion } else { Act::Create };
        let told = change(Thing::Agent, spec.id.as_str(), &spec.name, act, Some(made.version.into()));
        self.tell(Change { fields, ..told });
        self.missing(&made, agent);
        if let AgentConfig::Llm(config) = &made.config
            && !config.provider.is_empty()
            && !self.here.providers.contains(&config.provider.to_lowercase())
        {
            let message = format!(
                "The model provider `{}` is not set up here. Set it up, or choose another in the agent",
                config.provider
            );
            self.grant(GrantKind::Provider, agent.place(), config.provider.clone(), message);
        }
        let version = made.version;
        self.actions.push(Action::Agent { base, spec: Box::new(made.clone()), place: agent.place() });
        self.specs.entry(spec.id.clone()).or_default().push(made);
        version
    }

    /// What has to be filled in, since no file holds it.
    fn missing(&mut self, here: &AgentSpec, agent: &Agent) {
        for field in left_out(here) {
            let message = format!("A file holds no secrets: fill in `{field}` of the agent “{}”", here.name);
            self.grant(GrantKind::Secret, format!("{}.{field}", agent.place()), here.id.as_str(), message);
        }
    }

    fn outside(&mut self, spec: &AgentSpec, agent: &Agent) {
        let id = &spec.id;
        let known = self.specs.get(id).is_some_and(|known| !known.is_empty());
        let message = if known {
            format!(
                "The outside agent `{id}` is here with other ports: the one that is here is used. Accept what its worker offers under Workers"
            )
        } else {
            format!("`{id}` is done by an outside worker: connect it, and accept its offer under Workers")
        };
        self.grant(GrantKind::Worker, agent.place(), id.as_str(), message);
    }
}

/// Whether a file would tell the same of both.
fn is_same(known: &AgentSpec, spec: &AgentSpec) -> bool {
    AgentSpec { version: 0, ..without_secrets(known) } == AgentSpec { version: 0, ..spec.clone() }
}

fn fields(known: &AgentSpec, spec: &AgentSpec) -> Vec<String> {
    let value = |spec: AgentSpec| json::to_value(&AgentSpec { version: 0, ..spec }).unwrap_or_default();
    changes::paths(&value(without_secrets(known)), &value(spec.clone()))
}
