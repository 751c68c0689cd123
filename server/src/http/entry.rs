//! How a route or a server function is entered: by whom, and how much is read of what they send. The kinds that there are.
//! Must never be looser by default than for those who are signed in, with little.

/// Who is let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum For {
    Everybody,
    SignedIn,
    /// By a token of theirs alone: people are kept out.
    Workers,
}

/// How a route or a function is entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    pub is_for: For,
    /// Bytes of its body.
    pub limit: usize,
    /// Whether it is one of the requests that a person has in a second.
    pub is_counted: bool,
    /// The handler reads the body itself, once it knows more of who asks.
    pub is_streamed: bool,
}

/// What signing in and the first run need, for everybody.
pub(super) const OPEN: Entry = Entry { is_for: For::Everybody, ..entry(4 * 1024) };
/// What is not read at all.
pub(super) const NOTHING: Entry = entry(0);
/// A live socket, which reads nothing here and counts by itself how often it is opened.
pub(super) const SOCKET: Entry = Entry { is_counted: false, ..entry(0) };
pub(super) const SMALL: Entry = entry(64 * 1024);
/// 64 KiB of feedback in JSON's words, in which a character may take six bytes.
pub(super) const TEXT: Entry = entry(512 * 1024);
/// Inputs, definitions, agents and contents: above their own limits of 4 MiB, whose checks can then say more than this one.
pub(super) const CONTENT: Entry = entry(6 * 1024 * 1024);

/// A file of workflows: above its own limit of 6 MiB, whose check can then say more.
pub(super) const EXCHANGE: Entry = entry(8 * 1024 * 1024);
/// The same file in JSON's words, in which line ends and quotes take two bytes.
pub(super) const EXCHANGE_IN_JSON: Entry = entry(12 * 1024 * 1024 + 64 * 1024);

/// A table of many runs; in JSON's words too, in which line ends and quotes take two bytes. Less than what one person may have on its way.
pub(super) const TABLE: Entry = entry(12 * 1024 * 1024);

/// For outside workers, whose requests are counted by session.
pub(super) const WORKER: Entry = Entry { is_for: For::Workers, is_counted: false, ..SMALL };
pub(super) const WORKER_CONTENT: Entry = Entry { limit: CONTENT.limit, ..WORKER };
/// Content of any size, which is taken piece by piece.
pub(super) const WORKER_STREAM: Entry = Entry { is_streamed: true, ..WORKER };
/// For whoever has a secret, which is looked at before the body.
pub(super) const SECRET: Entry = Entry { is_for: For::Everybody, is_counted: false, is_streamed: true, ..CONTENT };

/// For those who are signed in, each of whose requests counts.
const fn entry(limit: usize) -> Entry {
    Entry { is_for: For::SignedIn, limit, is_counted: true, is_streamed: false }
}
