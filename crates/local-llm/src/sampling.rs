//! Choosing the next token from its logits: greedy, or at random by temperature and nucleus.
//! Pure but for its own seeded generator: the same seed and logits give the same choice.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Small models repeat themselves without it. Over generated tokens only: over the prompt it would distort summaries.
const REPEAT_PENALTY: f32 = 1.1;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sampling {
    /// Always the likeliest token.
    Greedy,
    /// Among the likeliest tokens that together have the share `top_p`.
    Nucleus { temperature: f32, top_p: f32 },
}

#[derive(Debug)]
pub(crate) struct Sampler {
    sampling: Sampling,
    rng: StdRng,
}

impl Sampler {
    pub(crate) fn new(sampling: Sampling, seed: u64) -> Self {
        Self { sampling, rng: StdRng::seed_from_u64(seed) }
    }

    pub(crate) fn choose(&mut self, mut logits: Vec<f32>, answer: &[u32]) -> u32 {
        penalise(&mut logits, answer);
        match self.sampling {
            Sampling::Greedy => likeliest(&logits),
            Sampling::Nucleus { temperature, top_p } => {
                let point = self.rng.random::<f32>();
                pick(&nucleus(&logits, temperature, top_p), point)
            }
        }
    }
}

fn penalise(logits: &mut [f32], answer: &[u32]) {
    let mut seen = answer.to_vec();
    seen.sort_unstable();
    seen.dedup();
    for id in seen {
        if let Some(logit) = logits.get_mut(id as usize) {
            *logit = if *logit > 0.0 { *logit / REPEAT_PENALTY } else { *logit * REPEAT_PENALTY };
        }
    }
}

fn likeliest(logits: &[f32]) -> u32 {
    let best = logits.iter().zip(0..).max_by(|(a, i), (b, j)| a.total_cmp(b).then(j.cmp(i)));
    best.map_or(0, |(_, id)| id)
}

/// The likeliest tokens, best first, with weights relative to the best.
fn nucleus(logits: &[f32], temperature: f32, top_p: f32) -> Vec<(u32, f32)> {
    let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights = || logits.iter().map(|logit| ((logit - best) / temperature).exp());
    let total: f32 = weights().sum();
    // All tokens below this together have less than 1 - top_p, so leaving them out of the sorting changes nothing.
    #[expect(clippy::cast_precision_loss, reason = "a vocabulary is far below 2^23")]
    let floor = total * (1.0 - top_p) / logits.len() as f32;
    let mut kept: Vec<(u32, f32)> = (0..).zip(weights()).filter(|(_, weight)| *weight >= floor).collect();
    kept.sort_unstable_by(|(i, a), (j, b)| b.total_cmp(a).then(i.cmp(j)));
    let mut share = 0.0;
    let n = kept
        .iter()
        .take_while(|(_, weight)| {
            let is_needed = share < top_p * total;
            share += weight;
            is_needed
        })
        .count();
    kept.truncate(n.max(1));
    kept
}

/// The token at `point` of the way from 0 to 1 through the weights.
fn pick(weights: &[(u32, f32)], point: f32) -> u32 {
    let mut left = point * weights.iter().map(|(_, weight)| weight).sum::<f32>();
    for &(id, weight) in weights {
        left -= weight;
        if left < 0.0 {
            return id;
        }
    }
    weights.first().map_or(0, |(id, _)| *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits whose shares at temperature 1 are the given numbers.
    fn logits(shares: &[f32]) -> Vec<f32> {
        shares.iter().map(|share| share.ln()).collect()
    }

    fn ids(kept: &[(u32, f32)]) -> Vec<u32> {
        kept.iter().map(|(id, _)| *id).collect()
    }

    #[test]
    fn greedy_takes_the_likeliest_and_the_first_of_equals() {
        let mut sampler = Sampler::new(Sampling::Greedy, 1);
        assert_eq!(sampler.choose(vec![0.5, 2.0, 2.0, -1.0], &[]), 1);
    }

    #[test]
    fn a_token_already_used_loses_to_an_equal_one() {
        let mut sampler = Sampler::new(Sampling::Greedy, 1);
        assert_eq!(sampler.choose(vec![0.5, 2.0, 2.0], &[1, 1]), 2);
        assert_eq!(sampler.choose(vec![-1.0, -1.0], &[0]), 1);
    }

    #[test]
    fn the_nucleus_is_the_fewest_tokens_that_reach_the_share() {
        let logits = logits(&[0.1, 0.5, 0.15, 0.25]);
        assert_eq!(ids(&nucleus(&logits, 1.0, 0.5)), [1]);
        assert_eq!(ids(&nucleus(&logits, 1.0, 0.7)), [1, 3]);
        assert_eq!(ids(&nucleus(&logits, 1.0, 0.95)), [1, 3, 2, 0]);
        assert_eq!(ids(&nucleus(&logits, 1.0, 1.0)), [1, 3, 2, 0]);
    }

    #[test]
    fn a_low_temperature_narrows_the_nucleus() {
        let logits = logits(&[0.4, 0.6]);
        assert_eq!(ids(&nucleus(&logits, 1.0, 0.9)), [1, 0]);
        assert_eq!(ids(&nucleus(&logits, 0.1, 0.9)), [1]);
    }

    #[test]
    fn picking_follows_the_weights() {
        let weights = [(7, 1.0), (8, 0.5), (9, 0.5)];
        let points = [0.0, 0.49, 0.51, 0.74, 0.76, 0.999];
        assert_eq!(points.map(|point| pick(&weights, point)), [7, 7, 8, 8, 9, 9]);
    }

    #[test]
    fn a_seed_decides_the_whole_sequence() {
        let run = |seed| -> Vec<u32> {
            let mut sampler = Sampler::new(Sampling::Nucleus { temperature: 1.0, top_p: 0.99 }, seed);
            (0..40).map(|_| sampler.choose(vec![1.0; 50], &[])).collect()
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }
}
