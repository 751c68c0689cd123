//! Which reviews are new since the last look, and what is said of them.
//! Must say titles only: a notice stands on a screen that anybody may see.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use workflow::{
    RunId, StepKey,
    api::{InboxItem, InboxPage},
};

use crate::{address::gate_in_inbox, words};

/// So many gates are remembered.
const MOST: usize = 5_000;
/// Workflows that are named.
const NAMED: usize = 3;

/// One gate: a step that is sent back opens another.
type Gate = (RunId, StepKey, i32, i32);

fn gate(item: &InboxItem) -> Gate {
    (item.run_id, item.step.clone(), item.generation, item.number)
}

/// What was there at earlier looks.
#[derive(Default)]
pub(super) struct Known {
    has_looked: bool,
    gates: BTreeSet<Gate>,
    /// What opened no later than this was there already, on a later page of the list.
    floor: Option<DateTime<Utc>>,
}

impl Known {
    /// Takes in a first page, newest first, and gives what is new on it: nothing at the first look.
    pub(super) fn take(&mut self, page: InboxPage) -> Vec<InboxItem> {
        let last = page.items.last().map(|item| item.opened_at);
        if !std::mem::replace(&mut self.has_looked, true) {
            self.gates = page.items.iter().map(gate).collect();
            self.floor = last.filter(|_| page.next.is_some());
            return Vec::new();
        }
        if self.gates.len() > MOST {
            let shown: BTreeSet<Gate> = page.items.iter().map(gate).collect();
            self.floor = self.floor.max(last.filter(|_| page.next.is_some()));
            self.gates.retain(|known| shown.contains(known));
        }
        let floor = self.floor;
        let is_after = |item: &InboxItem| floor.is_none_or(|floor| item.opened_at > floor);
        page.items.into_iter().filter(|item| self.gates.insert(gate(item)) && is_after(item)).collect()
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Words {
    pub(super) title: String,
    pub(super) body: String,
    /// Of two with the same, a browser shows the later one alone: tabs that do not know of each other tell a thing once.
    pub(super) tag: String,
    /// Where a press leads.
    pub(super) path: String,
}

/// What is said of what is new; several are gathered.
pub(super) fn words(fresh: &[InboxItem]) -> Option<Words> {
    let [one] = fresh else { return gathered(fresh) };
    let what = if one.is_form { "answer" } else { "review" };
    Some(Words {
        title: format!("{} waits for your {what}", one.title),
        body: one.template_name.clone(),
        tag: format!("weft:{}/{}", one.run_id, one.step),
        path: gate_in_inbox(one.run_id, &one.step),
    })
}

fn gathered(fresh: &[InboxItem]) -> Option<Words> {
    let mut names: Vec<&str> = Vec::new();
    for item in fresh {
        if !names.contains(&item.template_name.as_str()) {
            names.push(&item.template_name);
        }
    }
    let n_more = names.len().saturating_sub(NAMED);
    let said = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    (!fresh.is_empty()).then(|| Words {
        title: format!("{} wait for you", words::count(fresh.len(), "review")),
        body: if n_more == 0 { said } else { format!("{said} and {} more", words::number(n_more)) },
        tag: "weft:reviews".to_owned(),
        path: "/inbox".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(minute: u32, step: &str, workflow: &str) -> InboxItem {
        serde_json::from_value(json!({
            "run_id": format!("00000000-0000-0000-0000-{minute:012}"), "step": step, "title": format!("Check {step}"),
            "template_id": uuid::Uuid::nil(), "template_name": workflow, "about": "secret words", "owner": "a@b.c",
            "generation": 1, "number": 1, "is_form": false, "round": 0, "max_rounds": 3,
            "opened_at": format!("2026-01-01T00:{minute:02}:00Z"), "due_at": null, "on_timeout": "fail", "quorum": 1,
            "votes": [], "n_asked": null, "groups": []
        }))
        .unwrap()
    }

    fn page(items: Vec<InboxItem>, next: Option<&str>) -> InboxPage {
        InboxPage { items, next: next.map(str::to_owned) }
    }

    fn steps(items: &[InboxItem]) -> Vec<&str> {
        items.iter().map(|item| item.step.as_str()).collect()
    }

    #[test]
    fn what_waits_when_a_page_is_opened_is_no_news_and_nothing_is_news_twice() {
        let mut known = Known::default();
        assert!(known.take(page(vec![item(5, "a", "W")], None)).is_empty());
        let next = known.take(page(vec![item(6, "b", "W"), item(5, "a", "W")], None));
        assert_eq!(steps(&next), ["b"]);
        assert!(known.take(page(vec![item(6, "b", "W"), item(5, "a", "W")], None)).is_empty());
        // It was sent back, and asks again.
        let again = InboxItem { generation: 2, ..item(6, "b", "W") };
        assert_eq!(steps(&known.take(page(vec![again], None))), ["b"]);
        // Somebody put me into a group that was asked long ago.
        assert_eq!(steps(&known.take(page(vec![item(1, "old", "W")], None))), ["old"]);
    }

    #[test]
    fn what_comes_up_from_a_later_page_is_no_news() {
        let mut known = Known::default();
        known.take(page(vec![item(9, "a", "W"), item(5, "b", "W")], Some("more")));
        // Both were decided: the next ones of the list are on its first page now.
        assert!(known.take(page(vec![item(4, "c", "W"), item(3, "d", "W")], None)).is_empty());
        assert_eq!(steps(&known.take(page(vec![item(10, "e", "W"), item(4, "c", "W")], None))), ["e"]);
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let mut known = Known::default();
        known.take(page(Vec::new(), None));
        for n in 0..=MOST {
            known.take(page(vec![item(1, &format!("s{n}"), "W")], None));
        }
        assert_eq!(steps(&known.take(page(vec![item(2, "last", "W"), item(1, "s1", "W")], Some("more")))), ["last"]);
        assert!(known.gates.len() <= 2);
    }

    #[test]
    fn one_is_named_several_are_gathered_and_nothing_of_the_content_is_told() {
        assert_eq!(words(&[]), None);
        let one = words(&[item(1, "draft", "Brief")]).unwrap();
        assert_eq!((one.title.as_str(), one.body.as_str()), ("Check draft waits for your review", "Brief"));
        assert_eq!(one.path, format!("/inbox?gate={}%2Fdraft", item(1, "draft", "Brief").run_id));
        assert_eq!(one.tag, words(&[item(1, "draft", "Other")]).unwrap().tag, "tabs fold what they tell twice");
        let form = InboxItem { is_form: true, ..item(1, "draft", "Brief") };
        assert_eq!(words(&[form]).unwrap().title, "Check draft waits for your answer");
        let odd = words(&[item(1, "write[a/b&c]", "Brief")]).unwrap().path;
        assert!(odd.ends_with("%2Fwrite%5Ba%2Fb%26c%5D"), "{odd}");
        let three = words(&[item(1, "a", "One"), item(2, "b", "Two"), item(3, "c", "One")]).unwrap();
        assert_eq!((three.title.as_str(), three.body.as_str()), ("3 reviews wait for you", "One, Two"));
        let many: Vec<InboxItem> = (1..6).map(|n| item(n, "a", &format!("W{n}"))).collect();
        assert_eq!(words(&many).unwrap().body, "W1, W2, W3 and 2 more");
        assert!([one, three].iter().all(|words| !format!("{words:?}").contains("secret")));
    }
}
