//! Lists that come in pages: what is loaded, and the way to the rest. No list ends without a word.

use std::{collections::BTreeSet, future::Future};

use leptos::prelude::*;
use workflow::api::Page;

use crate::{
    components::MoreRows,
    error::AppError,
    form::{FormError, outcome},
    reactive::effect,
};

/// The items that are loaded, and what comes after them.
pub struct Paged<T: Send + Sync + 'static> {
    pub items: RwSignal<Vec<T>>,
    next: RwSignal<Option<String>>,
    more: Action<String, Result<(u32, Page<T>), AppError>>,
    /// Of the lists that took each other's place: a page of one that is gone is no part of this one.
    turn: StoredValue<u32>,
    error: Signal<Option<AppError>>,
}

impl<T: Send + Sync + 'static> Clone for Paged<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Paged<T> {}

impl<T: Clone + Send + Sync + 'static> Paged<T> {
    /// Begins with a first page; `fetch` gives the page after a place.
    pub fn new<F>(first: Page<T>, fetch: impl Fn(Option<String>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Page<T>, AppError>> + Send + 'static,
    {
        let items = RwSignal::new(first.items);
        let next = RwSignal::new(first.next);
        let turn = StoredValue::new(0_u32);
        let more = Action::new(move |after: &String| {
            let (asked, page) = (turn.get_value(), fetch(Some(after.clone())));
            async move { page.await.map(|page| (asked, page)) }
        });
        let error = outcome(more, move |(asked, page): (u32, Page<T>)| {
            if asked == turn.get_value() {
                next.set(page.next);
                items.update(|items| items.extend(page.items));
            }
        });
        Self { items, next, more, turn, error }
    }

    /// Another list takes its place.
    pub fn begin_anew(self, first: Page<T>) {
        self.turn.update_value(|turn| *turn = turn.wrapping_add(1));
        self.next.set(first.next);
        self.items.set(first.items);
    }

    pub fn has_more(self) -> bool {
        self.next.with(Option::is_some)
    }

    /// What is loaded was read again, as far as it goes, and this is what comes after it now.
    pub fn goes_on_after(self, next: Option<String>) {
        if !self.more.pending().get_untracked() {
            self.next.set(next);
        }
    }

    pub fn load_more(self) {
        if let Some(after) = self.next.get_untracked()
            && !self.more.pending().get_untracked()
        {
            self.more.dispatch(after);
        }
    }

    /// Loads the rest while `is_wanted`: what is searched for may stand on any page.
    pub fn load_all_while(self, is_wanted: impl Fn() -> bool + Send + Sync + 'static) {
        effect(move || {
            // A page that failed is asked for again by hand.
            if is_wanted() && self.has_more() && !self.more.pending().get() && self.error.with(Option::is_none) {
                self.load_more();
            }
        });
    }
}

/// Under a list: that there is more, and the way to it.
#[component]
pub fn More<T: Clone + Send + Sync + 'static>(of: Paged<T>) -> impl IntoView {
    let error = of.error;
    view! {
        <FormError error/>
        <MoreRows has_more=Signal::derive(move || of.has_more()) loading=of.more.pending() on_more=move |()| of.load_more()/>
    }
}

/// So many of the first, in whole pages: for a list that is read again as far as it is shown. `key` tells items apart, for one that came
/// while the pages were read stands on two of them.
pub async fn at_least<T, K, F>(
    n: usize,
    key: impl Fn(&T) -> K,
    fetch: impl Fn(Option<String>) -> F,
) -> Result<Page<T>, AppError>
where
    K: Ord,
    F: Future<Output = Result<Page<T>, AppError>>,
{
    let mut all = fetch(None).await?;
    let mut known: BTreeSet<K> = all.items.iter().map(&key).collect();
    while all.items.len() < n
        && let Some(after) = all.next.take()
    {
        let page = fetch(Some(after)).await?;
        all.items.extend(page.items.into_iter().filter(|item| known.insert(key(item))));
        all.next = page.next;
    }
    Ok(all)
}

/// Every page, for a choice that offers all there are.
pub async fn all<T, F>(fetch: impl Fn(Option<String>) -> F) -> Result<Vec<T>, AppError>
where
    F: Future<Output = Result<Page<T>, AppError>>,
{
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let page = fetch(after).await?;
        items.extend(page.items);
        if page.next.is_none() {
            return Ok(items);
        }
        after = page.next;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::executor::block_on;

    use super::*;

    #[test]
    fn a_list_is_read_as_far_as_it_is_shown_and_nothing_twice() {
        let n_asked = Cell::new(0);
        let fetch = |after: Option<String>| {
            n_asked.set(n_asked.get() + 1);
            let at: u32 = after.map_or(0, |after| after.parse().unwrap());
            // Each page begins with the last item of the one before it.
            std::future::ready(Ok(Page { items: vec![at, at + 1], next: (at < 3).then(|| (at + 1).to_string()) }))
        };
        let read = |n| block_on(at_least(n, |item| *item, fetch)).unwrap();
        assert_eq!(read(1), Page { items: vec![0, 1], next: Some("1".into()) });
        assert_eq!(n_asked.replace(0), 1);
        assert_eq!(read(3), Page { items: vec![0, 1, 2], next: Some("2".into()) });
        assert_eq!(read(9), Page { items: vec![0, 1, 2, 3, 4], next: None });
    }
}
