//! Whether an agent has anything to do with the end of a line: whether it can read what comes along it, or make what is read there.
//! It tells why not in the words of the types, and refuses nothing: what is unknown may fit.

use std::collections::BTreeSet;

use workflow::{
    AgentCatalog, AgentSpec, Step,
    schema::{Compatibility, Schema},
};

use super::fitting::{results, spec};
use crate::scene::Side;

/// What joins a step of `agent` to `anchor`, after it (`Side::Out`) or before it (`Side::In`): the ports that fit, or why none does.
pub(crate) fn takes(
    agents: &AgentCatalog,
    anchor: &Step,
    side: Side,
    agent: &AgentSpec,
) -> Result<Vec<String>, String> {
    let Some(known) = spec(agents, anchor) else {
        return Ok(Vec::new());
    };
    let new = Step::new(agent.id.clone());
    let (maker, reader) = match side {
        Side::Out => (results(agents, anchor), agent),
        Side::In => (results(agents, &new), known),
    };
    let made = maker.unwrap_or_default();
    // Where the step that is there hands on or reads nothing, a line is mere order, for which every agent will do.
    match (side, reader.inputs.is_empty(), made.is_empty()) {
        (Side::Out, _, true) | (Side::In, true, _) => return Ok(Vec::new()),
        (Side::Out, true, false) => return Err("Takes no input".to_owned()),
        (Side::In, false, true) => return Err("Makes nothing".to_owned()),
        (_, false, false) => {}
    }
    let feeds = |wanted: &Schema| made.iter().any(|(_, schema)| !matches!(schema.feeds(wanted), Compatibility::No(_)));
    let ports: Vec<String> =
        reader.inputs.iter().filter(|port| feeds(&port.schema)).map(|port| port.name.clone()).collect();
    if !ports.is_empty() {
        return Ok(ports);
    }
    let given = names(made.iter().map(|(_, schema)| schema.type_name()));
    let wanted = names(reader.inputs.iter().map(|port| port.schema.type_name()));
    Err(match side {
        Side::Out => format!("Takes {wanted}, not {given}"),
        Side::In => format!("Makes {given}, not {wanted}"),
    })
}

fn names<'a>(types: impl Iterator<Item = &'a str>) -> String {
    let types: BTreeSet<&str> = types.collect();
    types.into_iter().collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::testing::{agents, definition};

    fn told(anchor: &str, side: Side, agent: &str) -> Result<Vec<String>, String> {
        let agents = agents();
        takes(&agents, &definition().steps[anchor], side, agents.get(&agent.into(), None).unwrap())
    }

    #[test]
    fn an_agent_is_offered_for_what_it_reads_and_says_why_not() {
        assert_eq!(told("a", Side::Out, "shout"), Ok(vec!["text".to_owned()]));
        assert_eq!(told("a", Side::Out, "join"), Ok(vec!["left".to_owned(), "right".to_owned()]));
        assert_eq!(told("a", Side::Out, "collect"), Err("Takes list, not text".to_owned()));
        assert_eq!(told("a", Side::Out, "plan"), Err("Takes no input".to_owned()));
    }

    #[test]
    fn backwards_it_is_offered_for_what_it_makes() {
        assert_eq!(told("parts", Side::In, "plan"), Ok(vec!["parts".to_owned()]));
        assert_eq!(told("parts", Side::In, "echo"), Err("Makes text, not list".to_owned()));
        assert_eq!(told("list", Side::In, "echo"), Ok(Vec::new()), "it would merely wait");
    }

    #[test]
    fn of_an_agent_that_is_not_known_everything_may_fit() {
        let (agents, gone) = (agents(), Step::new("gone".into()));
        assert_eq!(takes(&agents, &gone, Side::Out, agents.get(&"plan".into(), None).unwrap()), Ok(Vec::new()));
    }
}
