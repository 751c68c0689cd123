//! The choice of an earlier version of an agent, and what is shown of it. Must never offer the newest one.

use leptos::prelude::*;
use workflow::AgentSpec;

use crate::{
    api,
    components::{Field, Select, SelectOption, Skeleton, SkeletonKind},
    load::PartFailed,
    reactive::memo,
};

#[component]
pub(super) fn EarlierVersions(
    latest: Memo<AgentSpec>,
    label: &'static str,
    /// Said where there is no earlier one.
    none: &'static str,
    draw: Callback<AgentSpec, AnyView>,
) -> impl IntoView {
    let chosen = RwSignal::new(String::new());
    let newest = memo(move || latest.with(|latest| latest.version));
    let options = Signal::derive(move || {
        let none = SelectOption::new("", "Choose a version");
        let older =
            (1..newest.get()).rev().map(|version| SelectOption::new(version.to_string(), format!("Version {version}")));
        std::iter::once(none).chain(older).collect::<Vec<_>>()
    });
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
                <Show when=move || { newest.get() > 1 } fallback=move || view! { <p class="small muted">{none}</p> }>
                    <Field id="agent-version" label=label>
                        <Select value=chosen options/>
                    </Field>
                    <Transition fallback=|| view! { <Skeleton kind=SkeletonKind::Row/> }>
                        {move || Suspend::new(async move {
                            match shown.await {
                                Some(Ok(spec)) => draw.run(spec),
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
