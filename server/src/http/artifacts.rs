//! REST: artifacts, as JSON with their content, or the bare bytes to save as a file.
//! The bytes come from agents: no browser may run them as a page of ours.

use axum::{
    Extension, Json,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, header};
use serde::Deserialize;
use service::{OpContext, artifacts};
use workflow::{
    ArtifactId, RunId, RunView, StepKey,
    api::{ArtifactVersions, ArtifactView, Encoding, Lineage, RollbackArtifact},
};

use super::{
    extract::{Body, Ids, Once, Params},
    problem::{Problem, Result},
};

#[derive(Deserialize)]
pub(super) struct Filter {
    step: Option<StepKey>,
    name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Download {
    /// Present with any value or none: the bytes as a file.
    download: Option<String>,
}

pub(super) async fn list(
    Extension(ctx): Extension<OpContext>,
    Ids(run): Ids<RunId>,
    Params(filter): Params<Filter>,
) -> Result<Json<ArtifactVersions>> {
    Ok(Json(artifacts::versions(&ctx, run, filter.step.as_ref(), filter.name.as_deref()).await?))
}

pub(super) async fn get(
    Extension(ctx): Extension<OpContext>,
    Ids((run, id)): Ids<(RunId, ArtifactId)>,
    Params(wish): Params<Download>,
) -> Result<Response> {
    let artifact = artifacts::get(&ctx, run, id).await?;
    if wish.download.is_some() { file(&artifact) } else { Ok(Json(artifact).into_response()) }
}

/// Everything it was made from.
pub(super) async fn lineage(
    Extension(ctx): Extension<OpContext>,
    Ids((run, id)): Ids<(RunId, ArtifactId)>,
) -> Result<Json<Lineage>> {
    Ok(Json(artifacts::lineage(&ctx, run, id).await?))
}

pub(super) async fn rollback(
    Extension(ctx): Extension<OpContext>,
    Ids((run, id)): Ids<(RunId, ArtifactId)>,
    Once(key): Once,
    Body(rollback): Body<RollbackArtifact>,
) -> Result<Json<RunView>> {
    Ok(Json(artifacts::rollback(&ctx, run, id, rollback, key).await?))
}

fn file(artifact: &ArtifactView) -> Result<Response> {
    let bytes = match (artifact.encoding, artifact.content.as_str()) {
        (Encoding::Text, Some(text)) => text.as_bytes().to_vec(),
        (Encoding::Base64, Some(text)) => STANDARD.decode(text).map_err(|_| Problem::internal())?,
        _ => artifact.content.to_string().into_bytes(),
    };
    let media_type = HeaderValue::from_str(&artifact.meta.media_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let disposition = format!("attachment; filename=\"{}\"", file_name(artifact));
    let disposition = HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment"));
    Ok((
        [
            (header::CONTENT_TYPE, media_type),
            (header::CONTENT_DISPOSITION, disposition),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        ],
        bytes,
    )
        .into_response())
}

/// Step, name and version, in letters that mean nothing to any file system.
fn file_name(artifact: &ArtifactView) -> String {
    let kind = artifact.meta.media_type.split(';').next().unwrap_or_default().trim();
    let extension = match kind {
        "application/json" => "json",
        "text/markdown" => "md",
        "text/html" => "html",
        kind if kind.starts_with("text/") => "txt",
        _ => "bin",
    };
    let meta = &artifact.meta;
    let name: String = format!("{}-{}-v{}", meta.producing_step_id, meta.name, meta.version)
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' })
        .take(120)
        .collect();
    format!("{name}.{extension}")
}
