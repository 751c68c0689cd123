//! Who is signed in, on the server and in the browser, and what happens when that ends while somebody works.
//! Must never throw away what is on the page: an ended session opens a dialog over it.

use std::collections::BTreeSet;

use leptos::prelude::*;
use workflow::{
    access::{Absent, Actor},
    id::GroupId,
};

use crate::{api, error::AppError};

/// The context that every page has.
#[derive(Clone, Copy)]
pub struct Session {
    user: RwSignal<Option<Actor>>,
    is_over: RwSignal<bool>,
    asks: RwSignal<bool>,
    epoch: RwSignal<u32>,
}

/// Hands the signed-in person from the server's rendering to the browser, so that both draw the same first page.
pub fn provide_session() -> Session {
    let user = SharedValue::new(actor_of_request).into_inner();
    let session = Session {
        user: RwSignal::new(user),
        is_over: RwSignal::new(false),
        asks: RwSignal::new(false),
        epoch: RwSignal::new(0),
    };
    provide_context(session);
    session
}

pub fn use_session() -> Session {
    expect_context()
}

impl Session {
    pub fn user(self) -> Option<Actor> {
        self.user.get()
    }

    pub fn is_admin(self) -> bool {
        self.user.with(|user| user.as_ref().is_some_and(Actor::is_admin))
    }

    /// Grows with each sign-in: a resource that reads it is fetched again after one.
    pub fn epoch(self) -> u32 {
        self.epoch.get()
    }

    /// Whether the dialog asks to sign in again.
    pub fn asks(self) -> RwSignal<bool> {
        self.asks
    }

    /// Whether the session is known to be over; the dialog asks to sign in again.
    pub fn has_ended(self) -> bool {
        self.is_over.get()
    }

    /// The person without following changes: who it is never changes under a page, but their groups may.
    pub fn user_untracked(self) -> Option<Actor> {
        self.user.get_untracked()
    }

    /// To be told every error of a server function: an ended session opens the dialog.
    pub fn note(self, error: &AppError) {
        if error.is_signed_out() && self.user.with_untracked(Option::is_some) {
            self.end();
        }
    }

    /// Asks the server whether the session still stands, and says whether there was an answer.
    pub async fn verify(self) -> bool {
        let answer = api::current_user().await;
        // Other errors say nothing about the session.
        if answer == Ok(None) {
            self.end();
        }
        answer.is_ok()
    }

    /// Takes up what the server says of the person's groups, and of those in whose place they decide: both may have changed while their
    /// pages were open.
    pub fn take_groups(self, groups: BTreeSet<GroupId>, acts_for: Vec<Absent>) {
        let is_news =
            |user: &Option<Actor>| user.as_ref().is_some_and(|user| user.groups != groups || user.acts_for != acts_for);
        if self.user.try_with_untracked(is_news) == Some(true) {
            self.user.update(|user| {
                if let Some(user) = user {
                    user.groups = groups;
                    user.acts_for = acts_for;
                }
            });
        }
    }

    /// Takes up the person of a fresh session.
    pub fn begin(self, actor: Actor) {
        let is_other = self.user.with_untracked(|user| user.as_ref().is_some_and(|known| known.id != actor.id));
        if is_other {
            // What is on the page belongs to somebody else.
            let _ = window().location().set_href("/dashboard");
            return;
        }
        self.user.set(Some(actor));
        self.is_over.set(false);
        self.asks.set(false);
        self.epoch.update(|epoch| *epoch += 1);
    }

    /// Asks who it is by now: an admin may have put them into a group, or taken them out of one, while their pages were open.
    /// Without an answer nothing changes.
    pub async fn look_again(self) {
        let Ok(Some(now)) = api::current_user().await else { return };
        let is_news =
            self.user.try_with_untracked(|user| user.as_ref().is_some_and(|user| user.id == now.id && *user != now));
        if is_news == Some(true) {
            self.user.set(Some(now));
        }
    }

    /// The groups they are in, followed: what depends on them is read again when they are put into one or taken out.
    pub fn groups(self) -> BTreeSet<GroupId> {
        self.with_user(|user| user.map(|user| user.groups.clone()).unwrap_or_default())
    }

    /// Reads who it is and follows their groups.
    pub fn with_user<R>(self, read: impl FnOnce(Option<&Actor>) -> R) -> R {
        self.user.with(|user| read(user.as_ref()))
    }

    /// The same without following changes; false once whoever asked is gone.
    pub fn with_user_untracked(self, read: impl FnOnce(Option<&Actor>) -> bool) -> bool {
        self.user.try_with_untracked(|user| read(user.as_ref())).unwrap_or_default()
    }

    fn end(self) {
        if self.user.try_with_untracked(Option::is_some) == Some(true) {
            self.is_over.set(true);
            self.asks.set(true);
        }
    }
}

#[cfg(feature = "ssr")]
fn actor_of_request() -> Option<Actor> {
    use_context::<service::OpContext>().and_then(|ctx| ctx.actor().cloned())
}

/// Only reached where nothing was rendered on the server.
#[cfg(not(feature = "ssr"))]
fn actor_of_request() -> Option<Actor> {
    None
}
