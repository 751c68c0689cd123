//! Whom the gates of a file ask. Being asked lets somebody see a run and decide in it, so a file cannot give it: only who is asked there
//! already stays. Must never make a gate weaker: one that would be left without anybody is for admins, until somebody is named.

use crate::{definition::Definition, id::StepKey};

/// Admins may decide at every gate anyway.
const ADMIN: &str = "admin";

/// Somebody whom the file names and who is not asked here yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Asked {
    pub step: StepKey,
    pub who: String,
    pub as_what: AsWhat,
}

/// How somebody is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AsWhat {
    Role,
    Group,
    Person,
}

/// Takes out whom none of the `known` definitions asks at the same step.
pub(super) fn take_out(definition: &mut Definition, known: &[&Definition]) -> Vec<Asked> {
    let mut taken = Vec::new();
    for (key, step) in &mut definition.steps {
        let assignees = &mut step.review.assignees;
        if assignees.is_empty() {
            continue;
        }
        let here = || known.iter().filter_map(|known| known.steps.get(key)).map(|step| &step.review.assignees);
        let mut take = |who: &String, as_what: AsWhat, is_here: bool| {
            if !is_here {
                taken.push(Asked { step: key.clone(), who: who.clone(), as_what });
            }
            is_here
        };
        assignees
            .roles
            .retain(|role| take(role, AsWhat::Role, role == ADMIN || here().any(|here| here.roles.contains(role))));
        // A group of the same id may be of other people here.
        assignees.groups.retain(|group| take(group, AsWhat::Group, here().any(|here| here.groups.contains(group))));
        assignees.users.retain(|email| {
            let is_here = here().any(|here| here.users.iter().any(|user| user.eq_ignore_ascii_case(email)));
            take(email, AsWhat::Person, is_here)
        });
        if assignees.is_empty() {
            assignees.roles.push(ADMIN.to_owned());
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asking(users: &[&str], roles: &[&str]) -> Definition {
        let review = json!({"mode": "always", "assignees": {"users": users, "roles": roles}});
        Definition::from_value(&json!({"steps": {"a": {"agent_id": "x", "review": review}}})).unwrap()
    }

    #[test]
    fn only_who_is_asked_here_stays_and_no_gate_opens() {
        let mut file = asking(&["ada@x.y", "ben@x.y"], &["user", "admin"]);
        let taken = take_out(&mut file, &[&asking(&["Ada@x.y"], &[])]);
        assert_eq!(file, asking(&["ada@x.y"], &["admin"]));
        assert_eq!(
            taken.iter().map(|asked| (asked.who.as_str(), asked.as_what)).collect::<Vec<_>>(),
            [("user", AsWhat::Role), ("ben@x.y", AsWhat::Person)]
        );
        let mut alone = asking(&["ben@x.y"], &[]);
        take_out(&mut alone, &[]);
        assert_eq!(alone, asking(&[], &["admin"]), "a gate without anybody would be everybody's");
        let of = |groups: &[&str]| {
            let mut definition = asking(&[], &[]);
            let assignees = &mut definition.steps.get_mut("a").unwrap().review.assignees;
            assignees.groups = groups.iter().map(|group| (*group).to_owned()).collect();
            definition
        };
        let mut groups = of(&["legal", "all"]);
        let taken = take_out(&mut groups, &[&of(&["legal"])]);
        assert_eq!(groups, of(&["legal"]), "a group that is asked here is the one that is here");
        assert_eq!((taken[0].who.as_str(), taken[0].as_what), ("all", AsWhat::Group));
        let mut open = asking(&[], &[]);
        assert!(take_out(&mut open, &[]).is_empty());
        assert_eq!(open, asking(&[], &[]));
    }
}
