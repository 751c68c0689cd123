//! Says in a form that what stands there was typed at an earlier visit, with the way to be rid of it.

use leptos::prelude::*;

use super::subject::Subject;
use crate::components::{Banner, Button, Size};
use crate::reactive::memo;

/// `form` is the first word of the names of its drafts.
#[component]
pub(in crate::pages) fn Restored(
    of: Subject,
    form: &'static str,
    /// The texts of the form are empty now: it may begin anew.
    #[prop(optional, into)]
    on_discard: Option<Callback<()>>,
) -> impl IntoView {
    let names = memo(move || of.drafts.restored_of(form, &of.key()));
    // What was discarded last, with its names.
    let gone = RwSignal::new(Vec::<(String, String)>::new());
    let discard = move || {
        let names = names.get_untracked();
        let text_of = |name: &String| (name.clone(), of.drafts.text(name).get_untracked());
        gone.set(names.iter().map(text_of).collect());
        of.drafts.discard(&names);
        if let Some(on_discard) = on_discard {
            on_discard.run(());
        }
    };
    let take_back = move || {
        for (name, text) in gone.get_untracked() {
            of.drafts.text(&name).set(text);
        }
        gone.set(Vec::new());
    };
    view! {
        <Show when=move || !names.with(Vec::is_empty)>
            <Banner action=move || {
                view! {
                    <Button size=Size::Sm on_click=move |()| of.drafts.settle(&names.get_untracked())>"Keep"</Button>
                    <Button size=Size::Sm on_click=move |()| discard()>"Discard"</Button>
                }
            }>"What you typed before is back."</Banner>
        </Show>
        <Show when=move || names.with(Vec::is_empty) && !gone.with(Vec::is_empty)>
            <Banner action=move || view! { <Button size=Size::Sm on_click=move |()| take_back()>"Undo"</Button> }>
                "What you typed before was discarded."
            </Banner>
        </Show>
    }
}
