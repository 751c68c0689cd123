//! Where the items of a layer stand across: each as near to its neighbours as the others leave it room.
//! Solved exactly, layer by layer, by pooling those that push each other.

/// One item that wants to stand somewhere.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    /// Its middle,
    pub at: f64,
    /// and how strongly.
    pub weight: f64,
    pub size: f64,
    /// To the next one.
    pub gap: f64,
}

/// Those that push each other, as one.
struct Pool {
    /// Where the first of them would stand without the room before it.
    at: f64,
    weight: f64,
    n: usize,
}

/// The middles: in the given order, never nearer than sizes and gaps allow, and with the least sum of squared ways.
pub(super) fn spread(wishes: &[Wish]) -> Vec<f64> {
    // Without the room that they need, what is left to find is an ascending row.
    let mut needed = Vec::with_capacity(wishes.len());
    let mut sum = 0.0;
    for (n, wish) in wishes.iter().enumerate() {
        if let Some(last) = n.checked_sub(1).map(|n| wishes[n]) {
            sum += f64::midpoint(last.size, wish.size) + last.gap;
        }
        needed.push(sum);
    }
    let mut pools: Vec<Pool> = Vec::with_capacity(wishes.len());
    for (wish, needed) in wishes.iter().zip(&needed) {
        let mut pool = Pool { at: wish.at - needed, weight: wish.weight, n: 1 };
        while let Some(last) = pools.pop_if(|last| last.at >= pool.at) {
            let weight = last.weight + pool.weight;
            let at = (last.at * last.weight + pool.at * pool.weight) / weight;
            pool = Pool { at, weight, n: last.n + pool.n };
        }
        pools.push(pool);
    }
    let ats = pools.iter().flat_map(|pool| std::iter::repeat_n(pool.at, pool.n));
    ats.zip(&needed).map(|(at, needed)| at + needed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_push_each_other_stand_about_what_they_wish() {
        let wish = |at: f64| Wish { at, weight: 1.0, size: 10.0, gap: 2.0 };
        assert_eq!(spread(&[wish(0.0), wish(100.0)]), [0.0, 100.0]);
        assert_eq!(spread(&[wish(50.0), wish(50.0), wish(50.0)]), [38.0, 50.0, 62.0]);
        assert_eq!(spread(&[wish(50.0), wish(0.0), wish(90.0)]), [19.0, 31.0, 90.0]);
        assert!(spread(&[]).is_empty());
    }
}
