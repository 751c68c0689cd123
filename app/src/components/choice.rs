//! Checkbox, Switch, Segmented, `RadioList`: native inputs, whose whole label is the target.
//! A Switch acts at once; a Checkbox waits for its form. Neither may ever be drawn without its input.

use leptos::html;
use leptos::prelude::*;

use super::{icon::Icon, input::NOT_RESTORED};
use crate::hydration;
use crate::reactive::effect_with;

#[component]
pub fn Checkbox(
    checked: RwSignal<bool>,
    #[prop(into)] label: Signal<String>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] name: Option<String>,
    #[prop(optional, into)] help: Option<String>,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    let node = NodeRef::<html::Input>::new();
    bind_checked(node, checked.into(), move |on| checked.set(on));
    view! {
        <label class="check">
            <span class="check-box">
                <input
                    node_ref=node
                    type="checkbox"
                    id=id
                    name=name
                    value="true"
                    autocomplete=NOT_RESTORED
                    checked=checked.get_untracked()
                    disabled=move || disabled.get()
                    on:change=move |event| checked.set(event_target_checked(&event))
                />
                <Icon name="check"/>
            </span>
            <span>{move || label.get()}</span>
            {help.map(|help| view! { <span class="check-help">{help}</span> })}
        </label>
    }
}

/// Shows `checked` and reports a change; the owner of the state decides, so a refused change springs back with the signal.
#[component]
pub fn Switch(
    #[prop(into)] checked: Signal<bool>,
    #[prop(into)] on_change: Callback<bool>,
    #[prop(into)] label: Signal<String>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    let node = NodeRef::<html::Input>::new();
    bind_checked(node, checked, |_| ());
    view! {
        <label class="switch">
            <input
                node_ref=node
                type="checkbox"
                role="switch"
                id=id
                autocomplete=NOT_RESTORED
                checked=checked.get_untracked()
                disabled=move || disabled.get()
                on:change=move |event| on_change.run(event_target_checked(&event))
            />
            <span>{move || label.get()}</span>
        </label>
    }
}

/// From the signal to the page; a click from before hydration is given to `early`.
fn bind_checked(node: NodeRef<html::Input>, checked: Signal<bool>, early: impl Fn(bool) + 'static) {
    let first = checked.get_untracked();
    let may_be_early = !hydration::is_over();
    effect_with(move |bound: Option<bool>| {
        let Some(input) = node.get() else { return false };
        let wanted = checked.get();
        if may_be_early && bound != Some(true) && wanted == first && input.checked() != wanted {
            early(input.checked());
        }
        let wanted = checked.get_untracked();
        if input.checked() != wanted {
            input.set_checked(wanted);
        }
        true
    });
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    pub value: &'static str,
    pub label: &'static str,
    pub icon: Option<&'static str>,
}

impl Segment {
    pub const fn new(value: &'static str, label: &'static str) -> Self {
        Self { value, label, icon: None }
    }

    #[must_use]
    pub const fn with_icon(mut self, icon: &'static str) -> Self {
        self.icon = Some(icon);
        self
    }
}

/// One of a few, all visible. `name` groups the radio buttons and must be unique on the page.
#[component]
pub fn Segmented(
    value: RwSignal<String>,
    segments: Vec<Segment>,
    #[prop(into)] name: String,
    /// The name of the choice, for those who cannot see it.
    #[prop(into)]
    label: String,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    let name = StoredValue::new(name);
    let choices = segments
        .into_iter()
        .map(|segment| {
            view! {
                <label>
                    <input
                        type="radio"
                        name=name.get_value()
                        value=segment.value
                        autocomplete=NOT_RESTORED
                        checked=value.with_untracked(|v| v == segment.value)
                        prop:checked=move || value.with(|v| v == segment.value)
                        disabled=move || disabled.get()
                        on:change=move |_| value.set(segment.value.to_owned())
                    />
                    {segment.icon.map(|name| view! { <Icon name/> })}
                    <span>{segment.label}</span>
                </label>
            }
        })
        .collect_view();
    view! {
        <div class="segmented" role="radiogroup" aria-label=label>
            {choices}
        </div>
    }
}

/// One of a few that need words: a list of radio buttons, each with a line that says what it means.
#[component]
pub fn RadioList(
    value: RwSignal<String>,
    /// Value, label and what it means.
    choices: Vec<(&'static str, &'static str, &'static str)>,
    #[prop(into)] name: String,
    #[prop(into)] label: String,
) -> impl IntoView {
    let name = StoredValue::new(name);
    let rows = choices
        .into_iter()
        .map(|(key, words, help)| {
            view! {
                <label class="radio">
                    <input
                        type="radio"
                        name=name.get_value()
                        value=key
                        autocomplete=NOT_RESTORED
                        checked=value.with_untracked(|v| v == key)
                        prop:checked=move || value.with(|v| v == key)
                        on:change=move |_| value.set(key.to_owned())
                    />
                    <span>{words}</span>
                    <small>{help}</small>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="radio-list">
            <legend class="field-label">{label}</legend>
            {rows}
        </fieldset>
    }
}
