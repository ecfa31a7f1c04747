//! Regular expressions that admins and submitters write, with bounds on what they take.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use crate::bounds::MOST_TEXT_BYTES;

/// Bytes that one compiled pattern may take.
const PATTERN_BYTES: usize = 256 << 10;

/// Bytes that one compiled list of patterns may take.
const PATTERNS_BYTES: usize = 1 << 20;

/// Bytes that a pattern, or a list, may remember of the texts it has seen: with all of them memory stays bounded.
const CACHE_BYTES: usize = 128 << 10;

/// Bytes that all compiled patterns of a rule file may take. This bounds the time that compiling takes, too: about 20 ms.
const BUDGET_BYTES: usize = 2 << 20;

/// What is left of the bytes that all compiled patterns of a rule file may take together.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { left: BUDGET_BYTES }
    }

    /// Compiles a pattern with what is left. How much it takes is known only by steps of four.
    ///
    /// # Errors
    /// Why it can't be compiled, in a few words.
    pub(crate) fn compile(&mut self, pattern: &str) -> Result<Regex, String> {
        // An attempt costs the reading of the pattern, too: a long one is not tried with little room.
        let first = (8 * pattern.len()).max(4 << 10).next_power_of_two();
        let sizes = std::iter::successors(Some(first), |bytes| Some(4 * bytes));
        for bytes in sizes.map(|bytes| bytes.min(PATTERN_BYTES)) {
            if self.left < bytes {
                self.left = 0;
                return Err(format!(
                    "all patterns together take more than {BUDGET_BYTES} bytes once compiled"
                ));
            }
            match compile_within(pattern, bytes) {
                Err(regex::Error::CompiledTooBig(_)) if bytes < PATTERN_BYTES => {}
                compiled => {
                    self.left -= bytes;
                    return compiled.map_err(|error| reason(&error));
                }
            }
        }
        unreachable!("the sizes have no end")
    }
}

/// Compiles a pattern. It works on bytes: `.` is any byte, classes are ASCII's, and no text can be invalid.
///
/// # Errors
/// Why it can't be compiled, in a few words.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    compile_within(pattern, PATTERN_BYTES).map_err(|error| reason(&error))
}

fn compile_within(pattern: &str, bytes: usize) -> Result<Regex, regex::Error> {
    if pattern.len() > MOST_TEXT_BYTES {
        let text = format!("it has {} bytes, at most {MOST_TEXT_BYTES} are accepted", pattern.len());
        return Err(regex::Error::Syntax(text));
    }
    RegexBuilder::new(pattern).unicode(false).size_limit(bytes).dfa_size_limit(CACHE_BYTES).build()
}

/// The list without patterns: making one costs more than all else of a rule.
pub(crate) fn none() -> RegexSet {
    static NONE: LazyLock<RegexSet> = LazyLock::new(RegexSet::empty);
    NONE.clone()
}

/// Compiles a list of patterns, each of which compiles by itself.
///
/// # Errors
/// Why not, in a few words.
pub(crate) fn compile_all(patterns: &[String]) -> Result<RegexSet, String> {
    if patterns.is_empty() {
        return Ok(none());
    }
    let mut builder = RegexSetBuilder::new(patterns);
    builder.unicode(false).size_limit(PATTERNS_BYTES).dfa_size_limit(8 * CACHE_BYTES);
    builder.build().map_err(|error| reason(&error))
}

fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "it is too large once compiled".to_owned(),
        // The last line says it; those before draw the pattern.
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}
