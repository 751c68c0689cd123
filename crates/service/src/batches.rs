//! Batches: many runs of a workflow from the rows of one table. The rules are in docs/starting.md.
//! Must never start anything while a table has a fault, nor show a batch to anybody but whoever uploaded it and admins.

mod chore;
mod fit;
mod results;
mod sheet;

use std::sync::Arc;

use store::batches::{MakeBatch, NewBatch};
use workflow::{
    Problem, ProblemCode, TemplateId,
    access::{Actor, Scope},
    api::{BatchAct, BatchCheck, BatchFault, BatchRow, BatchRowState, BatchView, Page},
    hash,
    id::BatchId,
    limits::MAX_BATCHES,
};

use self::fit::Fit;
use crate::{
    Error, OpContext, Result, Wanted, id,
    runs::{self, idempotency},
    text,
    versions::Judged,
};

pub use chore::run;
pub use results::Results;

const MAX_NAME_CHARS: usize = 200;
/// Rows that a look before the start shows, and characters of a cell there.
const FIRST_ROWS: usize = 5;
const FIRST_CHARS: usize = 60;
/// Where the file has no name.
const UNNAMED: &str = "Table";

/// A table that somebody uploads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upload {
    pub template_id: TemplateId,
    /// Of the file.
    pub name: String,
    pub auto_run: bool,
    pub table: String,
}

/// The batch, and whether it is new.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Uploaded {
    pub batch: BatchView,
    /// False where the same table was uploaded before.
    pub is_new: bool,
}

/// What a table would do. Nothing is kept, and nothing started.
pub async fn check(ctx: &OpContext, upload: Upload) -> Result<BatchCheck> {
    let actor = ctx.user_for(Scope::Run)?;
    let version = runs::startable(ctx, actor, upload.template_id, None).await?;
    let key = key_of(&upload);
    let template_version = version.version;
    let (sheet, fit) = read(version, upload.table).await?;
    let cut = |cell: &str| cell.chars().take(FIRST_CHARS).collect::<String>();
    let first = sheet.rows.iter().take(FIRST_ROWS).map(|row| row.iter().map(cut).collect()).collect();
    let earlier = ctx.store().batch_under(actor.id, &key).await?;
    Ok(BatchCheck {
        template_version,
        separator: sheet.separator,
        columns: fit.columns,
        n_rows: sheet.rows.len(),
        first,
        n_faults: fit.faults.n,
        faults: fit.faults.first,
        earlier: earlier.map(|(id, _)| id),
    })
}

/// Keeps a table as a batch, whose rows are started from then on. The same table under the same key is the same batch, however often it
/// comes; without a key, the table itself is it.
pub async fn create(ctx: &OpContext, upload: Upload, key: Option<String>) -> Result<Uploaded> {
    let actor = ctx.user_for(Scope::Run)?;
    if let Some(key) = &key {
        idempotency::check(key)?;
    }
    let own = key_of(&upload);
    let hash = format!("{own} {}", upload.auto_run);
    // Without a key only the table counts.
    let is_own = key.is_none();
    let key = key.unwrap_or(own);
    if let Some((id, of)) = ctx.store().batch_under(actor.id, &key).await? {
        return earlier(ctx, id, is_own || of == hash).await;
    }
    let name = match upload.name.trim() {
        "" => UNNAMED.to_owned(),
        given => text::name("name", given, MAX_NAME_CHARS)?,
    };
    let version = runs::startable(ctx, actor, upload.template_id, None).await?;
    let (_, fit) = read(Arc::clone(&version), upload.table).await?;
    refuse_faults(&fit)?;
    let rows: Result<Vec<String>> = fit.rows.iter().map(as_json).collect();
    let rows = rows?;
    let id = BatchId(id::new_id());
    let new = NewBatch {
        id,
        user: actor.id,
        template: upload.template_id,
        version: version.version,
        template_name: &version.name,
        name: &name,
        auto_run: upload.auto_run,
        key: &key,
        hash: &hash,
        rows: &rows,
    };
    match ctx.store().make_batch(&new, ctx.author()).await? {
        MakeBatch::Made => Ok(Uploaded { batch: get(ctx, id).await?, is_new: true }),
        MakeBatch::Earlier { id, hash: of } => earlier(ctx, id, is_own || of == hash).await,
        MakeBatch::TooMany => Err(Error::Conflict(format!(
            "You have {MAX_BATCHES} tables under way, the most for one person. Wait for one to end, or cancel one."
        ))),
    }
}

async fn earlier(ctx: &OpContext, id: BatchId, is_same: bool) -> Result<Uploaded> {
    if !is_same {
        return Err(Error::IdempotencyMismatch);
    }
    Ok(Uploaded { batch: get(ctx, id).await?, is_new: false })
}

pub async fn get(ctx: &OpContext, id: BatchId) -> Result<BatchView> {
    ctx.user()?;
    theirs(ctx, id).await
}

/// Mine, the newest first; of one workflow, or of all.
pub async fn list(ctx: &OpContext, template: Option<TemplateId>, wanted: &Wanted) -> Result<Page<BatchView>> {
    let actor = ctx.user()?;
    let limit = Some(wanted.limit.unwrap_or(PAGE).clamp(1, PAGE));
    let wanted = Wanted { limit, ..wanted.clone() };
    Ok(ctx.store().batches_of(actor.id, template, wanted.window()).await?)
}

/// Batches of one page: how far each is has to be counted.
const PAGE: u32 = 20;

pub async fn rows(
    ctx: &OpContext,
    id: BatchId,
    state: Option<BatchRowState>,
    wanted: &Wanted,
) -> Result<Page<BatchRow>> {
    ctx.user()?;
    theirs(ctx, id).await?;
    Ok(ctx.store().batch_rows(id, state, wanted.window()).await?)
}

/// Pauses it, lets it go on, or cancels what has not begun. Runs that it started are left as they are.
pub async fn act(ctx: &OpContext, id: BatchId, act: BatchAct) -> Result<BatchView> {
    ctx.user_for(Scope::Run)?;
    let before = theirs(ctx, id).await?;
    if !ctx.store().act_on_batch(id, act, ctx.author()).await? {
        let detail = match act {
            _ if before.state.is_over() => "This batch is over already.",
            BatchAct::Pause => "This batch starts nothing just now, so there is nothing to pause.",
            BatchAct::Resume => "This batch is under way already.",
            BatchAct::Cancel => "This batch cannot be cancelled just now. Look at it again.",
        };
        return Err(Error::Conflict(detail.to_owned()));
    }
    theirs(ctx, id).await
}

/// What the runs of a batch gave so far, as a table. `base`: where whoever asks finds our pages, if they say so.
pub async fn results(ctx: &OpContext, id: BatchId, base: Option<String>) -> Result<Results> {
    ctx.user()?;
    let batch = theirs(ctx, id).await?;
    Results::of(ctx, &batch, base).await
}

/// A batch of somebody else is as missing as one that nobody made.
async fn theirs(ctx: &OpContext, id: BatchId) -> Result<BatchView> {
    let actor: &Actor = ctx.user()?;
    let (owner, batch) = ctx.store().batch(id).await?.ok_or(Error::NotFound)?;
    if owner == actor.id || actor.may_administer() { Ok(batch) } else { Err(Error::NotFound) }
}

/// Reads a table beside the async threads: it may be long.
async fn read(version: Arc<Judged>, table: String) -> Result<(sheet::Sheet, Fit)> {
    let work = move || -> Result<(sheet::Sheet, Fit)> {
        let sheet = sheet::read(&table)?;
        let fit = fit::fit(&sheet, &version.definition.inputs);
        Ok((sheet, fit))
    };
    tokio::task::spawn_blocking(work).await?
}

fn refuse_faults(fit: &Fit) -> Result<()> {
    if fit.faults.n == 0 {
        return Ok(());
    }
    let problem = |fault: &BatchFault| {
        let row = fault.row.map(|row| format!("rows.{row}"));
        let field = match (row, &fault.column) {
            (Some(row), Some(column)) => format!("{row}.{column}"),
            (Some(row), None) => row,
            (None, Some(column)) => format!("columns.{column}"),
            (None, None) => "columns".to_owned(),
        };
        Problem::error(None, Some(field), ProblemCode::InvalidValue, fault.message.clone())
    };
    Err(Error::InvalidFields { problems: fit.faults.first.iter().map(problem).collect() })
}

/// As it is kept, with the numbers as they are spelled.
fn as_json(given: &fit::Given) -> Result<String> {
    serde_json::to_string(given).map_err(|error| Error::Unstorable(error.to_string()))
}

/// What a table is found by where nobody gave it a key.
fn key_of(upload: &Upload) -> String {
    format!("table:{}", hash::sha256_hex(format!("{} {}", upload.template_id, upload.table).as_bytes()))
}

/// Under what a row is started: once, whoever does it.
fn key_of_row(batch: BatchId, n: i32) -> String {
    format!("batch:{batch}:{n}")
}
