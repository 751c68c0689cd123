//! The notes of the workflow below the steps of a run, as text: the picture, which draws them, cannot be read aloud.
//! Must never set a text as markup, nor open links that stand in it.

use canvas::scene::note_words;
use leptos::prelude::*;
use workflow::Definition;

use super::state::LiveRun;
use crate::{
    components::{Button, Size},
    reactive::memo,
};

/// More than this is written out only once somebody asks for it.
const MOST_BYTES: usize = 20_000;

/// The id of a note and its text.
type Said = (String, String);

#[component]
pub(super) fn Notes(live: LiveRun) -> impl IntoView {
    let version = memo(move || live.run.with(|run| run.template_version));
    let notes = memo(move || {
        // No event changes what a run is made of, only another version does.
        version.get();
        live.run.with_untracked(|run| said(&run.run_definition))
    });
    let is_asked = RwSignal::new(false);
    let is_written = memo(move || is_asked.get() || notes.with(|notes| !is_large(notes)));
    view! {
        <Show when=move || notes.with(|notes| !notes.is_empty())>
            <section class="run-notes" aria-label="Notes">
                <h3>"Notes"</h3>
                <Show
                    when=move || is_written.get()
                    fallback=move || view! {
                        <Button size=Size::Sm on_click=move |()| is_asked.set(true)>"Show the notes"</Button>
                    }
                >
                    <ul>
                        <For each=move || notes.get() key=Clone::clone let:note>
                            <li><bdi>{note.1}</bdi></li>
                        </For>
                    </ul>
                </Show>
            </section>
        </Show>
    }
}

/// What the notes say, in the order of the document.
fn said(definition: &Definition) -> Vec<Said> {
    let notes = definition.notes.iter().filter(|note| !note.text.trim().is_empty());
    notes.map(|note| (note.id.clone(), note_words(&note.text))).collect()
}

fn is_large(notes: &[Said]) -> bool {
    notes.iter().map(|(_, text)| text.len()).sum::<usize>() > MOST_BYTES
}

#[cfg(test)]
mod tests {
    use workflow::definition::Note;

    use super::*;

    #[test]
    fn each_note_that_says_something_is_told_in_its_words() {
        let note = |id: &str, text: &str| Note { id: id.to_owned(), text: text.to_owned(), ..Note::default() };
        let mut definition =
            Definition { notes: vec![note("n2", "# Why\n- *so* <b>"), note("n1", " \n")], ..Definition::default() };
        assert_eq!(said(&definition), [("n2".to_owned(), "Why\n• so <b>".to_owned())]);
        assert!(!is_large(&said(&definition)));
        definition.notes.extend((0..3).map(|n| note(&format!("long {n}"), &"x".repeat(9_000))));
        assert!(is_large(&said(&definition)));
        assert!(said(&Definition::default()).is_empty());
    }
}
