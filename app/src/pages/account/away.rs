//! While one is away: who decides in one's place from a day to a day, and in whose place one decides oneself. Each can be ended here.

use leptos::prelude::*;
use workflow::{
    api::{DelegationView, MyDelegations, NewDelegation},
    id::DelegationId,
};

use crate::{
    api,
    components::{Button, ButtonType, Field, Skeleton, SkeletonKind, TextInput, Tone, Variant, use_toasts},
    form::{FormError, at_field, outcome},
    load::PartFailed,
    pages::delegation_row::{End, Ending, days, row},
    session::use_session,
};

/// What is typed; it stays until it is done.
#[derive(Clone, Copy)]
struct Wish {
    delegate: RwSignal<String>,
    from_day: RwSignal<String>,
    to_day: RwSignal<String>,
}

impl Wish {
    fn new() -> Self {
        let empty = || RwSignal::new(String::new());
        Self { delegate: empty(), from_day: empty(), to_day: empty() }
    }

    fn wanted(self) -> NewDelegation {
        NewDelegation {
            delegate: self.delegate.get_untracked(),
            from_day: self.from_day.get_untracked(),
            to_day: self.to_day.get_untracked(),
            zone: zone(),
        }
    }

    fn clear(self) {
        for field in [self.delegate, self.from_day, self.to_day] {
            field.set(String::new());
        }
    }
}

/// Where the person's days are, as their browser has it.
fn zone() -> Option<String> {
    let format = js_sys::Intl::DateTimeFormat::new(&js_sys::Array::new(), &js_sys::Object::new());
    js_sys::Reflect::get(&format.resolved_options(), &"timeZone".into()).ok()?.as_string()
}

#[component]
pub(super) fn Away() -> impl IntoView {
    let session = use_session();
    let all = Resource::new(move || session.epoch(), |_| api::my_delegations());
    let toasts = use_toasts();
    let wish = Wish::new();
    let give = Action::new(move |(): &()| api::delegate_reviews(wish.wanted()));
    let refused = outcome(give, move |made: DelegationView| {
        wish.clear();
        toasts.success(format!("{} decides for you {}", made.delegate, days(&made)));
        all.refetch();
    });
    let end: End = Action::new(|id: &DelegationId| {
        let id = *id;
        async move { api::end_delegation(id).await.map(|()| id) }
    });
    let not_ended = outcome(end, move |_| {
        toasts.success("Ended");
        all.refetch();
    });
    view! {
        <section class="card" aria-labelledby="away-title">
            <div class="card-head"><h2 id="away-title">"While you are away"</h2></div>
            <div class="card-body stack">
                <p class="muted">"Somebody decides for you at reviews that ask you, and at those of your runs that ask nobody else. You may still decide yourself, and each of you counts once."</p>
                <FormError error=not_ended/>
                <Transition fallback=|| view! { <div aria-busy="true"><Skeleton kind=SkeletonKind::Row/></div> }>
                    {move || Suspend::new(async move {
                        match all.await {
                            Ok(all) => view! { <Rows all end/> }.into_any(),
                            Err(error) => view! { <PartFailed error on_retry=move |()| all.refetch()/> }.into_any(),
                        }
                    })}
                </Transition>
                <form
                    class="form"
                    novalidate
                    aria-label="Give your reviews to somebody"
                    on:submit=move |event| {
                        event.prevent_default();
                        give.dispatch(());
                    }
                >
                    <FormError error=refused fields=&["delegate", "from_day", "to_day"]/>
                    <Field id="away-delegate" label="Who decides for you" required=true help="The email of their account" error=at_field(refused, "delegate")>
                        <TextInput value=wish.delegate kind="email" autocomplete="off"/>
                    </Field>
                    <div class="form-row">
                    <Field id="away-from" label="First day" required=true error=at_field(refused, "from_day")>
                        <TextInput value=wish.from_day kind="date"/>
                    </Field>
                    <Field id="away-to" label="Last day" required=true error=at_field(refused, "to_day")>
                        <TextInput value=wish.to_day kind="date"/>
                    </Field>
                    </div>
                    <div class="form-actions">
                        <Button variant=Variant::Primary kind=ButtonType::Submit loading=give.pending()>"Give reviews"</Button>
                    </div>
                </form>
            </div>
        </section>
    }
}

#[component]
fn Rows(all: MyDelegations, end: End) -> impl IntoView {
    let MyDelegations { given, received } = all;
    let is_empty = given.is_empty() && received.is_empty();
    let given = given.into_iter().map(|one| {
        let who = one.delegate.clone();
        let end = Ending { word: "End", of_what: format!("that {who} decides for you"), end };
        row(&one, format!("{who} decides for you"), now(&one), Some(end))
    });
    let received = received.into_iter().map(|one| {
        let who = one.principal.clone();
        let end = Ending { word: "Give back", of_what: format!("the reviews of {who}"), end };
        row(&one, format!("You decide for {who}"), now(&one), Some(end))
    });
    let rows: Vec<AnyView> = given.chain(received).collect();
    if is_empty {
        return view! { <p>"Nobody decides for you, and you decide for nobody"</p> }.into_any();
    }
    view! { <ul class="plain-rows" aria-label="Reviews that were given">{rows}</ul> }.into_any()
}

fn now(one: &DelegationView) -> Option<(&'static str, Tone)> {
    one.lasts.then_some(("Now", Tone::Success))
}
