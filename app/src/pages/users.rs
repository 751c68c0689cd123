//! /admin/users: who may sign in, and as what. That the last admin stays one is the server's rule, not this page's.

mod delegations;
mod dialogs;
mod question;
mod tokens;

use leptos::prelude::*;
use workflow::{
    access::Role,
    api::{self as wire, UserView},
};

use self::{
    delegations::Delegations,
    dialogs::{NewUser, ResetPassword},
    question::{Asked, Change, Question},
    tokens::TokensOf,
};
use crate::reactive::effect;
use crate::{
    api,
    components::{
        Avatar, Badge, Button, Menu, MenuItem, MenuLine, RelativeTime, RowsSkeleton, Size, TableShell, Tone, Variant,
        open_while_chosen, use_toasts,
    },
    error::AppError,
    form::{ErrorBanner, outcome},
    load::{Loaded, refetch_after_sign_in},
    paged::{More, Paged},
    session::use_session,
    shell::Page,
};

#[component]
pub fn UsersPage() -> impl IntoView {
    let users = Resource::new(|| (), |()| api::list_users(None));
    refetch_after_sign_in(users, Result::is_err);
    let (is_adding, shows_given) = (RwSignal::new(false), RwSignal::new(false));
    let new_button = move || {
        view! {
            <Button icon="users" on_click=move |()| shows_given.set(true)>
                "Given reviews"
            </Button>
            <Button variant=Variant::Primary icon="user-plus" on_click=move |()| is_adding.set(true)>
                "New user"
            </Button>
        }
    };
    view! {
        <Page title="Users" actions=new_button>
            <div class="page">
                <div class="page-head">
                    <h1>"Users"</h1>
                    <p>
                        "Admins draw workflows, make agents and see every run; users start workflows and see their own runs. "
                        <a href="/admin/groups">"Groups of people"</a>
                        " are asked for reviews, and are whom a workflow is for"
                    </p>
                </div>
                <Loaded of=users fallback=|| view! { <RowsSkeleton n=5/> } let:page>
                    <List page is_adding/>
                </Loaded>
                <Delegations open=shows_given/>
            </div>
        </Page>
    }
}

/// What the rows need of the page.
#[derive(Clone, Copy)]
struct Verbs {
    change: Action<Change, Result<UserView, AppError>>,
    asked: Asked,
    resetting: RwSignal<Option<UserView>>,
    /// Whose tokens are looked at.
    tokens_of: RwSignal<Option<UserView>>,
}

#[component]
fn List(page: wire::Page<UserView>, is_adding: RwSignal<bool>) -> impl IntoView {
    let toasts = use_toasts();
    let list = Paged::new(page, api::list_users);
    let users = list.items;
    let verbs = Verbs {
        change: Action::new(|change: &Change| change.clone().apply()),
        asked: RwSignal::new(None),
        resetting: RwSignal::new(None),
        tokens_of: RwSignal::new(None),
    };
    let is_asking = open_while_chosen(verbs.asked);
    let error = outcome(verbs.change, move |user: UserView| {
        is_asking.set(false);
        toasts.success(match (user.is_disabled, user.role) {
            (true, _) => format!("{} can no longer sign in", user.email),
            (false, Role::Admin) => format!("{} is an admin", user.email),
            (false, Role::User) => format!("{} is a user", user.email),
        });
        users.update(|users| replace(users, user));
    });
    effect(move || {
        if error.with(Option::is_some) {
            is_asking.set(false);
        }
    });
    view! {
        {move || error.get().map(|error| view! { <ErrorBanner error/> })}
        <TableShell label="Users">
            <thead>
                <tr>
                    <th scope="col">"Email"</th>
                    <th scope="col">"Role"</th>
                    <th scope="col" class="wide-only">"Added"</th>
                    <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                </tr>
            </thead>
            <tbody>
                // The whole person is the key: a row is drawn anew when it changes.
                <For each=move || users.get() key=|user| (user.id, user.role, user.is_disabled) let:user>
                    <Row user verbs/>
                </For>
            </tbody>
        </TableShell>
        <More of=list/>
        <Question
            asked=verbs.asked
            open=is_asking
            busy=verbs.change.pending()
            on_confirm=move |change| {
                verbs.change.dispatch(change);
            }
        />
        <NewUser open=is_adding on_done=move |user| users.update(|users| replace(users, user))/>
        <ResetPassword of=verbs.resetting/>
        <TokensOf of=verbs.tokens_of/>
    }
}

fn replace(users: &mut Vec<UserView>, user: UserView) {
    if let Some(known) = users.iter_mut().find(|known| known.id == user.id) {
        *known = user;
    } else {
        users.push(user);
        users.sort_unstable_by(|a, b| a.email.cmp(&b.email));
    }
}

#[component]
fn Row(user: UserView, verbs: Verbs) -> impl IntoView {
    let is_me = use_session().user_untracked().is_some_and(|me| me.id == user.id);
    let (id, is_disabled, role) = (user.id, user.is_disabled, user.role);
    let user = StoredValue::new(user);
    let email = user.with_value(|user| user.email.clone());
    let ask = move |change| verbs.asked.set(Some((change, user.with_value(|user| user.email.clone()))));
    let other_role = match role {
        Role::Admin => Role::User,
        Role::User => Role::Admin,
    };
    view! {
        <tr>
            <th scope="row">
                <span class="cell-line">
                    <Avatar name=email.clone()/>
                    <span class="truncate">{email.clone()}</span>
                    {is_me.then(|| view! { <Badge>"You"</Badge> })}
                </span>
            </th>
            <td>
                <span class="cell-line">
                    {match role {
                        Role::Admin => view! { <Badge tone=Tone::Accent icon="shield">"Admin"</Badge> }.into_any(),
                        Role::User => view! { <Badge>"User"</Badge> }.into_any(),
                    }}
                    {is_disabled.then(|| view! { <Badge tone=Tone::Error icon="ban">"Disabled"</Badge> })}
                </span>
            </td>
            <td class="wide-only"><RelativeTime at=user.with_value(|user| user.created_at)/></td>
            <td class="row-actions">
                <Menu id=format!("user-{id}") label=format!("Actions for {email}") size=Size::Sm>
                    <MenuItem
                        icon=if other_role == Role::Admin { "shield" } else { "user" }
                        on_select=move |()| ask(Change::Role(id, other_role))
                    >
                        {if other_role == Role::Admin { "Make an admin…" } else { "Make a user…" }}
                    </MenuItem>
                    <MenuItem icon="key-round" on_select=move |()| verbs.resetting.set(Some(user.get_value()))>
                        "Set a new password…"
                    </MenuItem>
                    <MenuItem icon="terminal" on_select=move |()| verbs.tokens_of.set(Some(user.get_value()))>
                        "API tokens…"
                    </MenuItem>
                    <MenuLine/>
                    {if is_disabled {
                        view! {
                            <MenuItem
                                icon="circle-check"
                                on_select=move |()| {
                                    verbs.change.dispatch(Change::Disabled(id, false));
                                }
                            >
                                "Enable"
                            </MenuItem>
                        }
                            .into_any()
                    } else {
                        view! {
                            <MenuItem icon="ban" danger=true on_select=move |()| ask(Change::Disabled(id, true))>
                                "Disable…"
                            </MenuItem>
                        }
                            .into_any()
                    }}
                </Menu>
            </td>
        </tr>
    }
}
