//! Each verb as one request: its address, its body, and the shape of its answer.

use anyhow::{Context, Result};
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    Mode, OfStep, Overrides, Seen, Verb,
    values::{Switch, by_step, object},
};
use crate::cmd::remote::{Ask, OneRun, segment};

/// What is printed of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    Run,
    /// One step of the run alone matters.
    Brief,
    Runs,
    Rerun,
    Move,
    Needs,
    Lineage,
    Comparison,
    Staleness,
}

pub(super) fn ask(verb: Verb, key: Option<String>) -> Result<(Ask, Shape)> {
    let (method, path, body, shape) = match verb {
        Verb::Start { template, version, inputs, manual } => {
            let mut body = json!({"template_id": template, "auto_run": !manual});
            set(&mut body, "inputs", Some(object(inputs)?));
            set(&mut body, "version", version);
            post("/runs".into(), body, Shape::Brief)
        }
        Verb::List { all, limit } => get(format!("/runs?limit={limit}&all={all}"), Shape::Runs),
        Verb::Show { run } => get(of_run(&run, ""), Shape::Run),
        Verb::Trigger { of, overrides } => post(of_step(&of, "trigger"), overridden(&of, overrides)?, Shape::Brief),
        Verb::Continue { of, seen } => post(of_step(&of, "continue"), looked_at(&of, seen), Shape::Brief),
        Verb::Edit { of, seen, outputs, and_continue } => {
            let mut body = looked_at(&of, seen);
            set(&mut body, "artifacts", Some(object(outputs)?));
            set(&mut body, "and_continue", Some(and_continue));
            post(of_step(&of, "edit"), body, Shape::Brief)
        }
        Verb::Reject { of, seen, feedback } => {
            let mut body = looked_at(&of, seen);
            set(&mut body, "feedback", Some(feedback));
            post(of_step(&of, "reject"), body, Shape::Brief)
        }
        Verb::Skip { of, needs: true, .. } => get(of_step(&of, "skip"), Shape::Needs),
        Verb::Skip { of, inputs, needs: false } => {
            let mut body = expecting(&of);
            set(&mut body, "inputs", Some(by_step(inputs)?));
            post(of_step(&of, "skip"), body, Shape::Brief)
        }
        Verb::Supply { of, outputs } => {
            let mut body = expecting(&of);
            set(&mut body, "outputs", Some(object(outputs)?));
            post(of_step(&of, "supply"), body, Shape::Brief)
        }
        Verb::Stop { of } => post(of_step(&of, "stop"), expecting(&of), Shape::Brief),
        Verb::Rerun { of, overrides, mode, dry_run } => {
            let mut body = overridden(&of, overrides)?;
            set(&mut body, "mode", Some(mode_name(mode)));
            set(&mut body, "dry_run", Some(dry_run));
            post(of_step(&of, "rerun"), body, Shape::Rerun)
        }
        Verb::Rollback { run, artifact, generation } => {
            let mut body = json!({});
            set(&mut body, "expect_generation", generation);
            post(of_run(&run, &format!("/artifacts/{}/rollback", segment(&artifact))), body, Shape::Brief)
        }
        Verb::Lineage { run, artifact } => {
            get(of_run(&run, &format!("/artifacts/{}/lineage", segment(&artifact))), Shape::Lineage)
        }
        Verb::AutoRun { run, switch } => {
            (Method::PATCH, of_run(&run, ""), Some(json!({"auto_run": switch.is_on()})), Shape::Brief)
        }
        Verb::Pause { run } => post(of_run(&run, "/pause"), json!({}), Shape::Brief),
        Verb::Resume { run, tokens, cost_micros, no_budget } => {
            let mut body = json!({});
            if no_budget || tokens.is_some() || cost_micros.is_some() {
                let mut budget = json!({});
                set(&mut budget, "tokens", tokens);
                set(&mut budget, "cost_micros", cost_micros);
                set(&mut body, "budget", Some(budget));
            }
            post(of_run(&run, "/resume"), body, Shape::Brief)
        }
        Verb::Cancel { run } => post(of_run(&run, "/cancel"), json!({}), Shape::Brief),
        Verb::Release { run } => post(of_run(&run, "/release"), json!({}), Shape::Brief),
        Verb::Fork { run, step, auto_run, overrides } => {
            let mut body = overriding(json!({"step": step}), overrides)?;
            set(&mut body, "auto_run", auto_run.map(Switch::is_on));
            post(of_run(&run, "/fork"), body, Shape::Brief)
        }
        Verb::Adopt { run, from, steps } => {
            post(of_run(&run, "/adopt"), json!({"from": from.0, "steps": steps}), Shape::Brief)
        }
        Verb::Move { run, version, dry_run } => {
            post(of_run(&run, "/move"), json!({"version": version, "dry_run": dry_run}), Shape::Move)
        }
        Verb::Compare { run, with } => get(of_run(&run, &format!("/compare?with={}", with.0)), Shape::Comparison),
        Verb::Stale { run } => get(of_run(&run, "/stale"), Shape::Staleness),
    };
    Ok((Ask { method, path, body, key }, shape))
}

type Request = (Method, String, Option<Value>, Shape);

fn get(path: String, shape: Shape) -> Request {
    (Method::GET, path, None, shape)
}

fn post(path: String, body: Value, shape: Shape) -> Request {
    (Method::POST, path, Some(body), shape)
}

fn of_run(run: &OneRun, rest: &str) -> String {
    format!("/runs/{}{rest}", run.0)
}

fn of_step(of: &OfStep, verb: &str) -> String {
    of_run(&of.run, &format!("/steps/{}/{verb}", segment(&of.step)))
}

/// An absent field stays absent: null is another wish.
fn set<T: serde::Serialize>(body: &mut Value, name: &str, value: Option<T>) {
    if let (Some(value), Some(map)) = (value, body.as_object_mut()) {
        // Not by `json!`, which spells the numbers in it anew.
        let value = workflow::json::to_value(&value).expect("what a command line gives has only texts for keys");
        map.insert(name.to_owned(), value);
    }
}

fn expecting(of: &OfStep) -> Value {
    let mut body = Value::Object(Map::new());
    set(&mut body, "expect_generation", of.generation);
    body
}

fn looked_at(of: &OfStep, seen: Seen) -> Value {
    let mut body = expecting(of);
    set(&mut body, "content_hash", seen.digest);
    body
}

fn overridden(of: &OfStep, overrides: Overrides) -> Result<Value> {
    overriding(expecting(of), overrides)
}

fn overriding(mut body: Value, overrides: Overrides) -> Result<Value> {
    let prompt = match (overrides.prompt, overrides.prompt_file) {
        (Some(prompt), _) => Some(Some(prompt)),
        (None, Some(file)) => {
            Some(Some(std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?))
        }
        (None, None) => overrides.reset_prompt.then_some(None),
    };
    set(&mut body, "prompt_override", prompt);
    if overrides.reset_inputs || !overrides.inputs.is_empty() {
        set(&mut body, "inputs", Some(object(overrides.inputs)?));
    }
    Ok(body)
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::StepOnly => "step_only",
        Mode::Downstream => "downstream",
        Mode::StaleDownstream => "stale_downstream",
        Mode::Stale => "stale",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Parser, Subcommand};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        verb: Verb,
    }

    const RUN: &str = "01900000-0000-7000-8000-000000000001";
    const OTHER: &str = "01900000-0000-7000-8000-000000000002";

    /// A run, and another one, in the rows below: `R` and `O`.
    fn named(word: &str) -> &str {
        match word {
            "R" => RUN,
            "O" => OTHER,
            word => word,
        }
    }

    /// The words after `weft run`, and the request below `/api/workflows` that they come to; no body for a GET.
    type Row = (&'static str, &'static str, &'static str, Value);

    fn on_steps() -> Vec<Row> {
        vec![
            (
                "start T -i text=x",
                "POST",
                "/runs",
                json!({"template_id": "T", "inputs": {"text": "x"}, "auto_run": true}),
            ),
            (
                "start T --version 2 -i n:=1 --manual",
                "POST",
                "/runs",
                json!({"template_id": "T", "version": 2, "inputs": {"n": 1}, "auto_run": false}),
            ),
            ("list", "GET", "/runs?limit=20&all=false", Value::Null),
            ("list --all --limit 5", "GET", "/runs?limit=5&all=true", Value::Null),
            ("show R", "GET", "/runs/R", Value::Null),
            ("trigger R s", "POST", "/runs/R/steps/s/trigger", json!({})),
            (
                "trigger R s[a/b] --prompt p -i text=x --generation 3",
                "POST",
                "/runs/R/steps/s%5Ba%2Fb%5D/trigger",
                json!({"prompt_override": "p", "inputs": {"text": "x"}, "expect_generation": 3}),
            ),
            (
                "trigger R s --reset-prompt --reset-inputs",
                "POST",
                "/runs/R/steps/s/trigger",
                json!({"prompt_override": null, "inputs": {}}),
            ),
            ("continue R s", "POST", "/runs/R/steps/s/continue", json!({})),
            (
                "continue R s --digest d --generation 2",
                "POST",
                "/runs/R/steps/s/continue",
                json!({"content_hash": "d", "expect_generation": 2}),
            ),
            (
                "edit R s -o text=x",
                "POST",
                "/runs/R/steps/s/edit",
                json!({"artifacts": {"text": "x"}, "and_continue": false}),
            ),
            (
                "edit R s -o n:=1 --continue --digest d",
                "POST",
                "/runs/R/steps/s/edit",
                json!({"artifacts": {"n": 1}, "and_continue": true, "content_hash": "d"}),
            ),
            ("reject R s -f no", "POST", "/runs/R/steps/s/reject", json!({"feedback": "no"})),
            ("skip R s", "POST", "/runs/R/steps/s/skip", json!({"inputs": {}})),
            (
                "skip R s -i after.text=x -i each[1.5].n:=2 --generation 1",
                "POST",
                "/runs/R/steps/s/skip",
                json!({"inputs": {"after": {"text": "x"}, "each[1.5]": {"n": 2}}, "expect_generation": 1}),
            ),
            ("skip R s --needs", "GET", "/runs/R/steps/s/skip", Value::Null),
            (
                "supply R s -o text=x --generation 1",
                "POST",
                "/runs/R/steps/s/supply",
                json!({"outputs": {"text": "x"}, "expect_generation": 1}),
            ),
            ("stop R s --generation 4", "POST", "/runs/R/steps/s/stop", json!({"expect_generation": 4})),
            ("rerun R s", "POST", "/runs/R/steps/s/rerun", json!({"mode": "step_only", "dry_run": false})),
            (
                "rerun R s --mode downstream --prompt p",
                "POST",
                "/runs/R/steps/s/rerun",
                json!({"mode": "downstream", "dry_run": false, "prompt_override": "p"}),
            ),
            (
                "rerun R s --mode stale-downstream --dry-run",
                "POST",
                "/runs/R/steps/s/rerun",
                json!({"mode": "stale_downstream", "dry_run": true}),
            ),
            ("rerun R s --mode stale", "POST", "/runs/R/steps/s/rerun", json!({"mode": "stale", "dry_run": false})),
            ("rollback R A --generation 2", "POST", "/runs/R/artifacts/A/rollback", json!({"expect_generation": 2})),
            ("lineage R A", "GET", "/runs/R/artifacts/A/lineage", Value::Null),
        ]
    }

    fn on_runs() -> Vec<Row> {
        vec![
            ("auto-run R on", "PATCH", "/runs/R", json!({"auto_run": true})),
            ("auto-run R off", "PATCH", "/runs/R", json!({"auto_run": false})),
            ("pause R", "POST", "/runs/R/pause", json!({})),
            ("resume R", "POST", "/runs/R/resume", json!({})),
            (
                "resume R --tokens 5 --cost-micros 7",
                "POST",
                "/runs/R/resume",
                json!({"budget": {"tokens": 5, "cost_micros": 7}}),
            ),
            ("resume R --no-budget", "POST", "/runs/R/resume", json!({"budget": {}})),
            ("cancel R", "POST", "/runs/R/cancel", json!({})),
            ("release R", "POST", "/runs/R/release", json!({})),
            ("fork R s", "POST", "/runs/R/fork", json!({"step": "s"})),
            ("fork R s --auto-run off", "POST", "/runs/R/fork", json!({"step": "s", "auto_run": false})),
            (
                "fork R s --prompt p -i text=x",
                "POST",
                "/runs/R/fork",
                json!({"step": "s", "prompt_override": "p", "inputs": {"text": "x"}}),
            ),
            ("adopt R O", "POST", "/runs/R/adopt", json!({"from": OTHER, "steps": []})),
            ("adopt R O --step a --step b", "POST", "/runs/R/adopt", json!({"from": OTHER, "steps": ["a", "b"]})),
            ("move R 3", "POST", "/runs/R/move", json!({"version": 3, "dry_run": false})),
            ("move R 3 --dry-run", "POST", "/runs/R/move", json!({"version": 3, "dry_run": true})),
            ("compare R O", "GET", "/runs/R/compare?with=O", Value::Null),
            ("stale R", "GET", "/runs/R/stale", Value::Null),
        ]
    }

    #[test]
    fn what_is_no_run_id_is_said_to_be_none() {
        for line in ["show nope", "continue nope s", "compare R nope", "adopt R nope", "auto-run nope on"] {
            let words = ["run"].into_iter().chain(line.split(' ').map(named));
            let refused = Line::try_parse_from(words).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(refused.contains("'nope'") && refused.contains("it is no run id"), "{line}: {refused}");
        }
    }

    #[test]
    fn every_command_is_the_request_that_it_says() {
        for (line, method, path, body) in [on_steps(), on_runs()].concat() {
            let verb = Line::try_parse_from(["run"].into_iter().chain(line.split(' ').map(named))).unwrap().verb;
            let path = path.replace("/runs/R", &format!("/runs/{RUN}")).replace("=O", &format!("={OTHER}"));
            let (asked, _) = ask(verb, Some("k".into())).unwrap();
            let found = (asked.method.as_str(), asked.path.as_str(), asked.body.unwrap_or_default());
            assert_eq!(found, (method, path.as_str(), body), "{line}");
            assert_eq!(asked.key.as_deref(), Some("k"), "{line}");
        }
        let all = Verb::augment_subcommands(clap::Command::new("run"));
        let all: BTreeSet<&str> = all.get_subcommands().map(clap::Command::get_name).collect();
        let lines = [on_steps(), on_runs()].concat();
        let told: BTreeSet<&str> = lines.iter().filter_map(|(line, ..)| line.split(' ').next()).collect();
        assert_eq!(told, all, "the commands and this table name the same verbs");
    }
}
