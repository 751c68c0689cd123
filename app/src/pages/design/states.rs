//! Specimens of what a list or a form says when it is not as one hopes: loading, empty, nothing found, failed, not allowed, too much.
//! The words are those of the pages.

use leptos::prelude::*;
use workflow::{
    api::{ApiError, ErrorCode},
    difference::Difference,
};

use super::specimen::{Group, Specimen};
use crate::{
    components::{
        Badge, Button, ComboOption, Combobox, CopyButton, DialogForm, Empty, Fault, Field, LinkButton, MoreRows,
        NumberInput, RadioList, RowsSkeleton, Select, SelectOption, StatusChip, TableShell, TextArea, TextInput, Tone,
        Variant, difference_row,
    },
    error::AppError,
    form::{ErrorBanner, local_error},
    pages::input_form::file::FileInput,
};

#[component]
pub fn States() -> impl IntoView {
    view! {
        <Group title="States of a list">
            <Specimen name="Loading: RowsSkeleton">
                <RowsSkeleton n=3 has_search=true/>
            </Specimen>
            <Specimen name="Nothing yet, nothing found, nothing left: Empty">
                <Empty icon="play" framed=true level=3 title="No runs yet" text="Start a workflow: its steps, what waits for you and what it wrote appear here, live.">
                    <Button variant=Variant::Primary icon="play">"Start a workflow"</Button>
                </Empty>
                <Empty icon="search" framed=true level=3 title="No runs found" text="No run matches this. Widen it, or clear it."/>
                <Empty icon="check" framed=true level=3 title="Nothing waits for you" text="You are up to date. What asks you next appears here by itself."/>
            </Specimen>
            <Specimen name="Failed: ErrorBanner">
                <ErrorBanner
                    error=broken()
                    action=|| view! { <Button icon="refresh-cw">"Try again"</Button> }
                />
                <ErrorBanner error=local_error("Give a time of the years 1970 to 9999.")/>
            </Specimen>
            <Specimen name="Not allowed">
                <Empty
                    icon="eye"
                    framed=true
                    level=3
                    title="This run is not shared with you any more"
                    text="Ask whoever shared it with you, if you need to see it again."
                >
                    <LinkButton href="/dashboard">"Go to the dashboard"</LinkButton>
                </Empty>
                <Empty icon="search" framed=true level=3 title="Page not found" text="It may have been removed, or it is not yours to see. Check the address, or go back to your dashboard.">
                    <LinkButton href="/dashboard">"Go to the dashboard"</LinkButton>
                </Empty>
            </Specimen>
            <Specimen name="Too much: MoreRows">
                <Rows/>
            </Specimen>
        </Group>
        <Forms/>
    }
}

fn broken() -> AppError {
    AppError(ApiError {
        status: 503,
        code: ErrorCode::Unavailable,
        detail: "The server cannot be reached at the moment. Try again soon.".to_owned(),
        field: None,
        problems: Vec::new(),
        id: Some("req-7".to_owned()),
    })
}

/// Rows of a table that was uploaded: each in one of the states of such a row, and more of them than are shown.
#[component]
fn Rows() -> impl IntoView {
    view! {
        <TableShell
            label="Rows"
            foot=|| view! {
                <p class="muted small">"These are the first 5 of 10,000"</p>
                <MoreRows has_more=true loading=true on_more=|()| ()/>
            }
        >
            <thead>
                <tr><th scope="col">"Row"</th><th scope="col">"State"</th><th scope="col">"Run, or why not"</th></tr>
            </thead>
            <tbody>
                <tr><th scope="row">"1"</th><td><StatusChip status="completed" stale=true/></td><td><a href="/design">"Rain in May"</a></td></tr>
                <tr><th scope="row">"2"</th><td><StatusChip status="running"/></td><td><a href="/design" dir="auto">"雨が降る"</a></td></tr>
                <tr><th scope="row">"3"</th><td><Badge>"Waits"</Badge></td><td></td></tr>
                <tr><th scope="row">"4"</th><td><Badge tone=Tone::Error>"Refused"</Badge></td><td><bdi>"Row 4, topic: This is needed."</bdi></td></tr>
                <tr><th scope="row">"5"</th><td><Badge>"Not started"</Badge></td><td></td></tr>
            </tbody>
        </TableShell>
    }
}

/// What is wrong, empty or off in a form, and what stands at its foot.
#[component]
fn Forms() -> impl IntoView {
    let (empty, long) = (RwSignal::new(String::new()), RwSignal::new("summarise.text".to_owned()));
    let wrong = Signal::stored(Some("Choose one of the list.".to_owned()));
    let n = RwSignal::new(Some(0.0));
    let sources = vec![ComboOption {
        value: "summarise.text".into(),
        label: "Summarise → text".into(),
        kind: "string".into(),
        ..ComboOption::default()
    }];
    let sources = StoredValue::new(sources);
    view! {
        <Group title="States of a form">
            <Specimen name="Combobox: empty, wrong, off">
                <div class="form-row">
                    <Field id="design-combo-empty" label="Nothing chosen">
                        <Combobox value=empty options=sources.get_value() placeholder="Choose an output"/>
                    </Field>
                    <Field id="design-combo-wrong" label="Not of the list" error=wrong>
                        <Combobox value=empty options=sources.get_value()/>
                    </Field>
                    <Field id="design-combo-off" label="Off">
                        <Combobox value=long options=sources.get_value() disabled=true/>
                    </Field>
                </div>
            </Specimen>
            <Specimen name="TextInput, NumberInput, Select, TextArea: wrong">
                <div class="form-row">
                    <Field id="design-wrong-text" label="Name" error=Signal::stored(Some("A workflow needs a name.".to_owned()))>
                        <TextInput value=empty/>
                    </Field>
                    <Field id="design-wrong-number" label="Timeout" error=Signal::stored(Some("Give at least 1 s.".to_owned()))>
                        <NumberInput value=n min=1.0 unit="s"/>
                    </Field>
                    <Field id="design-wrong-select" label="Starts when" error=wrong>
                        <Select value=empty options=vec![SelectOption::new("", "Choose one")]/>
                    </Field>
                    <Field id="design-wrong-area" label="Prompt" error=Signal::stored(Some("The template ends inside “{{ text”.".to_owned()))>
                        <TextArea value=empty/>
                    </Field>
                </div>
            </Specimen>
            <Specimen name="Fault: outside a Field">
                <Fault text=wrong/>
            </Specimen>
            <Wholes/>
        </Group>
    }
}

/// What is chosen, dropped, sent and copied.
#[component]
fn Wholes() -> impl IntoView {
    let how = RwSignal::new("step".to_owned());
    let title = RwSignal::new("The wet one".to_owned());
    let file = RwSignal::new(String::new());
    let no_text = RwSignal::new(Some("“photo.png” is not text in UTF-8 or UTF-16. Choose a text file.".to_owned()));
    let open = RwSignal::new(true);
    let change = Difference { what: "Tone".into(), before: Some("formal".into()), after: None };
    view! {
            <Specimen name="RadioList">
                <RadioList
                    value=how
                    name="design-radio"
                    label="What runs again"
                    choices=vec![
                        ("step", "This step only", "Later steps keep what they have, and turn stale if the result differs"),
                        ("later", "With every later step", "Every later step runs again after it"),
                    ]
                />
            </Specimen>
            <Specimen name="File">
                <Field id="design-file" label="Text" help="UTF-8 or UTF-16 text" error=no_text>
                    <FileInput id="design-file" text=file error=no_text/>
                </Field>
            </Specimen>
            <Specimen name="DialogForm">
                <DialogForm open submit="Save" pending=false on_submit=|()| ()>
                    <Field id="design-form-title" label="Title">
                        <TextInput value=title/>
                    </Field>
                </DialogForm>
            </Specimen>
            <Specimen name="CopyButton, difference row">
                <div class="row"><code>"Summarise → text"</code> <CopyButton text="Summarise → text"/></div>
                <dl class="facts">{difference_row(change)}</dl>
            </Specimen>
    }
}
