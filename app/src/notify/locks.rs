//! Locks that the tabs of a browser share, which it takes back when a tab is closed or crashes.
//! Must work without them, for browsers that have none: then each tab has every lock.

use js_sys::{Array, Function, Object, Promise, Reflect};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Shared,
    Exclusive,
}

/// A lock that this tab wants, has, or neither.
#[derive(Clone, Copy)]
pub(super) struct Lock {
    name: &'static str,
    mode: Mode,
    state: StoredValue<State, LocalStorage>,
}

#[derive(Default)]
struct State {
    /// Counts what was wanted and given back: what comes for an older one is given back at once.
    turn: u32,
    is_wanted: bool,
    /// Gives it back.
    release: Option<Function>,
}

impl Lock {
    pub(super) fn new(name: &'static str, mode: Mode) -> Self {
        Self { name, mode, state: StoredValue::new_local(State::default()) }
    }

    /// Waits for it, if it does not already, and holds it until it is released. `on_held` is called once it is this tab's.
    pub(super) fn want(self, on_held: impl Fn() + 'static) {
        let began = self.state.try_update_value(|state| {
            let is_new = !state.is_wanted;
            if is_new {
                state.is_wanted = true;
                state.turn = state.turn.wrapping_add(1);
            }
            is_new.then_some(state.turn)
        });
        let Some(turn) = began.flatten() else { return };
        let Some(locks) = locks() else {
            on_held();
            return;
        };
        let mode = match self.mode {
            Mode::Shared => "shared",
            Mode::Exclusive => "exclusive",
        };
        let state = self.state;
        request(&locks, self.name, ("mode", mode.into()), move |_| {
            if state.try_with_value(|state| state.turn) != Some(turn) {
                return JsValue::UNDEFINED;
            }
            on_held();
            // Held until this promise is fulfilled.
            let held = Promise::new(&mut |release, _| {
                state.try_update_value(|state| state.release = Some(release));
            });
            held.into()
        });
    }

    pub(super) fn release(self) {
        let release = self.state.try_update_value(|state| {
            state.is_wanted = false;
            state.turn = state.turn.wrapping_add(1);
            state.release.take()
        });
        if let Some(release) = release.flatten() {
            // Fulfilling a promise does not fail.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Runs if nobody has the lock at the moment, in whichever mode.
pub(super) fn when_free(name: &str, run: impl Fn() + 'static) {
    let Some(locks) = locks() else {
        run();
        return;
    };
    request(&locks, name, ("ifAvailable", true.into()), move |lock| {
        if !lock.is_null() {
            run();
        }
        JsValue::UNDEFINED
    });
}

/// By name: the bindings have them only as an unstable interface.
fn locks() -> Option<JsValue> {
    let locks = Reflect::get(&window().navigator(), &"locks".into()).ok()?;
    locks.is_object().then_some(locks)
}

fn request(
    locks: &JsValue,
    name: &str,
    (option, value): (&str, JsValue),
    on_held: impl Fn(JsValue) -> JsValue + 'static,
) {
    let options = Object::new();
    // Of a new object any property can be set.
    let _ = Reflect::set(&options, &option.into(), &value);
    let on_held = Closure::<dyn Fn(JsValue) -> JsValue>::new(on_held).into_js_value();
    let asked = Reflect::get(locks, &"request".into())
        .and_then(JsCast::dyn_into::<Function>)
        .and_then(|request| Reflect::apply(&request, locks, &Array::of3(&name.into(), &options, &on_held)))
        .and_then(JsCast::dyn_into::<Promise>);
    if let Ok(asked) = asked {
        spawn_local(async move {
            // Refused where the page is being left: nothing is told there any more.
            let _ = JsFuture::from(asked).await;
        });
    }
}
