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
    /// From the output of cargo nextest or of cargo test, doc tests included.
    pub(super) fn from_rust(lines: &[String]) -> Self {
        lines.iter().map(|line| without_colours(line)).fold(Self::default(), |sum, line| {
            let line = line.trim_start();
            if line.starts_with("Summary") || line.starts_with("test result:") {
                sum.plus(Self {
                    passed: number_before(line, "passed"),
                    failed: number_before(line, "failed") + number_before(line, "timed out"),
                })
            } else {
                sum
            }
        })
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

    fn rust(lines: &[&str]) -> Counts {
        Counts::from_rust(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_summary_of_nextest_is_read_with_and_without_colours() {
        assert_eq!(
            rust(&["     Summary [   1.234s] 45 tests run: 43 passed (2 slow), 1 failed, 1 timed out, 0 skipped"]),
            Counts { passed: 43, failed: 2 }
        );
        assert_eq!(
            rust(&[
                "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m7\u{1b}[0m tests run: \u{1b}[1m7\u{1b}[0m passed"
            ]),
            Counts { passed: 7, failed: 0 }
        );
    }

    #[test]
    fn the_results_of_several_test_programs_add_up() {
        assert_eq!(
            rust(&[
                "running 3 tests",
                "test result: ok. 3 passed; 0 failed; 0 ignored",
                "test result: FAILED. 1 passed; 2 failed; 0 ignored"
            ]),
            Counts { passed: 4, failed: 2 }
        );
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
