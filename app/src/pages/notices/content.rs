//! Whether notices say what runs are about: mailboxes and rooms of a chat have readers of their own, so it is asked before it is so.

use leptos::prelude::*;
use workflow::api::{NoticeSettings, SetNoticeSettings};

use super::{answer::Refused, locked_by};
use crate::{
    api,
    components::{Banner, ConfirmDialog, Kind, Switch},
    form::outcome,
    reactive::effect,
};

/// The settings as they are, but for this.
fn with_content(settings: &NoticeSettings, content: bool) -> SetNoticeSettings {
    SetNoticeSettings {
        host: settings.host.clone(),
        port: Some(settings.port),
        tls: settings.tls,
        user: settings.user.clone(),
        password: settings.password.clone(),
        from: settings.from.clone(),
        content,
        expect_revision: settings.revision,
    }
}

#[component]
pub(super) fn Content(known: RwSignal<NoticeSettings>, on_reload: Callback<()>) -> impl IntoView {
    let is_asking = RwSignal::new(false);
    // As it is pressed; it springs back where the question is closed or the change refused.
    let is_on = RwSignal::new(known.with_untracked(|known| known.content));
    let set = Action::new(move |content: &bool| {
        api::set_notice_settings(known.with_untracked(|known| with_content(known, *content)))
    });
    let error = outcome(set, move |settings: NoticeSettings| {
        known.set(settings);
        is_asking.set(false);
    });
    effect(move || {
        let is_settled = !is_asking.get() && !set.pending().get();
        let content = known.with(|known| known.content);
        if is_settled {
            is_on.set(content);
        }
    });
    effect(move || {
        if error.with(Option::is_some) {
            is_asking.set(false);
        }
    });
    let change = move |is_wanted: bool| {
        is_on.set(is_wanted);
        if is_wanted {
            is_asking.set(true);
        } else {
            set.dispatch(false);
        }
    };
    let variable = known.with_untracked(|known| locked_by(known, "content"));
    let is_locked = variable.is_some();
    view! {
        <section class="card" aria-labelledby="notices-say">
            <div class="card-head"><h2 id="notices-say">"What notices say"</h2></div>
            <div class="card-body stack">
                <Refused error on_reload/>
                <div class="setting">
                    <div>
                        <strong>"Titles and a link"</strong>
                        <p class="muted">
                            "The names of the workflow and the step, what happens when, and a link that leads to the sign-in. Whoever has the link alone sees nothing."
                        </p>
                        {variable.map(|variable| view! { <p class="muted">"Set by " <code>{variable}</code> ", and changed there alone."</p> })}
                    </div>
                    <Switch checked=is_on on_change=change label="Send content too" disabled=is_locked/>
                </div>
                <Show when=move || known.with(|known| known.content)>
                    <Banner kind=Kind::Warn title="Notices carry content">
                        "They say what a run is about, who started it, and what was wanted where something was sent back. Whoever reads a mailbox, a room or a program's log reads that too, and Weft cannot take it back."
                    </Banner>
                </Show>
            </div>
        </section>
        <ConfirmDialog
            id="notice-content"
            open=is_asking
            danger=true
            title="Send content too?"
            text="Notices then say what a run is about, who started it, and what was wanted where something was sent back: by mail and to every address, for all workflows. It leaves Weft, and cannot be taken back."
            confirm="Send content too"
            busy=set.pending()
            on_confirm=move |()| {
                set.dispatch(true);
            }
        />
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_else_is_changed() {
        let settings: NoticeSettings = serde_json::from_value(json!({
            "host": "smtp.example.org", "port": 2525, "tls": "implicit", "user": "u", "password": "smtp", "has_password": true,
            "from": "Weft <w@example.org>", "content": false, "base_url": "https://weft.example.org", "locked": [], "revision": 7
        }))
        .unwrap();
        let wanted = serde_json::to_value(with_content(&settings, true)).unwrap();
        let expected = json!({
            "host": "smtp.example.org", "port": 2525, "tls": "implicit", "user": "u", "password": "smtp",
            "from": "Weft <w@example.org>", "content": true, "expect_revision": 7
        });
        assert_eq!(wanted, expected);
    }
}
