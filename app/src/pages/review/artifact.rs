//! One artifact with its content, shown by its type. Everything an agent wrote is untrusted: text is text, Markdown is sanitised.

use leptos::prelude::*;
use serde_json::Value;
use workflow::{
    ArtifactId, RunId,
    api::{ArtifactView, Encoding},
    status::Origin,
    view::ArtifactMeta,
};

use crate::{
    api,
    components::{CodeView, CopyButton, Icon, JsonTree, Markdown, Skeleton, SkeletonKind},
    load::PartFailed,
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

#[expect(clippy::needless_pass_by_value, reason = "a component takes its props by value")]
#[component]
pub(in crate::pages) fn Artifact(run: RunId, artifact: ArtifactMeta) -> impl IntoView {
    let id = artifact.id;
    let content = Resource::new(|| (), move |()| api::get_artifact(run, id));
    let title = format!("{} · {}", artifact.name, facts(&artifact));
    view! {
        <Transition fallback=|| view! { <Skeleton kind=SkeletonKind::Row/> }>
            {move || {
                let title = title.clone();
                Suspend::new(async move {
                    match content.await {
                        Ok(artifact) => view! { <Content run id title artifact/> }.into_any(),
                        Err(error) => view! { <PartFailed error on_retry=move |()| content.refetch()/> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}

#[component]
fn Content(run: RunId, id: ArtifactId, title: String, artifact: ArtifactView) -> impl IntoView {
    let download = format!("/api/workflows/runs/{run}/artifacts/{id}?download");
    let text = text_of(&artifact);
    let is_text = artifact.encoding != Encoding::Base64;
    let body = match artifact.encoding {
        Encoding::Json => view! { <JsonTree value=artifact.content.clone()/> }.into_any(),
        Encoding::Text if artifact.meta.media_type.starts_with("text/markdown") => {
            view! { <Markdown text=text.clone()/> }.into_any()
        }
        Encoding::Text => {
            let text = text.clone();
            let is_prose = text.lines().all(|line| line.len() < 4_000) && !artifact.meta.media_type.contains("code");
            if is_prose && text.len() < 200_000 {
                view! { <div class="streaming">{text}</div> }.into_any()
            } else {
                view! { <CodeView text=text title=title.clone() wrap=true/> }.into_any()
            }
        }
        Encoding::Base64 => {
            let media_type = artifact.meta.media_type.clone();
            view! { <p class="muted small">"A file of the type " <code>{media_type}</code> ": download it to look at it"</p> }.into_any()
        }
    };
    view! {
        <article class="artifact" data-artifact=id.to_string()>
            <div class="content-bar">
                <span class="truncate">{title}</span>
                {is_text.then(|| view! { <CopyButton text=text/> })}
                <a class="btn icon-btn" data-variant="quiet" data-size="sm" href=download download data-tip="Download" aria-label="Download">
                    <Icon name="download"/>
                </a>
            </div>
            {body}
        </article>
    }
}

/// The content as one text, to copy and to compare.
pub(in crate::pages) fn text_of(artifact: &ArtifactView) -> String {
    match (&artifact.encoding, &artifact.content) {
        (Encoding::Text | Encoding::Base64, Value::String(text)) => text.clone(),
        (_, value) => serde_json::to_string_pretty(value).unwrap_or_default(),
    }
}
