//! Regular expressions that admins and submitters write, with bounds on what they take.

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// Bytes that one compiled pattern may take.
const PATTERN_BYTES: usize = 256 << 10;

/// Bytes that one compiled list of patterns may take.
const PATTERNS_BYTES: usize = 1 << 20;

/// Bytes that a pattern, or a list, may remember of the texts it has seen: with all of them memory stays bounded.
const CACHE_BYTES: usize = 128 << 10;

/// Compiles a pattern. It works on bytes: `.` is any byte, classes are ASCII's, and no text can be invalid.
///
/// # Errors
/// Why it can't be compiled, in a few words.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(pattern);
    builder.unicode(false).size_limit(PATTERN_BYTES).dfa_size_limit(CACHE_BYTES);
    builder.build().map_err(|error| reason(&error))
}

/// Compiles a list of patterns, each of which compiles by itself.
///
/// # Errors
/// Why not, in a few words.
pub(crate) fn compile_all(patterns: &[String]) -> Result<RegexSet, String> {
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
