//! The live feed in the browser: a socket that comes back by itself, for one run or for all of mine.
//! Must never decide what a frame means: the reader folds it, with the same reducer as the server's tests.

use std::{sync::Arc, time::Duration};

use codee::string::JsonSerdeCodec;
use leptos::{ev, leptos_dom::helpers::TimeoutHandle, prelude::*};
use leptos_use::{
    ReconnectLimit, UseWebSocketOptions, UseWebSocketReturn, core::ConnectionReadyState, use_document_visibility,
    use_websocket_with_options,
};
use serde::de::DeserializeOwned;
use workflow::{
    RunId,
    api::{Follow, MyFrame, RunFrame},
};

use crate::reactive::{effect, effect_with, memo};
use crate::session::Session;

/// How the feed stands, for the page to say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Connection {
    Connecting,
    Open,
    /// What is shown may be old; the socket is being opened again.
    Lost,
}

/// Follows one run. `after` gives the last event already known, and is asked again at each reconnect.
pub fn follow_run(
    id: RunId,
    after: impl Fn() -> i64 + Send + Sync + 'static,
    on_frame: impl Fn(&RunFrame) + Send + Sync + 'static,
) -> Signal<Connection> {
    follow(&format!("/api/workflows/runs/{id}/live"), after, on_frame, || ())
}

/// Opens the one socket about my runs that the whole app shares; the shell calls it once.
pub fn provide_mine() {
    let listeners = StoredValue::new(Vec::<(u64, Listener)>::new());
    let tell = move |frame: &MyFrame| {
        for (_, listener) in listeners.get_value() {
            listener(frame);
        }
    };
    // There is no log to replay: what changed before the socket was open is fetched.
    let connection = follow("/api/live", || 0, tell, move || tell(&MyFrame::Resync));
    provide_context(Mine { listeners, last_id: StoredValue::new(0), connection });
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
    mine.connection
}

type Listener = Arc<dyn Fn(&MyFrame) + Send + Sync>;

#[derive(Clone, Copy)]
struct Mine {
    listeners: StoredValue<Vec<(u64, Listener)>>,
    last_id: StoredValue<u64>,
    connection: Signal<Connection>,
}

/// The first retry comes after about this long, each further one after twice as long.
const FIRST_DELAY_MS: f64 = 400.0;
const MAX_DELAY_MS: f64 = 20_000.0;
/// The server closes with "policy violation" when the session is over.
const SESSION_ENDED: u16 = 1008;
/// A socket that lived this long was fine: the next retry is a first one again.
const HEALTHY_MS: f64 = 10_000.0;

/// leptos-use owns the socket; its own retries come at a fixed interval, so the backing off is done here.
fn follow<Frame>(
    url: &str,
    after: impl Fn() -> i64 + Send + Sync + 'static,
    on_frame: impl Fn(&Frame) + Send + Sync + 'static,
    on_open: impl Fn() + Send + Sync + 'static,
) -> Signal<Connection>
where
    Frame: DeserializeOwned + Send + Sync + 'static,
{
    let session = expect_context::<Session>();
    let connection = RwSignal::new(Connection::Connecting);
    let retry = Retry::new();
    let options = UseWebSocketOptions::default()
        .reconnect_limit(ReconnectLimit::Limited(0))
        .on_message(on_frame)
        .on_close(move |event| {
            connection.set(Connection::Lost);
            let was_never_open = retry.closed();
            // A refused socket tells the browser nothing of the reason: ask whether it was the session.
            if was_never_open || event.code() == SESSION_ENDED {
                session.verify();
            }
        });
    let UseWebSocketReturn { ready_state, send, open, .. } =
        use_websocket_with_options::<Follow, Frame, JsonSerdeCodec, _, _>(url, options);
    retry.opens_with(open);
    // leptos-use calls `on_open` before it allows sending, hence an effect on the state.
    effect(move || {
        if ready_state.get() == ConnectionReadyState::Open {
            retry.opened();
            send(&Follow { after: untrack(&after) });
            connection.set(Connection::Open);
            untrack(&on_open);
        }
    });
    retry_when_worthwhile(session, connection, retry);
    connection.into()
}

/// Retries at once when there is a new reason to: the page is looked at, the network is back, somebody signed in.
fn retry_when_worthwhile(session: Session, connection: RwSignal<Connection>, retry: Retry) {
    let visibility = use_document_visibility();
    let retry_now = move || {
        if connection.get_untracked() == Connection::Lost {
            retry.now();
        }
    };
    let is_worthwhile = memo(move || visibility.get() != web_sys::VisibilityState::Hidden && !session.has_ended());
    effect_with(move |before: Option<bool>| {
        let is_worthwhile = is_worthwhile.get();
        retry.allow(is_worthwhile);
        if is_worthwhile && before == Some(false) {
            retry_now();
        }
        is_worthwhile
    });
    effect(move || {
        let online = window_event_listener(ev::online, move |_| retry_now());
        on_cleanup(move || online.remove());
    });
}

#[derive(Clone, Copy)]
struct Retry {
    open: StoredValue<Option<Arc<dyn Fn() + Send + Sync>>>,
    timer: StoredValue<Option<TimeoutHandle>>,
    failures: StoredValue<i32>,
    opened_at: StoredValue<Option<f64>>,
    is_allowed: StoredValue<bool>,
}

impl Retry {
    fn new() -> Self {
        let retry = Self {
            open: StoredValue::new(None),
            timer: StoredValue::new(None),
            failures: StoredValue::new(0),
            opened_at: StoredValue::new(None),
            is_allowed: StoredValue::new(true),
        };
        on_cleanup(move || retry.clear());
        retry
    }

    fn opens_with(self, open: impl Fn() + Send + Sync + 'static) {
        self.open.set_value(Some(Arc::new(open)));
    }

    /// A page that nobody looks at, or whose session has ended, does not retry; it does so when that is over.
    fn allow(self, is_allowed: bool) {
        self.is_allowed.set_value(is_allowed);
    }

    fn opened(self) {
        self.opened_at.set_value(Some(js_sys::Date::now()));
    }

    /// Plans the next try and says whether the socket was never open.
    fn closed(self) -> bool {
        let opened_at = self.opened_at.get_value();
        self.opened_at.set_value(None);
        if opened_at.is_some_and(|at| js_sys::Date::now() - at > HEALTHY_MS) {
            self.failures.set_value(0);
        }
        let failures = self.failures.get_value();
        self.failures.set_value(failures.saturating_add(1));
        // Half fixed, half drawn: many browsers that lost one server must not come back in the same instant.
        let delay = (FIRST_DELAY_MS * 2_f64.powi(failures.min(8))).min(MAX_DELAY_MS);
        self.after(Duration::from_secs_f64(delay * (0.5 + js_sys::Math::random() / 2.0) / 1000.0));
        opened_at.is_none()
    }

    fn after(self, delay: Duration) {
        self.clear();
        let timer = set_timeout_with_handle(
            move || {
                if self.is_allowed.try_get_value() == Some(true) {
                    self.now();
                }
            },
            delay,
        );
        self.timer.set_value(timer.ok());
    }

    fn now(self) {
        self.clear();
        if let Some(open) = self.open.try_get_value().flatten() {
            open();
        }
    }

    fn clear(self) {
        if let Some(Some(timer)) = self.timer.try_update_value(Option::take) {
            timer.clear();
        }
    }
}
