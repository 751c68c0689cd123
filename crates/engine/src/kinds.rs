//! The kinds of agents that processes like this one work on, and which of them a process was told to.
//! Must never leave a step to nobody that only has to fail: one without an agent is everybody's.

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
}
