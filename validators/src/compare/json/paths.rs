//! Where in a document a comparison is, and what holds there.

use crate::compare::limits::Limits;
use crate::compare::source::Halt;
use crate::rule::{Allowance, JsonPath, JsonRule};

/// Deepest nesting that is followed.
const MOST_DEPTH: usize = 128;
/// Bytes of a key that are kept for messages.
const SHOWN: usize = 40;

/// What is allowed for a value.
#[derive(Clone, Copy)]
pub(super) enum Allowed<'a> {
    /// Numbers within these limits.
    Within(&'a Limits),
    /// Anything, also nothing.
    Anything,
}

/// The way from the top of a document, and which of the paths of interest it can still become.
pub(super) struct Tracker<'r> {
    paths: Vec<&'r JsonPath>,
    steps: Vec<Step>,
    /// Bit i: path i fits as far as this.
    masks: Vec<u64>,
    document: u64,
}

enum Step {
    Key(Vec<u8>),
    Element(u64),
}

impl<'r> Tracker<'r> {
    /// At most [`JsonPath::MOST`] paths.
    pub(super) fn new(paths: Vec<&'r JsonPath>) -> Self {
        let all = 1u64.checked_shl(paths.len() as u32).map_or(u64::MAX, |bit| bit - 1);
        Self { paths, steps: Vec::new(), masks: vec![all], document: 1 }
    }

    /// The paths that lead here, by number.
    pub(super) fn here(&self) -> impl Iterator<Item = usize> {
        let mask = self.masks.last().copied().unwrap_or(0);
        let depth = self.steps.len();
        let fits = move |(i, path): &(usize, &&JsonPath)| mask >> i & 1 == 1 && path.steps.len() == depth;
        self.paths.iter().enumerate().filter(fits).map(|(i, _)| i)
    }

    /// Goes to a member of an object.
    pub(super) fn enter_key(&mut self, key: &[u8]) -> Result<(), Halt> {
        let shown = key[..key.len().min(SHOWN)].to_vec();
        self.enter(|step| step.as_bytes() == key, Step::Key(shown))
    }

    /// Goes to an element of an array.
    pub(super) fn enter_element(&mut self, index: u64) -> Result<(), Halt> {
        let is_here = |step: &str| step.parse() == Ok(index);
        self.enter(is_here, Step::Element(index))
    }

    fn enter(&mut self, is_here: impl Fn(&str) -> bool, step: Step) -> Result<(), Halt> {
        if self.steps.len() == MOST_DEPTH {
            return Err(self.at(&format!("is nested deeper than {MOST_DEPTH}")));
        }
        let above = self.masks.last().copied().unwrap_or(0);
        let depth = self.steps.len();
        let mut mask = 0;
        for (i, path) in self.paths.iter().enumerate() {
            let fits = above >> i & 1 == 1
                && path.steps.get(depth).is_some_and(|step| step.as_ref().is_none_or(|step| is_here(step)));
            mask |= u64::from(fits) << i;
        }
        self.masks.push(mask);
        self.steps.push(step);
        Ok(())
    }

    /// Goes one step up.
    pub(super) fn leave(&mut self) {
        self.steps.pop();
        self.masks.pop();
    }

    /// The next document of the same file begins.
    pub(super) fn next_document(&mut self) {
        self.document += 1;
    }

    /// A remark about this place.
    pub(super) fn at(&self, text: &str) -> Halt {
        let mut path = String::new();
        for step in &self.steps {
            match step {
                Step::Key(key) => {
                    path.push('/');
                    let text = String::from_utf8_lossy(key).replace('~', "~0").replace('/', "~1");
                    path.extend(text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }));
                }
                Step::Element(index) => path.push_str(&format!("/{index}")),
            }
        }
        if path.len() > 200 {
            let start = (path.len() - 200..).find(|&at| path.is_char_boundary(at)).unwrap_or(0);
            path = format!("…{}", &path[start..]);
        }
        let document = if self.document > 1 { format!("value {} ", self.document) } else { String::new() };
        let path = if path.is_empty() { "the top".to_owned() } else { path };
        Halt::Different(format!("{document}{path}: {text}"))
    }
}

/// The way, and the limits of the rule.
pub(super) struct Paths<'r> {
    tracker: Tracker<'r>,
    general: Limits,
    limits: Vec<Option<Limits>>,
}

impl<'r> Paths<'r> {
    /// The top of the first document.
    pub(super) fn new(rule: &'r JsonRule) -> Self {
        let limits = |allowance: Allowance| match allowance {
            Allowance::Within(tolerance) => Some(Limits::new(tolerance)),
            Allowance::Ignored => None,
        };
        Self {
            tracker: Tracker::new(rule.at.iter().map(|at| &at.place).collect()),
            general: Limits::new(rule.tolerance),
            limits: rule.at.iter().map(|at| limits(at.allowance)).collect(),
        }
    }

    /// What is allowed here.
    pub(super) fn allowed(&self) -> Allowed<'_> {
        match self.tracker.here().next().map(|i| &self.limits[i]) {
            None => Allowed::Within(&self.general),
            Some(Some(limits)) => Allowed::Within(limits),
            Some(None) => Allowed::Anything,
        }
    }
}

impl<'r> std::ops::Deref for Paths<'r> {
    type Target = Tracker<'r>;

    fn deref(&self) -> &Tracker<'r> {
        &self.tracker
    }
}

impl std::ops::DerefMut for Paths<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.tracker
    }
}
