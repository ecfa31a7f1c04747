//! How a campaign went over time, as stacked areas.

use std::fmt::Write;

use serde::Serialize;

use super::words::{When, count, when};
use crate::campaign::history::Moment;
use crate::campaign::job_view::Counts;

/// Width of the drawing in its own units; the browser stretches it.
pub(super) const WIDTH: f64 = 1000.0;
/// Its height.
pub(super) const HEIGHT: f64 = 100.0;
/// More points than these are not told apart on any screen, and make the page large.
const POINTS_MAX: usize = 400;
/// Rows of the table that says the same in numbers.
const ROWS_MAX: usize = 12;

/// The drawing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// From the bottom up.
    areas: Vec<Area>,
    /// Left end.
    from: When,
    /// Right end.
    to: When,
    /// Value at the top.
    top: String,
    /// The same in numbers.
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Area {
    class: &'static str,
    path: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row {
    at: When,
    done: String,
    failed: String,
    in_progress: String,
    unsent: String,
    waiting: String,
}

/// Draws it; nothing if less than two moments are known.
pub(super) fn draw(history: &[Moment]) -> Option<Progress> {
    let (first, last) = (history.first()?, history.last()?);
    let seconds = last.at - first.at;
    let total = history.iter().map(|moment| moment.counts.total()).max().unwrap_or(0);
    if seconds <= 0.0 || total == 0 {
        return None;
    }
    let points = thin(history, POINTS_MAX);
    let x = |moment: &Moment| (moment.at - first.at) / seconds * WIDTH;
    let y = |jobs: usize| HEIGHT - jobs as f64 / total as f64 * HEIGHT;
    // What lies below an area's upper edge, and the edge itself.
    type Height = fn(&Counts) -> usize;
    let edges: [(&'static str, Height, Height); 5] = [
        ("done", |_| 0, |at| at.done),
        ("failed", |at| at.done, Counts::finished),
        ("in_progress", Counts::finished, |at| at.finished() + at.in_progress),
        ("unsent", |at| at.finished() + at.in_progress, |at| at.total() - at.waiting),
        ("waiting", |at| at.total() - at.waiting, Counts::total),
    ];
    let areas = edges.map(|(class, lower, upper)| {
        let above = steps(points.iter().map(|point| (x(point), y(upper(&point.counts)))));
        let mut below: Vec<(f64, f64)> =
            steps(points.iter().map(|point| (x(point), y(lower(&point.counts)))));
        below.reverse();
        let mut path = String::new();
        for (at, (x, y)) in above.iter().chain(&below).enumerate() {
            let command = if at == 0 { 'M' } else { 'L' };
            write!(path, "{command}{x:.1} {y:.2}").expect("a String takes all");
        }
        path.push('Z');
        Area { class, path }
    });
    let rows = thin(history, ROWS_MAX).into_iter().map(|moment| Row {
        at: when(moment.at),
        done: count(moment.counts.done),
        failed: count(moment.counts.failed),
        in_progress: count(moment.counts.in_progress),
        unsent: count(moment.counts.unsent),
        waiting: count(moment.counts.waiting),
    });
    Some(Progress {
        areas: areas.to_vec(),
        from: when(first.at),
        to: when(last.at),
        top: count(total),
        rows: rows.collect(),
    })
}

/// At most so many moments, evenly spread over time, the first and the last among them.
fn thin(history: &[Moment], most: usize) -> Vec<Moment> {
    let (Some(first), Some(last)) = (history.first(), history.last()) else { return Vec::new() };
    if history.len() <= most {
        return history.to_vec();
    }
    let width = (last.at - first.at) / (most - 1) as f64;
    let bucket = |moment: &Moment| ((moment.at - first.at) / width) as usize;
    let mut kept = vec![*first];
    for pair in history.windows(2) {
        // The last of each stretch of time.
        if bucket(&pair[0]) != bucket(&pair[1]) && pair[0].at > first.at {
            kept.push(pair[0]);
        }
    }
    kept.truncate(most - 1);
    kept.push(*last);
    kept
}

/// A count holds until the next one is known.
fn steps(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut line: Vec<(f64, f64)> = Vec::new();
    for (x, y) in points {
        match line.last() {
            Some(&(_, before)) if before == y => {}
            Some(&(_, before)) => line.extend([(x, before), (x, y)]),
            None => line.push((x, y)),
        }
    }
    if let Some(&(_, y)) = line.last() {
        line.push((WIDTH, y));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(at: f64, done: usize, failed: usize, in_progress: usize) -> Moment {
        let waiting = 10 - done - failed - in_progress;
        Moment { at, counts: Counts { done, failed, in_progress, waiting, ..Counts::default() } }
    }

    #[test]
    fn areas_lie_on_one_another_and_change_in_steps() {
        let history = [moment(0.0, 0, 0, 0), moment(5.0, 2, 1, 4), moment(10.0, 7, 3, 0)];
        let progress = draw(&history).unwrap();
        let paths: Vec<String> =
            progress.areas.iter().map(|area| format!("{} {}", area.class, area.path)).collect();
        insta::assert_snapshot!(paths.join("\n"), @r"
        done M0.0 100.00L500.0 100.00L500.0 80.00L1000.0 80.00L1000.0 30.00L1000.0 30.00L1000.0 100.00L0.0 100.00Z
        failed M0.0 100.00L500.0 100.00L500.0 70.00L1000.0 70.00L1000.0 0.00L1000.0 0.00L1000.0 30.00L1000.0 30.00L1000.0 80.00L500.0 80.00L500.0 100.00L0.0 100.00Z
        in_progress M0.0 100.00L500.0 100.00L500.0 30.00L1000.0 30.00L1000.0 0.00L1000.0 0.00L1000.0 0.00L1000.0 0.00L1000.0 70.00L500.0 70.00L500.0 100.00L0.0 100.00Z
        unsent M0.0 100.00L500.0 100.00L500.0 30.00L1000.0 30.00L1000.0 0.00L1000.0 0.00L1000.0 0.00L1000.0 0.00L1000.0 30.00L500.0 30.00L500.0 100.00L0.0 100.00Z
        waiting M0.0 0.00L1000.0 0.00L1000.0 0.00L1000.0 0.00L1000.0 30.00L500.0 30.00L500.0 100.00L0.0 100.00Z
        ");
        assert_eq!((progress.top.as_str(), progress.rows.len()), ("10", 3));
    }

    #[test]
    fn a_campaign_of_which_one_moment_is_known_has_no_drawing() {
        assert_eq!(draw(&[]), None);
        assert_eq!(draw(&[moment(3.0, 1, 0, 0)]), None);
    }

    #[test]
    fn a_long_history_becomes_few_points_that_keep_its_ends() {
        let history: Vec<Moment> =
            (0..5000).map(|at| moment(f64::from(at), at as usize / 500, 0, 0)).collect();
        let thinned = thin(&history, 100);
        assert!(thinned.len() <= 100 && thinned.len() > 90, "{}", thinned.len());
        assert_eq!((thinned[0], thinned[thinned.len() - 1]), (history[0], history[4999]));
        assert!(thinned.is_sorted_by(|a, b| a.at < b.at));
    }
}
