//! Packs: all that a page's part needs beside the bundle, as one file.
//!
//! A part is a file of its own and one for each set of parts that it shares code with, thirty and more, most of them small. Each is
//! compressed alone, so what they have in common is sent with each of them. In one file it is sent once: a sixth of the first load of a
//! run. What such a page asks for next, whoever opened it, is a second pack: of what the first has not. They are for pages that are opened by
//! their address alone: from within the app a part comes file by file, since most of its files are there already.
//! Nothing here may depend on a pack: a module that cannot be taken from it is fetched on its own.

use anyhow::{Context as _, Result, bail};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Only what is often opened by its address: each pack is a copy of its files.
const PACKED: [&str; 5] = ["editor", "home", "lists", "mine", "runs"];
/// The parts that a page of the first asks for as soon as it is there.
const NEXT: [(&str, &[&str]); 2] = [("mine", &["pane", "prose"]), ("runs", &["graph", "pane", "prose"])];
/// The module that the splitter writes, which fetches the files of the parts.
pub(super) const FETCH: &str = "fetch.js";

/// What the splitter writes for each file, and what stands in its place.
const PATCHES: [(&str, &str); 2] = [
    ("const src = fetch(new URL(", "const src = modules(new URL("),
    ("(WebAssembly.instantiateStreaming(src, imports))", "(instantiated(src, imports))"),
];
/// `PACKS` names the modules of each pack, in their order, with their sizes; `NEXT` the pack that follows it. What the document names is
/// compiled as soon as it is there, beside the bundle and not only once that asks for it; what follows comes with the first module of it that
/// is asked for.
const UNPACK: &str = r#"
const compiled = new Map();
const awaited = new Map();
function unpack(pack, entries) {
    const packed = fetch(new URL(`./${pack}`, import.meta.url)).then((answer) => {
        if (!answer.ok) throw new Error(`${answer.status} for ${answer.url}`);
        return answer.arrayBuffer();
    });
    let end = 0;
    for (const [name, size] of entries) {
        const start = end;
        end += size;
        const module = packed.then((bytes) => WebAssembly.compile(new Uint8Array(bytes, start, size)));
        module.catch(() => {});
        compiled.set(name, module);
    }
}
for (const [pack, entries] of Object.entries(PACKS)) {
    if (document.querySelector(`link[rel="preload"][href$="/${pack}"]`) === null) continue;
    unpack(pack, entries);
    const [next, others] = NEXT[pack] ?? [pack, []];
    for (const [name] of others) awaited.set(name, () => unpack(next, others));
}
function modules(url) {
    const name = url.pathname.split("/").pop();
    if (!compiled.has(name)) awaited.get(name)?.();
    const module = compiled.get(name);
    return module === undefined ? fetch(url) : module.catch(() => fetch(url));
}
async function instantiated(source, imports) {
    const found = await source;
    if (found instanceof WebAssembly.Module) return WebAssembly.instantiate(found, imports);
    return WebAssembly.instantiateStreaming(found, imports);
}
"#;

/// The files of a pack in their order, with their sizes.
type Entries = Vec<(String, usize)>;

/// What a page of this part loads beside the bundle, all of it in the folder of the parts.
pub(super) fn files(part: &str, modules: &[String]) -> Vec<String> {
    let mut files = vec![FETCH.to_owned()];
    if PACKED.contains(&part) {
        files.push(pack_of(part));
    } else {
        files.extend(modules.iter().map(|module| file_of(module)));
    }
    files
}

/// Writes the packs into the folder of the parts, and lets the module that fetches these know them.
pub(super) fn add(folder: &Path, needed: &BTreeMap<String, Vec<String>>) -> Result<()> {
    let modules = |part: &str| needed.get(part).with_context(|| format!("the bundle has no part `{part}`"));
    let mut packs = BTreeMap::new();
    for part in PACKED {
        let name = pack_of(part);
        let entries = write(folder, &name, modules(part)?)?;
        packs.insert(name, entries);
    }
    let mut next = BTreeMap::new();
    for (part, parts) in NEXT {
        let mut known: BTreeSet<_> = modules(part)?.iter().collect();
        let mut others = Vec::new();
        for &then in parts {
            others.extend(modules(then)?.iter().filter(|module| known.insert(*module)));
        }
        let name = format!("{part}.next.pack");
        let entries = write(folder, &name, others)?;
        next.insert(pack_of(part), (name, entries));
    }
    let path = folder.join(FETCH);
    let script = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    fs::write(&path, knowing(&script, &packs, &next)?).with_context(|| format!("cannot write {}", path.display()))
}

fn write<'a>(folder: &Path, name: &str, modules: impl IntoIterator<Item = &'a String>) -> Result<Entries> {
    let (mut pack, mut entries) = (Vec::new(), Vec::new());
    for module in modules {
        let file = file_of(module);
        let content = fs::read(folder.join(&file)).with_context(|| format!("cannot read {file}"))?;
        entries.push((file, content.len()));
        pack.extend(content);
    }
    fs::write(folder.join(name), pack).with_context(|| format!("cannot write {name}"))?;
    Ok(entries)
}

fn knowing(
    script: &str,
    packs: &BTreeMap<String, Entries>,
    next: &BTreeMap<String, (String, Entries)>,
) -> Result<String> {
    let mut script = script.to_owned();
    for (written, ours) in PATCHES {
        if !script.contains(written) {
            bail!(
                "{FETCH} does not hold `{written}` any more: the splitter writes something else, which the packs have to follow"
            );
        }
        script = script.replace(written, ours);
    }
    let (packs, next) = (serde_json::to_string(packs)?, serde_json::to_string(next)?);
    Ok(format!("{script}\nconst PACKS = {packs};\nconst NEXT = {next};{UNPACK}"))
}

fn pack_of(part: &str) -> String {
    format!("{part}.pack")
}

fn file_of(module: &str) -> String {
    format!("{module}.wasm")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = r#"const __chunk_7 = makeLoad(() => {
    const src = fetch(new URL("./chunk_7.wasm", import.meta.url));
    src.catch(() => {});
    return async (imports) => (WebAssembly.instantiateStreaming(src, imports));
}
, []);
"#;

    #[test]
    fn a_page_loads_one_pack_or_each_file_of_its_part() {
        let modules = ["chunk_7".to_owned(), "split_runs".to_owned()];
        assert_eq!(files("runs", &modules), ["fetch.js", "runs.pack"]);
        assert_eq!(files("admin", &modules), ["fetch.js", "chunk_7.wasm", "split_runs.wasm"]);
    }

    #[test]
    fn a_pack_is_its_files_one_after_another_and_their_sizes_are_told() {
        let folder = std::env::temp_dir().join(format!("weft-xtask-packs-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, content) in [("chunk_7.wasm", "abc"), (FETCH, WRITTEN)] {
            fs::write(folder.join(name), content).unwrap();
        }
        let parts: BTreeSet<_> =
            PACKED.into_iter().chain(NEXT.iter().flat_map(|(_, next)| next.iter().copied())).collect();
        for part in &parts {
            fs::write(folder.join(format!("split_{part}.wasm")), &part[..2]).unwrap();
        }
        let needs = |part: &str| (part.to_owned(), vec!["chunk_7".to_owned(), format!("split_{part}")]);
        add(&folder, &parts.into_iter().map(needs).collect()).unwrap();
        assert_eq!(fs::read_to_string(folder.join("runs.pack")).unwrap(), "abcru");
        assert_eq!(fs::read_to_string(folder.join("editor.pack")).unwrap(), "abced");
        assert_eq!(fs::read_to_string(folder.join("runs.next.pack")).unwrap(), "grpapr", "only what is not there yet");
        let script = fs::read_to_string(folder.join(FETCH)).unwrap();
        assert!(script.contains(r#""runs.pack":[["chunk_7.wasm",3],["split_runs.wasm",2]]"#), "{script}");
        assert!(script.contains(r#""runs.pack":["runs.next.pack",[["split_graph.wasm",2],"#), "{script}");
        assert!(script.contains(r#"const src = modules(new URL("./chunk_7.wasm", import.meta.url));"#), "{script}");
        assert!(script.contains("=> (instantiated(src, imports));"), "{script}");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_splitter_that_writes_something_else_stops_the_build() {
        assert!(knowing("const src = import.source(\"./chunk_7.wasm\");", &BTreeMap::new(), &BTreeMap::new()).is_err());
    }
}
