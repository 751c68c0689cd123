//! The stage: contexts, sizes, theme and the one animation frame. It draws what the board says is dirty, and nothing while idle.
//! It lives in the browser only, from the first effect to the cleanup, and takes every listener down with it.

use std::time::Duration;

use canvas::{Flow, Size};
use js_sys::Reflect;
use leptos::{prelude::*, reactive::send_wrapper_ext::SendOption};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    CanvasRenderingContext2d, HtmlCanvasElement, HtmlDivElement, HtmlElement, HtmlUListElement, MediaQueryList,
};

use super::{
    draw::{Brush, TextCache},
    handle::BoardHandle,
    hooks::Hooks,
    mirror::Mirror,
    theme::{REDUCED_MOTION, Theme, media},
    watchers::Watchers,
};
use crate::link::Link;

/// More pixels than this are not worth their time.
const MAX_PIXELS: f64 = 16.0 * 1024.0 * 1024.0;
/// What moves by itself is drawn at most this often.
const MOTION_MS: f64 = 33.0;
/// The small map is drawn anew at most this often.
const MAP_MS: f64 = 250.0;
/// The accessible list of what goes on by itself is brought up to date at most this often.
const LIST_MS: f64 = 250.0;
/// While the picture moves, what is in view is another with each frame: hundreds of rows come and go, and are gone before they are read.
const MOVING_LIST_MS: f64 = 1_000.0;
/// Windows narrower than this show a picture from top to bottom, as the style sheet knows.
const NARROW: f64 = 1_120.0;
/// One turn of the ring of a running step.
const TURN_MS: f64 = 1_400.0;

/// Without a wrapper while empty: the server drops it on another thread than it made it on.
pub(super) type StageRef = StoredValue<SendOption<Stage>>;

pub(super) struct Stage {
    base: Layer,
    overlay: Layer,
    theme: Theme,
    texts: TextCache,
    mirror: Mirror,
    mirror_pace: Pace,
    map: MapLayer,
    reduced_motion: Option<MediaQueryList>,
    is_scheduled: bool,
    /// Somebody comes back with the next second.
    is_clock_set: bool,
    /// While the server is not heard nobody knows how long a step goes on.
    link: Option<Link>,
    last_motion: f64,
    size: Size,
    ratio: f64,
    /// Something may have another size. Asking costs a layout of the page, which must not be paid in each frame.
    is_resized: bool,
    /// Kept alive, and taken down with the stage.
    _watchers: Watchers,
    _hooks: Hooks,
}

/// What a frame leaves to be done.
#[derive(Clone, Copy, Default)]
struct Wanted {
    /// Something moves, or is to be drawn yet.
    frame: bool,
    /// Times in view count on.
    second: bool,
}

/// The small map comes and goes with the need for it.
#[derive(Default)]
struct MapLayer {
    layer: Option<Layer>,
    size: Size,
    pace: Pace,
}

/// Of what may follow in a moment: whether it does, and when it was brought up to date last.
#[derive(Clone, Copy, Default)]
struct Pace {
    is_behind: bool,
    last: f64,
}

impl Pace {
    /// Whether it is to be brought up to date now, which it then counts as.
    fn takes(&mut self, every_ms: f64, now: f64) -> bool {
        let is_due = self.is_behind && now - self.last >= every_ms;
        if is_due {
            *self = Self { is_behind: false, last: now };
        }
        is_due
    }
}

fn list_every(is_moving: bool) -> f64 {
    if is_moving { MOVING_LIST_MS } else { LIST_MS }
}

struct Layer {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
}

impl Layer {
    fn new(canvas: HtmlCanvasElement, is_opaque: bool) -> Option<Self> {
        let options = js_sys::Object::new();
        Reflect::set(&options, &"alpha".into(), &JsValue::from_bool(!is_opaque)).ok()?;
        let context = canvas.get_context_with_context_options("2d", &options).ok()??.dyn_into().ok()?;
        Some(Self { canvas, context })
    }

    fn resize(&self, size: Size, ratio: f64) {
        let pixels = |length: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a screen's size")]
            let pixels = (length * ratio).round().clamp(1.0, 32_767.0) as u32;
            pixels
        };
        self.canvas.set_width(pixels(size.width));
        self.canvas.set_height(pixels(size.height));
    }
}

impl Stage {
    pub(super) fn new(
        board: BoardHandle,
        stage: StageRef,
        [base, overlay]: [HtmlCanvasElement; 2],
        mirror: HtmlDivElement,
        list: HtmlUListElement,
        link: Option<Link>,
    ) -> Option<Self> {
        let theme = Theme::new(&mirror)?;
        let changed = move || {
            stage.try_update_value(|stage| {
                if let Some(stage) = stage.as_mut() {
                    stage.change_theme(board);
                }
            });
        };
        let watchers = Watchers::new(&overlay, move || resized(board, stage), changed)?;
        Some(Self {
            base: Layer::new(base, true)?,
            overlay: Layer::new(overlay, false)?,
            theme,
            texts: TextCache::default(),
            mirror: Mirror::new(mirror, list),
            mirror_pace: Pace::default(),
            map: MapLayer::default(),
            reduced_motion: media(REDUCED_MOTION),
            is_scheduled: false,
            is_clock_set: false,
            link,
            last_motion: 0.0,
            size: Size::ZERO,
            ratio: 0.0,
            is_resized: true,
            _watchers: watchers,
            _hooks: Hooks::new(board),
        })
    }

    /// Fits the backing stores to the place on the page and to its pixels.
    fn measure(&mut self, board: BoardHandle) {
        if !std::mem::take(&mut self.is_resized) {
            return;
        }
        // The map is asked when it is drawn next.
        self.map.size = Size::ZERO;
        let size =
            Size::new(f64::from(self.overlay.canvas.client_width()), f64::from(self.overlay.canvas.client_height()));
        let ratio = window().device_pixel_ratio().max(0.5);
        let ratio = ratio.min((MAX_PIXELS / (size.width * size.height).max(1.0)).sqrt());
        if size == self.size && (ratio - self.ratio).abs() < f64::EPSILON {
            return;
        }
        (self.size, self.ratio) = (size, ratio);
        self.base.resize(size, ratio);
        self.overlay.resize(size, ratio);
        let width = crate::components::dom::window_width().unwrap_or(NARROW);
        board.act(|board| {
            board.set_flow(if width < NARROW { Flow::Down } else { Flow::Right });
            board.set_viewport(size);
            board.redraw_all();
        });
    }

    /// Draws what is dirty; answers what is wanted next.
    fn draw(&mut self, board: BoardHandle, now: f64) -> Wanted {
        self.measure(board);
        let may_move = !self.reduced_motion.as_ref().is_some_and(MediaQueryList::matches);
        let is_due = now - self.last_motion >= MOTION_MS;
        let is_lost = self.link.and_then(Link::lost_since_untracked).is_some();
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit an i64")]
        let told = (!is_lost).then_some(now as i64);
        let mut pace = self.mirror_pace;
        let Some((frame, wanted)) = board.act_silently(|board| {
            board.tell_time(told);
            let dirty = board.take_dirty();
            let moves = may_move && board.has_motion();
            let phase = moves.then(|| (now / TURN_MS).fract());
            let parts = if dirty.nodes && !dirty.base { board.paint_parts() } else { None };
            let base = (dirty.base || (dirty.nodes && parts.is_none())).then(|| board.paint());
            let overlay = (dirty.overlay || dirty.base || (moves && is_due)).then(|| board.paint_overlay(phase));
            pace.is_behind |= dirty.mirror_soon;
            let list = (dirty.mirror || pace.takes(list_every(dirty.camera), now)).then(|| board.mirror());
            let camera = board.camera();
            // What is seen is drawn with its lines led around cards. The others find their ways while nothing is drawn.
            let lacks_ways = if base.is_some() { board.lacks_ways() } else { board.find_ways() };
            let frame = moves || lacks_ways || (pace.is_behind && list.is_none());
            let wanted = Wanted { frame, second: board.counts_time() };
            ((base, parts.unwrap_or_default(), overlay, list, camera, board.cursor(), dirty.map), wanted)
        }) else {
            return Wanted::default();
        };
        let (base, parts, overlay, list, camera, cursor, is_map_dirty) = frame;
        if base.is_some() || overlay.is_some() || !parts.is_empty() {
            board.n_drawn.try_update_value(|n| *n = n.wrapping_add(1));
        }
        if let Some(list_of_shapes) = base {
            let mut brush = Brush::new(&self.base.context, &self.theme, &mut self.texts, self.ratio);
            list_of_shapes.render(&mut brush);
        }
        for part in parts {
            Brush::new(&self.base.context, &self.theme, &mut self.texts, self.ratio).render_part(&part);
        }
        if let Some(list_of_shapes) = overlay {
            let mut brush = Brush::new(&self.overlay.context, &self.theme, &mut self.texts, self.ratio);
            list_of_shapes.render(&mut brush);
            self.last_motion = now;
            // Setting a style fails only for read-only declarations, which this is not.
            let _ = HtmlElement::style(&self.overlay.canvas).set_property("cursor", cursor.css());
        }
        self.mirror_pace = pace;
        if let Some(nodes) = list {
            self.mirror.update(nodes);
            self.mirror_pace = Pace { is_behind: false, last: now };
        }
        self.mirror.follow(camera);
        let wants_map = self.draw_map(board, is_map_dirty, now);
        Wanted { frame: wanted.frame || wants_map, ..wanted }
    }

    /// Draws the small map, if it is there; answers whether it could not yet.
    fn draw_map(&mut self, board: BoardHandle, is_dirty: bool, now: f64) -> bool {
        let map = &mut self.map;
        map.pace.is_behind |= is_dirty;
        let Some(canvas) = board.map.get_untracked() else {
            map.layer = None;
            return false;
        };
        if map.layer.as_ref().is_none_or(|layer| layer.canvas != canvas) {
            map.layer = Layer::new(canvas, false);
            map.size = Size::ZERO;
        }
        let Some(layer) = &map.layer else { return false };
        if map.size == Size::ZERO {
            map.size = Size::new(f64::from(layer.canvas.client_width()), f64::from(layer.canvas.client_height()));
            layer.resize(map.size, self.ratio);
            map.pace = Pace { is_behind: true, last: 0.0 };
        }
        let size = map.size;
        if let (Some(frame), Some(view)) =
            (board.map_frame.get_untracked(), board.read(|board| board.minimap_view(size)).flatten())
        {
            let px = |length: f64| format!("{length:.1}px");
            for (name, value) in
                [("left", view.x0), ("top", view.y0), ("width", view.width()), ("height", view.height())]
            {
                // Setting a style fails only for read-only declarations, which this is not.
                let _ = HtmlElement::style(&frame).set_property(name, &px(value));
            }
        }
        if map.pace.takes(MAP_MS, now)
            && let Some(list) = board.read(|board| board.paint_minimap(size))
        {
            list.render(&mut Brush::new(&layer.context, &self.theme, &mut self.texts, self.ratio));
        }
        map.pace.is_behind
    }

    fn change_theme(&mut self, board: BoardHandle) {
        self.theme.read();
        self.texts.clear();
        board.act(canvas::Board::redraw_all);
    }
}

/// Asks for one frame, however often it is called before it comes.
pub(super) fn schedule(board: BoardHandle, stage: StageRef) {
    let is_first = stage
        .try_update_value(|stage| stage.as_mut().is_some_and(|stage| !std::mem::replace(&mut stage.is_scheduled, true)))
        .unwrap_or(false);
    if !is_first {
        return;
    }
    request_animation_frame(move || {
        let now = js_sys::Date::now();
        let more = stage.try_update_value(|stage| {
            let drawn = stage.as_mut().map(|stage| {
                stage.is_scheduled = false;
                stage.draw(board, now)
            });
            drawn.unwrap_or_default()
        });
        // Outside the borrow: taking the focus fires events that ask for the next frame.
        if board.wants_focus.try_update_value(std::mem::take).unwrap_or(false) {
            let target = stage.try_with_value(|stage| stage.as_ref().map(|stage| stage.mirror.focus_target()));
            super::mirror::take_focus(target.flatten());
        }
        let Wanted { frame, second } = more.unwrap_or_default();
        if frame {
            schedule(board, stage);
        }
        if second {
            come_back(board, stage, now);
        }
    });
}

/// Looks again with the next second: for steps in view that count their time, and for nothing else.
fn come_back(board: BoardHandle, stage: StageRef, now: f64) {
    let is_first = stage
        .try_update_value(|stage| stage.as_mut().is_some_and(|stage| !std::mem::replace(&mut stage.is_clock_set, true)))
        .unwrap_or(false);
    if !is_first {
        return;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "up to a second")]
    let left = (1_001.0 - now % 1_000.0) as u64;
    set_timeout(
        move || {
            let is_there = stage.try_update_value(|stage| {
                if let Some(stage) = stage.as_mut() {
                    stage.is_clock_set = false;
                }
            });
            if is_there.is_some() {
                schedule(board, stage);
            }
        },
        Duration::from_millis(left),
    );
}

/// Looks at sizes anew, in one frame.
fn resized(board: BoardHandle, stage: StageRef) {
    stage.try_update_value(|stage| {
        if let Some(stage) = stage.as_mut() {
            stage.is_resized = true;
        }
    });
    schedule(board, stage);
}

#[cfg(test)]
mod tests {
    use super::{Pace, list_every};

    #[test]
    fn a_list_follows_a_moving_picture_seldom_and_one_that_has_come_to_rest_at_once() {
        let mut pace = Pace { is_behind: false, last: 0.0 };
        let mut brought_up = Vec::new();
        for frame in 1..=240 {
            let (now, is_moving) = (f64::from(frame) * 16.0, frame <= 150);
            pace.is_behind |= is_moving;
            if pace.takes(list_every(is_moving), now) {
                brought_up.push(frame);
            }
        }
        // The frames are 16 ms apart, and it moves for 2.4 s.
        assert_eq!(brought_up, [63, 126, 151]);
        assert!(!pace.is_behind);
    }
}
