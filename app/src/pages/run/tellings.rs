//! What attempts say of themselves while they run: how far they are, and the last lines that they logged.
//! Lossy on its way, like the texts: a log that somebody looks at is read anew from where it is kept, and that is the truth.

use std::collections::BTreeMap;

use workflow::{
    StepKey,
    api::{AttemptLogs, LogLine, TaskProgress, Telling},
};

use crate::words::thousands;

/// As many lines are kept of an attempt, here as on the server.
const MAX_LINES: usize = 1000;

/// By step and attempt.
#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::pages) struct Tellings(BTreeMap<(StepKey, i32), Told>);

#[derive(Clone, PartialEq, Debug, Default)]
struct Told {
    progress: Option<TaskProgress>,
    /// None while nobody looks at the log: a run may have a thousand.
    lines: Option<Vec<LogLine>>,
    /// So many came since somebody looks.
    n_lines: usize,
    /// So many look.
    n_lookers: usize,
}

impl Tellings {
    pub(super) fn add(&mut self, telling: &Telling) {
        let told = self.0.entry((telling.step.clone(), telling.attempt)).or_default();
        if telling.progress.is_some() {
            told.progress.clone_from(&telling.progress);
        }
        if let Some(lines) = &mut told.lines {
            lines.extend(telling.lines.iter().cloned());
            let n_over = lines.len().saturating_sub(MAX_LINES);
            lines.drain(..n_over);
            told.n_lines += telling.lines.len();
        }
    }

    /// Somebody looks at the log from now on, or no longer does.
    pub(super) fn listen(&mut self, step: &StepKey, attempt: i32, is_wanted: bool) {
        let told = self.0.entry((step.clone(), attempt)).or_default();
        told.n_lookers = if is_wanted { told.n_lookers + 1 } else { told.n_lookers.saturating_sub(1) };
        if told.n_lookers > 0 {
            told.lines.get_or_insert_default();
        } else if told.progress.is_some() {
            (told.lines, told.n_lines) = (None, 0);
        } else {
            self.forget(step, attempt);
        }
    }

    pub(super) fn progress(&self, step: &StepKey, attempt: i32) -> Option<&TaskProgress> {
        self.0.get(&(step.clone(), attempt))?.progress.as_ref()
    }

    /// How many lines came since somebody looks.
    pub(super) fn n_lines(&self, step: &StepKey, attempt: i32) -> usize {
        self.0.get(&(step.clone(), attempt)).map_or(0, |told| told.n_lines)
    }

    /// The last of them.
    pub(super) fn lines(&self, step: &StepKey, attempt: i32) -> &[LogLine] {
        self.0.get(&(step.clone(), attempt)).and_then(|told| told.lines.as_deref()).unwrap_or_default()
    }

    pub(super) fn knows(&self, step: &StepKey, attempt: i32) -> bool {
        self.0.contains_key(&(step.clone(), attempt))
    }

    pub(super) fn forget(&mut self, step: &StepKey, attempt: i32) {
        self.0.remove(&(step.clone(), attempt));
    }

    /// Every progress that is known.
    pub(super) fn all(&self) -> impl Iterator<Item = (&StepKey, i32, &TaskProgress)> {
        self.0.iter().filter_map(|((step, attempt), told)| Some((step, *attempt, told.progress.as_ref()?)))
    }
}

/// "3 of 10", or "3 done" where nobody knows of how many; nothing before anything is done of nothing known.
pub(super) fn progress_words(progress: &TaskProgress) -> String {
    let number = |n: u64| thousands(i64::try_from(n).unwrap_or(i64::MAX));
    match (progress.done, progress.total) {
        (0, 0) => "Begun".to_owned(),
        (done, 0) => format!("{} done", number(done)),
        (done, total) => format!("{} of {}", number(done), number(total)),
    }
}

/// From 0 to 1; none where nobody knows of how much.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a share of a bar a few hundred pixels long"
)]
pub(super) fn share(progress: &TaskProgress) -> Option<f32> {
    (progress.total > 0).then(|| (progress.done.min(progress.total) as f64 / progress.total as f64) as f32)
}

/// What is kept of a log, with those lines that came after it was read.
pub(super) fn joined(kept: &AttemptLogs, came: &[LogLine]) -> AttemptLogs {
    let n_known = kept.lines.last().map_or(0, |last| {
        // Where the last one that is kept did not come, or came too early, the times tell.
        let itself = came.iter().rposition(|line| line == last);
        itself.or_else(|| came.iter().rposition(|line| line.at <= last.at)).map_or(0, |at| at + 1)
    });
    let mut lines = kept.lines.clone();
    lines.extend_from_slice(&came[n_known..]);
    let n_over = lines.len().saturating_sub(MAX_LINES);
    lines.drain(..n_over);
    AttemptLogs { lines, n_dropped: kept.n_dropped + i64::try_from(n_over).unwrap_or(i64::MAX) }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use workflow::{RunId, api::LogLevel};

    use super::*;

    fn line(n: usize) -> LogLine {
        let at = DateTime::from_timestamp_millis(i64::try_from(n).unwrap()).unwrap();
        LogLine { at, level: LogLevel::Info, text: format!("line {n}") }
    }

    fn lines(of: std::ops::Range<usize>) -> Vec<LogLine> {
        of.map(line).collect()
    }

    fn telling(progress: Option<TaskProgress>, lines: Vec<LogLine>) -> Telling {
        Telling { run: RunId(uuid::Uuid::nil()), step: "a".into(), attempt: 1, progress, lines }
    }

    #[test]
    fn a_line_that_was_read_and_came_too_is_shown_once() {
        let kept = AttemptLogs { lines: lines(0..5), n_dropped: 7 };
        assert_eq!(joined(&kept, &lines(3..8)), AttemptLogs { lines: lines(0..8), n_dropped: 7 });
        assert_eq!(joined(&kept, &lines(3..5)).lines, lines(0..5), "nothing new came");
        assert_eq!(
            joined(&kept, &lines(6..8)).lines,
            [lines(0..5), lines(6..8)].concat(),
            "a lost line is no reason to hide the rest"
        );
        let with_a_gap = [lines(1..2), lines(3..7)].concat();
        assert_eq!(joined(&kept, &with_a_gap).lines, lines(0..7), "a line that did not come is read");
        assert_eq!(joined(&kept, &lines(2..4)).lines, lines(0..5), "read after they came");
        assert_eq!(joined(&AttemptLogs::default(), &lines(0..2)).lines, lines(0..2));
    }

    #[test]
    fn of_a_long_log_the_last_lines_stay_and_the_others_are_counted() {
        let kept = AttemptLogs { lines: lines(0..MAX_LINES), n_dropped: 2 };
        let all = joined(&kept, &lines(MAX_LINES..MAX_LINES + 3));
        assert_eq!((all.lines.len(), all.n_dropped, &all.lines[0]), (MAX_LINES, 5, &line(3)));
        let mut tellings = Tellings::default();
        tellings.add(&telling(None, lines(0..1)));
        assert_eq!(tellings.lines(&"a".into(), 1), [], "nobody looks");
        tellings.listen(&"a".into(), 1, true);
        for n in 0..3 {
            tellings.add(&telling(None, lines(n * 600..(n + 1) * 600)));
        }
        assert_eq!((tellings.lines(&"a".into(), 1), tellings.n_lines(&"a".into(), 1)), (&lines(800..1800)[..], 1800));
        tellings.listen(&"a".into(), 1, false);
        assert_eq!(tellings, Tellings::default());
    }

    #[test]
    fn the_newest_progress_is_shown_and_goes_with_its_attempt() {
        let progress = |done| Some(TaskProgress { done, total: 10, note: String::new() });
        let mut tellings = Tellings::default();
        tellings.add(&telling(progress(1), Vec::new()));
        tellings.add(&telling(progress(3), Vec::new()));
        tellings.add(&telling(None, lines(0..1)));
        assert_eq!(tellings.progress(&"a".into(), 1).map(|progress| progress.done), Some(3));
        assert_eq!(tellings.all().count(), 1);
        tellings.forget(&"a".into(), 1);
        assert!(!tellings.knows(&"a".into(), 1));
        assert_eq!(tellings.progress(&"a".into(), 1), None);
    }

    #[test]
    fn how_far_it_is_is_said_in_words_and_as_a_share() {
        let of = |done, total| TaskProgress { done, total, note: String::new() };
        let table = [(of(0, 0), "Begun", None), (of(3, 0), "3 done", None), (of(3, 12), "3 of 12", Some(0.25))];
        for (progress, words, part) in table {
            assert_eq!((progress_words(&progress).as_str(), share(&progress)), (words, part));
        }
        assert_eq!(progress_words(&of(1_200, 12_400)), "1,200 of 12,400");
    }
}
