//! Effects and memos over boxed closures. Every closure is a type of its own, and the reactive system is compiled anew for each type that it
//! meets: boxed, it meets one. What is left of an effect in the download is its own body.
//! Pages and components make their effects and memos here, never with `Effect::new` and `Memo::new`.

use leptos::prelude::*;

/// Runs once the page is there and again whenever what it read changes; never on the server.
pub fn effect(run: impl FnMut() + 'static) {
    boxed_effect(Box::new(run));
}

/// The same with what the run before gave.
pub fn effect_with<T: 'static>(mut run: impl FnMut(Option<T>) -> T + 'static) {
    let mut last = None;
    effect(move || {
        let next = run(last.take());
        last = Some(next);
    });
}

#[inline(never)]
fn boxed_effect(mut run: Box<dyn FnMut()>) {
    Effect::new(move |_: Option<()>| run());
}

/// A value that follows what it read, and tells only when it is another one.
pub fn memo<T: PartialEq + Send + Sync + 'static>(read: impl Fn() -> T + Send + Sync + 'static) -> Memo<T> {
    boxed_memo(Box::new(read))
}

#[inline(never)]
fn boxed_memo<T: PartialEq + Send + Sync + 'static>(read: Box<dyn Fn() -> T + Send + Sync>) -> Memo<T> {
    Memo::new(move |_| read())
}

/// A value that is worked out anew whenever what `when` reads changes, and tells its followers only when it is another one. A memo would
/// first have each of them ask it, and thousands may follow: where they do, this is what costs nothing as long as nothing is another.
pub fn renewed<T: PartialEq + Send + Sync + 'static>(
    when: impl Fn() + 'static,
    read: impl Fn() -> T + 'static,
) -> RwSignal<T> {
    let value = RwSignal::new(untrack(&read));
    effect(move || {
        when();
        let now = untrack(&read);
        if value.try_with_untracked(|known| *known != now) == Some(true) {
            value.set(now);
        }
    });
    value
}

/// Keeps a field and what it is of equal: typing is written, and what was changed elsewhere comes into the field.
pub fn tie(known: Memo<String>, text: RwSignal<String>, write: impl Fn(String) + 'static) {
    effect(move || {
        let now = known.get();
        if text.with_untracked(|text| *text != now) {
            text.set(now);
        }
    });
    effect_with(move |before: Option<String>| {
        let now = text.get();
        if before.is_some_and(|before| before != now) && known.with_untracked(|known| *known != now) {
            write(now.clone());
        }
        now
    });
}
