//! The dialog in which a run gets a title and tags. It opens for whatever run is put into `of`.
//! Must never clear what was typed: an error is shown and the form stays.

use leptos::prelude::*;
use workflow::{
    RunId,
    api::{ListedRun, RunLabels},
    limits::{MAX_RUN_TAGS, MAX_TAG_CHARS},
};

use crate::{
    api,
    components::{Dialog, DialogForm, Field, Size, TextInput, open_while_chosen},
    form::{FormError, at_field, outcome},
};

#[component]
pub(super) fn LabelDialog(
    of: RwSignal<Option<ListedRun>>,
    #[prop(into)] on_done: Callback<(RunId, RunLabels)>,
) -> impl IntoView {
    let open = open_while_chosen(of);
    view! {
        <Dialog id="label-run" open size=Size::Sm title="Title and tags" description="They show in lists and change nothing in the run">
            {move || of.get_untracked().map(|run| view! { <LabelForm run open on_done/> })}
        </Dialog>
    }
}

#[component]
fn LabelForm(run: ListedRun, open: RwSignal<bool>, on_done: Callback<(RunId, RunLabels)>) -> impl IntoView {
    let id = run.run.id;
    let title = RwSignal::new(run.labels.title.unwrap_or_default());
    let tags = RwSignal::new(run.labels.tags.join(", "));
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
