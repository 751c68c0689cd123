//! /admin/agents/new and /admin/agents/{id}: the form of one agent. Saving makes the next version; nothing is ever changed in place.
//! What was typed stays through every error, also through an ended session.

use leptos::{prelude::*, task::spawn_local};
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_params_map, use_query_map},
};
use workflow::{
    AgentId, AgentSpec, Problem,
    api::{ErrorCode, ProviderView, SaveAgent},
    limits,
};

use super::{
    above,
    config::Config,
    conflict::{self, Conflict},
    faults::Faults,
    form::{AgentForm, save_request},
    history::History,
    kind,
    outside::OutsidePage,
    ports::{List, Ports},
    test::{TestPanel, Unsaved},
    typed::TypedAgent,
};
use crate::reactive::{effect, memo};
use crate::{
    api,
    components::{
        Badge, Banner, Button, ButtonType, ConfirmDialog, Field, LinkButton, NumberInput, Size, Skeleton, SkeletonKind,
        TextArea, TextInput, Variant, dom::focus_soon, use_toasts,
    },
    device,
    error::AppError,
    form::{FormError, focus_first_error, outcome},
    kept::{self, Typed},
    load::refetch_after_sign_in,
    page_failed::PageFailed,
    pages::slug::{self, slug},
    session::use_session,
    shell::Page,
};

#[component]
pub fn NewAgentPage() -> impl IntoView {
    let query = use_query_map();
    let from = memo(move || query.with(|query| query.get("from").map(AgentId::new)));
    let loaded = Resource::new(move || from.get(), load_new);
    refetch_after_sign_in(loaded, Result::is_err);
    view! {
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match loaded.await {
                    Ok((spec, providers)) => view! { <Editor spec providers is_new=true/> }.into_any(),
                    Err(error) => view! { <PageFailed error on_retry=move |()| loaded.refetch()/> }.into_any(),
                }
            })}
        </Transition>
    }
}

/// A blank agent, or what another one says under a name of its own: nothing is stored before the person saves it.
async fn load_new(from: Option<AgentId>) -> Result<(AgentSpec, Vec<ProviderView>), AppError> {
    let spec = match from {
        Some(id) => copy_of(api::get_agent(id, None).await?),
        None => AgentForm::blank(),
    };
    // Without the list one can still type; the default provider is what most want.
    Ok((spec, api::list_providers().await.unwrap_or_default()))
}

fn copy_of(spec: AgentSpec) -> AgentSpec {
    const END: &str = " (copy)";
    let name: String = spec.name.chars().take(limits::MAX_NAME_CHARS - END.len()).collect();
    let name = format!("{name}{END}");
    AgentSpec { id: AgentId::new(slug(&name)), version: 0, name, ..spec }
}

#[component]
pub fn AgentPage() -> impl IntoView {
    let params = use_params_map();
    let id = memo(move || AgentId::new(params.with(|params| params.get("agent_id").unwrap_or_default())));
    let loaded = Resource::new(move || id.get(), load);
    refetch_after_sign_in(loaded, Result::is_err);
    view! {
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match loaded.await {
                    Ok((spec, _)) if spec.kind() == kind::WORKER => view! { <OutsidePage spec/> }.into_any(),
                    Ok((spec, providers)) => view! { <Editor spec providers is_new=false/> }.into_any(),
                    Err(error) => view! { <PageFailed error on_retry=move |()| loaded.refetch()/> }.into_any(),
                }
            })}
        </Transition>
    }
}

async fn load(id: AgentId) -> Result<(AgentSpec, Vec<ProviderView>), AppError> {
    let spec = api::get_agent(id, None).await?;
    Ok((spec, api::list_providers().await.unwrap_or_default()))
}

#[component]
fn Loading() -> impl IntoView {
    view! {
        <Page title="Agent" above=above()>
            <div class="page" aria-busy="true">
                <Skeleton kind=SkeletonKind::Row/>
                <Skeleton kind=SkeletonKind::Card/>
                <Skeleton kind=SkeletonKind::Card/>
            </div>
        </Page>
    }
}

#[component]
fn Editor(spec: AgentSpec, providers: Vec<ProviderView>, is_new: bool) -> impl IntoView {
    let toasts = use_toasts();
    let navigate = use_navigate();
    let form = AgentForm::new(&spec);
    let providers = StoredValue::new(providers);
    let saved = RwSignal::new(spec);
    let base = memo(move || saved.with(|saved| saved.version));
    let read = memo(move || form.read());
    let problems = memo(move || read.with(|(_, problems)| problems.clone()));
    let is_dirty =
        memo(move || read.with(|(now, _)| saved.with(|saved| *now != AgentSpec { version: 0, ..saved.clone() })));

    if is_new {
        slug::follow(form.name, form.id);
    }

    let began = RwSignal::new(base.get_untracked());
    let typed = memo(move || saved.with(|saved| form.typed(began.get(), saved)));
    // What stood in the form when it last said the same as the saved agent.
    let clean = RwSignal::new(typed.get_untracked());
    let sent = StoredValue::new(None::<TypedAgent>);
    let newest = RwSignal::new(None::<AgentSpec>);
    let restored = RwSignal::new(None::<usize>);
    // On the server nobody types; the place is that of the person in the browser.
    let kept_at = |id: &str| device::place(&format!("agent:{id}")).unwrap_or_default();
    // A copy that was begun is another one than the blank form.
    let of = if is_new && saved.with_untracked(|saved| saved.id.as_str().is_empty()) {
        "new".to_owned()
    } else if is_new {
        saved.with_untracked(|saved| format!("new:{}", saved.id))
    } else {
        saved.with_untracked(|saved| saved.id.to_string())
    };
    let place = StoredValue::new(kept_at(&of));
    kept::keep_typed(place.get_value(), typed, clean, move |found: TypedAgent| {
        let (base, n_missing) = (found.base, saved.with_untracked(|saved| form.retype(found, saved)));
        began.set(base);
        restored.set(Some(n_missing));
        if base < saved.with_untracked(|saved| saved.version) {
            newest.set(Some(saved.get_untracked()));
        }
    });

    let save = Action::new(move |request: &SaveAgent| {
        sent.set_value(Some(typed.get_untracked()));
        api::save_agent(request.clone())
    });
    let error = outcome(save, move |spec: AgentSpec| {
        form.is_tried.set(false);
        restored.set(None);
        toasts.success(format!("Version {} of {} is saved", spec.version, spec.name));
        let (id, version) = (spec.id.clone(), spec.version);
        let sent = sent.try_update_value(Option::take).flatten().unwrap_or_else(|| typed.get_untracked());
        saved.set(spec);
        began.set(version);
        if is_new {
            // Typed while it was being saved: the page of the new agent takes it up.
            let now = typed.get_untracked();
            if !now.is_same_as(&sent) {
                kept::write(&kept_at(id.as_str()), &now);
            }
            kept::forget(&place.get_value());
        }
        clean.set(sent);
        if is_new {
            navigate(&format!("/admin/agents/{id}"), NavigateOptions { replace: true, ..NavigateOptions::default() });
        }
    });
    let faults = Faults::new(problems, form.is_tried, error);
    let is_stale =
        memo(move || error.with(|error| error.as_ref().is_some_and(|error| error.code() == ErrorCode::StaleRevision)));
    let session = use_session();
    effect(move || {
        if is_stale.get() {
            let id = saved.with_untracked(|saved| saved.id.clone());
            spawn_local(async move {
                match api::get_agent(id, None).await {
                    Ok(spec) => {
                        newest.try_set(Some(spec));
                    }
                    Err(error) => session.note(&error),
                }
            });
        }
    });
    // Theirs too, once it is known: what is saved from here on comes after it.
    let latest = memo(move || saved.with(|saved| newest.with(|theirs| conflict::newest(saved, theirs.as_ref()))));
    let version = memo(move || latest.with(|latest| latest.version));
    let is_undecided = memo(move || newest.with(Option::is_some));
    let submit = move || {
        if save.pending().get_untracked() || is_undecided.get_untracked() {
            return;
        }
        form.is_tried.set(true);
        let (spec, problems) = read.get_untracked();
        if problems.is_empty() {
            save.dispatch(save_request(spec, (!is_new).then(|| began.get_untracked())));
        } else {
            focus_first_error();
        }
    };
    let elsewhere = Signal::derive(move || faults.elsewhere());
    effect(move || {
        if error.with(Option::is_some) {
            focus_first_error();
        }
    });
    let title = Signal::derive(move || {
        let name = saved.with(|saved| saved.name.clone());
        if name.is_empty() { "New agent".to_owned() } else { name }
    });
    // What has no name yet is tested under one that it will hardly keep.
    let tested = Unsaved {
        now: memo(move || {
            read.with(|(now, _)| {
                let mut now = now.clone();
                if is_new && !now.id.is_well_formed() {
                    now.id = AgentId::from("new-agent");
                }
                if is_new && now.name.is_empty() {
                    "New agent".clone_into(&mut now.name);
                }
                now
            })
        }),
        is_fine: Callback::new(move |()| {
            let is_of_name = |problem: &Problem| is_new && matches!(problem.field.as_deref(), Some("id" | "name"));
            let is_fine = problems.with_untracked(|problems| problems.iter().all(is_of_name));
            if !is_fine {
                form.is_tried.set(true);
                focus_first_error();
            }
            is_fine
        }),
    };
    let n_problems = move || if form.is_tried.get() { problems.with(Vec::len) } else { 0 };
    let save_words =
        move || if is_new { "Create agent".to_owned() } else { format!("Save as version {}", version.get() + 1) };
    let take = Callback::new(move |spec: AgentSpec| {
        form.show(&spec);
        began.set(spec.version);
        saved.set(spec);
        newest.set(None);
        restored.set(None);
        save.clear();
        clean.set(typed.get_untracked());
        focus_soon("f-name");
    });
    let is_kept = memo(move || typed.with(|typed| clean.with(|clean| !clean.is_same_as(typed))));
    let is_discarding = RwSignal::new(false);
    let discard = move || {
        is_discarding.set(false);
        form.is_tried.set(false);
        if let Some(theirs) = newest.get_untracked() {
            return take.run(theirs);
        }
        saved.with_untracked(|saved| form.retype(clean.get_untracked(), saved));
        began.set(base.get_untracked());
        newest.set(None);
        restored.set(None);
        save.clear();
        focus_soon("f-name");
    };
    let overwrite = move |version: i32| {
        newest.set(None);
        save.dispatch(save_request(read.get_untracked().0, Some(version)));
    };
    let restored_words = move || {
        restored.get().map(|n_missing| {
            view! {
                <Banner
                    title="Your unsaved changes are back".to_owned()
                    action=move || view! { <Button size=Size::Sm on_click=move |()| is_discarding.set(true)>"Discard them"</Button> }
                >
                    {match n_missing {
                        0 => "They were kept in this browser.",
                        1 => "They were kept in this browser, but for the value of a header: type it again.",
                        _ => "They were kept in this browser, but for values of headers: type them again.",
                    }}
                </Banner>
            }
        })
    };
    view! {
        <Page title above=above()>
            <div class="page agent-page">
                <div class="page-head">
                    <h1>{move || title.get()}</h1>
                    <p class="row" data-gap="2">
                        {move || match version.get() {
                            0 => view! { "An agent does the work of a step" }.into_any(),
                            version => {
                                view! {
                                    <code>{saved.with(|saved| saved.id.to_string())}</code>
                                    <Badge>{format!("Version {version}")}</Badge>
                                }
                                    .into_any()
                            }
                        }}
                    </p>
                </div>
                <div class="agent-columns">
                    <form
                        class="form"
                        novalidate
                        on:submit=move |event| {
                            event.prevent_default();
                            submit();
                        }
                    >
                        {restored_words}
                        <Conflict theirs=newest on_take=take on_overwrite=overwrite/>
                        <section class="form-section" aria-label="About">
                            <div class="form-row">
                                <Field id="f-name" label="Name" error=faults.at("name")>
                                    <TextInput value=form.name maxlength=200 autocomplete="off"/>
                                </Field>
                                {is_new.then(|| view! {
                                    <Field
                                        id="f-id"
                                        label="Id"
                                        help="Lower-case letters, digits, - and _. It stays for ever."
                                        error=faults.at("id")
                                    >
                                        <TextInput value=form.id mono=true maxlength=64 autocomplete="off"/>
                                    </Field>
                                })}
                            </div>
                            <Field
                                id="f-description"
                                label="Description"
                                help="Shown in the editor's palette"
                                error=faults.at("description")
                                optional=true
                            >
                                <TextArea value=form.description rows=2 maxlength=4000/>
                            </Field>
                        </section>
                        <Config form faults providers/>
                        <Ports form faults list=List::Inputs/>
                        <Ports form faults list=List::Outputs/>
                        <section class="form-section" aria-label="Limits">
                            <h2>"Limits"</h2>
                            <Field
                                id="f-max_parallel"
                                label="Most at the same time"
                                help="So many steps of this agent run at the same time, over all runs; empty for no limit"
                                error=faults.at("max_parallel")
                                optional=true
                            >
                                <NumberInput value=form.max_parallel min=1.0 step=1.0/>
                            </Field>
                        </section>
                        <FormError error=elsewhere/>
                        <div class="form-actions" data-sticky>
                            <span class="small muted push" role="status">
                                {move || match n_problems() {
                                    _ if is_undecided.get() => "Choose between the two versions first".to_owned(),
                                    0 if is_kept.get() => "Not saved yet, kept in this browser".to_owned(),
                                    0 => String::new(),
                                    n => format!("{} to put right", crate::words::count(n, "thing")),
                                }}
                            </span>
                            <Show
                                when=move || is_kept.get()
                                fallback=|| view! { <LinkButton href="/admin/agents" variant=Variant::Quiet>"Cancel"</LinkButton> }
                            >
                                <Button variant=Variant::Quiet on_click=move |()| is_discarding.set(true)>"Discard changes"</Button>
                            </Show>
                            <Button
                                variant=Variant::Primary
                                kind=ButtonType::Submit
                                icon="save"
                                loading=save.pending()
                                disabled=Signal::derive(move || is_undecided.get() || (!is_new && !is_dirty.get()))
                            >
                                {save_words}
                            </Button>
                        </div>
                    </form>
                    <aside class="stack" aria-label="Try it">
                        <TestPanel saved is_dirty typed=tested/>
                        {(!is_new).then(|| view! { <History latest on_take=into_form(form)/> })}
                    </aside>
                </div>
            </div>
            <ConfirmDialog
                id="discard"
                open=is_discarding
                danger=true
                title="Discard your changes?"
                text=if is_new { "What you typed is gone then." } else { "The form shows the saved version again. What you typed since is gone then." }
                confirm="Discard changes"
                on_confirm=move |()| discard()
            />
        </Page>
    }
}

/// Takes an old version into the form: saving makes it the newest one.
fn into_form(form: AgentForm) -> Callback<AgentSpec> {
    Callback::new(move |spec: AgentSpec| form.show(&spec))
}
