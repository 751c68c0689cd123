//! What the finder finds on this page: every step, an agent to add, and what can be done with the draft, each with why not now.

use canvas::{Alignment, Axis, Way, shortcuts::Command};
use leptos::prelude::*;
use workflow::{AgentSpec, StepKey, api::AgentView};

use super::{draft::Draft, replacing::Replacing};
use crate::{
    canvas_view::EditorHandle,
    components::LeftPanel,
    finder::{Entry, Group, use_finder},
    pages::agents::kind,
};

pub(super) fn offer(draft: Draft, replacing: Replacing, left: RwSignal<String>, panel: LeftPanel) {
    let Some(finder) = use_finder() else { return };
    finder.offer(move || {
        let mut entries = commands(draft, replacing, left, panel);
        entries.extend(arranging(draft));
        entries.extend(steps(draft));
        entries.extend(agents(draft));
        entries
    });
}

fn steps(draft: Draft) -> Vec<Entry> {
    let go = move |key: StepKey| {
        move || {
            draft.shown.set("canvas".to_owned());
            draft.handle.select(vec![key.clone()]);
            draft.handle.take_focus();
        }
    };
    draft.handle.with_definition(|definition| {
        draft.catalog.with(|catalog| {
            let entry = |(key, step): (&StepKey, &workflow::Step)| {
                let spec = catalog.get(&step.agent_id, step.agent_version);
                let name = spec.map_or(step.agent_id.as_str(), |spec| spec.name.as_str());
                let icon = spec.map_or("bot", |spec| kind::icon(spec.kind()));
                Entry::run(Group::Steps, icon, step.title_or(key), go(key.clone())).about(format!("{key} · {name}"))
            };
            definition.steps.iter().map(entry).collect()
        })
    })
}

fn agents(draft: Draft) -> Vec<Entry> {
    let add = move |spec: &AgentSpec| {
        let agent = AgentView::from(spec);
        let title = format!("Add {}", spec.name);
        let icon = kind::icon(spec.kind());
        let about = spec.id.to_string();
        let run = move || {
            draft.shown.set("canvas".to_owned());
            draft.handle.add_agent(&agent);
            draft.handle.take_focus();
        };
        Entry::run(Group::Agents, icon, title, run).about(about)
    };
    draft.catalog.with(|catalog| catalog.latest().map(add).collect())
}

/// Selecting, aligning, notes and groups.
fn arranging(draft: Draft) -> Vec<Entry> {
    let handle = draft.handle;
    let command = |icon, title: &str, keys, run: fn(EditorHandle)| {
        let run = move || {
            draft.shown.set("canvas".to_owned());
            run(handle);
        };
        Entry::run(Group::Commands, icon, title, run).keys(keys)
    };
    let n_selected = handle.selection().with(Vec::len);
    let few = |least: usize| {
        let words =
            if least == 1 { "Select a step first".to_owned() } else { format!("Select at least {least} steps first") };
        (n_selected < least).then_some(words)
    };
    let mut entries = vec![
        command("file-text", "Add a note", "T", EditorHandle::add_note).about("comment text markdown"),
        command("file-text", "Select the next note", "M", |handle| {
            handle.next_note();
            handle.take_focus();
        })
        .about("comment text"),
        command("arrow-left", "Select everything before", "U", |handle| handle.select_along(Way::Upstream))
            .about("upstream")
            .refused(few(1)),
        command("arrow-right", "Select everything after", "D", |handle| handle.select_along(Way::Downstream))
            .about("downstream")
            .refused(few(1)),
        command("layers", "Group the selected steps", "G", EditorHandle::group_selected).refused(few(1)),
        command("split", "Ungroup the selected steps", "Shift G", EditorHandle::ungroup_selected).refused(few(1)),
    ];
    let align = |alignment: Alignment| {
        let run = move || handle.align(alignment);
        Entry::run(Group::Commands, "grid-3x3", alignment.words(), run).about("arrange line up").refused(few(2))
    };
    let distribute = |axis: Axis| {
        let run = move || handle.distribute(axis);
        Entry::run(Group::Commands, "grid-3x3", axis.words(), run).about("arrange spread").refused(few(3))
    };
    entries.extend(Alignment::ALL.into_iter().map(align));
    entries.extend(Axis::ALL.into_iter().map(distribute));
    entries
}

/// What is done with it next is done by keys.
fn next_line(handle: EditorHandle) {
    handle.next_line();
    handle.take_focus();
}

fn commands(draft: Draft, replacing: Replacing, left: RwSignal<String>, panel: LeftPanel) -> Vec<Entry> {
    let handle = draft.handle;
    let command = |icon, title: &str, keys, run: Box<dyn Fn() + Send + Sync>| {
        Entry::run(Group::Commands, icon, title, run).keys(keys)
    };
    let is_empty = handle.with_definition(|definition| definition.steps.is_empty());
    let no_steps = is_empty.then(|| "There are no steps yet".to_owned());
    let nothing = handle.selection().with(Vec::is_empty).then(|| "Select a step first".to_owned());
    let is_line = handle.selected_edge().with(Option::is_some);
    let no_undo = (!handle.can_undo().get()).then(|| "There is nothing to undo".to_owned());
    let no_redo = (!handle.can_redo().get()).then(|| "There is nothing to redo".to_owned());
    // Where the views of a phone cover each other, what asks on the canvas is seen there.
    let on_canvas = |act: fn(EditorHandle)| {
        move || {
            draft.shown.set("canvas".to_owned());
            act(draft.handle);
        }
    };
    let show = move |what: &'static str| {
        let view = if what == "agents" { "palette" } else { "steps" };
        move || {
            left.set(what.to_owned());
            draft.shown.set(view.to_owned());
            panel.show();
        }
    };
    vec![
        command("undo-2", "Undo", Command::Undo.keys(), Box::new(move || handle.undo())).refused(no_undo),
        command("redo-2", "Redo", Command::Redo.keys(), Box::new(move || handle.redo())).refused(no_redo),
        command("save", "Save now", Command::Save.keys(), Box::new(move || draft.save())),
        command("file-text", "Search and replace", Command::Replace.keys(), Box::new(move || replacing.open.set(true)))
            .about("find rename text prompt constant"),
        command("copy", "Copy the selected steps", "Ctrl C", Box::new(move || draft.copy_by_menu(false)))
            .refused(nothing.clone()),
        command("scissors", "Cut the selected steps", "Ctrl X", Box::new(move || draft.copy_by_menu(true)))
            .refused(nothing.clone()),
        command("clipboard-paste", "Paste steps", "Ctrl V", Box::new(move || draft.paste_by_menu())),
        command(
            "copy-plus",
            "Duplicate the selected steps",
            Command::Duplicate.keys(),
            Box::new(move || handle.duplicate_selected()),
        )
        .refused(nothing.clone()),
        command("plus", "Add a step", "N", Box::new(on_canvas(EditorHandle::add_by_key))),
        command("spline", "Connect the step to another one", "C", Box::new(on_canvas(EditorHandle::connect_by_key)))
            .refused(nothing.clone()),
        command("spline", "Select the next connection of the step", "L", Box::new(on_canvas(next_line)))
            .about("line edge")
            .refused(nothing.clone().filter(|_| !is_line)),
        command("trash-2", "Delete what is selected", "Del", Box::new(move || handle.delete_selected()))
            .refused(nothing.clone().filter(|_| !is_line)),
        command("lock", "Pin or unpin the selected steps", "P", Box::new(move || handle.toggle_pin())).refused(nothing),
        command("list-checks", "Select all steps", "Ctrl A", Box::new(move || handle.select_all()))
            .refused(no_steps.clone()),
        command("network", "Tidy up", "", Box::new(move || handle.tidy())).about("layout").refused(no_steps.clone()),
        command("maximize", "Fit the workflow into the window", "Shift 1", Box::new(move || handle.fit())),
        command("scan", "Show everything", "Shift 2", Box::new(move || handle.show_all())),
        command("zoom-in", "Zoom in", "+", Box::new(move || handle.zoom_in())),
        command("zoom-out", "Zoom out", "-", Box::new(move || handle.zoom_out())),
        command("list", "Show the list of steps", "", Box::new(show("steps"))).about("outline"),
        command("bot", "Show the agents", "", Box::new(show("agents"))).about("palette library"),
        command(
            "settings",
            "Settings of the workflow",
            "",
            Box::new(move || {
                handle.select(Vec::new());
                draft.shown.set("panel".to_owned());
                super::focus::focus_soon("name".to_owned());
            }),
        )
        .about("name description inputs limits"),
    ]
}
