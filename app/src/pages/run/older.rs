//! Under a long list of what was in a step, newest first: the way to what is older. Thousands are never drawn at once.

use leptos::prelude::*;

use crate::{components::MoreRows, reactive::memo, words};

/// Rows that are drawn at first, and more with each press.
pub(super) const PORTION: usize = 100;

#[component]
pub(super) fn Older(
    /// How many there are.
    n: Memo<usize>,
    /// How many are drawn.
    most: RwSignal<usize>,
) -> impl IntoView {
    let n_hidden = memo(move || n.get().saturating_sub(most.get()));
    view! {
        <MoreRows
            has_more=Signal::derive(move || { n_hidden.get() > 0 })
            on_more=move |()| most.update(|most| *most += PORTION)
            label=Signal::derive(move || label(n_hidden.get(), n.get()))
        />
    }
}

fn label(n_hidden: usize, n: usize) -> String {
    format!("Show {} older of {}", words::number(n_hidden.min(PORTION)), words::number(n))
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn the_way_to_what_is_older_says_how_many_come() {
        assert_eq!(label(4_900, 5_000), "Show 100 older of 5,000");
        assert_eq!(label(5, 105), "Show 5 older of 105");
    }
}
