//! One address: where it leads, how it stands there, and what can be done about it.

use leptos::prelude::*;
use workflow::api::{AddressKind, NoticeAddressView};

use super::verbs::Verbs;
use crate::components::{Badge, Icon, Menu, MenuItem, MenuLine, RelativeTime, Size, Tone};

#[component]
pub(super) fn Row(address: NoticeAddressView, verbs: Verbs) -> impl IntoView {
    let (id, name) = (address.id, address.name.clone());
    let is_readable = address.is_readable;
    let (is_off, is_webhook) = (address.disabled_at.is_some(), address.kind == AddressKind::Webhook);
    let (icon, kind) = if is_webhook { ("globe", "Webhook") } else { ("message-square", "Slack") };
    let people = match address.n_people {
        0 => "nobody has chosen it".to_owned(),
        1 => "1 person has chosen it".to_owned(),
        n => format!("{} have chosen it", crate::words::people(n)),
    };
    let last = match address.last_delivery_at {
        Some(at) => view! { <span>"last sent " <RelativeTime at/></span> }.into_any(),
        None => view! { <span>"nothing was sent yet"</span> }.into_any(),
    };
    let (error, place) = (address.last_error.clone(), address.place.clone());
    let known = StoredValue::new(address);
    let show_log = {
        let name = name.clone();
        move || verbs.log_of.set(Some((id, name.clone())))
    };
    let show_log = Callback::new(move |()| show_log());
    view! {
        <li class="plain-row">
            <Icon name=icon/>
            <div class="list-main">
                <strong><bdi>{name.clone()}</bdi></strong>
                <div class="row small wrap">
                    <Badge>{kind}</Badge>
                    <Badge icon="link"><code>{place}</code></Badge>
                    {(!is_readable).then(|| view! { <Badge tone=Tone::Error icon="triangle-alert">"Its key is not here"</Badge> })}
                    {is_off.then(|| view! { <Badge tone=Tone::Warn icon="ban">"Switched off"</Badge> })}
                    {error.is_some().then(|| view! { <Badge tone=Tone::Error icon="circle-alert">"Last one failed"</Badge> })}
                </div>
                <div class="list-sub">
                    <span>{people}</span>
                    {last}
                    {error.map(|error| view! { <span><bdi>{error}</bdi></span> })}
                </div>
            </div>
            <Menu id=format!("address-{id}") label=format!("Actions for {name}") size=Size::Sm>
                <MenuItem icon="send" on_select=move |()| {
                    verbs.test.dispatch(known.get_value());
                }>"Send a test"</MenuItem>
                <MenuItem icon="history" on_select=show_log>"Show its messages"</MenuItem>
                <MenuLine/>
                <MenuItem icon="pencil" on_select=move |()| verbs.changing.set(Some(known.get_value()))>"Change…"</MenuItem>
                {is_webhook.then(|| view! {
                    <MenuItem icon="key-round" on_select=move |()| verbs.renewing.set(Some(known.get_value()))>
                        "New signing secret…"
                    </MenuItem>
                })}
                <MenuItem icon=if is_off { "circle-check" } else { "ban" } on_select=move |()| {
                    verbs.switch.dispatch((id, is_off));
                }>
                    {if is_off { "Switch on" } else { "Switch off" }}
                </MenuItem>
                <MenuLine/>
                <MenuItem icon="trash-2" danger=true on_select=move |()| known.with_value(|known| verbs.deleting.ask(known.id, known.name.clone()))>
                    "Delete…"
                </MenuItem>
            </Menu>
        </li>
    }
}
