//! /design: every component in every state, on one page; the place to look before building something new.
//! Also what the render test reads: it must show each component, and hold no real data.

pub mod actions;
pub mod content;
pub mod data;
pub mod inputs;
pub mod overlays;
pub mod run;
mod specimen;
pub mod states;

use leptos::prelude::*;

use crate::components::{Segment, Segmented};

#[component]
pub fn DesignPage() -> impl IntoView {
    let theme = RwSignal::new("system".to_owned());
    let themes = vec![
        Segment::new("system", "System").with_icon("monitor"),
        Segment::new("light", "Light").with_icon("sun"),
        Segment::new("dark", "Dark").with_icon("moon"),
    ];
    view! {
        <div class="page" data-theme=move || theme.get()>
            <header class="page-head">
                <h1>"Design system"</h1>
                <p>"Every component in every state"</p>
                <div class="page-actions">
                    <Segmented name="design-theme" label="Theme" value=theme segments=themes/>
                </div>
            </header>
            <actions::Actions/>
            <inputs::Inputs/>
            <data::Data/>
            <overlays::Overlays/>
            <content::Content/>
            <states::States/>
            <run::RunParts/>
        </div>
    }
}
