//! The beginning of what a ticked row is about, in the row: the bar fetches it with those of the others.
//! Must never make a row jump: what is on its way has its height. Must never wait for what nobody fetches.

use leptos::prelude::*;
use workflow::api::{GatePreview, PreviewedOutput};

use super::super::{asked::Key, state::Inbox};
use crate::components::{Skeleton, SkeletonKind};

/// Its outputs by name, each with its first lines.
#[component]
pub(in crate::pages::inbox) fn RowPreview(inbox: Inbox, gate: Key, is_form: bool) -> impl IntoView {
    let found = move || inbox.previews().with(|known| known.get(&gate).cloned());
    move || {
        let found = found();
        if let Some(words) = instead(is_form, found.as_ref()) {
            return view! { <p class="muted small">{words}</p> }.into_any();
        }
        match found {
            Some(preview) => {
                let outputs = preview.outputs.into_iter().map(one).collect_view();
                view! { <dl class="row-preview">{outputs}</dl> }.into_any()
            }
            None => view! { <div aria-busy="true"><Skeleton kind=SkeletonKind::Row/></div> }.into_any(),
        }
    }
}

/// What is said where there is no beginning to show, nor one on its way.
fn instead(is_form: bool, found: Option<&GatePreview>) -> Option<&'static str> {
    if is_form {
        return Some("It is a form: open it to answer it");
    }
    found.filter(|preview| preview.outputs.is_empty()).map(|_| "The step made nothing to look at")
}

fn one(output: PreviewedOutput) -> AnyView {
    let text = match output.text {
        Some(text) if output.is_cut => format!("{text}…"),
        Some(text) => text,
        None => format!("A file of the type {}", output.media_type),
    };
    view! { <div><dt><bdi>{output.name}</bdi></dt><dd dir="auto">{text}</dd></div> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticked_form_waits_for_no_beginning() {
        assert!(instead(true, None).is_some(), "nobody fetches one");
        assert_eq!(instead(false, None), None, "it is on its way");
        let empty = GatePreview {
            run_id: workflow::RunId(uuid::Uuid::nil()),
            step: "draft".into(),
            content_hash: String::new(),
            generation: 1,
            outputs: Vec::new(),
        };
        assert!(instead(false, Some(&empty)).is_some());
    }
}
