//! Something that one wants to see or not, as a switch that this device keeps: of a person until somebody else signs in there, or of the
//! device itself. Must never keep anything of what stands on a page.

use leptos::prelude::*;

use crate::{
    components::{remember, remembered},
    device,
    reactive::effect,
};

#[derive(Clone, Debug)]
enum Place {
    /// None where nobody is signed in: then it is kept nowhere.
    OfPerson(Option<String>),
    OfDevice(&'static str),
}

impl Place {
    /// Only in the browser.
    fn read(&self) -> Option<bool> {
        let text = match self {
            Self::OfPerson(place) => device::read(place.as_deref()?),
            Self::OfDevice(key) => remembered(key),
        };
        text.map(|text| text == "on")
    }

    fn write(&self, is_on: bool) {
        let text = if is_on { "on" } else { "off" };
        match self {
            Self::OfPerson(place) => {
                // A browser that keeps nothing begins as if nobody had wished anything.
                let _ = place.as_deref().is_some_and(|place| device::write(place, text));
            }
            Self::OfDevice(key) => remember(key, text),
        }
    }
}

#[derive(Clone, Copy)]
pub struct Wish {
    is_on: RwSignal<bool>,
    place: StoredValue<Place>,
}

impl Wish {
    /// Off until the person switches it on.
    pub fn of_person(name: &str) -> Self {
        Self::new(Place::OfPerson(device::place(name)), false, || false)
    }

    /// `is_on` in the first picture; `otherwise` is asked in the browser where nobody has wished anything yet.
    pub fn of_device(key: &'static str, is_on: bool, otherwise: fn() -> bool) -> Self {
        Self::new(Place::OfDevice(key), is_on, otherwise)
    }

    fn new(place: Place, is_on: bool, otherwise: fn() -> bool) -> Self {
        let wish = Self { is_on: RwSignal::new(is_on), place: StoredValue::new(place) };
        effect(move || {
            let now = wish.place.with_value(Place::read).unwrap_or_else(otherwise);
            if wish.is_on.get_untracked() != now {
                wish.is_on.set(now);
            }
        });
        wish
    }

    pub fn is_on(self) -> bool {
        self.is_on.get()
    }

    pub fn set(self, is_on: bool) {
        self.is_on.set(is_on);
        self.place.with_value(|place| place.write(is_on));
    }

    pub fn toggle(self) {
        self.set(!self.is_on.get_untracked());
    }
}
