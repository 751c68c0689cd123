//! A page about the published workflow that its address names: what stands there until it has come, and where there is none.
//! Must never tell one that is not there from one that is not theirs.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use workflow::{TemplateId, api::PublishedTemplate};

use super::NotFound;
use crate::{api, load::refetch_after_sign_in, page_failed::PageFailed, reactive::memo};

pub(super) fn published(loading: fn() -> AnyView, draw: fn(PublishedTemplate) -> AnyView) -> impl IntoView {
    let params = use_params_map();
    let id = memo(move || params.with(|params| params.get("template_id")?.parse::<TemplateId>().ok()));
    let template = Resource::new(
        move || id.get(),
        |id| async move {
            match id {
                Some(id) => api::get_published(id).await.map(Some),
                None => Ok(None),
            }
        },
    );
    refetch_after_sign_in(template, Result::is_err);
    view! {
        <Transition fallback=loading>
            {move || Suspend::new(async move {
                match template.await {
                    Ok(Some(template)) => draw(template),
                    Ok(None) => view! { <NotFound/> }.into_any(),
                    Err(error) => {
                        view! { <PageFailed error on_retry=move |()| template.refetch()/> }.into_any()
                    }
                }
            })}
        </Transition>
    }
}
