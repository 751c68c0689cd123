//! Names by content: what a page loads is named for what is in it, so that a browser may keep it for good, also without a network.
//!
//! `site.json` tells the server the names. Nothing here may keep a name while its content changes.

use super::{NAME, PACKAGE_FOLDER, Site, front::PARTS};
use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Read by the server; app/src/site.rs says what is in it.
pub(super) const MANIFEST: &str = "site.json";

#[derive(Serialize)]
struct Manifest {
    script: String,
    wasm: String,
    style: String,
    icons: String,
    favicon: String,
    /// The files of each part of the bundle.
    parts: BTreeMap<String, Vec<String>>,
    /// Every file that may be kept for good.
    kept: Vec<String>,
}

/// Renames the files of the site, and adds the list of their names.
pub(super) fn by_content(files: Site) -> Result<Site> {
    let (package, rest): (Site, Site) = files.into_iter().partition(|(path, _)| path.starts_with(PACKAGE_FOLDER));
    let style_path = Path::new(PACKAGE_FOLDER).join(format!("{NAME}.css"));
    let mut named = Site::new();

    // The bundle and its parts name each other by relative addresses, so they stay together in one folder.
    let mut bundle = package;
    let style = bundle.remove(&style_path).context("the site has no style sheet")?;
    let parts = bundle.remove(&Path::new(PACKAGE_FOLDER).join(PARTS)).context("the list of parts is missing")?;
    let folder =
        format!("{PACKAGE_FOLDER}/{}", hash(bundle.iter().map(|(path, content)| (path.as_path(), &**content))));
    for (path, content) in bundle {
        named.insert(Path::new(&folder).join(path.strip_prefix(PACKAGE_FOLDER)?), content);
    }
    let parts: BTreeMap<String, Vec<String>> =
        serde_json::from_slice(&parts).context("the list of parts cannot be read back")?;
    let parts = parts
        .into_iter()
        .map(|(part, files)| (part, files.into_iter().map(|file| format!("/{folder}/{file}")).collect()))
        .collect();

    let mut renamed = BTreeMap::new();
    for (path, content) in rest {
        if is_for_people(&path) {
            named.insert(path, content);
            continue;
        }
        let new = with_hash(&path, &content)?;
        renamed.insert(address(&path)?, address(&new)?);
        named.insert(new, content);
    }
    let style = rewrite(String::from_utf8(style).context("the style sheet is no text")?, &renamed)?.into_bytes();
    let new_style = with_hash(Path::new(&format!("{NAME}.css")), &style)?;
    named.insert(new_style.clone(), style);

    let of = |old: &str| renamed.get(old).cloned().with_context(|| format!("the site has no {old}"));
    let manifest = Manifest {
        script: format!("/{folder}/{NAME}.js"),
        wasm: format!("/{folder}/{NAME}.wasm"),
        style: address(&new_style)?,
        icons: of("/icons.svg")?,
        favicon: of("/favicon.svg")?,
        parts,
        kept: named
            .keys()
            .filter(|path| path.starts_with(PACKAGE_FOLDER))
            .map(|path| address(path))
            .collect::<Result<_>>()?,
    };
    named.insert(PathBuf::from(MANIFEST), serde_json::to_vec(&manifest)?);
    Ok(named)
}

/// Licences are read by their names.
fn is_for_people(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md" || extension == "txt")
}

fn hash<'a>(files: impl Iterator<Item = (&'a Path, &'a [u8])>) -> String {
    let mut hasher = Sha256::new();
    for (path, content) in files {
        // The lengths keep names and contents apart.
        let path = path.to_string_lossy();
        hasher.update(path.len().to_le_bytes());
        hasher.update(path.as_bytes());
        hasher.update(content.len().to_le_bytes());
        hasher.update(content);
    }
    hex::encode(&hasher.finalize()[..6])
}

/// `fonts/a.woff2` as `pkg/fonts/a-HASH.woff2`.
fn with_hash(path: &Path, content: &[u8]) -> Result<PathBuf> {
    let name = |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).map(str::to_owned);
    let stem = name(path.file_stem()).with_context(|| format!("{} has no name", path.display()))?;
    let extension = name(path.extension()).with_context(|| format!("{} has no extension", path.display()))?;
    let hash = hash(std::iter::once((path, content)));
    Ok(Path::new(PACKAGE_FOLDER).join(path).with_file_name(format!("{stem}-{hash}.{extension}")))
}

fn address(path: &Path) -> Result<String> {
    let path = path.to_str().with_context(|| format!("{} is no text", path.display()))?;
    Ok(format!("/{}", path.replace('\\', "/")))
}

/// Lets the style sheet name the files anew; one that it names and that is not there stops the build.
fn rewrite(mut style: String, renamed: &BTreeMap<String, String>) -> Result<String> {
    for (old, new) in renamed {
        style = style.replace(old.as_str(), new);
    }
    for rest in style.split("url(").skip(1) {
        let named = rest.split(')').next().unwrap_or_default().trim_matches(['"', '\'', ' ']);
        if !named.starts_with("data:") && !renamed.values().any(|new| new == named) {
            bail!("the style sheet names {named}, which is no file of the site");
        }
    }
    Ok(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(wasm: &str, font: &str, icons: &str) -> BTreeMap<String, String> {
        let files = [
            ("pkg/weft.js", "import './parts-1/fetch.js'"),
            ("pkg/weft.wasm", wasm),
            ("pkg/parts-1/fetch.js", "f"),
            ("pkg/parts.json", r#"{"runs":["parts-1/fetch.js"]}"#),
            ("pkg/weft.css", "@font-face{src:url(/fonts/a.woff2)}.b{background:url(\"/icons.svg\")}"),
            ("fonts/a.woff2", font),
            ("icons.svg", icons),
            ("favicon.svg", "v"),
            ("LICENSES.md", "l"),
        ];
        let files =
            files.into_iter().map(|(path, content)| (PathBuf::from(path), content.as_bytes().to_vec())).collect();
        let text = |content: Vec<u8>| String::from_utf8(content).unwrap();
        by_content(files)
            .unwrap()
            .into_iter()
            .map(|(path, content)| (path.display().to_string(), text(content)))
            .collect()
    }

    #[test]
    fn a_file_has_another_name_exactly_when_its_content_is_another() {
        let first = site("1", "f", "i");
        assert_eq!(first, site("1", "f", "i"));
        let manifest =
            |site: &BTreeMap<String, String>| -> serde_json::Value { serde_json::from_str(&site[MANIFEST]).unwrap() };
        let (one, two, three) = (manifest(&first), manifest(&site("2", "f", "i")), manifest(&site("1", "g", "j")));
        for name in ["script", "wasm"] {
            assert_ne!(one[name], two[name]);
            assert_eq!(one[name], three[name]);
        }
        assert_ne!(one["parts"]["runs"][0], two["parts"]["runs"][0]);
        // A font that changes changes the style sheet, which names it.
        for name in ["style", "icons"] {
            assert_eq!(one[name], two[name]);
            assert_ne!(one[name], three[name]);
        }
        assert_eq!(one["favicon"], three["favicon"]);
        for kept in one["kept"].as_array().unwrap() {
            assert!(first.contains_key(kept.as_str().unwrap().strip_prefix('/').unwrap()), "{kept}");
        }
        assert!(
            first.contains_key("LICENSES.md") && !first.contains_key("icons.svg") && !first.contains_key("pkg/weft.js")
        );
        let style = &first[one["style"].as_str().unwrap().strip_prefix('/').unwrap()];
        assert!(style.contains("url(/pkg/fonts/a-") && !style.contains("(/fonts"), "{style}");
    }

    #[test]
    fn a_style_sheet_that_names_what_is_not_there_stops_the_build() {
        let known = BTreeMap::from([("/a.woff2".to_owned(), "/pkg/a-1.woff2".to_owned())]);
        assert_eq!(rewrite("url('/a.woff2')".into(), &known).unwrap(), "url('/pkg/a-1.woff2')");
        assert!(rewrite("url(data:image/png;base64,AA)".into(), &known).is_ok());
        assert!(rewrite("url(/b.woff2)".into(), &known).is_err());
    }
}
