//! Who is in a group: seen, put in by email, taken out. Each change counts at once, at gates that are open too.

use leptos::prelude::*;
use workflow::api::{GroupView, MemberView, Page};

use crate::{
    api,
    components::{
        Avatar, Badge, Button, ButtonType, ConfirmDialog, Dialog, Field, IconButton, RowsSkeleton, Size, TextInput,
        Tone, Variant, focus_in_dialog, open_while_chosen, use_toasts,
    },
    error::AppError,
    form::{FormError, at_field, outcome},
    load::Loaded,
    paged::{More, Paged},
    reactive::effect,
};

const DIALOG: &str = "members-of";

/// Opens for whatever group is put into `of`; tells how many are in it then.
#[component]
pub(super) fn MembersOf(
    of: RwSignal<Option<GroupView>>,
    #[prop(into)] on_changed: Callback<GroupView>,
) -> impl IntoView {
    let open = open_while_chosen(of);
    let title = Signal::derive(move || {
        of.with(|group| group.as_ref().map(|group| format!("People in {}", group.name)).unwrap_or_default())
    });
    view! {
        <Dialog
            id=DIALOG
            open
            title
            description="Whoever is in the group when a review is decided may decide; what somebody approved who has left does not count any more"
        >
            {move || of.get_untracked().map(|group| view! { <OfGroup group open on_changed/> })}
        </Dialog>
    }
}

#[component]
fn OfGroup(group: GroupView, open: RwSignal<bool>, on_changed: Callback<GroupView>) -> impl IntoView {
    let group = StoredValue::new(group);
    let members = Resource::new(|| (), move |()| api::group_members(group.with_value(|group| group.id.clone()), None));
    view! {
        <Loaded of=members fallback=|| view! { <RowsSkeleton n=1/> } let:page>
            <Members page group open on_changed/>
        </Loaded>
    }
}

#[component]
fn Members(
    page: Page<MemberView>,
    group: StoredValue<GroupView>,
    open: RwSignal<bool>,
    on_changed: Callback<GroupView>,
) -> impl IntoView {
    let toasts = use_toasts();
    let id = move || group.with_value(|group| group.id.clone());
    let list = Paged::new(page, move |after| api::group_members(id(), after));
    let members = list.items;
    // One more or one less of all, and of those who can sign in.
    let tell = move |by: i64, is_disabled: bool| {
        group.update_value(|group| {
            group.n_members += by;
            group.n_active += if is_disabled { 0 } else { by };
        });
        on_changed.run(group.get_value());
    };
    let email = RwSignal::new(String::new());
    let add = Action::new(move |(): &()| api::add_member(id(), email.get_untracked()));
    let added = outcome(add, move |member: MemberView| {
        email.set(String::new());
        if members.with_untracked(|all| all.iter().any(|known| known.id == member.id)) {
            toasts.success(format!("{} is in the group already", member.email));
            return;
        }
        let is_disabled = member.is_disabled;
        members.update(|all| {
            all.push(member);
            all.sort_by_key(|member| member.email.to_lowercase());
        });
        tell(1, is_disabled);
    });
    let leaving = RwSignal::new(None::<MemberView>);
    // Who it was comes back with the answer: the question may be about somebody else by then.
    let remove = Action::new(move |member: &MemberView| {
        let (id, member) = (id(), member.clone());
        async move { api::remove_member(id, member.id).await.map(|()| member) }
    });
    let removed = outcome(remove, move |gone: MemberView| {
        members.update(|all| all.retain(|member| member.id != gone.id));
        tell(-1, gone.is_disabled);
        // The button that the question would give the focus back to is gone with its row.
        focus_in_dialog(DIALOG);
    });
    let row = move |member: MemberView| {
        let email = member.email.clone();
        let is_disabled = member.is_disabled;
        view! {
            <li class="plain-row">
                <Avatar name=email.clone()/>
                <div class="list-main">
                    <span class="truncate">{email.clone()}</span>
                    {is_disabled.then(|| view! { <Badge tone=Tone::Error icon="ban">"Disabled"</Badge> })}
                </div>
                <IconButton
                    icon="x"
                    label=format!("Take {email} out")
                    size=Size::Sm
                    on_click=move |()| leaving.set(Some(member.clone()))
                />
            </li>
        }
    };
    view! {
        <form
            class="form"
            novalidate
            autocomplete="off"
            on:submit=move |event| {
                event.prevent_default();
                add.dispatch(());
            }
        >
            <FormError error=added fields=&["email"]/>
            <FormError error=removed/>
            <div class="field-with-action">
                <Field id="new-member" label="Put somebody in" help="By their email" error=at_field(added, "email")>
                    <TextInput value=email kind="email" autocomplete="off" autofocus=true/>
                </Field>
                <div class="row">
                    <Button icon="user-plus" kind=ButtonType::Submit loading=add.pending()>"Add"</Button>
                </div>
            </div>
            <Show
                when=move || members.with(|members| !members.is_empty())
                fallback=|| view! { <p class="muted">"Nobody is in this group yet, so nobody can decide for it"</p> }
            >
                <ul class="plain-rows" aria-label="People in the group">
                    <For each=move || members.get() key=|member| member.id let:member>
                        {row(member)}
                    </For>
                </ul>
            </Show>
            <More of=list/>
            <div class="form-actions">
                <Button variant=Variant::Primary on_click=move |()| open.set(false)>"Done"</Button>
            </div>
        </form>
        <TakeOut leaving remove/>
    }
}

/// Asks before somebody is taken out: their votes go with them.
#[component]
fn TakeOut(
    leaving: RwSignal<Option<MemberView>>,
    remove: Action<MemberView, Result<MemberView, AppError>>,
) -> impl IntoView {
    let is_asking = open_while_chosen(leaving);
    effect(move || {
        // Done or refused: the form says which.
        if !remove.pending().get() && remove.value().with(Option::is_some) {
            is_asking.set(false);
        }
    });
    let title = Signal::derive(move || {
        leaving.with(|member| member.as_ref().map(|member| format!("Take {} out?", member.email)).unwrap_or_default())
    });
    view! {
        <ConfirmDialog
            id="take-member-out"
            open=is_asking
            danger=true
            title
            text="They decide for the group no more, and what they approved for it in open reviews does not count"
            confirm="Take them out"
            busy=remove.pending()
            on_confirm=move |()| {
                if let Some(member) = leaving.get_untracked() {
                    remove.dispatch(member);
                }
            }
        />
    }
}
