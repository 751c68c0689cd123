//! The scene in words: what a screen reader says of a node, and the words beside a status.
//! Whatever is drawn of a node must be sayable here.

use std::{fmt::Write, sync::Arc};

use workflow::{
    Progress, RunView, StepKey, StepStatus,
    status::Reason,
    timing::Worked,
    view::StepView,
    words::{self, count},
};

use super::{Mark, Said, Scene};

/// Names listed before "and N more".
const NAMED: usize = 3;

pub fn status_label(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "Pending",
        StepStatus::Ready => "Ready",
        StepStatus::Running => "Running",
        StepStatus::AwaitingReview => "Awaiting review",
        StepStatus::Completed => "Completed",
        StepStatus::Failed => "Failed",
        StepStatus::Skipped => "Skipped",
        StepStatus::Cancelled => "Cancelled",
    }
}

/// The items of a map step: how far they are, how many wait for a person, and when any of them was worked on.
#[derive(Clone, Copy, Default)]
pub(super) struct Items {
    progress: Progress,
    waiting: i64,
    worked: Option<Worked>,
}

impl Items {
    /// None where the step has none. All of them are counted, also while a page has only some of them.
    pub(super) fn of(run: &RunView, map: &StepKey) -> Option<Self> {
        let progress = Progress::of_items(run, map);
        if progress.total == 0 {
            return None;
        }
        let spans = run.items(map).iter().filter_map(|item| Worked::of_generation(item));
        Some(Self { progress, waiting: run.n_items_waiting(map), worked: Worked::together(spans) })
    }

    pub(super) fn share(self) -> f32 {
        self.progress.share()
    }

    fn words(self) -> String {
        let done = self.progress.brief();
        if self.waiting > 0 { format!("{done}, {} to review", self.waiting) } else { done }
    }
}

/// When the step was worked on: its last attempt, as the list of steps tells it, and of a list as long as any of its items was.
pub(super) fn worked(step: &StepView, items: Option<Items>) -> Option<Worked> {
    items.map_or_else(|| Worked::last_attempt(step), |items| items.worked)
}

pub(super) fn status_words(step: &StepView, items: Option<Items>) -> Arc<str> {
    let mut words = status_label(step.status).to_owned();
    if let Some(items) = items.filter(|_| step.status == StepStatus::Running) {
        words = items.words();
    } else if let Some(items) =
        items.filter(|_| step.status == StepStatus::Completed || step.reason == Some(Reason::ItemFailed))
    {
        // How many failed says more than that one did.
        words = format!("{words} · {}", items.words());
    } else if let Some(reason) = step.reason {
        words = format!("{words} · {}", reason.words());
    } else if step.status == StepStatus::Running
        && let Some(why) = why_again(step)
    {
        words = format!("{words} · {why}");
    }
    words.into()
}

/// Why a running step does not run for the first time. Who runs it again on purpose knows it, and that is no second try.
fn why_again(step: &StepView) -> Option<String> {
    let last = step.attempts.last()?;
    if step.attempts.iter().filter(|attempt| attempt.generation == last.generation).count() > 1 {
        return Some(format!("attempt {}", last.number));
    }
    step.feedback.as_ref().map(|feedback| format!("review round {}", feedback.round))
}

impl Scene {
    /// The words beside the status: what is said of the step, while that is so, else what its events tell.
    pub fn status_words(&self, node: u32) -> &Arc<str> {
        let at = node as usize;
        match (&self.said[at], self.status[at]) {
            (Some(Said::Absent(words)), Some(StepStatus::Ready | StepStatus::Running))
            | (Some(Said::Progress { words, .. }), Some(StepStatus::Running)) => words,
            _ => &self.status_text[at],
        }
    }

    /// How much of a running step is done, where that is known.
    pub fn share(&self, node: u32) -> Option<f32> {
        let at = node as usize;
        let said = match self.said[at] {
            Some(Said::Progress { share, .. }) => share,
            Some(Said::Absent(_)) | None => None,
        };
        said.or(self.progress[at]).filter(|_| self.status[at] == Some(StepStatus::Running))
    }

    /// How long the step took, or has been at it where somebody says what time it is; nothing of one that waits to begin.
    pub fn time_words(&self, node: u32, now_ms: Option<i64>) -> Option<String> {
        let at = node as usize;
        let worked = self.worked[at]?;
        match self.status[at]? {
            // Between two items of a list it stands.
            StepStatus::Running => worked.ms(now_ms).map(words::lasting),
            StepStatus::Completed | StepStatus::Failed | StepStatus::AwaitingReview => {
                worked.until.and_then(|_| worked.ms(None)).map(words::duration)
            }
            _ => None,
        }
    }

    /// Whether its time goes on.
    pub(crate) fn counts_time(&self, node: u32) -> bool {
        let at = node as usize;
        self.status[at] == Some(StepStatus::Running) && self.worked[at].is_some_and(|worked| worked.until.is_none())
    }

    /// "Summarise, agent Summariser, running, depends on Clean text, feeds Join, 1 problem".
    pub fn describe(&self, node: u32) -> String {
        let at = node as usize;
        let by = if self.is_named_for_agent[at] { "" } else { "agent " };
        let mut words = format!("{}, {by}{}", self.title[at], self.sub[at]);
        if self.status[at].is_some() {
            let status = self.status_words(node).to_lowercase();
            append(&mut words, &if self.has_status_row(node) { status } else { format!("last try {status}") });
        }
        let is_over = matches!(self.status[at], Some(StepStatus::Completed | StepStatus::Failed));
        if let Some(time) = self.time_words(node, None).filter(|_| is_over) {
            append(&mut words, &format!("took {time}"));
        }
        if self.path[at].is_some() {
            append(&mut words, "on the slowest path");
        }
        if self.is_stale[at] {
            append(&mut words, "stale");
        }
        for mark in &self.marks[at] {
            match mark {
                Mark::Map => append(&mut words, "once for each entry of a list"),
                Mark::Condition => append(&mut words, "has a condition"),
                Mark::Gate => append(&mut words, "always reviewed"),
                Mark::Behind => append(&mut words, &format!("{} behind", count(self.n_behind[at], "version"))),
                Mark::Pin => append(&mut words, "pinned"),
                Mark::Differs(fate) => append(&mut words, fate.word()),
            }
        }
        if let Some(colour) = self.colour[at] {
            append(&mut words, &format!("coloured {}", colour.as_str()));
        }
        if let Some(group) = self.groups.iter().find(|group| group.members.binary_search(&node).is_ok()) {
            append(&mut words, &format!("in the group {}", group.title));
        }
        let from: Vec<u32> = self.edges_in[at].iter().map(|edge| self.edges[*edge as usize].from).collect();
        let to: Vec<u32> = self.edges_out[at].iter().map(|edge| self.edges[*edge as usize].to).collect();
        if !from.is_empty() {
            append(&mut words, &format!("depends on {}", self.names(&from)));
        }
        if !to.is_empty() {
            append(&mut words, &format!("feeds {}", self.names(&to)));
        }
        let n_problems = self.n_errors[at] + self.n_warnings[at];
        if n_problems > 0 {
            append(&mut words, &count(n_problems, "problem"));
        }
        words
    }

    fn names(&self, nodes: &[u32]) -> String {
        let nodes = self.in_order(nodes.to_vec());
        let mut names: Vec<&str> = nodes.iter().take(NAMED).map(|node| &*self.title[*node as usize]).collect();
        let rest = format!("{} more", nodes.len().saturating_sub(NAMED));
        if nodes.len() > NAMED {
            names.push(&rest);
        }
        match names.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, first)) => format!("{} and {last}", first.join(", ")),
            None => String::new(),
        }
    }
}

fn append(words: &mut String, more: &str) {
    // Writing to a string cannot fail.
    let _ = write!(words, ", {more}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_step_that_runs_again_says_why_and_a_generation_of_its_own_is_no_second_try() {
        let words = |generations: &[i32], feedback: bool| {
            let attempts: Vec<_> = generations
                .iter()
                .enumerate()
                .map(|(n, generation)| {
                    json!({"step": "a", "number": n + 1, "generation": generation, "started_at": "2026-01-01T00:00:00Z",
                        "ended_at": null, "outcome": null, "error_class": null, "error": null})
                })
                .collect();
            let mut step = json!({"key": "a", "title": "A", "agent_id": "x", "agent_version": 1, "kind": "llm",
                "status": "running", "reason": null, "generation": 1, "attempts": attempts});
            if feedback {
                step["feedback"] = json!({"text": "Shorter", "by": "ada", "round": 2});
            }
            status_words(&serde_json::from_value(step).unwrap(), None).to_string()
        };
        assert_eq!(words(&[1], false), "Running");
        assert_eq!(words(&[1, 1], false), "Running · attempt 2");
        assert_eq!(words(&[1, 2], false), "Running", "somebody ran it again");
        assert_eq!(words(&[1, 1, 2], true), "Running · review round 2");
        assert_eq!(words(&[1, 2, 2], true), "Running · attempt 3");
    }
}
