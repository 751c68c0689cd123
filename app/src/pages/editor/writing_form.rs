//! The field in which a note or a title is written in its place: it follows the picture, saves as one types, and is undone as one step.
//! It must never keep a text of its own: what is typed is in the draft at once.

use canvas::{Edit, Rect, Written};
use leptos::{ev, html, prelude::*};
use workflow::{
    Definition,
    definition::{Group, Note},
    limits::{MAX_NAME_CHARS, MAX_NOTE_TEXT_CHARS},
};

use super::draft::Draft;
use crate::{
    components::{
        TextArea, TextInput,
        dom::{focus_soon, key_of, set_style},
    },
    reactive::effect,
};

const ID: &str = "canvas-writing";
/// A field is never smaller, however small what it is about is drawn.
const LEAST: (f64, f64) = (200.0, 96.0);
/// A title is one line, and not wider than this.
const LINE: (f64, f64) = (320.0, 34.0);

#[component]
pub(super) fn WritingForm(draft: Draft, what: StoredValue<Written>) -> impl IntoView {
    let handle = draft.handle;
    let frame = NodeRef::<html::Div>::new();
    let is_note = what.with_value(|what| matches!(what, Written::Note(_)));
    let text = draft.bind(
        move |definition| what.with_value(|what| text_of(definition, what)),
        move |text| {
            let edit = what.with_value(|what| handle.with_definition_untracked(|known| edit_of(known, what, text)));
            if let Some(edit) = edit {
                draft.apply(edit, if is_note { "Write note" } else { "Rename group" });
            }
        },
    );
    let close = move || {
        // Something else may be written by now.
        let is_own = |now: &Option<Written>| what.try_with_value(|what| now.as_ref() == Some(what)).unwrap_or(false);
        // Taken off the page with the focus in it, the field loses it when all of the page is gone already.
        if handle.writing().try_with_untracked(is_own) == Some(true) {
            handle.seal();
            handle.writing().set(None);
        }
    };
    effect(move || {
        let place = what.with_value(|what| handle.place_of(what));
        match (frame.get(), place) {
            (Some(frame), Some(place)) => stand(&frame, place, is_note),
            // It was taken away, as by an undo.
            (Some(_), None) => close(),
            (None, _) => {}
        }
    });
    effect(move || focus_soon(ID));
    let on_key = move |event: ev::KeyboardEvent| {
        let key = key_of(&event);
        let is_done = key == "Escape" || (key == "Enter" && (!is_note || event.ctrl_key() || event.meta_key()));
        if is_done {
            event.prevent_default();
            event.stop_propagation();
            close();
            handle.take_focus();
        }
    };
    view! {
        <div class="canvas-writing" node_ref=frame on:keydown=on_key on:focusout=move |_| close()>
            {if is_note {
                let most = u32::try_from(MAX_NOTE_TEXT_CHARS).unwrap_or(u32::MAX);
                view! { <TextArea id=ID value=text label="Text of the note, in Markdown" maxlength=most/> }.into_any()
            } else {
                let most = u32::try_from(MAX_NAME_CHARS).unwrap_or(u32::MAX);
                view! { <TextInput id=ID value=text label="Title of the group" maxlength=most/> }.into_any()
            }}
        </div>
    }
}

fn text_of(definition: &Definition, what: &Written) -> String {
    match what {
        Written::Note(id) => {
            let note = definition.notes.iter().find(|note| note.id == *id);
            note.map(|note| note.text.clone()).unwrap_or_default()
        }
        Written::Group(id) => definition.groups.get(id).map(|group| group.title.clone()).unwrap_or_default(),
    }
}

/// Nothing where it is gone.
fn edit_of(definition: &Definition, what: &Written, text: String) -> Option<Edit> {
    match what {
        Written::Note(id) => {
            let note = definition.notes.iter().find(|note| note.id == *id)?;
            Some(Edit::SetNote { id: id.clone(), note: Some(Note { text, ..note.clone() }) })
        }
        Written::Group(id) => {
            let group = definition.groups.get(id)?;
            Some(Edit::SetGroup { id: id.clone(), group: Some(Group { title: text, ..group.clone() }) })
        }
    }
}

/// Over what it is about, as far as that is in view.
fn stand(frame: &web_sys::HtmlElement, place: Rect, is_note: bool) {
    let (width, height) = if is_note {
        (place.width().max(LEAST.0), place.height().max(LEAST.1))
    } else {
        (place.width().clamp(LEAST.0, LINE.0), LINE.1)
    };
    for (name, length) in
        [("left", place.x0.max(0.0)), ("top", place.y0.max(0.0)), ("width", width), ("height", height)]
    {
        set_style(frame, name, &format!("{length}px"));
    }
}
