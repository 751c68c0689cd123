//! Every bound of the workers' protocol, in one place: docs/workers.md names the same numbers.

use std::time::Duration;

/// The version that this server speaks.
pub const PROTOCOL: u32 = 1;
/// Ours that are older than this are told so: by name, the first version that is understood.
pub const OLDEST_SDK: (&str, [u32; 3]) = ("weft-worker", [0, 1, 0]);

/// A session without a beat for so long is over, once two looks found it so.
pub const LEASE: Duration = Duration::from_secs(20);
pub const BEAT_EVERY: Duration = Duration::from_secs(5);
/// For a claim or a beat.
pub const MAX_WAIT: Duration = Duration::from_secs(30);
/// Bytes of a value that goes with a task; larger ones are content of their own.
pub const MAX_INLINE: usize = 64 * 1024;
/// Bytes of values in one answer to a claim; further ones are content too.
pub const MAX_INLINE_OF_CLAIM: usize = 8 * 1024 * 1024;
/// Tasks of one answer, however many slots are free.
pub const MAX_TASKS_OF_CLAIM: usize = 100;
pub const MAX_SLOTS: i32 = 1_000;
/// Sessions of one token at a time.
pub const MAX_SESSIONS: i64 = 20_000;
/// Agents of one session.
pub const MAX_AGENTS: usize = 200;
/// Offers of one token, over all time.
pub const MAX_OFFERS: i64 = 1_000;
/// Bytes of one offered agent.
pub const MAX_OFFER_BYTES: usize = 256 * 1024;
pub const MAX_LABELS: usize = 32;
pub const MAX_LABEL_CHARS: usize = 200;

/// Results of one call.
pub const MAX_RESULTS: usize = 1_000;
/// Tasks of one beat.
pub const MAX_TASKS_OF_BEAT: usize = 2_000;
/// Bytes of text that one beat shows of an attempt.
pub const MAX_DELTA_BYTES: usize = 64 * 1024;
/// Bytes of text of one attempt that are kept for who looks later.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;
pub const MAX_CHECKPOINT_BYTES: usize = 16 * 1024;
pub const MAX_NOTE_CHARS: usize = 200;
pub const MAX_LOG_LINES: usize = 1_000;
pub const MAX_LOG_BYTES: usize = 256 * 1024;
/// Bytes of one line.
pub const MAX_LINE_BYTES: usize = 8 * 1024;
/// Characters of what went wrong.
pub const MAX_ERROR_CHARS: usize = 16 * 1024;

/// Of a callback, and of what waits for one.
pub const MAX_CALLBACK_WITHIN_S: i64 = 30 * 24 * 60 * 60;
/// Secrets of one attempt.
pub const MAX_CALLBACKS: usize = 8;
/// Bytes of one piece of content that is sent.
pub const MAX_BLOB_BYTES: u64 = workflow::schema::MAX_FILE_BYTES;
/// Content of a result that is checked against its port is read whole.
pub const MAX_OUTPUT_BYTES: usize = workflow::limits::MAX_ARTIFACT_BYTES;
/// Memory for values that are read for tasks and results, at a time.
pub const MEMORY: usize = 256 * 1024 * 1024;

/// How long what was read of a token is believed.
pub const TOKEN_FRESH: Duration = Duration::from_secs(2);
/// How often it is looked at what changed of sessions, while there are any.
pub const LOOK_AT_SESSIONS: Duration = Duration::from_secs(1);
/// How often it is looked at what may be claimed, while somebody waits and nothing wakes it.
pub const LOOK_AT_QUEUE: Duration = Duration::from_secs(1);
/// Between two beats of which neither names a task, until its answer counts as lost.
pub const MISSED_AGAIN: Duration = Duration::from_millis(4_500);
/// How long a changed standing is told, in every beat.
pub const TELL_AGAIN: Duration = Duration::from_secs(15);
/// Between the end of a session and that it counts as dead: what was being started for it has come to something by then.
pub const ENDING: Duration = Duration::from_secs(2);
/// How long it is believed that all slots of a session are taken, where nothing tells that one is free.
pub const FULL_FRESH: Duration = Duration::from_secs(1);
/// How often it is looked at what is due.
pub const LOOK_AT_DUE: Duration = Duration::from_secs(2);
