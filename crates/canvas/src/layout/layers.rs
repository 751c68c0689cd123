//! Which node stands in which layer, and in which order: the longest way from a beginning, then fewer crossings.
//! Long edges get a lane in every layer that they pass, so that there is room for them.

/// Lanes are for the eye; beyond so many they cost more than they give.
const MAX_LANES: usize = 4_000;
const MAX_LANE_LAYERS: u32 = 12;
const MAX_SWEEPS: usize = 12;
/// Above it fewer sweeps must do.
const MANY: usize = 2_000;

/// A node of the part, or the lane of an edge that passes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Item {
    /// Its place in the part.
    Card(u32),
    Lane,
}

pub(super) struct Layers {
    pub items: Vec<Item>,
    /// By layer, its items from the first to the last across.
    pub order: Vec<Vec<u32>>,
    /// By layer: too many cards for one column, so they fill several.
    pub n_columns: Vec<usize>,
    /// By item, those that it hangs on in layers before, and that hang on it in layers behind.
    pub before: Vec<Vec<u32>>,
    pub behind: Vec<Vec<u32>>,
}

impl Layers {
    /// `part` is sorted; `most` is how many cards a column may hold.
    pub(super) fn of(part: &[u32], edges: &[(u32, u32)], most: usize) -> Self {
        let at = |node: u32| part.binary_search(&node).ok().and_then(|at| u32::try_from(at).ok());
        let edges: Vec<(u32, u32)> = edges.iter().filter_map(|(a, b)| Some((at(*a)?, at(*b)?))).collect();
        let ranks = ranks(part.len(), &edges);
        let n_layers = ranks.iter().max().map_or(0, |rank| *rank as usize + 1);
        let mut order = vec![Vec::new(); n_layers];
        for (item, rank) in (0_u32..).zip(&ranks) {
            order[*rank as usize].push(item);
        }
        let n_columns: Vec<usize> = order.iter().map(|layer| layer.len().div_ceil(most.max(1))).collect();
        let mut layers = Self {
            items: (0..).take(part.len()).map(Item::Card).collect(),
            order,
            n_columns,
            before: vec![Vec::new(); part.len()],
            behind: vec![Vec::new(); part.len()],
        };
        for (from, to) in edges {
            layers.join(from, to, &ranks);
        }
        layers.uncross();
        layers
    }

    /// Puts lanes between the ends of an edge, where it passes layers that have room for one.
    fn join(&mut self, from: u32, to: u32, ranks: &[u32]) {
        let (first, last) = (ranks[from as usize], ranks[to as usize]);
        if last <= first {
            // An edge of a cycle runs backwards, and has no say in the order.
            return;
        }
        let passed = first + 1..last;
        let n_lanes = self.items.len() - ranks.len();
        let has_room = last - first <= MAX_LANE_LAYERS
            && n_lanes < MAX_LANES
            && passed.clone().all(|layer| self.n_columns[layer as usize] == 1);
        let mut tail = from;
        if has_room {
            for layer in passed {
                let Ok(lane) = u32::try_from(self.items.len()) else { break };
                self.items.push(Item::Lane);
                self.order[layer as usize].push(lane);
                self.before.push(vec![tail]);
                self.behind.push(Vec::new());
                self.behind[tail as usize].push(lane);
                tail = lane;
            }
        }
        self.behind[tail as usize].push(to);
        self.before[to as usize].push(tail);
    }

    /// Sorts each layer by where its neighbours stand, there and back, and keeps the best of all sweeps.
    fn uncross(&mut self) {
        let n_sweeps = if self.items.len() > MANY { MAX_SWEEPS / 3 } else { MAX_SWEEPS };
        let mut share = vec![0.0; self.items.len()];
        for layer in &self.order {
            note_shares(layer, &mut share);
        }
        let mut best = (self.n_crossings(), self.order.clone());
        for sweep in 0..n_sweeps {
            if best.0 == 0 {
                break;
            }
            let is_forward = sweep % 2 == 0;
            let neighbours = if is_forward { &self.before } else { &self.behind };
            for n in 0..self.order.len() {
                let n = if is_forward { n } else { self.order.len() - 1 - n };
                let layer = &mut self.order[n];
                let wish = |item: &u32| {
                    let all = &neighbours[*item as usize];
                    if all.is_empty() { share[*item as usize] } else { mean(all, &share) }
                };
                layer.sort_by(|a, b| wish(a).total_cmp(&wish(b)));
                note_shares(layer, &mut share);
            }
            let n_crossings = self.n_crossings();
            if n_crossings < best.0 {
                best = (n_crossings, self.order.clone());
            }
        }
        self.order = best.1;
    }

    /// Between layers that stand side by side.
    fn n_crossings(&self) -> u64 {
        let mut rank = vec![0_u32; self.items.len()];
        let mut layer_of = vec![0_usize; self.items.len()];
        for (n, layer) in self.order.iter().enumerate() {
            for (at, item) in (0..).zip(layer) {
                rank[*item as usize] = at;
                layer_of[*item as usize] = n;
            }
        }
        let mut sum = 0;
        for (n, pair) in self.order.windows(2).enumerate() {
            let mut tree = vec![0_u64; pair[1].len() + 1];
            let mut n_ends = 0;
            for item in &pair[0] {
                let next = self.behind[*item as usize].iter().filter(|to| layer_of[**to as usize] == n + 1);
                let mut ends: Vec<u32> = next.map(|to| rank[*to as usize]).collect();
                ends.sort_unstable();
                // Each end crosses all earlier ones that lie behind it.
                for end in &ends {
                    sum += n_ends - count_to(&tree, *end as usize + 1);
                }
                for end in ends {
                    add_at(&mut tree, end as usize + 1);
                    n_ends += 1;
                }
            }
        }
        sum
    }
}

fn count_to(tree: &[u64], mut at: usize) -> u64 {
    let mut sum = 0;
    while at > 0 {
        sum += tree[at];
        at &= at - 1;
    }
    sum
}

fn add_at(tree: &mut [u64], mut at: usize) {
    while at < tree.len() {
        tree[at] += 1;
        at += at & at.wrapping_neg();
    }
}

pub(super) fn mean(items: &[u32], of: &[f64]) -> f64 {
    let sum: f64 = items.iter().map(|item| of[*item as usize]).sum();
    sum / f64::from(u32::try_from(items.len()).unwrap_or(u32::MAX)).max(1.0)
}

/// Where each stands in its layer, from 0 to 1.
fn note_shares(layer: &[u32], share: &mut [f64]) {
    let n = f64::from(u32::try_from(layer.len()).unwrap_or(u32::MAX));
    for (at, item) in (0_u32..).zip(layer) {
        share[*item as usize] = (f64::from(at) + 0.5) / n;
    }
}

/// The longest way from a beginning to each node; nodes on cycles count from where the walk was cut.
/// What nothing comes before stands right before what needs it.
fn ranks(n: usize, edges: &[(u32, u32)]) -> Vec<u32> {
    let mut waiting = vec![0_usize; n];
    let mut out: Vec<Vec<u32>> = vec![Vec::new(); n];
    for (from, to) in edges {
        waiting[*to as usize] += 1;
        out[*from as usize].push(*to);
    }
    let is_first: Vec<bool> = waiting.iter().map(|n| *n == 0).collect();
    let mut ranks = vec![0_u32; n];
    let mut ready: Vec<u32> = (0..).take(n).filter(|node| is_first[*node as usize]).collect();
    while let Some(node) = ready.pop() {
        for next in &out[node as usize] {
            let at = *next as usize;
            ranks[at] = ranks[at].max(ranks[node as usize] + 1);
            waiting[at] -= 1;
            if waiting[at] == 0 {
                ready.push(*next);
            }
        }
    }
    for node in 0..n {
        let nearest = out[node].iter().map(|next| ranks[*next as usize]).min();
        if let (true, Some(nearest)) = (is_first[node], nearest) {
            ranks[node] = nearest.saturating_sub(1);
        }
    }
    ranks
}
