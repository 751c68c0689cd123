//! A part of the step's panel: folded away or not for every step alike, as this device remembers.
//! It must never fold by itself, and opens for whatever leads to a field in it.

use std::collections::BTreeSet;

use leptos::{html, prelude::*};

use super::one_step::OneStep;
use crate::{
    components::{Icon, remember, remembered},
    reactive::effect,
};

const KEY: &str = "step-sections-folded";

/// The names of the parts that are folded away.
#[derive(Clone, Copy)]
pub(in crate::pages::editor) struct Folded(RwSignal<BTreeSet<String>>);

impl Folded {
    pub(in crate::pages::editor) fn provide() {
        let folded = RwSignal::new(BTreeSet::new());
        effect(move || {
            if let Some(names) = remembered(KEY).filter(|names| !names.is_empty()) {
                folded.set(names.split(',').map(str::to_owned).collect());
            }
        });
        provide_context(Self(folded));
    }

    fn set(self, name: &str, is_folded: bool) {
        let is_so = self.0.with_untracked(|names| names.contains(name));
        if is_so != is_folded {
            self.0.update(|names| {
                if is_folded {
                    names.insert(name.to_owned());
                } else {
                    names.remove(name);
                }
            });
            remember(KEY, &self.0.with_untracked(|names| names.iter().cloned().collect::<Vec<_>>().join(",")));
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a component takes its props by value")]
#[component]
pub(super) fn Section(
    one: OneStep,
    name: &'static str,
    /// What stands at its head, where that is not its name.
    #[prop(optional, into)]
    title: Option<Signal<String>>,
    #[prop(optional, into)] id: Option<String>,
    /// Beside the title.
    #[prop(optional, into)]
    aside: ViewFn,
    children: Children,
) -> impl IntoView {
    let folded = expect_context::<Folded>();
    let node = NodeRef::<html::Details>::new();
    let is_open = move || folded.0.with(|names| !names.contains(name));
    let heading = move || title.map_or_else(|| name.to_owned(), |title| title.get());
    view! {
        <section class="panel-section" aria-label=name id=id tabindex="-1" on:focusout=move |_| one.draft.handle.seal()>
            <details
                node_ref=node
                class="section-fold"
                prop:open=is_open
                on:toggle=move |_| {
                    if let Some(details) = node.try_get_untracked().flatten() {
                        folded.set(name, !details.open());
                    }
                }
            >
                <summary>
                    <Icon name="chevron-right"/>
                    <h3>{heading}</h3>
                    {aside.run()}
                </summary>
                <div class="section-body">{children()}</div>
            </details>
        </section>
    }
}
