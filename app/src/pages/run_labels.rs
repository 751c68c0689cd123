//! The dialog in which a run gets a title and tags: from the list of runs, and from its page.
//! Must never clear what was typed: an error is shown and the form stays.

use leptos::prelude::*;
use workflow::{
    RunId,
    api::RunLabels,
    limits::{MAX_RUN_TAGS, MAX_TAG_CHARS},
};

use crate::{
    api,
    components::{Dialog, DialogForm, Field, Size, TextInput},
    form::{FormError, at_field, outcome},
};

#[component]
pub(in crate::pages) fn LabelDialog(
    open: RwSignal<bool>,
    /// The run, and what it has by now; as it is when the dialog opens.
    #[prop(into)]
    of: Signal<Option<(RunId, RunLabels)>>,
    #[prop(into)] on_done: Callback<(RunId, RunLabels)>,
) -> impl IntoView {
    view! {
        <Dialog id="label-run" open size=Size::Sm title="Title and tags" description="They show in lists and change nothing in the run">
            {move || of.get_untracked().map(|(id, labels)| view! { <LabelForm id labels open on_done/> })}
        </Dialog>
    }
}

#[component]
fn LabelForm(
    id: RunId,
    labels: RunLabels,
    open: RwSignal<bool>,
    on_done: Callback<(RunId, RunLabels)>,
) -> impl IntoView {
    let title = RwSignal::new(labels.title.unwrap_or_default());
    let tags = RwSignal::new(labels.tags.join(", "));
    let save = Action::new(move |(): &()| {
        let labels = RunLabels { title: Some(title.get_untracked()), tags: tags.with_untracked(|text| split(text)) };
        api::label_run(id, labels)
    });
    let error = outcome(save, move |labels: RunLabels| {
        open.set(false);
        on_done.run((id, labels));
    });
    view! {
        <DialogForm
            open
            submit="Save"
            pending=save.pending()
            on_submit=move |()| {
                save.dispatch(());
            }
        >
            <FormError error fields=&["title", "tags"]/>
            <Field
                id="label-run-title"
                label="Title"
                help="Empty shows what the run is about"
                error=at_field(error, "title")
            >
                <TextInput value=title autofocus=true maxlength=200/>
            </Field>
            <Field
                id="label-run-tags"
                label="Tags"
                help=format!("With commas between; at most {MAX_RUN_TAGS} of {MAX_TAG_CHARS} characters")
                error=at_field(error, "tags")
            >
                <TextInput value=tags autocomplete="off"/>
            </Field>
        </DialogForm>
    }
}

/// Tags as people list them: with commas between, for a tag may have spaces.
fn split(text: &str) -> Vec<String> {
    text.split([',', ';', '،', '、', '，']).map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn tags_are_listed_with_commas_of_any_script() {
        assert_eq!(split(" may report, wet ,,雨、雪，"), ["may report", "wet", "雨", "雪"]);
        assert!(split(" , ").is_empty());
    }
}
