//! Whether the server can be reached, for the whole app: since when it cannot, and for a moment that it can again.
//! Must never guess: only what the live socket hears, or no longer hears, changes it.

use std::time::Duration;

use leptos::prelude::*;

use crate::clock;

/// A socket that was closed is mostly open again by then, as when the server is restarted: nothing is said until then.
const GRACE: Duration = Duration::from_secs(2);
/// So long the page says that the connection is back.
const SAY_BACK: Duration = Duration::from_secs(6);

#[derive(Clone, Copy)]
pub struct Link {
    /// Milliseconds since 1970 at which the server was last heard, while it is not.
    lost_since: RwSignal<Option<i64>>,
    /// Since when it is heard again, for a moment.
    back_since: RwSignal<Option<i64>>,
    /// Requests are answered although the socket does not come through.
    answers_requests: RwSignal<bool>,
    /// A person wants to try now.
    asks: RwSignal<u32>,
    heard_at: StoredValue<Option<i64>>,
    /// Of the pauses that timers wait for.
    turn: StoredValue<u32>,
}

/// The shell calls it once, before `live::provide_mine`.
pub fn provide_link() -> Link {
    let link = Link {
        lost_since: RwSignal::new(None),
        back_since: RwSignal::new(None),
        answers_requests: RwSignal::new(false),
        asks: RwSignal::new(0),
        heard_at: StoredValue::new(None),
        turn: StoredValue::new(0),
    };
    provide_context(link);
    link
}

/// None on pages without the shell.
pub fn use_link() -> Option<Link> {
    use_context()
}

impl Link {
    /// Since when nothing is heard, as milliseconds since 1970; `None` while all is well. Not followed: timers ask.
    pub fn lost_since_untracked(self) -> Option<i64> {
        self.lost_since.try_get_untracked().flatten()
    }

    /// Since when nothing is heard, for the words about it.
    pub fn lost_since(self) -> Option<i64> {
        self.lost_since.get()
    }

    /// Since when it is heard again, for a moment after that.
    pub fn back_since(self) -> Option<i64> {
        self.back_since.get()
    }

    /// Whether requests are answered although the socket does not come through.
    pub fn has_answers(self) -> bool {
        self.answers_requests.get()
    }

    /// A person wants to try now.
    pub fn ask(self) {
        self.asks.update(|asks| *asks = asks.wrapping_add(1));
    }

    pub fn is_lost(self) -> bool {
        self.lost_since.with(Option::is_some)
    }

    /// Grows whenever a person asks to try now.
    pub fn asks(self) -> u32 {
        self.asks.get()
    }

    /// The server said something.
    pub fn heard(self) {
        let now = clock::now();
        if self.heard_at.try_set_value(Some(now)).is_some() {
            return;
        }
        self.next_turn();
        if self.lost_since.try_get_untracked().flatten().is_some() {
            self.lost_since.set(None);
            self.answers_requests.set(false);
            self.back_since.set(Some(now));
            set_timeout(
                move || {
                    if self.back_since.try_get_untracked() == Some(Some(now)) {
                        self.back_since.set(None);
                    }
                },
                SAY_BACK,
            );
        }
    }

    /// The socket was closed; it may be open again in a moment.
    pub fn closed(self) {
        let turn = self.next_turn();
        set_timeout(
            move || {
                if self.turn.try_get_value() == Some(turn) {
                    self.lost();
                }
            },
            GRACE,
        );
    }

    /// Nothing was heard for too long.
    pub fn lost(self) {
        if self.lost_since.try_get_untracked() == Some(None) {
            let since = self.heard_at.get_value().unwrap_or_else(clock::now);
            self.back_since.set(None);
            self.lost_since.set(Some(since));
        }
    }

    /// What a request found out while the socket does not come through.
    pub fn answers_requests(self, answers: bool) {
        self.answers_requests.try_set(answers);
    }

    fn next_turn(self) -> u32 {
        self.turn
            .try_update_value(|turn| {
                *turn = turn.wrapping_add(1);
                *turn
            })
            .unwrap_or_default()
    }
}
