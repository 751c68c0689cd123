//! What a peer may send on a connection that has become a live socket, in bytes: of what kind they are does not matter.
//! Messages are counted where they are read (`live/socket.rs`), but pieces of a message that never ends, and whatever else the reader
//! swallows without a word, are seen only here. Six bytes are the smallest frame, so bytes bound the frames too.
//! Must never hand over so much at once that reading it keeps others waiting: after each piece it is somebody else's turn.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time::Instant,
};

use crate::bucket::Bucket;

/// Bytes at once, and a second: room for the largest message and its frame, and then for many times what a page sends.
const BYTES: (u32, u32) = (80 * 1024, 4 * 1024);
/// Handed over in one turn.
const PIECE: usize = 4 * 1024;
/// Taken and dropped of a flood, so that its peer still gets to read why the socket was closed.
const DROPPED: usize = 8 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Meter {
    bytes: Bucket,
    /// A piece was handed over: the next one comes in another turn.
    is_resting: bool,
    /// Once too much has come: how much more is dropped before nothing is taken at all.
    dropping: Option<usize>,
}

impl Meter {
    pub(super) fn new(now: Instant) -> Self {
        Self { bytes: Bucket::new(BYTES.0, BYTES.1, now), is_resting: false, dropping: None }
    }

    /// Reads a piece; `flooded` is called once, when too much has come. From then on there is silence, and in the end a close.
    pub(super) fn poll_read(
        &mut self,
        inner: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
        flooded: impl FnOnce(),
    ) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.is_resting) {
            return another_turn(cx);
        }
        let mut bytes = [0; PIECE];
        let most = if self.dropping.is_some() { PIECE } else { PIECE.min(into.remaining()) };
        let mut piece = ReadBuf::new(&mut bytes[..most]);
        ready!(inner.poll_read(cx, &mut piece))?;
        let n = piece.filled().len();
        if n == 0 {
            return Poll::Ready(Ok(()));
        }
        if let Some(left) = &mut self.dropping {
            *left = left.saturating_sub(n);
            return if *left == 0 { Poll::Ready(Ok(())) } else { another_turn(cx) };
        }
        if !self.bytes.owe(u32::try_from(n).unwrap_or(u32::MAX), Instant::now()).is_zero() {
            self.dropping = Some(DROPPED);
            flooded();
            return another_turn(cx);
        }
        self.is_resting = true;
        into.put_slice(piece.filled());
        Poll::Ready(Ok(()))
    }
}

/// At the end of the queue of all that can go on.
fn another_turn(cx: &Context<'_>) -> Poll<io::Result<()>> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, task::Waker};

    use super::*;

    /// How much was handed over in each turn, and in which turn it was too much; a turn ends with "not now", as it does for a reader.
    fn turns(meter: &mut Meter, peer: &[u8], n_turns: usize) -> (Vec<usize>, Option<usize>) {
        let (mut peer, mut cx) = (peer, Context::from_waker(Waker::noop()));
        let (mut read, flooded) = (Vec::new(), Cell::new(None));
        let mut buffer = vec![0; 128 * 1024];
        for turn in 0..n_turns {
            let mut n = 0;
            loop {
                let mut into = ReadBuf::new(&mut buffer);
                let polled = meter.poll_read(Pin::new(&mut peer), &mut cx, &mut into, || flooded.set(Some(turn)));
                n += into.filled().len();
                if polled.is_pending() || into.filled().is_empty() {
                    break;
                }
            }
            read.push(n);
        }
        (read, flooded.get())
    }

    #[test]
    fn a_flood_is_read_in_small_turns_and_then_not_at_all() {
        let flood = vec![0x80; 4 << 20];
        let (read, flooded) = turns(&mut Meter::new(Instant::now()), &flood, 100);
        assert!(read.iter().all(|n| *n <= PIECE), "{read:?}");
        let total = read.iter().sum::<usize>();
        let (least, most) = (BYTES.0 as usize - PIECE, BYTES.0 as usize + BYTES.1 as usize * 10);
        assert!((least..=most).contains(&total), "{total} bytes were read");
        assert!(flooded.is_some_and(|turn| read[turn..].iter().all(|n| *n == 0)), "{flooded:?}");
    }

    #[test]
    fn the_largest_message_passes() {
        let message = vec![b'x'; 64 * 1024 + 14];
        let (read, flooded) = turns(&mut Meter::new(Instant::now()), &message, 40);
        assert_eq!((read.iter().sum(), flooded), (message.len(), None));
    }
}
