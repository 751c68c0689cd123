//! Which agent does the step, and at which version: the latest at each publish, or one that stays.

use leptos::{prelude::*, task::spawn_local};
use workflow::AgentId;

use super::{
    super::{fixes::Fixes, focus::field_id},
    behind::Behind,
    one_step::OneStep,
};
use crate::reactive::{effect, memo};
use crate::{
    api,
    components::{ComboOption, Combobox, Field, Select, SelectOption},
    pages::agents::kind,
};

#[component]
pub(super) fn Agent(one: OneStep) -> impl IntoView {
    let draft = one.draft;
    let agent_id =
        memo(move || one.step.with(|step| step.as_ref().map(|step| step.agent_id.to_string())).unwrap_or_default());
    let latest = memo(move || {
        let id = AgentId::new(agent_id.get());
        draft.catalog.with(|catalog| catalog.get(&id, None).map(|spec| (spec.version, spec.description.clone())))
    });
    let pinned = memo(move || one.read(|step| step.agent_version));
    let options = memo(move || {
        let mut options = draft.catalog.with(|catalog| {
            catalog
                .latest()
                .map(|spec| ComboOption {
                    value: spec.id.to_string(),
                    label: spec.name.clone(),
                    kind: kind::label(spec.kind()).to_owned(),
                    ..ComboOption::default()
                })
                .collect::<Vec<_>>()
        });
        options.sort_by_cached_key(|option| option.label.to_lowercase());
        options
    });
    let chosen = RwSignal::new(agent_id.get_untracked());
    effect(move || chosen.set(agent_id.get()));
    effect(move || {
        let now = chosen.get();
        if agent_id.with_untracked(|known| *known != now) {
            one.change("Choose another agent", |step| {
                step.agent_id = AgentId::new(now);
                step.agent_version = None;
            });
        }
    });
    let versions = move || {
        let newest = latest.with(|latest| latest.as_ref().map(|(version, _)| *version));
        let mut options = vec![SelectOption::new(
            "",
            newest.map_or_else(
                || "Latest when you publish".to_owned(),
                |version| format!("Latest when you publish, now version {version}"),
            ),
        )];
        let known = (1..=newest.unwrap_or(0))
            .rev()
            .map(|version| SelectOption::new(version.to_string(), format!("Always version {version}")));
        options.extend(known);
        if let Some(version) = pinned.get().filter(|version| *version > newest.unwrap_or(0)) {
            options.push(SelectOption::new(version.to_string(), format!("Version {version}, which is not there")));
        }
        options
    };
    let version = RwSignal::new(text_of(pinned.get_untracked()));
    let is_loading = RwSignal::new(false);
    effect(move || version.set(text_of(pinned.get())));
    effect(move || {
        let wanted = version.with(|version| version.parse::<i32>().ok());
        if pinned.get_untracked() != wanted {
            pin(one, wanted, is_loading);
        }
    });
    let description = move || latest.with(|latest| latest.as_ref().map(|(_, text)| text.clone()).unwrap_or_default());
    view! {
        <Field id=field_id("agent_id") label="Agent" help=Signal::derive(description) error=one.problem("agent_id")>
            <Combobox value=chosen options/>
        </Field>
        <Fixes draft step=one.key() field="agent_id"/>
        <Field id=field_id("agent_version") label="Version">
            <Select value=version options=Signal::derive(versions) disabled=is_loading/>
        </Field>
        <Behind one/>
        <p class="small">
            <a href=move || format!("/admin/agents/{}", agent_id.get())>"Open the agent"</a>
        </p>
    }
}

fn text_of(version: Option<i32>) -> String {
    version.map(|version| version.to_string()).unwrap_or_default()
}

/// Pins a version. One that the page does not know yet is fetched first, so that the step is not judged without it.
fn pin(one: OneStep, version: Option<i32>, is_loading: RwSignal<bool>) {
    let draft = one.draft;
    // Another step may be selected by the time the answer comes.
    let key = one.key();
    let set = move || draft.change_step(&key, "Choose a version", |step| step.agent_version = version);
    let Some(id) = one.step.with_untracked(|step| step.as_ref().map(|step| step.agent_id.clone())) else { return };
    let is_known = draft.catalog.with_untracked(|catalog| catalog.get(&id, version).is_some());
    if is_known {
        return set();
    }
    is_loading.set(true);
    spawn_local(async move {
        match api::get_agent(id, version).await {
            Ok(spec) => {
                if draft.catalog.try_update(|catalog| catalog.insert(spec)).is_some()
                    && let Some(agents) = draft.catalog.try_get_untracked()
                {
                    draft.handle.set_agents(agents);
                    set();
                }
            }
            Err(error) => {
                draft.session.note(&error);
                draft.toasts.error(error.0.detail);
            }
        }
        is_loading.try_set(false);
    });
}
