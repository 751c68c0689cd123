//! The versions of an agent: each is kept as it was, to be read, compared, and taken up again.

use leptos::prelude::*;
use workflow::AgentSpec;

use super::kind;
use crate::reactive::memo;
use crate::{
    api,
    components::{Button, CodeView, Diff, Field, Icon, Select, SelectOption, Size, Skeleton, SkeletonKind, use_toasts},
    load::PartFailed,
};

#[component]
pub(super) fn History(latest: Memo<AgentSpec>, on_take: Callback<AgentSpec>) -> impl IntoView {
    let chosen = RwSignal::new(String::new());
    let newest = memo(move || latest.with(|latest| latest.version));
    let options = move || {
        let none = SelectOption::new("", "Choose a version");
        let older =
            (1..newest.get()).rev().map(|version| SelectOption::new(version.to_string(), format!("Version {version}")));
        std::iter::once(none).chain(older).collect::<Vec<_>>()
    };
    let version = memo(move || chosen.with(|chosen| chosen.parse::<i32>().ok()));
    let shown = Resource::new(
        move || version.get(),
        move |version| {
            let id = latest.with_untracked(|latest| latest.id.clone());
            async move {
                match version {
                    Some(version) => Some(api::get_agent(id, Some(version)).await),
                    None => None,
                }
            }
        },
    );
    view! {
        <section class="card" aria-label="Versions">
            <div class="card-head"><h2>"Versions"</h2></div>
            <div class="card-body stack" data-gap="3">
                <Show
                    when=move || { newest.get() > 1 }
                    fallback=|| view! { <p class="small muted">"This is the first one. Each save adds a version; none is ever changed."</p> }
                >
                    <Field id="agent-version" label="Look at an earlier version">
                        <Select value=chosen options=Signal::derive(options)/>
                    </Field>
                    <Transition fallback=|| view! { <Skeleton kind=SkeletonKind::Row/> }>
                        {move || Suspend::new(async move {
                            match shown.await {
                                Some(Ok(spec)) => view! { <Old spec latest on_take/> }.into_any(),
                                Some(Err(error)) => {
                                    view! { <PartFailed error on_retry=move |()| shown.refetch()/> }.into_any()
                                }
                                None => ().into_any(),
                            }
                        })}
                    </Transition>
                </Show>
            </div>
        </section>
    }
}

#[component]
fn Old(spec: AgentSpec, latest: Memo<AgentSpec>, on_take: Callback<AgentSpec>) -> impl IntoView {
    let toasts = use_toasts();
    let ports = |names: Vec<(String, &'static str)>| {
        let words: Vec<String> = names.into_iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
        if words.is_empty() { "None".to_owned() } else { words.join(", ") }
    };
    let inputs = ports(spec.inputs.iter().map(|port| (port.name.clone(), port.schema.type_name())).collect());
    let outputs = ports(spec.outputs.iter().map(|port| (port.name.clone(), port.schema.type_name())).collect());
    let prompt = spec.config.prompt().map(str::to_owned);
    let now = latest.with_untracked(|latest| latest.config.prompt().map(str::to_owned));
    let text = match (prompt, now) {
        (Some(before), Some(after)) if before != after => {
            view! { <Diff before after title=format!("Prompt of version {} and of the newest", spec.version)/> }
                .into_any()
        }
        (Some(prompt), _) => view! { <CodeView text=prompt title="Prompt, as it is now" wrap=true/> }.into_any(),
        (None, _) => {
            let config = serde_json::to_string_pretty(&spec.config).unwrap_or_default();
            view! { <CodeView text=config title="Settings" wrap=true/> }.into_any()
        }
    };
    let (version, name, of_kind) = (spec.version, spec.name.clone(), kind::label(spec.kind()));
    let spec = StoredValue::new(spec);
    view! {
        <dl class="facts">
            <dt>"Name"</dt>
            <dd>{name}</dd>
            <dt>"Kind"</dt>
            <dd>{of_kind}</dd>
            <dt>"Inputs"</dt>
            <dd>{inputs}</dd>
            <dt>"Outputs"</dt>
            <dd>{outputs}</dd>
        </dl>
        {text}
        <div class="row">
            <Button
                size=Size::Sm
                icon="history"
                on_click=move |()| {
                    on_take.run(spec.get_value());
                    toasts.success(format!("Version {version} is in the form; save it to make it the newest"));
                }
            >
                "Take into the form"
            </Button>
        </div>
        <p class="small muted row">
            <Icon name="info" size=Size::Sm/>
            "Workflows that pin it go on using it"
        </p>
    }
}
