//! The dialog of search and replace. What is in it is fetched when it is first opened.

use leptos::prelude::*;

use super::{parts, replacing::Replacing};
use crate::{
    behind::Later,
    components::{Dialog, Size},
};

#[component]
pub(super) fn ReplaceDialog(replacing: Replacing) -> impl IntoView {
    view! {
        <Dialog
            id="replace"
            open=replacing.open
            title="Search and replace"
            description="In the titles, prompts and constants of this draft"
            size=Size::Lg
        >
            <Later part=parts::replace of=()/>
        </Dialog>
    }
}
