//! In place of the cards while no workflow is published: what there will be, and for admins the way there.

use leptos::prelude::*;

use crate::{
    components::{Empty, LinkButton, Variant},
    session::use_session,
};

#[component]
pub(in crate::pages) fn NoWorkflow() -> impl IntoView {
    if use_session().is_admin() {
        view! {
            <Empty
                icon="workflow"
                framed=true
                level=3
                title="No workflow is published yet"
                text="Draw one on the canvas and publish it: then everybody can start it from here."
            >
                <LinkButton href="/admin/workflows" variant=Variant::Primary icon="plus">
                    "Go to workflows"
                </LinkButton>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <Empty
                icon="workflow"
                framed=true
                level=3
                title="No workflow is published yet"
                text="As soon as an admin publishes one, you can start it from here."
            />
        }
        .into_any()
    }
}
