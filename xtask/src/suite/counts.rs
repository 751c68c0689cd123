//! How many tests passed and failed, read from what the test programs report.
//!
//! The numbers are only for the last line; whether a step failed is decided by exit codes.

use serde_json::Value;
use std::fmt;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    /// Of those that passed: only when they ran once more.
    pub(super) unsteady: u64,
}

impl Counts {
    /// From the output of `cargo test --doc`, one line for each package.
    pub(super) fn from_doc_tests(lines: &[String]) -> Self {
        lines
            .iter()
            .map(|line| without_colours(line))
            .filter(|line| line.starts_with("test result:"))
            .map(|line| Self {
                passed: number_before(&line, "passed"),
                failed: number_before(&line, "failed"),
                unsteady: 0,
            })
            .fold(Self::default(), Self::plus)
    }

    /// From the report of Playwright's JSON reporter.
    pub(super) fn from_playwright(report: &str) -> Self {
        let report: Value = serde_json::from_str(report).unwrap_or_default();
        let count = |name: &str| report.pointer(&format!("/stats/{name}")).and_then(Value::as_u64).unwrap_or(0);
        let unsteady = count("flaky");
        Self { passed: count("expected") + unsteady, failed: count("unexpected"), unsteady }
    }

    /// From the report of pytest, in `JUnit`'s form. What was skipped did not pass.
    pub(super) fn from_pytest(report: &str) -> Self {
        let suite = report.split_once("<testsuite ").and_then(|(_, rest)| rest.split('>').next()).unwrap_or_default();
        let count = |name: &str| {
            let value = suite.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split('"').next());
            value.and_then(|value| value.parse::<u64>().ok()).unwrap_or(0)
        };
        let failed = count("errors") + count("failures") + count("skipped");
        Self { passed: count("tests").saturating_sub(failed), failed, unsteady: 0 }
    }

    /// From the last lines of `node --test`, in either of the forms that it chooses itself. What was skipped did not pass.
    pub(super) fn from_node(lines: &[String]) -> Self {
        let count = |name: &str| {
            let said = lines.iter().rev().find_map(|line| {
                let line = without_colours(line);
                let rest = line.strip_prefix("# ").or_else(|| line.strip_prefix("\u{2139} "))?;
                rest.strip_prefix(name)?.strip_prefix(' ')?.parse::<u64>().ok()
            });
            said.unwrap_or(0)
        };
        Self {
            passed: count("pass"),
            failed: ["fail", "cancelled", "skipped", "todo"].map(count).iter().sum(),
            unsteady: 0,
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            unsteady: self.unsteady + other.unsteady,
        }
    }

    /// A step that failed without a failed test (clippy, say) counts as one failure.
    pub(super) fn with_failed_step(self) -> Self {
        Self { failed: self.failed.max(1), ..self }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)?;
        match self.unsteady {
            0 => Ok(()),
            number => write!(formatter, " ({number} only when run once more)"),
        }
    }
}

/// The number right before the word, as in `12 passed`.
fn number_before(line: &str, word: &str) -> u64 {
    line.split_once(&format!(" {word}"))
        .and_then(|(before, _)| before.rsplit(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok())
        .unwrap_or(0)
}

/// The line without terminal escapes.
fn without_colours(line: &str) -> String {
    let mut result = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            letters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            result.push(letter);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_several_packages_add_up_with_and_without_colours() {
        let lines = [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 0 ignored",
            "test result: \u{1b}[31mFAILED\u{1b}[0m. 1 passed; 2 failed; 0 ignored",
        ];
        assert_eq!(Counts::from_doc_tests(&lines.map(str::to_owned)), Counts { passed: 4, failed: 2, unsteady: 0 });
    }

    #[test]
    fn a_browser_test_that_passed_only_the_second_time_is_told_apart() {
        let report = r#"{"stats":{"expected":5,"unexpected":1,"flaky":1,"skipped":0}}"#;
        let counts = Counts::from_playwright(report);
        assert_eq!(counts, Counts { passed: 6, failed: 1, unsteady: 1 });
        assert_eq!(counts.to_string(), "6 passed, 1 failed (1 only when run once more)");
        assert_eq!(Counts::from_playwright("no report"), Counts::default());
    }

    #[test]
    fn a_test_of_python_that_failed_broke_or_was_skipped_did_not_pass() {
        let report = "<?xml?><testsuites name=\"pytest tests\"><testsuite name=\"pytest\" errors=\"1\" failures=\"2\" \
            skipped=\"3\" tests=\"20\" time=\"1.5\"><testcase name=\"a &gt; b\" time=\"0.1\" /></testsuite></testsuites>";
        assert_eq!(Counts::from_pytest(report), Counts { passed: 14, failed: 6, unsteady: 0 });
        assert_eq!(Counts::from_pytest("no report"), Counts::default());
    }

    #[test]
    fn what_node_says_last_is_read_in_both_of_its_forms() {
        let tap =
            ["# pass 99", "ok 1 - a", "# tests 9", "# pass 5", "# fail 1", "# cancelled 1", "# skipped 1", "# todo 1"];
        assert_eq!(Counts::from_node(&tap.map(str::to_owned)), Counts { passed: 5, failed: 4, unsteady: 0 });
        let spec = [
            "\u{1b}[34m\u{2139} pass 5\u{1b}[39m",
            "\u{2139} fail 2",
            "\u{2139} cancelled 0",
            "\u{2139} duration_ms 5",
        ];
        assert_eq!(Counts::from_node(&spec.map(str::to_owned)), Counts { passed: 5, failed: 2, unsteady: 0 });
        assert_eq!(Counts::from_node(&["Could not find 'build/test/*.test.js'".to_owned()]), Counts::default());
    }

    #[test]
    fn the_last_line_never_claims_success_after_a_failed_step() {
        assert_eq!(Counts { passed: 9, failed: 0, unsteady: 0 }.with_failed_step().to_string(), "9 passed, 1 failed");
    }
}
