//! The live feed in the browser: a socket that comes back by itself, for one run or for all of mine.
//! Must never decide what a frame means: the reader folds it, with the same reducer as the server's tests.

mod heart;
mod retry;

use std::{sync::Arc, time::Duration};

use codee::string::JsonSerdeCodec;
use leptos::{ev, prelude::*, task::spawn_local};
use leptos_use::{
    ReconnectLimit, UseWebSocketOptions, UseWebSocketReturn, core::ConnectionReadyState, use_document_visibility,
    use_websocket_with_options,
};
use serde::{Serialize, de::DeserializeOwned};
use workflow::{
    RunId,
    api::{Beat, Follow, MyFrame, RunFrame, Whereabouts},
};

use self::{
    heart::{Heart, Look},
    retry::Retry,
};
use crate::clock;
use crate::hydration::{self, Standing};
use crate::later::{later, soon};
use crate::link::{Link, use_link};
use crate::reactive::{effect, effect_with, memo};
use crate::session::Session;

// Nothing of it is needed to draw a page.
later! {
    live: feed_of_mine, fn(Mine), Mine::follow;
}

/// How the feed stands, for the page to say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Connection {
    Connecting,
    Open,
    /// What is shown may be old; the socket is being opened again.
    Lost,
}

/// Follows one run. `known` gives the last event already known, and is asked again at each reconnect.
pub fn follow_run(
    id: RunId,
    known: impl Fn() -> Follow + Send + Sync + 'static,
    on_frame: impl Fn(&RunFrame) + Send + Sync + 'static,
) -> Signal<Connection> {
    follow(&format!("/api/workflows/runs/{id}/live"), None, None, known, on_frame, || ())
}

/// Opens the one socket about my runs that the whole app shares, once its program is there; the shell calls it once.
pub fn provide_mine() {
    let mine = Mine {
        listeners: StoredValue::new(Vec::new()),
        last_id: StoredValue::new(0),
        connection: RwSignal::new(Connection::Connecting),
        whereabouts: RwSignal::new(Whereabouts::default()),
        speaker: StoredValue::new(0),
    };
    provide_context(mine);
    let feed = soon(feed_of_mine);
    // Until then a page does not hear that the connection is lost, so not all of it answers.
    let standing = StoredValue::new((!hydration::is_over()).then(Standing::begin));
    effect(move || {
        if let Some(follow) = feed.get() {
            untrack(|| follow(mine));
            standing.try_update_value(|standing| *standing = None);
        }
    });
}

/// Hears of changes among my runs until the calling component goes.
pub fn follow_mine(on_frame: impl Fn(&MyFrame) + Send + Sync + 'static) -> Signal<Connection> {
    let mine = expect_context::<Mine>();
    mine.last_id.update_value(|id| *id += 1);
    let id = mine.last_id.get_value();
    mine.listeners.update_value(|listeners| listeners.push((id, Arc::new(on_frame))));
    on_cleanup(move || {
        mine.listeners.try_update_value(|listeners| listeners.retain(|(known, _)| *known != id));
    });
    mine.connection.into()
}

/// Says where the calling component is, until it goes or another one speaks.
pub fn speak() -> Speaker {
    let mine = expect_context::<Mine>();
    mine.last_id.update_value(|id| *id += 1);
    let speaker = Speaker { id: mine.last_id.get_value(), mine };
    mine.speaker.set_value(speaker.id);
    on_cleanup(move || speaker.say(Whereabouts::default()));
    speaker
}

#[derive(Clone, Copy)]
pub struct Speaker {
    id: u64,
    mine: Mine,
}

impl Speaker {
    /// Whoever spoke before is not heard any more: of two pages, the new one may begin before the old one has gone.
    pub fn say(self, whereabouts: Whereabouts) {
        let known = self.mine.whereabouts;
        let is_news = || known.try_with_untracked(|known| *known != whereabouts) == Some(true);
        if self.mine.speaker.try_get_value() == Some(self.id) && is_news() {
            known.set(whereabouts);
        }
    }
}

type Listener = Arc<dyn Fn(&MyFrame) + Send + Sync>;

#[derive(Clone, Copy)]
struct Mine {
    listeners: StoredValue<Vec<(u64, Listener)>>,
    last_id: StoredValue<u64>,
    connection: RwSignal<Connection>,
    /// Where this tab is, and who said so last.
    whereabouts: RwSignal<Whereabouts>,
    speaker: StoredValue<u64>,
}

impl Mine {
    fn follow(self) {
        let tell = move |frame: &MyFrame| {
            for (_, listener) in self.listeners.get_value() {
                listener(frame);
            }
        };
        // There is no log to replay: what changed before the socket was open is fetched.
        let resync = move || tell(&MyFrame::Resync);
        let feed = follow("/api/live", use_link(), Some(self.whereabouts), Follow::default, tell, resync);
        effect(move || self.connection.set(feed.get()));
    }
}

/// The server closes with "policy violation" when the session is over.
const SESSION_ENDED: u16 = 1008;
/// How often it is looked whether the socket is alive.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is said to the server.
#[derive(Serialize)]
#[serde(untagged)]
enum Said {
    Follow(Follow),
    Beat(Beat),
    At(Whereabouts),
}

#[derive(Clone, Copy)]
struct Feed {
    session: Session,
    /// Where this socket speaks for the whole app.
    link: Option<Link>,
    connection: RwSignal<Connection>,
    heart: StoredValue<Heart>,
    retry: Retry,
}

impl Feed {
    fn heart<R>(self, change: impl FnOnce(&mut Heart) -> R) -> Option<R> {
        self.heart.try_update_value(change)
    }

    fn heard(self) {
        if self.heart(|heart| heart.heard(clock::now())) == Some(true)
            && let Some(link) = self.link
        {
            link.heard();
        }
    }

    /// The socket is no longer of use. `is_silent` where nothing has closed it.
    fn lost(self, is_silent: bool, has_session_ended: bool) {
        self.heart(Heart::closed);
        self.connection.set(Connection::Lost);
        if let Some(link) = self.link {
            if is_silent { link.lost() } else { link.closed() }
        }
        // A refused socket tells the browser nothing of the reason: ask whether it was the session.
        if self.retry.closed() || has_session_ended {
            spawn_local(async move {
                let has_answered = self.session.verify().await;
                if let Some(link) = self.link {
                    link.answers_requests(has_answered);
                }
            });
        }
    }
}

/// leptos-use owns the socket; its own retries come at a fixed interval, so the backing off is done here, and its own heartbeat
/// does not notice when no answer comes.
fn follow<Frame>(
    url: &str,
    link: Option<Link>,
    whereabouts: Option<RwSignal<Whereabouts>>,
    known: impl Fn() -> Follow + Send + Sync + 'static,
    on_frame: impl Fn(&Frame) + Send + Sync + 'static,
    on_open: impl Fn() + Send + Sync + 'static,
) -> Signal<Connection>
where
    Frame: DeserializeOwned + Send + Sync + 'static,
{
    let feed = Feed {
        session: expect_context::<Session>(),
        link,
        connection: RwSignal::new(Connection::Connecting),
        heart: StoredValue::new(Heart::new()),
        retry: Retry::new(),
    };
    let options = UseWebSocketOptions::default()
        .reconnect_limit(ReconnectLimit::Limited(0))
        .on_message_raw(move |_| feed.heard())
        .on_message(on_frame)
        .on_close(move |event| feed.lost(false, event.code() == SESSION_ENDED));
    let UseWebSocketReturn { ready_state, send, open, .. } =
        use_websocket_with_options::<Said, Frame, JsonSerdeCodec, _, _>(url, options);
    feed.retry.opens_with(move || {
        feed.heart(|heart| heart.opening(clock::now()));
        open();
    });
    let beat = {
        let send = send.clone();
        let number = StoredValue::new(0_u32);
        Arc::new(move || {
            number.update_value(|number| *number = number.wrapping_add(1));
            send(&Said::Beat(Beat { beat: number.get_value() }));
        })
    };
    if let Some(whereabouts) = whereabouts {
        let send = send.clone();
        // Anew on each socket; and nothing of a page that is nowhere, unless it was somewhere.
        effect_with(move |was_somewhere: Option<bool>| {
            let is_open = ready_state.get() == ConnectionReadyState::Open;
            whereabouts.with(|now| {
                let says = is_open && (now.at.is_some() || was_somewhere == Some(true));
                if says {
                    send(&Said::At(now.clone()));
                }
                says && now.at.is_some()
            })
        });
    }
    // leptos-use calls `on_open` before it allows sending, hence an effect on the state.
    effect(move || {
        if ready_state.get() == ConnectionReadyState::Open {
            feed.retry.opened();
            feed.heart(|heart| heart.opened(clock::now()));
            send(&Said::Follow(untrack(&known)));
            feed.connection.set(Connection::Open);
            if let Some(link) = feed.link {
                untrack(|| link.heard());
            }
            untrack(&on_open);
        }
    });
    listen(feed, beat);
    retry_when_worthwhile(feed);
    feed.connection.into()
}

/// Asks for a word when none was heard for a while, and gives up the socket when none comes.
fn listen(feed: Feed, beat: Arc<dyn Fn() + Send + Sync>) {
    let act = move |look: Look| match look {
        Look::Fine => {}
        Look::Ask => beat(),
        Look::Dead => feed.lost(true, false),
    };
    effect(move || {
        // leptos-use opens the first socket by itself, as the page begins.
        feed.heart(|heart| heart.opening(clock::now()));
        let look = act.clone();
        let timer = set_interval_with_handle(
            move || {
                if let Some(found) = feed.heart(|heart| heart.look(clock::now())) {
                    look(found);
                }
            },
            LOOK_EVERY,
        );
        let doubt = act.clone();
        let offline = window_event_listener(ev::offline, move |_| {
            if let Some(found) = feed.heart(|heart| heart.doubt(clock::now())) {
                doubt(found);
            }
        });
        on_cleanup(move || {
            offline.remove();
            if let Ok(timer) = timer {
                timer.clear();
            }
        });
    });
}

/// Retries at once when there is a new reason to: the page is looked at, the network is back, somebody signed in or asks for it.
fn retry_when_worthwhile(feed: Feed) {
    let visibility = use_document_visibility();
    let session = feed.session;
    let retry_now = move || {
        if feed.connection.get_untracked() == Connection::Lost {
            feed.retry.now();
        }
    };
    let is_worthwhile = memo(move || visibility.get() != web_sys::VisibilityState::Hidden && !session.has_ended());
    effect_with(move |before: Option<bool>| {
        let is_worthwhile = is_worthwhile.get();
        feed.retry.allow(is_worthwhile);
        if is_worthwhile && before == Some(false) {
            retry_now();
        }
        is_worthwhile
    });
    if let Some(link) = use_link() {
        effect_with(move |before: Option<u32>| {
            let asks = link.asks();
            if before.is_some_and(|before| before != asks) {
                retry_now();
            }
            asks
        });
    }
    effect(move || {
        let online = window_event_listener(ev::online, move |_| retry_now());
        on_cleanup(move || online.remove());
    });
}
