//! What has no feed is read again at a pace, while somebody looks at it.
//! Must never ask while the last answer is still on its way, nor for a page that nobody sees.

use std::{cell::Cell, future::Future, rc::Rc, time::Duration};

use leptos::{prelude::*, task::spawn_local};

use crate::{
    error::AppError,
    link::{Link, use_link},
    reactive::effect,
    session::use_session,
};

/// Reads again and hands on what came. An error leaves what is known: that the server is not reached is said by the page's frame.
pub fn polled<T, F>(every: Duration, read: impl Fn() -> F + Clone + 'static, take: impl Fn(T) + Clone + 'static)
where
    T: 'static,
    F: Future<Output = Result<T, AppError>> + 'static,
{
    let session = use_session();
    let link = use_link();
    effect(move || {
        let is_asking = Rc::new(Cell::new(false));
        let (read, take) = (read.clone(), take.clone());
        let ask = move || {
            let is_lost = link.and_then(Link::lost_since_untracked).is_some();
            if is_asking.get() || is_lost || document().hidden() {
                return;
            }
            is_asking.set(true);
            let (answer, take, is_asking) = (read(), take.clone(), Rc::clone(&is_asking));
            spawn_local(async move {
                match answer.await {
                    Ok(read) => take(read),
                    Err(error) => session.note(&error),
                }
                is_asking.set(false);
            });
        };
        if let Ok(timer) = set_interval_with_handle(ask, every) {
            on_cleanup(move || timer.clear());
        }
    });
}
