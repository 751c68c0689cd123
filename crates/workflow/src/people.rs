//! Who a definition asks at its gates, and whether they can come: a name that nobody has would be waited for in vain, and so would more
//! approvals than there are people to give them. Must hold no directory of its own: who exists is told by whoever knows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    access::Role,
    definition::{Definition, Review, ReviewMode},
    id::{GroupId, StepKey},
    problem::{Problem, ProblemCode, Severity},
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

/// How the id of a group stands to the groups.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupStanding {
    There {
        name: String,
        /// Emails in lower case of those in it who can sign in: so many of them as a gate can want.
        active: BTreeSet<String>,
    },
    Missing,
}

/// Those who may decide without being named.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Everybody {
    /// How many can sign in, or so many of them as a gate can want.
    pub n_active: usize,
    /// Emails in lower case of admins who can sign in: so many of them as a gate can want.
    pub admins: BTreeSet<String>,
}

/// What a definition has to be told to know whether its gates can be decided.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Named {
    pub emails: BTreeSet<String>,
    pub groups: BTreeSet<String>,
    /// A gate wants more than one, or asks somebody: then it matters how many there are.
    pub counts: bool,
}

impl Named {
    pub fn is_empty(&self) -> bool {
        self.emails.is_empty() && self.groups.is_empty() && !self.counts
    }

    /// What of this is not in the other.
    #[must_use]
    pub fn without(&self, known: &Self) -> Self {
        Self {
            emails: self.emails.difference(&known.emails).cloned().collect(),
            groups: self.groups.difference(&known.groups).cloned().collect(),
            counts: self.counts && !known.counts,
        }
    }

    #[must_use]
    pub fn with(mut self, more: &Self) -> Self {
        self.emails.extend(more.emails.iter().cloned());
        self.groups.extend(more.groups.iter().cloned());
        self.counts |= more.counts;
        self
    }
}

/// What is known of those that a definition names. Whoever is not in it is not judged.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct People {
    emails: BTreeMap<String, Standing>,
    groups: BTreeMap<String, GroupStanding>,
    everybody: Option<Everybody>,
}

impl People {
    pub fn set(&mut self, email: &str, standing: Standing) {
        self.emails.insert(email.to_lowercase(), standing);
    }

    pub fn standing(&self, email: &str) -> Option<Standing> {
        self.emails.get(&email.to_lowercase()).copied()
    }

    pub fn set_group(&mut self, id: &str, standing: GroupStanding) {
        self.groups.insert(id.to_owned(), standing);
    }

    pub fn group(&self, id: &str) -> Option<&GroupStanding> {
        self.groups.get(id)
    }

    pub fn set_everybody(&mut self, everybody: Everybody) {
        self.everybody = Some(everybody);
    }

    pub fn extend(&mut self, others: Self) {
        self.emails.extend(others.emails);
        self.groups.extend(others.groups);
        self.everybody = others.everybody.or(self.everybody.take());
    }

    /// How many different people could approve at a gate, at best; none where that is not known. Where nobody approves their own, whoever
    /// starts the run is none of them, and that may be anybody.
    fn n_who_can(&self, review: &Review) -> Option<usize> {
        let n_active = self.everybody.as_ref()?.n_active;
        let most = if review.allow_self { n_active } else { n_active.saturating_sub(1) };
        self.n_asked(review).map(|n| n.min(most.max(1)))
    }

    fn n_asked(&self, review: &Review) -> Option<usize> {
        let Everybody { n_active, admins } = self.everybody.as_ref()?;
        let asked = &review.assignees;
        if asked.is_empty() {
            // The owner of a run may be somebody who is no admin.
            let others = usize::from(review.allow_self && *n_active > admins.len());
            return Some(admins.len() + others);
        }
        if asked.roles.iter().any(|role| role == Role::User.as_str()) {
            return Some(*n_active);
        }
        let mut who: BTreeSet<&str> = admins.iter().map(String::as_str).collect();
        let lower: Vec<String> = asked.users.iter().map(|email| email.to_lowercase()).collect();
        // Of whom nothing is known, the best is assumed.
        let can = |email: &&String| {
            matches!(self.emails.get(email.as_str()), Some(Standing::Active) | None) && is_email(email)
        };
        who.extend(lower.iter().filter(can).map(String::as_str));
        for group in &asked.groups {
            match self.group(group) {
                Some(GroupStanding::There { active, .. }) => who.extend(active.iter().map(String::as_str)),
                Some(GroupStanding::Missing) => {}
                None => return None,
            }
        }
        Some(who.len())
    }

    /// Whether there is but one account that can be signed in with.
    fn is_alone(&self) -> bool {
        self.everybody.as_ref().is_some_and(|everybody| everybody.n_active <= 1)
    }

    /// Whether anybody who is asked at a gate could come; admins may in any case.
    fn somebody_can(&self, review: &Review) -> bool {
        let asked = &review.assignees;
        let by_name = |email: &String| self.standing(email).is_none_or(|standing| standing == Standing::Active);
        let by_group = |group: &String| match self.group(group) {
            Some(GroupStanding::There { active, .. }) => !active.is_empty(),
            Some(GroupStanding::Missing) => false,
            None => true,
        };
        !asked.roles.is_empty() || asked.users.iter().any(by_name) || asked.groups.iter().any(by_group)
    }
}

/// Everybody whom the gates of a definition name, once each.
pub fn named(definition: &Definition) -> Named {
    let mut named = Named::default();
    for Review { assignees, quorum, .. } in definition.steps.values().map(|step| &step.review) {
        let emails = assignees.users.iter().filter(|email| is_email(email));
        named.emails.extend(emails.map(|email| email.to_lowercase()));
        named.groups.extend(assignees.groups.iter().filter(|group| is_group(group)).cloned());
        named.counts |= *quorum > 1 || !assignees.is_empty();
    }
    named
}

/// Gates that ask somebody who cannot come, or more than there are.
pub fn problems(definition: &Definition, people: &People) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (key, step) in &definition.steps {
        let review = &step.review;
        users(key, review, people, &mut problems);
        groups(key, review, people, &mut problems);
        let is_gate = review.mode != ReviewMode::Never || !review.assignees.is_empty();
        let n = people.n_who_can(review);
        if let Some(n) = n.filter(|n| is_gate && *n < usize::try_from(review.quorum).unwrap_or(usize::MAX)) {
            let message = format!(
                "{} approvals are wanted, but only {n} of those who may decide can sign in: ask more people, or want fewer approvals",
                review.quorum
            );
            let field = Some("review.quorum".to_owned());
            // Whoever sets a server up draws before the others have come.
            let severity = if people.is_alone() { Severity::Warning } else { Severity::Error };
            let problem = Problem::error(Some(key), field, ProblemCode::TooFewPeople, message);
            problems.push(Problem { severity, ..problem });
        }
    }
    problems
}

fn users(key: &StepKey, review: &Review, people: &People, problems: &mut Vec<Problem>) {
    for (n, email) in review.assignees.users.iter().enumerate().filter(|(_, email)| is_email(email)) {
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

fn groups(key: &StepKey, review: &Review, people: &People, problems: &mut Vec<Problem>) {
    for (n, group) in review.assignees.groups.iter().enumerate().filter(|(_, group)| is_group(group)) {
        let field = Some(format!("review.assignees.groups.{n}"));
        match people.group(group) {
            Some(GroupStanding::Missing) => {
                let message = format!("There is no group `{group}`: choose another one, or create it first");
                problems.push(Problem::error(Some(key), field, ProblemCode::UnknownGroup, message));
            }
            Some(GroupStanding::There { name, active }) if active.is_empty() => {
                let message = format!("Nobody in the group “{name}” can sign in: put somebody into it, or ask others");
                let severity = if people.somebody_can(review) { Severity::Warning } else { Severity::Error };
                let problem = Problem::error(Some(key), field, ProblemCode::EmptyGroup, message);
                problems.push(Problem { severity, ..problem });
            }
            Some(GroupStanding::There { .. }) | None => {}
        }
    }
}

fn is_group(id: &str) -> bool {
    GroupId::from(id).is_well_formed()
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
        assert_eq!(named(&definition).emails, wanted.map(String::from).into());
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

    /// A gate of one step, and what is told of it: field, code, whether it stands in the way.
    fn told(review: &serde_json::Value, people: &People) -> Vec<(String, ProblemCode, bool)> {
        let definition = json!({"steps": {"a": {"agent_id": "x", "review": review}}});
        let found = problems(&Definition::from_value(&definition).unwrap(), people);
        found.into_iter().map(|problem| (problem.field.clone().unwrap(), problem.code, problem.is_error())).collect()
    }

    #[test]
    fn a_gate_that_nobody_can_decide_is_told() {
        let mut people = People::default();
        people.set("anna@example.org", Standing::Active);
        people.set("off@example.org", Standing::Disabled);
        let there = |active: &[&str]| GroupStanding::There {
            name: "Legal".into(),
            active: active.iter().map(|email| (*email).to_owned()).collect(),
        };
        people.set_group("legal", there(&["anna@example.org", "ben@example.org"]));
        people.set_group("empty", there(&[]));
        people.set_group("gone", GroupStanding::Missing);
        people.set_everybody(Everybody { n_active: 4, admins: ["root@example.org".to_owned()].into() });
        let at = |field: &str, code, is_error| vec![(format!("review.{field}"), code, is_error)];
        let fine = Vec::new;
        for (assignees, quorum, expected) in [
            (json!({"groups": ["legal"]}), 3, fine()),
            (json!({"groups": ["legal"]}), 4, at("quorum", ProblemCode::TooFewPeople, true)),
            // Somebody who is named and in the group is one person.
            (
                json!({"groups": ["legal"], "users": ["Anna@example.org"]}),
                4,
                at("quorum", ProblemCode::TooFewPeople, true),
            ),
            (json!({"groups": ["gone"]}), 1, at("assignees.groups.0", ProblemCode::UnknownGroup, true)),
            (json!({"groups": ["empty"]}), 1, at("assignees.groups.0", ProblemCode::EmptyGroup, true)),
            (json!({"groups": ["empty", "legal"]}), 1, at("assignees.groups.0", ProblemCode::EmptyGroup, false)),
            (
                json!({"groups": ["empty"], "roles": ["admin"]}),
                1,
                at("assignees.groups.0", ProblemCode::EmptyGroup, false),
            ),
            (json!({"roles": ["user"]}), 4, fine()),
            (json!({"roles": ["user"]}), 5, at("quorum", ProblemCode::TooFewPeople, true)),
            // The owner and the one admin.
            (json!({}), 2, fine()),
            (json!({}), 3, at("quorum", ProblemCode::TooFewPeople, true)),
            (json!({"groups": ["nobody asked about it"]}), 1, fine()),
            (json!({"groups": ["unknown"]}), 9, fine()),
        ] {
            let review = json!({"mode": "always", "assignees": assignees, "quorum": quorum});
            assert_eq!(told(&review, &people), expected, "{review}");
        }
        for (quorum, expected) in [(3, fine()), (4, at("quorum", ProblemCode::TooFewPeople, true))] {
            let others =
                json!({"mode": "always", "assignees": {"roles": ["user"]}, "quorum": quorum, "allow_self": false});
            assert_eq!(told(&others, &people), expected, "whoever starts it is no other: {others}");
        }
        let alone = json!({"mode": "always", "allow_self": false, "quorum": 2});
        assert_eq!(told(&alone, &people), at("quorum", ProblemCode::TooFewPeople, true));
        people.set_everybody(Everybody { n_active: 1, admins: ["root@example.org".to_owned()].into() });
        assert_eq!(told(&alone, &people), at("quorum", ProblemCode::TooFewPeople, false), "others are yet to come");
        assert_eq!(told(&json!({"mode": "always", "quorum": 9}), &People::default()), [], "of whom nothing is known");
    }

    #[test]
    fn what_is_asked_about_once_is_not_asked_again() {
        let all = Named { emails: ["a@b".to_owned()].into(), groups: ["legal".to_owned()].into(), counts: true };
        let some = Named { emails: ["a@b".to_owned()].into(), ..Named::default() };
        let rest = all.without(&some);
        assert_eq!(rest, Named { groups: ["legal".to_owned()].into(), counts: true, ..Named::default() });
        assert_eq!(some.with(&rest), all);
        assert!(all.without(&all).is_empty());
    }
}
