//! /admin/secrets: what agents send by name. Which there are, where each may go and who may use it.
//! Must never show a value: none comes here.

mod agents;
mod form;
mod grant;

use leptos::prelude::*;
use workflow::{
    SecretName,
    api::{Page as Listed, SecretView},
};

use self::{
    form::{NewSecret, NewValue},
    grant::GrantSecret,
};
use crate::{
    api,
    components::{
        Badge, Button, Empty, Icon, Menu, MenuItem, MenuLine, RelativeTime, RowsSkeleton, Size, Tone, Variant,
    },
    form::FormError,
    load::{Loaded, refetch_after_sign_in},
    paged::{More, Paged},
    pages::deleting::{DeleteQuestion, Deleting},
    shell::Page,
};

/// What deleting one means.
const DELETED: &str =
    "Steps whose agent sends it fail from then on. Nobody can bring the value back: it has to be given anew.";

#[component]
pub fn SecretsPage() -> impl IntoView {
    let secrets = Resource::new(|| (), |()| api::list_secrets(None));
    refetch_after_sign_in(secrets, Result::is_err);
    let is_adding = RwSignal::new(false);
    let new_button = move || {
        view! {
            <Button variant=Variant::Primary icon="plus" on_click=move |()| is_adding.set(true)>
                "New secret"
            </Button>
        }
    };
    view! {
        <Page title="Secrets" actions=new_button>
            <div class="page">
                <div class="page-head">
                    <h1>"Secrets"</h1>
                    <p>
                        "Keys and tokens that agents send in a header, written there as "
                        <code>"${secret.NAME}"</code> ". They are kept encrypted, and nobody is ever shown one."
                    </p>
                </div>
                <Loaded of=secrets fallback=|| view! { <RowsSkeleton n=3/> } let:page>
                    <List page is_adding on_deleted=move |()| secrets.refetch()/>
                </Loaded>
            </div>
        </Page>
    }
}

/// What the rows need of the page: the secret that each dialog is about.
#[derive(Clone, Copy)]
struct Verbs {
    setting: RwSignal<Option<SecretView>>,
    granting: RwSignal<Option<SecretView>>,
    deleting: Deleting<SecretName>,
}

#[component]
fn List(page: Listed<SecretView>, is_adding: RwSignal<bool>, #[prop(into)] on_deleted: Callback<()>) -> impl IntoView {
    let list = Paged::new(page, api::list_secrets);
    let secrets = list.items;
    let verbs = Verbs {
        setting: RwSignal::new(None),
        granting: RwSignal::new(None),
        deleting: Deleting::new(api::delete_secret, move || on_deleted.run(())),
    };
    let take = move |secret: SecretView| secrets.update(|secrets| replace(secrets, secret));
    view! {
        <FormError error=verbs.deleting.error/>
        <Show when=move || !secrets.with(Vec::is_empty) fallback=NoSecret>
            <ul class="plain-rows" aria-label="Secrets">
                // The whole secret is the key: a row is drawn anew when it changes.
                <For each=move || secrets.get() key=row_key let:secret>
                    <Row secret verbs/>
                </For>
            </ul>
        </Show>
        <More of=list/>
        <NewSecret open=is_adding on_done=take/>
        <NewValue of=verbs.setting on_done=take/>
        <GrantSecret of=verbs.granting on_done=take/>
        <DeleteQuestion deleting=verbs.deleting what="secret" text=DELETED/>
    }
}

fn row_key(secret: &SecretView) -> String {
    format!("{secret:?}")
}

fn replace(secrets: &mut Vec<SecretView>, secret: SecretView) {
    if let Some(known) = secrets.iter_mut().find(|known| known.name == secret.name) {
        *known = secret;
    } else {
        secrets.push(secret);
        secrets.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    }
}

#[component]
fn NoSecret() -> impl IntoView {
    view! {
        <Empty
            icon="lock"
            title="No secret yet"
            text="Make one, name the hosts that it may be sent to, and let an agent use it."
        />
    }
}

#[component]
fn Row(secret: SecretView, verbs: Verbs) -> impl IntoView {
    let name = secret.name.to_string();
    let known = StoredValue::new(secret.clone());
    let agents = secret
        .agents
        .clone()
        .into_iter()
        .map(|agent| view! { <Badge icon="bot"><code>{agent.to_string()}</code></Badge> })
        .collect_view();
    let hosts = secret
        .hosts
        .clone()
        .into_iter()
        .map(|host| view! { <Badge icon="globe"><code>{host}</code></Badge> })
        .collect_view();
    let used = match secret.last_used_at {
        Some(at) => view! { <span>"last used " <RelativeTime at/></span> }.into_any(),
        None => view! { <span>"never used"</span> }.into_any(),
    };
    let by = secret.set_by.clone().unwrap_or_else(|| "the operator".to_owned());
    let (has_no_host, has_no_agent) = (secret.hosts.is_empty(), secret.agents.is_empty());
    view! {
        <li class="plain-row">
            <Icon name="lock"/>
            <div class="list-main">
                <strong><code>{name.clone()}</code></strong>
                {(!secret.description.is_empty()).then(|| view! { <span dir="auto">{secret.description.clone()}</span> })}
                <div class="row small wrap">
                    {(!secret.is_readable).then(|| view! { <Badge tone=Tone::Error icon="triangle-alert">"Its key is not here"</Badge> })}
                    {hosts}
                    {has_no_host.then(|| view! { <Badge tone=Tone::Warn>"No host"</Badge> })}
                    {agents}
                    {has_no_agent.then(|| view! { <Badge tone=Tone::Warn>"No agent"</Badge> })}
                </div>
                <div class="list-sub">
                    {used}
                    <span>{format!("set by {by} ")} <RelativeTime at=secret.set_at/></span>
                </div>
            </div>
            <Menu id=format!("secret-{name}") label=format!("Actions for {name}") size=Size::Sm>
                <MenuItem icon="bot" on_select=move |()| verbs.granting.set(Some(known.get_value()))>
                    "Agents that may use it…"
                </MenuItem>
                <MenuItem icon="key-round" on_select=move |()| verbs.setting.set(Some(known.get_value()))>
                    "Give a new value…"
                </MenuItem>
                <MenuLine/>
                <MenuItem
                    icon="trash-2"
                    danger=true
                    on_select=move |()| known.with_value(|secret| verbs.deleting.ask(secret.name.clone(), secret.name.to_string()))
                >
                    "Delete…"
                </MenuItem>
            </Menu>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(name: &str, agents: &[&str]) -> SecretView {
        serde_json::from_value(json!({"name": name, "description": "", "hosts": [], "agents": agents, "key_id": "k",
            "is_readable": true, "set_by": null, "set_at": "2026-01-01T00:00:00Z", "last_used_at": null}))
        .unwrap()
    }

    #[test]
    fn a_secret_that_changed_takes_its_place_and_a_new_one_stands_by_its_name() {
        let mut secrets = vec![secret("a", &[]), secret("c", &[])];
        replace(&mut secrets, secret("c", &["caller"]));
        replace(&mut secrets, secret("b", &[]));
        let names: Vec<&str> = secrets.iter().map(|secret| secret.name.as_str()).collect();
        assert_eq!((names, secrets[2].agents.len()), (vec!["a", "b", "c"], 1));
        assert_ne!(row_key(&secrets[2]), row_key(&secret("c", &[])));
    }
}
