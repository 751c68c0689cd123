//! REST: a run as files to keep: everything of it as one zip, or a report that people read and print.
//! Both are sent as they are made. The bytes and words are those of agents and people: none may name a file, and no browser runs any.

mod archive;
mod html;
mod names;
mod report;
mod told;

use std::{future::Future, io};

use axum::{
    Extension,
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use futures::stream;
use http::header;
use service::{OpContext, runs};
use workflow::RunId;

pub(super) use self::html::text;
use self::{archive::Archive, report::Report};
use super::{extract::Ids, problem::Result};

/// The report says the same of itself, for when it is opened from a disk.
const POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

pub(super) async fn archive(Extension(ctx): Extension<OpContext>, Ids(id): Ids<RunId>) -> Result<Response> {
    // The run is read before anything is answered, so that a refusal is one.
    let archive = Archive::of(runs::export(&ctx, id).await?);
    let parts = pieces(archive, |mut archive| async move { Ok::<_, io::Error>((archive.more().await?, archive)) });
    let kept = format!("attachment; filename=\"run-{id}.zip\"");
    Ok(file("application/zip", kept, parts))
}

pub(super) async fn report(Extension(ctx): Extension<OpContext>, Ids(id): Ids<RunId>) -> Result<Response> {
    let report = Report::of(runs::export(&ctx, id).await?);
    let parts = pieces(report, |mut report| async move { Ok::<_, io::Error>((report.more().await?, report)) });
    let kept = format!("attachment; filename=\"run-{id}.html\"");
    Ok(file("text/html; charset=utf-8", kept, parts))
}

/// What is made piece by piece, until there is no more.
fn pieces<T, F>(of: T, more: impl Fn(T) -> F + Send + 'static) -> Body
where
    T: Send + 'static,
    F: Future<Output = io::Result<(Option<Bytes>, T)>> + Send + 'static,
{
    Body::from_stream(stream::try_unfold(of, move |of| {
        let made = more(of);
        async move {
            let (piece, of) = made.await?;
            Ok::<_, io::Error>(piece.map(|piece| (piece, of)))
        }
    }))
}

fn file(kind: &'static str, kept: String, body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, kept),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, body).into_response()
}

/// A fault in the middle of an answer, which ends it: what came is not taken for the whole.
fn broken(error: &service::Error) -> io::Error {
    io::Error::other(error.to_api())
}
