//! The key of the step: what mappings, conditions and the API call it by. Everything in the draft follows another one.
//! Must say what does not follow: versions that were published, and whoever reads results by the key.

use leptos::prelude::*;

use super::{
    super::{
        focus::field_id,
        key_field::{KeyField, rename_step},
    },
    one_step::OneStep,
};
use crate::components::CopyId;

#[component]
pub(super) fn Key(one: OneStep) -> impl IntoView {
    let draft = one.draft;
    let key = one.key().to_string();
    let help = Signal::derive(move || {
        let is_known = one.key.with_value(|key| draft.is_known_outside(key));
        if is_known {
            "What mappings and the API call it; they follow in this draft. Published versions keep theirs".to_owned()
        } else {
            "What mappings and the API call it; they follow".to_owned()
        }
    });
    let rename = Callback::new(move |new: String| rename_step(draft, &one.key(), new));
    view! {
        <KeyField id=field_id("key") key=key.clone() help error=one.problem("key") rename/>
        <div class="row small muted">
            <CopyId value=Signal::stored(key) what="step key"/>
        </div>
    }
}
