//! /admin/groups: groups of people that gates ask and workflows are for, and the gates that nobody can decide any more.
//! That a group is not deleted while something asks it is the server's rule, not this page's.

mod dialogs;
mod members;

use leptos::prelude::*;
use workflow::{
    api::{self as wire, GroupView},
    id::GroupId,
};

use self::{
    dialogs::{NewGroupDialog, RenameGroup},
    members::MembersOf,
};
use crate::{
    api,
    components::{Badge, Button, Empty, Menu, MenuItem, MenuLine, RowsSkeleton, Size, TableShell, Tone, Variant},
    form::FormError,
    load::{Loaded, refetch_after_sign_in},
    paged::{More, Paged},
    pages::{
        deleting::{DeleteQuestion, Deleting},
        stuck::StuckGates,
    },
    shell::Page,
};

/// What deleting one means.
const UNASKED: &str = "Who is in it loses nothing else. A group that a workflow asks or is for is not deleted.";

#[component]
pub fn GroupsPage() -> impl IntoView {
    let groups = Resource::new(|| (), |()| api::list_groups(None));
    refetch_after_sign_in(groups, Result::is_err);
    let is_adding = RwSignal::new(false);
    let new_button = move || {
        view! {
            <Button variant=Variant::Primary icon="plus" on_click=move |()| is_adding.set(true)>
                "New group"
            </Button>
        }
    };
    view! {
        <Page title="Groups" actions=new_button>
            <div class="page">
                <div class="page-head">
                    <h1>"Groups"</h1>
                    <p>"A step asks a group to review, and a workflow is for groups: whoever is in one just then counts"</p>
                </div>
                <Transition>
                    <StuckGates/>
                </Transition>
                <Loaded of=groups fallback=|| view! { <RowsSkeleton n=4/> } let:page>
                    <List page is_adding/>
                </Loaded>
            </div>
        </Page>
    }
}

/// What the rows need of the page.
#[derive(Clone, Copy)]
struct Verbs {
    members_of: RwSignal<Option<GroupView>>,
    renaming: RwSignal<Option<GroupView>>,
    deleting: Deleting<GroupId>,
}

#[component]
fn List(page: wire::Page<GroupView>, is_adding: RwSignal<bool>) -> impl IntoView {
    let list = Paged::new(page, api::list_groups);
    let groups = list.items;
    let gone = RwSignal::new(None::<GroupId>);
    let deleting = Deleting::new(
        move |id: GroupId| {
            gone.set(Some(id.clone()));
            api::delete_group(id)
        },
        move || {
            let gone = gone.get_untracked();
            groups.update(|groups| groups.retain(|group| Some(&group.id) != gone.as_ref()));
        },
    );
    let verbs = Verbs { members_of: RwSignal::new(None), renaming: RwSignal::new(None), deleting };
    let on_changed = Callback::new(move |group: GroupView| groups.update(|groups| replace(groups, group)));
    view! {
        <FormError error=deleting.error/>
        <Show
            when=move || groups.with(|groups| !groups.is_empty())
            fallback=|| {
                view! {
                    <Empty
                        icon="users"
                        title="No group yet"
                        text="A group is a name for several people, such as Legal. Press New group to make the first one, then put people into it."
                    />
                }
            }
        >
            <TableShell label="Groups">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col" class="wide-only">"Id"</th>
                        <th scope="col">"People"</th>
                        <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>
                    // All that is shown is the key: a row is drawn anew when it changes.
                    <For
                        each=move || groups.get()
                        key=|group| (group.id.clone(), group.name.clone(), group.n_members, group.n_active)
                        let:group
                    >
                        <Row group verbs/>
                    </For>
                </tbody>
            </TableShell>
        </Show>
        <More of=list/>
        <NewGroupDialog
            open=is_adding
            on_done=move |group: GroupView| {
                on_changed.run(group.clone());
                // A group without anybody is of no use.
                verbs.members_of.set(Some(group));
            }
        />
        <RenameGroup of=verbs.renaming on_done=on_changed/>
        <MembersOf of=verbs.members_of on_changed/>
        <DeleteQuestion deleting what="group" text=UNASKED/>
    }
}

fn replace(groups: &mut Vec<GroupView>, group: GroupView) {
    if let Some(known) = groups.iter_mut().find(|known| known.id == group.id) {
        *known = group;
    } else {
        groups.push(group);
    }
    groups.sort_by_key(|group| (group.name.to_lowercase(), group.id.clone()));
}

#[component]
fn Row(group: GroupView, verbs: Verbs) -> impl IntoView {
    let GroupView { id, name, n_members, n_active, .. } = group.clone();
    let group = StoredValue::new(group);
    let (label, menu_id) = (format!("Actions for {name}"), format!("group-{id}"));
    let n_off = n_members - n_active;
    let (of_delete, name_of_delete) = (StoredValue::new(id.clone()), StoredValue::new(name.clone()));
    view! {
        <tr>
            <th scope="row"><bdi>{name.clone()}</bdi></th>
            <td class="wide-only"><code>{id.to_string()}</code></td>
            <td>
                <span class="cell-line">
                    <Button size=Size::Sm on_click=move |()| verbs.members_of.set(Some(group.get_value()))>
                        {crate::words::people(n_members)}
                        <span class="visually-hidden">{format!(" in {name}")}</span>
                    </Button>
                    {(n_active == 0).then(|| view! { <Badge tone=Tone::Warn icon="triangle-alert">"Nobody can decide"</Badge> })}
                    {(n_off > 0 && n_active > 0).then(|| view! { <Badge>{format!("{} disabled", crate::words::number(n_off))}</Badge> })}
                </span>
            </td>
            <td class="row-actions">
                <Menu id=menu_id label size=Size::Sm>
                    <MenuItem icon="users" on_select=move |()| verbs.members_of.set(Some(group.get_value()))>
                        "People…"
                    </MenuItem>
                    <MenuItem icon="pencil" on_select=move |()| verbs.renaming.set(Some(group.get_value()))>
                        "Rename…"
                    </MenuItem>
                    <MenuLine/>
                    <MenuItem
                        icon="trash-2"
                        danger=true
                        on_select=move |()| verbs.deleting.ask(of_delete.get_value(), name_of_delete.get_value())
                    >
                        "Delete…"
                    </MenuItem>
                </Menu>
            </td>
        </tr>
    }
}
