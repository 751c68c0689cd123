//! Makes a worker token: its name, the agents that it may offer, and how long. Only this dialog ever shows it.

use std::collections::BTreeMap;

use leptos::prelude::*;
use workflow::api::{CreatedWorkerToken, NewWorkerToken as Wanted};

use crate::{
    api,
    components::{DialogForm, Field, Icon, Select, TextArea, TextInput},
    error::AppError,
    form::{FormError, at_field, listed, local_error},
    pages::new_secret::{Shown, lifetimes, making},
};

/// What is chosen; it outlives the step that asks for the password.
#[derive(Clone, Copy)]
struct Choice {
    name: RwSignal<String>,
    agents: RwSignal<String>,
    labels: RwSignal<String>,
    days: RwSignal<String>,
}

impl Choice {
    fn wanted(self) -> Result<Wanted, AppError> {
        Ok(Wanted {
            name: self.name.get_untracked(),
            agents: listed(&self.agents.get_untracked()),
            labels: labels(&self.labels.get_untracked()).map_err(|line| {
                let mut error = local_error(format!("`{line}` is no label: write NAME=VALUE, one a line"));
                error.0.field = Some("labels".to_owned());
                error
            })?,
            expires_in_days: self.days.get_untracked().parse().ok(),
        })
    }
}

/// One label a line, or the first line that is none.
fn labels(text: &str) -> Result<BTreeMap<String, String>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| match line.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
            _ => Err(line.to_owned()),
        })
        .collect()
}

async fn create(wanted: Result<Wanted, AppError>) -> Result<CreatedWorkerToken, AppError> {
    api::create_worker_token(wanted?).await.map_err(|mut error| {
        // Which of them it is stands in its words.
        if let Some(field) = &mut error.0.field
            && field.starts_with("agents.")
        {
            field.truncate("agents".len());
        }
        error
    })
}

#[component]
pub(super) fn NewWorkerToken(open: RwSignal<bool>, shown: Shown, #[prop(into)] on_done: Callback<()>) -> impl IntoView {
    let choice = Choice {
        name: RwSignal::new(String::new()),
        agents: RwSignal::new(String::new()),
        labels: RwSignal::new(String::new()),
        days: RwSignal::new("90".to_owned()),
    };
    let create = Action::new(move |(): &()| create(choice.wanted()));
    let choose = move |error: Signal<Option<AppError>>| {
        view! {
            <DialogForm
                open
                submit="Create token"
                pending=create.pending()
                on_submit=move |()| {
                    create.dispatch(());
                }
            >
                <FormError error fields=&["name", "agents", "labels", "expires_in_days"]/>
                <Field id="worker-token-name" label="Name" required=true help="Which program comes with it, such as “reports”" error=at_field(error, "name")>
                    <TextInput value=choice.name autocomplete="off" autofocus=true/>
                </Field>
                <Field
                    id="worker-token-agents"
                    label="Agents"
                    required=true
                    help="The ids that it may offer, with commas between. A * at the end stands for anything: report-*"
                    error=at_field(error, "agents")
                >
                    <TextInput value=choice.agents mono=true autocomplete="off" placeholder="summarize, report-*"/>
                </Field>
                <Field id="worker-token-days" label="Expires" error=at_field(error, "expires_in_days")>
                    <Select value=choice.days options=lifetimes()/>
                </Field>
                <details class="fold" open=move || error.with(|error| error.as_ref().is_some_and(is_of_labels))>
                    <summary><Icon name="chevron-right"/> "Only workers with certain labels"</summary>
                    <div class="fold-body">
                        <Field
                            id="worker-token-labels"
                            label="Labels"
                            optional=true
                            help="NAME=VALUE, one a line. Its workers have to say the same of themselves."
                            error=at_field(error, "labels")
                        >
                            <TextArea value=choice.labels rows=2 mono=true placeholder="gpu=a100"/>
                        </Field>
                    </div>
                </details>
            </DialogForm>
        }
        .into_any()
    };
    making("new-worker-token", open, shown, create, |created: CreatedWorkerToken| created.token, on_done, choose)
}

fn is_of_labels(error: &AppError) -> bool {
    error.0.field.as_deref() == Some("labels")
}

#[cfg(test)]
mod tests {
    use super::{labels, listed};

    #[test]
    fn agents_are_read_however_they_are_listed() {
        let expected = ["report-*", "summarize", "count"];
        for text in ["report-*, summarize,count", " report-* summarize\ncount ", "report-*;summarize;;count"] {
            assert_eq!(listed(text), expected);
        }
        assert_eq!(listed(" , "), [] as [String; 0]);
    }

    #[test]
    fn a_label_without_a_value_is_named() {
        let read = labels("gpu=a100\n\n zone = eu = west \n").unwrap();
        assert_eq!(
            read.into_iter().collect::<Vec<_>>(),
            [("gpu".into(), "a100".into()), ("zone".into(), "eu = west".into())]
        );
        assert_eq!(labels("gpu=a100\nfast"), Err("fast".to_owned()));
        assert_eq!(labels("=x"), Err("=x".to_owned()));
    }
}
