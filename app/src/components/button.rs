//! Button, `LinkButton`, `IconButton`. What a press does is `on_click`; other attributes are given as `attr:name`, straight on the component.
//! Never `on:click`: where a view is drawn anew in place, a handler that is spread onto an erased component stays the one of the first drawing,
//! and a press would act on what stood there before. Must never change width while loading, and never be a link in disguise: what goes
//! somewhere is a `LinkButton`.

use leptos::prelude::*;

use super::icon::{Icon, Size};

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Variant {
    Primary,
    #[default]
    Default,
    Quiet,
    Danger,
}

impl Variant {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Default => "default",
            Self::Quiet => "quiet",
            Self::Danger => "danger",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum ButtonType {
    #[default]
    Button,
    Submit,
    Reset,
}

impl ButtonType {
    fn name(self) -> &'static str {
        match self {
            Self::Button => "button",
            Self::Submit => "submit",
            Self::Reset => "reset",
        }
    }
}

/// A button with words. While `loading` it shows a spinner over the kept label and takes no clicks; it is not disabled then, because a
/// browser takes the focus from what is.
#[component]
pub fn Button(
    #[prop(optional)] variant: Variant,
    #[prop(optional)] size: Size,
    #[prop(optional)] kind: ButtonType,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(optional, into)] loading: Signal<bool>,
    #[prop(optional)] icon: Option<&'static str>,
    /// Takes the whole width.
    #[prop(optional)]
    block: bool,
    #[prop(optional, into)] on_click: Option<Callback<()>>,
    children: Children,
) -> impl IntoView {
    view! {
        <button
            class="btn"
            type=kind.name()
            data-variant=variant.name()
            data-size=size.name()
            data-block=block
            data-loading=move || loading.get()
            aria-busy=move || loading.get().then_some("true")
            aria-disabled=move || loading.get().then_some("true")
            disabled=move || disabled.get()
            on:click=move |event| {
                if loading.get_untracked() {
                    // Neither the press counts nor the form that it would send.
                    event.prevent_default();
                } else {
                    press(on_click);
                }
            }
        >
            <span class="btn-label">{icon.map(|name| view! { <Icon name/> })} {children()}</span>
            <Show when=move || loading.get()>
                <svg class="icon btn-spinner" data-spin aria-hidden="true">
                    <use_ href=format!("{}#i-loader-circle", crate::site::icons())></use_>
                </svg>
            </Show>
        </button>
    }
}

/// A link that looks like a button.
#[component]
pub fn LinkButton(
    #[prop(into)] href: Signal<String>,
    #[prop(optional)] variant: Variant,
    #[prop(optional)] size: Size,
    #[prop(optional)] icon: Option<&'static str>,
    #[prop(optional)] block: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <a class="btn" href=move || href.get() data-variant=variant.name() data-size=size.name() data-block=block>
            <span class="btn-label">{icon.map(|name| view! { <Icon name/> })} {children()}</span>
        </a>
    }
}

/// A button with only an icon; `label` is its name for everyone, spoken and as the tooltip.
#[component]
pub fn IconButton(
    icon: &'static str,
    #[prop(into)] label: Signal<String>,
    #[prop(default = Variant::Quiet)] variant: Variant,
    #[prop(optional)] size: Size,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// For a toggle: whether it is on.
    #[prop(optional, into)]
    pressed: Signal<Option<bool>>,
    /// Shown in the tooltip after the label, as in "Undo (Ctrl Z)".
    #[prop(optional)]
    keys: Option<&'static str>,
    #[prop(optional, into)] on_click: Option<Callback<()>>,
) -> impl IntoView {
    view! {
        <button
            class="btn icon-btn"
            type="button"
            data-variant=variant.name()
            data-size=size.name()
            data-tip=move || keys.map_or_else(|| label.get(), |keys| format!("{} ({keys})", label.get()))
            aria-label=move || label.get()
            aria-pressed=move || pressed.get().map(super::dom::aria)
            disabled=move || disabled.get()
            on:click=move |_| press(on_click)
        >
            <Icon name=icon/>
        </button>
    }
}

fn press(on_click: Option<Callback<()>>) {
    if let Some(on_click) = on_click {
        on_click.run(());
    }
}
