//! The versions of a workflow: who published each and what they said, what changed from one to another or to the draft, and the way to
//! take one up again. Must never change a version, nor the draft without a way back.

use canvas::{Document, Edit};
use leptos::prelude::*;
use workflow::{
    TemplateId,
    api::{Page, PublishedVersion},
    merge::changes,
};

use super::{
    changes::{ChangeList, pinned},
    draft::Draft,
};
use crate::{
    api,
    canvas_view::compared_canvas,
    components::{
        Badge, Button, Dialog, Empty, Field, RelativeTime, Select, SelectOption, Size, Skeleton, SkeletonKind, Tone,
    },
    error::AppError,
    load::{Loaded, PartFailed},
    paged::{More, Paged},
    reactive::memo,
};

/// The value of the choice that means the draft.
const DRAFT: &str = "";

#[component]
pub(super) fn Versions(draft: Draft, open: RwSignal<bool>) -> impl IntoView {
    let listed = Resource::new(
        move || open.get().then_some(draft.id),
        |id: Option<TemplateId>| async move {
            match id {
                Some(id) => Some(api::template_versions(id, None).await),
                None => None,
            }
        },
    );
    let actions = move || view! { <Button on_click=move |()| open.set(false)>"Close"</Button> };
    view! {
        <Dialog
            id="versions"
            open
            size=Size::Lg
            title="Versions"
            description="Each time somebody publishes, a version is made and never changed again."
            actions
        >
            <Transition fallback=|| view! { <Skeleton kind=SkeletonKind::Row/> }>
                {move || Suspend::new(async move {
                    match listed.await {
                        Some(Ok(page)) => listing(draft, open, page),
                        Some(Err(error)) => {
                            view! { <PartFailed error on_retry=move |()| listed.refetch()/> }.into_any()
                        }
                        None => ().into_any(),
                    }
                })}
            </Transition>
        </Dialog>
    }
}

fn listing(draft: Draft, open: RwSignal<bool>, page: Page<PublishedVersion>) -> AnyView {
    let Some(newest) = page.items.first().map(|known| known.version) else {
        return view! {
            <Empty icon="history" title="No version yet" text="The first one is made when you publish the draft"/>
        }
        .into_any();
    };
    let id = draft.id;
    let versions = Paged::new(page, move |after| api::template_versions(id, after));
    let chosen = RwSignal::new(newest);
    let with = RwSignal::new(DRAFT.to_owned());
    let choose = move |version: i32| {
        if with.with_untracked(|with| *with == version.to_string()) {
            with.set(DRAFT.to_owned());
        }
        chosen.set(version);
    };
    let row = move |known: PublishedVersion| {
        let version = known.version;
        let is_chosen = move || chosen.get() == version;
        view! {
            <li>
                <button
                    type="button"
                    class="version-row"
                    aria-pressed=move || if is_chosen() { "true" } else { "false" }
                    on:click=move |_| choose(version)
                >
                    <span class="row">
                        <strong>{format!("Version {version}")}</strong>
                        {(version == newest).then(|| view! { <Badge tone=Tone::Success>"Live"</Badge> })}
                    </span>
                    {known.note.filter(|note| !note.is_empty()).map(|note| view! { <bdi>{note}</bdi> })}
                    <span class="muted small">
                        <bdi>{known.published_by}</bdi> " · " <RelativeTime at=known.published_at/>
                    </span>
                </button>
            </li>
        }
    };
    // A version is compared with any but itself.
    let options = Signal::derive(move || {
        let others = versions.items.with(|items| items.iter().map(|known| known.version).collect::<Vec<_>>());
        let others = others.into_iter().filter(|version| *version != chosen.get());
        let others = others.map(|version| SelectOption::new(version.to_string(), format!("Version {version}")));
        std::iter::once(SelectOption::new(DRAFT, "The draft")).chain(others).collect::<Vec<_>>()
    });
    let other = memo(move || {
        let version = with.with(|with| with.parse::<i32>().ok());
        version.filter(|version| *version != chosen.get())
    });
    let compared = Resource::new(move || (chosen.get(), other.get()), move |(chosen, other)| fetch(id, chosen, other));
    view! {
        <div class="version-columns">
            <div class="stack" data-gap="2">
                <ul class="version-list" aria-label="Versions">
                    <For each=move || versions.items.get() key=|known| known.version let:known>
                        {row(known)}
                    </For>
                </ul>
                <More of=versions/>
            </div>
            <div class="stack" data-gap="3">
                <Field id="version-with" label=Signal::derive(move || format!("Compare version {} with", chosen.get()))>
                    <Select value=with options/>
                </Field>
                <Loaded of=compared fallback=|| view! { <Skeleton kind=SkeletonKind::Row/> } let:of>
                    {comparison(draft, open, of)}
                </Loaded>
            </div>
        </div>
    }
    .into_any()
}

/// A version, and what it is compared with: another one, or the draft.
type Compared = ((i32, Document), Option<(i32, Document)>);

async fn fetch(id: TemplateId, chosen: i32, other: Option<i32>) -> Result<Compared, AppError> {
    let document = api::get_version(id, chosen).await?;
    let other = match other {
        Some(version) => Some((version, api::get_version(id, version).await?)),
        None => None,
    };
    Ok(((chosen, document), other))
}

fn comparison(draft: Draft, open: RwSignal<bool>, of: Compared) -> AnyView {
    let ((version, document), other) = of;
    let mine = || {
        let pinned = |mine: &Document| draft.catalog.with_untracked(|agents| pinned(mine, agents));
        draft.handle.with_document_untracked(pinned)
    };
    // From the older to the newer one; nothing is newer than the draft.
    let (title, before, after) = match other {
        None => (format!("From version {version} to the draft"), document.clone(), mine()),
        Some((other, theirs)) if other > version => {
            (format!("From version {version} to version {other}"), document.clone(), theirs)
        }
        Some((other, theirs)) => (format!("From version {other} to version {version}"), theirs, document.clone()),
    };
    let changes = changes(&before, &after);
    // Only what moved would be a picture without a mark.
    let picture = (!changes.is_empty()).then(|| compared_canvas(&before, &after, draft.catalog.get_untracked()));
    let restored = StoredValue::new(document);
    let restore = move |()| {
        let edit = Edit::SetDocument { document: Box::new(restored.get_value()), renamed: Vec::new() };
        if draft.apply(edit, &format!("Restore version {version}")) {
            open.set(false);
            draft.know_agents();
            draft
                .toasts
                .success(format!("The draft says what version {version} says. Undo brings back what it said before."));
        }
    };
    let name = title.clone();
    view! {
        <section class="stack" data-gap="3" aria-label=name>
            <h3>{title}</h3>
            {picture}
            <ChangeList changes/>
            <div class="row">
                <Button icon="history" on_click=restore>{format!("Restore version {version} into the draft")}</Button>
            </div>
        </section>
    }
    .into_any()
}
