//! The style sheet: bundled along its `@import`s and minified.
//!
//! Any parse error or warning stops the build; a broken rule must never reach the browser silently.

use anyhow::{Result, anyhow, bail};
use lightningcss::{
    bundler::{Bundler, FileProvider},
    stylesheet::{MinifyOptions, ParserOptions, PrinterOptions},
};
use std::{
    path::Path,
    sync::{Arc, RwLock},
};

pub(super) fn bundle(entry: &Path) -> Result<Vec<u8>> {
    let provider = FileProvider::new();
    let warnings = Arc::new(RwLock::new(Vec::new()));
    let options =
        ParserOptions { error_recovery: false, warnings: Some(Arc::clone(&warnings)), ..ParserOptions::default() };
    let mut sheet = Bundler::new(&provider, None, options)
        .bundle(entry)
        // The error borrows the sources, so it becomes text here.
        .map_err(|error| anyhow!("{}: {error}", entry.display()))?;
    sheet.minify(MinifyOptions::default()).map_err(|error| anyhow!("{}: {error}", entry.display()))?;
    let css = sheet
        .to_css(PrinterOptions { minify: true, ..PrinterOptions::default() })
        .map_err(|error| anyhow!("{}: {error}", entry.display()))?
        .code;
    let problems: Vec<String> =
        warnings.read().map(|list| list.iter().map(ToString::to_string).collect()).unwrap_or_default();
    if !problems.is_empty() {
        bail!("{}: {}", entry.display(), problems.join("\n"));
    }
    Ok(css.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn bundled(name: &str, files: &[(&str, &str)]) -> Result<String> {
        let folder = std::env::temp_dir().join(format!("weft-xtask-css-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (file, content) in files {
            fs::write(folder.join(file), content).unwrap();
        }
        let result = bundle(&folder.join("main.css")).map(|css| String::from_utf8(css).unwrap());
        fs::remove_dir_all(&folder).unwrap();
        result
    }

    #[test]
    fn imports_are_inlined_into_their_layer_and_modern_css_is_kept() {
        let css = bundled(
            "inline",
            &[
                ("main.css", "@layer base, components;\n@import './base.css' layer(base);\n"),
                ("base.css", ":root { color-scheme: light dark; --ink: light-dark(#000, #fff); }\n.a { & .b { color: var(--ink); } }\n"),
            ],
        )
        .unwrap();
        assert!(css.contains("@layer base"), "{css}");
        assert!(css.contains("light-dark("), "{css}");
        assert!(!css.contains("@import"), "{css}");
        assert!(!css.contains('\n'), "{css}");
    }

    #[test]
    fn a_broken_rule_or_a_missing_import_stops_the_build() {
        assert!(bundled("broken", &[("main.css", ".a { color: ; ]")]).is_err());
        assert!(bundled("missing", &[("main.css", "@import './nowhere.css';")]).is_err());
    }
}
