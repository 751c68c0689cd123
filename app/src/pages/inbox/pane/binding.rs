//! What binds whom at a gate, in words that are true: how many approvals are wanted and of whom, whether the reader is one of those, and
//! who has given theirs. Must never promise more than the row knows: an admin or an owner who sees the gate is not said to be asked.

use workflow::{access::Actor, api::InboxItem, words::plural};

use crate::words;

/// "Two approvals of legal are wanted; you are one of four. anna@example.org approved."
pub(in crate::pages::inbox) fn binding(item: &InboxItem, me: Option<&Actor>) -> String {
    let wanted = i64::from(item.quorum.max(1));
    let noun = plural(wanted, if item.is_form { "answer" } else { "approval" });
    let of_whom =
        if item.groups.is_empty() { String::new() } else { format!(" of {}", words::list(&item.groups_called(), 3)) };
    let verb = if wanted == 1 { "is" } else { "are" };
    let said = format!("{} {noun}{of_whom} {verb} wanted; {}.", capital(&number(wanted)), standing(item, me));
    if item.votes.is_empty() { said } else { format!("{said} {} approved.", words::list(&voters(item, me), 4)) }
}

/// Those who approved, the reader first.
fn voters(item: &InboxItem, me: Option<&Actor>) -> Vec<String> {
    let is_mine = |vote: &&String| me.is_some_and(|me| me.email.eq_ignore_ascii_case(vote));
    let (mine, others): (Vec<&String>, Vec<&String>) = item.votes.iter().partition(is_mine);
    mine.into_iter().map(|_| "You".to_owned()).chain(others.into_iter().cloned()).collect()
}

/// Who the reader is among those who can decide.
fn standing(item: &InboxItem, me: Option<&Actor>) -> String {
    let who = match (&item.acts_for, is_asked(item, me)) {
        (Some(absent), _) => format!("{absent} is"),
        (None, true) => "you are".to_owned(),
        (None, false) => {
            return match item.n_asked {
                None if is_owner(item, me) => "you or an admin may give it".to_owned(),
                None => "the run's owner and admins may give it".to_owned(),
                Some(1) => "one person is asked".to_owned(),
                Some(n) => format!("{} are asked", number(n)),
            };
        }
    };
    match item.n_asked {
        Some(n) if n > 1 => format!("{who} one of {}", number(n)),
        _ => format!("{who} asked alone"),
    }
}

/// Whether it is known that the gate asks this person: others than admins and the run's owner see it for no other reason, where it asks
/// anybody.
fn is_asked(item: &InboxItem, me: Option<&Actor>) -> bool {
    let sees_anyway = |me: &Actor| me.is_admin() || is_owner(item, Some(me));
    let is_in_group = |me: &Actor| item.groups.iter().any(|group| me.groups.contains(group.as_str()));
    item.n_asked.is_some() && me.is_some_and(|me| !sees_anyway(me) || is_in_group(me))
}

fn is_owner(item: &InboxItem, me: Option<&Actor>) -> bool {
    me.is_some_and(|me| me.email.eq_ignore_ascii_case(&item.owner))
}

fn number(n: i64) -> String {
    const WORDS: [&str; 11] = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let word = usize::try_from(n).ok().and_then(|n| WORDS.get(n));
    word.map_or_else(|| words::thousands(n), |word| (*word).to_owned())
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use workflow::access::Role;

    use super::*;
    use crate::pages::inbox::samples::item;

    fn actor(role: Role, groups: &[&str]) -> Actor {
        Actor {
            id: "00000000-0000-0000-0000-000000000001".parse().unwrap(),
            email: "me@b.c".into(),
            role,
            groups: groups.iter().map(|group| (*group).into()).collect(),
            acts_for: Vec::new(),
        }
    }

    #[test]
    fn it_is_said_how_many_are_wanted_and_who_the_reader_is_among_them() {
        let me = actor(Role::User, &["legal"]);
        let said = |more: serde_json::Value| binding(&item(&more), Some(&me));
        assert_eq!(
            said(json!({"quorum": 2, "groups": ["legal"], "n_asked": 4, "votes": ["anna@b.c"]})),
            "Two approvals of legal are wanted; you are one of four. anna@b.c approved."
        );
        assert_eq!(said(json!({"n_asked": 1})), "One approval is wanted; you are asked alone.");
        assert_eq!(said(json!({"n_asked": 12})), "One approval is wanted; you are one of 12.");
        assert_eq!(said(json!({})), "One approval is wanted; the run's owner and admins may give it.");
        assert_eq!(said(json!({"is_form": true, "n_asked": 2})), "One answer is wanted; you are one of two.");
        assert_eq!(
            said(json!({"quorum": 3, "groups": ["legal", "press"], "n_asked": 5, "votes": ["x@b.c", "me@b.c"]})),
            "Three approvals of legal and press are wanted; you are one of five. You and x@b.c approved."
        );
    }

    #[test]
    fn an_admin_or_owner_is_asked_only_where_it_is_known_and_a_delegate_stands_for_another() {
        let legal = item(&json!({"groups": ["legal"], "n_asked": 3}));
        let of = |groups: &[&str]| binding(&legal, Some(&actor(Role::Admin, groups)));
        assert_eq!(of(&[]), "One approval of legal is wanted; three are asked.");
        assert_eq!(of(&["legal"]), "One approval of legal is wanted; you are one of three.");
        let mine = |more: serde_json::Value| {
            let gate = InboxItem { owner: "me@b.c".into(), ..item(&more) };
            binding(&gate, Some(&actor(Role::User, &[])))
        };
        let others = json!({"groups": ["legal"], "n_asked": 3});
        assert_eq!(mine(others), "One approval of legal is wanted; three are asked.", "a link leads to it in any case");
        assert_eq!(mine(json!({})), "One approval is wanted; you or an admin may give it.");
        let for_anna = item(&json!({"n_asked": 2, "acts_for": "anna@b.c"}));
        let said = binding(&for_anna, Some(&actor(Role::User, &[])));
        assert_eq!(said, "One approval is wanted; anna@b.c is one of two.");
    }
}
