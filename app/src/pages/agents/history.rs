//! The versions of an agent: each is kept as it was, to be read, compared, and taken up again.

use leptos::prelude::*;
use workflow::AgentSpec;

use super::{earlier::EarlierVersions, kind};
use crate::components::{Button, CodeView, Diff, Icon, Size, use_toasts};

#[component]
pub(super) fn History(latest: Memo<AgentSpec>, on_take: Callback<AgentSpec>) -> impl IntoView {
    let draw = Callback::new(move |spec| view! { <Old spec latest on_take/> }.into_any());
    view! {
        <EarlierVersions
            latest
            label="Look at an earlier version"
            none="This is the first one. Each save adds a version; none is ever changed."
            draw
        />
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
