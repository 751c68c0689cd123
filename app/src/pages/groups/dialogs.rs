//! The dialogs about a group itself: a new one, and another name for one. Its id is made of its first name, and never changes.

use leptos::prelude::*;
use workflow::{
    api::{GroupView, NewGroup},
    id::GroupId,
};

use crate::{
    api,
    components::{Dialog, DialogForm, Field, Size, TextInput, open_while_chosen, use_toasts},
    form::{FormError, at_field, outcome},
    pages::slug,
};

#[component]
pub(super) fn NewGroupDialog(open: RwSignal<bool>, #[prop(into)] on_done: Callback<GroupView>) -> impl IntoView {
    view! {
        <Dialog id="new-group" open size=Size::Sm title="New group" description="Then put people into it">
            <NewGroupForm open on_done/>
        </Dialog>
    }
}

#[component]
fn NewGroupForm(open: RwSignal<bool>, on_done: Callback<GroupView>) -> impl IntoView {
    let toasts = use_toasts();
    let (name, id) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    slug::follow(name, id);
    let create = Action::new(move |(): &()| {
        let id = id.with_untracked(|id| GroupId::new(id.trim()));
        api::create_group(NewGroup { id, name: name.get_untracked() })
    });
    let error = outcome(create, move |group: GroupView| {
        open.set(false);
        toasts.success(format!("The group {} is made", group.name));
        on_done.run(group);
    });
    view! {
        <DialogForm
            open
            submit="Create group"
            pending=create.pending()
            on_submit=move |()| {
                create.dispatch(());
            }
        >
            <FormError error fields=&["name", "id"]/>
            <Field id="new-group-name" label="Name" required=true error=at_field(error, "name")>
                <TextInput value=name autofocus=true/>
            </Field>
            <Field
                id="new-group-id"
                label="Id"
                required=true
                help="By what workflows know it: small letters, digits, hyphens. It never changes."
                error=at_field(error, "id")
            >
                <TextInput value=id mono=true/>
            </Field>
        </DialogForm>
    }
}

/// Opens for whatever group is put into `of`.
#[component]
pub(super) fn RenameGroup(
    of: RwSignal<Option<GroupView>>,
    #[prop(into)] on_done: Callback<GroupView>,
) -> impl IntoView {
    let open = open_while_chosen(of);
    view! {
        <Dialog id="rename-group" open size=Size::Sm title="Rename group" description="Its id stays, so workflows go on asking it">
            {move || of.get_untracked().map(|group| view! { <RenameForm group open on_done/> })}
        </Dialog>
    }
}

#[component]
fn RenameForm(group: GroupView, open: RwSignal<bool>, on_done: Callback<GroupView>) -> impl IntoView {
    let name = RwSignal::new(group.name);
    let id = StoredValue::new(group.id);
    let rename = Action::new(move |(): &()| api::rename_group(id.get_value(), name.get_untracked()));
    let error = outcome(rename, move |group: GroupView| {
        open.set(false);
        on_done.run(group);
    });
    view! {
        <DialogForm
            open
            submit="Rename"
            pending=rename.pending()
            on_submit=move |()| {
                rename.dispatch(());
            }
        >
            <FormError error fields=&["name"]/>
            <Field id="rename-group-name" label="Name" required=true error=at_field(error, "name")>
                <TextInput value=name autofocus=true/>
            </Field>
        </DialogForm>
    }
}
