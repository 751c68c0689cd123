//! REST: the audit log, by pages, or all of what a filter finds as a file.
//! A cell of the CSV must never be taken for a formula by the program that opens it.

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use futures::stream;
use http::header;
use serde::Deserialize;
use service::{OpContext, audit, table};
use workflow::api::{AuditEntry, AuditFilter, AuditPage};

use super::{
    params::{Both, Params},
    problem::Result,
};

/// Entries that are read at a time for a file.
const CHUNK: u16 = 500;
const CSV_HEAD: &str = "id,at,who,via,address,action,subject,subject_email,data,subject_name\r\n";

#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = AuditFormat)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Csv,
    /// One object a line.
    Json,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct Wish {
    #[serde(default)]
    format: Format,
}

pub(super) async fn list(
    Extension(ctx): Extension<OpContext>,
    Params(filter): Params<AuditFilter>,
) -> Result<Json<AuditPage>> {
    Ok(Json(audit::list(&ctx, filter).await?))
}

/// A page at a time, so that a long log costs no memory. Who is no admin any more, or signed out, gets no further one.
pub(super) async fn export(
    Extension(ctx): Extension<OpContext>,
    Both(Params(filter), Params(Wish { format })): Both<Params<AuditFilter>, Params<Wish>>,
) -> Result<Response> {
    // The first page is read before anything is answered, so that a refusal is one.
    let filter = AuditFilter { limit: Some(CHUNK), ..filter };
    let first = audit::list(&ctx, filter.clone()).await?;
    let head = if format == Format::Csv { CSV_HEAD } else { "" };
    let mut text = head.to_owned();
    text.push_str(&written(&first.entries, format));
    let state = (ctx, filter, first.next);
    let rest = stream::try_unfold(state, move |(ctx, filter, next)| async move {
        let Some(before) = next else { return Ok(None) };
        if !ctx.is_still_valid().await.map_err(|error| std::io::Error::other(error.to_api()))? {
            return Err(std::io::Error::other("the credential has ended"));
        }
        let page = audit::list(&ctx, AuditFilter { before: Some(before), ..filter.clone() }).await;
        let page = page.map_err(|error| std::io::Error::other(error.to_api()))?;
        Ok(Some((Bytes::from(written(&page.entries, format)), (ctx, filter, page.next))))
    });
    let body = stream::StreamExt::chain(stream::iter([Ok::<_, std::io::Error>(Bytes::from(text))]), rest);
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
        Format::Json => ("application/x-ndjson; charset=utf-8", "attachment; filename=\"audit.jsonl\""),
    };
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(body)).into_response())
}

fn written(entries: &[AuditEntry], format: Format) -> String {
    let mut text = String::new();
    for entry in entries {
        match format {
            Format::Csv => add_csv(&mut text, entry),
            Format::Json => {
                text.push_str(&serde_json::to_string(entry).unwrap_or_default());
                text.push('\n');
            }
        }
    }
    text
}

fn add_csv(text: &mut String, entry: &AuditEntry) {
    let who = match (&entry.actor_email, entry.actor) {
        (Some(email), _) => email.clone(),
        (None, Some(id)) => id.to_string(),
        (None, None) => String::new(),
    };
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        entry.id.to_string(),
        entry.at.to_rfc3339(),
        who,
        optional(&entry.via),
        optional(&entry.address),
        entry.action.clone(),
        entry.subject.clone(),
        optional(&entry.subject_email),
        entry.data.to_string(),
        optional(&entry.subject_name),
    ];
    let cells = cells.each_ref().map(|text| table::inert(text));
    text.push_str(&table::line(&cells));
}
