//! How the browser sends a server function: with a time limit, so that a path which swallows everything leaves nothing busy for ever.
//! Must never repeat a request by itself: whoever sent it knows its idempotency key.

use std::{future::Future, pin::pin, time::Duration};

use futures::{
    Sink, Stream, StreamExt,
    channel::oneshot,
    future::{Either, select},
};
use http::Method;
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::set_timeout_with_handle};
use server_fn::{
    Bytes,
    client::{Client, browser::BrowserClient},
    request::{
        ClientReq,
        browser::{BrowserFormData, BrowserRequest},
    },
    response::{ClientRes, browser::BrowserResponse},
};

use crate::error::AppError;

/// So long the server may take to begin its answer, and between two pieces of it.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// What a slow line still carries up in a second: nothing tells how far a request has come.
const UPLOAD_BYTES_A_SECOND: u64 = 16 * 1024;

/// Every server function names it as its client.
pub struct Limited;

/// A request with the size of its body.
pub struct Asked {
    request: BrowserRequest,
    n_bytes: usize,
}

/// An answer whose body is read under the limit too.
pub struct Answer(BrowserResponse);

impl Client<AppError> for Limited {
    type Request = Asked;
    type Response = Answer;

    async fn send(asked: Asked) -> Result<Answer, AppError> {
        let upload = u64::try_from(asked.n_bytes).unwrap_or(u64::MAX) / UPLOAD_BYTES_A_SECOND;
        let limit = ANSWER_WITHIN.saturating_add(Duration::from_secs(upload));
        // A request that is dropped is aborted.
        match within(limit, <BrowserClient as Client<AppError>>::send(asked.request)).await {
            Some(sent) => sent.map(Answer),
            None => Err(AppError::no_answer(limit)),
        }
    }

    fn open_websocket(
        path: &str,
    ) -> impl Future<
        Output = Result<
            (impl Stream<Item = Result<Bytes, Bytes>> + Send + 'static, impl Sink<Bytes> + Send + 'static),
            AppError,
        >,
    > + Send {
        <BrowserClient as Client<AppError>>::open_websocket(path)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        <BrowserClient as Client<AppError>>::spawn(future);
    }
}

/// What comes of the work in time.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let (over, is_over) = oneshot::channel();
    // The receiver goes with this function, and then nobody is to be told.
    let tell = move || {
        let _ = over.send(());
    };
    let _timer = Timer(set_timeout_with_handle(tell, limit).ok());
    match select(pin!(work), is_over).await {
        Either::Left((done, _)) => Some(done),
        Either::Right((Ok(()), _)) => None,
        // The browser gave no timer: then without a limit.
        Either::Right((Err(oneshot::Canceled), work)) => Some(work.await),
    }
}

struct Timer(Option<TimeoutHandle>);

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(timer) = self.0 {
            timer.clear();
        }
    }
}

impl Asked {
    fn new(request: Result<BrowserRequest, AppError>, n_bytes: usize) -> Result<Self, AppError> {
        request.map(|request| Self { request, n_bytes })
    }
}

impl ClientReq<AppError> for Asked {
    type FormData = BrowserFormData;

    fn try_new_req_query(
        path: &str,
        content_type: &str,
        accepts: &str,
        query: &str,
        method: Method,
    ) -> Result<Self, AppError> {
        Self::new(BrowserRequest::try_new_req_query(path, content_type, accepts, query, method), query.len())
    }

    fn try_new_req_text(
        path: &str,
        content_type: &str,
        accepts: &str,
        body: String,
        method: Method,
    ) -> Result<Self, AppError> {
        let n_bytes = body.len();
        Self::new(BrowserRequest::try_new_req_text(path, content_type, accepts, body, method), n_bytes)
    }

    fn try_new_req_bytes(
        path: &str,
        content_type: &str,
        accepts: &str,
        body: Bytes,
        method: Method,
    ) -> Result<Self, AppError> {
        let n_bytes = body.len();
        Self::new(BrowserRequest::try_new_req_bytes(path, content_type, accepts, body, method), n_bytes)
    }

    fn try_new_req_form_data(
        path: &str,
        accepts: &str,
        content_type: &str,
        body: Self::FormData,
        method: Method,
    ) -> Result<Self, AppError> {
        Self::new(BrowserRequest::try_new_req_form_data(path, accepts, content_type, body, method), 0)
    }

    fn try_new_req_multipart(
        path: &str,
        accepts: &str,
        body: Self::FormData,
        method: Method,
    ) -> Result<Self, AppError> {
        Self::new(BrowserRequest::try_new_req_multipart(path, accepts, body, method), 0)
    }

    fn try_new_req_streaming(
        path: &str,
        accepts: &str,
        content_type: &str,
        body: impl Stream<Item = Bytes> + Send + 'static,
        method: Method,
    ) -> Result<Self, AppError> {
        Self::new(BrowserRequest::try_new_req_streaming(path, accepts, content_type, body, method), 0)
    }
}

impl Answer {
    fn status(&self) -> u16 {
        ClientRes::<AppError>::status(&self.0)
    }

    async fn read(self) -> Result<Bytes, AppError> {
        let status = self.status();
        // These have no body that could be read piece by piece.
        if matches!(status, 204 | 205 | 304) {
            return Ok(Bytes::new());
        }
        let mut pieces = pin!(ClientRes::<AppError>::try_into_stream(self.0)?);
        let mut body = Vec::new();
        loop {
            match within(ANSWER_WITHIN, pieces.next()).await {
                Some(Some(Ok(piece))) => body.extend_from_slice(&piece),
                Some(None) => break,
                Some(Some(Err(_))) => return Err(AppError::broke_off()),
                None => return Err(AppError::no_answer(ANSWER_WITHIN)),
            }
        }
        // A proxy that cannot reach the server answers with a page of its own.
        if matches!(status, 502..=504) && !body.trim_ascii_start().starts_with(b"{") {
            return Err(AppError::behind_a_proxy(status));
        }
        Ok(body.into())
    }
}

impl ClientRes<AppError> for Answer {
    async fn try_into_string(self) -> Result<String, AppError> {
        let body = self.read().await?;
        String::from_utf8(body.into()).map_err(|_| AppError::broke_off())
    }

    fn try_into_bytes(self) -> impl Future<Output = Result<Bytes, AppError>> + Send {
        self.read()
    }

    fn try_into_stream(self) -> Result<impl Stream<Item = Result<Bytes, Bytes>> + Send + Sync + 'static, AppError> {
        ClientRes::<AppError>::try_into_stream(self.0)
    }

    fn status(&self) -> u16 {
        Self::status(self)
    }

    fn status_text(&self) -> String {
        ClientRes::<AppError>::status_text(&self.0)
    }

    fn location(&self) -> String {
        ClientRes::<AppError>::location(&self.0)
    }

    fn has_redirect(&self) -> bool {
        ClientRes::<AppError>::has_redirect(&self.0)
    }
}

#[cfg(test)]
mod tests {
    /// A server function without it would wait for ever.
    #[test]
    fn every_server_function_has_the_time_limit() {
        let files = [
            include_str!("account.rs"),
            include_str!("agents.rs"),
            include_str!("runs.rs"),
            include_str!("steps.rs"),
            include_str!("templates.rs"),
            include_str!("users.rs"),
            include_str!("workers.rs"),
        ];
        let named: Vec<&str> =
            files.iter().flat_map(|file| file.lines()).filter(|line| line.starts_with("#[server(")).collect();
        assert!(named.len() > 50, "{}", named.len());
        for line in named {
            assert!(line.starts_with("#[server(client = Limited, "), "{line}");
        }
        let n_functions = files.iter().map(|file| file.matches("\npub async fn ").count()).sum::<usize>();
        assert_eq!(
            n_functions,
            files.iter().map(|file| file.matches("#[server(client = Limited").count()).sum::<usize>()
        );
    }
}
