//! What is asked before something is done to a person that they will notice at once: another role, or no way in any more.

use leptos::prelude::*;
use workflow::{access::Role, api::UserView, id::UserId};

use crate::{api, components::ConfirmDialog, error::AppError};

/// What is done to a person from the table.
#[derive(Clone)]
pub(super) enum Change {
    Role(UserId, Role),
    Disabled(UserId, bool),
}

impl Change {
    pub(super) async fn apply(self) -> Result<UserView, AppError> {
        match self {
            Self::Role(id, role) => api::set_user_role(id, role).await,
            Self::Disabled(id, is_disabled) => api::set_user_disabled(id, is_disabled).await,
        }
    }

    /// Title, text and verb of the question.
    fn words(&self, email: &str) -> (String, &'static str, &'static str) {
        match self {
            Self::Role(_, Role::Admin) => (
                format!("Make {email} an admin?"),
                "Admins draw workflows, make agents, manage people and see every run. They have to sign in again.",
                "Make an admin",
            ),
            Self::Role(_, Role::User) => (
                format!("Make {email} a user?"),
                "They start workflows and see their own runs only, and are no admin any more. Worker tokens that they made end. They have to sign in again.",
                "Make a user",
            ),
            Self::Disabled(_, true) => (
                format!("Disable {email}?"),
                "All sessions and API tokens of this person, and the worker tokens that they made, end at once, for good. Their runs go on. You can enable the account again.",
                "Disable",
            ),
            Self::Disabled(_, false) => (format!("Enable {email}?"), "They can sign in again.", "Enable"),
        }
    }
}

/// A change that waits for an answer, with the email it is about.
pub(super) type Asked = RwSignal<Option<(Change, String)>>;

/// Asks for whatever is put into `asked`.
#[component]
pub(super) fn Question(
    asked: Asked,
    open: RwSignal<bool>,
    #[prop(into)] busy: Signal<bool>,
    #[prop(into)] on_confirm: Callback<Change>,
) -> impl IntoView {
    let words =
        move || asked.with(|asked| asked.as_ref().map(|(change, email)| change.words(email))).unwrap_or_default();
    view! {
        <ConfirmDialog
            id="change-user"
            open
            danger=true
            title=Signal::derive(move || words().0)
            text=Signal::derive(move || words().1.to_owned())
            confirm=Signal::derive(move || words().2.to_owned())
            busy
            on_confirm=move |()| {
                if let Some((change, _)) = asked.get_untracked() {
                    on_confirm.run(change);
                }
            }
        />
    }
}
