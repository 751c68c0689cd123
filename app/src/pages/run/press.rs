//! A verb about the run that a page follows: what it did is folded in before anything else hears of it.
//! Must never send by itself.

use std::future::Future;

use super::state::LiveRun;
pub(super) use crate::pages::review::press::Press;
use crate::{api::Done, error::AppError};

impl<I: Clone + PartialEq + Send + Sync + 'static> Press<I> {
    pub(super) fn on<F>(
        live: LiveRun,
        send: impl Fn(I, Option<String>) -> F + Send + Sync + 'static,
        on_ok: impl Fn() + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Done, AppError>> + Send + 'static,
    {
        Self::of(send, move |done: Done| {
            live.done(&done);
            on_ok();
        })
    }
}
