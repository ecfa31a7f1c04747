//! Who takes what from whom: arrows, their circles and levels.

use std::collections::{BTreeMap, BTreeSet};

/// Arrows by the file, folder or crate that they start from, then by the one that they point to.
pub type Arrows = BTreeMap<String, BTreeMap<String, Arrow>>;

/// What one file imports from another.
#[derive(Debug, Clone)]
pub struct Arrow {
    /// The importing file.
    pub from: String,
    /// The first of its lines that takes something, counted from 1.
    pub line: usize,
    /// The file that defines what is taken.
    pub to: String,
    /// The items taken, by the names under which they are defined.
    pub names: BTreeSet<String>,
}

/// The nodes of one circle, sorted.
pub type Circle = BTreeSet<String>;

/// The largest sets of nodes in which each reaches all others, sorted by their first nodes.
pub fn circles(arrows: &Arrows) -> BTreeSet<Circle> {
    let reach: BTreeMap<&String, BTreeSet<&String>> =
        arrows.keys().map(|node| (node, reachable(arrows, node))).collect();
    let circle_of = |node: &String| -> Circle {
        let back =
            reach[node].iter().filter(|other| reach.get(**other).is_some_and(|there| there.contains(node)));
        back.map(|other| (*other).clone()).collect()
    };
    arrows.keys().map(circle_of).filter(|circle| circle.len() > 1).collect()
}

/// The number of nodes on the longest way along the arrows; a circle counts as one node.
pub fn levels(arrows: &Arrows) -> usize {
    let circles = circles(arrows);
    let mut known = BTreeMap::new();
    arrows.keys().map(|node| height(arrows, &circles, node, &mut known)).max().unwrap_or(1)
}

fn height(
    arrows: &Arrows,
    circles: &BTreeSet<Circle>,
    node: &String,
    known: &mut BTreeMap<String, usize>,
) -> usize {
    if let Some(&height) = known.get(node) {
        return height;
    }
    let alone = Circle::from([node.clone()]);
    let together = circles.iter().find(|circle| circle.contains(node)).unwrap_or(&alone);
    let targets = together.iter().filter_map(|member| arrows.get(member)).flat_map(BTreeMap::keys);
    let below = targets.filter(|target| !together.contains(*target));
    let highest = below.map(|target| height(arrows, circles, target, known)).max();
    let height = 1 + highest.unwrap_or(0);
    known.insert(node.clone(), height);
    height
}

fn reachable<'a>(arrows: &'a Arrows, start: &'a String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(targets) = open.pop().map(|node| arrows.get(node)) {
        open.extend(targets.into_iter().flat_map(BTreeMap::keys).filter(|target| reached.insert(*target)));
    }
    reached
}
