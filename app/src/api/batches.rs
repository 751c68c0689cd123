//! Batches: many runs of a workflow from one table.

use leptos::prelude::*;
use workflow::{TemplateId, api as wire, id::BatchId};

use super::{client::Limited, wire::Json};
use crate::error::AppError;

/// What a table would do; nothing is started.
#[server(client = Limited, input = Json, output = Json)]
pub async fn check_batch(template: TemplateId, table: String) -> Result<wire::BatchCheck, AppError> {
    let upload = service::batches::Upload { template_id: template, name: String::new(), auto_run: true, table };
    Ok(service::batches::check(&expect_context(), upload).await?)
}

/// The batch of a table; the same one for the same table under the same key.
#[server(client = Limited, input = Json, output = Json)]
pub async fn create_batch(
    template: TemplateId,
    name: String,
    table: String,
    key: Option<String>,
) -> Result<BatchId, AppError> {
    let upload = service::batches::Upload { template_id: template, name, auto_run: true, table };
    Ok(service::batches::create(&expect_context(), upload, key).await?.batch.id)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn get_batch(id: BatchId) -> Result<wire::BatchView, AppError> {
    Ok(service::batches::get(&expect_context(), id).await?)
}

/// Mine of one workflow, the newest first.
#[server(client = Limited, input = Json, output = Json)]
pub async fn my_batches(template: TemplateId, after: Option<String>) -> Result<wire::Page<wire::BatchView>, AppError> {
    let wanted = service::Wanted::after(after);
    Ok(service::batches::list(&expect_context(), Some(template), &wanted).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn batch_rows(
    id: BatchId,
    state: Option<wire::BatchRowState>,
    after: Option<String>,
) -> Result<wire::Page<wire::BatchRow>, AppError> {
    let wanted = service::Wanted::after(after);
    Ok(service::batches::rows(&expect_context(), id, state, &wanted).await?)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn act_on_batch(id: BatchId, act: wire::BatchAct) -> Result<wire::BatchView, AppError> {
    Ok(service::batches::act(&expect_context(), id, act).await?)
}
