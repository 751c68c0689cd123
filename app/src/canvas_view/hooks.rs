//! `window.__canvas`: where things are, for tests that move a real mouse. It tells, and can only fit the view.
//! Rectangles are in window pixels, as a mouse has them.

use canvas::{Board, Point, Rect, Side};
use js_sys::{Object, Reflect};
use leptos::prelude::*;
use wasm_bindgen::{JsValue, closure::Closure};
use workflow::StepKey;

use super::handle::BoardHandle;

const NAME: &str = "__canvas";

pub(super) struct Hooks {
    object: Object,
    /// Kept alive as long as the page may call them.
    _node: Closure<dyn Fn(String) -> JsValue>,
    _port: Closure<dyn Fn(String, String) -> JsValue>,
    _grip: Closure<dyn Fn(String, String, String) -> JsValue>,
    _note: Closure<dyn Fn(String) -> JsValue>,
    _group: Closure<dyn Fn(String) -> JsValue>,
    _camera: Closure<dyn Fn() -> JsValue>,
    _fit: Closure<dyn Fn()>,
    _show_all: Closure<dyn Fn()>,
    _drawn: Closure<dyn Fn() -> f64>,
}

impl Hooks {
    pub(super) fn new(board: BoardHandle) -> Self {
        let corner = move || board.canvas_rect().map_or(Point::ORIGIN, |rect| rect.origin()).to_vec2();
        let node = Closure::<dyn Fn(String) -> JsValue>::new(move |key: String| {
            let rect = board.read(|board| board.node_rect(&StepKey::new(key))).flatten();
            rect.map_or(JsValue::NULL, |rect| js_rect(rect + corner()))
        });
        let port = Closure::<dyn Fn(String, String) -> JsValue>::new(move |key: String, side: String| {
            let side = if side == "in" { Side::In } else { Side::Out };
            let at = board.read(|board| board.port_point(&StepKey::new(key), side)).flatten();
            at.map_or(JsValue::NULL, |at| js_rect(Rect::from_center_size(at + corner(), (10.0, 10.0))))
        });
        let grip =
            Closure::<dyn Fn(String, String, String) -> JsValue>::new(move |from: String, to: String, end: String| {
                let end = if end == "in" { Side::In } else { Side::Out };
                let at = board.read(|board| board.grip_point(&StepKey::new(from), &StepKey::new(to), end)).flatten();
                at.map_or(JsValue::NULL, |at| js_rect(Rect::from_center_size(at + corner(), (10.0, 10.0))))
            });
        let text = Closure::<dyn Fn(String) -> JsValue>::new(move |id: String| {
            let rect = board.read(|board| board.note_place(&id)).flatten();
            rect.map_or(JsValue::NULL, |rect| js_rect(rect + corner()))
        });
        let group = Closure::<dyn Fn(String) -> JsValue>::new(move |id: String| {
            let rect = board.read(|board| board.group_place(&id)).flatten();
            rect.map_or(JsValue::NULL, |rect| js_rect(rect + corner()))
        });
        let camera = Closure::<dyn Fn() -> JsValue>::new(move || {
            board.read(Board::camera).map_or(JsValue::NULL, |camera| {
                js_object(&[("x", camera.origin.x), ("y", camera.origin.y), ("zoom", camera.zoom)])
            })
        });
        let fit = Closure::<dyn Fn()>::new(move || {
            board.act(Board::fit);
        });
        let show_all = Closure::<dyn Fn()>::new(move || {
            board.act(Board::show_all);
        });
        // How many frames were drawn: while nothing changes, none is.
        let drawn = Closure::<dyn Fn() -> f64>::new(move || board.n_drawn.try_get_value().map_or(0.0, f64::from));
        let object = Object::new();
        for (name, function) in [
            ("nodeRect", node.as_ref()),
            ("portRect", port.as_ref()),
            ("gripRect", grip.as_ref()),
            ("noteRect", text.as_ref()),
            ("groupRect", group.as_ref()),
            ("camera", camera.as_ref()),
            ("fit", fit.as_ref()),
            ("showAll", show_all.as_ref()),
            ("drawn", drawn.as_ref()),
        ] {
            set(&object, name, function);
        }
        // What is compared lies over the canvas of the page, which keeps the name.
        if !board.read(Board::is_compared).unwrap_or(false) {
            set(&window(), NAME, &object);
        }
        Self {
            object,
            _node: node,
            _port: port,
            _grip: grip,
            _note: text,
            _group: group,
            _camera: camera,
            _fit: fit,
            _show_all: show_all,
            _drawn: drawn,
        }
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        // Another canvas may have taken the name over meanwhile.
        if Reflect::get(&window(), &NAME.into()).is_ok_and(|known| known == *self.object) {
            set(&window(), NAME, &JsValue::UNDEFINED);
        }
    }
}

fn js_rect(rect: Rect) -> JsValue {
    js_object(&[("x", rect.x0), ("y", rect.y0), ("width", rect.width()), ("height", rect.height())])
}

fn js_object(fields: &[(&str, f64)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        set(&object, name, &JsValue::from_f64(*value));
    }
    object.into()
}

fn set(target: &JsValue, name: &str, value: &JsValue) {
    // Fails only for objects that are frozen, which neither is.
    let _ = Reflect::set(target, &name.into(), value);
}
