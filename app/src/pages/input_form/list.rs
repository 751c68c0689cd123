//! A list as rows: to add, remove and move, with what is wrong at its cell. Lines that are pasted become rows.
//! Must never lose what is typed: a cell that does not fit keeps it, and a list that rows cannot show is written as JSON.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;

use super::{
    group::{Group, control_view, help_of},
    rows::{Cells, Column, cells, faults, pasted, text},
};
use crate::components::{Button, Fault, Field, IconButton, Size, dom::focus_soon};
use crate::reactive::{effect_with, memo, tie};

#[derive(Clone, Copy)]
struct List {
    /// The JSON that is kept.
    kept: RwSignal<String>,
    columns: StoredValue<Vec<Column>>,
    cells: Memo<Option<Cells>>,
    error: RwSignal<Option<String>>,
    id: StoredValue<String>,
}

impl List {
    fn change(self, change: impl FnOnce(&[Column], Cells) -> Cells) {
        let before = self.cells.get_untracked().unwrap_or_default();
        self.columns.with_value(|columns| {
            let after = change(columns, before);
            self.kept.set(text(columns, &after));
        });
    }

    fn cell_id(self, row: usize, column: usize) -> String {
        self.id.with_value(|id| format!("{id}-{row}-{column}"))
    }

    fn n(self) -> usize {
        self.cells.with(|cells| cells.as_ref().map(Vec::len)).unwrap_or_default()
    }

    fn add(self) {
        let row = untrack(|| self.n());
        self.change(|columns, mut cells| {
            cells.push(vec![String::new(); columns.len()]);
            cells
        });
        focus_soon(self.cell_id(row, 0));
    }

    /// The keyboard stays in the list.
    fn remove(self, row: usize) {
        self.change(|_, mut cells| {
            if row < cells.len() {
                cells.remove(row);
            }
            cells
        });
        let n = untrack(|| self.n());
        focus_soon(if n == 0 { self.id.get_value() } else { self.cell_id(row.min(n - 1), 0) });
    }

    /// The keyboard goes along: pressed again, the button would move the other row back.
    fn swap(self, row: usize, other: usize) {
        self.change(|_, mut cells| {
            if row.max(other) < cells.len() {
                cells.swap(row, other);
            }
            cells
        });
        focus_soon(self.cell_id(other, 0));
    }
}

#[component]
pub(super) fn ListInput(
    id: String,
    kept: RwSignal<String>,
    columns: Vec<Column>,
    label: String,
    help: String,
    error: RwSignal<Option<String>>,
    is_required: bool,
) -> impl IntoView {
    let columns = StoredValue::new(columns);
    let shown = memo(move || columns.with_value(|columns| kept.with(|kept| cells(columns, kept))));
    let group = Group::new(id, label, help, error, is_required);
    let id = group.id;
    let list = List { kept, columns, cells: shown, error, id };
    let n = memo(move || list.n());
    let is_json = memo(move || shown.with(Option::is_none));
    let as_rows = move || {
        view! {
            <fieldset
                id=id.get_value()
                class="field list-input"
                aria-invalid=move || (n.get() == 0 && error.with(Option::is_some)).then_some("true")
                aria-describedby=move || group.described_by()
                tabindex="-1"
            >
                {group.head()}
                <For each=move || 0..n.get() key=|row| *row let:row>
                    <Row list row n/>
                </For>
                <Fault text=error of=id.get_value()/>
                <div class="row">
                    <Button size=Size::Sm icon="plus" on_click=move |()| list.add()>"Add a row"</Button>
                    <span class="small muted">"Lines that you paste become rows"</span>
                </div>
            </fieldset>
        }
        .into_any()
    };
    move || if is_json.get() { group.as_json(kept) } else { as_rows() }
}

#[component]
fn Row(list: List, row: usize, n: Memo<usize>) -> impl IntoView {
    let n_columns = list.columns.with_value(Vec::len);
    let cells = (0..n_columns).map(|column| view! { <Cell list row column/> }).collect_view();
    let of = move |before: &str, after: &str| format!("{before}row {}{after}", row + 1);
    let paste = move |event: ev::ClipboardEvent| {
        let field = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
        let text = event.clipboard_data().and_then(|data| data.get_data("text/plain").ok()).unwrap_or_default();
        let column =
            field.and_then(|field| field.id().rsplit('-').next().and_then(|column| column.parse::<usize>().ok()));
        let has_cells = n_columns > 1 && text.contains('\t');
        let Some(column) = column.filter(|_| text.trim_end().contains('\n') || has_cells) else { return };
        event.prevent_default();
        list.change(|columns, cells| pasted(columns, cells, (row, column), &text));
    };
    view! {
        <div class="list-entry" role="group" aria-label=of("", "") data-wide=(n_columns > 1).to_string() on:paste=paste>
            <div class="list-cells">{cells}</div>
            <div class="list-buttons">
                <IconButton
                    icon="arrow-up"
                    label=of("Move ", " up")
                    size=Size::Sm
                    disabled=Signal::stored(row == 0)
                    on_click=move |()| list.swap(row, row.saturating_sub(1))
                />
                <IconButton
                    icon="arrow-down"
                    label=of("Move ", " down")
                    size=Size::Sm
                    disabled=Signal::derive(move || row + 1 >= n.get())
                    on_click=move |()| list.swap(row, row + 1)
                />
                <IconButton icon="x" label=of("Remove ", "") size=Size::Sm on_click=move |()| list.remove(row)/>
            </div>
        </div>
    }
}

#[component]
fn Cell(list: List, row: usize, column: usize) -> impl IntoView {
    let known = memo(move || {
        list.cells.with(|cells| {
            let cell = cells.as_ref().and_then(|cells| cells.get(row)?.get(column).cloned());
            cell.unwrap_or_default()
        })
    });
    let value = RwSignal::new(known.get_untracked());
    tie(known, value, move |now| {
        list.change(|_, mut cells| {
            if let Some(cell) = cells.get_mut(row).and_then(|row| row.get_mut(column)) {
                *cell = now;
            }
            cells
        });
    });
    // Told once the form was sent, and until the cell is worked on.
    let told = RwSignal::new(None::<String>);
    effect_with(move |before: Option<Option<String>>| {
        let error = list.error.get();
        if before.is_none_or(|before| before != error) && error.is_some() {
            told.set(list.columns.with_value(|columns| {
                let cells = list.cells.get_untracked().unwrap_or_default();
                let found = faults(columns, &cells).into_iter().find(|(place, _)| *place == (row, column));
                found.map(|(_, fault)| fault)
            }));
        }
        error
    });
    effect_with(move |before: Option<String>| {
        let now = value.get();
        if before.is_some_and(|before| before != now) {
            told.set(None);
        }
        now
    });
    let Some(of) = list.columns.with_value(|columns| columns.get(column).cloned()) else { return ().into_any() };
    let label = of.field.clone().unwrap_or_else(|| format!("Row {}", row + 1));
    let (help, is_required) = (help_of(of.control, &of.schema), of.is_required);
    view! {
        <Field id=list.cell_id(row, column) label help error=told required=is_required optional=!is_required>
            {control_view(of.control, &of.schema, value)}
        </Field>
    }
    .into_any()
}
