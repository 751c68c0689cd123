//! What becomes of an agent of a file: the version that it is here, or the next one.
//! Must never make an outside agent: that a worker offers it, and an admin accepts it, is how it comes to be.

use std::collections::BTreeSet;

use super::{Act, Action, AgentId, AgentSpec, Bare, Change, GrantKind, Note, Planner, Thing, change};
use crate::{
    agent::AgentConfig,
    exchange::{
        bundle::Agent,
        changes,
        secrets::{carried, is_led, left_out, without_secrets},
    },
    id::SecretName,
    json,
    words::{QUOTED_CHARS, shortened},
};

/// Of an address that is told: where it leads stands at its beginning, and the name of a host, which ends it, has at most 253.
const ADDRESS_CHARS: usize = 300;

impl<'a> Planner<'a> {
    pub(super) fn agent(&mut self, id: &'a AgentId, n: usize) {
        let Some(versions) = self.bundle.agents.get(id) else { return };
        let Some(agent) = versions.get(n) else { return };
        let spec = self.spec_here(agent);
        // The last of a file is the newest here too, if any of them is new: else an older one would be what the latest is.
        let has_to_be_latest = n + 1 == versions.len() && (self.followed.contains(id) || self.made_agents.contains(id));
        let known = self.bare.get(id).map(Vec::as_slice).unwrap_or_default();
        let is_same = |known: &&Bare| known.spec == spec;
        let found = if has_to_be_latest { known.last().filter(is_same) } else { known.iter().rev().find(is_same) };
        let found = found.map(|known| known.version);
        let version = match found {
            Some(version) => {
                self.tell(change(Thing::Agent, id.as_str(), &spec.name, Act::Nothing, Some(version.into())));
                self.missing(id, version, agent);
                Some(version)
            }
            None if matches!(spec.config, AgentConfig::Worker(_)) => {
                self.outside(id, agent);
                None
            }
            None => Some(self.next(id, &spec, agent)),
        };
        self.agents.insert((id, n), version);
    }

    /// The agent with the ids that this Weft has for what it runs, and without a number of its own.
    fn spec_here(&self, agent: &Agent) -> AgentSpec {
        let mut spec = AgentSpec { version: 0, ..without_secrets(&agent.spec) };
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

    fn next(&mut self, id: &'a AgentId, spec: &AgentSpec, agent: &Agent) -> i32 {
        let known = self.bare.get(id).map(Vec::as_slice).unwrap_or_default();
        let is_new = known.is_empty();
        let base = known.last().map(|known| known.version).or_else(|| self.here.retired.get(id).copied());
        // The newest version that calls the same address has the secrets that belong there.
        let catalog = &self.catalog;
        let kept = known.iter().rev().find_map(|bare| carried(spec, &bare.spec, catalog.get(id, Some(bare.version))?));
        let fields = known.last().map(|known| fields(&known.spec, spec)).unwrap_or_default();
        let version = base.map_or(1, |base| base + 1);
        let made = AgentSpec { version, ..kept.unwrap_or_else(|| spec.clone()) };
        for problem in made.problems().into_iter().filter(crate::Problem::is_error) {
            let place = [Some(agent.place()), problem.field].into_iter().flatten().collect::<Vec<_>>().join(".");
            self.problems.push(Note { place, message: problem.message });
        }
        let act = if is_new { Act::Create } else { Act::NewVersion };
        let told = change(Thing::Agent, id.as_str(), &spec.name, act, Some(version.into()));
        self.tell(Change { fields, ..told });
        if self.here.agents.get(id).is_some_and(|all| !all.is_empty()) {
            let message =
                format!("The agent `{id}` is here and gets a new version: whatever takes its latest takes that one");
            self.conflicts.push_once(Note { place: agent.place(), message });
        }
        self.made_agents.insert(id);
        self.bare.entry(id.clone()).or_default().push(Bare::new(&made));
        self.catalog.insert(made.clone());
        self.missing(id, version, agent);
        let asked_anew = self.secrets(id, &made, agent);
        if let AgentConfig::Llm(config) = &made.config
            && !config.provider.is_empty()
            && !self.here.providers.contains(&config.provider.to_lowercase())
        {
            let provider = shortened(&config.provider, QUOTED_CHARS);
            let message = format!(
                "The model provider `{provider}` is not set up here. Set it up, or choose another in the agent"
            );
            self.grant(GrantKind::Provider, agent.place(), provider, message);
        }
        // Of the file, and not of what it is stored as: that may hold secrets.
        if let AgentConfig::Http(config) = &spec.config {
            let made_up = if is_led(&config.url) { "an address that is made up by each run: " } else { "" };
            let message = format!("The agent `{id}` sends to {made_up}{}", shortened(&config.url, ADDRESS_CHARS));
            self.calls.push(Note { place: format!("{}.config.url", agent.place()), message });
        }
        self.actions.push(Action::Agent { base, spec: Box::new(made), place: agent.place(), asked_anew });
        version
    }

    /// A file brings names alone: which agent may use a secret is for an admin to say here, and was said of the request that is here.
    /// Those that the agent would send in another one, and so may not use any more.
    fn secrets(&mut self, id: &AgentId, made: &AgentSpec, agent: &Agent) -> BTreeSet<SecretName> {
        let AgentConfig::Http(config) = &made.config else { return BTreeSet::new() };
        let newest = self.here.agents.get(id).and_then(|known| known.last());
        // What is inserted into a request depends on its inputs too.
        let is_same = newest.is_some_and(|known| known.config == made.config && known.inputs == made.inputs);
        let mut asked_anew = BTreeSet::new();
        for (header, name) in config.secrets() {
            let place = format!("{}.config.headers.{header}", agent.place());
            let is_granted = self.here.granted.contains(&(id.clone(), name.clone()));
            if is_granted && is_same {
                continue;
            }
            let message = format!(
                "The agent `{id}` sends the secret `{name}`: set it here, if it is not yet, and let this agent use it, under Secrets"
            );
            self.grant(GrantKind::Secret, place.clone(), name.as_str(), message);
            if is_granted {
                let message = format!(
                    "The agent `{id}` may use the secret `{name}` here, and would send it in another request: after the import it may not, \
                     until an admin lets it again"
                );
                self.conflicts.push_once(Note { place, message });
            }
            if !is_same {
                asked_anew.insert(name);
            }
        }
        asked_anew
    }

    /// What has to be filled in, since no file holds it.
    fn missing(&mut self, id: &AgentId, version: i32, agent: &Agent) {
        let Some(here) = self.catalog.get(id, Some(version)) else { return };
        let (fields, name) = (left_out(here), shortened(&here.name, QUOTED_CHARS).into_owned());
        for field in fields {
            let message = format!("A file holds no secrets: fill in `{field}` of the agent “{name}”");
            self.grant(GrantKind::Secret, format!("{}.{field}", agent.place()), id.as_str(), message);
        }
    }

    fn outside(&mut self, id: &AgentId, agent: &Agent) {
        let latest = self.catalog.get(id, None).map(|known| matches!(known.config, AgentConfig::Worker(_)));
        let message = match latest {
            // A file must not put something else where a worker of this Weft would have been asked.
            Some(false) => {
                let message = format!(
                    "`{id}` is another kind of agent here, and an outside agent in the file. Give one of them another id"
                );
                self.problems.push(Note { place: agent.place(), message });
                return;
            }
            Some(true) => format!(
                "The outside agent `{id}` is here with other ports: the one that is here is used. Accept what its worker offers under Workers"
            ),
            None => format!("`{id}` is done by an outside worker: connect it, and accept its offer under Workers"),
        };
        self.grant(GrantKind::Worker, agent.place(), id.as_str(), message);
    }
}

fn fields(known: &AgentSpec, spec: &AgentSpec) -> Vec<String> {
    let value = |spec: &AgentSpec| json::to_value(spec).unwrap_or_default();
    changes::paths(&value(known), &value(spec))
}
