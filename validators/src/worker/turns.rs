//! Whose turn it is: science apps share the worker's time, so that the slow script of one does not hold up the others.

use std::collections::BTreeMap;

use crate::spool::ItemState;

/// Items that wait for their turn, in one round.
#[derive(Debug)]
pub(crate) struct Turns<'a> {
    queues: BTreeMap<String, Vec<Turn>>,
    /// Whose turn it is, and since when.
    at: Option<(String, f64)>,
    shares: &'a mut Shares,
}

/// Seconds that were spent on each science app, over all rounds of a worker.
#[derive(Debug, Default)]
pub(crate) struct Shares(BTreeMap<String, f64>);

/// An item: when it is due, its tries and its name.
type Turn = (f64, u32, String);

impl<'a> Turns<'a> {
    /// Turns of these items.
    pub(crate) fn new(items: Vec<(String, ItemState)>, shares: &'a mut Shares) -> Self {
        let mut queues = BTreeMap::<String, Vec<Turn>>::new();
        for (key, state) in items {
            queues.entry(app_of(&key).to_owned()).or_default().push((
                state.next_attempt,
                state.attempts,
                key,
            ));
        }
        for queue in queues.values_mut() {
            // Taken from the end. Those that were tried least come first, so that one bad item does not keep the others
            // waiting.
            queue.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(b.2.cmp(&a.2)));
        }
        shares.meet(queues.keys());
        Self { queues, at: None, shares }
    }

    /// The next item: one of the app on which least time was spent. What has passed since the last one was its app's.
    pub(crate) fn next(&mut self, now: f64) -> Option<String> {
        self.charge(now);
        let waiting = self.queues.iter().filter(|(_, queue)| !queue.is_empty());
        let least = waiting.min_by(|(a, _), (b, _)| self.shares.of(a).total_cmp(&self.shares.of(b)));
        let app = least.map(|(app, _)| app.clone())?;
        let (_, _, key) = self.queues.get_mut(&app)?.pop()?;
        self.at = Some((app, now));
        Some(key)
    }

    /// Counts the time since the last turn began for the app whose it was.
    pub(crate) fn charge(&mut self, now: f64) {
        if let Some((app, since)) = self.at.take() {
            *self.shares.0.entry(app).or_default() += (now - since).max(0.0);
        }
    }
}

impl Shares {
    fn of(&self, app: &str) -> f64 {
        self.0.get(app).copied().unwrap_or_default()
    }

    /// Who comes new, or after a pause, has saved up nothing: it begins with the least of those that wait already.
    fn meet<'k>(&mut self, apps: impl Iterator<Item = &'k String> + Clone) {
        let known = apps.clone().filter_map(|app| self.0.get(app)).copied();
        let least = known.min_by(f64::total_cmp).unwrap_or_default();
        let apps: BTreeMap<String, f64> =
            apps.map(|app| (app.clone(), self.0.get(app).map_or(least, |spent| spent.max(least)))).collect();
        // Those that have nothing to do any more are forgotten, so that names of apps do not pile up.
        self.0 = apps;
    }
}

/// The science app that an item's name begins with; all names of others' making together are one.
pub(crate) fn app_of(key: &str) -> &str {
    let bundle = key.split_once("__").map_or("", |(bundle, _)| bundle);
    bundle.rsplit_once('-').map_or("", |(app, _)| app)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(key: &str, next_attempt: f64, tries: u32) -> (String, ItemState) {
        (key.to_owned(), ItemState { next_attempt, attempts: tries, ..ItemState::default() })
    }

    fn items(app: &str, numbers: std::ops::Range<u32>) -> Vec<(String, ItemState)> {
        numbers.map(|n| item(&format!("{app}-0123456789ab__b__j{n}_0"), 0.0, 0)).collect()
    }

    /// Rounds of 30 s until the app's items are done; how many of the others' were done before.
    fn others_before(app: &str, seconds: impl Fn(&str) -> f64, mut left: Vec<(String, ItemState)>) -> usize {
        let mut shares = Shares::default();
        let (mut now, mut others) = (0.0, 0);
        while left.iter().any(|(key, _)| app_of(key) == app) {
            let start = now;
            let mut turns = Turns::new(left.clone(), &mut shares);
            while let Some(key) = turns.next(now) {
                now += seconds(app_of(&key));
                others += usize::from(app_of(&key) != app);
                left.retain(|(other, _)| *other != key);
                if now - start > 30.0 {
                    break;
                }
            }
            turns.charge(now);
        }
        others
    }

    #[test]
    fn slow_apps_get_no_more_time_than_a_fast_one_however_long_their_scripts_run() {
        let seconds = |app: &str| if app == "zip" { 0.1 } else { 40.0 };
        let all = [items("aaa1", 0..50), items("aaa2", 0..50), items("zip", 0..100)].concat();
        let others = others_before("zip", seconds, all);
        assert!(others <= 3, "{others} slow ones came before all fast ones");
    }

    #[test]
    fn who_comes_later_has_saved_up_nothing_and_owes_nothing() {
        let mut shares = Shares::default();
        let mut turns = Turns::new(items("a", 0..3), &mut shares);
        turns.next(0.0);
        turns.charge(500.0);
        let mut turns = Turns::new([items("a", 1..9), items("b", 0..9)].concat(), &mut shares);
        let mut now = 500.0;
        let order = std::iter::from_fn(|| {
            now += 1.0;
            turns.next(now).map(|key| app_of(&key).to_owned())
        });
        assert_eq!(order.take(6).collect::<Vec<_>>(), ["a", "b", "a", "b", "a", "b"]);
    }

    #[test]
    fn within_an_app_the_one_that_is_due_longest_comes_first_and_of_these_the_one_tried_least() {
        let name = |n| format!("vina-0123456789ab__b__j{n}_0");
        let items = [(1, 7.0, 0), (2, 3.0, 5), (3, 3.0, 1), (4, 9.0, 0)];
        let items = items.map(|(n, next_attempt, tries)| item(&name(n), next_attempt, tries)).to_vec();
        let mut shares = Shares::default();
        let mut turns = Turns::new(items, &mut shares);
        let order: Vec<_> = std::iter::from_fn(|| turns.next(10.0)).collect();
        assert_eq!(order, [3, 2, 1, 4].map(name));
    }

    #[test]
    fn bundles_of_an_app_share_its_turn() {
        assert_eq!(app_of("my-app-0123456789ab__b__j_0"), "my-app");
        assert_eq!(app_of("q3_0_1"), "");
        assert_eq!(app_of("vina__x"), "");
    }
}
