//! Which groups are collapsed: for one person, in one workflow, on one device. The groups themselves are in the draft.

use leptos::prelude::*;

use super::draft::Draft;
use crate::{
    device,
    reactive::{effect, effect_with},
};

/// Shows them as they were left, and keeps how they are left now.
pub(super) fn follow(draft: Draft) {
    let Some(place) = device::place(&format!("collapsed:{}", draft.id)) else { return };
    let place = StoredValue::new(place);
    let collapsed = draft.handle.collapsed();
    effect(move || {
        let kept = place.with_value(|place| device::read(place));
        if let Some(ids) = kept.and_then(|text| serde_json::from_str::<Vec<String>>(&text).ok()) {
            draft.handle.set_collapsed(ids);
        }
    });
    effect_with(move |before: Option<()>| {
        let ids = collapsed.get();
        if before.is_none() {
            return;
        }
        place.with_value(|place| match serde_json::to_string(&ids) {
            Ok(text) if !ids.is_empty() => {
                // A browser that keeps nothing shows them open the next time.
                let _ = device::write(place, &text);
            }
            _ => device::forget(place),
        });
    });
}
