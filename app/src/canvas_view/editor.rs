//! `EditorHandle`: what the editor page calls, and the canvas it drives.
//! Every change of the draft goes through `dispatch`, so that it can be undone; nothing may write to the definition beside it.

use crate::reactive::memo;
use canvas::{
    Board, Choice, Clip, Document, Edit, End, Input, Key, Mods, OutlineRow, Output, PaletteItem, Question, Refused,
    Visitor, WheelMode, clip::Outside, history::Kept,
};
use leptos::prelude::*;
use web_sys::PointerEvent;
use workflow::{AgentCatalog, Definition, Problem, RunView, StepKey, TemplateId, api::AgentView};

use super::{
    handle::{Asked, BoardHandle},
    minimap::Minimap,
    palette,
    surface::Surface,
};

/// The draft being edited: a Copy handle for the page, its panels and its toolbar.
#[derive(Clone, Copy)]
pub struct EditorHandle {
    pub(super) board: BoardHandle,
    pub(super) drag: palette::PaletteDrag,
}

impl EditorHandle {
    pub fn new(document: Document, agents: AgentCatalog) -> Self {
        Self { board: BoardHandle::new(Board::editor(document, agents)), drag: palette::PaletteDrag::new() }
    }

    /// Reads the draft, and reads it again in reactive places whenever it changed.
    pub fn with_definition<R>(self, f: impl FnOnce(&Definition) -> R) -> R {
        self.board.revision.track();
        self.with_definition_untracked(f)
    }

    pub fn with_definition_untracked<R>(self, f: impl FnOnce(&Definition) -> R) -> R {
        self.with_document_untracked(|document| f(&document.definition))
    }

    /// The same with the name and the description.
    pub fn with_document<R>(self, f: impl FnOnce(&Document) -> R) -> R {
        self.board.revision.track();
        self.with_document_untracked(f)
    }

    pub fn with_document_untracked<R>(self, f: impl FnOnce(&Document) -> R) -> R {
        let mut f = Some(f);
        let read = self.board.read(|board| f.take().map(|f| f(board.document()))).flatten();
        read.unwrap_or_else(|| {
            // The board is gone only while the page is being taken down; an empty draft is then as good as any.
            let f = f.expect("a board that is not there has not taken the closure");
            f(&Document::default())
        })
    }

    pub fn definition(self) -> Signal<Definition> {
        Signal::derive(move || self.with_definition(Clone::clone))
    }

    /// Counts the changes of the draft: autosave follows it.
    pub fn revision(self) -> Signal<u64> {
        self.board.revision.into()
    }

    /// Applies an edit; refused ones leave the draft as it was.
    pub fn dispatch(self, edit: Edit, label: &str) -> Result<(), Refused> {
        self.board.act(|board| board.dispatch(edit, label)).unwrap_or(Ok(()))
    }

    /// Shows how the steps stand in a try of the draft, or nothing of one any more.
    pub fn set_tried(self, run: Option<&RunView>) {
        self.board.act(|board| board.set_tried(run));
    }

    /// Shows what others have selected.
    pub fn set_visitors(self, visitors: Vec<Visitor>) {
        self.board.act(|board| board.set_visitors(visitors));
    }

    /// Says something to who cannot see it, when the reader of the screen has time.
    pub fn say(self, words: String) {
        self.board.say(words);
    }

    /// The pointer is in the middle of something: an edit now would end it.
    pub fn is_held(self) -> bool {
        self.drag.is_on() || self.board.read(Board::is_held).unwrap_or(false)
    }

    /// Ends what consecutive typing is undone together: call it when a field loses the focus.
    pub fn seal(self) {
        self.board.act_silently(Board::seal);
    }

    /// Shows another draft, as after a conflict. Nothing before it can be undone.
    pub fn replace(self, document: Document) {
        self.board.act(|board| board.replace(document));
    }

    /// What can be undone and redone, as far as it fits into so many bytes.
    pub fn kept_history(self, max_bytes: usize) -> Kept {
        self.board.read(|board| board.history().kept(max_bytes)).unwrap_or_default()
    }

    pub fn take_up_history(self, kept: Kept) {
        self.board.act(|board| board.take_up_history(kept));
    }

    /// The selected steps as the text of a clipboard; nothing where none is selected.
    pub fn copied(self, workflow: TemplateId) -> Option<String> {
        let clip = self.board.read(Board::copy).flatten()?;
        self.board.say(format!("{} copied", clip.words()));
        Some(clip.from_workflow(workflow).to_text())
    }

    /// Takes the selected steps away, once they are on the clipboard.
    pub fn cut(self) {
        if let Some((_, outputs)) = self.board.act(Board::cut) {
            self.board.emit(outputs);
        }
    }

    /// Puts what a clipboard held onto the canvas.
    pub fn paste(self, clip: &Clip, workflow: TemplateId) {
        let outside = if clip.workflow == Some(workflow) { Outside::Keep } else { Outside::Drop };
        if let Some(outputs) = self.board.act(|board| board.paste(clip, outside)) {
            self.board.emit(outputs);
        }
    }

    pub fn duplicate_selected(self) {
        if let Some(outputs) = self.board.act(Board::duplicate_selected) {
            self.board.emit(outputs);
        }
    }

    pub fn select_all(self) {
        if let Some(outputs) = self.board.act(Board::select_all) {
            self.board.emit(outputs);
        }
    }

    /// Says something over the canvas, until the next press.
    pub fn say_over(self, words: String) {
        self.board.emit(vec![Output::Note(words)]);
    }

    pub fn undo(self) {
        self.travel(Board::undo, "Undone");
    }

    pub fn redo(self) {
        self.travel(Board::redo, "Redone");
    }

    fn travel(self, step: fn(&mut Board) -> Result<Option<String>, Refused>, verb: &str) {
        match self.board.act(step) {
            Some(Ok(Some(label))) => self.board.say(format!("{verb}: {label}")),
            Some(Err(refused)) => {
                let words = self.board.read(|board| board.words_of(&refused));
                self.board.emit(words.into_iter().map(Output::Refused).collect());
            }
            Some(Ok(None)) | None => {}
        }
    }

    pub fn can_undo(self) -> Signal<bool> {
        let label = self.board.undo_label;
        Signal::derive(move || label.with(Option::is_some))
    }

    pub fn can_redo(self) -> Signal<bool> {
        let label = self.board.redo_label;
        Signal::derive(move || label.with(Option::is_some))
    }

    /// What undo would take back, for its tooltip.
    pub fn undo_label(self) -> Signal<Option<String>> {
        self.board.undo_label.into()
    }

    pub fn redo_label(self) -> Signal<Option<String>> {
        self.board.redo_label.into()
    }

    /// The selected steps; the last one is where the keyboard stands.
    pub fn selection(self) -> Signal<Vec<StepKey>> {
        self.board.selection.into()
    }

    /// The one selected step, if it is one.
    pub fn selected(self) -> Memo<Option<StepKey>> {
        let selection = self.board.selection;
        memo(move || selection.with(|keys| if let [key] = keys.as_slice() { Some(key.clone()) } else { None }))
    }

    pub fn selected_edge(self) -> Signal<Option<(StepKey, StepKey)>> {
        self.board.selected_edge.into()
    }

    /// Selects from outside the canvas and shows it there.
    pub fn select(self, keys: Vec<StepKey>) {
        if let Some(outputs) = self.board.act(|board| board.select_keys(keys, true)) {
            self.board.emit(outputs);
        }
    }

    /// Takes a step into what is selected, or out of it.
    pub fn toggle_selected(self, key: &StepKey) {
        self.acted(|board| board.toggle_selected(key));
    }

    /// Changes whenever a step is opened by double click or Enter.
    pub fn opened(self) -> Signal<Option<StepKey>> {
        self.board.opened.into()
    }

    /// The menu that was asked for on the canvas; none once it is closed.
    pub fn asked(self) -> RwSignal<Option<Asked>> {
        self.board.asked
    }

    /// The steps as a list; read again in reactive places whenever the draft or its problems changed.
    pub fn outline(self) -> Vec<OutlineRow> {
        self.board.revision.track();
        self.board.read(Board::outline).unwrap_or_default()
    }

    /// Every other step, with why this one cannot be connected to it.
    pub fn ends_from(self, from: &StepKey) -> Vec<End> {
        self.board.revision.track();
        self.board.read(|board| board.ends_from(from)).unwrap_or_default()
    }

    pub fn connect(self, from: &StepKey, to: &StepKey) {
        self.acted(|board| board.connect_keys(from, to));
    }

    pub fn disconnect(self, from: &StepKey, to: &StepKey) {
        self.acted(|board| board.disconnect_keys(from, to));
    }

    /// Changes places with the step beside it.
    pub fn move_in_outline(self, key: &StepKey, is_up: bool) {
        self.acted(|board| board.move_in_outline(key, is_up));
    }

    pub(super) fn acted(self, act: impl FnOnce(&mut Board) -> Vec<Output>) {
        if let Some(outputs) = self.board.act(act) {
            self.board.emit(outputs);
        }
    }

    pub fn delete_selected(self) {
        if let Some(outputs) = self.board.act(Board::delete_selected) {
            self.board.emit(outputs);
        }
    }

    pub fn fit(self) {
        self.board.act(Board::fit);
    }

    /// Everything, however small.
    pub fn show_all(self) {
        self.board.act(Board::show_all);
    }

    pub fn zoom_in(self) {
        self.board.act(|board| board.zoom_by(1.25));
    }

    pub fn zoom_out(self) {
        self.board.act(|board| board.zoom_by(0.8));
    }

    /// 1 is life size.
    pub fn zoom_to(self, zoom: f64) {
        self.board.act(|board| board.zoom_to(zoom));
    }

    pub fn zoom(self) -> Signal<f64> {
        self.board.zoom.into()
    }

    /// Lays out the selected steps, or all.
    pub fn tidy(self) {
        if let Some(outputs) = self.board.act(Board::tidy) {
            self.board.emit(outputs);
        }
    }

    /// The selected steps stay where they are, whatever is tidied up.
    pub fn is_pinned(self) -> Signal<bool> {
        self.board.is_pinned.into()
    }

    pub fn toggle_pin(self) {
        if let Some(outputs) = self.board.act(Board::toggle_pin) {
            self.board.emit(outputs);
        }
    }

    /// Not everything is in view, so that the small map is of use.
    pub fn needs_map(self) -> Signal<bool> {
        self.board.needs_map.into()
    }

    /// Puts the keyboard where it was on the canvas.
    pub fn take_focus(self) {
        self.board.wants_focus.set_value(true);
        self.board.act(Board::redraw_all);
    }

    /// Whether the wheel zooms instead of panning.
    pub fn set_wheel_zooms(self, zooms: bool) {
        self.board.act(|board| board.set_wheel_mode(if zooms { WheelMode::Zoom } else { WheelMode::Pan }));
    }

    /// The validator's findings, as badges.
    pub fn set_problems(self, problems: Vec<Problem>) {
        self.board.act(|board| board.set_problems(problems));
    }

    pub fn set_agents(self, agents: AgentCatalog) {
        self.board.act(|board| board.set_agents(agents));
    }

    /// The words why the last connection or edit was refused, until the next press.
    pub fn refused(self) -> Signal<Option<String>> {
        self.board.refused.into()
    }

    /// Call it on `pointerdown` of a palette item: from here the drag runs by itself.
    pub fn begin_palette_drag(self, agent: &AgentView, event: &PointerEvent) {
        palette::begin(self.board, self.drag, agent, event);
    }

    /// What is being asked on the canvas: which agent a step is to have, or where a line is to lead.
    pub fn question(self) -> Signal<Option<Question>> {
        self.board.question.into()
    }

    pub fn choices(self) -> Vec<Choice> {
        self.board.read(Board::choices).unwrap_or_default()
    }

    /// Shows on the canvas what the list of choices points at.
    pub fn point_at(self, value: &str) {
        if let Some(outputs) = self.board.act(|board| board.point_at(value)) {
            self.board.emit(outputs);
        }
    }

    pub fn choose(self, value: &str) {
        if let Some(outputs) = self.board.act(|board| board.choose(value)) {
            self.board.emit(outputs);
        }
    }

    /// Nothing is chosen: what was being drawn is gone.
    pub fn give_up_choosing(self) {
        if self.board.read(|board| board.question().is_some()).unwrap_or(false) {
            self.board.input(Input::Cancel);
        }
    }

    /// Asks for the agent of a step after the selected one, or here.
    pub fn add_by_key(self) {
        self.board.input(Input::Key { key: Key::Char('n'), mods: Mods::default() });
    }

    /// Asks where a line from the selected step is to lead.
    pub fn connect_by_key(self) {
        self.board.input(Input::Key { key: Key::Char('c'), mods: Mods::default() });
    }

    /// Call it on `click` of a palette item: adds the agent, unless the click ended a drag.
    pub fn press_agent(self, agent: &AgentView) {
        if !self.drag.take_was_dragged() {
            self.add_agent(agent);
        }
    }

    /// Adds the agent onto the selected line, after the selected step, or else in the middle.
    pub fn add_agent(self, agent: &AgentView) {
        let item = PaletteItem::from(agent);
        if let Some(outputs) = self.board.act(|board| board.add_where_it_fits(&item)) {
            self.board.emit(outputs);
        }
    }
}

/// The canvas to build on. Goes into a `.canvas-stage`.
#[component]
pub fn EditorCanvas(state: EditorHandle) -> impl IntoView {
    view! {
        <Surface board=state.board label="Workflow canvas"/>
        <Minimap board=state.board/>
    }
}
