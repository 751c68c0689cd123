//! A plot as SVG, drawn from numbers alone: bars on each other, or lines with gaps, over days. Words stand beside it as text of the page, so
//! that they keep their size however wide it is. Must never take a text from anybody.

use std::fmt::Write as _;

const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 200.0;
/// Of the place of a day, what its bar takes.
const BAR: f64 = 0.72;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// On each other.
    Bars,
    Lines,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Series {
    pub(super) name: &'static str,
    /// How it is drawn: `done`, `failed`, `off`, `open`, `main`, `second` or `wait`.
    pub(super) look: &'static str,
    /// One for each day; none is a gap.
    pub(super) values: Vec<Option<f64>>,
}

/// The top of the scale: 2, 4 or 10 times a power of ten, so that its half is a whole number where it must be.
pub(super) fn top(kind: Kind, series: &[Series]) -> f64 {
    let n = series.iter().map(|series| series.values.len()).max().unwrap_or_default();
    let value = |series: &Series, at: usize| series.values.get(at).copied().flatten().unwrap_or_default();
    let highest = (0..n)
        .map(|at| match kind {
            Kind::Bars => series.iter().map(|series| value(series, at)).sum::<f64>(),
            Kind::Lines => series.iter().map(|series| value(series, at)).fold(0.0, f64::max),
        })
        .fold(0.0, f64::max);
    let mut power = 1.0;
    loop {
        for step in [2.0, 4.0, 10.0] {
            if step * power >= highest {
                return step * power;
            }
        }
        power *= 10.0;
    }
}

pub(super) fn svg(kind: Kind, series: &[Series], top: f64) -> String {
    let mut text = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" focusable=\"false\">\
        <path class=\"chart-line\" d=\"M0 0H{WIDTH}M0 {}H{WIDTH}M0 {HEIGHT}H{WIDTH}\"/>",
        HEIGHT / 2.0
    );
    match kind {
        Kind::Bars => bars(&mut text, series, top),
        Kind::Lines => lines(&mut text, series, top),
    }
    text.push_str("</svg>");
    text
}

/// The middle of the place of a day.
fn middle(at: usize, n: usize) -> f64 {
    let place = |at: usize| f64::from(u32::try_from(at).unwrap_or(u32::MAX));
    (place(at) + 0.5) * WIDTH / place(n.max(1))
}

fn height(value: f64, top: f64) -> f64 {
    (value / top).clamp(0.0, 1.0) * HEIGHT
}

// Writing to a text cannot fail.

fn bars(text: &mut String, series: &[Series], top: f64) {
    let n = series.first().map_or(0, |series| series.values.len());
    let width = 2.0 * middle(0, n) * BAR;
    let mut feet = vec![HEIGHT; n];
    for series in series {
        let mut path = String::new();
        for ((at, value), foot) in series.values.iter().enumerate().zip(&mut feet) {
            let up = height(value.unwrap_or_default(), top);
            if up > 0.0 {
                let left = middle(at, n) - width / 2.0;
                let _infallible = write!(path, "M{left:.1} {:.1}h{width:.1}v-{up:.1}h-{width:.1}z", *foot);
                *foot -= up;
            }
        }
        let _infallible = write!(text, "<path class=\"chart-bar\" data-look=\"{}\" d=\"{path}\"/>", series.look);
    }
}

fn lines(text: &mut String, series: &[Series], top: f64) {
    for series in series {
        let (mut path, mut dots, mut is_down) = (String::new(), String::new(), false);
        let n = series.values.len();
        for (at, value) in series.values.iter().enumerate() {
            if let Some(value) = value {
                let (x, y) = (middle(at, n), HEIGHT - height(*value, top));
                // A day between two gaps is a dot, which is drawn larger: a line of no length with round ends.
                let is_alone = !is_down && series.values.get(at + 1).copied().flatten().is_none();
                let _infallible = match (is_alone, is_down) {
                    (true, _) => write!(dots, "M{x:.1} {y:.1}h0"),
                    (false, true) => write!(path, "L{x:.1} {y:.1}"),
                    (false, false) => write!(path, "M{x:.1} {y:.1}"),
                };
            }
            is_down = value.is_some();
        }
        for (class, path) in [("chart-stroke", path), ("chart-stroke chart-dot", dots)] {
            if !path.is_empty() {
                let _infallible = write!(text, "<path class=\"{class}\" data-look=\"{}\" d=\"{path}\"/>", series.look);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[Option<f64>]) -> Series {
        Series { name: "Runs", look: "main", values: values.to_vec() }
    }

    #[test]
    fn the_scale_ends_above_what_is_shown_at_a_number_with_a_half() {
        let of = |values: &[Option<f64>]| top(Kind::Bars, &[series(values)]);
        assert_eq!(of(&[]).to_string(), "2");
        assert_eq!(of(&[Some(3.0), None]).to_string(), "4");
        assert_eq!(of(&[Some(41.0)]).to_string(), "100");
        assert_eq!(of(&[Some(1_200.0)]).to_string(), "2000");
        let both = [series(&[Some(3.0)]), series(&[Some(3.0)])];
        assert_eq!(
            (top(Kind::Bars, &both).to_string(), top(Kind::Lines, &both).to_string()),
            ("10".into(), "4".into())
        );
    }

    #[test]
    fn bars_stand_on_each_other_and_lines_have_gaps() {
        let both = [series(&[Some(1.0)]), series(&[Some(1.0)])];
        let drawn = svg(Kind::Bars, &both, 2.0);
        assert!(drawn.contains("M140.0 200.0h720.0v-100.0h-720.0z"), "{drawn}");
        assert!(drawn.contains("M140.0 100.0h720.0v-100.0h-720.0z"), "{drawn}");
        let drawn = svg(Kind::Lines, &[series(&[Some(0.0), Some(2.0), None, Some(1.0)])], 2.0);
        assert!(drawn.contains("d=\"M125.0 200.0L375.0 0.0\""), "{drawn}");
        assert!(drawn.contains("chart-dot\" data-look=\"main\" d=\"M875.0 100.0h0\""), "{drawn}");
    }
}
