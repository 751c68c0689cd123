//! Packs: all that a page's part needs beside the bundle, as one file.
//!
//! A part is a file of its own and one for each set of parts that it shares code with, thirty and more, most of them small. Each is
//! compressed alone, so what they have in common is sent with each of them. In one file it is sent once: a sixth of the first load of a
//! run. What such a page asks for next, whoever opened it, is a second pack: of what the first has not. They are for pages that are opened by
//! their address alone: from within the app a part comes file by file, since most of its files are there already.
//! Nothing here may depend on a pack: a module that cannot be taken from it is fetched on its own.

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// What has pages with an address of their own: each pack is a copy of its files.
const PACKED: [&str; 8] = ["admin", "editor", "home", "lists", "mine", "more", "runs", "start"];
/// The parts that a page of the first asks for as soon as it is there.
const NEXT: [(&str, &[&str]); 8] = [
    ("admin", &["live"]),
    ("editor", &["board", "live"]),
    ("home", &["live"]),
    ("lists", &["live"]),
    ("mine", &["pane", "prose", "live"]),
    ("more", &["live"]),
    ("runs", &["graph", "pane", "prose", "live"]),
    ("start", &["live"]),
];
/// The module that the splitter writes, which fetches the files of the parts.
pub(super) const FETCH: &str = "fetch.js";

/// What the splitter writes for each file, and what stands in its place.
const PATCHES: [(&str, &str); 2] = [
    ("const src = fetch(new URL(", "const src = modules(new URL("),
    ("(WebAssembly.instantiateStreaming(src, imports))", "(instantiated(src, imports))"),
];
/// A pack begins with a line that says what is in it, and what is in the one that follows it. What the document names is compiled as soon as
/// it is there, beside the bundle and not only once that asks for it; what follows comes with the first module of it that is asked for.
const UNPACK: &str = r#"
const compiled = new Map();
const awaited = new Map();
let opened = Promise.resolve();
async function read(pack) {
    const answer = await fetch(new URL(`./${pack}`, import.meta.url));
    if (!answer.ok) throw new Error(`${answer.status} for ${answer.url}`);
    return new Uint8Array(await answer.arrayBuffer());
}
function unpack(entries, packed) {
    let end = 0;
    for (const [name, size] of entries) {
        const start = end;
        end += size;
        const module = packed.then((bytes) => WebAssembly.compile(bytes.subarray(start, start + size)));
        module.catch(() => {});
        compiled.set(name, module);
    }
}
async function open(pack) {
    const bytes = await read(pack);
    const end = bytes.indexOf(10);
    const { own, next, others } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
    unpack(own, Promise.resolve(bytes.subarray(end + 1)));
    for (const [name] of others) awaited.set(name, () => unpack(others, read(next)));
}
for (const link of document.querySelectorAll('link[rel="preload"][href$=".pack"]')) {
    opened = open(link.href.split("/").pop()).catch(() => {});
}
async function modules(url) {
    await opened;
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

/// What a pack begins with.
#[derive(Serialize)]
struct Contents {
    own: Entries,
    /// The pack that follows it, and what is in that one; no name where none does.
    next: String,
    others: Entries,
}

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

/// Writes the packs into the folder of the parts, and lets the module that fetches these take them from there.
pub(super) fn add(folder: &Path, needed: &BTreeMap<String, Vec<String>>) -> Result<()> {
    let modules = |part: &str| needed.get(part).with_context(|| format!("the bundle has no part `{part}`"));
    let write =
        |name: &str, pack: Vec<u8>| fs::write(folder.join(name), pack).with_context(|| format!("cannot write {name}"));
    let mut following = BTreeMap::new();
    for (part, parts) in NEXT {
        let mut known: BTreeSet<_> = modules(part)?.iter().collect();
        let mut others = Vec::new();
        for &then in parts {
            others.extend(modules(then)?.iter().filter(|module| known.insert(*module)));
        }
        let (pack, entries) = packed(folder, others)?;
        let name = format!("{part}.next.pack");
        write(&name, pack)?;
        following.insert(part, (name, entries));
    }
    for part in PACKED {
        let (files, own) = packed(folder, modules(part)?)?;
        let (next, others) = following.remove(part).unwrap_or_default();
        let mut pack = serde_json::to_vec(&Contents { own, next, others })?;
        pack.push(b'\n');
        pack.extend(files);
        write(&pack_of(part), pack)?;
    }
    let path = folder.join(FETCH);
    let script = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    fs::write(&path, taking(&script)?).with_context(|| format!("cannot write {}", path.display()))
}

/// The files of these modules one after another.
fn packed<'a>(folder: &Path, modules: impl IntoIterator<Item = &'a String>) -> Result<(Vec<u8>, Entries)> {
    let (mut pack, mut entries) = (Vec::new(), Vec::new());
    for module in modules {
        let file = file_of(module);
        let content = fs::read(folder.join(&file)).with_context(|| format!("cannot read {file}"))?;
        entries.push((file, content.len()));
        pack.extend(content);
    }
    Ok((pack, entries))
}

/// The module that fetches the parts, which looks for them in the packs. Of what the splitter says in it for people, a quarter of it
/// compressed, nothing is left.
fn taking(script: &str) -> Result<String> {
    let mut script: String = script.lines().filter(|line| !is_remark(line)).flat_map(|line| [line, "\n"]).collect();
    for (written, ours) in PATCHES {
        if !script.contains(written) {
            bail!(
                "{FETCH} does not hold `{written}` any more: the splitter writes something else, which the packs have to follow"
            );
        }
        script = script.replace(written, ours);
    }
    Ok(format!("{script}{UNPACK}"))
}

fn is_remark(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"))
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

    const WRITTEN: &str = r#"/* editor, runs */
const __chunk_7 = makeLoad(() => {
    // As soon as it is asked for.
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
        assert_eq!(files("board", &modules), ["fetch.js", "chunk_7.wasm", "split_runs.wasm"]);
    }

    #[test]
    fn a_pack_is_its_files_one_after_another_behind_what_says_where_they_lie() {
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
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(
            read("home.pack"),
            "{\"own\":[[\"chunk_7.wasm\",3],[\"split_home.wasm\",2]],\"next\":\"home.next.pack\",\
            \"others\":[[\"split_live.wasm\",2]]}\nabcho"
        );
        let runs = read("runs.pack");
        assert!(runs.ends_with("\nabcru"), "{runs}");
        assert!(runs.contains(r#""next":"runs.next.pack","others":[["split_graph.wasm",2],"#), "{runs}");
        assert_eq!(read("runs.next.pack"), "grpaprli", "only what is not there yet");
        let script = read(FETCH);
        assert!(script.starts_with("const __chunk_7 = makeLoad(() => {\n    const src = modules("), "{script}");
        assert!(script.contains("=> (instantiated(src, imports));"), "{script}");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_splitter_that_writes_something_else_stops_the_build() {
        assert!(taking("const src = import.source(\"./chunk_7.wasm\");").is_err());
    }
}
