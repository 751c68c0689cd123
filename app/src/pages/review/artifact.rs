//! One artifact with its content, shown by its type. Everything an agent wrote is untrusted: text is text, Markdown is sanitised.
//! Of a long one the beginning comes with the page, and the rest is asked for when somebody wants it: it must never come unasked.

use std::sync::Arc;

use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;
use workflow::{
    RunId,
    api::{ArtifactBeginning, ArtifactView, Encoding},
    status::Origin,
    view::ArtifactMeta,
};

use super::brought::beginning;
use crate::{
    api,
    components::{CodeView, CopyButton, Icon, JsonTree, Markdown, MoreRows, Skeleton, SkeletonKind},
    error::AppError,
    load::PartFailed,
    session::use_session,
    words,
};

/// "v2 · latest · 1.2 KiB".
pub(in crate::pages) fn facts(artifact: &ArtifactMeta) -> String {
    let latest = if artifact.is_latest { " · latest" } else { "" };
    format!("v{}{latest} · {}", artifact.version, words::size(artifact.size))
}

/// Who or what wrote a version.
pub(in crate::pages) fn made_by(artifact: &ArtifactMeta) -> String {
    let who = |verb: &str| match &artifact.made_by {
        Some(email) => format!("{verb} by {email}"),
        None => format!("{verb} by a person"),
    };
    match artifact.origin {
        Origin::Agent => artifact.attempt.map(|n| format!("attempt {n}")).unwrap_or_default(),
        Origin::HumanEdit => who("edited"),
        Origin::Import => artifact.made_by.as_ref().map_or_else(|| "imported".to_owned(), |_| who("brought")),
    }
}

#[component]
pub(in crate::pages) fn Artifact(run: RunId, artifact: ArtifactMeta) -> impl IntoView {
    let id = artifact.id;
    let content = beginning(run, id);
    view! {
        <Transition fallback=|| view! { <Skeleton kind=SkeletonKind::Row/> }>
            {move || {
                let artifact = artifact.clone();
                Suspend::new(async move {
                    match content.await {
                        Ok(beginning) => view! { <Content run artifact beginning/> }.into_any(),
                        Err(error) => view! { <PartFailed error on_retry=move |()| content.refetch()/> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}

/// What is shown of it.
#[derive(Clone)]
struct Shown {
    encoding: Encoding,
    content: Arc<Value>,
    is_whole: bool,
    /// Somebody wanted all of it.
    is_asked: bool,
}

#[component]
fn Content(run: RunId, artifact: ArtifactMeta, beginning: ArtifactBeginning) -> impl IntoView {
    let id = artifact.id;
    let title = format!("{} · {}", artifact.name, facts(&artifact));
    let ArtifactBeginning { encoding, content, is_whole } = beginning;
    let shown = RwSignal::new(Shown { encoding, content: Arc::new(content), is_whole, is_asked: false });
    let is_coming = RwSignal::new(false);
    let error = RwSignal::new(None::<AppError>);
    let session = use_session();
    let load = move || {
        if is_coming.get_untracked() {
            return;
        }
        is_coming.set(true);
        error.set(None);
        spawn_local(async move {
            match api::get_artifact(run, id).await {
                Ok(ArtifactView { encoding, content, .. }) => {
                    shown.try_set(Shown { encoding, content: Arc::new(content), is_whole: true, is_asked: true });
                }
                Err(refused) => {
                    session.note(&refused);
                    error.try_set(Some(refused));
                }
            }
            is_coming.try_set(false);
        });
    };
    let all = format!("Show all of it, {}", words::size(artifact.size));
    let download = format!("/api/workflows/runs/{run}/artifacts/{id}?download");
    // Only what is there as a whole is copied, and made a text of only then.
    let text = Signal::derive(move || shown.with(|shown| text_in(shown.encoding, &shown.content)));
    let may_copy = move || shown.with(|shown| shown.is_whole && shown.encoding != Encoding::Base64);
    let is_part = move || shown.with(|shown| (!shown.is_whole).then_some(""));
    let body = {
        let title = title.clone();
        move || shown.with(|shown| body(shown, &artifact.media_type, &title))
    };
    view! {
        <article class="artifact" data-artifact=id.to_string()>
            <div class="content-bar">
                <span class="truncate">{title}</span>
                <Show when=may_copy><CopyButton text/></Show>
                <a class="btn icon-btn" data-variant="quiet" data-size="sm" href=download download data-tip="Download" aria-label="Download">
                    <Icon name="download"/>
                </a>
            </div>
            // It stays: the focus goes here from the button by which all was asked for.
            <div data-row=is_part>{body}</div>
            {move || error.get().map(|error| view! { <PartFailed error on_retry=move |()| load()/> })}
            <MoreRows
                has_more=Signal::derive(move || shown.with(|shown| !shown.is_whole))
                loading=is_coming
                on_more=move |()| load()
                label=all
            />
        </article>
    }
}

/// Letters of a line beyond which a text is no prose.
const LONG_LINE: usize = 4_000;
/// Bytes of prose that is laid out as a whole.
const MOST_PROSE: usize = 200_000;

fn body(shown: &Shown, media_type: &str, title: &str) -> AnyView {
    let is = |kind: &str| media_type.starts_with(kind);
    match (shown.encoding, &*shown.content) {
        (Encoding::Json, _) => view! { <JsonTree value=Arc::clone(&shown.content)/> }.into_any(),
        (Encoding::Text, Value::String(text)) if is("text/markdown") => {
            view! { <Markdown text=text.clone()/> }.into_any()
        }
        (Encoding::Text, Value::String(text)) => {
            let text = text.clone();
            let is_data = is("application/json") || media_type.contains("code");
            if !is_data && text.len() < MOST_PROSE && text.lines().all(|line| line.len() < LONG_LINE) {
                view! { <div class="streaming">{text}</div> }.into_any()
            } else {
                view! { <CodeView text=text title=title.to_owned() wrap=true whole=shown.is_asked part=!shown.is_whole/> }.into_any()
            }
        }
        _ => {
            let media_type = media_type.to_owned();
            view! { <p class="muted small">"A file of the type " <code>{media_type}</code> ": download it to look at it"</p> }.into_any()
        }
    }
}

/// The content as one text, to copy and to compare.
pub(in crate::pages) fn text_of(artifact: &ArtifactView) -> String {
    text_in(artifact.encoding, &artifact.content)
}

fn text_in(encoding: Encoding, content: &Value) -> String {
    match (encoding, content) {
        (Encoding::Text | Encoding::Base64, Value::String(text)) => text.clone(),
        (_, value) => serde_json::to_string_pretty(value).unwrap_or_default(),
    }
}
