//! What goes from a process to Postgres, frame by frame, as far as one has to read it to tell a commit from a question.
//! It changes no byte: a frame goes on as it came, or not at all.

use std::{collections::BTreeMap, io};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::oneshot,
};

/// No frame of ours is as large.
const MOST_BYTES: usize = 256 * 1024 * 1024;
/// What a client asks for in place of a beginning: TLS, and GSSAPI.
const ENCRYPTION: [u32; 2] = [80_877_103, 80_877_104];
/// The end of an answer outside of a transaction: whatever was asked is committed.
const READY: &[u8] = b"Z\0\0\0\x05I";

/// What a statement does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Does {
    /// It writes what was decided about runs.
    Commit,
    /// It asks what may be started.
    Claim,
    /// It says that a worker is there.
    Beat,
    Other,
}

impl Does {
    fn of(sql: &[u8]) -> Self {
        let has = |words: &str| sql.windows(words.len()).any(|some| some == words.as_bytes());
        if has("INTO run_events") {
            Self::Commit
        } else if has("owners AS MATERIALIZED") {
            Self::Claim
        } else if has("INSERT INTO workers AS w") {
            Self::Beat
        } else {
            Self::Other
        }
    }
}

/// How far a statement is on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum At {
    /// It was not sent.
    Asked,
    /// A half of it was sent, which is nothing.
    Torn,
    /// It was done, and nobody was told.
    Answered,
}

/// Holds the next statement of a sort, and says so.
#[derive(Debug)]
pub(crate) struct Trap {
    pub(crate) does: Does,
    pub(crate) at: At,
    pub(crate) sprung: oneshot::Sender<()>,
}

/// The next frame, whole. The first of a connection has no letter before its length.
pub(super) async fn read_frame(from: &mut (impl AsyncRead + Unpin), has_letter: bool) -> io::Result<Vec<u8>> {
    let n_head = if has_letter { 5 } else { 4 };
    let mut frame = vec![0; n_head];
    from.read_exact(&mut frame).await?;
    let n = number(&frame[n_head - 4..]).and_then(|n| usize::try_from(n).ok()).and_then(|n| n.checked_sub(4));
    let n = n.filter(|n| *n <= MOST_BYTES).ok_or(io::ErrorKind::InvalidData)?;
    frame.resize(n_head + n, 0);
    from.read_exact(&mut frame[n_head..]).await?;
    Ok(frame)
}

/// Whether another beginning follows this one.
pub(super) fn asks_for_encryption(first: &[u8]) -> bool {
    first.get(4..8).and_then(number).is_some_and(|code| ENCRYPTION.contains(&code))
}

pub(super) fn ends_answer(bytes: &[u8]) -> bool {
    bytes.ends_with(READY)
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_be_bytes)
}

/// The statements that a connection prepared, by their names.
#[derive(Debug, Default)]
pub(super) struct Statements(BTreeMap<Vec<u8>, Does>);

impl Statements {
    /// What is done next, where the frame begins to do something.
    pub(super) fn see(&mut self, frame: &[u8]) -> Option<Does> {
        let body = frame.get(5..)?;
        match frame.first()? {
            b'P' => {
                let (name, rest) = text(body)?;
                let (sql, _) = text(rest)?;
                self.0.insert(name.to_vec(), Does::of(sql));
                None
            }
            b'B' => {
                let (_portal, rest) = text(body)?;
                let (name, _) = text(rest)?;
                Some(self.0.get(name).copied().unwrap_or(Does::Other))
            }
            _ => None,
        }
    }
}

/// Up to the next zero, and what is behind it.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(letter: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[letter][..], &length, body].concat()
    }

    #[test]
    fn a_statement_is_known_by_what_was_prepared_under_its_name() {
        let mut statements = Statements::default();
        for (name, sql) in [
            ("s1", "WITH a AS (INSERT INTO run_events (run_id) SELECT 1) SELECT 1"),
            ("s2", "WITH owners AS MATERIALIZED (SELECT 1) SELECT 1"),
            ("s3", "INSERT INTO workers AS w (id) VALUES ($1)"),
            ("", "SELECT 1"),
        ] {
            assert_eq!(statements.see(&framed(b'P', format!("{name}\0{sql}\0\0\0").as_bytes())), None);
        }
        let mut bound = |name: &str| statements.see(&framed(b'B', format!("\0{name}\0\0\0\0").as_bytes()));
        let done = ["s1", "s2", "s3", "", "s9"].map(&mut bound);
        assert_eq!(done, [Does::Commit, Does::Claim, Does::Beat, Does::Other, Does::Other].map(Some));
        assert_eq!(statements.see(&framed(b'S', b"")), None);
        assert_eq!(statements.see(b"B"), None);
    }

    #[tokio::test]
    async fn frames_come_as_they_were_sent_and_what_is_none_is_refused() {
        let begin = [&12_u32.to_be_bytes()[..], &196_608_u32.to_be_bytes(), b"user"].concat();
        let sync = framed(b'S', b"");
        let mut sent = &[&begin[..], &sync].concat()[..];
        assert_eq!(read_frame(&mut sent, false).await.unwrap(), begin);
        assert_eq!(read_frame(&mut sent, true).await.unwrap(), sync);
        assert!(read_frame(&mut sent, true).await.is_err(), "it is over");
        assert!(read_frame(&mut &[0, 0, 0, 3][..], false).await.is_err(), "shorter than its length");
        assert!(read_frame(&mut &[0xff; 8][..], false).await.is_err(), "larger than any");
        assert!(!asks_for_encryption(&begin));
        assert!(asks_for_encryption(&[&8_u32.to_be_bytes()[..], &80_877_103_u32.to_be_bytes()].concat()));
        assert!(ends_answer(&framed(b'Z', b"I")) && !ends_answer(&framed(b'Z', b"T")));
    }
}
