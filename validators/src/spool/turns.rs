//! Whose turn it is: science apps share the worker's time, so that the slow script of one does not hold up the others.

use std::collections::BTreeMap;

use super::ItemState;

/// Items that wait for their turn.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    apps: BTreeMap<String, Queue>,
    /// Whose turn it is, and since when.
    at: Option<(String, f64)>,
}

#[derive(Debug, Default)]
struct Queue {
    /// When each is due, its tries and its name; the next one last.
    items: Vec<(f64, u32, String)>,
    /// Seconds that were spent on this app.
    spent: f64,
}

impl Turns {
    /// Turns of these items.
    pub(crate) fn new(items: Vec<(String, ItemState)>) -> Self {
        let mut turns = Self::default();
        for (key, state) in items {
            let queue = turns.apps.entry(app_of(&key).to_owned()).or_default();
            queue.items.push((state.next_try, state.tries, key));
        }
        for queue in turns.apps.values_mut() {
            // Those that were tried least come first, so that one bad item does not keep the others waiting.
            queue.items.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(b.2.cmp(&a.2)));
        }
        turns
    }

    /// The next item: one of the app on which least time was spent. What has passed since the last one was its app's.
    pub(crate) fn next(&mut self, now: f64) -> Option<String> {
        if let Some((app, since)) = self.at.take()
            && let Some(queue) = self.apps.get_mut(&app)
        {
            queue.spent += (now - since).max(0.0);
        }
        let waiting = self.apps.iter_mut().filter(|(_, queue)| !queue.items.is_empty());
        let (app, queue) = waiting.min_by(|(_, a), (_, b)| a.spent.total_cmp(&b.spent))?;
        self.at = Some((app.clone(), now));
        queue.items.pop().map(|(_, _, key)| key)
    }
}

/// The science app that an item's name begins with; all names of others' making together are one.
fn app_of(key: &str) -> &str {
    let bundle = key.split_once("__").map_or("", |(bundle, _)| bundle);
    bundle.rsplit_once('-').map_or("", |(app, _)| app)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(key: &str, next_try: f64, tries: u32) -> (String, ItemState) {
        (key.to_owned(), ItemState { next_try, tries, ..ItemState::default() })
    }

    #[test]
    fn a_slow_app_gets_no_more_time_than_a_fast_one() {
        let slow = (0..100).map(|n| item(&format!("slow-0123456789ab__b__j{n}_0"), 0.0, 0));
        let fast = (0..100).map(|n| item(&format!("zip-0123456789ab__b__j{n}_0"), 50.0, 0));
        let mut turns = Turns::new(slow.chain(fast).collect());
        let (mut now, mut slow, mut fast) = (100.0, 0, 0);
        while let Some(key) = turns.next(now)
            && fast < 100
        {
            let is_slow = key.starts_with("slow");
            now += if is_slow { 15.0 } else { 0.1 };
            *if is_slow { &mut slow } else { &mut fast } += 1;
        }
        assert!(slow <= 2, "{slow} of the slow ones came before all {fast} of the fast ones");
    }

    #[test]
    fn within_an_app_the_one_that_is_due_longest_comes_first_and_of_these_the_one_tried_least() {
        let name = |n| format!("vina-0123456789ab__b__j{n}_0");
        let items = [(1, 7.0, 0), (2, 3.0, 5), (3, 3.0, 1), (4, 9.0, 0)];
        let mut turns =
            Turns::new(items.map(|(n, next_try, tries)| item(&name(n), next_try, tries)).to_vec());
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
