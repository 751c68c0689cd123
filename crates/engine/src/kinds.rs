//! The kinds of agents that processes like this one work on, and which kinds and agents a process was told to.
//! Must never leave a step to nobody that only has to fail: one without an agent is everybody's.

use std::fmt;

use workflow::{AgentId, agent::matches};

/// One without a name is a step whose agent is not in the library, which fails saying so.
const KINDS: [&str; 6] = [NO_AGENT, "llm", "http", "template", "human", "workflow"];
const NO_AGENT: &str = "";

/// Which of them a process works on. Whatever it is told, it takes steps without an agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kinds(Vec<String>);

impl Default for Kinds {
    /// All of them.
    fn default() -> Self {
        Self::only(Self::known())
    }
}

impl Kinds {
    /// By their names, as agents have them.
    pub fn known() -> impl Iterator<Item = &'static str> {
        KINDS.into_iter().filter(|kind| *kind != NO_AGENT)
    }

    /// These and no others; what no process works on is left out.
    pub fn only<'a>(kinds: impl IntoIterator<Item = &'a str>) -> Self {
        let known = kinds.into_iter().filter(|kind| KINDS.contains(kind));
        let mut all: Vec<String> = std::iter::once(NO_AGENT).chain(known).map(str::to_owned).collect();
        all.sort();
        all.dedup();
        Self(all)
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }

    pub(crate) fn has(&self, kind: &str) -> bool {
        self.0.iter().any(|known| known == kind)
    }

    pub(crate) fn are_all(&self) -> bool {
        self.0.len() == KINDS.len()
    }
}

/// As an operator names them.
impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.are_all() {
            return f.write_str("all");
        }
        let named: Vec<&str> = self.0.iter().map(String::as_str).filter(|kind| *kind != NO_AGENT).collect();
        f.write_str(&named.join(","))
    }
}

/// Which agents a process works on, of the kinds that it works on. Whatever it is told, it takes steps without an agent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AgentNames(Option<Vec<String>>);

impl AgentNames {
    /// By their ids, or by a beginning of them with a star; none named, or a star alone: all of them.
    pub fn only<'a>(named: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all: Vec<String> = named.into_iter().map(str::to_owned).collect();
        all.sort();
        all.dedup();
        let is_any = all.iter().any(|one| one == "*");
        Self((!all.is_empty() && !is_any).then_some(all))
    }

    pub(crate) fn named(&self) -> Option<&[String]> {
        self.0.as_deref()
    }

    pub(crate) fn has(&self, agent: &AgentId) -> bool {
        self.named().is_none_or(|all| all.iter().any(|one| matches(one, agent.as_str())))
    }

    pub(crate) fn are_all(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Display for AgentNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.named() {
            Some(named) => f.write_str(&named.join(",")),
            None => f.write_str("all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_kinds_are_these_and_steps_without_an_agent() {
        let some = Kinds::only(["llm", "http", "llm", "dreamt"]);
        assert_eq!(some.names(), ["", "http", "llm"]);
        assert!(some.has("llm") && some.has("") && !some.has("human") && !some.has("dreamt") && !some.are_all());
        assert!(Kinds::default().are_all() && Kinds::known().all(|kind| Kinds::default().has(kind)));
    }

    #[test]
    fn some_agents_are_those_that_are_named_or_begin_so() {
        let some = AgentNames::only(["gpu-*", "say", "say"]);
        let has = |agent: &str| some.has(&agent.into());
        assert!(has("say") && has("gpu-paint") && !has("says") && !has("gpu") && !some.are_all());
        assert_eq!(some.named().map(<[String]>::len), Some(2));
        assert_eq!((some.to_string(), AgentNames::default().to_string()), ("gpu-*,say".into(), "all".into()));
        assert_eq!(
            (Kinds::only(["llm", "http"]).to_string(), Kinds::default().to_string()),
            ("http,llm".into(), "all".into())
        );
        assert!(
            AgentNames::only([]).are_all()
                && AgentNames::only(["say", "*"]).are_all()
                && AgentNames::default().has(&"say".into())
        );
    }
}
