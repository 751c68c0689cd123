//! The kinds of agents in words and icons.

pub(in crate::pages) struct KindWords {
    /// As the API calls it.
    pub name: &'static str,
    pub label: &'static str,
    pub plural: &'static str,
    pub icon: &'static str,
}

/// The kind that nobody writes in a form: workers offer it.
pub(in crate::pages) const WORKER: &str = "worker";

pub(in crate::pages) const KINDS: [KindWords; 6] = [
    KindWords { name: "llm", label: "Language model", plural: "Language models", icon: "sparkles" },
    KindWords { name: "http", label: "HTTP call", plural: "HTTP calls", icon: "globe" },
    KindWords { name: "template", label: "Template", plural: "Templates", icon: "text" },
    KindWords { name: "human", label: "Person", plural: "People", icon: "user" },
    KindWords { name: "workflow", label: "Workflow", plural: "Workflows", icon: "workflow" },
    KindWords { name: WORKER, label: "Outside worker", plural: "Outside workers", icon: "plug" },
];

fn find(kind: &str) -> Option<&'static KindWords> {
    KINDS.iter().find(|words| words.name == kind)
}

pub(in crate::pages) fn icon(kind: &str) -> &'static str {
    find(kind).map_or("bot", |words| words.icon)
}

pub(in crate::pages) fn label(kind: &str) -> &'static str {
    find(kind).map_or("Agent", |words| words.label)
}
