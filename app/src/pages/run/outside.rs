//! All that an outside agent says of a step, for pages that show the step alone.

use leptos::prelude::*;
use workflow::StepKey;

use super::{
    absent::{self, NoWorker},
    log_fold::CurrentLog,
    one_step::OneStep,
    progress::AttemptProgress,
    state::LiveRun,
};

#[component]
pub(in crate::pages) fn OutsideSays(live: LiveRun, key: StepKey) -> impl IntoView {
    let one = OneStep::new(live, key);
    view! {
        <NoWorker live of=absent::of(one)/>
        <AttemptProgress one/>
        <CurrentLog one/>
    }
}
