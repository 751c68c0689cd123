//! Whether a key that writes a character is a shortcut. Who speaks to the machine, or presses keys by accident, switches that off.
//! A person's own setting, kept in this browser and asked at each press; must never take a key away that is held with Ctrl.

use crate::components::{remember, remembered};

const KEY: &str = "single-keys";

/// Only in the browser.
pub fn are_on() -> bool {
    remembered(KEY).as_deref() != Some("off")
}

pub fn switch(on: bool) {
    remember(KEY, if on { "on" } else { "off" });
}
