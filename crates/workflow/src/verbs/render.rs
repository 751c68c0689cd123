//! The verbs as Markdown: docs/verbs.md. It must say what the table says and decide nothing itself.

use std::fmt::{self, Write};

use super::{
    A_STEP_RUNS, Access, CHANGED, Expected, Generation, RunExpected, RunVerb, Verb, Who, expected, expected_of_run,
    may, may_run, may_see, of_a_map, what_a_run_is, what_it_is, what_it_waits_for,
};
use crate::{
    run::event::EventKind,
    status::{RunStatus, StatusReason, StepStatus},
};

const HEAD: &str = "# The verbs

What each verb does to a step in each status, who may, and what is refused.
Written by `crates/workflow/src/verbs.rs`, whose head says how to write it anew; a test holds the two together.

Every verb is one decision and one commit, and its event names the person.
Of many equal requests one has an effect: the others name a generation (`expect_generation`) or a digest (`content_hash`) that is no longer current and get 409, or carry the same `Idempotency-Key` and get the first answer.
Addresses of items are `key[ITEM]`, percent-encoded.
";

const STEPS: &str = "
## A verb on a step

Rows are what the step is, columns the verb; a cell is what it then is (one of them), or 409.
In a cancelled run every verb on a step is 409.

";

const STEP_NOTES: &str = "
- `ready, pending`: pending while a step before it runs again, or while the engine judges its rule, its condition or its list.
- `trigger` of a ready step begins no generation: it replaces prompt and inputs, and starts it even in a paused run. With `expect_generation` and nothing to change, nothing happens.
- `continue` completes once as many people as the quorum asks have approved what is latest; until then each is a vote (`step_voted`). A form cannot be continued before it is answered, which is 409: `supply` answers it.
- `continue` by the run's owner, or by whoever wrote the latest version of an output, is 403 where the gate has `allow_self: false`.
- Deciding many at once (`POST /api/inbox/decide`) is `continue` or `reject` of each, with its digest and its generation.
- Votes are counted anew with each `continue`, as people stand then: what somebody approved who cannot sign in or is not asked any more does not count.
- `edit` at a gate voids the votes, and stays there unless `and_continue` approves it at once. `edit` of a completed step opens its gate again where the mode is `always`, unless `and_continue`.
- `reject` begins a generation that sees the last output and the feedback; beyond `max_rounds` the step fails with `rejected` (or completes with its default output, where `on_error` is `default`), and its new generation, in which nothing runs, keeps the feedback.
- `skip` is 422 while a required input of a step after it would have no value; `problems` lists each of them, and the request can bring them.
- `supply` completes, and opens the gate where the mode is `always`.
- `rollback` is about an artifact: 404 where there is no such version, and nothing happens where it is the latest. It opens the gate of a completed step where the mode is `always` and the version was never approved.
- A verb on an item of a finished map opens the map again, which collects again in its next generation. A pending, skipped or cancelled map refuses verbs on its items.
- `rerun` in its two downstream modes begins a generation of every step of the closure, whatever it is, and fences what runs.
- `rerun` in the mode `stale` begins a generation of every completed step of the run that is stale, but for those whose latest version a person wrote and those that are stale through such alone. The step of the request is one of them; where it is not, it is 409.
";

const RUN_NOTES: &str = "
- `auto-run` to what it is already changes nothing, in any status.
- `resume` of a run that its budget paused is 409 unless the budget then is larger than what was used.
- `fork` writes to the new run only: its `run_started`, and a `run_adopted` that tells what it takes over, if anything.
- `resume` with a budget replaces the one there was; an amount left out is no limit.
- `move` takes the limits of the new version: its budget, its time, its steps at once.
- `adopt` is 409 where a step it would write to is running, and where nothing differs.
- `move` is 409 while any step runs, also in a paused run.
- A row of a table (`POST /api/batches`) is a start under a key of its own, as whoever uploaded it and with what they may do just then.
- Sharing a run (`POST .../shares`) is no verb on it: it is its owner's and admins' to do in any status, and writes no event.
";

/// docs/verbs.md, whole.
pub fn markdown() -> String {
    let mut out = String::from(HEAD);
    // Writing to a text cannot fail.
    let _infallible = write(&mut out);
    out
}

fn write(out: &mut String) -> fmt::Result {
    out.push_str(STEPS);
    row(out, "", &Verb::ALL.map(|verb| verb.as_str().to_owned()))?;
    rule(out, Verb::ALL.len())?;
    for &status in StepStatus::ALL {
        row(out, &format!("**{status}**"), &Verb::ALL.map(|verb| cell(expected(verb, status))))?;
    }
    out.push_str(STEP_NOTES);

    out.push_str("\n## Its event and its generation\n\n| verb | event | generation |\n|---|---|---|\n");
    for verb in Verb::ALL {
        let mut kinds: Vec<EventKind> = Vec::new();
        let mut generations: Vec<Generation> = Vec::new();
        for &status in StepStatus::ALL {
            if let Expected::Done { events, generation, .. } = expected(verb, status) {
                kinds.extend(events.iter().filter(|kind| !kinds.contains(kind)).collect::<Vec<_>>());
                if !generations.contains(&generation) {
                    generations.push(generation);
                }
            }
        }
        let kinds: Vec<String> = kinds.iter().map(|kind| format!("`{}`", kind.as_str())).collect();
        let generation = match generations.as_slice() {
            [Generation::Same] => "the same",
            [Generation::Next] => "the next",
            _ => "the next, but the same where it is ready",
        };
        writeln!(out, "| {} | {} | {generation} |", verb.as_str(), kinds.join(" or "))?;
    }

    out.push_str("\n## What a refusal says\n\nThe status is 409, the code `conflict`.\n\n| step | verbs | detail |\n|---|---|---|\n");
    for &status in StepStatus::ALL {
        let refused = Verb::ALL.map(|verb| match expected(verb, status) {
            Expected::Refused(advice) => Some((verb.as_str(), advice)),
            Expected::Done { .. } => None,
        });
        for (advice, verbs) in by_advice(refused.into_iter().flatten()) {
            writeln!(out, "| {status} | {} | {} {advice} |", verbs.join(", "), what_it_is(status))?;
        }
    }
    notes_on_words(out)?;
    runs(out)?;
    people(out)
}

/// Verbs that are refused alike, together.
fn by_advice(refused: impl Iterator<Item = (&'static str, &'static str)>) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut told: Vec<(&str, Vec<&str>)> = Vec::new();
    for (verb, advice) in refused {
        match told.iter_mut().find(|(known, _)| *known == advice) {
            Some((_, verbs)) => verbs.push(verb),
            None => told.push((advice, vec![verb])),
        }
    }
    told
}

fn notes_on_words(out: &mut String) -> fmt::Result {
    out.push('\n');
    writeln!(
        out,
        "- In place of “those before it” stand the titles of up to five of them that are not over: “{}” Where all are over: “{}”",
        what_it_waits_for(&["First", "Second"]),
        what_it_waits_for(&[]),
    )?;
    writeln!(out, "- Of an item whose map does not collect: “{}”", of_a_map("Each"))?;
    writeln!(out, "- Where it has become something else since it was refused, the advice is “{CHANGED}”")
}

fn runs(out: &mut String) -> fmt::Result {
    out.push_str("\n## A verb on a run\n\n");
    row(out, "", &RunVerb::ALL.map(|verb| verb.as_str().to_owned()))?;
    rule(out, RunVerb::ALL.len())?;
    for &status in RunStatus::ALL {
        let reasons: Vec<Option<StatusReason>> = match status {
            RunStatus::Paused => StatusReason::ALL.iter().copied().map(Some).collect(),
            _ => vec![None],
        };
        for reason in reasons {
            let name = reason.map_or_else(|| format!("**{status}**"), |reason| format!("**{status}** ({reason})"));
            row(out, &name, &RunVerb::ALL.map(|verb| run_cell(expected_of_run(verb, status, reason))))?;
        }
    }
    out.push_str(RUN_NOTES);

    out.push_str("\n| run | verbs | detail of the 409 |\n|---|---|---|\n");
    for &status in RunStatus::ALL {
        let refused = RunVerb::ALL.map(|verb| match expected_of_run(verb, status, None) {
            RunExpected::Refused(advice) => Some((verb.as_str(), advice)),
            RunExpected::Done { .. } | RunExpected::Unchanged => None,
        });
        for (advice, verbs) in by_advice(refused.into_iter().flatten()) {
            writeln!(out, "| {status} | {} | {} {advice} |", verbs.join(", "), what_a_run_is(status, None))?;
        }
    }
    writeln!(
        out,
        "\n- Where a step runs that `adopt` would write to, or any step of a paused run that is to `move`: “{A_STEP_RUNS}”"
    )
}

fn people(out: &mut String) -> fmt::Result {
    out.push_str(
        "\n## Who may\n\nJudged before any status is looked at.\nAn assignee is asked at an open gate of the run, by name, by role or as a member of a group; they may use the verbs at that gate alone.\nSo may the delegate of somebody who is asked and is away, or of the owner if the gate asks nobody in particular (docs/delegation.md).\nA viewer is in a group that sees all runs of the workflow, or the run is shared with them (docs/sharing.md).\n\n",
    );
    row(out, "", &Who::ALL.map(|who| who.as_str().to_owned()))?;
    rule(out, Who::ALL.len())?;
    row(out, "see the run", &Who::ALL.map(|who| access(may_see(who))))?;
    for verb in Verb::ALL {
        row(out, verb.as_str(), &Who::ALL.map(|who| access(may(verb, who))))?;
    }
    for verb in RunVerb::ALL {
        row(out, verb.as_str(), &Who::ALL.map(|who| access(may_run(verb, who))))?;
    }
    Ok(())
}

fn row<const N: usize>(out: &mut String, name: &str, cells: &[String; N]) -> fmt::Result {
    writeln!(out, "| {name} | {} |", cells.join(" | "))
}

fn rule(out: &mut String, n: usize) -> fmt::Result {
    writeln!(out, "|---|{}", "---|".repeat(n))
}

fn cell(expected: Expected) -> String {
    match expected {
        Expected::Refused(_) => "409".to_owned(),
        Expected::Done { becomes, .. } => words(becomes.iter().map(|status| status.as_str())),
    }
}

fn run_cell(expected: RunExpected) -> String {
    match expected {
        RunExpected::Refused(_) => "409".to_owned(),
        RunExpected::Unchanged => "nothing happens".to_owned(),
        RunExpected::Done { becomes: [], .. } => "stays, a new run begins".to_owned(),
        RunExpected::Done { becomes: [only], .. } => only.as_str().to_owned(),
        RunExpected::Done { .. } => "by its steps".to_owned(),
    }
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

fn access(access: Access) -> String {
    match access {
        Access::Allowed => "yes".to_owned(),
        refused => refused.status().to_string(),
    }
}
