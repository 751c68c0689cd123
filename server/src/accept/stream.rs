//! A connection that holds its place for as long as it is open, gives up a peer which takes no bytes, and closes politely: who is
//! answered before all was read of what they send, such as a large draft after the session has ended, must still get the answer.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

use super::{meter::Meter, places::Place, work::Guard};

/// Closing with bytes unread would reset the connection, and the peer's system throw the answer away. So what still comes is taken
/// and dropped: until the peer closes too, or for so long.
const LINGER: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 8 * 1024 * 1024;
/// What the system keeps of what was written to a live socket and not taken; Linux keeps twice that. By itself it keeps megabytes for each
/// that does not read. Little also for those who read slowly: it takes more only once a third is taken, for which there are ten seconds.
const SOCKET_BYTES: usize = 32 * 1024;

pub(super) struct Stream {
    inner: TcpStream,
    place: Arc<Place>,
    patience: Duration,
    /// While something waits to be taken.
    stuck: Option<(Pin<Box<Sleep>>, Guard)>,
    /// Once our side is closed.
    linger: Option<Linger>,
    /// Once it is a live socket.
    meter: Option<Meter>,
    /// The system was told to keep little of what is written to a live socket.
    is_narrow: bool,
}

struct Linger {
    quiet: Pin<Box<Sleep>>,
    end: Instant,
    bytes_left: usize,
}

impl Stream {
    pub(super) fn new(inner: TcpStream, place: Arc<Place>, patience: Duration) -> Self {
        Self { inner, place, patience, stuck: None, linger: None, meter: None, is_narrow: false }
    }

    /// From the moment on at which it is a live socket.
    fn narrow(&mut self) {
        if self.is_narrow || !self.place.is_socket() {
            return;
        }
        self.is_narrow = true;
        if let Err(error) = SockRef::from(&self.inner).set_send_buffer_size(SOCKET_BYTES) {
            tracing::debug!(%error, "cannot bound what the system keeps for a live socket");
        }
    }

    /// What writing came to, with the time that it may take.
    fn timed<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let patience = self.patience;
        let (timer, _) = self.stuck.get_or_insert_with(|| (Box::pin(sleep(patience)), self.place.stuck()));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes no bytes")))
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { inner, place, meter, .. } = &mut *self;
        let inner = Pin::new(inner);
        if !place.is_socket() {
            return inner.poll_read(cx, into);
        }
        meter.get_or_insert_with(|| Meter::new(Instant::now())).poll_read(inner, cx, into, || place.flood())
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.narrow();
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.timed(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { inner, linger, .. } = &mut *self;
        if linger.is_none() {
            ready!(Pin::new(&mut *inner).poll_shutdown(cx))?;
        }
        let linger = linger.get_or_insert_with(|| Linger {
            quiet: Box::pin(sleep(QUIET)),
            end: Instant::now() + LINGER,
            bytes_left: LINGER_BYTES,
        });
        let mut dropped = [0; 8 * 1024];
        loop {
            let mut into = ReadBuf::new(&mut dropped);
            match Pin::new(&mut *inner).poll_read(cx, &mut into) {
                Poll::Pending => {
                    ready!(linger.quiet.as_mut().poll(cx));
                    return Poll::Ready(Ok(()));
                }
                // The peer has gone without a farewell, which is as good.
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => {}
            }
            let n = into.filled().len();
            linger.bytes_left = linger.bytes_left.saturating_sub(n);
            let now = Instant::now();
            if n == 0 || linger.bytes_left == 0 || now >= linger.end {
                return Poll::Ready(Ok(()));
            }
            linger.quiet.as_mut().reset(now + QUIET);
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.narrow();
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, pieces);
        self.timed(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, net::TcpListener, time::timeout};

    use super::{
        super::places::{Limits, Places},
        *,
    };

    #[tokio::test]
    async fn the_system_keeps_little_of_what_the_peer_of_a_live_socket_does_not_take() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_theirs, ours) = tokio::join!(TcpStream::connect(address), listener.accept());
        let places = Places::new(Limits::for_files(1_024), "".parse().unwrap());
        let place = places.enter(address.ip()).unwrap();
        place.becomes_socket();
        let mut stream = Stream::new(ours.unwrap().0, place, Duration::from_mins(1));
        let (piece, mut n_taken) = ([0; 8 * 1024], 0);
        while let Ok(written) = timeout(Duration::from_millis(300), stream.write(&piece)).await {
            n_taken += written.unwrap();
        }
        assert!((1..1024 * 1024).contains(&n_taken), "{n_taken} bytes are kept for a peer that reads nothing");
    }
}
