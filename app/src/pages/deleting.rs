//! Deleting what nobody ever used, which asks first: one question for lists and for pages of their own.
//! What is deleted and why it cannot be brought back is said by whoever asks.

use std::future::Future;

use leptos::prelude::*;

use crate::{
    components::{ConfirmDialog, use_toasts},
    error::AppError,
    form::outcome,
    reactive::effect,
};

/// `K` tells the server which one.
pub(super) struct Deleting<K: Send + Sync + 'static> {
    action: Action<K, Result<(), AppError>>,
    pub error: Signal<Option<AppError>>,
    asked: RwSignal<Option<(K, String)>>,
    is_asking: RwSignal<bool>,
}

impl<K: Send + Sync + 'static> Clone for Deleting<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Send + Sync + 'static> Copy for Deleting<K> {}

impl<K: Clone + Send + Sync + 'static> Deleting<K> {
    /// `on_deleted` runs once it is gone and was told.
    pub(super) fn new<F>(
        delete: impl Fn(K) -> F + Send + Sync + 'static,
        on_deleted: impl Fn() + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), AppError>> + Send + 'static,
    {
        let toasts = use_toasts();
        let (asked, is_asking) = (RwSignal::new(None::<(K, String)>), RwSignal::new(false));
        let action = Action::new(move |wanted: &K| delete(wanted.clone()));
        let error = outcome(action, move |()| {
            let name = asked.with_untracked(|asked| asked.as_ref().map(|(_, name)| name.clone()));
            toasts.success(format!("“{}” is deleted", name.unwrap_or_default()));
            on_deleted();
        });
        effect(move || {
            // Deleted or refused: the page says which.
            if !action.pending().get() && action.value().with(Option::is_some) {
                is_asking.set(false);
            }
        });
        Self { action, error, asked, is_asking }
    }

    pub(super) fn ask(self, wanted: K, name: String) {
        self.asked.set(Some((wanted, name)));
        self.is_asking.set(true);
    }
}

/// `what` it is: a workflow, an agent.
#[component]
pub(super) fn DeleteQuestion<K: Clone + Send + Sync + 'static>(
    deleting: Deleting<K>,
    what: &'static str,
    text: &'static str,
) -> impl IntoView {
    let Deleting { action, asked, is_asking, .. } = deleting;
    let title = Signal::derive(move || {
        asked.with(|asked| asked.as_ref().map(|(_, name)| format!("Delete “{name}”?")).unwrap_or_default())
    });
    view! {
        <ConfirmDialog
            id=format!("delete-{what}")
            open=is_asking
            danger=true
            title
            text
            confirm=format!("Delete {what}")
            busy=action.pending()
            on_confirm=move |()| {
                if let Some((wanted, _)) = asked.get_untracked() {
                    action.dispatch(wanted);
                }
            }
        />
    }
}

/// Why a workflow is only deleted while nobody has used it.
pub(super) const UNUSED_WORKFLOW: &str =
    "It was never published, so nobody has ever run it. It cannot be brought back.";
