//! Two artifacts as a difference: of values the places that are others first, then line by line.

use leptos::prelude::*;
use serde_json::Value;
use workflow::{
    ArtifactId, RunId,
    api::{ArtifactView, Encoding},
    difference::{MOST, of_values},
};

use super::artifact::text_of;
use crate::{
    api,
    components::{Diff, Skeleton, SkeletonKind, difference_row},
    load::PartFailed,
};

/// Two artifacts, of one run or of two, as a difference of their texts.
#[component]
pub(in crate::pages) fn Difference(
    left: (RunId, ArtifactId),
    right: (RunId, ArtifactId),
    title: String,
    /// What was before stands on the left of what is now.
    #[prop(optional)]
    beside: bool,
) -> impl IntoView {
    let both = Resource::new(
        || (),
        move |()| async move {
            let before = api::get_artifact(left.0, left.1).await?;
            Ok::<_, crate::error::AppError>((before, api::get_artifact(right.0, right.1).await?))
        },
    );
    view! {
        <Transition fallback=|| view! { <Skeleton kind=SkeletonKind::Row/> }>
            {move || {
                let title = title.clone();
                Suspend::new(async move {
                    match both.await {
                        Ok((before, after)) if [&before, &after].map(is_no_text).contains(&true) => view! {
                            <p class="muted small">"A file that is no text cannot be compared here: download both to look at them"</p>
                        }
                        .into_any(),
                        Ok((before, after)) => view! {
                            {places(&before, &after)}
                            <Diff before=compared(&before) after=compared(&after) title beside/>
                        }
                        .into_any(),
                        Err(error) => view! { <PartFailed error on_retry=move |()| both.refetch()/> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}

/// Lines of its bytes would tell nobody anything.
fn is_no_text(artifact: &ArtifactView) -> bool {
    artifact.encoding == Encoding::Base64
}

/// What differs between two values, by its place; nothing of texts.
fn places(before: &ArtifactView, after: &ArtifactView) -> Option<AnyView> {
    if (&before.encoding, &after.encoding) != (&Encoding::Json, &Encoding::Json) {
        return None;
    }
    let found = of_values(&before.content, &after.content);
    let cut = (found.len() >= MOST)
        .then(|| view! { <p class="muted small">{format!("These are the first {MOST} of them")}</p> });
    (!found.is_empty()).then(|| {
        view! {
            <section aria-label="What differs">
                <dl class="facts small">{found.into_iter().map(difference_row).collect_view()}</dl>
                {cut}
            </section>
        }
        .into_any()
    })
}

/// As it is compared: of a value what it holds counts, and not the order of its keys.
fn compared(artifact: &ArtifactView) -> String {
    match artifact.encoding {
        Encoding::Json => serde_json::to_string_pretty(&in_order(&artifact.content)).unwrap_or_default(),
        Encoding::Text | Encoding::Base64 => text_of(artifact),
    }
}

/// The same value with the keys of its objects in order.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), in_order(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(in_order).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::in_order;

    #[test]
    fn the_order_of_keys_is_no_difference() {
        let [one, other] = [json!({"b": [{"d": 1, "c": 2}], "a": null}), json!({"a": null, "b": [{"c": 2, "d": 1}]})];
        let text = |value| serde_json::to_string(&in_order(value)).unwrap();
        assert_eq!(text(&one), r#"{"a":null,"b":[{"c":2,"d":1}]}"#);
        assert_eq!(text(&one), text(&other));
    }
}
