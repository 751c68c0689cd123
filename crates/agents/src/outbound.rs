//! Posts that the server itself makes to addresses that people registered: judged where the connection is made, like those of agents.
//! Must never follow a redirect, use a proxy from the environment, read more than the cap, or repeat the address in a message: it may be
//! a key.

use std::time::Duration;

use reqwest::{
    Client, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use tokio::time::{Instant, timeout_at};

use crate::{
    response,
    ssrf::{AddressRange, Guard, find_blocked},
};

/// From looking the name up to the last byte that is read.
const WHOLE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read, counted after decompression.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// A client for such posts; cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: Client,
    guard: Guard,
    whole: Duration,
}

/// What the other side answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    pub status: u16,
    /// Its beginning.
    pub body: Vec<u8>,
    pub retry_after: Option<Duration>,
}

/// Why there is no answer. It names the host at most.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoAnswer {
    #[error("the address is none that can be posted to")]
    Address,
    #[error("{0}: an operator opens private ranges by WEFT_ALLOW_PRIVATE")]
    Blocked(String),
    #[error("`{0}` did not answer within 10 s")]
    TooSlow(String),
    #[error("{0}")]
    Failed(String),
}

impl Outbound {
    /// `allow_private`: private ranges that the operator opened.
    pub fn new(allow_private: Vec<AddressRange>) -> Self {
        let guard = Guard::new(allow_private);
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .dns_resolver(guard.clone())
            .user_agent("weft")
            .build()
            .expect("the options are constant and valid");
        Self { client, guard, whole: WHOLE }
    }

    /// With less patience, for tests.
    #[must_use]
    pub fn within(self, whole: Duration) -> Self {
        Self { whole, ..self }
    }

    /// Refuses what is never posted to, as far as an address itself says so. Names are judged once they are looked up.
    pub fn check(&self, url: &str) -> Result<(), NoAnswer> {
        self.target(url).map(drop)
    }

    fn target(&self, url: &str) -> Result<Url, NoAnswer> {
        let url = Url::parse(url).map_err(|_| NoAnswer::Address)?;
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(NoAnswer::Address);
        }
        self.guard.check_literal(&url).map_err(|blocked| NoAnswer::Blocked(blocked.to_string()))?;
        Ok(url)
    }

    /// Posts JSON. A redirect is an answer like any other.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<Answered, NoAnswer> {
        let url = self.target(url)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut map = HeaderMap::new();
        map.insert(reqwest::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value).map_err(|_| NoAnswer::Address)?;
            value.set_sensitive(true);
            map.insert(HeaderName::from_static(name), value);
        }
        let deadline = Instant::now() + self.whole;
        let place = format!("{}://{host}", url.scheme());
        let sent = timeout_at(deadline, self.client.post(url).headers(map).body(body).send()).await;
        let mut response = sent.map_err(|_| NoAnswer::TooSlow(host))?.map_err(|error| match find_blocked(&error) {
            Some(blocked) => NoAnswer::Blocked(blocked.to_string()),
            None => NoAnswer::Failed(response::class_of_failure(&error, &place).1),
        })?;
        let status = response.status().as_u16();
        let retry_after = response::retry_after_ms(response.headers()).map(Duration::from_millis);
        let mut body = Vec::new();
        let read = async {
            while let Ok(Some(chunk)) = response.chunk().await {
                let left = MAX_ANSWER_BYTES - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(left)]);
                if chunk.len() >= left {
                    break;
                }
            }
        };
        // What breaks off after the status, or dawdles then, has said what it had to say.
        let _as_far_as_it_came = timeout_at(deadline, read).await;
        Ok(Answered { status, body, retry_after })
    }
}

/// A host's name as it is looked up: one with other letters than ASCII in the form that has none. None where it is no name.
#[must_use]
pub fn ascii_host(name: &str) -> Option<String> {
    let url = Url::parse(&format!("http://{name}/")).ok()?;
    let host = url.host_str()?;
    (url.as_str() == format!("http://{host}/")).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

    use super::*;

    fn open() -> Outbound {
        Outbound::new(vec!["127.0.0.0/8".parse().unwrap()])
    }

    #[tokio::test]
    async fn a_private_address_is_not_dialled_unless_the_operator_opened_it() {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
        let port = server.address().port();
        let closed = Outbound::new(Vec::new());
        for url in [
            server.uri(),
            format!("http://localhost:{port}/"),
            format!("http://[::ffff:127.0.0.1]:{port}/"),
            "http://2130706433/".to_owned(),
        ] {
            let refused = closed.post(&url, &[], "{}".to_owned()).await.unwrap_err();
            assert!(matches!(refused, NoAnswer::Blocked(_)), "{url}: {refused}");
            // What only a look at its name tells is not known before.
            let known = if url.contains("localhost") { Ok(()) } else { Err(refused) };
            assert_eq!(closed.check(&url), known, "{url}");
            assert_eq!(open().check(&url), Ok(()), "{url}");
        }
        assert!(server.received_requests().await.unwrap().is_empty());
        assert_eq!(open().post(&server.uri(), &[], "{}".to_owned()).await.unwrap().status, 204);
        for url in ["ftp://8.8.8.8/", "no address", "https://user:pass@example.org/"] {
            assert_eq!(open().post(url, &[], String::new()).await, Err(NoAnswer::Address), "{url}");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed_and_no_more_is_read_than_64_kib() {
        let server = MockServer::start().await;
        let away = ResponseTemplate::new(307).insert_header("location", format!("{}/else", server.uri()).as_str());
        Mock::given(method("POST")).respond_with(away).expect(1).mount(&server).await;
        assert_eq!(open().post(&server.uri(), &[], "{}".to_owned()).await.unwrap().status, 307);
        let large = MockServer::start().await;
        let much = ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 10 * 1024 * 1024]);
        Mock::given(method("POST")).respond_with(much).mount(&large).await;
        let answered = open().post(&large.uri(), &[], "{}".to_owned()).await.unwrap();
        assert_eq!((answered.status, answered.body.len()), (200, MAX_ANSWER_BYTES));
    }

    #[tokio::test]
    async fn who_does_not_answer_in_time_is_left_and_no_message_has_the_address() {
        let server = MockServer::start().await;
        let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
        Mock::given(method("POST")).respond_with(slow).mount(&server).await;
        let impatient = open().within(Duration::from_millis(50));
        let url = format!("{}/services/c4n4ry", server.uri());
        let late = impatient.post(&url, &[("webhook-id", "x".to_owned())], "{}".to_owned()).await.unwrap_err();
        assert!(matches!(late, NoAnswer::TooSlow(_)) && !late.to_string().contains("c4n4ry"), "{late}");
        let gone = open().post("http://127.0.0.1:1/services/c4n4ry", &[], "{}".to_owned()).await.unwrap_err();
        assert!(matches!(gone, NoAnswer::Failed(_)) && !gone.to_string().contains("c4n4ry"), "{gone}");
    }

    #[tokio::test]
    async fn a_status_counts_though_the_body_behind_it_never_ends() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let serve = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            assert!(socket.read(&mut request).await.unwrap() > 0);
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nok").await.unwrap();
            // Until the client has gone.
            while matches!(socket.read(&mut request).await, Ok(n) if n > 0) {}
        };
        let post = async { open().within(Duration::from_millis(500)).post(&url, &[], "{}".to_owned()).await };
        let answered = tokio::select! {
            answered = post => answered.unwrap(),
            () = serve => panic!("the client left before it had its answer"),
        };
        assert_eq!((answered.status, answered.body.as_slice()), (200, &b"ok"[..]));
    }

    #[test]
    fn a_host_is_told_in_ascii() {
        for (name, expected) in [
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("例え.jp", Some("xn--r8jz45g.jp")),
            ("plain.example", Some("plain.example")),
            ("a/b", None),
            ("a:80x", None),
            ("u@h", None),
            ("", None),
        ] {
            assert_eq!(ascii_host(name).as_deref(), expected, "{name}");
        }
    }
}
