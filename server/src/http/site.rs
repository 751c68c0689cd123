//! The files of the site, embedded in the binary with their compressed twins.
//! What a page loads is named for its content, and browsers keep it for good: they ask for nothing twice, and need no network for it.
//! The rest keeps its name, so browsers ask each time and are answered 304 while nothing changed.

use std::sync::LazyLock;

use app::site::{SiteFiles, set_files};
use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};

/// What `cargo xtask build` made; empty where no site was built yet.
#[derive(RustEmbed)]
#[folder = "../target/site"]
#[allow_missing = true]
struct Files;

/// The middleware: a file of the site if the path names one, else what comes next.
pub(super) async fn serve(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD)
        && let Some(path) = request.uri().path().strip_prefix('/')
        // The twins are reached by `Accept-Encoding` alone.
        && path.rsplit('.').next() != Some("br")
        && let Some(file) = Files::get(path)
    {
        return answer(path, file, request.headers(), request.method() == Method::HEAD);
    }
    next.run(request).await
}

/// The names of the files, known to the app from now on; the defaults where no site was built yet.
pub(super) fn names() -> &'static SiteFiles {
    static NAMES: LazyLock<&SiteFiles> = LazyLock::new(|| {
        let listed = Files::get("site.json").map(|file| serde_json::from_slice(&file.data));
        let listed = listed
            .transpose()
            .inspect_err(|error| tracing::error!(%error, "the list of the site's files cannot be read"));
        set_files(listed.ok().flatten().unwrap_or_default())
    });
    &NAMES
}

fn answer(path: &str, file: EmbeddedFile, asked: &HeaderMap, is_head: bool) -> Response {
    let compressed = if accepts_brotli(asked) { Files::get(&format!("{path}.br")) } else { None };
    let kind = content_type(path, &file);
    let is_compressed = compressed.is_some();
    let chosen = compressed.unwrap_or(file);
    let etag = format!("\"{}\"", hex::encode(&chosen.metadata.sha256_hash()[..12]));
    let is_known = asked
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim().trim_start_matches("W/") == etag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else if is_head {
        // The length of the file; hyper sends no body with it.
        ([(header::CONTENT_LENGTH, chosen.data.len())], Body::empty()).into_response()
    } else {
        Body::from(chosen.data).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    let is_kept = names().kept.contains(&format!("/{path}"));
    let kept = if is_kept { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    if is_compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    response
}

fn content_type(path: &str, file: &EmbeddedFile) -> HeaderValue {
    let guessed = file.metadata.mimetype();
    let text = match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8".to_owned(),
        Some("wasm") => "application/wasm".to_owned(),
        _ if guessed.starts_with("text/") => format!("{guessed}; charset=utf-8"),
        _ => guessed.to_owned(),
    };
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

fn accepts_brotli(asked: &HeaderMap) -> bool {
    asked
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let is_refused = |part: &str| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
            parts.next() == Some("br") && !parts.any(is_refused)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_is_sent_to_those_who_take_it() {
        for (text, expected) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=0.5", true),
            ("gzip, br;q=0", false),
            ("gzip", false),
            ("*", false),
        ] {
            let headers = [(header::ACCEPT_ENCODING, text.parse().unwrap())].into_iter().collect();
            assert_eq!(accepts_brotli(&headers), expected, "{text}");
        }
    }
}
