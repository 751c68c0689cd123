//! How long a try may take, and how many run at once where others share the same thing.
//! Fields that are stored and not executed are named here, with the way to take them out.

use leptos::prelude::*;
use serde_json::json;
use workflow::{agent::InputPort, definition::Concurrency, limits::MAX_TIMEOUT_S, schema::Schema, source::Source};

use super::{
    super::{focus::field_id, sources::Takes},
    bound::{flag, number, whole},
    one_step::OneStep,
    section::Section,
    source_field::SourceField,
};
use crate::components::{Button, Checkbox, Field, NumberInput, Size, Variant};

#[component]
pub(super) fn Limits(one: OneStep) -> impl IntoView {
    let timeout = number(
        one,
        |step| Some(f64::from(step.timeout_s)),
        |step, number| {
            if let Some(number) = number {
                step.timeout_s = whole(number, MAX_TIMEOUT_S);
            }
        },
        "Change the time limit",
    );
    let is_shared = flag(
        one,
        |step| step.concurrency.is_some(),
        |step, on| {
            let first = || Concurrency { key: Source::Const(json!("shared")), limit: 1 };
            step.concurrency = on.then(|| step.concurrency.take().unwrap_or_else(first));
        },
        "Share a limit",
    );
    view! {
        <Section one name="Limits">
            <Field id=field_id("timeout_s") label="Time limit" help="Of each try" error=one.problem("timeout_s")>
                <NumberInput value=timeout min=1.0 max=f64::from(MAX_TIMEOUT_S) step=1.0 unit="s"/>
            </Field>
            <Checkbox
                checked=is_shared
                label="Share a limit with other steps"
                help="Steps with the same key take turns, whatever run they belong to"
                id=field_id("concurrency")
            />
            <Show when=move || is_shared.get()>
                <Shared one/>
            </Show>
        </Section>
        <Unsupported one/>
    }
}

#[component]
fn Shared(one: OneStep) -> impl IntoView {
    let source = Signal::derive(move || one.read(|step| step.concurrency.as_ref().map(|shared| shared.key.clone())));
    let set = Callback::new(move |source: Option<Source>| {
        one.change("Change the shared key", |step| {
            if let (Some(shared), Some(source)) = (&mut step.concurrency, source) {
                shared.key = source;
            }
        });
        true
    });
    let limit = number(
        one,
        |step| step.concurrency.as_ref().map(|shared| f64::from(shared.limit)),
        |step, now| {
            if let (Some(shared), Some(now)) = (&mut step.concurrency, now) {
                shared.limit = whole(now, u32::MAX - 1);
            }
        },
        "Change the shared limit",
    );
    let port = InputPort { name: "key".to_owned(), schema: Schema::text(), required: true };
    let takes = Takes { constant: true, item: false, steps: false, none: false };
    view! {
        <div class="mapping">
            <div class="mapping-port"><span>"Key"</span></div>
            <p class="small muted">"A text, or a run input: one key for each customer, for example"</p>
            <SourceField
                one
                id=field_id("concurrency.key")
                label="Key of the shared limit"
                port=Signal::stored(port)
                source
                takes=Signal::stored(takes)
                set
                error=one.problem("concurrency.key")
            />
            <Field id=field_id("concurrency.limit") label="Most at the same time" help="Of all steps with this key" error=one.problem("concurrency.limit")>
                <NumberInput value=limit min=1.0 step=1.0/>
            </Field>
        </div>
    }
}

/// Reusing earlier results is stored and not executed yet.
#[component]
fn Unsupported(one: OneStep) -> impl IntoView {
    view! {
        <Show when=move || one.read(|step| step.cache)>
            <section class="panel-section" aria-label="Not executed yet">
                <h3>"Not executed yet"</h3>
                <div class="setting" id=field_id("cache") tabindex="-1">
                    <div><strong>"Reuses earlier results"</strong> " " <code>"cache"</code></div>
                    <Button size=Size::Sm variant=Variant::Quiet icon="trash-2" on_click=move |()| one.change("Remove a setting", |step| step.cache = false)>
                        "Remove"
                    </Button>
                </div>
            </section>
        </Show>
    }
}
