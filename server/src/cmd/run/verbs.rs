//! Each verb as one request: its address, its body, and the shape of its answer.

use anyhow::{Context, Result};
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    Mode, OfStep, Overrides, Seen, Verb,
    values::{Switch, by_step, object},
};
use crate::cmd::remote::{Ask, segment};

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
            let mut body = json!({"template_id": template, "inputs": object(inputs)?, "auto_run": !manual});
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
        Verb::Resume { run, tokens, cost_micros } => {
            let mut body = json!({});
            if tokens.is_some() || cost_micros.is_some() {
                let mut budget = json!({});
                set(&mut budget, "tokens", tokens);
                set(&mut budget, "cost_micros", cost_micros);
                set(&mut body, "budget", Some(budget));
            }
            post(of_run(&run, "/resume"), body, Shape::Brief)
        }
        Verb::Cancel { run } => post(of_run(&run, "/cancel"), json!({}), Shape::Brief),
        Verb::Fork { run, step, auto_run } => {
            let mut body = json!({"step": step});
            set(&mut body, "auto_run", auto_run.map(Switch::is_on));
            post(of_run(&run, "/fork"), body, Shape::Brief)
        }
        Verb::Adopt { run, from, steps } => {
            post(of_run(&run, "/adopt"), json!({"from": from, "steps": steps}), Shape::Brief)
        }
        Verb::Move { run, version, dry_run } => {
            post(of_run(&run, "/move"), json!({"version": version, "dry_run": dry_run}), Shape::Move)
        }
        Verb::Compare { run, with } => {
            get(of_run(&run, &format!("/compare?with={}", segment(&with))), Shape::Comparison)
        }
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

fn of_run(run: &str, rest: &str) -> String {
    format!("/runs/{}{rest}", segment(run))
}

fn of_step(of: &OfStep, verb: &str) -> String {
    format!("/runs/{}/steps/{}/{verb}", segment(&of.run), segment(&of.step))
}

/// An absent field stays absent: null is another wish.
fn set<T: serde::Serialize>(body: &mut Value, name: &str, value: Option<T>) {
    if let (Some(value), Some(map)) = (value, body.as_object_mut()) {
        map.insert(name.to_owned(), json!(value));
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
    let mut body = expecting(of);
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
    }
}
