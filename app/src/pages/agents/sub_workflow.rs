//! The workflow that an agent of this kind runs: which one, in which version, and which of its artifacts the outputs are.
//! Choosing one takes its inputs over as ports; what was opened with the agent is left as it is.

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    TemplateId,
    api::{OfferedOutput, PublishedVersion, TemplateSummary, WorkflowPorts},
};

use super::{
    faults::Faults,
    form::{AgentForm, PortForm, encode_output},
};
use crate::reactive::{effect, effect_with, memo};
use crate::{
    api,
    components::{Button, ComboOption, Combobox, Field, Select, SelectOption, Size, Skeleton, SkeletonKind},
    error::AppError,
    form::ErrorBanner,
    paged::all,
    words,
};

#[expect(clippy::too_many_lines, reason = "three look-ups that follow each other, and what they show")]
#[component]
pub(super) fn SubWorkflow(form: AgentForm, faults: Faults) -> impl IntoView {
    let session = crate::session::use_session();
    let templates = RwSignal::new(None::<Vec<TemplateSummary>>);
    let versions = RwSignal::new(Vec::<PublishedVersion>::new());
    let known = RwSignal::new(None::<WorkflowPorts>);
    let error = RwSignal::new(None::<AppError>);
    let fail = move |failed: AppError| {
        session.note(&failed);
        error.try_set(Some(failed));
    };
    effect(move || {
        spawn_local(async move {
            match all(|after| api::list_templates(None, after)).await {
                Ok(list) => {
                    templates.try_set(Some(list));
                }
                Err(failed) => fail(failed),
            }
        });
    });
    let picked = RwSignal::new(form.workflow.get_untracked());
    effect(move || picked.set(form.workflow.get()));
    effect(move || {
        let now = picked.get();
        if form.workflow.with_untracked(|known| *known != now) {
            // The version of another workflow means nothing here.
            form.workflow_version.set(String::new());
            form.workflow.set(now);
        }
    });
    // The versions of the chosen workflow; without one it begins at its newest.
    effect(move || {
        let chosen = form.workflow.get();
        versions.set(Vec::new());
        if let Ok(id) = chosen.parse::<TemplateId>() {
            let asked = chosen;
            spawn_local(async move {
                let answer = all(move |after| api::template_versions(id, after)).await;
                // Another one may have been chosen meanwhile.
                if form.workflow.try_with_untracked(|now| *now == asked) != Some(true) {
                    return;
                }
                match answer {
                    Ok(list) => {
                        let newest = list.iter().map(|known| known.version).max();
                        versions.set(list);
                        let is_unchosen = form.workflow_version.try_with_untracked(String::is_empty) == Some(true);
                        if let Some(newest) = newest.filter(|_| is_unchosen) {
                            form.workflow_version.set(newest.to_string());
                        }
                    }
                    Err(failed) => fail(failed),
                }
            });
        }
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
                let answer = api::workflow_ports(id, version).await;
                // Another one may have been chosen meanwhile.
                if chosen.try_get_untracked() != Some(now) {
                    return;
                }
                match answer {
                    Ok(found) => {
                        if is_choice {
                            take_inputs(form, &found);
                        }
                        known.set(Some(found));
                    }
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
            ..ComboOption::default()
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
            <Field id="f-config-template_id" label="Workflow" error=faults.at("config.template_id")>
                <Combobox value=picked options placeholder="Choose a published workflow"/>
            </Field>
            <Field id="f-config-version" label="Version" help="It stays: a newer one is used when you choose it here" error=faults.at("config.version")>
                <Select value=form.workflow_version options=version_options/>
            </Field>
        </div>
        {move || error.get().map(|error| view! { <ErrorBanner error/> })}
        {body}
    }
}

/// The ports become the inputs of the workflow.
fn take_inputs(form: AgentForm, known: &WorkflowPorts) {
    let mut inputs: Vec<_> = known.inputs.iter().collect();
    inputs.sort_by_key(|(key, input)| (input.order, (*key).clone()));
    let ports =
        inputs.into_iter().map(|(key, input)| form.port(key, &input.schema, input.required && input.default.is_none()));
    form.inputs.set(ports.collect());
}

fn outputs_view(form: AgentForm, faults: Faults, known: WorkflowPorts) -> AnyView {
    let options: Vec<ComboOption> = known
        .offers
        .iter()
        .map(|offered| ComboOption {
            value: encode_output(&offered.of),
            label: format!("{} · {}", offered.step_title, offered.of.artifact),
            kind: offered.schema.type_name().to_owned(),
            ..ComboOption::default()
        })
        .collect();
    let options = Signal::stored(options);
    let known = StoredValue::new(known);
    let added = RwSignal::new(String::new());
    effect(move || {
        let wanted = added.get();
        if wanted.is_empty() {
            return;
        }
        added.set(String::new());
        let found =
            known.with_value(|known| known.offers.iter().find(|offered| encode_output(&offered.of) == wanted).cloned());
        if let Some(found) = found {
            add_output(form, &found);
        }
    });
    let rows = move |port: PortForm| {
        let uid = port.uid;
        let error = faults.under(move || format!("config.outputs.{}", port.name.get().trim()));
        view! {
            <Field id=format!("output-of-{uid}") label=Signal::derive(move || format!("Output {}", port.name.get())) error>
                <Combobox value=port.from options placeholder="Choose an output"/>
            </Field>
        }
        .into_any()
    };
    view! {
        <div class="row">
            <Button size=Size::Sm icon="download" on_click=move |()| known.with_value(|known| take_inputs(form, known))>
                "Take over its inputs"
            </Button>
        </div>
        <div class="stack" data-gap="3">
            <For each=move || form.outputs.get() key=|port| port.uid let:port>{rows(port)}</For>
            <Field id="add-output-of" label="Add an output" help="Made by one of its steps">
                <Combobox value=added options placeholder="Choose an output"/>
            </Field>
        </div>
    }
    .into_any()
}

/// An output named like its artifact. A row that was never filled in makes room for it.
fn add_output(form: AgentForm, offered: &OfferedOutput) {
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
