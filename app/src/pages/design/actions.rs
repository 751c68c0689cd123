//! Specimens of what is pressed: buttons, links, menus, and the small marks that stand beside them.

use leptos::{html, prelude::*};

use super::specimen::{Group, Specimen};
use crate::components::{
    Avatar, Badge, Button, ContextMenu, Count, Icon, IconButton, Kbd, LinkButton, Menu, MenuItem, MenuLine, MenuLink,
    Size, StatusChip, StatusIcon, Tone, Variant, use_toasts,
};

#[component]
pub fn Actions() -> impl IntoView {
    let loading = RwSignal::new(false);
    let pressed = RwSignal::new(true);
    view! {
        <Group title="Actions">
            <Specimen name="Button, LinkButton">
                <div class="row">
                    <Button variant=Variant::Primary icon="play">"Start"</Button>
                    <Button icon="plus">"New workflow"</Button>
                    <Button variant=Variant::Quiet>"Cancel"</Button>
                    <Button variant=Variant::Danger icon="trash-2">"Delete"</Button>
                    <LinkButton href="/dashboard" icon="arrow-right">"Open"</LinkButton>
                    <LinkButton href="/dashboard" icon="play" variant=Variant::Primary>"Start"</LinkButton>
                    <LinkButton href="/dashboard" variant=Variant::Quiet size=Size::Sm>"Show all"</LinkButton>
                </div>
                <div class="row">
                    <Button variant=Variant::Primary disabled=true>"Start"</Button>
                    <Button disabled=true>"New workflow"</Button>
                    <Button variant=Variant::Quiet disabled=true>"Cancel"</Button>
                    <Button variant=Variant::Danger disabled=true>"Delete"</Button>
                </div>
                <div class="row">
                    <Button variant=Variant::Primary loading=true>"Publishing"</Button>
                    <Button loading=true>"Saving"</Button>
                    <Button loading on_click=move |()| loading.update(|on| *on = !*on)>"Keeps its width"</Button>
                </div>
                <div class="row">
                    <Button size=Size::Sm>"Small"</Button>
                    <Button>"Medium"</Button>
                    <Button size=Size::Lg variant=Variant::Primary>"Large"</Button>
                </div>
            </Specimen>
            <Specimen name="IconButton">
                <div class="row">
                    <IconButton icon="undo-2" label="Undo" keys="Ctrl Z"/>
                    <IconButton icon="redo-2" label="Redo" keys="Ctrl Y" disabled=true/>
                    <IconButton
                        icon="map"
                        label="Minimap"
                        pressed=Signal::derive(move || Some(pressed.get()))
                        on_click=move |()| pressed.update(|on| *on = !*on)
                    />
                    <IconButton icon="settings" label="Settings" variant=Variant::Default/>
                    <IconButton icon="x" label="Close" size=Size::Sm/>
                </div>
            </Specimen>
            <Specimen name="Menu, MenuItem, MenuLink, MenuLine">
                <div class="row">
                    <Menu id="design-menu" label="More actions">
                        <Verbs/>
                    </Menu>
                    <Menu id="design-menu-text" label="Re-run" text="Re-run from here" variant=Variant::Default>
                        <Verbs/>
                    </Menu>
                    <Menu id="design-menu-off" label="Nothing to do" disabled=true>
                        <Verbs/>
                    </Menu>
                </div>
            </Specimen>
            <Specimen name="ContextMenu">
                <Asked/>
            </Specimen>
            <Marks/>
        </Group>
    }
}

/// A menu where it was asked for: by the pointer, by the key that asks for one, or by the button.
#[component]
fn Asked() -> impl IntoView {
    let at = RwSignal::new(None::<(f64, f64)>);
    let place = NodeRef::<html::Div>::new();
    let below = move |()| {
        let place = place.get_untracked().map(|place| place.get_bounding_client_rect());
        at.set(place.map(|place| (place.left(), place.bottom())));
    };
    view! {
        <div
            node_ref=place
            class="row"
            on:contextmenu=move |event| {
                event.prevent_default();
                at.set(Some((f64::from(event.client_x()), f64::from(event.client_y()))));
            }
        >
            <Button on_click=below>"Ask for the menu"</Button>
        </div>
        {move || at.get().map(|at_now| view! {
            <ContextMenu label="Actions for Summarise" at=at_now on_close=move |()| at.set(None)>
                <Verbs/>
            </ContextMenu>
        })}
    }
}

/// What stands beside words and is not pressed.
#[component]
fn Marks() -> impl IntoView {
    view! {
            <Specimen name="StatusChip, StatusIcon">
                <div class="row">
                    <StatusChip status="pending"/>
                    <StatusChip status="ready"/>
                    <StatusChip status="running" detail="attempt 2"/>
                    <StatusChip status="awaiting_review"/>
                    <StatusChip status="completed"/>
                    <StatusChip status="failed" detail="timeout"/>
                    <StatusChip status="skipped"/>
                    <StatusChip status="cancelled"/>
                    <StatusChip status="paused"/>
                    <StatusChip status="completed" stale=true/>
                </div>
                <div class="row">
                    <StatusIcon status="pending"/>
                    <StatusIcon status="ready"/>
                    <StatusIcon status="running"/>
                    <StatusIcon status="awaiting_review"/>
                    <StatusIcon status="completed"/>
                    <StatusIcon status="failed"/>
                    <StatusIcon status="skipped"/>
                    <StatusIcon status="cancelled"/>
                </div>
            </Specimen>
            <Specimen name="Badge, Count">
                <div class="row">
                    <Badge>"Draft"</Badge>
                    <Badge tone=Tone::Accent icon="sparkles">"llm"</Badge>
                    <Badge tone=Tone::Success>"v7 live"</Badge>
                    <Badge tone=Tone::Warn>"2 warnings"</Badge>
                    <Badge tone=Tone::Error>"1 error"</Badge>
                    <Badge tone=Tone::Violet>"Stale"</Badge>
                    <Count n=3_usize what="waiting for you"/>
                    <Count n=12_usize tone=Tone::Accent/>
                    <Count n=240_usize tone=Tone::Error/>
                    <Count n=0_usize/>
                </div>
            </Specimen>
            <Specimen name="Avatar, Kbd, Icon">
                <div class="row">
                    <Avatar name="Ada Lovelace"/>
                    <Avatar name="grace@example.org"/>
                    <Avatar name="Alan Turing" size=Size::Lg/>
                    <Kbd keys="Ctrl K"/>
                    <Kbd keys="?"/>
                    <Icon name="workflow" size=Size::Sm/>
                    <Icon name="workflow"/>
                    <Icon name="workflow" size=Size::Lg/>
                    <Icon name="loader-circle" spin=true/>
                </div>
            </Specimen>
    }
}

#[component]
fn Verbs() -> impl IntoView {
    let toasts = use_toasts();
    view! {
        <MenuItem icon="rotate-ccw" keys="R" on_select=move |()| toasts.success("Step started again")>"Retry"</MenuItem>
        <MenuItem icon="skip-forward" on_select=move |()| toasts.success("Step skipped")>"Skip"</MenuItem>
        <MenuItem icon="git-fork" disabled=true on_select=|()| ()>"Fork"</MenuItem>
        <MenuItem icon="trash-2" refusal=Signal::stored(Some("It is still running".to_owned())) on_select=|()| ()>"Delete"</MenuItem>
        <MenuLink icon="external-link" href="/dashboard">"Open the dashboard"</MenuLink>
        <MenuLine/>
        <MenuItem icon="circle-stop" danger=true on_select=move |()| toasts.error("The run was cancelled")>"Cancel run"</MenuItem>
    }
}
