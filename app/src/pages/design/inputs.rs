//! Specimens of what is filled in: fields with help and errors, and every control, also disabled.

use leptos::prelude::*;

use super::specimen::{Group, Specimen};
use crate::components::{
    Checkbox, ComboOption, Combobox, Field, NumberInput, Segment, Segmented, Select, SelectOption, Switch, TextArea,
    TextInput,
};

#[component]
pub fn Inputs() -> impl IntoView {
    let name = RwSignal::new("Document brief".to_owned());
    let slug = RwSignal::new("Document Brief".to_owned());
    let slug_error = Signal::derive(move || {
        let bad =
            slug.with(|s| !s.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-'));
        bad.then(|| "Use small letters, digits, - and _ only".to_owned())
    });
    let prompt = RwSignal::new("Summarise the text in three sentences.\n\n{{ text }}".to_owned());
    let empty = RwSignal::new(String::new());
    let search = RwSignal::new(String::new());
    let timeout = RwSignal::new(Some(600.0));
    let rule = RwSignal::new("none_failed".to_owned());
    let rules = vec![
        SelectOption::new("none_failed", "None failed"),
        SelectOption::new("all_success", "All succeeded"),
        SelectOption { disabled: true, ..SelectOption::new("all_done", "All done (not yet)") },
    ];
    let source = RwSignal::new("summarise.text".to_owned());
    view! {
        <Group title="Inputs">
            <Specimen name="Field, TextInput, NumberInput">
                <div class="form-row">
                    <Field id="design-name" label="Name" required=true>
                        <TextInput value=name/>
                    </Field>
                    <Field id="design-slug" label="Key" help="Used in the API; it cannot be changed later" error=slug_error>
                        <TextInput value=slug mono=true/>
                    </Field>
                    <Field id="design-note" label="Note" optional=true>
                        <TextInput value=empty placeholder="What changed" />
                    </Field>
                    <Field id="design-off" label="Disabled">
                        <TextInput value=name disabled=true/>
                    </Field>
                    <Field id="design-ro" label="Read only">
                        <TextInput value=name readonly=true/>
                    </Field>
                    <Field id="design-timeout" label="Timeout">
                        <NumberInput value=timeout min=1.0 max=86_400.0 step=1.0 unit="s"/>
                    </Field>
                </div>
            </Specimen>
            <Specimen name="TextArea">
                <Field id="design-prompt" label="Prompt" help="A template; {{ name }} is replaced by the input of that name">
                    <TextArea value=prompt mono=true/>
                </Field>
            </Specimen>
            <Specimen name="Select, Combobox">
                <div class="form-row">
                    <Field id="design-rule" label="Starts when">
                        <Select value=rule options=rules/>
                    </Field>
                    <Field id="design-source" label="Source" help="Artifacts of all steps before this one">
                        <Combobox value=source options=sources() placeholder="Choose an artifact"/>
                    </Field>
                </div>
            </Specimen>
            <Specimen name="NumberInput, Select, TextArea: off">
                <div class="form-row">
                    <Field id="design-off-number" label="Timeout">
                        <NumberInput value=timeout unit="s" disabled=true/>
                    </Field>
                    <Field id="design-off-select" label="Starts when">
                        <Select value=rule options=vec![SelectOption::new("none_failed", "None failed")] disabled=true/>
                    </Field>
                    <Field id="design-off-area" label="Prompt">
                        <TextArea value=prompt disabled=true/>
                    </Field>
                    <Field id="design-ro-area" label="Prompt, read only">
                        <TextArea value=prompt readonly=true/>
                    </Field>
                </div>
            </Specimen>
            <Specimen name="Search">
                <div class="toolbar">
                    <TextInput value=search kind="search" icon="search" label="Search runs" placeholder="Search runs"/>
                </div>
            </Specimen>
            <Specimen name="Checkbox, Switch">
                <Choices/>
            </Specimen>
            <Specimen name="Segmented">
                <Modes/>
            </Specimen>
        </Group>
    }
}

fn sources() -> Vec<ComboOption> {
    let option = |value: &str, label: &str, kind: &str, reason: Option<&str>| ComboOption {
        value: value.to_owned(),
        label: label.to_owned(),
        kind: kind.to_owned(),
        reason: reason.map(str::to_owned),
        ..ComboOption::default()
    };
    vec![
        option("clean.text", "Clean text → text", "string", None),
        option("summarise.text", "Summarise → text", "string", None),
        option(
            "keywords.list",
            "Extract keywords → list",
            "list",
            Some("This input takes text, the artifact is a list"),
        ),
        option("sentiment.label", "Sentiment → label", "string", None),
    ]
}

#[component]
fn Choices() -> impl IntoView {
    let on = RwSignal::new(true);
    let off = RwSignal::new(false);
    let auto_run = RwSignal::new(true);
    view! {
        <div class="stack" data-gap="2">
            <Checkbox checked=on label="Ask before publishing" help="Shows what changes against the live version"/>
            <Checkbox checked=off label="Only my runs"/>
            <Checkbox checked=on label="Checked, disabled" disabled=true/>
            <Checkbox checked=off label="Unchecked, disabled" disabled=true/>
        </div>
        <div class="row" data-gap="6">
            <Switch checked=auto_run on_change=move |now| auto_run.set(now) label="Auto-run"/>
            <Switch checked=false on_change=|_| () label="Off"/>
            <Switch checked=true on_change=|_| () label="Disabled" disabled=true/>
        </div>
    }
}

#[component]
fn Modes() -> impl IntoView {
    let mode = RwSignal::new("when_manual".to_owned());
    let view_as = RwSignal::new("canvas".to_owned());
    view! {
        <div class="row" data-gap="6">
            <Segmented
                name="design-review"
                label="Review"
                value=mode
                segments=vec![Segment::new("when_manual", "If auto-run is off"), Segment::new("always", "Always"), Segment::new("never", "Never")]
            />
            <Segmented
                name="design-view"
                label="View"
                value=view_as
                segments=vec![
                    Segment::new("steps", "Steps").with_icon("list-checks"),
                    Segment::new("canvas", "Canvas").with_icon("workflow"),
                    Segment::new("panel", "Step").with_icon("panel-right"),
                ]
            />
            <Segmented
                name="design-mode-off"
                label="Review, off"
                value=mode
                segments=vec![Segment::new("when_manual", "If auto-run is off"), Segment::new("always", "Always")]
                disabled=true
            />
        </div>
    }
}
