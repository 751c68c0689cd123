//! Reviews that somebody gave to another, as a row: who decides for whom, on which days, and the means to end it.
//! For one's own account and for the people page; it must never decide who may end it.

use leptos::prelude::*;
use workflow::{api::DelegationView, id::DelegationId};

use crate::{
    components::{Badge, Button, Icon, Size, Tone},
    error::AppError,
};

/// Answers with the one that was ended.
pub(super) type End = Action<DelegationId, Result<DelegationId, AppError>>;

/// What ends one, in a word, and for those who hear it what that is.
pub(super) struct Ending {
    pub(super) word: &'static str,
    pub(super) of_what: String,
    pub(super) end: End,
}

pub(super) fn row(
    one: &DelegationView,
    title: String,
    state: Option<(&'static str, Tone)>,
    ending: Option<Ending>,
) -> AnyView {
    let id = one.id;
    let days = days(one);
    let button = ending.map(|Ending { word, of_what, end }| {
        view! {
            <Button
                size=Size::Sm
                disabled=end.pending()
                on_click=move |()| {
                    end.dispatch(id);
                }
            >
                {word}
                " "
                <span class="visually-hidden">{of_what}</span>
            </Button>
        }
    });
    view! {
        <li class="plain-row">
            <Icon name="users"/>
            <div class="list-main">
                <strong class="truncate"><bdi>{title}</bdi></strong>
                <div class="list-sub">
                    <span>{days}</span>
                    {state.map(|(words, tone)| view! { <Badge tone>{words}</Badge> })}
                </div>
            </div>
            {button}
        </li>
    }
    .into_any()
}

/// "from 1 Dec 2026 to 5 Dec 2026", or the one day.
pub(super) fn days(one: &DelegationView) -> String {
    let day = |day: chrono::NaiveDate| day.format("%-d %b %Y").to_string();
    if one.from_day == one.to_day {
        format!("on {}", day(one.from_day))
    } else {
        format!("from {} to {}", day(one.from_day), day(one.to_day))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_day_is_told_as_one() {
        let told = |to_day: &str| {
            let one = json!({"id": uuid::Uuid::nil(), "principal": "a@b.c", "delegate": "b@b.c", "from_day": "2026-12-01",
                "to_day": to_day, "zone": "UTC", "starts_at": "2026-12-01T00:00:00Z", "ends_at": "2026-12-02T00:00:00Z",
                "created_at": "2026-11-01T00:00:00Z", "lasts": false});
            days(&serde_json::from_value(one).unwrap())
        };
        assert_eq!(told("2026-12-01"), "on 1 Dec 2026");
        assert_eq!(told("2026-12-05"), "from 1 Dec 2026 to 5 Dec 2026");
    }
}
