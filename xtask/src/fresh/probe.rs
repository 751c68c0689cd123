//! What a browser would find at an address, asked in the plainest HTTP: xtask has no client, and needs none.

use anyhow::{Context as _, Result, bail};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(10);
const MOST_REDIRECTS: usize = 5;

pub(super) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on 127.0.0.1")?;
    listener.local_addr().context("cannot read the free port")
}

pub(super) fn is_ready(address: SocketAddr) -> bool {
    get(address, "/readyz").is_ok_and(|answer| answer.status == 200)
}

/// The page that greets whoever opens the address.
pub(super) fn first_page(address: SocketAddr) -> Result<()> {
    let mut path = "/".to_owned();
    for _ in 0..MOST_REDIRECTS {
        let answer = get(address, &path)?;
        match (answer.status, answer.location) {
            (200, _) if answer.body.contains("<form") => return Ok(()),
            (301..=308, Some(location)) => path = location,
            (status, _) => bail!("{path} is answered {status}, without a form:\n{}", answer.body),
        }
    }
    bail!("the first page leads round in circles, to {path} last")
}

struct Answer {
    status: u16,
    location: Option<String>,
    body: String,
}

fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).context("nobody listens yet")?;
    stream.set_read_timeout(Some(PATIENCE)).context("cannot limit the wait")?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).context("cannot ask")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).context("no whole answer")?;
    parse(&String::from_utf8_lossy(&bytes)).with_context(|| format!("no HTTP answer to {path}"))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let location = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("location"))
        .map(|(_, value)| value.trim().to_owned());
    Some(Answer { status, location, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_its_redirect() {
        let answer = parse("HTTP/1.1 303 See Other\r\nlocation: /login\r\n\r\n").unwrap();
        assert_eq!((answer.status, answer.location.as_deref()), (303, Some("/login")));
        let answer = parse("HTTP/1.1 200 OK\r\n\r\n<form>").unwrap();
        assert_eq!((answer.status, answer.location, answer.body.as_str()), (200, None, "<form>"));
        assert!(parse("nonsense").is_none());
    }
}
