//! /admin/audit: who did what, when and from where, outside of runs, which have their own timeline. Filtered and paged by the server,
//! which also writes the file to export.

mod filter;
mod words;

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};
use workflow::api::{AuditEntry, AuditFilter, AuditPage as Found};

use self::filter::{Asked, Typed, export_address};
use super::day_fields::DayFields;
use crate::reactive::{effect, memo};
use crate::{
    api,
    components::{
        Button, ButtonType, Empty, Field, Icon, MoreRows, RelativeTime, RowsSkeleton, Select, SelectOption, TableShell,
        TextInput,
    },
    error::AppError,
    form::{FormError, at_field, focus_first_error, outcome},
    load::{NothingLookedFor, PartFailed, refetch_after_sign_in},
    shell::Page,
};

/// The fields that show what is wrong with them.
const FIELDS: [&str; 4] = ["who", "address", "from", "to"];

#[component]
pub fn AuditPage() -> impl IntoView {
    let query = use_query_map();
    // What the rows below were found with: it changes with a search, not with every letter.
    let asked = memo(move || query.with(Asked::of_address));
    let typed = Typed::new(asked.get_untracked());
    effect(move || typed.show(asked.get()));
    let found = Resource::new(move || asked.get().filter(), api::audit_log);
    refetch_after_sign_in(found, Result::is_err);
    let refused = RwSignal::new(None::<AppError>);
    effect(move || refused.set(found.get().and_then(Result::err)));
    view! {
        <Page title="Audit log" actions=move || view! { <Export asked/> }>
            <div class="page">
                <div class="page-head">
                    <h1>"Audit log"</h1>
                    <p>"Who did what, when and from where. What happens in a run stands in its own timeline."</p>
                </div>
                <Filters typed asked refused/>
                <Transition fallback=|| view! { <RowsSkeleton n=8/> }>
                    {move || Suspend::new(async move {
                        match found.await {
                            Ok(page) => view! { <Rows page filter=asked.get_untracked().filter()/> }.into_any(),
                            Err(error) if error.0.field.as_deref().is_some_and(|field| FIELDS.contains(&field)) => {
                                view! { <NothingLookedFor/> }.into_any()
                            }
                            Err(error) => view! { <PartFailed error on_retry=move |()| found.refetch()/> }.into_any(),
                        }
                    })}
                </Transition>
            </div>
        </Page>
    }
}

/// Plain links: the browser saves what the server sends.
#[component]
fn Export(asked: Memo<Asked>) -> impl IntoView {
    let href = move |format: &str| asked.with(|asked| export_address(&asked.filter(), format));
    view! {
        <a class="btn" data-variant="default" data-size="md" download="" href=move || href("csv")>
            <span class="btn-label"><Icon name="download"/>"CSV"</span>
        </a>
        <a class="btn" data-variant="default" data-size="md" download="" href=move || href("json")>
            <span class="btn-label"><Icon name="download"/>"JSON"</span>
        </a>
    }
}

#[component]
fn Filters(typed: Typed, asked: Memo<Asked>, refused: RwSignal<Option<AppError>>) -> impl IntoView {
    let kinds: Vec<SelectOption> =
        words::KINDS.iter().map(|(value, label)| SelectOption::new(*value, *label)).collect();
    let navigate = use_navigate();
    let go = Callback::new(move |asked: Asked| {
        navigate(&asked.page_address(), NavigateOptions { scroll: false, ..NavigateOptions::default() });
    });
    let refused = Signal::from(refused);
    let fault_of_days = memo(move || typed.asked().fault_of_days());
    view! {
        <form
            class="audit-filters"
            novalidate
            role="search"
            aria-label="Filter the audit log"
            on:submit=move |event| {
                event.prevent_default();
                if fault_of_days.with_untracked(Option::is_some) {
                    focus_first_error();
                } else {
                    go.run(untrack(|| typed.asked()));
                }
            }
        >
            <Field id="audit-who" label="Who" error=at_field(refused, "who")>
                <TextInput value=typed.who placeholder="Email, or operator" autocomplete="off"/>
            </Field>
            <Field id="audit-what" label="What">
                <Select value=typed.action options=kinds/>
            </Field>
            <Field id="audit-address" label="From where" error=at_field(refused, "address")>
                <TextInput value=typed.address placeholder="192.0.2.7" autocomplete="off"/>
            </Field>
            <DayFields page="audit" from=typed.from to=typed.to fault=fault_of_days refused/>
            <div class="row">
                <Button kind=ButtonType::Submit icon="funnel">"Filter"</Button>
                <Show when=move || asked.with(|asked| !asked.is_empty())>
                    <Button on_click=move |()| {
                        typed.show(Asked::default());
                        go.run(Asked::default());
                    }>"Clear"</Button>
                </Show>
            </div>
        </form>
    }
}

#[component]
fn Rows(page: Found, filter: AuditFilter) -> impl IntoView {
    // Of an email without an account no try is kept: people type their passwords into that field.
    let nothing =
        if filter.who.is_some() && filter.action.as_deref().is_some_and(|action| action.starts_with("session")) {
            "No entry matches this filter. Failed sign-ins are kept of accounts that exist."
        } else {
            "No entry matches this filter. Widen it, or clear it."
        };
    let entries = RwSignal::new(page.entries);
    let next = RwSignal::new(page.next);
    let more = Action::new(move |before: &i64| api::audit_log(AuditFilter { before: Some(*before), ..filter.clone() }));
    let error = outcome(more, move |page: Found| {
        next.set(page.next);
        entries.update(|entries| entries.extend(page.entries));
    });
    let foot = move || {
        view! {
            <MoreRows
                has_more=Signal::derive(move || next.with(Option::is_some))
                loading=more.pending()
                on_more=move |()| {
                    if let Some(before) = next.get_untracked() {
                        more.dispatch(before);
                    }
                }
            />
        }
    };
    view! {
        <FormError error/>
        <Show
            when=move || entries.with(|entries| !entries.is_empty())
            fallback=move || {
                view! { <Empty icon="history" framed=true title="Nothing found" text=nothing/> }
            }
        >
            <TableShell label="Audit log" foot>
                <thead>
                    <tr>
                        <th scope="col">"When"</th>
                        <th scope="col">"Who"</th>
                        <th scope="col">"What"</th>
                        <th scope="col" class="wide-only">"From where"</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || entries.get() key=|entry| entry.id let:entry>
                        <Row entry/>
                    </For>
                </tbody>
            </TableShell>
        </Show>
    }
}

#[component]
fn Row(entry: AuditEntry) -> impl IntoView {
    let subject = words::subject(&entry);
    let details = words::details(&entry);
    view! {
        <tr class="audit-row">
            <td><RelativeTime at=entry.at/></td>
            <td>
                <span class="audit-who">{words::who(&entry)}</span>
                {words::via(&entry).map(|via| view! { <span class="muted small">{via}</span> })}
            </td>
            <td>
                <strong>{words::action(&entry.action).to_owned()}</strong>
                {subject.map(|subject| view! { <span class="audit-subject">{subject}</span> })}
                {(!details.is_empty()).then(|| view! { <span class="muted small">{details}</span> })}
            </td>
            <td class="wide-only mono small">{entry.address.clone().unwrap_or_default()}</td>
        </tr>
    }
}
