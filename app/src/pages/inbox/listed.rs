//! A list in pages whose question may change while it is shown: what waits, and what was decided. A list keeps what it shows until the
//! next one is there. Must never let an answer to an earlier question take the place of a later one.

use std::{collections::BTreeSet, future::Future};

use leptos::prelude::*;
use workflow::api::{HistoryItem, InboxItem, Page};

use super::asked::Key;
use crate::{
    error::AppError,
    session::{Session, use_session},
};

/// What tells the items of a list apart.
pub(super) trait Keyed {
    type Key: Ord;

    fn key(&self) -> Self::Key;
}

impl Keyed for InboxItem {
    type Key = Key;

    fn key(&self) -> Key {
        (self.run_id, self.step.clone())
    }
}

impl Keyed for HistoryItem {
    type Key = (Key, i32, i32);

    fn key(&self) -> Self::Key {
        ((self.run_id, self.step.clone()), self.generation, self.number)
    }
}

/// What is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    /// The first page of another list.
    Another,
    /// The same list as far as it is shown, for what has changed.
    Again,
    /// The page after what is shown.
    More,
}

pub(super) struct Listed<T: Send + Sync + 'static> {
    pub(super) items: RwSignal<Vec<T>>,
    next: RwSignal<Option<String>>,
    is_reading: RwSignal<bool>,
    is_changing: RwSignal<bool>,
    error: RwSignal<Option<AppError>>,
    /// What it was that failed.
    failed: StoredValue<How>,
    /// Grows with each other list.
    epoch: StoredValue<u32>,
    session: Session,
}

impl<T: Send + Sync + 'static> Clone for Listed<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Listed<T> {}

impl<T: Keyed + Clone + PartialEq + Send + Sync + 'static> Listed<T> {
    pub(super) fn new(first: Page<T>) -> Self {
        Self {
            items: RwSignal::new(first.items),
            next: RwSignal::new(first.next),
            is_reading: RwSignal::new(false),
            is_changing: RwSignal::new(false),
            error: RwSignal::new(None),
            failed: StoredValue::new(How::Another),
            epoch: StoredValue::new(0),
            session: use_session(),
        }
    }

    pub(super) fn error(self) -> RwSignal<Option<AppError>> {
        self.error
    }

    /// What is to be asked for once more after an error.
    pub(super) fn failed(self) -> How {
        self.failed.try_get_value().unwrap_or(How::Another)
    }

    /// Whether something that somebody asked for is on its way.
    pub(super) fn is_reading(self) -> RwSignal<bool> {
        self.is_reading
    }

    /// Whether another list is on its way, and what is shown is not what is asked for.
    pub(super) fn is_changing(self) -> RwSignal<bool> {
        self.is_changing
    }

    pub(super) fn has_more(self) -> Signal<bool> {
        let next = self.next;
        Signal::derive(move || next.with(Option::is_some))
    }

    /// Where the page after what is shown begins, unless something is on its way already.
    pub(super) fn after(self) -> Option<String> {
        if self.is_reading.get_untracked() { None } else { self.next.get_untracked() }
    }

    pub(super) async fn read(self, how: How, page: impl Future<Output = Result<Page<T>, AppError>>) {
        let begun = self.epoch.try_update_value(|epoch| {
            if how == How::Another {
                *epoch = epoch.wrapping_add(1);
            }
            *epoch
        });
        let is_asked = how != How::Again;
        if is_asked {
            self.is_reading.try_set(true);
        }
        if how == How::Another {
            self.is_changing.try_set(true);
        }
        let answer = page.await;
        // The page may have gone, or asks for something else by now.
        if begun.is_none() || self.epoch.try_get_value() != begun {
            return;
        }
        if is_asked {
            self.is_reading.set(false);
        }
        if how == How::Another {
            self.is_changing.set(false);
        }
        match answer {
            Ok(page) => {
                if self.error.with_untracked(Option::is_some) {
                    self.error.set(None);
                }
                self.take(how, page);
            }
            Err(error) => {
                self.session.note(&error);
                // What was read for nobody leaves what is known: the page's frame says that it may be old.
                if is_asked {
                    self.failed.set_value(how);
                    self.error.set(Some(error));
                }
            }
        }
    }

    fn take(self, how: How, page: Page<T>) {
        let known = self.items.get_untracked();
        let next = self.next.get_untracked();
        let now = match how {
            How::Another => page,
            How::Again => again(known.clone(), next.clone(), page),
            How::More => more(known.clone(), page),
        };
        if now.items != known {
            self.items.set(now.items);
        }
        if now.next != next {
            self.next.set(now.next);
        }
    }
}

/// The same list, read again up to some place: what was shown behind that place stays.
fn again<T: Keyed>(mut known: Vec<T>, next: Option<String>, page: Page<T>) -> Page<T> {
    if page.next.is_none() || known.len() <= page.items.len() {
        return page;
    }
    let behind = known.split_off(page.items.len());
    Page { next, ..more(page.items, Page { items: behind, next: None }) }
}

/// What came while the pages were read may stand on two of them.
fn more<T: Keyed>(mut known: Vec<T>, page: Page<T>) -> Page<T> {
    let keys: BTreeSet<T::Key> = known.iter().map(Keyed::key).collect();
    known.extend(page.items.into_iter().filter(|item| !keys.contains(&item.key())));
    Page { items: known, next: page.next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, Debug)]
    struct Item(u32, &'static str);

    impl Keyed for Item {
        type Key = u32;

        fn key(&self) -> u32 {
            self.0
        }
    }

    fn page(ids: &[u32], next: Option<&str>) -> Page<Item> {
        Page { items: ids.iter().map(|id| Item(*id, "")).collect(), next: next.map(str::to_owned) }
    }

    fn ids(page: &Page<Item>) -> Vec<u32> {
        page.items.iter().map(|item| item.0).collect()
    }

    #[test]
    fn what_stands_on_two_pages_is_shown_once() {
        let now = more(page(&[1, 2, 3], None).items, page(&[3, 4], Some("c")));
        assert_eq!((ids(&now), now.next.as_deref()), (vec![1, 2, 3, 4], Some("c")));
    }

    #[test]
    fn a_list_read_again_loses_what_has_gone_and_keeps_what_stands_behind() {
        let known = || page(&[1, 2, 3, 4, 5], None).items;
        let whole = again(known(), Some("e".into()), page(&[1, 3], None));
        assert_eq!((ids(&whole), whole.next), (vec![1, 3], None), "that is all there is");
        let begun = again(known(), Some("e".into()), page(&[1, 3, 4], Some("c")));
        assert_eq!(ids(&begun), [1, 3, 4, 5], "2 has gone, 5 was not read again");
        assert_eq!(begun.next.as_deref(), Some("e"), "it goes on where it ended");
        let longer = again(known(), Some("e".into()), page(&[0, 1, 2, 3, 4, 5], Some("f")));
        assert_eq!((ids(&longer).len(), longer.next.as_deref()), (6, Some("f")));
    }
}
