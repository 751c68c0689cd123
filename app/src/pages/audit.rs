//! /admin/audit: who did what, when and from where, outside of runs, which have their own timeline. Filtered and paged by the server,
//! which also writes the file to export.

mod words;

use chrono::{DateTime, Days, NaiveDate, Utc};
use leptos::prelude::*;
use workflow::api::{AuditEntry, AuditFilter, AuditPage as Found};

use crate::{
    api,
    components::{
        Button, ButtonType, Empty, Field, Icon, MoreRows, RelativeTime, Select, SelectOption, Skeleton, SkeletonKind,
        TableShell, TextInput,
    },
    form::{FormError, outcome},
    load::{PartFailed, refetch_after_sign_in},
    shell::Page,
};

/// What is typed into the filter.
#[derive(Clone, Copy)]
struct Typed {
    who: RwSignal<String>,
    action: RwSignal<String>,
    address: RwSignal<String>,
    from: RwSignal<String>,
    to: RwSignal<String>,
}

impl Typed {
    fn new() -> Self {
        let empty = || RwSignal::new(String::new());
        Self { who: empty(), action: empty(), address: empty(), from: empty(), to: empty() }
    }

    fn filter(self) -> AuditFilter {
        let given = |text: RwSignal<String>| Some(text.get_untracked()).filter(|text| !text.trim().is_empty());
        let day = |text: RwSignal<String>| text.get_untracked().parse::<NaiveDate>().ok();
        AuditFilter {
            who: given(self.who),
            action: given(self.action),
            address: given(self.address),
            from: day(self.from).map(midnight),
            // The day itself is meant too.
            to: day(self.to).and_then(|day| day.checked_add_days(Days::new(1))).map(midnight),
            ..AuditFilter::default()
        }
    }

    fn clear(self) {
        for text in [self.who, self.action, self.address, self.from, self.to] {
            text.set(String::new());
        }
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

#[component]
pub fn AuditPage() -> impl IntoView {
    let typed = Typed::new();
    // What the rows below were found with: it changes with a search, not with every letter.
    let filter = RwSignal::new(AuditFilter::default());
    let found = Resource::new(move || filter.get(), api::audit_log);
    refetch_after_sign_in(found, Result::is_err);
    view! {
        <Page title="Audit log" actions=move || view! { <Export filter/> }>
            <div class="page" data-width="wide">
                <div class="page-head">
                    <h1>"Audit log"</h1>
                    <p>"Who did what, when and from where. What happens in a run stands in its own timeline."</p>
                </div>
                <Filters typed filter/>
                <Transition fallback=ListSkeleton>
                    {move || Suspend::new(async move {
                        match found.await {
                            Ok(page) => view! { <Rows page filter=filter.get_untracked()/> }.into_any(),
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
fn Export(filter: RwSignal<AuditFilter>) -> impl IntoView {
    let href = move |format: &str| {
        let mut query = format!("/api/audit/export?format={format}");
        filter.with(|filter| {
            let at = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
            let pairs = [
                ("who", filter.who.clone()),
                ("action", filter.action.clone()),
                ("address", filter.address.clone()),
                ("from", at(filter.from)),
                ("to", at(filter.to)),
            ];
            for (name, value) in pairs {
                if let Some(value) = value {
                    query.extend(["&", name, "=", &encoded(&value)]);
                }
            }
        });
        query
    };
    view! {
        <a class="btn" data-variant="default" data-size="md" download="" href=move || href("csv")>
            <span class="btn-label"><Icon name="download"/>"CSV"</span>
        </a>
        <a class="btn" data-variant="default" data-size="md" download="" href=move || href("json")>
            <span class="btn-label"><Icon name="download"/>"JSON"</span>
        </a>
    }
}

/// For a query string.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[component]
fn Filters(typed: Typed, filter: RwSignal<AuditFilter>) -> impl IntoView {
    let kinds: Vec<SelectOption> =
        words::KINDS.into_iter().map(|(value, label)| SelectOption::new(value, label)).collect();
    let is_filtered = move || filter.with(|filter| *filter != AuditFilter::default());
    view! {
        <form
            class="audit-filters"
            novalidate
            role="search"
            aria-label="Filter the audit log"
            on:submit=move |event| {
                event.prevent_default();
                filter.set(typed.filter());
            }
        >
            <Field id="audit-who" label="Who">
                <TextInput value=typed.who placeholder="Email, or operator" autocomplete="off"/>
            </Field>
            <Field id="audit-what" label="What">
                <Select value=typed.action options=kinds/>
            </Field>
            <Field id="audit-address" label="From where">
                <TextInput value=typed.address placeholder="192.0.2.7" autocomplete="off"/>
            </Field>
            <Field id="audit-from" label="From day (UTC)">
                <TextInput value=typed.from kind="date"/>
            </Field>
            <Field id="audit-to" label="To day (UTC)">
                <TextInput value=typed.to kind="date"/>
            </Field>
            <div class="row">
                <Button kind=ButtonType::Submit icon="funnel">"Filter"</Button>
                <Show when=is_filtered>
                    <Button on_click=move |()| {
                        typed.clear();
                        filter.set(AuditFilter::default());
                    }>"Clear"</Button>
                </Show>
            </div>
        </form>
    }
}

#[component]
fn ListSkeleton() -> impl IntoView {
    view! {
        <div class="stack" data-gap="1" aria-busy="true">
            {(0..8).map(|_| view! { <Skeleton kind=SkeletonKind::Row/> }).collect_view()}
        </div>
    }
}

#[component]
fn Rows(page: Found, filter: AuditFilter) -> impl IntoView {
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
            fallback=|| {
                view! { <Empty icon="history" framed=true title="Nothing found" text="No entry matches this filter. Widen it, or clear it."/> }
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
    let subject = entry.subject_email.clone().unwrap_or_else(|| entry.subject.clone());
    // Somebody who did something to their own account is named once.
    let is_own = entry.actor_email.is_some() && entry.actor_email == entry.subject_email;
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
                {(!is_own && subject != "nobody").then(|| view! { <span class="audit-subject">{subject}</span> })}
                {(!details.is_empty()).then(|| view! { <span class="muted small">{details}</span> })}
            </td>
            <td class="wide-only mono small">{entry.address.clone().unwrap_or_default()}</td>
        </tr>
    }
}
