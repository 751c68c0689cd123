//! Notices of the browser: while somebody wants them here, one tab tells of reviews that begin to wait, when no tab is looked at.
//! Must never ask for permission but on a press, and never tell more than titles.

mod browser;
mod fresh;
mod locks;
mod watch;

use leptos::{ev, prelude::*};

use self::browser::Permission;
use crate::{
    components::{remember, remembered},
    later::{later, soon},
    reactive::{effect, memo},
};

later! {
    account: notice_watch, fn(), watch::begin;
}

/// Kept in this browser: whoever else uses it has its permission too.
const KEY: &str = "notices";
const ON: &str = "on";
const OFF: &str = "off";

/// How it stands with notices in this browser.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The browser has none, or not for such an address.
    Missing,
    /// Somebody told the browser not to show those of this site.
    Blocked,
    Off,
    On,
}

fn standing(is_wanted: bool, permission: Permission) -> Standing {
    match permission {
        Permission::Missing => Standing::Missing,
        Permission::Denied => Standing::Blocked,
        Permission::Granted if is_wanted => Standing::On,
        Permission::Granted | Permission::Unasked => Standing::Off,
    }
}

#[derive(Clone, Copy)]
pub struct Notify {
    /// None until the browser was asked, which only the browser can.
    standing: RwSignal<Option<Standing>>,
}

/// The shell calls it once, after `waiting::provide_waiting`.
pub fn provide_notify() {
    let notify = Notify { standing: RwSignal::new(None) };
    provide_context(notify);
    effect(move || {
        notify.look();
        // It was switched in another tab.
        let listener = window_event_listener(ev::storage, move |_| notify.look());
        on_cleanup(move || listener.remove());
    });
    let is_on = memo(move || notify.standing() == Some(Standing::On));
    effect(move || {
        if !is_on.get() {
            return;
        }
        // Of this run of the effect: what it begins ends when it is switched off.
        let part = soon(notice_watch);
        effect(move || {
            if let Some(begin) = part.get() {
                untrack(begin);
            }
        });
    });
}

pub fn use_notify() -> Notify {
    expect_context()
}

impl Notify {
    pub fn standing(self) -> Option<Standing> {
        self.standing.get()
    }

    pub fn turn_off(self) {
        remember(KEY, OFF);
        self.look();
    }

    /// Only on a press: it may ask for permission. Says whether notices are on now.
    pub async fn turn_on(self) -> bool {
        let is_granted = browser::ask().await == Permission::Granted;
        if is_granted {
            remember(KEY, ON);
        }
        self.look();
        is_granted
    }

    fn look(self) {
        let is_wanted = remembered(KEY).as_deref() == Some(ON);
        self.standing.try_set(Some(standing(is_wanted, browser::permission())));
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, Standing, standing};

    #[test]
    fn what_the_browser_allows_comes_before_what_is_wanted() {
        for (permission, unwanted, wanted) in [
            (Permission::Missing, Standing::Missing, Standing::Missing),
            (Permission::Denied, Standing::Blocked, Standing::Blocked),
            (Permission::Unasked, Standing::Off, Standing::Off),
            (Permission::Granted, Standing::Off, Standing::On),
        ] {
            assert_eq!((standing(false, permission), standing(true, permission)), (unwanted, wanted), "{permission:?}");
        }
    }
}
