//! Layers become places: side by side, wrapped like lines of text where one line would be too long to read, and the parts of a
//! graph below each other.

use kurbo::{Point, Size};

use super::{
    COMFORTABLE, Frame, WRAPPED_BELOW,
    layers::{Item, Layers, mean},
    spread::{Wish, spread},
    up,
};
use crate::scene::SNAP;

const LANE: f64 = 8.0;
const LANE_GAP: f64 = 20.0;
/// Between two lines of layers, and between two parts.
const BAND_GAP: f64 = 80.0;
const N_PASSES: usize = 6;
/// A picture that cannot be read as a whole is wrapped only if it gains this much.
const WORTH: f64 = 0.8;

/// A part of the graph, laid out from its own corner.
pub(super) struct Block {
    pub places: Vec<(u32, Point)>,
    pub n_columns: usize,
    pub across: f64,
}

pub(super) fn block(part: &[u32], layers: &Layers, across: &[f64], frame: Frame) -> Block {
    let size_of = |item: u32| match layers.items[item as usize] {
        Item::Card(card) => across[part[card as usize] as usize],
        Item::Lane => LANE,
    };
    let mut block = Block { places: Vec::with_capacity(part.len()), n_columns: 0, across: 0.0 };
    for band in wrapped(layers, &size_of, frame) {
        let middles = middles(&band, layers, &size_of, frame);
        let mut low = f64::INFINITY;
        let mut high = f64::NEG_INFINITY;
        let cards = |layer: usize| layers.order[layer].iter().filter_map(|item| Some((*item, card(layers, *item)?)));
        for (item, _) in band.clone().flat_map(cards) {
            low = low.min(middles[item as usize] - size_of(item) / 2.0);
        }
        let mut first = 0;
        for layer in band {
            let n_columns = layers.n_columns[layer].max(1);
            // Rounding to the grid must not bring two nearer than they may stand.
            let mut floor = vec![f64::NEG_INFINITY; n_columns];
            for (n, (item, card)) in cards(layer).enumerate() {
                let column = n % n_columns;
                let wish = middles[item as usize] - size_of(item) / 2.0 - low;
                let y = ((wish / SNAP).round() * SNAP).max(floor[column]);
                floor[column] = up(y + size_of(item) + frame.gap);
                high = high.max(y + size_of(item));
                let along = f64::from(u32::try_from(first + column).unwrap_or(u32::MAX)) * frame.pitch;
                block.places.push((part[card as usize], Point::new(along, up(block.across) + y)));
            }
            first += n_columns;
        }
        block.n_columns = block.n_columns.max(first);
        block.across = up(block.across) + high + BAND_GAP;
    }
    block.across = (block.across - BAND_GAP).max(0.0);
    block
}

fn card(layers: &Layers, item: u32) -> Option<u32> {
    match layers.items[item as usize] {
        Item::Card(card) => Some(card),
        Item::Lane => None,
    }
}

/// The layers of each line.
fn wrapped(layers: &Layers, size_of: &impl Fn(u32) -> f64, frame: Frame) -> Vec<std::ops::Range<usize>> {
    let n = layers.order.len();
    if n <= frame.unwrapped {
        return std::iter::once(0..n).collect();
    }
    let heights: Vec<f64> = (0..n).map(|layer| height(layers, layer, size_of, frame)).collect();
    let zoom = |lines: &[std::ops::Range<usize>]| {
        let columns = |line: &std::ops::Range<usize>| line.clone().map(|n| layers.n_columns[n].max(1)).sum::<usize>();
        let along = f64::from(u32::try_from(lines.iter().map(columns).max().unwrap_or(1)).unwrap_or(u32::MAX));
        let across: f64 = lines.iter().map(|line| heights[line.clone()].iter().copied().fold(0.0, f64::max)).sum();
        let gaps = f64::from(u32::try_from(lines.len()).unwrap_or(u32::MAX) - 1) * BAND_GAP;
        let size = Size::new(along * frame.pitch - frame.channel, across + gaps).max(Size::new(1.0, 1.0));
        (frame.room.width / size.width).min(frame.room.height / size.height).min(COMFORTABLE)
    };
    let single = lines(n, 1);
    if zoom(&single) >= WRAPPED_BELOW {
        return single;
    }
    let mut best = (0.0, Vec::new());
    let mut tried = Vec::new();
    // As many lines as there are layers would be a tower again.
    for n_lines in 1..=n.min(256) {
        let lines = lines(n, n_lines);
        let zoom = zoom(&lines);
        if zoom > best.0 {
            best = (zoom, lines.clone());
        }
        tried.push((zoom, lines));
        if best.0 >= COMFORTABLE {
            break;
        }
    }
    let enough = if best.0 >= COMFORTABLE { COMFORTABLE } else { best.0 * WORTH };
    tried.into_iter().find(|(zoom, _)| *zoom >= enough).map_or(best.1, |(_, lines)| lines)
}

/// As even as can be, the longer ones first.
fn lines(n: usize, n_lines: usize) -> Vec<std::ops::Range<usize>> {
    let per_line = n.div_ceil(n_lines);
    (0..n).step_by(per_line.max(1)).map(|from| from..(from + per_line).min(n)).collect()
}

fn height(layers: &Layers, layer: usize, size_of: &impl Fn(u32) -> f64, frame: Frame) -> f64 {
    let cards = layers.order[layer].iter().filter(|item| card(layers, **item).is_some());
    let sum: f64 = cards.map(|item| size_of(*item) + frame.gap).sum();
    let n_columns = f64::from(u32::try_from(layers.n_columns[layer].max(1)).unwrap_or(1));
    sum / n_columns - frame.gap
}

/// The middle of each item across, by item; those of other lines stay zero.
fn middles(band: &std::ops::Range<usize>, layers: &Layers, size_of: &impl Fn(u32) -> f64, frame: Frame) -> Vec<f64> {
    let mut middle = vec![0.0; layers.items.len()];
    let mut is_here = vec![false; layers.items.len()];
    let is_split = |layer: usize| layers.n_columns[layer] > 1;
    for item in band.clone().flat_map(|layer| &layers.order[layer]) {
        is_here[*item as usize] = true;
    }
    leave_out_passing_lanes(band, layers, &mut is_here);
    let orders: Vec<Vec<u32>> = band
        .clone()
        .map(|layer| layers.order[layer].iter().copied().filter(|item| is_here[*item as usize]).collect())
        .collect();
    for layer in band.clone() {
        let order = &orders[layer - band.start];
        if is_split(layer) {
            // Filled row by row over its columns, all rows in line, so that there are ways between them.
            let size = order.iter().map(|item| size_of(*item)).fold(0.0, f64::max);
            let n_rows = order.len().div_ceil(layers.n_columns[layer]);
            let half = f64::from(u32::try_from(n_rows).unwrap_or(u32::MAX) - 1) / 2.0;
            for (n, item) in order.iter().enumerate() {
                let row = f64::from(u32::try_from(n / layers.n_columns[layer]).unwrap_or(u32::MAX));
                middle[*item as usize] = (row - half) * up(size + frame.gap);
            }
        } else {
            let wishes: Vec<Wish> = order.iter().map(|item| wish(layers, *item, 0.0, 1.0, size_of, frame)).collect();
            for (item, at) in order.iter().zip(spread(&wishes)) {
                middle[*item as usize] = at;
            }
        }
    }
    for pass in 0..N_PASSES {
        let is_forward = pass % 2 == 0;
        for n in 0..band.len() {
            let layer = if is_forward { band.start + n } else { band.end - 1 - n };
            if is_split(layer) {
                continue;
            }
            let order = &orders[layer - band.start];
            let wishes: Vec<Wish> = order
                .iter()
                .map(|item| {
                    let at = *item as usize;
                    let mut near = if is_forward { layers.before[at].clone() } else { layers.behind[at].clone() };
                    // Both sides have a say in the end, or a fan would hang to one of them.
                    if pass + 2 >= N_PASSES {
                        near = layers.before[at].iter().chain(&layers.behind[at]).copied().collect();
                    }
                    near.retain(|other| is_here[*other as usize]);
                    if near.is_empty() {
                        wish(layers, *item, middle[at], 0.1, size_of, frame)
                    } else {
                        wish(layers, *item, mean(&near, &middle), 1.0, size_of, frame)
                    }
                })
                .collect();
            for (item, at) in order.iter().zip(spread(&wishes)) {
                middle[*item as usize] = at;
            }
        }
    }
    middle
}

/// A line that comes from another band, or goes there, runs between the bands: it needs no room in them.
fn leave_out_passing_lanes(band: &std::ops::Range<usize>, layers: &Layers, is_here: &mut [bool]) {
    let is_lane = |item: u32| card(layers, item).is_none();
    for layer in band.clone() {
        for item in layers.order[layer].iter().filter(|item| is_lane(**item)) {
            is_here[*item as usize] &= layers.before[*item as usize].iter().all(|other| is_here[*other as usize]);
        }
    }
    for layer in band.clone().rev() {
        for item in layers.order[layer].iter().filter(|item| is_lane(**item)) {
            is_here[*item as usize] &= layers.behind[*item as usize].iter().all(|other| is_here[*other as usize]);
        }
    }
}

fn wish(layers: &Layers, item: u32, at: f64, weight: f64, size_of: &impl Fn(u32) -> f64, frame: Frame) -> Wish {
    let is_lane = card(layers, item).is_none();
    let gap = if is_lane { LANE_GAP } else { frame.gap };
    // A long line is kept straight before a card is put in the middle.
    Wish { at, weight: if is_lane { weight * 4.0 } else { weight }, size: size_of(item), gap }
}

/// Puts the parts below each other, and side by side where they would make a tower.
pub(super) fn pack(blocks: &mut [Block], frame: Frame) {
    let along = |block: &Block| f64::from(u32::try_from(block.n_columns.max(1)).unwrap_or(u32::MAX)) * frame.pitch;
    let area: f64 = blocks.iter().map(|block| along(block) * (block.across + BAND_GAP)).sum();
    let widest = blocks.iter().map(along).fold(0.0, f64::max);
    // One below the other is what is read most easily, as long as it fits.
    let tower: f64 = blocks.iter().map(|block| block.across + BAND_GAP).sum();
    let is_low = tower <= frame.room.height * 1.5;
    let room = if is_low { widest } else { widest.max((area * frame.room.width / frame.room.height).sqrt()) };
    let (mut x, mut y, mut high) = (0.0, 0.0, 0.0);
    for block in blocks {
        if x > 0.0 && x + along(block) > room {
            (x, y, high) = (0.0, up(y + high + BAND_GAP), 0.0);
        }
        for (_, at) in &mut block.places {
            *at += kurbo::Vec2::new(x, y);
        }
        x += along(block);
        high = f64::max(high, block.across);
    }
}
