//! Badge, Count, Kbd, Avatar: small facts in a line.

use leptos::prelude::*;

use super::icon::{Icon, Size};

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Tone {
    #[default]
    Neutral,
    Accent,
    Success,
    Warn,
    Error,
    Violet,
}

impl Tone {
    fn name(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Accent => "accent",
            Self::Success => "success",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Violet => "violet",
        }
    }
}

#[component]
pub fn Badge(
    #[prop(optional)] tone: Tone,
    #[prop(optional)] icon: Option<&'static str>,
    children: Children,
) -> impl IntoView {
    view! {
        <span class="badge" data-tone=tone.name()>
            {icon.map(|name| view! { <Icon name size=Size::Sm/> })}
            {children()}
        </span>
    }
}

/// A number of things that wait; nothing at zero. `what` completes it when spoken, as in "3 waiting for you".
#[component]
pub fn Count(
    #[prop(into)] n: Signal<usize>,
    #[prop(optional)] tone: Tone,
    #[prop(optional, into)] what: String,
) -> impl IntoView {
    let what = StoredValue::new(what);
    view! {
        <Show when=move || { n.get() > 0 }>
            <span class="count" data-tone=tone.name()>
                {move || if n.get() > 99 { "99+".to_owned() } else { n.get().to_string() }}
                <span class="visually-hidden">{what.get_value()}</span>
            </span>
        </Show>
    }
}

/// Keys separated by spaces: `Kbd keys="Ctrl K"`.
#[component]
pub fn Kbd(keys: &'static str) -> impl IntoView {
    view! { <span class="kbd">{keys.split(' ').map(|key| view! { <kbd>{key}</kbd> }).collect_view()}</span> }
}

/// Initials on a ground that follows from the name, so a person looks the same everywhere. The name must stand beside it.
#[component]
pub fn Avatar(#[prop(into)] name: String, #[prop(optional)] size: Size) -> impl IntoView {
    let (initials, hue) = looks(&name);
    drop(name);
    view! {
        <span class="avatar" data-size=size.name() data-hue=hue.to_string() aria-hidden="true">
            {initials}
        </span>
    }
}

/// The same for a canvas: initials, and which of the colours of avatars.
pub fn looks(name: &str) -> (String, u8) {
    (initials(name), hue(name))
}

fn hue(name: &str) -> u8 {
    let hash = name.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    // Below eight, so it fits.
    u8::try_from(hash % 8).unwrap_or_default()
}

/// Of a name its first and last initials; of an e-mail address those of the part before the `@`.
fn initials(name: &str) -> String {
    let before_at = name.split('@').next().unwrap_or(name);
    let mut words = before_at.split([' ', '.', '_', '-']).filter_map(|word| word.chars().next());
    let first = words.next();
    upper(&first.into_iter().chain(words.next_back()).collect::<String>())
}

/// The browser has a table for it, and the one of the standard library would be twelve kilobytes of every first load.
#[cfg(target_arch = "wasm32")]
fn upper(text: &str) -> String {
    js_sys::JsString::from(text).to_upper_case().into()
}

#[cfg(not(target_arch = "wasm32"))]
fn upper(text: &str) -> String {
    text.to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_come_from_names_and_addresses() {
        assert_eq!(initials("Ada Lovelace"), "AL");
        assert_eq!(initials("ada.king.lovelace@example.org"), "AL");
        assert_eq!(initials("grace"), "G");
        assert_eq!(initials(""), "");
    }
}
