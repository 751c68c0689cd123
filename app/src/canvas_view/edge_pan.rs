//! Counts the ticks by which the picture moves under what is held at its edge: only the clock is here, the movement is the board's.
//! It asks for frames while the board wants ticks, and for none otherwise.

use canvas::{Board, Input, TICK_MS};
use leptos::prelude::*;

use super::handle::BoardHandle;

/// What a browser that was busy has missed is not caught up with.
const MOST: u32 = 4;

/// Begins to count, unless somebody does already.
pub(super) fn drive(board: BoardHandle) {
    let is_first = wants_ticks(board)
        && board.is_ticking.try_update_value(|is_ticking| !std::mem::replace(is_ticking, true)).unwrap_or(false);
    if is_first {
        next(board, js_sys::Date::now());
    }
}

fn wants_ticks(board: BoardHandle) -> bool {
    board.read(Board::wants_ticks).unwrap_or(false)
}

fn next(board: BoardHandle, counted: f64) {
    request_animation_frame(move || {
        let (n, counted) = ticks_until(counted, js_sys::Date::now());
        for _ in 0..n {
            board.input(Input::Tick);
        }
        if wants_ticks(board) {
            next(board, counted);
        } else {
            // Nobody is left to count for once the page is gone.
            let _ = board.is_ticking.try_update_value(|is_ticking| *is_ticking = false);
        }
    });
}

/// How many ticks have passed, and up to when they are counted.
fn ticks_until(counted: f64, now: f64) -> (u32, f64) {
    let (mut n, mut counted) = (0, counted);
    while n < MOST && now - counted >= TICK_MS {
        n += 1;
        counted += TICK_MS;
    }
    // A clock that was set back, or a page that slept.
    let is_off = now < counted || now - counted >= TICK_MS;
    (n, if is_off { now } else { counted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_counted_by_the_clock_and_never_caught_up_with() {
        let (n, counted) = ticks_until(0.0, 40.0);
        assert_eq!(n, 2);
        assert_eq!(ticks_until(counted, 51.0).0, 1, "what was left over counts");
        assert_eq!(ticks_until(0.0, 9.0).0, 0);
        assert_eq!(ticks_until(0.0, 5000.0), (4, 5000.0));
        assert_eq!(ticks_until(5000.0, 10.0), (0, 10.0));
    }
}
