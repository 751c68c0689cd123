//! The questions before many are decided: how many of which workflows, and what is sent back with which words.

use leptos::prelude::*;
use workflow::api::{DecideMany, Decision, InboxItem};

use super::{many::Bulk, told::by_workflow};
use crate::{
    components::{Banner, Button, Dialog, Kind, Size, Variant},
    pages::review::{
        failures::VerbError,
        reasons::{RejectFields, read_reason},
        rounds::Rounds,
    },
    reactive::effect,
    words,
};

impl Bulk {
    /// What is decided: exactly what was shown.
    fn send(self, decision: Decision, feedback: Option<String>) {
        self.sent.set_value(decision);
        let gates = untrack(|| self.shown.ready()).into_iter().map(|(_, gate)| gate).collect();
        self.press.send(DecideMany { decision, feedback, gates });
    }

    /// "10 of “Blog post” and 2 of “Contract”. 1 is a form: it wants an answer of its own." Follows it.
    fn question(self) -> String {
        let items: Vec<InboxItem> = self.shown.ready().into_iter().map(|(item, _)| item).collect();
        let notes = self.shown.notes().map(|notes| format!(" {notes}")).unwrap_or_default();
        format!("{}.{notes}", by_workflow(&items))
    }

    fn n_ready(self) -> usize {
        self.shown.ready().len()
    }

    /// Those that one more rejection fails.
    fn n_last(self) -> usize {
        let is_last = |item: &InboxItem| Rounds { used: item.round, most: item.max_rounds }.are_used_up();
        self.shown.ready().iter().filter(|(item, _)| is_last(item)).count()
    }
}

#[component]
pub(super) fn ApproveAll(bulk: Bulk) -> impl IntoView {
    let open = bulk.approving;
    clear_when_opened(bulk, open);
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="check"
                loading=bulk.press.pending()
                disabled=Signal::derive(move || bulk.n_ready() == 0)
                on_click=move |()| bulk.send(Decision::Approve, None)
            >
                {move || format!("Approve {}", bulk.n_ready())}
            </Button>
        }
    };
    view! {
        <Dialog
            id="approve-many"
            open
            size=Size::Sm
            title=Signal::derive(move || format!("Approve {}?", words::count(bulk.n_ready(), "review")))
            description=Signal::derive(move || bulk.question())
            actions=actions
        >
            <VerbError error=bulk.press.error/>
            <p>"Each is approved as it was shown in its row. What has changed since is left, and named."</p>
        </Dialog>
    }
}

#[component]
pub(super) fn RejectAll(bulk: Bulk) -> impl IntoView {
    let open = bulk.rejecting;
    clear_when_opened(bulk, open);
    let fault = RwSignal::new(None::<String>);
    let text = bulk.text;
    let send = move || {
        if let Some(reason) = read_reason(text, fault) {
            bulk.send(Decision::Reject, Some(reason));
        }
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="undo-2"
                loading=bulk.press.pending()
                disabled=Signal::derive(move || bulk.n_ready() == 0)
                on_click=move |()| send()
            >
                {move || format!("Reject {}", bulk.n_ready())}
            </Button>
        }
    };
    view! {
        <Dialog
            id="reject-many"
            open
            title=Signal::derive(move || format!("Reject {}?", words::count(bulk.n_ready(), "review")))
            description=Signal::derive(move || bulk.question())
            actions=actions
        >
            <div class="stack" data-gap="3">
                <VerbError error=bulk.press.error/>
                <Show when=move || { bulk.n_last() > 0 }>
                    <Banner kind=Kind::Warn>
                        {move || format!("No round is left for {} of them: rejecting fails the step.", bulk.n_last())}
                    </Banner>
                </Show>
                <RejectFields id="reject-many-feedback" text fault/>
            </div>
        </Dialog>
    }
}

fn clear_when_opened(bulk: Bulk, open: RwSignal<bool>) {
    effect(move || {
        if open.get() {
            bulk.press.clear();
        }
    });
}
