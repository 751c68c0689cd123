//! A run as one page that people read, print and send: what it is, what it was started on, and each step with what was decided about it,
//! what it cost and what it made. It needs nothing beside itself: no script, no address that is asked for anything.
//! Must never hold more than some steps at a time, nor show more content than a browser takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io,
};

use app::{
    components::{run_status, status_label},
    words,
};
use axum::body::Bytes;
use chrono::{DateTime, Utc};
use serde_json::Value;
use service::runs::Export;
use workflow::{
    ArtifactId, RunView, StepKey,
    definition::in_order,
    order,
    status::Origin,
    view::{ArtifactMeta, AttemptView, StepView},
};

use super::{broken, html, told::Told};

/// Steps of one piece.
const STEPS: usize = 25;
/// Bytes of content in all: a page of more is no page to read.
const MOST: u64 = 12 * 1024 * 1024;
/// Characters of one input.
const INPUT: usize = 64 * 1024;

const STYLE: &str = include_str!("report.css");

enum Place {
    Head,
    Steps,
    End,
}

pub(super) struct Report {
    export: Export,
    place: Place,
    told: Told,
    /// Which steps of the run, in the order of its graph.
    steps: Vec<usize>,
    /// Which artifacts of the run each step made, oldest first.
    made: BTreeMap<StepKey, Vec<usize>>,
    n_written: usize,
    n_bytes: u64,
}

impl Report {
    pub(super) fn of(export: Export) -> Self {
        let run = export.run();
        let steps = in_graph(run);
        let mut made: BTreeMap<StepKey, Vec<usize>> = BTreeMap::new();
        for (n, artifact) in run.artifacts.iter().enumerate() {
            made.entry(artifact.producing_step_id.clone()).or_default().push(n);
        }
        Self { export, place: Place::Head, told: Told::default(), steps, made, n_written: 0, n_bytes: 0 }
    }

    /// The next piece of the page; none at its end.
    pub(super) async fn more(&mut self) -> io::Result<Option<Bytes>> {
        let piece = match self.place {
            Place::Head => {
                self.place = Place::Steps;
                self.read_events().await?;
                head(self.export.run(), self.export.title())
            }
            Place::Steps if self.n_written < self.steps.len() => self.some_steps().await?,
            Place::Steps => {
                self.place = Place::End;
                "</main>\n</body>\n</html>\n".to_owned()
            }
            Place::End => return Ok(None),
        };
        Ok(Some(Bytes::from(piece)))
    }

    async fn read_events(&mut self) -> io::Result<()> {
        loop {
            let events = self.export.events().await.map_err(|error| broken(&error))?;
            if events.is_empty() {
                return Ok(());
            }
            for event in &events {
                self.told.add(event);
            }
        }
    }

    async fn some_steps(&mut self) -> io::Result<String> {
        let from = self.n_written;
        let to = self.steps.len().min(from + STEPS);
        let run = self.export.run();
        let steps: Vec<&StepView> =
            self.steps[from..to].iter().filter_map(|at| run.steps.get(*at)).map(|step| &**step).collect();
        let mut n_bytes = self.n_bytes;
        let mut wanted = Vec::new();
        for artifact in
            steps.iter().flat_map(|step| artifacts(run, &self.made, step)).filter(|artifact| artifact.is_latest)
        {
            if takes_in(&mut n_bytes, artifact.size) {
                wanted.push(artifact);
            }
        }
        let mut contents = self.export.beginnings(&wanted, html::MOST).await.map_err(|error| broken(&error))?;
        let mut shown = BTreeMap::new();
        for artifact in wanted {
            if let Some(bytes) = contents.remove(&artifact.id) {
                shown.insert(artifact.id, html::content(artifact, &bytes));
                // To draw one takes milliseconds, in which others want the thread.
                tokio::task::yield_now().await;
            }
        }
        let mut page = String::new();
        for step in steps {
            // Writing to a text cannot fail.
            let _infallible = self.write_step(&mut page, run, step, &shown);
        }
        self.n_written = to;
        self.n_bytes = n_bytes;
        Ok(page)
    }

    fn write_step(
        &self,
        page: &mut String,
        run: &RunView,
        step: &StepView,
        shown: &BTreeMap<ArtifactId, String>,
    ) -> std::fmt::Result {
        let (class, level) = if step.item_of.is_some() { ("item", 3) } else { ("step", 2) };
        writeln!(page, "<section class=\"{class}\">")?;
        writeln!(page, "<h{level} dir=\"auto\">{}</h{level}>", html::text(&step.title))?;
        writeln!(page, "<p class=\"facts\">{}</p>", facts(step))?;
        let decisions = self.told.of(&step.key);
        if !decisions.is_empty() {
            writeln!(page, "<ul class=\"decisions\">")?;
            for decision in decisions {
                let said = decision
                    .text
                    .as_deref()
                    .map(|said| format!("<blockquote dir=\"auto\">{}</blockquote>", html::text(said)));
                let (what, at) = (html::name(&decision.what), time(decision.at));
                writeln!(page, "<li>{what} <span class=\"muted\">{at}</span>{}</li>", said.unwrap_or_default())?;
            }
            writeln!(page, "</ul>")?;
        }
        let error = step.attempts.last().filter(|attempt| attempt.generation == step.generation);
        if let Some(error) = error.and_then(|attempt| attempt.error.as_deref()) {
            writeln!(page, "<p class=\"error\" dir=\"auto\">{}</p>", html::text(error))?;
        }
        let of_step: Vec<&ArtifactMeta> = artifacts(run, &self.made, step).collect();
        for artifact in of_step.iter().filter(|artifact| artifact.is_latest) {
            writeln!(page, "<h4>{}</h4>", html::name(&artifact.name))?;
            let versions =
                of_step.iter().filter(|other| other.name == artifact.name).map(|version| version_words(version));
            writeln!(page, "<p class=\"muted\">{}</p>", versions.collect::<Vec<_>>().join(" · "))?;
            match shown.get(&artifact.id) {
                Some(content) => page.push_str(content),
                None => {
                    page.push_str(&html::remark("Left out, as the report is long: it is in the archive of the run."));
                }
            }
        }
        writeln!(page, "</section>")
    }
}

/// Whether there is room for what is shown of an output beside what is shown already. One that has none takes none from those after it.
fn takes_in(n_bytes: &mut u64, size: i64) -> bool {
    let with = *n_bytes + u64::try_from(size).unwrap_or_default().min(html::MOST.into());
    let is_room = with <= MOST;
    if is_room {
        *n_bytes = with;
    }
    is_room
}

/// What a step made, oldest first.
fn artifacts<'a>(
    run: &'a RunView,
    made: &'a BTreeMap<StepKey, Vec<usize>>,
    step: &'a StepView,
) -> impl Iterator<Item = &'a ArtifactMeta> {
    made.get(&step.key).into_iter().flatten().filter_map(move |at| run.artifacts.get(*at))
}

/// The steps in the order of the graph, and items behind their list.
fn in_graph(run: &RunView) -> Vec<usize> {
    let places = order::of_both(&run.run_definition, &run.run_definition);
    let mut steps: Vec<usize> = (0..run.steps.len()).collect();
    steps.sort_by_cached_key(|at| {
        let step = run.steps.get(*at);
        let place = step.and_then(|step| places.get(step.definition_key())).copied();
        (place.unwrap_or(usize::MAX), step.and_then(|step| step.item_index))
    });
    steps
}

fn head(run: &RunView, title: &str) -> String {
    let status = status_label(run_status(run.status, run.status_reason));
    let mut facts = vec![
        ("Workflow", format!("{}, version {}", html::name(&run.template_name), run.template_version)),
        ("Status", html::text(status)),
        ("Started", format!("{} by {}", time(run.created_at), html::name(&run.user_email))),
    ];
    if let Some(at) = run.finished_at {
        facts.push(("Finished", time(at)));
    }
    let cost = cost_words(run.steps.iter().flat_map(|step| &step.attempts));
    if !cost.is_empty() {
        facts.push(("Used", cost));
    }
    facts.push(("Run", html::text(&run.id.to_string())));
    let facts: Vec<String> = facts.iter().map(|(what, value)| format!("<dt>{what}</dt><dd>{value}</dd>\n")).collect();
    let facts = facts.concat();
    let inputs: Vec<String> = in_order(&run.run_definition.inputs)
        .filter_map(|(key, input)| {
            Some((if input.title.is_empty() { key } else { &input.title }, run.inputs.get(key)?))
        })
        .map(|(title, value)| {
            format!("<h3 dir=\"auto\">{}</h3>\n{}", html::text(title), html::as_it_is(&input_text(value)))
        })
        .collect();
    let inputs = match inputs.concat() {
        none if none.is_empty() => none,
        inputs => format!("<section>\n<h2>Inputs</h2>\n{inputs}</section>\n"),
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
        <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
        <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
        <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1 dir=\"auto\">{title}</h1>\n\
        <dl>\n{facts}</dl>\n</header>\n{inputs}",
        title = html::text(title),
    )
}

fn input_text(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        value => serde_json::to_string_pretty(value).unwrap_or_default(),
    };
    workflow::words::shortened(&text, INPUT).into_owned()
}

/// How a step stands and what made it, in a line.
fn facts(step: &StepView) -> String {
    let mut facts = vec![match step.reason {
        Some(reason) => format!("{}, {}", status_label(step.status.as_str()), reason.words()),
        None => status_label(step.status.as_str()).to_owned(),
    }];
    facts.push(format!("agent {}, version {}", html::name(step.agent_id.as_str()), step.agent_version));
    if step.attempts.len() > 1 {
        facts.push(words::count(step.attempts.len(), "attempt"));
    }
    let cost = cost_words(&step.attempts);
    if !cost.is_empty() {
        facts.push(cost);
    }
    facts.join(" · ")
}

/// What attempts used: tokens, and money by its currency. It is HTML.
fn cost_words<'a>(attempts: impl IntoIterator<Item = &'a AttemptView>) -> String {
    let (mut tokens, mut is_estimated) = (0_i64, false);
    let mut money: BTreeMap<String, i64> = BTreeMap::new();
    let mut models: BTreeSet<&str> = BTreeSet::new();
    for usage in attempts.into_iter().filter_map(|attempt| attempt.usage.as_ref()) {
        tokens = tokens.saturating_add(usage.prompt_tokens).saturating_add(usage.completion_tokens);
        is_estimated |= usage.is_estimated;
        models.extend(usage.model.as_deref());
        if let Some(micros) = usage.cost_micros {
            let sum = money.entry(usage.currency.clone().unwrap_or_default()).or_default();
            *sum = sum.saturating_add(micros);
        }
    }
    let mut parts = Vec::new();
    if tokens > 0 {
        parts.push(words::tokens(tokens, is_estimated));
    }
    for (currency, micros) in money {
        parts.push(html::text(format!("cost {} {currency}", words::money(micros)).trim_end()));
    }
    parts.extend(models.into_iter().map(html::name));
    parts.join(", ")
}

/// Which version it is, who made it, and whether it was approved.
fn version_words(version: &ArtifactMeta) -> String {
    let by = version.made_by.as_deref().map(|email| format!(" by {}", html::name(email))).unwrap_or_default();
    let how = match version.origin {
        Origin::Agent => version.attempt.map(|n| format!(", attempt {n}")).unwrap_or_default(),
        Origin::HumanEdit => format!(", edited{by}"),
        Origin::Import => format!(", brought{by}"),
    };
    let names: Vec<String> =
        version.approved_by.iter().filter(|email| !email.is_empty()).map(|email| html::name(email)).collect();
    let approved = match (version.is_approved, names.is_empty()) {
        (false, _) => String::new(),
        (true, true) => ", approved".to_owned(),
        (true, false) => format!(", approved by {}", names.join(", ")),
    };
    let latest = if version.is_latest { " (shown)" } else { "" };
    format!("v{}{how}{approved}{latest}", version.version)
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(title: &str) -> StepView {
        serde_json::from_value(json!({
            "key": "a", "title": title, "agent_id": "writer", "agent_version": 7, "kind": "llm", "status": "completed", "reason": null,
            "generation": 1,
            "attempts": [
                {"step": "a", "number": 1, "generation": 1, "started_at": "2026-01-31T12:00:00Z", "ended_at": null, "outcome": null,
                    "error_class": null, "error": null,
                    "usage": {"model": "<m>", "prompt_tokens": 1_200, "completion_tokens": 34, "cost_micros": 12_300, "currency": "EUR"}},
                {"step": "a", "number": 2, "generation": 1, "started_at": "2026-01-31T12:00:00Z", "ended_at": null, "outcome": null,
                    "error_class": null, "error": null, "usage": {"prompt_tokens": 1, "completion_tokens": 0, "cost_micros": 7}},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn a_step_says_what_it_cost_in_which_money() {
        let facts = facts(&step("Draft"));
        assert_eq!(
            facts,
            "Completed · agent <bdi>writer</bdi>, version 7 · 2 attempts · 1,235 tokens, cost 0.000007, cost 0.0123 EUR, <bdi>&lt;m&gt;</bdi>"
        );
    }

    #[test]
    fn what_has_no_room_leaves_its_room_to_smaller_ones() {
        let mut n_bytes = MOST - 1_000;
        let taken = [300_000, 600, 500, 400, 0, 1].map(|size| takes_in(&mut n_bytes, size));
        assert_eq!((taken, n_bytes), ([false, true, false, true, true, false], MOST));
    }

    #[test]
    fn the_style_breaks_no_page_and_asks_for_nothing() {
        assert!(!STYLE.contains('<') && !STYLE.contains("url(") && !STYLE.contains("@import"), "{STYLE}");
        assert!(STYLE.contains("@media print") && STYLE.contains("break-after: avoid"));
    }

    #[test]
    fn an_input_is_shown_in_the_words_of_whoever_gave_it() {
        assert_eq!(input_text(&json!("a\nb")), "a\nb");
        assert_eq!(input_text(&json!({"a": [1]})), "{\n  \"a\": [\n    1\n  ]\n}");
    }
}
