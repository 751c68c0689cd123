//! `GET /metrics`: figures about this process and all of Weft, for an admin or a token that was made for that.

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use service::OpContext;

use super::{
    AppState,
    problem::{Problem, Result},
};
use crate::metrics::MEDIA_TYPE;

pub(super) async fn scrape(State(state): State<AppState>, Extension(ctx): Extension<OpContext>) -> Result<Response> {
    ctx.reader_of_metrics()?;
    let text = state.metrics.tell().await.ok_or_else(Problem::internal)?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}
