//! /inbox: what waits for me across runs, read and decided in place, and what was decided.
//! The address says all that is looked for and read. Must hold no rule: what is mine to decide is the server's to say.

mod asked;
mod bulk;
mod decide;
mod filters;
mod focus;
mod gone;
mod gone_notice;
mod history;
mod keys;
mod list;
mod listed;
mod pane;
mod place;
mod row;
#[cfg(test)]
mod samples;
mod state;
mod ticks;
mod words;

use leptos::prelude::*;

use self::{
    asked::{Asked, Tab as At},
    bulk::BulkBar,
    filters::Filters,
    gone_notice::GoneNotice,
    history::History,
    list::List,
    pane::ReadingPane,
    place::Place,
    state::Inbox,
};
use crate::{
    api,
    components::{Button, RowsSkeleton, Size, Tab, TabPanel, Tabs, Variant},
    load::{Loaded, refetch_after_sign_in},
    reactive::{memo, tie},
    shell::Page,
};

#[component]
pub fn InboxPage() -> impl IntoView {
    let place = Place::new();
    let asked = place.asked();
    let known = memo(move || asked.with(|asked| asked.tab.name().to_owned()));
    let selected = RwSignal::new(known.get_untracked());
    tie(known, selected, move |name: String| {
        // What is read and what is filtered belong to one list.
        place.go(|asked| {
            *asked = Asked { tab: At::parse(&name), is_all: asked.is_all, ..Asked::default() };
        });
    });
    let tabs = vec![Tab::new(At::Awaiting.name(), "Awaiting"), Tab::new(At::History.name(), "History")];
    view! {
        <Page title="Inbox">
            <div class="inbox" data-tab=move || known.get()>
                <div class="inbox-head">
                    <h1 id=focus::TITLE tabindex="-1">"Inbox"</h1>
                    <Tabs id="inbox" label="Inbox" tabs=Signal::stored(tabs) selected/>
                </div>
                <TabPanel tabs="inbox" tab=At::Awaiting.name() selected>
                    <Awaiting place/>
                </TabPanel>
                <TabPanel tabs="inbox" tab=At::History.name() selected>
                    <History place/>
                </TabPanel>
            </div>
        </Page>
    }
}

#[component]
fn Awaiting(place: Place) -> impl IntoView {
    let first =
        Resource::new(|| (), move |()| api::inbox(place.asked().with_untracked(|asked| asked.query(None)), None, None));
    refetch_after_sign_in(first, Result::is_err);
    view! {
        <Loaded of=first fallback=|| view! { <RowsSkeleton n=8 has_search=true/> } let:page>
            <Panes inbox=Inbox::new(place, page)/>
        </Loaded>
    }
}

/// Side by side; where there is no room for both, what is read has the whole page, and a way back.
#[component]
fn Panes(inbox: Inbox) -> impl IntoView {
    keys::listen(inbox);
    focus::keep_focus(move || {
        inbox.list().items.track();
        inbox.place().asked().track();
    });
    let asked = inbox.place().asked();
    let is_reading = memo(move || asked.with(|asked| asked.gate.is_some()));
    let gone = memo(move || {
        let gate = asked.with(|asked| asked.gate.clone())?;
        inbox.read().with(|read| read.as_ref().and_then(|read| read.gone(&gate)).cloned())
    });
    view! {
        <div class="inbox-panes" data-show=move || if is_reading.get() { "pane" } else { "list" }>
            <section class="inbox-side" aria-label="The list">
                <Filters inbox/>
                <List inbox/>
                <BulkBar inbox/>
            </section>
            <div class="inbox-reader" id=focus::PANE role="group" aria-label="Reading" tabindex="-1">
                <div class="inbox-back">
                    <Button size=Size::Sm variant=Variant::Quiet icon="arrow-left" on_click=move |()| inbox.open(None)>
                        "Back to the list"
                    </Button>
                </div>
                {move || gone.get().map(|gone| view! { <GoneNotice inbox gone/> })}
                // It stays, with what was typed there, while something else stands in its place.
                <div hidden=move || gone.with(Option::is_some)>
                    <ReadingPane inbox/>
                </div>
            </div>
        </div>
    }
}
