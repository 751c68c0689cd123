//! Drafts as large as they may be, and larger: judged at once, or named.

use super::*;
use crate::{definition::Step, source::Source};

#[test]
fn more_than_a_workflow_holds_is_named_and_is_no_choice() {
    let of = |step: &str, notes: usize| -> Document {
        let notes: Vec<Value> = (0..notes).map(|n| json!({"id": format!("{step}{n}"), "text": step})).collect();
        definition(&json!({"steps": {step: {"agent_id": "x"}}, "notes": notes})).into()
    };
    let most = crate::limits::MAX_NOTES;
    let base = document(&json!({}));
    assert!(merge(&base, &of("a", most - 1), &of("b", 1), &Choices::new()).is_ok());
    let conflicts = merge(&base, &of("a", most), &of("b", 1), &Choices::new()).unwrap_err();
    let why: Vec<Why> = conflicts.into_iter().map(|conflict| conflict.why).collect();
    assert_eq!(why, [Why::TooMuch { what: "notes", n: most + 1, most }]);

    let most = crate::limits::MAX_DEPENDENCIES;
    let of = |step: &str, n: usize| -> Document {
        let names: Vec<String> = (0..n).map(|n| format!("gone{n}")).collect();
        document(&json!({step: {"agent_id": "x", "depends_on": names}}))
    };
    let conflicts = merge(&base, &of("a", most - 1), &of("b", 2), &Choices::new()).unwrap_err();
    let why: Vec<Why> = conflicts.into_iter().map(|conflict| conflict.why).collect();
    assert_eq!(why, [Why::TooMuch { what: "connections", n: most + 1, most }]);
}

#[test]
fn a_large_circle_is_judged_at_once() {
    const N: usize = 5_000;
    let of = |is_ring: bool, title: &str| -> Document {
        let key = |n: usize| StepKey::new(format!("s{n:05}"));
        let mut chain = Definition::default();
        for n in 0..N {
            let mut step = Step::new("x".into());
            if n > 0 || is_ring {
                step.depends_on.insert(key((n + N - 1) % N));
            }
            chain.steps.insert(key(n), step);
        }
        chain.steps.get_mut("s00003").unwrap().title = title.into();
        chain.into()
    };
    // Each line of the ring is looked at once: with a search from each this would take minutes.
    let (chain, ring) = (of(false, ""), of(true, ""));
    assert_eq!(merge(&chain, &of(false, "Mine"), &ring, &Choices::new()).unwrap().document, of(true, "Mine"));
    let empty = document(&json!({}));
    assert_eq!(merge(&empty, &empty, &ring, &Choices::new()).unwrap().document, ring);
    assert_eq!(merge(&ring, &of(true, "Mine"), &ring, &Choices::new()).unwrap().document, of(true, "Mine"));
}

#[test]
fn many_names_that_lead_nowhere_are_merged_at_once() {
    let of = |names: usize, title: &str| -> Document {
        let mut step = Step { title: title.into(), ..Step::new("x".into()) };
        for n in 0..names {
            step.depends_on.insert(format!("n{n}").as_str().into());
            step.inputs.insert(format!("p{n}"), Source::Run { key: format!("r{n}"), path: String::new() });
        }
        Definition { steps: [("a".into(), step)].into(), ..Definition::default() }.into()
    };
    let names = crate::limits::MAX_DEPENDENCIES;
    // One look each: with a look at all of them for each, this would take minutes.
    let merged = merge(&of(names, ""), &of(names, "Mine"), &of(names, ""), &Choices::new()).unwrap();
    assert_eq!(merged.document, of(names, "Mine"));
    let added = merge(&of(0, ""), &of(names, ""), &of(0, ""), &Choices::new()).unwrap();
    assert_eq!(added.document, of(names, ""));
}
