//! Whether a socket is alive, by what is heard on it: a path that swallows everything closes nothing.
//! Pure: the time is an argument, in milliseconds.

/// After so long without a word the server is asked for one.
const BEAT_EVERY: i64 = 3_000;
/// It answers at once, so an answer that takes so long does not come.
const ANSWER_WITHIN: i64 = 3_000;
/// The browser has said that the network is gone: then the answer is waited for less long.
const HURRY: i64 = 1_000;
/// A socket that is not open by then is given up.
const OPEN_WITHIN: i64 = 6_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Closed,
    Opening {
        since: i64,
    },
    Open {
        heard_at: i64,
        /// Until when the answer to a beat is waited for.
        asked_until: Option<i64>,
        /// The answer was late at the last look. A page that was busy hears it before the next one.
        is_late: bool,
    },
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Look {
    Fine,
    /// Send a beat.
    Ask,
    /// Nobody is there any more.
    Dead,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Heart(State);

impl Heart {
    pub(super) fn new() -> Self {
        Self(State::Closed)
    }

    pub(super) fn opening(&mut self, now: i64) {
        self.0 = State::Opening { since: now };
    }

    pub(super) fn opened(&mut self, now: i64) {
        self.0 = State::Open { heard_at: now, asked_until: None, is_late: false };
    }

    pub(super) fn closed(&mut self) {
        self.0 = State::Closed;
    }

    /// Whether the word came through the socket that is in use.
    pub(super) fn heard(&mut self, now: i64) -> bool {
        let is_open = matches!(self.0, State::Open { .. });
        if is_open {
            self.opened(now);
        }
        is_open
    }

    /// The browser says that the network is gone, which is true of the network and not always of the server.
    pub(super) fn doubt(&mut self, now: i64) -> Look {
        match &mut self.0 {
            State::Open { asked_until, .. } => {
                *asked_until = Some(asked_until.map_or(now + HURRY, |until| until.min(now + HURRY)));
                Look::Ask
            }
            State::Closed | State::Opening { .. } => Look::Fine,
        }
    }

    /// To be called twice a second.
    pub(super) fn look(&mut self, now: i64) -> Look {
        match &mut self.0 {
            State::Closed => Look::Fine,
            State::Opening { since } => {
                if now - *since >= OPEN_WITHIN {
                    Look::Dead
                } else {
                    Look::Fine
                }
            }
            State::Open { heard_at, asked_until: asked_until @ None, .. } => {
                if now - *heard_at < BEAT_EVERY {
                    return Look::Fine;
                }
                *asked_until = Some(now + ANSWER_WITHIN);
                Look::Ask
            }
            State::Open { asked_until: Some(until), is_late, .. } => {
                let was_late = std::mem::replace(is_late, now >= *until);
                if was_late && *is_late { Look::Dead } else { Look::Fine }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Heart, Look};

    /// Looks twice a second from `from` on, and says when something else than `Fine` was to be done.
    fn watch(heart: &mut Heart, from: i64, to: i64) -> Vec<(i64, Look)> {
        let times = (from..=to).step_by(500);
        times.map(|now| (now, heart.look(now))).filter(|(_, look)| *look != Look::Fine).collect()
    }

    #[test]
    fn a_path_that_swallows_everything_is_known_within_eight_seconds() {
        let mut heart = Heart::new();
        heart.opened(0);
        assert_eq!(
            watch(&mut heart, 500, 8_000),
            [(3_000, Look::Ask), (6_500, Look::Dead), (7_000, Look::Dead), (7_500, Look::Dead), (8_000, Look::Dead)]
        );
    }

    #[test]
    fn who_answers_is_asked_again_later() {
        let mut heart = Heart::new();
        heart.opened(0);
        assert_eq!(watch(&mut heart, 500, 3_000), [(3_000, Look::Ask)]);
        assert!(heart.heard(3_100));
        assert_eq!(watch(&mut heart, 3_500, 7_000), [(6_500, Look::Ask)]);
    }

    #[test]
    fn a_page_that_slept_hears_what_has_come_before_it_judges() {
        let mut heart = Heart::new();
        heart.opened(0);
        assert_eq!(heart.look(3_000), Look::Ask);
        assert_eq!(heart.look(63_000), Look::Fine, "the answer may wait behind the timer");
        assert!(heart.heard(63_001));
        assert_eq!(heart.look(63_500), Look::Fine);
    }

    #[test]
    fn a_socket_that_does_not_open_is_given_up_and_an_old_one_is_not_believed() {
        let mut heart = Heart::new();
        heart.opening(0);
        assert_eq!(watch(&mut heart, 500, 6_000), [(6_000, Look::Dead)]);
        heart.closed();
        assert!(!heart.heard(6_500), "a word from a socket that was given up");
        assert_eq!(watch(&mut heart, 7_000, 60_000), []);
    }

    #[test]
    fn a_network_that_is_said_to_be_gone_is_doubted_at_once() {
        let mut heart = Heart::new();
        heart.opened(0);
        assert_eq!(heart.doubt(1_000), Look::Ask);
        assert_eq!(watch(&mut heart, 1_500, 2_500), [(2_500, Look::Dead)]);
        heart.closed();
        assert_eq!(heart.doubt(3_000), Look::Fine);
    }
}
