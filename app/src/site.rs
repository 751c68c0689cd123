//! Where the files of the site are: the build names each for its content, so that browsers keep them for good.
//! The server learns the names once, and tells the browser those that it draws with; no page may name a file in any other way.

use std::sync::OnceLock;

/// The names as the build made them. The defaults are those of a build that names nothing by content, as cargo-leptos makes one.
#[cfg(feature = "ssr")]
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default)]
pub struct SiteFiles {
    pub script: String,
    pub wasm: String,
    pub style: String,
    pub icons: String,
    pub favicon: String,
    /// The files of each part of the bundle.
    pub parts: std::collections::BTreeMap<String, Vec<String>>,
    /// Those that never change under their name.
    pub kept: std::collections::BTreeSet<String>,
}

#[cfg(feature = "ssr")]
impl Default for SiteFiles {
    fn default() -> Self {
        Self {
            script: "/pkg/weft.js".to_owned(),
            wasm: "/pkg/weft.wasm".to_owned(),
            style: "/pkg/weft.css".to_owned(),
            icons: ICONS.to_owned(),
            favicon: FAVICON.to_owned(),
            parts: std::collections::BTreeMap::new(),
            kept: std::collections::BTreeSet::new(),
        }
    }
}

#[cfg(feature = "ssr")]
static FILES: OnceLock<SiteFiles> = OnceLock::new();

/// Said once, before the first page; what is said later changes nothing.
#[cfg(feature = "ssr")]
pub fn set_files(files: SiteFiles) -> &'static SiteFiles {
    FILES.get_or_init(|| files)
}

#[cfg(feature = "ssr")]
pub fn files() -> &'static SiteFiles {
    FILES.get_or_init(SiteFiles::default)
}

const ICONS: &str = "/icons.svg";
const FAVICON: &str = "/favicon.svg";

/// The sprite of icons.
pub fn icons() -> &'static str {
    #[cfg(feature = "ssr")]
    return &files().icons;
    #[cfg(not(feature = "ssr"))]
    {
        static NAME: OnceLock<String> = OnceLock::new();
        NAME.get_or_init(|| told("data-icons", ICONS))
    }
}

pub fn favicon() -> &'static str {
    #[cfg(feature = "ssr")]
    return &files().favicon;
    #[cfg(not(feature = "ssr"))]
    {
        static NAME: OnceLock<String> = OnceLock::new();
        NAME.get_or_init(|| told("data-favicon", FAVICON))
    }
}

/// What the server wrote on the document.
#[cfg(not(feature = "ssr"))]
fn told(attribute: &str, default: &str) -> String {
    let root = leptos::prelude::document().document_element();
    root.and_then(|root| root.get_attribute(attribute)).unwrap_or_else(|| default.to_owned())
}
