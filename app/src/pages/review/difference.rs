//! Two artifacts as a difference of their texts.

use leptos::prelude::*;
use workflow::{ArtifactId, RunId};

use super::artifact::text_of;
use crate::{
    api,
    components::{Diff, Skeleton, SkeletonKind},
    load::PartFailed,
};

/// Two artifacts, of one run or of two, as a difference of their texts.
#[component]
pub(in crate::pages) fn Difference(
    left: (RunId, ArtifactId),
    right: (RunId, ArtifactId),
    title: String,
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
                        Ok((before, after)) => view! { <Diff before=text_of(&before) after=text_of(&after) title/> }.into_any(),
                        Err(error) => view! { <PartFailed error on_retry=move |()| both.refetch()/> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}
