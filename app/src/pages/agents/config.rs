//! The settings of each kind of agent.

use leptos::prelude::*;
use workflow::api::ProviderView;

use super::{
    faults::Faults,
    form::{AgentForm, HeaderForm},
    kind::{KINDS, WORKER},
    sub_workflow::SubWorkflow,
};
use crate::components::{
    Button, Fault, Field, IconButton, NumberInput, Segment, Segmented, Select, SelectOption, Size, TextArea, TextInput,
    dom::focus_soon,
};

const METHODS: [Segment; 2] = [Segment::new("get", "GET"), Segment::new("post", "POST")];

#[component]
pub(super) fn Config(form: AgentForm, faults: Faults, providers: StoredValue<Vec<ProviderView>>) -> impl IntoView {
    let kinds: Vec<Segment> = KINDS
        .iter()
        .filter(|kind| kind.name != WORKER)
        .map(|kind| Segment::new(kind.name, kind.label).with_icon(kind.icon))
        .collect();
    let words = move || match form.kind.get().as_str() {
        "http" => "Calls a web address. Only public addresses are reached, unless the operator allows more.",
        "template" => "Fills a template. Fast, free and always the same for the same inputs.",
        "human" => "Asks a person. The outputs below are the fields of the form; the step's review says who is asked.",
        "workflow" => "Runs a published workflow as one step. Its run is linked both ways.",
        _ => "Asks a language model, word by word as it answers.",
    };
    let fields = move || {
        match form.kind.get().as_str() {
        "http" => view! { <Http form faults/> }.into_any(),
        "template" => view! {
            <Field id="f-config-template" label="Template" help=Signal::derive(move || inputs_help(form)) error=faults.at("config.template")>
                <TextArea value=form.template rows=8 mono=true/>
            </Field>
        }
        .into_any(),
        "human" => view! {
            <Field
                id="f-config-instructions"
                label="Instructions"
                help=Signal::derive(move || format!("What the person is asked, in Markdown. {}", inputs_help(form)))
                error=faults.at("config.instructions")
            >
                <TextArea value=form.instructions rows=8/>
            </Field>
        }
        .into_any(),
        "workflow" => view! { <SubWorkflow form faults/> }.into_any(),
        _ => view! { <Llm form faults providers/> }.into_any(),
    }
    };
    view! {
        <section class="form-section" aria-label="What it does">
            <h2>"What it does"</h2>
            <div class="stack" data-gap="2">
                <Segmented value=form.kind segments=kinds name="agent-kind" label="Kind"/>
                <p class="small muted">{words}</p>
            </div>
            {fields}
        </section>
    }
}

/// How the inputs are named in a template.
fn inputs_help(form: AgentForm) -> String {
    let names =
        form.inputs.with(|ports| ports.iter().map(|port| format!("{{{{ {} }}}}", port.name.get())).collect::<Vec<_>>());
    if names.is_empty() {
        "A template; add inputs below to name them here".to_owned()
    } else {
        format!("A template over the inputs: {}", names.join(" "))
    }
}

#[component]
fn Llm(form: AgentForm, faults: Faults, providers: StoredValue<Vec<ProviderView>>) -> impl IntoView {
    let options = move || {
        let chosen = form.provider.get();
        let mut options = vec![SelectOption::new("", "Default provider")];
        providers.with_value(|providers| {
            options.extend(providers.iter().map(|provider| {
                let label = if provider.model.is_empty() {
                    provider.name.clone()
                } else {
                    format!("{}, {}", provider.name, provider.model)
                };
                SelectOption::new(provider.name.clone(), label)
            }));
        });
        if !options.iter().any(|option| option.value == chosen) {
            options.push(SelectOption::new(chosen.clone(), format!("{chosen}, not configured here")));
        }
        options
    };
    let model = move || {
        let chosen = form.provider.get();
        let of_provider = providers.with_value(|providers| {
            let provider = providers
                .iter()
                .find(|provider| provider.name == chosen)
                .or_else(|| providers.first().filter(|_| chosen.is_empty()));
            provider.map(|provider| provider.model.clone()).filter(|model| !model.is_empty())
        });
        of_provider.map_or_else(
            || "Empty for the provider's own".to_owned(),
            |model| format!("Empty for the provider's own, {model}"),
        )
    };
    let has_none = providers.with_value(Vec::is_empty);
    view! {
        {has_none.then(|| view! {
            <p class="small muted">
                "No provider is configured on this server: the operator sets WEFT_PROVIDER_NAME_KIND, _URL, _KEY and _MODEL"
            </p>
        })}
        <div class="form-row">
            <Field id="f-config-provider" label="Provider">
                <Select value=form.provider options=Signal::derive(options)/>
            </Field>
            <Field id="f-config-model" label="Model" help=Signal::derive(model) optional=true>
                <TextInput value=form.model mono=true autocomplete="off"/>
            </Field>
        </div>
        <Field id="f-config-prompt" label="Prompt" help=Signal::derive(move || inputs_help(form)) error=faults.at("config.prompt")>
            <TextArea value=form.prompt rows=8 mono=true/>
        </Field>
        <Field
            id="f-config-system"
            label="System prompt"
            help="Who the model is and how it answers; a template too"
            error=faults.at("config.system")
            optional=true
        >
            <TextArea value=form.system rows=3 mono=true/>
        </Field>
        <div class="form-row">
            <Field
                id="f-config-temperature"
                label="Temperature"
                help="0 is steady, 2 is wild; empty for the provider's own"
                error=faults.at("config.temperature")
                optional=true
            >
                <NumberInput value=form.temperature min=0.0 max=2.0 step=0.1/>
            </Field>
            <Field
                id="f-config-max_tokens"
                label="Longest answer"
                help="Empty for the provider's own limit"
                error=faults.at("config.max_tokens")
                optional=true
            >
                <NumberInput value=form.max_tokens min=1.0 step=1.0 unit="tokens"/>
            </Field>
        </div>
    }
}

#[component]
fn Http(form: AgentForm, faults: Faults) -> impl IntoView {
    let add = move || {
        let header = form.header("", "");
        form.headers.update(|headers| headers.push(header));
        let id = format!("header-{}", header.uid);
        focus_soon(id);
    };
    view! {
        <Segmented value=form.method segments=METHODS.to_vec() name="http-method" label="Method"/>
        <Field
            id="f-config-url"
            label="Address"
            help=Signal::derive(move || format!("{}. Values are escaped; the server's name is written out.", inputs_help(form)))
            error=faults.at("config.url")
        >
            <TextInput value=form.url mono=true autocomplete="off" placeholder="https://example.org/search?q={{ query }}"/>
        </Field>
        <div class="stack" data-gap="2">
            <div class="section-head">
                <h3>"Headers"</h3>
                <Button size=Size::Sm icon="plus" on_click=move |()| add()>"Add header"</Button>
            </div>
            <p class="field-help">
                "Keys and tokens are kept under " <a href="/admin/secrets">"Secrets"</a> ", and written here as "
                <code>"${secret.NAME}"</code>
            </p>
            <For each=move || form.headers.get() key=|header| header.uid let:header>
                <Header form header faults/>
            </For>
            <Fault text=faults.at("config.headers")/>
        </div>
        <Field
            id="f-config-body"
            label="Body"
            help="A template; a POST request sends it. In JSON, values inside quotes are escaped, and all others are written as JSON."
            error=faults.at("config.body")
            optional=true
        >
            <TextArea value=form.body rows=4 mono=true/>
        </Field>
    }
}

#[component]
fn Header(form: AgentForm, header: HeaderForm, faults: Faults) -> impl IntoView {
    let uid = header.uid;
    let fault = faults.under(move || format!("config.headers.{}", header.name.get().trim()));
    view! {
        <div class="header-row">
            <TextInput value=header.name id=format!("header-{uid}") label="Header name" placeholder="Accept" mono=true autocomplete="off"/>
            <TextInput value=header.value id=format!("header-{uid}-value") label="Header value" placeholder="text/plain" mono=true autocomplete="off"/>
            <IconButton
                icon="x"
                label=Signal::derive(move || format!("Remove the header {}", header.name.get()))
                size=Size::Sm
                on_click=move |()| form.headers.update(|headers| headers.retain(|known| known.uid != uid))
            />
        </div>
        <Fault text=fault/>
    }
}
