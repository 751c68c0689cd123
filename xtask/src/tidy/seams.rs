//! What the simulators need of the code they run: no clock, no random number and no task but those that come in from outside. One that
//! slips in makes the same seed give another world, and a crash leave something running.

use super::Tree;

/// Crates that are simulated, and the module of the decider.
const SIMULATED: &[&str] = &["crates/engine/src/", "crates/runs/src/", "crates/workflow/src/run"];

/// A word, where it may stand all the same, and what to do instead.
struct Ban {
    word: &'static str,
    homes: &'static [&'static str],
    advice: &'static str,
}

const CLOCK: &str = "take tokio's clock, which a simulation sets, or the database's";
const RANDOM: &str = "take `Dice`, which a simulation brings";

const BANS: &[Ban] = &[
    Ban { word: "std::time::Instant", homes: &["crates/runs/src/sim/terminal.rs"], advice: CLOCK },
    Ban { word: "SystemTime", homes: &[], advice: CLOCK },
    Ban { word: "Uuid::now_v7", homes: &[], advice: RANDOM },
    Ban { word: "Uuid::new_v4", homes: &[], advice: RANDOM },
    Ban { word: "rand::rng", homes: &[], advice: RANDOM },
    Ban { word: "rand::random", homes: &["crates/engine/src/dice.rs"], advice: RANDOM },
    Ban {
        word: "tokio::spawn",
        homes: &[
            "crates/engine/src/tasks.rs",
            "crates/engine/src/sim/",
            "crates/runs/src/sim/",
            "crates/runs/src/memory/",
        ],
        advice: "begin it by `tasks::spawn`, so that it ends with its process",
    },
];

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    let is_simulated = |path: &str| SIMULATED.iter().any(|folder| path.starts_with(folder)) && !is_test(path);
    for (path, text) in tree.with_extension(&["rs"]).filter(|(path, _)| is_simulated(path)) {
        // Tests at the end of a file run where they like.
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
        for Ban { word, homes, advice } in BANS {
            let is_there = text.contains(word) || names(text, word);
            if is_there && !homes.iter().any(|home| path.starts_with(home)) {
                problems.push(format!("{path}: `{word}`: {advice}"));
            }
        }
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if line.ends_with("select! {") && lines.next() != Some("biased;") {
                problems.push(format!("{path}: a `select!` that is not `biased` draws a random number of its own"));
            }
        }
    }
    problems
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Whether a `use` of the first part of the path names the last one.
fn names(text: &str, path: &str) -> bool {
    let (Some((from, _)), Some((_, last))) = (path.split_once("::"), path.rsplit_once("::")) else { return false };
    let beginning = format!("use {from}::");
    let uses = text.split(&beginning).skip(1).filter_map(|rest| rest.split(';').next());
    uses.flat_map(|names| names.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
        .any(|name| name == last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_clock_and_a_random_number_of_the_machine_are_named_where_a_simulation_runs() {
        for text in [
            "let now = std::time::Instant::now();",
            "use std::{\n    sync::Arc,\n    time::{Duration, Instant},\n};",
            "let id = Uuid::now_v7();",
            "let n = rand::random::<u8>();",
            "tokio::spawn(work());",
            "tokio::select! {\n    () = a => {}\n}",
        ] {
            assert_eq!(problems_of("crates/engine/src/heart.rs", text), 1, "{text}");
            assert_eq!(problems_of("server/src/main.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn tokios_clock_a_home_and_a_test_are_no_problem() {
        let clock = "use std::time::Duration;\nuse tokio::time::{Instant, sleep};\ntokio::select! {\n    biased;\n    () = a => {}\n}";
        assert_eq!(problems_of("crates/engine/src/heart.rs", clock), 0);
        assert_eq!(problems_of("crates/engine/src/dice.rs", "Self::new(rand::random::<u128>)"), 0);
        assert_eq!(problems_of("crates/runs/src/tests.rs", "tokio::spawn(driver.run());"), 0);
        assert_eq!(problems_of("crates/engine/src/a.rs", "#[cfg(test)]\nmod tests {\n    tokio::spawn(a());\n}"), 0);
    }
}
