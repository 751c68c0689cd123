//! The workflow that an agent of this kind runs: which one, in which version, and which of its artifacts the outputs are.
//! Choosing one takes its inputs over as ports; what was opened with the agent is left as it is.

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    Definition, TemplateId,
    agent::OutputOf,
    api::{AgentView, PublishedVersion, TemplateSummary},
    schema::Schema,
};

use super::{
    edit::Faults,
    form::{AgentForm, PortForm, encode_output},
};
use crate::reactive::{effect, effect_with, memo};
use crate::{
    api,
    components::{Button, ComboOption, Combobox, Field, Select, SelectOption, Size, Skeleton, SkeletonKind},
    error::AppError,
    form::ErrorBanner,
    words,
};

/// What a workflow gives: an artifact of one of its steps.
#[derive(Clone, PartialEq)]
struct Offered {
    of: OutputOf,
    label: String,
    schema: Schema,
}

/// What is known of the chosen version.
#[derive(Clone, Default, PartialEq)]
struct Known {
    definition: Definition,
    offered: Vec<Offered>,
}

async fn look_up(id: TemplateId, version: i32) -> Result<Known, AppError> {
    let definition = api::get_version(id, version).await?;
    let agents = api::list_agents().await?;
    let mut offered = Vec::new();
    for (key, step) in &definition.steps {
        let latest = agents.iter().find(|agent| agent.id == step.agent_id);
        // A version that is not the latest may give something else.
        let is_latest = latest.is_some_and(|agent| step.agent_version.is_none_or(|version| version == agent.version));
        let outputs = match latest {
            Some(AgentView { outputs, .. }) if is_latest => outputs.clone(),
            _ => api::get_agent(step.agent_id.clone(), step.agent_version)
                .await
                .map(|spec| spec.outputs)
                .unwrap_or_default(),
        };
        for port in outputs {
            // The items of a list give a list.
            let schema = if step.map.is_some() {
                Schema { items: Some(Box::new(port.schema)), ..Schema::of(workflow::schema::Kind::Array) }
            } else {
                port.schema
            };
            offered.push(Offered {
                label: format!("{} · {}", step.title_or(key), port.name),
                of: OutputOf { step: key.clone(), artifact: port.name },
                schema,
            });
        }
    }
    Ok(Known { definition, offered })
}

#[expect(clippy::too_many_lines, reason = "three look-ups that follow each other, and what they show")]
#[component]
pub(super) fn SubWorkflow(form: AgentForm, faults: Faults) -> impl IntoView {
    let session = crate::session::use_session();
    let templates = RwSignal::new(None::<Vec<TemplateSummary>>);
    let versions = RwSignal::new(Vec::<PublishedVersion>::new());
    let known = RwSignal::new(None::<Known>);
    let error = RwSignal::new(None::<AppError>);
    let fail = move |failed: AppError| {
        session.note(&failed);
        error.try_set(Some(failed));
    };
    effect(move || {
        spawn_local(async move {
            match api::list_templates().await {
                Ok(list) => {
                    templates.try_set(Some(list));
                }
                Err(failed) => fail(failed),
            }
        });
    });
    // The versions of the chosen workflow; another workflow begins at its newest.
    effect_with(move |before: Option<String>| {
        let chosen = form.workflow.get();
        let is_other = before.is_some_and(|before| before != chosen);
        if let Ok(id) = chosen.parse::<TemplateId>() {
            spawn_local(async move {
                match api::template_versions(id).await {
                    Ok(list) => {
                        let newest = list.iter().map(|known| known.version).max();
                        versions.try_set(list);
                        let is_none = form.workflow_version.try_with_untracked(String::is_empty) == Some(true);
                        if let Some(newest) = newest.filter(|_| is_other || is_none) {
                            form.workflow_version.try_set(newest.to_string());
                        }
                    }
                    Err(failed) => fail(failed),
                }
            });
        }
        chosen
    });
    let chosen = memo(move || {
        Some((form.workflow.get().parse::<TemplateId>().ok()?, form.workflow_version.get().parse::<i32>().ok()?))
    });
    effect_with(move |before: Option<Option<(TemplateId, i32)>>| {
        let now = chosen.get();
        error.set(None);
        known.set(None);
        if let Some((id, version)) = now {
            // What the agent was opened with is not a choice.
            let is_choice = before.is_some();
            spawn_local(async move {
                match look_up(id, version).await {
                    Ok(found) if chosen.try_get_untracked() == Some(now) => {
                        if is_choice {
                            take_inputs(form, &found.definition);
                        }
                        known.try_set(Some(found));
                    }
                    Ok(_) => {}
                    Err(failed) => fail(failed),
                }
            });
        }
        now
    });
    let options = Signal::derive(move || {
        let option = |template: &TemplateSummary| ComboOption {
            value: template.id.to_string(),
            label: template.name.clone(),
            kind: template.published_version.map(|version| format!("version {version}")).unwrap_or_default(),
            reason: match (template.archived_at, template.published_version) {
                (Some(_), _) => Some("Archived".to_owned()),
                (None, None) => Some("Not published yet".to_owned()),
                _ => None,
            },
        };
        templates.with(|list| list.iter().flatten().map(option).collect::<Vec<_>>())
    });
    let version_options = Signal::derive(move || {
        let mut options: Vec<SelectOption> = versions.with(|versions| {
            let option = |known: &PublishedVersion| {
                SelectOption::new(
                    known.version.to_string(),
                    format!("Version {}, {}", known.version, words::count(known.n_steps, "step")),
                )
            };
            versions.iter().map(option).collect()
        });
        let now = form.workflow_version.get();
        if !now.is_empty() && !options.iter().any(|option| option.value == now) {
            options.push(SelectOption::new(now.clone(), format!("Version {now}")));
        }
        options
    });
    let body = move || match known.get() {
        Some(known) => outputs_view(form, faults, known),
        None if chosen.get().is_some() && error.with(Option::is_none) => {
            view! { <Skeleton kind=SkeletonKind::Control/> }.into_any()
        }
        None => ().into_any(),
    };
    view! {
        <div class="form-row">
            <Field id="f-config-template_id" label="Workflow" error=faults.at("config.template_id".into())>
                <Combobox value=form.workflow options placeholder="Choose a published workflow"/>
            </Field>
            <Field id="f-config-version" label="Version" help="It stays: a newer one is used when you choose it here" error=faults.at("config.version".into())>
                <Select value=form.workflow_version options=version_options/>
            </Field>
        </div>
        {move || error.get().map(|error| view! { <ErrorBanner error/> })}
        {body}
    }
}

/// The ports become the inputs of the workflow.
fn take_inputs(form: AgentForm, definition: &Definition) {
    let mut inputs: Vec<_> = definition.inputs.iter().collect();
    inputs.sort_by_key(|(key, input)| (input.order, (*key).clone()));
    let ports =
        inputs.into_iter().map(|(key, input)| form.port(key, &input.schema, input.required && input.default.is_none()));
    form.inputs.set(ports.collect());
}

fn outputs_view(form: AgentForm, faults: Faults, known: Known) -> AnyView {
    let options: Vec<ComboOption> = known
        .offered
        .iter()
        .map(|offered| ComboOption {
            value: encode_output(&offered.of),
            label: offered.label.clone(),
            kind: offered.schema.type_name().to_owned(),
            reason: None,
        })
        .collect();
    let options = Signal::stored(options);
    let offered = StoredValue::new(known.offered);
    let added = RwSignal::new(String::new());
    effect(move || {
        let wanted = added.get();
        if wanted.is_empty() {
            return;
        }
        added.set(String::new());
        let found =
            offered.with_value(|offered| offered.iter().find(|offered| encode_output(&offered.of) == wanted).cloned());
        if let Some(found) = found {
            add_output(form, &found);
        }
    });
    let inputs = StoredValue::new(known.definition);
    let rows = move |port: PortForm| {
        let uid = port.uid;
        let place = memo(move || form.outputs.with(|ports| ports.iter().position(|known| known.uid == uid)));
        let error = Signal::derive(move || {
            let _ = place.get();
            faults.at(format!("config.outputs.{}", port.name.get().trim())).get()
        });
        view! {
            <Field id=format!("output-of-{uid}") label=Signal::derive(move || format!("Output {}", port.name.get())) error>
                <Combobox value=port.from options placeholder="Choose an artifact"/>
            </Field>
        }
        .into_any()
    };
    view! {
        <div class="row">
            <Button size=Size::Sm icon="download" on_click=move |()| inputs.with_value(|definition| take_inputs(form, definition))>
                "Take over its inputs"
            </Button>
        </div>
        <div class="stack" data-gap="3">
            <For each=move || form.outputs.get() key=|port| port.uid let:port>{rows(port)}</For>
            <Field id="add-output-of" label="Add an output" help="An artifact of one of its steps">
                <Combobox value=added options placeholder="Choose an artifact"/>
            </Field>
        </div>
    }
    .into_any()
}

/// An output named like its artifact. A row that was never filled in makes room for it.
fn add_output(form: AgentForm, offered: &Offered) {
    let taken: Vec<String> = form.outputs.with_untracked(|ports| {
        ports
            .iter()
            .filter(|port| !port.from.with_untracked(String::is_empty))
            .map(|port| port.name.get_untracked())
            .collect()
    });
    let artifact = &offered.of.artifact;
    let name = if taken.contains(artifact) {
        (2..=u32::MAX).map(|n| format!("{artifact}_{n}")).find(|name| !taken.contains(name)).unwrap_or_default()
    } else {
        artifact.clone()
    };
    let port = form.port(&name, &offered.schema, false);
    port.from.set(encode_output(&offered.of));
    form.outputs.update(|ports| {
        ports.retain(|port| !port.from.with_untracked(String::is_empty));
        ports.push(port);
    });
}
