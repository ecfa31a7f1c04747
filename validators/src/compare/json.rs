//! Rule `json`: values in step, without a document in memory.
//!
//! As long as the keys of two objects come in the same order nothing is remembered. Where they part, the members that
//! are left in the first object are indexed by key, and looked up for those of the second.

mod cursor;
mod paths;
mod ranges;

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Seek};

use super::decimal::Number;
use super::source::Halt;
use super::{brief, excerpt};
use crate::rule::JsonRule;
use cursor::{Cursor, TextBytes};
use paths::{Allowed, Paths};

pub(super) use ranges::check;

/// Members of objects in another order that are remembered at once, in all: 16 bytes each.
const MOST_INDEXED: usize = 1 << 18;

/// Compares two documents, or two sequences of documents (JSON lines).
pub(super) fn compare<A: Read + Seek, B: Read + Seek>(rule: &JsonRule, a: A, b: B) -> Result<(), Halt> {
    let (mut a, mut b) = (Cursor::new(a, "first")?, Cursor::new(b, "second")?);
    let mut comparison = Comparison { paths: Paths::new(rule), hasher: RandomState::new(), indexed: 0 };
    loop {
        match (a.next_visible()?, b.next_visible()?) {
            (None, None) => return Ok(()),
            (Some(_), Some(_)) => comparison.compare(&mut a, &mut b)?,
            (None, _) => return Err(b.here("only the second result has this value")),
            (_, None) => return Err(a.here("only the first result has this value")),
        }
        comparison.paths.next_document();
    }
}

struct Comparison<'r> {
    paths: Paths<'r>,
    hasher: RandomState,
    /// Members that are remembered now.
    indexed: usize,
}

impl Comparison<'_> {
    fn compare<A: Read + Seek, B: Read + Seek>(
        &mut self,
        a: &mut Cursor<A>,
        b: &mut Cursor<B>,
    ) -> Result<(), Halt> {
        if matches!(self.paths.allowed(), Allowed::Anything) {
            a.skip_value()?;
            return b.skip_value();
        }
        match (a.expect_value()?, b.expect_value()?) {
            (b'{', b'{') => self.objects(a, b),
            (b'[', b'[') => self.arrays(a, b),
            (b'"', b'"') => self.texts(a, b),
            (x, y) if [x, y].iter().any(|start| b"{[\"".contains(start)) => {
                Err(self.differ(kind(x), kind(y), ""))
            }
            _ => self.scalars(a, b),
        }
    }

    fn scalars<A: Read + Seek, B: Read + Seek>(
        &mut self,
        a: &mut Cursor<A>,
        b: &mut Cursor<B>,
    ) -> Result<(), Halt> {
        let (x, y) = (a.scalar()?, b.scalar()?);
        if x.bytes() == y.bytes() {
            return Ok(());
        }
        let (Some(number), Some(other)) = (x.number(), y.number()) else {
            return Err(self.differ(&x.shown(), &y.shown(), ""));
        };
        let Allowed::Within(limits) = self.paths.allowed() else { return Ok(()) };
        if limits.allow(&number, &other) {
            return Ok(());
        }
        let by = limits.distance(&number, &other).map_or(String::new(), |(distance, allowed)| {
            format!(", off by {}, allowed {}", brief(distance), brief(allowed))
        });
        Err(self.differ(&x.shown(), &y.shown(), &by))
    }

    fn texts<A: Read + Seek, B: Read + Seek>(
        &mut self,
        a: &mut Cursor<A>,
        b: &mut Cursor<B>,
    ) -> Result<(), Halt> {
        let (mut x, mut y) = (TextBytes::begin(a), TextBytes::begin(b));
        let mut shown = Vec::new();
        loop {
            match (x.next(a)?, y.next(b)?) {
                (None, None) => return Ok(()),
                (left, right) if left == right => {
                    // The end of what is equal is what a reader needs to find the place.
                    if shown.len() == 20 {
                        shown.remove(0);
                    }
                    shown.extend(left);
                }
                (left, right) => {
                    let end = |byte: Option<u8>| {
                        let text: Vec<u8> = shown.iter().copied().chain(byte).collect();
                        let mark = if byte.is_some() { "…" } else { "" };
                        if text.is_empty() { "\"\"".to_owned() } else { format!("{}{mark}", excerpt(&text)) }
                    };
                    return Err(self.differ(&format!("…{}", end(left)), &format!("…{}", end(right)), ""));
                }
            }
        }
    }

    fn arrays<A: Read + Seek, B: Read + Seek>(
        &mut self,
        a: &mut Cursor<A>,
        b: &mut Cursor<B>,
    ) -> Result<(), Halt> {
        a.enter();
        b.enter();
        for index in 0.. {
            match (a.next_element(index == 0)?, b.next_element(index == 0)?) {
                (false, false) => break,
                (true, true) => {}
                (is_first, _) => {
                    let which = if is_first { "first" } else { "second" };
                    let text = format!("element {index} is only in the {which} result");
                    return Err(self.paths.at(&text));
                }
            }
            self.paths.enter_element(index)?;
            self.compare(a, b)?;
            self.paths.leave();
        }
        Ok(())
    }

    fn objects<A: Read + Seek, B: Read + Seek>(
        &mut self,
        a: &mut Cursor<A>,
        b: &mut Cursor<B>,
    ) -> Result<(), Halt> {
        a.enter();
        b.enter();
        let mut is_first = true;
        loop {
            let place = a.place();
            match (a.next_key(is_first)?, b.next_key(is_first)?) {
                (None, None) => return Ok(()),
                (Some(x), Some(y)) if x == y => {
                    self.paths.enter_key(&x)?;
                    self.compare(a, b)?;
                    self.paths.leave();
                }
                (x, y) => {
                    a.go_to(place)?;
                    return self.any_order(a, b, (x.is_some(), y), is_first);
                }
            }
            is_first = false;
        }
    }

    /// The rest of two objects: the first stands before its next key, the second behind the key `next.1`.
    fn any_order<A: Read + Seek, B: Read + Seek>(
        &mut self,
        a: &mut Cursor<A>,
        b: &mut Cursor<B>,
        next: (bool, Option<Vec<u8>>),
        mut is_first: bool,
    ) -> Result<(), Halt> {
        let mut index: Vec<(u64, u64)> = Vec::new();
        while let Some(key) = a.next_key(is_first)? {
            if self.indexed + index.len() == MOST_INDEXED {
                let text = format!("keys are in another order, and more than {MOST_INDEXED}");
                return Err(self.paths.at(&text));
            }
            index.push((self.hasher.hash_one(&key), a.key_place()));
            a.skip_value()?;
            is_first = false;
        }
        let end = a.place();
        index.sort_unstable();
        if let Some(two) = index.windows(2).find(|two| two[0].0 == two[1].0) {
            a.go_to(two[1].1)?;
            return Err(self.paths.at(&format!("the first result has the key {} twice", excerpt(&a.key()?))));
        }
        self.indexed += index.len();
        let mut is_used = vec![false; index.len()];
        let mut key = next.1;
        while let Some(name) = key {
            self.paths.enter_key(&name)?;
            match index.binary_search_by_key(&self.hasher.hash_one(&name), |entry| entry.0) {
                Ok(at) if is_used[at] => {
                    self.paths.leave();
                    return Err(self
                        .paths
                        .at(&format!("the second result has the key {} twice", excerpt(&name))));
                }
                Ok(at) => {
                    is_used[at] = true;
                    a.go_to(index[at].1)?;
                    if a.key()? != name {
                        return Err(self.paths.at("is only in the second result"));
                    }
                    self.compare(a, b)?;
                }
                Err(_) if matches!(self.paths.allowed(), Allowed::Anything) => b.skip_value()?,
                Err(_) => return Err(self.paths.at("is only in the second result")),
            }
            self.paths.leave();
            key = b.next_key(false)?;
        }
        for (at, _) in is_used.iter().enumerate().filter(|(_, used)| !**used) {
            a.go_to(index[at].1)?;
            let name = a.key()?;
            self.paths.enter_key(&name)?;
            if !matches!(self.paths.allowed(), Allowed::Anything) {
                return Err(self.paths.at("is only in the first result"));
            }
            self.paths.leave();
        }
        self.indexed -= index.len();
        a.go_to(end)?;
        Ok(())
    }

    fn differ(&self, a: &str, b: &str, by: &str) -> Halt {
        self.paths.at(&format!("{a} against {b}{by}"))
    }
}

fn kind(start: u8) -> &'static str {
    match start {
        b'{' => "an object",
        b'[' => "an array",
        b'"' => "a text",
        _ => "a single value",
    }
}

/// A number, true, false or null.
pub(super) struct Scalar {
    text: Vec<u8>,
}

impl Scalar {
    fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// The number that it is. JSON has none with zeros before it: `[0,05]` is a decimal comma that went astray.
    fn number(&self) -> Option<Number<'_>> {
        let (number, bytes) = Number::read(&self.text)?;
        let is_padded = matches!(&number, Number::Finite(decimal) if decimal.is_padded());
        (bytes == self.text.len() && !is_padded).then_some(number)
    }

    fn shown(&self) -> String {
        super::numbers::shown(&self.text)
    }
}
