//! Two outputs as lines: which of them differ.

use std::io::Cursor;
use std::path::Path;

use boinc::spelling::shortened_to;
use validators::compare::{Outcome, compare};
use validators::rule::Rule;

/// Larger outputs are compared, but not explained: both are held in memory for that, and compared several times.
const MAX_BYTES: u64 = 4 << 20;

/// Characters of a line that are shown.
const SHOWN: usize = 160;

/// Two outputs in memory.
pub(super) struct Texts {
    pub a: Vec<u8>,
    pub b: Vec<u8>,
}

/// A line with its number, from 1.
pub(super) type Line<'t> = (usize, &'t [u8]);

impl Texts {
    /// Reads two outputs; `None` if one is not a regular file, or is too large to be explained.
    pub fn read(a: &Path, b: &Path) -> Option<Self> {
        let read = |path: &Path| {
            let meta = path.symlink_metadata().ok()?;
            (meta.is_file() && meta.len() <= MAX_BYTES).then(|| std::fs::read(path).ok())?
        };
        Some(Self { a: read(a)?, b: read(b)? })
    }

    /// Whether both are texts: a line of anything else says nothing.
    pub fn are_text(&self) -> bool {
        [&self.a, &self.b].iter().all(|bytes| !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok())
    }

    /// The pairs of lines that a rule compares and whose bytes differ; a missing line is `None`. Rules that do not go by
    /// lines have none.
    pub fn differing<'t>(
        &'t self,
        rule: &'t Rule,
    ) -> impl Iterator<Item = (Option<Line<'t>>, Option<Line<'t>>)> {
        let is_lines = matches!(rule, Rule::Bytes | Rule::Text { .. } | Rule::Numbers(_)) && self.are_text();
        let mut a = lines(&self.a, rule).filter(move |_| is_lines);
        let mut b = lines(&self.b, rule).filter(move |_| is_lines);
        std::iter::from_fn(move || match (a.next(), b.next()) {
            (None, None) => None,
            pair => Some(pair),
        })
        .filter(|(a, b)| a.map(|(_, line)| line) != b.map(|(_, line)| line))
    }

    /// The first pair of lines that differ by a rule, as they are shown; empty if the rule does not go by lines.
    pub fn first_difference(&self, rule: &Rule) -> Vec<String> {
        let differ = |a: Option<Line>, b: Option<Line>| match (a, b) {
            (Some((_, a)), Some((_, b))) => {
                !matches!(compare(rule, Cursor::new(a), Cursor::new(b)), Ok(Outcome::Same))
            }
            _ => true,
        };
        let first = self.differing(rule).find(|(a, b)| differ(*a, *b));
        first.map(|(a, b)| vec![shown(a), shown(b)]).unwrap_or_default()
    }
}

/// The lines that a rule does not leave out.
fn lines<'t>(bytes: &'t [u8], rule: &'t Rule) -> impl Iterator<Item = Line<'t>> {
    let ignored = match rule {
        Rule::Text { ignore_lines } => Some(ignore_lines),
        Rule::Numbers(rule) => Some(&rule.ignore_lines),
        _ => None,
    };
    let is_ignored = move |line: &[u8]| {
        ignored.is_some_and(|patterns| patterns.is_match(line.strip_suffix(b"\r").unwrap_or(line)))
    };
    let pieces = bytes.split_inclusive(|&byte| byte == b'\n').enumerate();
    pieces
        // With its end, which counts for the rule `bytes`.
        .map(|(at, line)| (at + 1, line))
        .filter(move |(_, line)| !is_ignored(line.strip_suffix(b"\n").unwrap_or(line)))
}

fn shown(line: Option<Line>) -> String {
    match line {
        None => "no such line".to_owned(),
        Some((number, text)) => {
            let text = String::from_utf8_lossy(text);
            format!("line {number}: {}", shortened_to(text.trim_end_matches('\n'), SHOWN))
        }
    }
}
