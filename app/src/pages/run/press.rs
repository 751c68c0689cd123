//! One verb with what it says: pressed, sent, and sent again under its idempotency key when nobody knows what became of it.
//! Must never send by itself.

use std::future::Future;

use leptos::prelude::*;

use super::state::LiveRun;
use crate::{api::Done, error::AppError, form::Once};

/// What came of the last press, and whether one is under way.
pub(super) struct Press<I: Send + Sync + 'static> {
    action: Action<I, Result<Done, AppError>>,
    once: Once<I>,
    pub error: Signal<Option<AppError>>,
}

impl<I: Send + Sync + 'static> Clone for Press<I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I: Send + Sync + 'static> Copy for Press<I> {}

impl<I: Clone + PartialEq + Send + Sync + 'static> Press<I> {
    pub(super) fn on<F>(
        live: LiveRun,
        send: impl Fn(I, Option<String>) -> F + Send + Sync + 'static,
        on_ok: impl Fn() + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Done, AppError>> + Send + 'static,
    {
        let once = Once::<I>::new();
        let action = Action::new(move |asked: &I| {
            let answer = send(asked.clone(), once.key(asked));
            async move {
                let answer = answer.await;
                // A refusal is an answer: the same wish later is another request.
                if answer.as_ref().map_or_else(|error| !error.may_try_again(), |_| true) {
                    once.forget();
                }
                answer
            }
        });
        Self { action, once, error: live.verb(action, on_ok) }
    }

    pub(super) fn send(self, asked: I) {
        if !self.pending().get_untracked() {
            self.action.dispatch(asked);
        }
    }

    /// Sends what was sent last again.
    pub(super) fn again(self) -> Callback<()> {
        Callback::new(move |()| {
            if let Some(asked) = self.once.last() {
                self.send(asked);
            }
        })
    }

    pub(super) fn pending(self) -> Signal<bool> {
        self.action.pending().into()
    }

    /// Forgets the last error, as when a dialog opens anew.
    pub(super) fn clear(self) {
        self.action.clear();
    }

    /// What is pressed next is a new request, because what it is about is another now.
    pub(super) fn renew(self) {
        self.once.forget();
    }
}
