//! The reading pane: what is decided about, its difference to the version before, and the sources it came from, with the way to decide.
//! Its program is fetched beside the list. Must never decide by itself, nor lose what somebody typed.

mod binding;
mod gate;
mod gone;
mod head;
mod newer;
mod sources;
mod versions;

use leptos::prelude::*;
use leptos_use::use_document_visibility;
use web_sys::VisibilityState;
use workflow::{StepKey, api::Place};

use self::{gate::Gate, gone::Gone};
use super::{
    decide::desk::{Desk, Stage},
    state::Inbox,
};
use crate::{
    behind::Later,
    components::{Empty, RowsSkeleton},
    later::{View, later},
    load::PartFailed,
    presence,
};

later! {
    pane: pane, View<Inbox>, |inbox| view! { <Pane inbox/> }.into_any();
}

/// Where the chosen one is read and decided.
#[component]
pub(super) fn ReadingPane(inbox: Inbox) -> impl IntoView {
    view! {
        <section class="inbox-pane" aria-label="The review that is read">
            <Later part=pane of=inbox/>
        </section>
    }
}

#[component]
fn Pane(inbox: Inbox) -> impl IntoView {
    let desk = Desk::new(inbox);
    let stage = desk.stage();
    let visibility = use_document_visibility();
    // Nobody looks at what is still on its way, nor from a tab in the background.
    let read = move || match stage.get() {
        Stage::Reading(sight) if visibility.get() != VisibilityState::Hidden => Some(sight.gate),
        _ => None,
    };
    let company = presence::be_at(
        move || read().map(|gate| Place::Run(gate.run_id)),
        move || read().into_iter().map(|gate| gate.step).collect::<Vec<StepKey>>(),
    );
    move || {
        match stage.get() {
        Stage::Nothing => view! {
            <Empty icon="inbox" title="Nothing is chosen" text="Choose a review in the list to read it here and decide"/>
        }
        .into_any(),
        Stage::Loading => view! { <RowsSkeleton n=4/> }.into_any(),
        Stage::Gone(item) => view! { <Gone desk item=*item/> }.into_any(),
        Stage::Failed(error) => view! { <PartFailed error on_retry=move |()| desk.try_again()/> }.into_any(),
        Stage::Reading(sight) => view! { <Gate desk sight company/> }.into_any(),
    }
    }
}
