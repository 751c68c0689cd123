//! Effects and memos over boxed closures. Every closure is a type of its own, and the reactive system is compiled anew for each type that it
//! meets: boxed, it meets one. What is left of an effect in the download is its own body.
//! Pages and components make their effects and memos here, never with `Effect::new` and `Memo::new`.

use std::time::Duration;

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

/// Follows what it reads a moment behind: what else follows that is painted first, and this is told in the next task. For what takes long to
/// draw, so that a press is answered by what is quick. At first, and on the server, it is never behind.
pub fn once_painted<T>(read: impl Fn() -> T + Send + Sync + 'static) -> RwSignal<T>
where
    T: Clone + PartialEq + Send + Sync + 'static,
{
    let wanted = memo(read);
    let shown = RwSignal::new(wanted.get_untracked());
    let turn = StoredValue::new(Turn::default());
    let catch_up = move || {
        // The page may be gone by then.
        if turn.try_update_value(Turn::end).is_some()
            && let Some(now) = wanted.try_get_untracked()
            && shown.try_with_untracked(|shown| *shown != now) == Some(true)
        {
            shown.set(now);
        }
    };
    effect(move || {
        let is_other = wanted.with(|wanted| shown.with_untracked(|shown| shown != wanted));
        if turn.try_update_value(|turn| turn.begin(is_other)) == Some(true) {
            after_paint(catch_up);
        }
    });
    shown
}

/// Whether what is behind waits already: all that changes meanwhile is caught up with at once.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Turn {
    is_due: bool,
}

impl Turn {
    /// Whether a wait has to begin.
    fn begin(&mut self, is_other: bool) -> bool {
        let begins = is_other && !self.is_due;
        self.is_due |= begins;
        begins
    }

    fn end(&mut self) {
        self.is_due = false;
    }
}

/// Runs in the task after the next frame: a frame is painted after its callbacks.
fn after_paint(run: impl FnOnce() + 'static) {
    if document().hidden() {
        // Nothing is painted where nobody looks, and no frame comes.
        set_timeout(run, Duration::ZERO);
    } else {
        request_animation_frame(move || set_timeout(run, Duration::ZERO));
    }
}

/// With the next frame, unless `of` is gone by then. What the browser calls back later may find that its component was taken off the page, and
/// to read a signal that went with it stops the whole program. `of` is any value that the caller made there: all of them go together.
pub fn next_frame(of: impl IsDisposed + 'static, run: impl FnOnce() + 'static) {
    request_animation_frame(move || {
        if !of.is_disposed() {
            run();
        }
    });
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

#[cfg(test)]
mod tests {
    use super::Turn;
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    #[test]
    fn what_changes_before_a_paint_is_waited_for_once_and_what_stays_the_same_never() {
        let mut turn = Turn::default();
        assert!(!turn.begin(false));
        assert!(turn.begin(true));
        assert!(!turn.begin(true) && !turn.begin(false), "one wait is enough");
        turn.end();
        assert!(turn.begin(true));
    }

    /// What hands a closure to the browser, which calls it when it likes.
    const LATER: [&str; 8] = [
        "request_animation_frame(",
        "set_timeout(",
        "set_timeout_with_handle(",
        "set_interval(",
        "set_interval_with_handle(",
        "spawn_local(",
        "window_event_listener(",
        "queue_microtask(",
    ];
    /// What stops the program where the value is gone. Each has a twin that does not, which begins with `try_`.
    const STOPS: [&str; 6] =
        [".get_untracked(", ".with_untracked(", ".read_untracked(", ".get_value(", ".with_value(", ".read_value("];

    /// Up to the bracket that closes the one before it.
    fn arguments(text: &str) -> &str {
        let mut depth = 1_u32;
        let end = text.char_indices().find(|(_, sign)| {
            match sign {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        end.map_or(text, |(end, _)| &text[..end])
    }

    fn stops_in(source: &str) -> Vec<&str> {
        let later = LATER.iter().flat_map(|name| source.match_indices(name));
        let called_back = later.map(|(at, name)| arguments(&source[at + name.len()..]));
        called_back.filter(|body| STOPS.iter().any(|read| body.contains(read))).collect()
    }

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("src/reactive.rs") {
                found.push(path);
            }
        }
    }

    #[test]
    fn what_is_called_back_later_reads_nothing_that_may_be_gone_by_then() {
        assert_eq!(stops_in("set_timeout(move || { if a.get_untracked() { b() } }, PAUSE); c.get_value()").len(), 1);
        assert_eq!(stops_in("set_timeout(move || a.try_get_untracked(), PAUSE); c.get_value()").len(), 0);
        let mut found = Vec::new();
        sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut found);
        assert!(found.len() > 100);
        for path in found {
            let source = fs::read_to_string(&path).unwrap();
            assert_eq!(stops_in(&source), [] as [&str; 0], "{}", path.display());
        }
    }
}
