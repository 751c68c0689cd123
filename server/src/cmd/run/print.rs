//! Answers as short lines, one thing a line, columns apart by two blanks; or as the JSON that came.
//! Control characters of what an agent or an author wrote must never reach the terminal.

use std::{collections::BTreeMap, fmt::Display, io::Write};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;
use workflow::{
    Progress, RunView, StepKey, StepStatus,
    api::{
        BlastRadius, Comparison, Lineage, LineageSource, MoveAnswer, MovePlan, Rerun, RunPage, SkipNeed, StaleReason,
        Staleness,
    },
    status::{Reason, StatusReason},
    words::count,
};

use super::verbs::Shape;
use crate::cmd::remote::plain;

pub(super) fn json(answer: &Value) -> Result<()> {
    write(&serde_json::to_string_pretty(answer).context("the answer cannot be written")?)
}

pub(super) fn lines(shape: Shape, answer: Value) -> Result<()> {
    let lines = match shape {
        Shape::Run => run(&read(answer)?, true),
        Shape::Brief => run(&read(answer)?, false),
        Shape::Runs => runs(&read(answer)?),
        Shape::Rerun => match read(answer)? {
            Rerun::Dry(radius) => blast(&radius),
            Rerun::Done(view) => run(&view, false),
        },
        Shape::Move => match read(answer)? {
            MoveAnswer::Dry(plan) => moved(&plan),
            MoveAnswer::Done(view) => run(&view, false),
        },
        Shape::Needs => needs(&read::<Vec<_>>(answer)?),
        Shape::Lineage => lineage(&read(answer)?),
        Shape::Comparison => comparison(&read(answer)?),
        Shape::Staleness => stale(&read(answer)?),
    };
    write(&plain(&lines.join("\n")))
}

fn read<T: DeserializeOwned>(answer: Value) -> Result<T> {
    serde_json::from_value(answer).context("the server said something unknown; is it another version?")
}

fn write(text: &str) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").context("cannot write to standard output")
}

fn run(view: &RunView, has_artifacts: bool) -> Vec<String> {
    let reason = view.status_reason.map(StatusReason::as_str);
    let mut lines = vec![format!(
        "{}  {}  {}  {} v{}",
        view.id,
        with_reason(view.status, reason),
        Progress::of_run(view).words(),
        view.template_name,
        view.template_version
    )];
    for step in &view.steps {
        let status = with_reason(step.status, step.reason.map(Reason::as_str));
        lines.push(format!("  {}  {status}  generation {}", step.key, step.generation));
        let error = step.attempts.last().and_then(|attempt| attempt.error.as_deref());
        if let (StepStatus::Failed, Some(error)) = (step.status, error) {
            lines.push(format!("    {}", error.replace('\n', " ")));
        }
    }
    if has_artifacts {
        for artifact in &view.artifacts {
            let latest = if artifact.is_latest { "  latest" } else { "" };
            lines.push(format!(
                "  {}  {}.{} v{}  {} bytes{latest}",
                artifact.id, artifact.producing_step_id, artifact.name, artifact.version, artifact.size
            ));
        }
    }
    lines
}

fn with_reason(status: impl Display, reason: Option<&str>) -> String {
    reason.map_or_else(|| status.to_string(), |reason| format!("{status} ({reason})"))
}

fn runs(page: &RunPage) -> Vec<String> {
    let line = |run: &workflow::api::RunSummary| {
        let status = with_reason(run.status, run.status_reason.map(StatusReason::as_str));
        let at = run.created_at.format("%Y-%m-%d %H:%M");
        let about = run.about.as_deref().unwrap_or_default();
        format!("{}  {at}  {status}  {}  {}  {about}", run.id, run.progress.words(), run.template_name)
            .trim_end()
            .to_owned()
    };
    page.runs.iter().map(line).collect()
}

fn blast(radius: &BlastRadius) -> Vec<String> {
    let mut lines = vec![format!("{} would run again", count(radius.steps.len(), "step"))];
    for step in &radius.steps {
        lines.push(format!(
            "  {}  {}  {}{} tokens  {:.1} s{}",
            step.key,
            step.status,
            about(step.is_estimated),
            step.tokens,
            step.seconds,
            if step.is_written { "  written by a person" } else { "" }
        ));
    }
    let cost = radius.total_cost_micros.map(|micros| format!(", {micros} millionths of money")).unwrap_or_default();
    lines.push(format!(
        "Their last attempts used {}{}{cost}",
        about(radius.is_estimated),
        count(radius.total_tokens, "token")
    ));
    lines
}

fn about(is_estimated: bool) -> &'static str {
    if is_estimated { "about " } else { "" }
}

fn moved(plan: &MovePlan) -> Vec<String> {
    [("stays valid", &plan.kept), ("runs again", &plan.rerun), ("is new", &plan.added), ("is dropped", &plan.removed)]
        .into_iter()
        .flat_map(|(what, keys)| keys.iter().map(move |key| format!("{key}  {what}")))
        .collect()
}

fn needs(needs: &[SkipNeed]) -> Vec<String> {
    needs.iter().map(|need| format!("{}.{}  {}", need.step, need.port, need.schema.type_name())).collect()
}

fn lineage(lineage: &Lineage) -> Vec<String> {
    let mut lines = Vec::new();
    for node in &lineage.artifacts {
        let it = &node.artifact;
        let by = it.made_by.as_deref().map(|by| format!("  by {by}")).unwrap_or_default();
        let model = node.model.as_deref().map(|model| format!("  {model}")).unwrap_or_default();
        lines.push(format!(
            "{}.{} v{}  {}  {} v{}{model}{by}",
            it.producing_step_id,
            it.name,
            it.version,
            it.origin.as_str(),
            node.agent_id,
            node.agent_version
        ));
        for input in &node.inputs {
            let source = match &input.source {
                LineageSource::Artifact { step, name, version, .. } => format!("{step}.{name} v{version}"),
                LineageSource::RunInput { key } => format!("the run's input {key}"),
                LineageSource::Const => "a constant".into(),
                LineageSource::Override => "a value given for this run".into(),
                LineageSource::Item => "the item".into(),
            };
            lines.push(format!("  {}  {source}", input.port));
        }
    }
    lines
}

fn comparison(comparison: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &comparison.steps {
        let status = |status: Option<StepStatus>| status.map_or("absent", StepStatus::as_str);
        let prompt = if step.prompt_differs { "  another prompt" } else { "" };
        lines.push(format!("{}  {} | {}{prompt}", step.key, status(step.left), status(step.right)));
        for artifact in &step.artifacts {
            let is = if artifact.is_equal { "equal" } else { "differs" };
            lines.push(format!("  {}  {is}", artifact.name));
        }
    }
    lines
}

fn stale(stale: &BTreeMap<StepKey, Staleness>) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, why) in stale {
        for reason in &why.because {
            let because = match reason {
                StaleReason::Artifact { step, name, consumed, now, .. } => {
                    format!("{step}.{name} is now v{now}, it consumed v{consumed}")
                }
                StaleReason::ArtifactGone { step, name, .. } => format!("{step}.{name} is gone"),
                StaleReason::Input { port } => format!("its input {port} is another one"),
                StaleReason::Prompt => "its prompt is another one".into(),
                StaleReason::AgentVersion { consumed, now } => format!("its agent is now v{now}, it ran v{consumed}"),
                StaleReason::Dependencies => "it depends on other steps now".into(),
            };
            lines.push(format!("{key}  {because}"));
        }
        if why.because.is_empty() {
            let through: Vec<&str> = why.through.iter().map(StepKey::as_str).collect();
            lines.push(format!("{key}  through {}", through.join(", ")));
        }
    }
    lines
}
