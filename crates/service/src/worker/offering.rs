//! A worker registers: what it says of itself is checked, what it offers is taken down, and it hears how each agent stands.
//! Must never make an agent: that is an admin's to accept.

use std::collections::{BTreeMap, BTreeSet};

use store::outside::sessions::NewSession;
use workflow::{
    AgentId, AgentSpec,
    agent::{AgentConfig, InputPort, OutputPort, WorkerConfig, matches, offer_hash, queue},
    api::{OfferState, Sdk},
    id::WorkerId,
    limits::{MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS, MAX_TIMEOUT_S},
    schema::Schema,
};

use super::{
    Caller, Workers, limits,
    wire::{Known, OfferedAgent, Register, Registered},
};
use crate::{Error, Result, id, text};

impl Workers {
    pub async fn register(&self, caller: &Caller, wish: Register) -> Result<Registered> {
        check_protocol(wish.protocol, &wish.sdk)?;
        let name = text::name("name", &wish.name, MAX_NAME_CHARS)?;
        let host = text::prose("host", &wish.host, MAX_NAME_CHARS)?;
        let build_id =
            wish.build_id.as_deref().map(|build| text::prose("build_id", build, MAX_NAME_CHARS)).transpose()?;
        let sdk = Sdk {
            name: text::prose("sdk.name", &wish.sdk.name, MAX_NAME_CHARS)?,
            version: text::prose("sdk.version", &wish.sdk.version, MAX_NAME_CHARS)?,
            language: text::prose("sdk.language", &wish.sdk.language, MAX_NAME_CHARS)?,
        };
        if !(1..=limits::MAX_SLOTS).contains(&wish.slots) {
            return Err(Error::invalid("slots", format!("A worker has 1 to {} slots.", limits::MAX_SLOTS)));
        }
        check_labels(caller, &wish.labels)?;
        if wish.agents.is_empty() || wish.agents.len() > limits::MAX_AGENTS {
            return Err(Error::invalid("agents", format!("Offer 1 to {} agents.", limits::MAX_AGENTS)));
        }
        let mut ids = BTreeSet::new();
        let mut specs = Vec::new();
        for (n, agent) in wish.agents.into_iter().enumerate() {
            let field = format!("agents.{n}");
            if !ids.insert(agent.id.clone()) {
                return Err(Error::invalid(
                    format!("{field}.id"),
                    format!("The agent `{}` is offered twice.", agent.id),
                ));
            }
            specs.push(read(&field, agent)?);
        }
        let patterns = caller.token.agents.clone();
        let allowed = move |id: &AgentId| patterns.iter().any(|pattern| matches(pattern, id.as_str()));
        let standings = self.0.store.offer(caller.token.id, allowed, &specs, limits::MAX_OFFERS).await?;
        let agents: Vec<(AgentId, String)> = specs.iter().map(|(hash, spec)| (spec.id.clone(), hash.clone())).collect();
        let is_refused = |id: &AgentId| standings.get(id).is_none_or(|known| known.state == OfferState::Refused);
        let queues: Vec<String> =
            agents.iter().filter(|(id, _)| !is_refused(id)).map(|(id, hash)| queue(id, hash)).collect();
        let session = WorkerId(id::new_id());
        // What was refused is no agent of the session's.
        let offered: Vec<_> = agents.iter().filter(|(id, _)| !is_refused(id)).cloned().collect();
        let begins = NewSession {
            id: session,
            token: caller.token.id,
            name: &name,
            host: &host,
            pid: wish.pid,
            sdk: &sdk,
            build_id: build_id.as_deref(),
            slots: wish.slots,
            labels: &wish.labels,
            agents: &offered,
            queues: &queues,
            lease: limits::LEASE,
            timeline: self.0.log.timeline().await?,
            max_sessions: limits::MAX_SESSIONS,
        };
        if !self.0.store.begin_worker_session(&begins).await? {
            let detail = "This token has as many sessions as it may, or was taken back. End some, or ask an admin.";
            return Err(Error::Conflict(detail.to_owned()));
        }
        let live = self.session(caller, session).await?;
        live.has_heard();
        let known =
            |(id, hash): (AgentId, String)| Some((id.clone(), Known { standing: standings.get(&id)?.clone(), hash }));
        Ok(Registered {
            session,
            beat_every_ms: u64::try_from(limits::BEAT_EVERY.as_millis()).unwrap_or(u64::MAX),
            lease_ms: u64::try_from(limits::LEASE.as_millis()).unwrap_or(u64::MAX),
            wait_ms_max: u64::try_from(limits::MAX_WAIT.as_millis()).unwrap_or(u64::MAX),
            inline_max: limits::MAX_INLINE,
            server_time: live.lease_until() - limits::LEASE,
            agents: agents.into_iter().filter_map(known).collect(),
        })
    }
}

fn check_protocol(protocol: u32, sdk: &Sdk) -> Result<()> {
    if protocol != limits::PROTOCOL {
        return Err(Error::Protocol(format!(
            "This server speaks version {} of the workers' protocol, and you asked for {protocol}. Use a client of that version.",
            limits::PROTOCOL
        )));
    }
    let (ours, oldest) = limits::OLDEST_SDK;
    let version: Vec<u32> = sdk.version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect();
    if sdk.name == ours && !version.is_empty() && version.as_slice() < oldest.as_slice() {
        let [major, minor, patch] = oldest;
        return Err(Error::Protocol(format!(
            "This server does not speak with {ours} {}: it needs {major}.{minor}.{patch} or newer. Update it.",
            sdk.version
        )));
    }
    Ok(())
}

fn check_labels(caller: &Caller, labels: &BTreeMap<String, String>) -> Result<()> {
    let is_short = |text: &String| text.chars().count() <= limits::MAX_LABEL_CHARS && !text.contains('\0');
    if labels.len() > limits::MAX_LABELS || !labels.iter().all(|(name, value)| is_short(name) && is_short(value)) {
        let (n, chars) = (limits::MAX_LABELS, limits::MAX_LABEL_CHARS);
        return Err(Error::invalid("labels", format!("A worker has {n} labels at most, of {chars} characters each.")));
    }
    let missing = caller.token.labels.iter().find(|(name, value)| labels.get(*name) != Some(value));
    match missing {
        Some((name, value)) => {
            let detail = format!("This token is for workers with the label {name}={value}.");
            Err(Error::invalid("labels", detail))
        }
        None => Ok(()),
    }
}

/// An offer as the agent that it would become, with its hash.
fn read(field: &str, agent: OfferedAgent) -> Result<(String, AgentSpec)> {
    let inputs: Vec<InputPort> = agent
        .inputs
        .0
        .into_iter()
        .map(|(name, port)| {
            let (schema, required) = (titled(port.schema, port.title), port.required);
            InputPort { name, schema, required }
        })
        .collect();
    let outputs: Vec<OutputPort> = agent
        .outputs
        .0
        .into_iter()
        .map(|(name, port)| OutputPort { name, schema: titled(port.schema, port.title) })
        .collect();
    if agent.timeout_s.is_some_and(|seconds| !(1..=MAX_TIMEOUT_S).contains(&seconds)) {
        let detail = format!("An attempt may take 1 to {MAX_TIMEOUT_S} seconds.");
        return Err(Error::invalid(format!("{field}.timeout_s"), detail));
    }
    let hash = offer_hash(&inputs, &outputs, agent.side_effects);
    let config = WorkerConfig { hash: hash.clone(), side_effects: agent.side_effects, timeout_s: agent.timeout_s };
    let name = agent.name.trim();
    let spec = AgentSpec {
        name: if name.is_empty() { agent.id.to_string() } else { name.to_owned() },
        id: agent.id,
        version: 0,
        description: text::prose(&format!("{field}.description"), &agent.description, MAX_DESCRIPTION_CHARS)?,
        inputs,
        outputs,
        max_parallel: None,
        config: AgentConfig::Worker(config),
    };
    if let Some(problem) = spec.problems().into_iter().find(workflow::Problem::is_error) {
        let of = problem.field.map_or_else(|| field.to_owned(), |inner| format!("{field}.{inner}"));
        return Err(Error::invalid(of, problem.message));
    }
    let document = serde_json::to_value(&spec).unwrap_or_default();
    for part in ["name", "inputs", "outputs"] {
        text::no_nul_inside(&format!("{field}.{part}"), &document[part])?;
        if workflow::limits::depth(&document[part]) > workflow::limits::MAX_DEPTH {
            return Err(Error::invalid(format!("{field}.{part}"), "It is nested too deep. Flatten it."));
        }
    }
    if document.to_string().len() > limits::MAX_OFFER_BYTES {
        let kib = limits::MAX_OFFER_BYTES / 1024;
        return Err(Error::too_large(
            field,
            format!("An agent is {kib} KiB at most. Shorten its description or its ports."),
        ));
    }
    Ok((hash, spec))
}

/// A port's title says what its schema does not.
fn titled(schema: Schema, title: String) -> Schema {
    if schema.description.is_empty() { Schema { description: title, ..schema } } else { schema }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_an_id_or_a_beginning() {
        for (pattern, id, expected) in [
            ("summarize", "summarize", true),
            ("summarize", "summarize2", false),
            ("report-*", "report-daily", true),
            ("report-*", "reporter", false),
            ("*", "anything", true),
            ("re*rt", "report", false),
        ] {
            assert_eq!(matches(pattern, id), expected, "{pattern} {id}");
        }
    }

    #[test]
    fn an_sdk_that_is_too_old_is_told_so_and_a_foreign_one_is_not_judged() {
        let sdk =
            |name: &str, version: &str| Sdk { name: name.into(), version: version.into(), language: String::new() };
        assert!(check_protocol(1, &sdk("weft-worker", "0.1.0")).is_ok());
        assert!(check_protocol(1, &sdk("weft-worker", "2.0.0-rc1")).is_ok());
        assert!(check_protocol(1, &sdk("mine", "0.0.1")).is_ok());
        for old in ["0.0.9", "0.0"] {
            let refused = check_protocol(1, &sdk("weft-worker", old)).unwrap_err().to_api();
            assert!(refused.status == 400 && refused.detail.contains("0.1.0"), "{}", refused.detail);
        }
        assert_eq!(check_protocol(2, &sdk("weft-worker", "9.0.0")).unwrap_err().to_api().status, 400);
    }
}
