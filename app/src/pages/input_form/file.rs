//! A file of text as an input: read in the browser, never sent as a file. Dropped or chosen.
//! Must refuse what is not text, or too large, before it is sent, and say why.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use workflow::encoding;

use crate::components::{
    Button, Icon, Size, Variant,
    field::{error_id, help_id},
};
use crate::{reactive::effect, words};

#[derive(Clone)]
struct Chosen {
    name: String,
    n_bytes: usize,
}

const MIB: usize = 1_048_576;

#[component]
pub(in crate::pages) fn FileInput(
    #[prop(into)] id: String,
    text: RwSignal<String>,
    error: RwSignal<Option<String>>,
    /// The most that is taken; as much as the inputs of a run may have, if nobody says otherwise.
    #[prop(default = 4)]
    max_mib: usize,
    /// Where the name of the file is wanted too.
    #[prop(optional)]
    file_name: Option<RwSignal<String>>,
) -> impl IntoView {
    let node = NodeRef::<html::Input>::new();
    let chosen = RwSignal::new(None::<Chosen>);
    let is_over = RwSignal::new(false);
    let is_reading = RwSignal::new(false);
    // A newer choice makes the reading of an older one void.
    let turn = StoredValue::new(0_u32);

    let take = move |file: web_sys::File| {
        turn.update_value(|turn| *turn += 1);
        let mine = turn.get_value();
        is_reading.set(true);
        leptos::task::spawn_local(async move {
            let name = file.name();
            let read = read(&file, max_mib).await;
            if turn.try_get_value() != Some(mine) {
                return;
            }
            is_reading.set(false);
            match read {
                Ok(content) => {
                    if let Some(file_name) = file_name {
                        file_name.set(name.clone());
                    }
                    chosen.set(Some(Chosen { name, n_bytes: content.len() }));
                    error.set(None);
                    text.set(content);
                }
                Err(reason) => {
                    chosen.set(None);
                    text.set(String::new());
                    error.set(Some(reason));
                }
            }
        });
    };
    let remove = move || {
        turn.update_value(|turn| *turn += 1);
        chosen.set(None);
        error.set(None);
        text.set(String::new());
        if let Some(input) = node.get_untracked() {
            input.set_value("");
            drop(input.focus());
        }
    };
    // What was chosen before hydration is there, but nobody was listening.
    effect(move || {
        if let Some(file) = node.get().and_then(|input| first(input.files())) {
            take(file);
        }
    });
    let described_by = format!("{} {}", error_id(&id), help_id(&id));
    view! {
        <div
            class="file-input"
            data-over=move || is_over.get()
            data-filled=move || chosen.with(Option::is_some)
            on:dragover=move |event: ev::DragEvent| {
                event.prevent_default();
                is_over.set(true);
            }
            on:dragleave=move |_| is_over.set(false)
            on:drop=move |event: ev::DragEvent| {
                event.prevent_default();
                is_over.set(false);
                if let Some(file) = event.data_transfer().and_then(|data| first(data.files())) {
                    take(file);
                }
            }
        >
            <Icon name="file-text"/>
            <span class="file-words">
                {move || match chosen.get() {
                    _ if is_reading.get() => view! { <span>"Reading the file…"</span> }.into_any(),
                    Some(file) => {
                        view! {
                            <strong>{file.name}</strong>
                            <span class="muted">{words::size(file.n_bytes)}</span>
                        }
                            .into_any()
                    }
                    None => {
                        view! {
                            <span>"Choose a text file, or drop it here"</span>
                            <span class="muted">{format!("UTF-8 or UTF-16, at most {max_mib} MiB")}</span>
                        }
                            .into_any()
                    }
                }}
            </span>
            <input
                node_ref=node
                type="file"
                id=id
                accept="text/*,.txt,.md,.markdown,.csv,.tsv,.json,.jsonl,.log,.xml,.html,.yaml,.yml"
                aria-describedby=described_by
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                on:change=move |_| {
                    if let Some(file) = node.get_untracked().and_then(|input| first(input.files())) {
                        take(file);
                    }
                }
            />
            <Show when=move || chosen.with(Option::is_some)>
                <Button size=Size::Sm variant=Variant::Quiet on_click=move |()| remove()>"Remove"</Button>
            </Show>
        </div>
    }
}

fn first(files: Option<web_sys::FileList>) -> Option<web_sys::File> {
    files?.get(0)
}

async fn read(file: &web_sys::File, max_mib: usize) -> Result<String, String> {
    let name = file.name();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the size of a file is a whole number")]
    let n_bytes = file.size() as usize;
    if n_bytes > max_mib * MIB {
        return Err(format!(
            "“{name}” has {}, and at most {max_mib} MiB are taken. Split it, or choose a smaller file.",
            words::size(n_bytes)
        ));
    }
    let unreadable = || format!("“{name}” could not be read. It may have been moved or changed: choose it again.");
    let buffer = JsFuture::from(file.array_buffer()).await.map_err(|_| unreadable())?;
    let buffer = buffer.dyn_into::<js_sys::ArrayBuffer>().map_err(|_| unreadable())?;
    decode(&js_sys::Uint8Array::new(&buffer).to_vec(), &name)
}

/// Strictly: a silently replaced letter would be a wrong text.
fn decode(bytes: &[u8], name: &str) -> Result<String, String> {
    if bytes.is_empty() {
        return Err(format!("“{name}” is empty. Choose a file with text in it."));
    }
    let not_text = || {
        format!(
            "“{name}” is not text in UTF-8 or UTF-16. If it is a text, save it again with the encoding UTF-8; of other documents, such as PDF or Word, copy the text into a text file."
        )
    };
    let text = encoding::text(bytes).map_err(|_| not_text())?;
    if text.contains('\0') {
        return Err(not_text());
    }
    Ok(text.strip_prefix('\u{feff}').map(ToOwned::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_is_taken() {
        assert_eq!(decode("\u{feff}Grüße".as_bytes(), "a"), Ok("Grüße".to_owned()));
        assert_eq!(decode(b"\xff\xfea\0\t\0b\0", "a"), Ok("a\tb".to_owned()));
        for bytes in [&b"\xff\xfe\0\0"[..], b"\xff\xfea", b"caf\xe9", b"a\0b"] {
            assert!(decode(bytes, "a").is_err_and(|reason| reason.contains("not text")));
        }
        assert!(decode(b"", "a").is_err_and(|reason| reason.contains("empty")));
    }
}
