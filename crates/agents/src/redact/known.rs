//! What a process has opened, so that its log has no value of it. Must not grow with the life of a process: the oldest are forgotten.

use std::{
    borrow::Cow,
    collections::{BTreeSet, VecDeque},
    sync::{PoisonError, RwLock},
};

use workflow::SecretName;

use super::{Redactor, spellings::spellings};

/// Bytes of the spellings that a process remembers; beyond that it forgets the oldest.
const MAX_KNOWN_BYTES: usize = 16 * 1024 * 1024;
/// What was opened in this process, for the log.
static KNOWN: RwLock<Known> =
    RwLock::new(Known { redactor: Redactor { needles: Vec::new() }, values: VecDeque::new(), n_bytes: 0 });

/// What a process has opened.
struct Known {
    redactor: Redactor,
    /// The spellings of each, the oldest first.
    values: VecDeque<BTreeSet<String>>,
    n_bytes: usize,
}

/// A process' log has no value in it that was opened here.
pub fn remember(name: &SecretName, value: &str) {
    let is_known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).redactor.knows(value);
    if !is_known {
        // Before every line of the log has to wait.
        let spellings = spellings(value);
        KNOWN.write().unwrap_or_else(PoisonError::into_inner).add(name, spellings, MAX_KNOWN_BYTES);
    }
}

/// A line for the log without what this process has opened.
pub fn redacted(line: &str) -> Cow<'_, str> {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).redactor.text(line)
}

impl Known {
    fn add(&mut self, name: &SecretName, spellings: BTreeSet<String>, max_bytes: usize) {
        self.n_bytes += n_bytes(&spellings);
        self.redactor.put(name, &spellings);
        self.values.push_back(spellings);
        // The newest is what is about to be sent.
        while self.n_bytes > max_bytes && self.values.len() > 1 {
            let Some(oldest) = self.values.pop_front() else { return };
            self.n_bytes -= n_bytes(&oldest);
            let is_gone =
                |needle: &String| oldest.contains(needle) && !self.values.iter().any(|value| value.contains(needle));
            self.redactor.needles.retain(|(needle, _)| !is_gone(needle));
        }
    }
}

fn n_bytes(spellings: &BTreeSet<String>) -> usize {
    spellings.iter().map(String::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_forgets_the_oldest_and_not_what_it_just_opened() {
        let mut known = Known { redactor: Redactor::default(), values: VecDeque::new(), n_bytes: 0 };
        let one = n_bytes(&spellings("the-value-0"));
        for n in 0..10 {
            known.add(&"key".into(), spellings(&format!("the-value-{n}")), 4 * one);
            assert!(known.redactor.knows(&format!("the-value-{n}")) && known.n_bytes <= 4 * one, "{n}");
        }
        assert!(!known.redactor.knows("the-value-0") && known.redactor.knows("the-value-8"));
        assert_eq!(known.values.len(), 4);
        known.add(&"key".into(), spellings(&"large".repeat(1_000)), 4 * one);
        assert!(known.redactor.knows(&"large".repeat(1_000)), "though it alone is more");
        assert_eq!((known.values.len(), known.redactor.needles.len()), (1, known.values[0].len()));
    }

    #[test]
    fn a_line_of_the_log_is_without_what_was_opened() {
        assert_eq!(redacted("a log-c4n4ry-value"), "a log-c4n4ry-value");
        remember(&"log".into(), "log-c4n4ry-value");
        remember(&"log".into(), "log-c4n4ry-value");
        assert_eq!(redacted("a log-c4n4ry-value"), "a [secret log]");
        assert!(matches!(redacted("nothing"), Cow::Borrowed(_)));
    }
}
