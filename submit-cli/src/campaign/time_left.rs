//! How long a campaign still takes, if it goes on as it did of late.

use super::history::Moment;
use super::job_view::Counts;
use super::{Campaign, CampaignError};

/// Fewer finished jobs than these say nothing about the rest.
const LEAST: usize = 3;

/// Seconds until all jobs are over at the pace of late; `now` is seconds since 1970.
///
/// `None` while too little is over, or when nothing is left.
///
/// # Errors
/// The campaign file can't be read.
pub fn time_left(campaign: &Campaign, now: f64) -> Result<Option<f64>, CampaignError> {
    let Some(last) = campaign.last_moment()?.map(|moment| moment.counts) else { return Ok(None) };
    let Some(before) = window_begin(last.finished()) else { return Ok(None) };
    Ok(campaign.last_moment_with_finished(before)?.and_then(|begin| at_pace(&last, &begin, now)))
}

/// How many jobs were over when the last quarter of those that are, at least [`LEAST`] of them, began.
fn window_begin(over: usize) -> Option<usize> {
    over.checked_sub((over / 4).max(LEAST))
}

/// The rest at the pace since a moment. A pause counts, since it is part of the pace.
fn at_pace(last: &Counts, begin: &Moment, now: f64) -> Option<f64> {
    let left = last.total().checked_sub(last.finished()).filter(|left| *left > 0)?;
    let finished = last.finished().checked_sub(begin.counts.finished()).filter(|finished| *finished > 0)?;
    let seconds = now - begin.at;
    (seconds > 0.0).then(|| left as f64 * seconds / finished as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(at: f64, done: usize, of: usize) -> Moment {
        Moment { at, counts: Counts { done, in_progress: of - done, ..Counts::default() } }
    }

    fn left(history: &[Moment], now: f64) -> Option<f64> {
        let last = history.last()?.counts;
        let before = window_begin(last.finished())?;
        let begin = history.iter().rev().find(|moment| moment.counts.finished() <= before)?;
        at_pace(&last, begin, now)
    }

    #[test]
    fn the_pace_is_that_of_late() {
        // Slow at first, then one in ten seconds.
        let history = [moment(0.0, 0, 100), moment(1_000.0, 30, 100), moment(1_100.0, 40, 100)];
        assert_eq!(left(&history, 1_100.0), Some(600.0));
        assert_eq!(left(&history, 1_200.0), Some(1_200.0), "nothing came since");
    }

    #[test]
    fn too_little_or_nothing_left_gives_no_time() {
        assert_eq!(left(&[], 1.0), None);
        assert_eq!(left(&[moment(0.0, 0, 10), moment(9.0, 2, 10)], 10.0), None);
        assert_eq!(left(&[moment(0.0, 0, 10), moment(9.0, 10, 10)], 10.0), None);
        assert_eq!(left(&[moment(0.0, 6, 10)], 10.0), None, "one moment has no pace");
    }
}
