//! Reads again what the live feed says has changed: at once, but at most once a second, and never while the last answer is on its way.
//! Must never forget a change: what came while it read or rested is read for afterwards, once.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use leptos::{prelude::*, task::spawn_local};

/// So long after an answer it is not asked again.
const PAUSE: Duration = Duration::from_secs(1);

type Read = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>> + Send + Sync>;

/// For as long as the calling component is there.
#[derive(Clone, Copy)]
pub struct Paced {
    pace: StoredValue<Pace>,
    read: StoredValue<Read>,
}

impl Paced {
    pub fn new<F>(read: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + 'static,
    {
        let read: Read = Arc::new(move || -> Pin<Box<dyn Future<Output = ()>>> { Box::pin(read()) });
        Self { pace: StoredValue::new(Pace::default()), read: StoredValue::new(read) }
    }

    /// Only in the browser.
    pub fn ask(self) {
        if self.pace.try_update_value(Pace::ask) == Some(true) {
            self.begin();
        }
    }

    fn begin(self) {
        let Some(read) = self.read.try_get_value() else { return };
        spawn_local(async move {
            read().await;
            set_timeout(
                move || {
                    if self.pace.try_update_value(Pace::rested) == Some(true) {
                        self.begin();
                    }
                },
                PAUSE,
            );
        });
    }
}

/// Whether it reads or rests, and whether it was asked meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Pace {
    #[default]
    Idle,
    Busy,
    AskedMeanwhile,
}

impl Pace {
    /// Whether to begin now.
    fn ask(&mut self) -> bool {
        let begins = *self == Self::Idle;
        *self = if begins { Self::Busy } else { Self::AskedMeanwhile };
        begins
    }

    /// After the answer and the pause: whether to begin again.
    fn rested(&mut self) -> bool {
        let again = *self == Self::AskedMeanwhile;
        *self = if again { Self::Busy } else { Self::Idle };
        again
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn what_comes_while_it_reads_is_read_for_once_more_and_not_twice() {
        let mut pace = Pace::default();
        assert!(pace.ask(), "at once");
        assert!(!pace.ask() && !pace.ask(), "the answer is on its way");
        assert!(pace.rested(), "for both that came meanwhile");
        assert!(!pace.rested(), "and then no more");
        assert!(pace.ask(), "the next one at once again");
    }
}
