//! How many tests passed and failed, read from what the test programs report.
//!
//! The numbers are only for the last line; whether a step failed is decided by exit codes.

use serde_json::Value;
use std::fmt;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Counts {
    /// From the output of `cargo test --doc`, one line for each package.
    pub(super) fn from_doc_tests(lines: &[String]) -> Self {
        lines
            .iter()
            .map(|line| without_colours(line))
            .filter(|line| line.starts_with("test result:"))
            .map(|line| Self { passed: number_before(&line, "passed"), failed: number_before(&line, "failed") })
            .fold(Self::default(), Self::plus)
    }

    /// From the report of Playwright's JSON reporter. A flaky test did not pass.
    pub(super) fn from_playwright(report: &str) -> Self {
        let report: Value = serde_json::from_str(report).unwrap_or_default();
        let count = |name: &str| report.pointer(&format!("/stats/{name}")).and_then(Value::as_u64).unwrap_or(0);
        Self { passed: count("expected"), failed: count("unexpected") + count("flaky") }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }

    /// A step that failed without a failed test (clippy, say) counts as one failure.
    pub(super) fn with_failed_step(self) -> Self {
        Self { failed: self.failed.max(1), ..self }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
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
        assert_eq!(Counts::from_doc_tests(&lines.map(str::to_owned)), Counts { passed: 4, failed: 2 });
    }

    #[test]
    fn a_flaky_browser_test_counts_as_failed() {
        let report = r#"{"stats":{"expected":5,"unexpected":1,"flaky":1,"skipped":0}}"#;
        assert_eq!(Counts::from_playwright(report), Counts { passed: 5, failed: 2 });
        assert_eq!(Counts::from_playwright("no report"), Counts::default());
    }

    #[test]
    fn the_last_line_never_claims_success_after_a_failed_step() {
        assert_eq!(Counts { passed: 9, failed: 0 }.with_failed_step().to_string(), "9 passed, 1 failed");
    }
}
