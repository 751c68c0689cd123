//! The first and the last day of what a list is narrowed to, as its filter asks for them.
//! Must never judge by itself what is wrong with both: whoever sends the filter has to know it too.

use leptos::prelude::*;

use crate::{
    components::{Field, TextInput},
    error::AppError,
    form::at_field,
};

#[component]
pub(super) fn DayFields(
    /// What the ids of both begin with.
    page: &'static str,
    from: RwSignal<String>,
    to: RwSignal<String>,
    /// What is wrong with the two together.
    fault: Memo<Option<String>>,
    refused: Signal<Option<AppError>>,
) -> impl IntoView {
    let fault_of_last = at_field(refused, "to");
    view! {
        <Field id=format!("{page}-from") label="From day (UTC)" error=at_field(refused, "from")>
            <TextInput value=from kind="date"/>
        </Field>
        <Field
            id=format!("{page}-to")
            label="To day (UTC)"
            error=Signal::derive(move || fault.get().or_else(|| fault_of_last.get()))
        >
            <TextInput value=to kind="date"/>
        </Field>
    }
}
