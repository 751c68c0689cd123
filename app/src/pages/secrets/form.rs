//! The dialogs in which a secret is made and given another value, with the hosts that it may be sent to.
//! Must never keep what was typed as its value for longer than the dialog is open.

use leptos::prelude::*;
use workflow::{
    SecretName,
    api::{SecretView, SetSecret},
    secret::Hidden,
};

use super::agents::{Boxes, Choice, choices, chosen};
use crate::{
    api,
    components::{Dialog, DialogForm, Fault, Field, RowsSkeleton, TextInput, open_while_chosen, use_toasts},
    error::AppError,
    form::{FormError, at_field, listed, outcome},
    load::Loaded,
    paged::all,
};

#[component]
pub(super) fn NewSecret(open: RwSignal<bool>, #[prop(into)] on_done: Callback<SecretView>) -> impl IntoView {
    view! {
        <Dialog
            id="new-secret"
            open
            title="New secret"
            description="Its value is encrypted at once and never shown again"
        >
            <SecretForm known=None open on_done/>
        </Dialog>
    }
}

/// Opens for whatever is put into `of`.
#[component]
pub(super) fn NewValue(of: RwSignal<Option<SecretView>>, #[prop(into)] on_done: Callback<SecretView>) -> impl IntoView {
    let open = open_while_chosen(of);
    let title = Signal::derive(move || {
        of.with(|secret| secret.as_ref().map(|secret| format!("New value for {}", secret.name)).unwrap_or_default())
    });
    view! {
        <Dialog
            id="set-secret"
            open
            title
            description="The value is sent from the next step on. Hosts are changed together with it, so that nobody sends elsewhere what they do not know."
        >
            {move || of.get_untracked().map(|secret| view! { <SecretForm known=Some(secret) open on_done/> })}
        </Dialog>
    }
}

async fn set(name: SecretName, wanted: SetSecret) -> Result<SecretView, AppError> {
    api::set_secret(name, wanted).await.map_err(|mut error| {
        // Which of them it is stands in its words.
        if let Some(field) = &mut error.0.field
            && field.starts_with("hosts.")
        {
            field.truncate("hosts".len());
        }
        error
    })
}

#[component]
fn SecretForm(known: Option<SecretView>, open: RwSignal<bool>, on_done: Callback<SecretView>) -> impl IntoView {
    let toasts = use_toasts();
    let (is_new, is_known) = (known.is_none(), known.is_some());
    let known = known.as_ref();
    let name = RwSignal::new(known.map(|known| known.name.to_string()).unwrap_or_default());
    let hosts = RwSignal::new(known.map(|known| known.hosts.join(", ")).unwrap_or_default());
    let description = RwSignal::new(known.map(|known| known.description.clone()).unwrap_or_default());
    let value = RwSignal::new(String::new());
    let boxes = StoredValue::new(Vec::<Choice>::new());
    let send = Action::new(move |(): &()| {
        let wanted = SetSecret {
            value: Hidden(value.get_untracked()),
            hosts: listed(&hosts.get_untracked()),
            description: description.get_untracked(),
            agents: is_new.then(|| boxes.with_value(|boxes| chosen(boxes))),
        };
        set(SecretName::new(name.get_untracked().trim()), wanted)
    });
    let error = outcome(send, move |secret: SecretView| {
        open.set(false);
        value.set(String::new());
        toasts.success(format!("{} is set", secret.name));
        on_done.run(secret);
    });
    view! {
        <DialogForm
            open
            submit=if is_new { "Create secret" } else { "Set value" }
            pending=send.pending()
            on_submit=move |()| {
                send.dispatch(());
            }
        >
            <FormError error fields=&["name", "value", "hosts", "agents", "description"]/>
            {is_new.then(|| view! {
                <Field
                    id="secret-name"
                    label="Name"
                    required=true
                    help="What headers call it: lower-case letters, digits, _ and -"
                    error=at_field(error, "name")
                >
                    <TextInput value=name mono=true autocomplete="off" autofocus=true placeholder="github"/>
                </Field>
            })}
            <Field
                id="secret-value"
                label="Value"
                required=true
                help="At least 8 characters; without the word before it, such as Bearer"
                error=at_field(error, "value")
            >
                <TextInput value autofocus=is_known kind="password" mono=true autocomplete="new-password"/>
            </Field>
            <Field
                id="secret-hosts"
                label="Hosts"
                help="Where it may be sent, with commas between. Without a port it is the usual one of https; *. stands for whatever comes before a name."
                error=at_field(error, "hosts")
            >
                <TextInput value=hosts mono=true autocomplete="off" placeholder="api.github.com, *.example.org"/>
            </Field>
            {is_new.then(|| view! { <WhoMayUseIt boxes error=at_field(error, "agents")/> })}
            <Field id="secret-description" label="What it is for" optional=true error=at_field(error, "description")>
                <TextInput value=description autocomplete="off"/>
            </Field>
        </DialogForm>
    }
}

/// Once they are known: a secret can be made without, and granted later.
#[component]
fn WhoMayUseIt(boxes: StoredValue<Vec<Choice>>, error: Signal<Option<String>>) -> impl IntoView {
    let agents = Resource::new(|| (), |()| all(|after| api::list_agents(None, after)));
    view! {
        <fieldset class="field">
            <legend class="field-label">"Agents that may use it"</legend>
            <Loaded of=agents fallback=|| view! { <RowsSkeleton n=1/> } let:agents>
                {
                    let choices = choices(&[], agents);
                    boxes.set_value(choices.clone());
                    view! { <Boxes choices/> }
                }
            </Loaded>
            <Fault text=error/>
        </fieldset>
    }
}
