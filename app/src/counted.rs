//! How much waits for this person, as a number that the title of every tab begins with.
//! Must never be read in a first render: it is counted after hydration, and the server's page does not wait for it.

use leptos::prelude::*;

use crate::{reactive::effect, waiting::use_waiting};

/// From here on the title says that there are more.
const MOST: i64 = 99;

#[derive(Clone, Copy)]
struct Counted(RwSignal<Option<i64>>);

/// The shell calls it once, after `waiting::provide_waiting`.
pub fn provide_count() {
    let count = RwSignal::new(None);
    provide_context(Counted(count));
    let waiting = use_waiting();
    effect(move || {
        // What fails leaves what is known.
        if let Some(n) = waiting.n() {
            count.set(Some(n));
        }
    });
}

/// None until it is known, and on pages without the shell.
pub fn count() -> Signal<Option<i64>> {
    use_context::<Counted>().map_or_else(Signal::default, |counted| counted.0.into())
}

/// "(3) Dashboard".
pub fn with_count(title: String, count: Option<i64>) -> String {
    match count {
        Some(n) if n > MOST => format!("({MOST}+) {title}"),
        Some(n) if n > 0 => format!("({n}) {title}"),
        _ => title,
    }
}

#[cfg(test)]
mod tests {
    use super::with_count;

    #[test]
    fn a_title_says_how_much_waits() {
        for (count, expected) in [
            (None, "Runs"),
            (Some(0), "Runs"),
            (Some(3), "(3) Runs"),
            (Some(99), "(99) Runs"),
            (Some(100), "(99+) Runs"),
            (Some(-1), "Runs"),
        ] {
            assert_eq!(with_count("Runs".to_owned(), count), expected);
        }
    }
}
