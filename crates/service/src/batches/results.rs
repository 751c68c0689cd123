//! What the runs of a batch gave, as a table: the inputs of each row, how its run is, its address, and the texts and numbers that its last
//! steps made. Read some rows at a time, so that a long batch costs no memory.
//! Must never write a text that the program that opens the table would calculate.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use store::batches::{ResultOutput, ResultRow};
use workflow::{
    RunId, StepKey, TemplateId,
    api::{BatchView, Encoding},
    id::BatchId,
};

use crate::{
    Error, OpContext, Result,
    artifacts::shown,
    table::{self, inert},
    versions::{self, Judged},
};

/// Rows that are read at a time, at most.
const CHUNK: i64 = 100;
/// Bytes of outputs that they may have together, unless one row alone may have more.
const PIECE: i64 = 1024 * 1024;
/// What is read is there as bytes, as cells and as lines.
const TIMES: u64 = 3;
/// Outputs that have a column: the rest stands in the runs.
const MOST_OUTPUTS: usize = 500;
/// Bytes of one cell: programs that show tables hold no more.
const MOST: i64 = 32_000;
const TOO_LONG: &str = "(too long for a cell: open the run)";
/// Without it Excel takes UTF-8 for what its country wrote before. Who reads a table of ours passes over it.
const MARK: &str = "\u{feff}";
const DELETED: &str = "deleted";
const NO_TEXT: &str = "(a file: open the run)";

/// The rest of a table.
#[derive(Clone)]
pub struct Results {
    ctx: OpContext,
    id: BatchId,
    /// What the addresses of runs begin with.
    base: String,
    /// The inputs that have a column, by key.
    inputs: Vec<String>,
    /// The outputs that have one, by step and name.
    outputs: Vec<(String, String)>,
    after: i32,
    is_head_written: bool,
}

impl Results {
    pub(super) async fn of(ctx: &OpContext, batch: &BatchView, base: Option<String>) -> Result<Self> {
        let judged = version(ctx, batch.template_id, batch.template_version).await?;
        let (inputs, outputs) = match &judged {
            Some(judged) => (judged.definition.inputs.keys().cloned().collect(), last_outputs(judged)),
            // The workflow is gone: what the first row gave is what is known of it.
            None => (first_keys(ctx, batch.id).await?, Vec::new()),
        };
        let base = base.unwrap_or_else(|| ctx.settings().base_url.clone());
        Ok(Self { ctx: ctx.clone(), id: batch.id, base, inputs, outputs, after: 0, is_head_written: false })
    }

    /// The next lines of the table; none at its end.
    pub async fn more(&mut self) -> Result<Option<Vec<u8>>> {
        let rows = self.ctx.store().result_rows(self.id, self.after, n_rows(self.outputs.len())).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        let inputs: usize = rows.iter().map(|row| row.inputs.len()).sum();
        let bytes = n_bytes(inputs, rows.len(), self.outputs.len());
        // Before anything was sent, whoever asks can still be told to come again.
        if self.is_head_written {
            self.ctx.make_room_for_next(bytes).await?;
        } else {
            self.ctx.make_room(bytes).await?;
        }
        self.after = last.n;
        let runs: Vec<RunId> = rows.iter().filter_map(|row| row.run_id).collect();
        let steps: BTreeSet<&String> = self.outputs.iter().map(|(step, _)| step).collect();
        let steps: Vec<String> = steps.into_iter().cloned().collect();
        let mut found: BTreeMap<(RunId, String, String), String> = BTreeMap::new();
        for output in self.ctx.store().result_outputs(&runs, &steps, MOST).await? {
            let cell = of_output(&output);
            found.insert((output.run, output.step, output.name), cell);
        }
        let mut text = String::new();
        if !self.is_head_written {
            self.is_head_written = true;
            text.push_str(MARK);
            text.push_str(&table::line(&self.head()));
        }
        for row in &rows {
            text.push_str(&table::line(&self.line(row, &found)?));
        }
        Ok(Some(text.into_bytes()))
    }

    fn head(&self) -> Vec<String> {
        let fixed = ["row", "state", "status", "run", "reason"].map(str::to_owned);
        let inputs = self.inputs.iter().map(|key| inert(key).into_owned());
        let outputs = self.outputs.iter().map(|(step, name)| inert(&format!("{step}.{name}")).into_owned());
        fixed.into_iter().chain(inputs).chain(outputs).collect()
    }

    fn line(&self, row: &ResultRow, found: &BTreeMap<(RunId, String, String), String>) -> Result<Vec<String>> {
        let given = object(row.inputs.as_bytes())?;
        // One that was deleted leads nowhere.
        let run = row.run_id.filter(|_| row.status.is_some());
        let mut cells = vec![
            row.n.to_string(),
            row.state.as_str().to_owned(),
            status(row).to_owned(),
            run.map_or_else(String::new, |run| format!("{}/runs/{run}", self.base)),
            inert(row.reason.as_deref().unwrap_or_default()).into_owned(),
        ];
        cells.extend(self.inputs.iter().map(|key| given.get(key).map_or_else(String::new, of_value)));
        for (step, name) in &self.outputs {
            let cell = row.run_id.and_then(|run| found.get(&(run, step.clone(), name.clone())));
            cells.push(cell.cloned().unwrap_or_default());
        }
        Ok(cells)
    }
}

/// So many rows are read at a time.
fn n_rows(n_outputs: usize) -> i64 {
    (PIECE / most_bytes(n_outputs).max(1)).clamp(1, CHUNK)
}

/// What so many outputs have at most.
fn most_bytes(n_outputs: usize) -> i64 {
    i64::try_from(n_outputs).unwrap_or(i64::MAX).saturating_mul(MOST)
}

/// What rows with so many bytes of inputs take in memory, at most.
fn n_bytes(inputs: usize, n_rows: usize, n_outputs: usize) -> u64 {
    let outputs = u64::try_from(most_bytes(n_rows.saturating_mul(n_outputs))).unwrap_or_default();
    u64::try_from(inputs).unwrap_or(u64::MAX).saturating_add(outputs).saturating_mul(TIMES)
}

async fn version(ctx: &OpContext, template: TemplateId, version: i32) -> Result<Option<std::sync::Arc<Judged>>> {
    match versions::judged(ctx, template, version).await {
        Ok(judged) => Ok(Some(judged)),
        Err(Error::NotFound | Error::InvalidDefinition { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn first_keys(ctx: &OpContext, id: BatchId) -> Result<Vec<String>> {
    // What a deleted run was started on is gone.
    let first = ctx.store().result_rows(id, 0, CHUNK).await?;
    match first.iter().find(|row| status(row) != DELETED) {
        Some(row) => Ok(object(row.inputs.as_bytes())?.keys().cloned().collect()),
        None => Ok(Vec::new()),
    }
}

/// Of the run of a row, if it has one.
fn status(row: &ResultRow) -> &'static str {
    match row.status {
        Some(status) => status.as_str(),
        None if row.run_id.is_some() => DELETED,
        None => "",
    }
}

/// Outputs of the steps that no other one builds on, in the order of their keys.
fn last_outputs(version: &Judged) -> Vec<(String, String)> {
    let steps = &version.definition.steps;
    let inner: BTreeSet<&StepKey> = steps.values().flat_map(|step| &step.depends_on).collect();
    let last = steps.iter().filter(|(key, _)| !inner.contains(key));
    let outputs = last.flat_map(|(key, step)| {
        let agent = version.agents.get(&step.agent_id, step.agent_version);
        let names = agent.map(|agent| agent.outputs.iter().map(|output| output.name.clone()).collect::<Vec<_>>());
        names.unwrap_or_default().into_iter().map(move |name| (key.to_string(), name))
    });
    outputs.take(MOST_OUTPUTS).collect()
}

fn object(json: &[u8]) -> Result<Map<String, Value>> {
    match workflow::json::kept(json) {
        Some(Value::Object(given)) => Ok(given),
        _ => Err(Error::Unstorable("the inputs of a row are no object".to_owned())),
    }
}

fn of_output(output: &ResultOutput) -> String {
    let Some(bytes) = &output.bytes else { return TOO_LONG.to_owned() };
    match shown(&output.media_type, bytes.clone()) {
        (Encoding::Base64, _) => NO_TEXT.to_owned(),
        (_, value) => of_value(&value),
    }
}

/// A text that would be a formula is made a text for everybody; a number stays one.
fn of_value(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => inert(text).into_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_numbers_stay_numbers() {
        for (value, cell) in [
            (json!("=cmd()"), "'=cmd()"),
            (json!("+1"), "'+1"),
            (json!("-1"), "'-1"),
            (json!("@sum(1)"), "'@sum(1)"),
            (json!("\t=1"), "'\t=1"),
            (json!("\r=1"), "'\r=1"),
            (json!("\n=1"), "'\n=1"),
            // As wide as a Han character, which programs that are set to Japanese take for the same.
            (json!("＝1"), "'＝1"),
            (json!("＋1"), "'＋1"),
            (json!("－1"), "'－1"),
            (json!("＠sum(1)"), "'＠sum(1)"),
            (json!("plain"), "plain"),
            (json!(-1), "-1"),
            (json!(1.5), "1.5"),
            (json!(true), "true"),
            (json!(null), ""),
            (json!(["=1"]), "[\"=1\"]"),
        ] {
            assert_eq!(of_value(&value), cell);
        }
    }

    #[test]
    fn a_row_whose_run_was_deleted_says_so() {
        let row = |run_id: Option<RunId>, status: Option<workflow::status::RunStatus>| ResultRow {
            n: 1,
            inputs: "{}".to_owned(),
            state: workflow::api::BatchRowState::Started,
            run_id,
            status,
            reason: None,
        };
        let run = Some(RunId(uuid::Uuid::nil()));
        let completed = Some(workflow::status::RunStatus::Completed);
        assert_eq!(
            [row(run, None), row(run, completed), row(None, None)].each_ref().map(status),
            ["deleted", "completed", ""]
        );
    }

    #[test]
    fn of_a_workflow_with_many_outputs_few_rows_are_held_at_a_time() {
        for (n_outputs, expected) in [(0, 100), (1, 32), (10, 3), (33, 1), (1_000, 1)] {
            assert_eq!(n_rows(n_outputs), expected, "{n_outputs}");
        }
        assert_eq!(n_bytes(10, 32, 1), 3 * (10 + 32 * 32_000), "room is made for all that they may be");
        assert_eq!(n_bytes(usize::MAX, usize::MAX, usize::MAX), u64::MAX);
    }

    #[test]
    fn an_output_is_a_text_a_number_or_a_word() {
        let output = |media_type: &str, bytes: Option<&[u8]>| ResultOutput {
            run: RunId(uuid::Uuid::nil()),
            step: "a".into(),
            name: "text".into(),
            media_type: media_type.into(),
            bytes: bytes.map(<[u8]>::to_vec),
        };
        for (media_type, bytes, cell) in [
            ("text/plain", Some(b"=1".as_slice()), "'=1"),
            ("application/json", Some(b"-1.10".as_slice()), "-1.10"),
            ("image/png", Some(b"png".as_slice()), NO_TEXT),
            ("text/plain", None, TOO_LONG),
        ] {
            assert_eq!(of_output(&output(media_type, bytes)), cell);
        }
    }
}
