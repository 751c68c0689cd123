//! The dialogs of the people page: a new account, and a new password for one.
//! A password is shown while it is set, so that the admin can hand it over; it is never shown again.

use leptos::prelude::*;
use workflow::{access::Role, api::UserView};

use crate::{
    api,
    components::{
        Button, CopyButton, Dialog, DialogForm, Field, Segment, Segmented, Size, TextInput, open_while_chosen,
        use_toasts,
    },
    form::{FormError, at_field, outcome, random_password},
};

#[component]
pub(super) fn NewUser(open: RwSignal<bool>, #[prop(into)] on_done: Callback<UserView>) -> impl IntoView {
    // Out here it outlives a dialog that is closed by accident. The password does not: it is to be seen once.
    let typed = Typed { email: RwSignal::new(String::new()), role: RwSignal::new("user".to_owned()) };
    view! {
        <Dialog
            id="new-user"
            open
            title="New user"
            description="Give the password to the person; they can change it under Account"
        >
            <NewUserForm open on_done typed/>
        </Dialog>
    }
}

#[derive(Clone, Copy)]
struct Typed {
    email: RwSignal<String>,
    role: RwSignal<String>,
}

#[component]
fn NewUserForm(open: RwSignal<bool>, on_done: Callback<UserView>, typed: Typed) -> impl IntoView {
    let toasts = use_toasts();
    let Typed { email, role } = typed;
    let password = RwSignal::new(String::new());
    let create = Action::new(move |(): &()| {
        let role = if role.get_untracked() == "admin" { Role::Admin } else { Role::User };
        api::create_user(email.get_untracked(), role, password.get_untracked())
    });
    let error = outcome(create, move |user: UserView| {
        open.set(false);
        email.set(String::new());
        role.set("user".to_owned());
        toasts.success(format!("{} can sign in now", user.email));
        on_done.run(user);
    });
    let roles =
        vec![Segment::new("user", "User").with_icon("user"), Segment::new("admin", "Admin").with_icon("shield")];
    view! {
        <DialogForm
            open
            submit="Create user"
            pending=create.pending()
            on_submit=move |()| {
                create.dispatch(());
            }
        >
            <FormError error fields=&["email", "password"]/>
            <Field id="new-email" label="Email" required=true error=at_field(error, "email")>
                <TextInput value=email kind="email" autocomplete="off" autofocus=true/>
            </Field>
            <div class="field">
                <span class="field-label">"Role"</span>
                <div><Segmented name="new-role" label="Role" value=role segments=roles/></div>
                <p class="field-help">
                    {move || {
                        if role.get() == "admin" {
                            "Draws workflows, makes agents, manages people and sees every run"
                        } else {
                            "Starts published workflows and sees their own runs"
                        }
                    }}
                </p>
            </div>
            <PasswordField id="new-password" password error=at_field(error, "password")/>
        </DialogForm>
    }
}

/// Opens for whoever is put into `of`.
#[component]
pub(super) fn ResetPassword(of: RwSignal<Option<UserView>>) -> impl IntoView {
    let open = open_while_chosen(of);
    let title = Signal::derive(move || {
        of.with(|user| user.as_ref().map(|user| format!("New password for {}", user.email)).unwrap_or_default())
    });
    view! {
        <Dialog
            id="reset-password"
            open
            title
            size=Size::Sm
            description="Ends all sessions and API tokens of this person, and the worker tokens that they made. Hand the password over; they can change it under Account."
        >
            {move || of.get_untracked().map(|user| view! { <ResetForm user open/> })}
        </Dialog>
    }
}

#[component]
fn ResetForm(user: UserView, open: RwSignal<bool>) -> impl IntoView {
    let toasts = use_toasts();
    let password = RwSignal::new(String::new());
    let id = user.id;
    let reset = Action::new(move |(): &()| api::reset_user_password(id, password.get_untracked()));
    let error = outcome(reset, move |()| {
        open.set(false);
        toasts.success(format!("{} has a new password, and has to sign in again", user.email));
    });
    view! {
        <DialogForm
            open
            submit="Set password"
            pending=reset.pending()
            on_submit=move |()| {
                reset.dispatch(());
            }
        >
            <FormError error fields=&["password"]/>
            <PasswordField id="reset-password-value" password error=at_field(error, "password")/>
        </DialogForm>
    }
}

#[component]
fn PasswordField(id: &'static str, password: RwSignal<String>, error: Signal<Option<String>>) -> impl IntoView {
    view! {
        <div class="field-with-action">
            <Field id label="Password" required=true help="At least 12 characters" error>
                <TextInput value=password mono=true autocomplete="off"/>
            </Field>
            <div class="row">
                <Button
                    size=Size::Sm
                    icon="wand-sparkles"
                    on_click=move |()| {
                        if let Some(made) = random_password() {
                            password.set(made);
                        }
                    }
                >
                    "Generate"
                </Button>
                <CopyButton text=password label="Copy the password"/>
            </div>
        </div>
    }
}
