//! What stands between two who talk: it is slow when it is told to, loses answers, cuts every line, and holds a statement just before it is
//! done, half sent, or done and not answered. So a process is killed at the moment that is wanted without a line of its own knowing.
//! Must never change or make up a byte: what a fault of this sort does, a network may do.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter},
    net::{TcpListener, TcpStream, UnixStream},
    sync::{oneshot, watch},
    task::JoinHandle,
};

use super::wire::{At, Does, Statements, Trap, asks_for_encryption, ends_answer, read_frame};

const PIECE: usize = 64 * 1024;

/// Where its lines lead.
#[derive(Debug)]
enum Target {
    /// To the socket of a Postgres.
    Postgres(PathBuf),
    /// To a port of this machine, which may change; 0 is none.
    Port(AtomicU16),
}

/// Ends with all its lines when it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    control: Arc<Control>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Control {
    target: Target,
    /// Of each answer.
    latency_ms: AtomicU64,
    /// Answers are lost.
    swallows: AtomicBool,
    trap: Mutex<Option<Trap>>,
    /// Counts how often all lines were cut.
    cuts: watch::Sender<u64>,
}

impl Proxy {
    pub(crate) async fn to_postgres(socket: PathBuf) -> Result<Self> {
        Self::start(Target::Postgres(socket)).await
    }

    /// 0 is none yet.
    pub(crate) async fn to_port(port: u16) -> Result<Self> {
        Self::start(Target::Port(AtomicU16::new(port))).await
    }

    async fn start(target: Target) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no free port for a proxy")?;
        let port = listener.local_addr().context("the proxy has no address")?.port();
        let control = Arc::new(Control {
            target,
            latency_ms: AtomicU64::new(0),
            swallows: AtomicBool::new(false),
            trap: Mutex::new(None),
            cuts: watch::Sender::new(0),
        });
        let serving = tokio::spawn(accept(listener, Arc::clone(&control)));
        Ok(Self { port, control, serving })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where new lines lead from now on.
    pub(crate) fn lead_to(&self, to: u16) {
        if let Target::Port(port) = &self.control.target {
            port.store(to, Ordering::Relaxed);
        }
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        let milliseconds = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.control.latency_ms.store(milliseconds, Ordering::Relaxed);
    }

    /// Answers are lost from now on, on every line.
    pub(crate) fn swallow(&self) {
        self.control.swallows.store(true, Ordering::Relaxed);
    }

    /// Answers arrive again, on new lines: on the old ones something is missing.
    pub(crate) fn heal(&self) {
        self.control.swallows.store(false, Ordering::Relaxed);
        self.set_latency(Duration::ZERO);
        self.set_trap(None);
        self.control.cuts.send_modify(|n| *n += 1);
    }

    /// The next such statement is held there, and whoever waits for it is told.
    pub(crate) fn arm(&self, does: Does, at: At) -> oneshot::Receiver<()> {
        let (sprung, waits) = oneshot::channel();
        self.set_trap(Some(Trap { does, at, sprung }));
        waits
    }

    fn set_trap(&self, trap: Option<Trap>) {
        *self.control.trap.lock().unwrap_or_else(PoisonError::into_inner) = trap;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
        self.control.cuts.send_modify(|n| *n += 1);
    }
}

impl Control {
    /// The trap, if it is for this.
    fn spring(&self, does: Does) -> Option<Trap> {
        let mut trap = self.trap.lock().unwrap_or_else(PoisonError::into_inner);
        trap.take_if(|trap| trap.does == does)
    }

    fn loses(&self) -> bool {
        self.swallows.load(Ordering::Relaxed)
    }

    async fn wait(&self) {
        let milliseconds = self.latency_ms.load(Ordering::Relaxed);
        if milliseconds > 0 {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
    }
}

async fn accept(listener: TcpListener, control: Arc<Control>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let control = Arc::clone(&control);
        tokio::spawn(async move {
            let mut cuts = control.cuts.subscribe();
            tokio::select! {
                // However a line ends, both ends see it.
                _ = pass(client, &control) => {}
                _ = cuts.changed() => {}
            }
        });
    }
}

async fn pass(client: TcpStream, control: &Control) -> io::Result<()> {
    client.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    match &control.target {
        Target::Postgres(socket) => {
            let (from_server, to_server) = UnixStream::connect(socket).await?.into_split();
            let held = Held::default();
            tokio::select! {
                ended = questions(from_client, to_server, control, &held) => ended,
                ended = answers(from_server, to_client, control, &held) => ended,
            }
        }
        Target::Port(port) => {
            let server = TcpStream::connect(("127.0.0.1", port.load(Ordering::Relaxed))).await?;
            server.set_nodelay(true)?;
            let (from_server, to_server) = server.into_split();
            let held = Held::default();
            tokio::select! {
                ended = whatever_comes(from_client, to_server) => ended,
                ended = answers(from_server, to_client, control, &held) => ended,
            }
        }
    }
}

/// An answer that is not passed on, and who is to be told once it is whole.
#[derive(Debug, Default)]
struct Held {
    is_on: AtomicBool,
    tell: Mutex<Option<oneshot::Sender<()>>>,
}

impl Held {
    fn begin(&self, tell: oneshot::Sender<()>) {
        *self.tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(tell);
        self.is_on.store(true, Ordering::SeqCst);
    }

    fn end(&self) {
        if let Some(tell) = self.tell.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Who waited may have given up.
            let _ = tell.send(());
        }
    }
}

async fn whatever_comes(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    tokio::io::copy(&mut from, &mut to).await.map(drop)
}

async fn questions(
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    control: &Control,
    held: &Held,
) -> io::Result<()> {
    let (mut from, mut to) = (BufReader::with_capacity(PIECE, from), BufWriter::with_capacity(PIECE, to));
    let (mut statements, mut has_begun) = (Statements::default(), false);
    loop {
        let frame = read_frame(&mut from, has_begun).await?;
        let trap = if has_begun { statements.see(&frame).and_then(|does| control.spring(does)) } else { None };
        has_begun = has_begun || !asks_for_encryption(&frame);
        match trap {
            Some(Trap { at: At::Answered, sprung, .. }) => held.begin(sprung),
            Some(Trap { at, sprung, .. }) => {
                if at == At::Torn {
                    to.write_all(&frame[..frame.len() / 2]).await?;
                }
                to.flush().await?;
                let _ = sprung.send(());
                // Until whoever asked is gone.
                return tokio::io::copy(&mut from, &mut tokio::io::sink()).await.map(drop);
            }
            None => {}
        }
        to.write_all(&frame).await?;
        if from.buffer().is_empty() {
            to.flush().await?;
        }
    }
}

async fn answers(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    control: &Control,
    held: &Held,
) -> io::Result<()> {
    let mut bytes = vec![0; PIECE];
    loop {
        let n = from.read(&mut bytes).await?;
        let Some(some) = bytes.get(..n).filter(|some| !some.is_empty()) else { return Ok(()) };
        if held.is_on.load(Ordering::SeqCst) {
            if ends_answer(some) {
                held.end();
            }
            continue;
        }
        if control.loses() {
            continue;
        }
        control.wait().await;
        to.write_all(some).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(20);

    /// A server that answers each line with itself, and what leads to it.
    async fn echo() -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut line, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = line.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        let proxy = Proxy::to_port(0).await.unwrap();
        proxy.lead_to(port);
        proxy
    }

    async fn line(proxy: &Proxy) -> TcpStream {
        TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap()
    }

    async fn heard(line: &mut TcpStream) -> io::Result<Vec<u8>> {
        let mut bytes = [0; 16];
        let n = tokio::time::timeout(WITHIN, line.read(&mut bytes)).await.expect("something is heard")?;
        Ok(bytes[..n].to_vec())
    }

    #[tokio::test]
    async fn what_is_said_arrives_and_while_answers_are_lost_none_does() {
        let proxy = echo().await;
        let mut first = line(&proxy).await;
        first.write_all(b"one").await.unwrap();
        assert_eq!(heard(&mut first).await.unwrap(), b"one");
        proxy.swallow();
        first.write_all(b"two").await.unwrap();
        let mut bytes = [0; 16];
        assert!(tokio::time::timeout(Duration::from_millis(100), first.read(&mut bytes)).await.is_err());
        proxy.heal();
        assert!(
            heard(&mut first).await.map_or(true, |some| some.is_empty()),
            "a line on which something is missing ends"
        );
        let mut second = line(&proxy).await;
        second.write_all(b"three").await.unwrap();
        assert_eq!(heard(&mut second).await.unwrap(), b"three");
    }

    /// A Postgres that answers everything alike.
    async fn postgres(folder: &std::path::Path) -> (Proxy, tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>) {
        let socket = folder.join("socket");
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut line, _)) = listener.accept().await {
                let tell = tell.clone();
                tokio::spawn(async move {
                    let mut bytes = [0; 1024];
                    while let Ok(n @ 1..) = line.read(&mut bytes).await {
                        let _ = tell.send(bytes[..n].to_vec());
                        let _ = line.write_all(b"Z\0\0\0\x05I").await;
                    }
                });
            }
        });
        (Proxy::to_postgres(socket).await.unwrap(), told)
    }

    fn framed(letter: u8, body: &str) -> Vec<u8> {
        [&[letter][..], &u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body.as_bytes()].concat()
    }

    #[tokio::test]
    async fn a_commit_is_held_where_it_is_wanted() {
        for at in [At::Asked, At::Torn, At::Answered] {
            let folder = tempfile::tempdir().unwrap();
            let (proxy, mut told) = postgres(folder.path()).await;
            let mut client = line(&proxy).await;
            client.write_all(&[&8_u32.to_be_bytes()[..], &196_608_u32.to_be_bytes()].concat()).await.unwrap();
            heard(&mut client).await.unwrap();
            client.write_all(&framed(b'P', "c\0INSERT INTO run_events\0\0\0")).await.unwrap();
            heard(&mut client).await.unwrap();
            let (sprung, bind) = (proxy.arm(Does::Commit, at), framed(b'B', "\0c\0\0\0\0\0\0\0"));
            client.write_all(&bind).await.unwrap();
            tokio::time::timeout(WITHIN, sprung).await.expect("it is sprung").unwrap();
            drop(client);
            let mut all = Vec::new();
            while let Ok(Some(bytes)) = tokio::time::timeout(Duration::from_millis(200), told.recv()).await {
                all.extend(bytes);
            }
            let expected = match at {
                At::Asked => 0,
                At::Torn => bind.len() / 2,
                At::Answered => bind.len(),
            };
            let before = 8 + framed(b'P', "c\0INSERT INTO run_events\0\0\0").len();
            assert_eq!(all.len() - before, expected, "{at:?}");
        }
    }
}
