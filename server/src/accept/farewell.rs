//! What somebody is told for whom there is no place.
//! Must never wait for more of them than a few, nor hold what they send: they are many by nature.

use std::{
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};
use tokio_util::task::TaskTracker;

/// Who finds no place may find one in a moment.
const TURNED_AWAY: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Connection: close\r\n\r\nToo many connections are open from where you are. Try again in a moment.\n";
/// Of those who are told at a time, so many are also waited for. Each is a file beside all connections that have a place.
const AT_ONCE: usize = 64;
/// What was sent before it was read would reset the connection when it is closed, and the peer might not hear why. So it is taken and
/// dropped, for so long and up to so many bytes.
const WITHIN: Duration = Duration::from_secs(1);
const BYTES: u64 = 64 * 1024;

pub(super) struct Farewells(Arc<Semaphore>);

impl Default for Farewells {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Farewells {
    pub(super) fn tell(&self, stream: TcpStream, tasks: &TaskTracker) {
        if let Ok(held) = Arc::clone(&self.0).try_acquire_owned() {
            tasks.spawn(async move {
                // Whoever is gone hears nothing.
                let _ = timeout(WITHIN, politely(stream)).await;
                drop(held);
            });
        } else {
            at_once(stream);
        }
    }
}

async fn politely(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(TURNED_AWAY).await?;
    stream.shutdown().await?;
    let mut rest = stream.take(BYTES);
    let mut dropped = [0; 4 * 1024];
    while rest.read(&mut dropped).await? > 0 {}
    Ok(())
}

/// It goes into the system's buffer, which is empty: nobody waits for it.
fn at_once(stream: TcpStream) {
    let Ok(mut stream) = stream.into_std() else { return };
    let _ = stream.write_all(TURNED_AWAY);
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// What a client hears that has sent all of its request before anybody read it.
    async fn hears(farewells: &Farewells, tasks: &TaskTracker, request: &[u8]) -> io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut theirs = TcpStream::connect(listener.local_addr()?).await?;
        theirs.write_all(request).await?;
        farewells.tell(listener.accept().await?.0, tasks);
        let mut heard = String::new();
        timeout(LONG, theirs.read_to_string(&mut heard)).await??;
        Ok(heard)
    }

    #[tokio::test]
    async fn who_finds_no_place_is_told_when_to_come_back_and_not_cut_off() {
        let (farewells, tasks) = (Farewells::default(), TaskTracker::new());
        for request in [b"".as_slice(), b"POST / HTTP/1.1\r\nHost: weft.test\r\nContent-Length: 4\r\n\r\nbody"] {
            let heard = hears(&farewells, &tasks, request).await.expect("it ends as it should");
            assert!(heard.starts_with("HTTP/1.1 429 ") && heard.contains("\r\nRetry-After: 1\r\n"), "{heard}");
        }
        tasks.close();
        timeout(LONG, tasks.wait()).await.expect("nobody is waited for any more");
    }

    #[tokio::test]
    async fn of_a_crowd_nobody_is_waited_for_and_all_are_told() {
        let (farewells, tasks) = (Farewells(Arc::new(Semaphore::new(0))), TaskTracker::new());
        let heard = hears(&farewells, &tasks, b"").await.unwrap();
        assert!(heard.starts_with("HTTP/1.1 429 "), "{heard}");
        assert!(tasks.is_empty());
    }
}
