//! What arranges things on the canvas, in its menus: select along lines, align, colour, group. Where there is much to choose from, an item
//! leads to a menu of its own.

use canvas::{Alignment, Axis, Way, Written};
use leptos::prelude::*;
use workflow::definition::Colour;

use super::draft::Draft;
use crate::components::{ContextMenu, MenuItem, MenuLine};

/// A menu that an item of another one leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Further {
    Align,
    /// Of the selected steps and notes.
    Colour,
    /// Of a group, by its id.
    GroupColour(String),
}

/// Which one was asked for, and where in the window.
#[derive(Clone, Copy)]
pub(super) struct Leading {
    pub open: RwSignal<Option<(Further, (f64, f64))>>,
    pub at: (f64, f64),
}

impl Leading {
    fn to(self, further: Further) {
        self.open.set(Some((further, self.at)));
    }
}

/// Shows the menu that was led to.
#[component]
pub(super) fn FurtherMenu(draft: Draft, open: RwSignal<Option<(Further, (f64, f64))>>) -> impl IntoView {
    move || {
        open.get().map(|(further, at)| {
            let label = match &further {
                Further::Align => "Align and distribute",
                Further::Colour => "Colour",
                Further::GroupColour(_) => "Colour of the group",
            };
            view! {
                <ContextMenu label at on_close=move |()| open.set(None)>
                    {match further {
                        Further::Align => view! { <Aligning draft/> }.into_any(),
                        Further::Colour => {
                            let choose = move |colour| draft.handle.colour_selected(colour);
                            view! { <Colours on_choose=choose/> }.into_any()
                        }
                        Further::GroupColour(id) => {
                            let choose = move |colour| draft.handle.colour_group(&id, colour);
                            view! { <Colours on_choose=choose/> }.into_any()
                        }
                    }}
                </ContextMenu>
            }
        })
    }
}

#[component]
fn Aligning(draft: Draft) -> impl IntoView {
    let handle = draft.handle;
    let aligned = Alignment::ALL.into_iter().map(|alignment| {
        view! { <MenuItem on_select=move |()| handle.align(alignment)>{alignment.words()}</MenuItem> }
    });
    let few = handle.selection().with_untracked(|keys| keys.len() < 3);
    let refusal = Signal::stored(few.then(|| "Select at least 3 steps first".to_owned()));
    let distributed = Axis::ALL.into_iter().map(move |axis| {
        view! { <MenuItem refusal on_select=move |()| handle.distribute(axis)>{axis.words()}</MenuItem> }
    });
    view! {
        {aligned.collect_view()}
        <MenuLine/>
        {distributed.collect_view()}
    }
}

/// The fixed palette, each with its name.
#[component]
pub(super) fn Colours(#[prop(into)] on_choose: Callback<Option<Colour>>) -> impl IntoView {
    let item = move |colour: Option<Colour>| {
        let (name, words) = colour.map_or(("none", "No colour"), |colour| (colour.as_str(), colour.words()));
        view! {
            <MenuItem on_select=move |()| on_choose.run(colour)>
                <span class="swatch" data-colour=name aria-hidden="true"></span>
                {words}
            </MenuItem>
        }
    };
    let all = std::iter::once(None).chain(Colour::ALL.into_iter().map(Some));
    all.map(item).collect_view()
}

/// How large a note is, for whoever uses no pointer. Answers with whether it is to be larger.
#[component]
pub(super) fn Sizes(#[prop(into)] on_choose: Callback<bool>) -> impl IntoView {
    view! {
        <MenuItem icon="zoom-in" on_select=move |()| on_choose.run(true)>"Larger"</MenuItem>
        <MenuItem icon="zoom-out" on_select=move |()| on_choose.run(false)>"Smaller"</MenuItem>
    }
}

#[component]
pub(super) fn Along(draft: Draft, #[prop(optional, into)] refusal: Signal<Option<String>>) -> impl IntoView {
    let handle = draft.handle;
    view! {
        <MenuItem icon="arrow-left" keys="U" refusal on_select=move |()| handle.select_along(Way::Upstream)>
            "Select everything before"
        </MenuItem>
        <MenuItem icon="arrow-right" keys="D" refusal on_select=move |()| handle.select_along(Way::Downstream)>
            "Select everything after"
        </MenuItem>
    }
}

#[component]
pub(super) fn AlignItem(leading: Leading) -> impl IntoView {
    view! {
        <MenuItem icon="grid-3x3" on_select=move |()| leading.to(Further::Align)>"Align and distribute…"</MenuItem>
    }
}

#[component]
pub(super) fn ColourItem(leading: Leading) -> impl IntoView {
    view! { <MenuItem icon="circle-dot" on_select=move |()| leading.to(Further::Colour)>"Colour…"</MenuItem> }
}

/// What is done with groups: of the selected steps, and of the group that all of them are in.
#[component]
pub(super) fn Grouping(draft: Draft, leading: Leading) -> impl IntoView {
    let handle = draft.handle;
    let of_group = handle.group_of_selection().map(|id| {
        let is_collapsed = handle.collapsed().with_untracked(|ids| ids.contains(&id));
        let id = StoredValue::new(id);
        let toggle = move |()| {
            handle.toggle_collapsed(&id.get_value());
            handle.take_focus();
        };
        view! {
            <MenuItem icon="pencil" on_select=move |()| handle.writing().set(Some(Written::Group(id.get_value())))>
                "Rename the group"
            </MenuItem>
            <MenuItem icon="circle-dot" on_select=move |()| leading.to(Further::GroupColour(id.get_value()))>
                "Colour of the group…"
            </MenuItem>
            <MenuItem icon="layers" on_select=toggle>
                {if is_collapsed { "Expand the group" } else { "Collapse the group" }}
            </MenuItem>
            <MenuItem icon="split" keys="Shift G" on_select=move |()| handle.ungroup_selected()>"Ungroup"</MenuItem>
        }
    });
    view! {
        <MenuItem icon="layers" keys="G" on_select=move |()| handle.group_selected()>"Group"</MenuItem>
        {of_group}
    }
}
