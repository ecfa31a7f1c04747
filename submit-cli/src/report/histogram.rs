//! How long jobs took, as bars.

use serde::Serialize;

use super::progress::{HEIGHT, WIDTH};
use super::words::{count, edge};
use crate::plan::units::show_duration;

/// About so many bars.
const BARS: f64 = 16.0;
/// From this ratio of longest to shortest on, bars grow by factors instead of steps.
const WIDE: f64 = 100.0;
/// So many labels fit below the bars on a phone.
const TICKS: usize = 3;

/// The drawing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    title: &'static str,
    bars: Vec<Bar>,
    /// Labels of the horizontal axis, evenly spread over places of bars.
    ticks: Vec<Tick>,
    /// Jobs at the top.
    top: String,
    jobs: String,
    shortest: String,
    median: String,
    longest: String,
    sum: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Bar {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    from: String,
    to: String,
    jobs: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Tick {
    /// Its place, in units of the drawing.
    x: f64,
    text: String,
    /// Where its text hangs: `start`, `middle` or `end`.
    anchor: &'static str,
}

/// Draws the times in seconds; nothing if there are none.
pub(super) fn draw(title: &'static str, seconds: impl Iterator<Item = f64>) -> Option<Histogram> {
    let mut values: Vec<f64> = seconds.filter(|value| value.is_finite() && *value >= 0.0).collect();
    values.sort_by(f64::total_cmp);
    let (shortest, longest) = (*values.first()?, *values.last()?);
    let edges = edges(&values);
    let bins = edges.len() - 1;
    let mut counts = vec![0_usize; bins];
    for value in &values {
        let at = edges.partition_point(|edge| edge <= value);
        counts[at.saturating_sub(1).min(bins - 1)] += 1;
    }
    let top = counts.iter().copied().max().unwrap_or(0).max(1);
    let width = WIDTH / bins as f64;
    let bars = counts.iter().enumerate().map(|(at, &jobs)| {
        let height = jobs as f64 / top as f64 * HEIGHT;
        Bar {
            // A gap of a tenth between bars.
            x: round((at as f64 + 0.05) * width),
            y: round(HEIGHT - height),
            width: round(width * 0.9),
            height: round(height),
            from: edge(edges[at]),
            to: edge(edges[at + 1]),
            jobs: count(jobs),
        }
    });
    let every = bins.div_ceil(TICKS);
    let ticks = (0..=bins).filter(|at| at % every == 0).map(|at| Tick {
        x: round(at as f64 * width),
        text: edge(edges[at]),
        anchor: match at {
            0 => "start",
            at if at == bins => "end",
            _ => "middle",
        },
    });
    Some(Histogram {
        title,
        bars: bars.collect(),
        ticks: ticks.collect(),
        top: count(top),
        jobs: count(values.len()),
        shortest: show_duration(shortest),
        median: show_duration(values[values.len() / 2]),
        longest: show_duration(longest),
        sum: show_duration(values.iter().sum()),
    })
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Edges of bars, ascending, at least two: the first is not above the shortest, the last above the longest.
fn edges(values: &[f64]) -> Vec<f64> {
    let (shortest, longest) = (values[0], values[values.len() - 1]);
    let positive = values.iter().copied().find(|value| *value > 0.0).unwrap_or(longest);
    if positive > 0.0 && longest / positive > WIDE {
        return growing(shortest, positive, longest);
    }
    let room = if longest > shortest { longest - shortest } else { longest.max(0.001) };
    let step = nice(room / BARS);
    let first = (shortest / step).floor();
    let bars = ((longest / step).floor() - first) as usize + 1;
    (0..=bars).map(|at| (first + at as f64) * step).collect()
}

/// Each two or three times the one before; jobs that took no time at all are in the first bar.
fn growing(shortest: f64, positive: f64, longest: f64) -> Vec<f64> {
    const MINUTE: [f64; 5] = [60.0, 120.0, 300.0, 600.0, 1200.0];
    const HOUR: [f64; 4] = [3600.0, 7200.0, 18_000.0, 36_000.0];
    let below_a_minute = (-6..2)
        .flat_map(|power| [1.0, 2.0, 5.0].map(|factor| factor * 10_f64.powi(power)))
        .filter(|edge| *edge < 60.0);
    let days = (0..9).flat_map(|power| [1.0, 2.0, 5.0].map(|factor| 86_400.0 * factor * 10_f64.powi(power)));
    let all: Vec<f64> = below_a_minute.chain(MINUTE).chain(HOUR).chain(days).collect();
    let begin = all.partition_point(|edge| *edge <= positive).saturating_sub(1);
    let end = all.partition_point(|edge| *edge <= longest).clamp(begin + 1, all.len() - 1);
    let mut edges = all[begin..=end].to_vec();
    if shortest <= 0.0 {
        edges[0] = 0.0;
    }
    edges
}

/// The next larger step that people count time in.
fn nice(seconds: f64) -> f64 {
    const DAY: f64 = 86_400.0;
    const TIMES: [f64; 16] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0,
        43_200.0,
    ];
    if (0.5..43_200.0).contains(&seconds)
        && let Some(step) = TIMES.into_iter().find(|step| *step >= seconds)
    {
        return step;
    }
    let unit = if seconds < 0.5 { 1.0 } else { DAY };
    let power = unit * 10_f64.powf((seconds / unit).log10().floor());
    [1.0, 2.0, 5.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= seconds)
        .unwrap_or(power * 10.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jobs(histogram: &Histogram) -> usize {
        histogram.bars.iter().map(|bar| bar.jobs.replace(',', "").parse::<usize>().unwrap()).sum()
    }

    #[test]
    fn bars_have_round_edges() {
        let histogram = draw("Run time", (0..100).map(|n| 60.0 + f64::from(n))).unwrap();
        let bars: Vec<String> =
            histogram.bars.iter().map(|bar| format!("{}-{}: {}", bar.from, bar.to, bar.jobs)).collect();
        insta::assert_snapshot!(bars.join(", "), @"1 min-1 min 10 s: 10, 1 min 10 s-1 min 20 s: 10, 1 min 20 s-1 min 30 s: 10, 1 min 30 s-1 min 40 s: 10, 1 min 40 s-1 min 50 s: 10, 1 min 50 s-2 min: 10, 2 min-2 min 10 s: 10, 2 min 10 s-2 min 20 s: 10, 2 min 20 s-2 min 30 s: 10, 2 min 30 s-2 min 40 s: 10");
        let ticks: Vec<&str> = histogram.ticks.iter().map(|tick| tick.text.as_str()).collect();
        insta::assert_snapshot!(ticks.join(", "), @"1 min, 1 min 40 s, 2 min 20 s");
    }

    #[test]
    fn times_that_differ_by_orders_get_bars_that_grow() {
        let histogram = draw("Run time", [0.0, 2.5, 3.0, 90.0, 7000.0].into_iter()).unwrap();
        let bars: Vec<String> =
            histogram.bars.iter().map(|bar| format!("{}-{}: {}", bar.from, bar.to, bar.jobs)).collect();
        insta::assert_snapshot!(bars.join(", "), @"0 s-5 s: 3, 5 s-10 s: 0, 10 s-20 s: 0, 20 s-50 s: 0, 50 s-1 min: 0, 1 min-2 min: 1, 2 min-5 min: 0, 5 min-10 min: 0, 10 min-20 min: 0, 20 min-1 h: 0, 1 h-2 h: 1");
    }

    #[test]
    fn no_times_no_drawing() {
        assert_eq!(draw("Run time", [f64::NAN].into_iter()), None);
    }

    proptest! {
        #[test]
        fn every_job_is_in_a_bar_and_the_bars_are_few(values in prop::collection::vec(0.0..1e7_f64, 1..200)) {
            let histogram = draw("Run time", values.iter().copied()).unwrap();
            prop_assert_eq!(jobs(&histogram), values.len());
            prop_assert!(histogram.bars.len() <= 60);
        }
    }
}
