//! Who a definition asks at its gates, and whether they can come: a name that nobody has would be waited for in vain.
//! Must hold no directory of its own: who exists is told by whoever knows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    definition::Definition,
    problem::{Problem, ProblemCode},
};

/// How an email stands to the accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Active,
    /// The account is there, but nobody can sign in with it.
    Disabled,
    Missing,
}

/// What is known of the people that a definition names. Whoever is not in it is not judged.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct People(BTreeMap<String, Standing>);

impl People {
    pub fn set(&mut self, email: &str, standing: Standing) {
        self.0.insert(email.to_lowercase(), standing);
    }

    pub fn standing(&self, email: &str) -> Option<Standing> {
        self.0.get(&email.to_lowercase()).copied()
    }

    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }
}

/// Everybody whom the gates of a definition name, once each.
pub fn named(definition: &Definition) -> BTreeSet<String> {
    let users = definition.steps.values().flat_map(|step| &step.review.assignees.users);
    users.filter(|email| is_email(email)).map(|email| email.to_lowercase()).collect()
}

/// Gates that ask somebody who cannot come.
pub fn problems(definition: &Definition, people: &People) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (key, step) in &definition.steps {
        for (n, email) in step.review.assignees.users.iter().enumerate().filter(|(_, email)| is_email(email)) {
            let (code, message) = match people.standing(email) {
                Some(Standing::Missing) => (
                    ProblemCode::UnknownPerson,
                    format!(
                        "Nobody has an account with the email `{email}`: choose somebody else, or create the account first"
                    ),
                ),
                Some(Standing::Disabled) => (
                    ProblemCode::DisabledPerson,
                    format!(
                        "The account of `{email}` is disabled, so they cannot decide: choose somebody else, or enable it"
                    ),
                ),
                Some(Standing::Active) | None => continue,
            };
            problems.push(Problem::error(Some(key), Some(format!("review.assignees.users.{n}")), code, message));
        }
    }
    problems
}

/// Roughly: whether mail could be sent there is not for a validator to find out.
pub(crate) fn is_email(text: &str) -> bool {
    text.len() <= 254
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whoever_cannot_come_is_told_at_the_gate_that_asks() {
        let definition = Definition::from_value(&json!({"steps": {
            "a": {"agent_id": "x", "review": {"mode": "always", "assignees": {"users": ["Anna@example.org", "gone@example.org"]}}},
            "b": {"agent_id": "x", "review": {"mode": "always", "assignees": {"users": ["off@example.org", "no email", "new@example.org"]}}}}}))
        .unwrap();
        let wanted = ["anna@example.org", "gone@example.org", "new@example.org", "off@example.org"];
        assert_eq!(named(&definition), wanted.map(String::from).into());
        let mut people = People::default();
        people.set("anna@example.org", Standing::Active);
        people.set("gone@example.org", Standing::Missing);
        people.set("OFF@example.org", Standing::Disabled);
        let found: Vec<_> = problems(&definition, &people)
            .into_iter()
            .map(|problem| (problem.step.unwrap().to_string(), problem.field.unwrap(), problem.code))
            .collect();
        assert_eq!(
            found,
            [
                ("a".into(), "review.assignees.users.1".into(), ProblemCode::UnknownPerson),
                // Whoever was not asked about is not judged.
                ("b".into(), "review.assignees.users.0".into(), ProblemCode::DisabledPerson),
            ]
        );
        assert_eq!(problems(&definition, &People::default()), []);
    }
}
