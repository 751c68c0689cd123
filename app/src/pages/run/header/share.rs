//! With whom the run is shared: seen, added by email or group, ended, and the link to send. Each change counts at once, in pages that are
//! open too. Must offer no list of accounts: whoever shares knows the email.

use leptos::prelude::*;
use workflow::{
    api::{NewShare, RunShare, RunShares, ShareGroup},
    id::GroupId,
};

use super::super::state::LiveRun;
use crate::{
    api,
    components::{
        Avatar, Badge, Button, ButtonType, CopyButton, Dialog, Field, IconButton, RowsSkeleton, Select, SelectOption,
        Size, TextInput, Tone, Variant, focus_in_dialog, use_toasts,
    },
    error::AppError,
    form::{FormError, at_field, outcome},
    load::Loaded,
    reactive::effect,
};

const DIALOG: &str = "share-run";

/// The fields that show what is wrong with them.
const FIELDS: &[&str] = &["email", "group_id"];

#[component]
pub(super) fn ShareDialog(live: LiveRun, open: RwSignal<bool>) -> impl IntoView {
    view! {
        <Dialog
            id=DIALOG
            open
            title="Share this run"
            description="Whoever you share it with sees it and the runs that it starts, and changes nothing. Forks of it are not shared."
        >
            <OfRun live open/>
        </Dialog>
    }
}

#[component]
fn OfRun(live: LiveRun, open: RwSignal<bool>) -> impl IntoView {
    let shares = Resource::new(|| (), move |()| api::run_shares(live.id));
    view! {
        <Loaded of=shares fallback=|| view! { <RowsSkeleton n=1/> } let:known>
            <Sharing known live open/>
        </Loaded>
    }
}

/// What the people are called that a share is with.
fn name_of(share: &RunShare) -> String {
    let name = share.email.clone().or_else(|| share.name.clone());
    name.or_else(|| share.group_id.as_ref().map(ToString::to_string)).unwrap_or_default()
}

#[component]
fn Sharing(known: RunShares, live: LiveRun, open: RwSignal<bool>) -> impl IntoView {
    let toasts = use_toasts();
    let RunShares { shares, groups } = known;
    // The dialog opened before there was a field to begin at.
    effect(|| focus_in_dialog(DIALOG));
    let shares = RwSignal::new(shares);
    let (email, group) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let add = Action::new(move |wanted: &NewShare| api::share_run(live.id, wanted.clone()));
    let added = outcome(add, move |share: RunShare| {
        email.set(String::new());
        group.set(String::new());
        let name = name_of(&share);
        if shares.with_untracked(|all| all.iter().any(|known| known.id == share.id)) {
            toasts.success(format!("It is shared with {name} already"));
        } else {
            shares.update(|all| all.push(share));
            toasts.success(format!("Shared with {name}"));
        }
    });
    view! {
        <form
            class="form"
            novalidate
            autocomplete="off"
            on:submit=move |event| {
                event.prevent_default();
                add.dispatch(NewShare { email: Some(email.get_untracked()), group_id: None });
            }
        >
            <FormError error=added fields=FIELDS/>
            <div class="field-with-action">
                <Field id="share-email" label="Share with somebody" help="By their email" error=at_field(added, "email")>
                    <TextInput value=email kind="email" autocomplete="off" autofocus=true/>
                </Field>
                <div class="row">
                    <Button variant=Variant::Primary icon="user-plus" kind=ButtonType::Submit loading=add.pending()>
                        "Share"
                    </Button>
                </div>
            </div>
            <WithGroup groups group add added/>
            <Shared shares live/>
            <Link live/>
            <div class="form-actions">
                <Button on_click=move |()| open.set(false)>"Close"</Button>
            </div>
        </form>
    }
}

/// Only for whoever has a group to name.
#[component]
fn WithGroup(
    groups: Vec<ShareGroup>,
    group: RwSignal<String>,
    add: Action<NewShare, Result<RunShare, AppError>>,
    added: Signal<Option<AppError>>,
) -> impl IntoView {
    if groups.is_empty() {
        return None;
    }
    let known = groups.into_iter().map(|group| SelectOption::new(group.id.to_string(), group.name));
    let options: Vec<SelectOption> = std::iter::once(SelectOption::new("", "Choose a group")).chain(known).collect();
    let send = move || {
        let chosen = GroupId::new(group.get_untracked());
        add.dispatch(NewShare { email: None, group_id: Some(chosen) });
    };
    Some(view! {
        <div class="field-with-action">
            <Field
                id="share-group"
                label="Share with a group"
                help="Whoever is in it just then sees the run"
                error=at_field(added, "group_id")
            >
                <Select value=group options/>
            </Field>
            <div class="row">
                <Button
                    icon="users"
                    disabled=Signal::derive(move || group.with(String::is_empty))
                    loading=add.pending()
                    on_click=move |()| send()
                >
                    "Share with the group"
                </Button>
            </div>
        </div>
    })
}

/// With whom it is shared now.
#[component]
fn Shared(shares: RwSignal<Vec<RunShare>>, live: LiveRun) -> impl IntoView {
    // Which it was comes back with the answer: another one may be ended by then.
    let end = Action::new(move |share: &RunShare| {
        let share = share.clone();
        async move { api::end_share(live.id, share.id).await.map(|()| share) }
    });
    let ended = outcome(end, move |gone: RunShare| {
        shares.update(|all| all.retain(|share| share.id != gone.id));
        // The button that was pressed is gone with its row.
        focus_in_dialog(DIALOG);
    });
    let row = move |share: RunShare| {
        let name = name_of(&share);
        let label = format!("End sharing with {name}");
        let by = format!("Shared by {}", share.shared_by);
        let is_group = share.group_id.is_some();
        let is_disabled = share.is_disabled;
        view! {
            <li class="plain-row">
                <Avatar name=name.clone()/>
                <div class="list-main">
                    <span class="truncate"><bdi>{name}</bdi></span>
                    <span class="row small muted">
                        {is_group.then(|| view! { <Badge icon="users">"Group"</Badge> })}
                        {is_disabled.then(|| view! { <Badge tone=Tone::Error icon="ban">"Cannot sign in"</Badge> })}
                        <bdi>{by}</bdi>
                    </span>
                </div>
                <IconButton
                    icon="x"
                    label
                    size=Size::Sm
                    on_click=move |()| {
                        // One after the other: only the last answer would be heard.
                        if !end.pending().get_untracked() {
                            end.dispatch(share.clone());
                        }
                    }
                />
            </li>
        }
    };
    view! {
        <FormError error=ended/>
        <Show
            when=move || shares.with(|shares| !shares.is_empty())
            fallback=|| view! { <p class="muted">"It is shared with nobody yet"</p> }
        >
            <ul class="plain-rows" aria-label="Shared with">
                <For each=move || shares.get() key=|share| share.id let:share>
                    {row(share)}
                </For>
            </ul>
        </Show>
    }
}

/// It opens the run for whoever may see it, and nothing for others.
#[component]
fn Link(live: LiveRun) -> impl IntoView {
    let address =
        Signal::derive(move || format!("{}/runs/{}", window().location().origin().unwrap_or_default(), live.id));
    view! {
        <div class="row" data-nowrap="">
            <code class="truncate">{move || address.get()}</code>
            <CopyButton text=address label="Copy the link"/>
        </div>
    }
}
