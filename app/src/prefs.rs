//! What a person chose about the look: the theme and the width of the rail.
//! Kept in cookies, so that the server draws the first page right and nothing flashes. Must never hold anything secret.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub fn parse(text: &str) -> Self {
        match text {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    /// The value of `data-theme` on the document; absent to follow the system.
    pub fn attribute(self) -> Option<&'static str> {
        (self != Self::System).then(|| self.as_str())
    }
}

#[derive(Clone, Copy)]
pub struct Prefs {
    theme: RwSignal<Theme>,
    is_rail_slim: RwSignal<bool>,
}

pub fn provide_prefs() {
    let (theme, is_rail_slim) = SharedValue::new(|| (theme_of_request(), rail_of_request())).into_inner();
    provide_context(Prefs { theme: RwSignal::new(theme), is_rail_slim: RwSignal::new(is_rail_slim) });
}

pub fn use_prefs() -> Prefs {
    expect_context()
}

impl Prefs {
    pub fn theme(self) -> Theme {
        self.theme.get()
    }

    pub fn theme_untracked(self) -> Theme {
        self.theme.get_untracked()
    }

    pub fn set_theme(self, theme: Theme) {
        self.theme.set(theme);
        keep(THEME, theme.as_str());
        if let Some(root) = document().document_element() {
            // Setting an attribute of <html> only fails on a bad name.
            let _ = match theme.attribute() {
                Some(value) => root.set_attribute("data-theme", value),
                None => root.remove_attribute("data-theme"),
            };
        }
    }

    pub fn is_rail_slim(self) -> bool {
        self.is_rail_slim.get()
    }

    pub fn set_rail_slim(self, is_slim: bool) {
        self.is_rail_slim.set(is_slim);
        keep(RAIL, if is_slim { "slim" } else { "wide" });
    }
}

/// The theme that the request asks for: the document's head is drawn before any component.
pub fn theme_of_request() -> Theme {
    cookie_of_request(THEME).map_or(Theme::System, |value| Theme::parse(&value))
}

fn rail_of_request() -> bool {
    cookie_of_request(RAIL).is_some_and(|value| value == "slim")
}

const THEME: &str = "weft_theme";
const RAIL: &str = "weft_rail";

fn keep(name: &str, value: &str) {
    if let Some(document) = document().dyn_ref::<web_sys::HtmlDocument>() {
        // A browser that refuses cookies keeps the choice until the page is left.
        let _ = document.set_cookie(&format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax"));
    }
}

#[cfg(feature = "ssr")]
fn cookie_of_request(name: &str) -> Option<String> {
    let parts = use_context::<http::request::Parts>()?;
    parts
        .headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then(|| value.to_owned()))
}

/// Only reached where nothing was rendered on the server.
#[cfg(not(feature = "ssr"))]
fn cookie_of_request(_name: &str) -> Option<String> {
    None
}
