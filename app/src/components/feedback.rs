//! Banner, Empty, Skeleton: a problem with its way out, an empty place with its first action, and what is still loading at its final size.
//! An error says what happened, why, and what to do next; never blames, never jokes.

use leptos::prelude::*;

use super::icon::{Icon, Size};

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Kind {
    #[default]
    Info,
    Success,
    Warn,
    Error,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "success",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    pub(crate) fn icon(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "circle-check",
            Self::Warn => "triangle-alert",
            Self::Error => "circle-alert",
        }
    }
}

/// A message in the page. Errors and warnings are announced when they appear.
#[component]
pub fn Banner(
    #[prop(optional)] kind: Kind,
    #[prop(optional, into)] title: Option<String>,
    /// Buttons at the end.
    #[prop(optional, into)]
    action: ViewFn,
    children: Children,
) -> impl IntoView {
    let role = match kind {
        Kind::Error | Kind::Warn => "alert",
        Kind::Info | Kind::Success => "status",
    };
    view! {
        <div class="banner" data-kind=kind.name() role=role>
            <Icon name=kind.icon()/>
            <div class="banner-text">{title.map(|title| view! { <strong>{title}</strong> })} {children()}</div>
            <div class="banner-actions">{move || action.run()}</div>
        </div>
    }
}

/// One sentence and the first action, where a list has nothing yet.
#[component]
pub fn Empty(
    icon: &'static str,
    #[prop(into)] title: String,
    #[prop(into)] text: String,
    /// A dashed frame, for a place in a page rather than a whole one.
    #[prop(optional)]
    framed: bool,
    /// Of its heading: 2 under the title of a page, 3 in a section that has one of its own.
    #[prop(default = 2)]
    level: u8,
    /// The first action.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty" data-framed=framed>
            <span class="empty-icon"><Icon name=icon size=Size::Lg/></span>
            {if level == 3 { view! { <h3>{title}</h3> }.into_any() } else { view! { <h2>{title}</h2> }.into_any() }}
            <p>{text}</p>
            {children.map(|children| view! { <div class="empty-actions">{children()}</div> })}
        </div>
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum SkeletonKind {
    #[default]
    Line,
    Control,
    Row,
    Card,
    Avatar,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum SkeletonWidth {
    #[default]
    Full,
    Long,
    Half,
    Short,
}

/// A shape of the final size. Wrap several in one element with `aria-busy="true"`.
#[component]
pub fn Skeleton(#[prop(optional)] kind: SkeletonKind, #[prop(optional)] width: SkeletonWidth) -> impl IntoView {
    let kind = match kind {
        SkeletonKind::Line => "line",
        SkeletonKind::Control => "control",
        SkeletonKind::Row => "row",
        SkeletonKind::Card => "card",
        SkeletonKind::Avatar => "avatar",
    };
    let width = match width {
        SkeletonWidth::Full => "full",
        SkeletonWidth::Long => "long",
        SkeletonWidth::Half => "half",
        SkeletonWidth::Short => "short",
    };
    view! { <span class="skeleton" data-kind=kind data-width=width aria-hidden="true"></span> }
}

/// What stands where a list will be, for as long as it loads: `n` rows, and the field above them in which one searches.
#[component]
pub fn RowsSkeleton(n: usize, #[prop(optional)] has_search: bool) -> impl IntoView {
    view! {
        <div class="stack" data-gap=(!has_search).then_some("1") aria-busy="true">
            {has_search.then(|| view! { <Skeleton kind=SkeletonKind::Control/> })}
            {(0..n).map(|_| view! { <Skeleton kind=SkeletonKind::Row/> }).collect_view()}
        </div>
    }
}
