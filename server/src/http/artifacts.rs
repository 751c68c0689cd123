//! REST: artifacts, as JSON with their content, or the bare bytes to save as a file.
//! The bytes come from agents: no browser may run them as a page of ours.

use axum::{
    Extension, Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use serde::Deserialize;
use service::{OpContext, Wanted, artifacts};
use workflow::{
    ArtifactId, RunId, StepKey,
    api::{ArtifactVersions, Lineage, RollbackArtifact},
    view::ArtifactMeta,
};

use super::{
    after::{After, after},
    extract::{Body, Ids, Once},
    params::Params,
    problem::Result,
};

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct Filter {
    step: Option<StepKey>,
    name: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct Download {
    /// Present with any value or none: the bytes as a file.
    download: Option<String>,
}

pub(super) async fn list(
    Extension(ctx): Extension<OpContext>,
    Ids(run): Ids<RunId>,
    Params(filter): Params<Filter>,
) -> Result<Json<ArtifactVersions>> {
    let wanted = Wanted { after: filter.after, limit: filter.limit };
    Ok(Json(artifacts::versions(&ctx, run, filter.step.as_ref(), filter.name.as_deref(), &wanted).await?))
}

pub(super) async fn get(
    Extension(ctx): Extension<OpContext>,
    Ids((run, id)): Ids<(RunId, ArtifactId)>,
    Params(wish): Params<Download>,
) -> Result<Response> {
    if wish.download.is_some() {
        let (meta, bytes) = artifacts::bytes(&ctx, run, id).await?;
        return Ok(file(&meta, bytes));
    }
    Ok(Json(artifacts::get(&ctx, run, id).await?).into_response())
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
    Once { key, prefer }: Once,
    Body(rollback): Body<RollbackArtifact>,
) -> Result<After> {
    after(&ctx, prefer, &artifacts::rollback(&ctx, run, id, rollback, key).await?).await
}

fn file(meta: &ArtifactMeta, bytes: Vec<u8>) -> Response {
    let media_type = HeaderValue::from_str(&content_type(&meta.media_type, &bytes))
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let disposition = format!("attachment; filename=\"{}\"", file_name(meta));
    let disposition = HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment"));
    (
        [
            (header::CONTENT_TYPE, media_type),
            (header::CONTENT_DISPOSITION, disposition),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        ],
        bytes,
    )
        .into_response()
}

/// Text says its charset: without one, a program that opens it guesses, and guesses an old one.
fn content_type(media_type: &str, bytes: &[u8]) -> String {
    let kind = media_type.split(';').next().unwrap_or_default().trim();
    let is_text = kind.starts_with("text/") || kind == "application/json" || kind.ends_with("+json");
    let says_charset = media_type.to_ascii_lowercase().contains("charset=");
    if is_text && !says_charset && std::str::from_utf8(bytes).is_ok() {
        format!("{media_type}; charset=utf-8")
    } else {
        media_type.to_owned()
    }
}

/// Step, name and version, in letters that mean nothing to any file system.
fn file_name(meta: &ArtifactMeta) -> String {
    let name: String = format!("{}-{}-v{}", meta.producing_step_id, meta.name, meta.version)
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' })
        .take(120)
        .collect();
    format!("{name}.{}", extension(&meta.media_type))
}

/// What a name ends with, by the media type alone: one of ours, whatever the type says.
pub(super) fn extension(media_type: &str) -> &'static str {
    match media_type.split(';').next().unwrap_or_default().trim() {
        "application/json" => "json",
        "text/markdown" => "md",
        "text/html" => "html",
        "text/csv" => "csv",
        "application/pdf" => "pdf",
        "application/zip" => "zip",
        "image/gif" => "gif",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/svg+xml" => "svg",
        "image/webp" => "webp",
        "audio/mpeg" => "mp3",
        "video/mp4" => "mp4",
        kind if kind.starts_with("text/") => "txt",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_says_its_charset() {
        for (media_type, bytes, expected) in [
            ("text/plain", "Zoë".as_bytes(), "text/plain; charset=utf-8"),
            ("text/markdown", b"", "text/markdown; charset=utf-8"),
            ("application/json", b"{}", "application/json; charset=utf-8"),
            ("application/ld+json", b"{}", "application/ld+json; charset=utf-8"),
            ("text/plain; charset=UTF-8", b"x", "text/plain; charset=UTF-8"),
            ("text/csv; Charset=windows-1252", &[0xe9], "text/csv; Charset=windows-1252"),
            ("text/plain", &[0xff], "text/plain"),
            ("image/png", b"png", "image/png"),
        ] {
            assert_eq!(content_type(media_type, bytes), expected);
        }
    }
}
