//! Something else is there by now than what is read: says what, with its difference, and leads there.
//! Must never put it in the place of what is read: nobody decides about what they have not seen.

use leptos::prelude::*;
use workflow::{api::GateReading, view::ArtifactMeta};

use super::versions::change;
use crate::{
    components::{Banner, Button, Kind, Size, Variant},
    pages::{inbox::decide::desk::Desk, review::artifact::made_by},
    words,
};

#[component]
pub(super) fn Newer(desk: Desk) -> impl IntoView {
    move || {
        let now = desk.newer()?;
        let seen = desk.reading_now()?;
        let action = move || {
            view! {
                <Button variant=Variant::Primary size=Size::Sm on_click=move |()| desk.take_newer()>
                    "Read what is there now"
                </Button>
            }
        };
        let (words, differences) = (what_changed(&seen, &now), differences(&seen, &now));
        Some(view! {
            <div class="stack">
                <Banner kind=Kind::Warn title="It changed while you were reading" action>{words}</Banner>
                {differences}
            </div>
        })
    }
}

fn differences(seen: &GateReading, now: &GateReading) -> AnyView {
    let run = now.item.run_id;
    changed(seen, now)
        .into_iter()
        .filter_map(|(before, now)| before.map(|before| change(run, before, now)))
        .collect_view()
        .into_any()
}

/// The outputs that are other ones now, each with what it was.
fn changed<'a>(seen: &'a GateReading, now: &'a GateReading) -> Vec<(Option<&'a ArtifactMeta>, &'a ArtifactMeta)> {
    let before = |now: &ArtifactMeta| seen.outputs.iter().find(|seen| seen.name == now.name);
    let pairs = now.outputs.iter().map(|now| (before(now), now));
    pairs.filter(|(before, now)| before.is_none_or(|before| before.id != now.id)).collect()
}

/// "summary is v3 now, edited by anna@example.org. Nothing was decided yet."
fn what_changed(seen: &GateReading, now: &GateReading) -> String {
    let outputs: Vec<String> = changed(seen, now)
        .into_iter()
        .map(|(_, now)| {
            let by = made_by(now);
            let by = if by.is_empty() { String::new() } else { format!(", {by}") };
            format!("{} is v{} now{by}", now.name, now.version)
        })
        .collect();
    let what = match (outputs.is_empty(), seen.item.generation == now.item.generation) {
        (false, _) => words::list(&outputs, 3),
        (true, false) => "The step was done again".to_owned(),
        (true, true) => "The review was opened anew".to_owned(),
    };
    format!("{what}. You have decided nothing yet: look at it first.")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reading(generation: i32, outputs: &Value) -> GateReading {
        serde_json::from_value(json!({
            "item": {
                "run_id": uuid::Uuid::nil(), "step": "draft", "title": "Draft", "template_id": uuid::Uuid::nil(),
                "template_name": "T", "about": null, "owner": "a@b.c", "generation": generation, "number": 1,
                "is_form": false, "round": 0, "max_rounds": 3, "opened_at": "2026-01-01T00:00:00Z", "due_at": null,
                "on_timeout": "fail", "quorum": 1, "votes": [], "n_asked": null, "groups": []
            },
            "outputs": outputs, "previous": [], "sources": [], "content_hash": "x", "feedback": null,
            "may": {"approve": true, "edit": true, "reject": true, "why_not": null}
        }))
        .unwrap()
    }

    fn output(version: i32, by: Option<&str>) -> Value {
        json!([{
            "id": format!("00000000-0000-0000-0000-{version:012}"), "producing_step_id": "draft", "name": "text",
            "version": version, "is_latest": true, "content_hash": "x", "media_type": "text/plain", "size": 1,
            "origin": if by.is_some() { "human_edit" } else { "agent" }, "attempt": 2, "parent": null, "made_by": by,
            "created_at": "2026-01-01T00:00:00Z"
        }])
    }

    #[test]
    fn a_stale_approval_says_what_changed() {
        let seen = reading(1, &output(1, None));
        let words = |now: &GateReading| what_changed(&seen, now);
        let end = ". You have decided nothing yet: look at it first.";
        assert_eq!(
            words(&reading(1, &output(2, Some("anna@b.c")))),
            format!("text is v2 now, edited by anna@b.c{end}")
        );
        assert_eq!(words(&reading(2, &output(3, None))), format!("text is v3 now, attempt 2{end}"));
        assert_eq!(words(&reading(2, &output(1, None))), format!("The step was done again{end}"));
        assert!(changed(&seen, &reading(1, &output(1, None))).is_empty());
    }
}
