//! One verb with what it says: pressed, sent, and sent again under its idempotency key when nobody knows what became of it.
//! Must never send by itself.

use std::future::Future;

use leptos::prelude::*;

use crate::{
    api::Done,
    error::AppError,
    form::{Once, outcome},
};

/// What came of the last press, and whether one is under way.
pub(in crate::pages) struct Press<I: Send + Sync + 'static, O: Send + Sync + 'static = Done> {
    action: Action<I, Result<O, AppError>>,
    once: Once<I>,
    pub error: Signal<Option<AppError>>,
}

impl<I: Send + Sync + 'static, O: Send + Sync + 'static> Clone for Press<I, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I: Send + Sync + 'static, O: Send + Sync + 'static> Copy for Press<I, O> {}

impl<I, O> Press<I, O>
where
    I: Clone + PartialEq + Send + Sync + 'static,
    O: Clone + Send + Sync + 'static,
{
    /// `on_done` takes what the server answers.
    pub(in crate::pages) fn of<F>(
        send: impl Fn(I, Option<String>) -> F + Send + Sync + 'static,
        on_done: impl Fn(O) + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<O, AppError>> + Send + 'static,
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
        Self { action, once, error: outcome(action, on_done) }
    }

    pub(in crate::pages) fn send(self, asked: I) {
        if !self.pending().get_untracked() {
            self.action.dispatch(asked);
        }
    }

    /// Sends what was sent last again.
    pub(in crate::pages) fn again(self) -> Callback<()> {
        Callback::new(move |()| {
            if let Some(asked) = self.once.last() {
                self.send(asked);
            }
        })
    }

    pub(in crate::pages) fn pending(self) -> Signal<bool> {
        self.action.pending().into()
    }

    /// Forgets the last error, as when a dialog opens anew.
    pub(in crate::pages) fn clear(self) {
        self.action.clear();
    }

    /// What is pressed next is a new request, because what it is about is another now.
    pub(in crate::pages) fn renew(self) {
        self.once.forget();
    }
}
