//! Names that carry the science app: `APP-HASH__BATCH__JOB`, and the names that BOINC derives from them.
//!
//! A present server hands its validation scripts nothing but the paths of output files, so whatever a
//! shim has to know about a result must be in those names. BOINC makes from a workunit's name
//! `<workunit>_<n>` for a result and `<workunit>_<n>_r<random>_<i>` for output i of it
//! (`tools/backend_lib.cpp`, `create_result`).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Longest workunit name, in bytes.
///
/// A workunit's and a result's name are kept in `varchar(191)` (`db/schema.sql`); a result adds `_<n>`, for
/// which three digits are left. The names of output files then stay below 210 bytes, and BOINC takes 255.
pub const MAX_BYTES: usize = 187;

/// Longest name of a science app, in bytes.
pub const MAX_APP_BYTES: usize = 24;

/// Number of hexadecimal digits of a bundle's sha-256 in a workunit's name.
pub const HASH_DIGITS: usize = 12;

/// What a result's output file may add to its workunit's name, in bytes, at most:
/// `_<n>_r<random>_<i>` with three digits for instance and output and ten for the random number.
pub const MAX_OUTPUT_SUFFIX_BYTES: usize = 1 + 3 + 2 + 10 + 1 + 3;

/// The name of a workunit, valid by construction.
///
/// ```
/// use boinc::names::workunit::WorkunitName;
/// let name = WorkunitName::new("vina", "0123456789ab", "b1", "ligand-7").unwrap();
/// assert_eq!(name.to_string(), "vina-0123456789ab__b1__ligand-7");
/// assert_eq!(name.to_string().parse(), Ok(name));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkunitName {
    app: String,
    hash: String,
    batch: String,
    job: String,
}

/// Why a name cannot be used: which one, what was found, and what is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct NameError(String);

const ACCEPTED_APP: &str = "lower-case letters, digits and \"-\" are accepted, first a letter or digit";
const ACCEPTED_WORD: &str = "letters, digits, \"_\", \"-\" and \".\" are accepted, first a letter or digit";

/// Checks a science app's name: `[a-z0-9][a-z0-9-]{0,23}`.
pub fn check_app(name: &str) -> Result<(), NameError> {
    let is_accepted = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    check_part("science app", name, ACCEPTED_APP, is_accepted, MAX_APP_BYTES)
}

/// Checks a batch's name: letters, digits, `_`, `-` and `.`, without `__` and not ending in `_`.
pub fn check_batch(name: &str) -> Result<(), NameError> {
    check_part("batch", name, ACCEPTED_WORD, is_word, MAX_BYTES)?;
    if name.contains("__") {
        return Err(separator("batch", name, "__"));
    }
    if name.ends_with('_') { Err(separator("batch", name, "_")) } else { Ok(()) }
}

/// Checks a job's name: letters, digits, `_`, `-` and `.`, without `__file_`, which separates a job from a
/// file where results are collected.
///
/// BOINC's database compares names without regard to case: two jobs of a batch must differ in more than that.
pub fn check_job(name: &str) -> Result<(), NameError> {
    check_part("job", name, ACCEPTED_WORD, is_word, MAX_BYTES)?;
    // "<job>_error" must not look like file "error" of a job "…" either, hence also at the end.
    let is_ambiguous = name.contains("__file_") || name.ends_with("__file");
    if is_ambiguous { Err(separator("job", name, "__file")) } else { Ok(()) }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn check_part(
    part: &str,
    name: &str,
    accepted: &str,
    is_accepted: impl Fn(char) -> bool,
    limit: usize,
) -> Result<(), NameError> {
    let Some(first) = name.chars().next() else {
        return Err(NameError(format!("the {part} name is empty")));
    };
    let offender =
        name.chars().find(|&c| !is_accepted(c)).or((!first.is_ascii_alphanumeric()).then_some(first));
    if let Some(found) = offender {
        return Err(NameError(format!("the {part} name {name:?} contains {found:?}: {accepted}")));
    }
    if name.len() > limit {
        let bytes = name.len();
        return Err(NameError(format!(
            "the {part} name {name:?} has {bytes} bytes, at most {limit} are accepted"
        )));
    }
    Ok(())
}

fn separator(part: &str, name: &str, found: &str) -> NameError {
    NameError(format!(
        "the {part} name {name:?} contains {found:?}, which separates the parts of a workunit's name"
    ))
}

fn check_hash(hash: &str) -> Result<(), NameError> {
    let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if hash.len() != HASH_DIGITS || !hash.bytes().all(is_digit) {
        let what = format!("the hash {hash:?} is not {HASH_DIGITS} lower-case hexadecimal digits");
        return Err(NameError(what));
    }
    Ok(())
}

impl WorkunitName {
    /// Composes a name of its parts; `hash` is the first [`HASH_DIGITS`] digits of the bundle's sha-256.
    pub fn new(app: &str, hash: &str, batch: &str, job: &str) -> Result<Self, NameError> {
        check_app(app)?;
        check_hash(hash)?;
        check_batch(batch)?;
        check_job(job)?;
        let name = Self { app: app.into(), hash: hash.into(), batch: batch.into(), job: job.into() };
        let text = name.to_string();
        if text.len() > MAX_BYTES {
            return Err(NameError(format!(
                "the workunit name {text:?} has {} bytes, at most {MAX_BYTES} are accepted: shorten the job's or the \
                 batch's name",
                text.len()
            )));
        }
        Ok(name)
    }

    /// The science app's name.
    pub fn app(&self) -> &str {
        &self.app
    }

    /// The bundle's hash, [`HASH_DIGITS`] digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// `APP-HASH`, which names the bundle.
    pub fn bundle(&self) -> String {
        format!("{}-{}", self.app, self.hash)
    }

    /// The batch's name.
    pub fn batch(&self) -> &str {
        &self.batch
    }

    /// The job's name.
    pub fn job(&self) -> &str {
        &self.job
    }

    /// The name of this workunit's instance `n`.
    pub fn result(&self, n: u32) -> String {
        format!("{self}_{n}")
    }
}

impl fmt::Display for WorkunitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}__{}__{}", self.app, self.hash, self.batch, self.job)
    }
}

impl FromStr for WorkunitName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let form = || NameError(format!("{text:?} is not of the form APP-HASH__BATCH__JOB"));
        // Neither APP-HASH nor BATCH has "__" or ends in "_", so the first "__" always is the border.
        let (bundle, rest) = text.split_once("__").ok_or_else(form)?;
        let (batch, job) = rest.split_once("__").ok_or_else(form)?;
        let (app, hash) = bundle.rsplit_once('-').ok_or_else(form)?;
        Self::new(app, hash, batch, job)
    }
}

/// The physical name of an output file, `<workunit>_<n>_r<random>_<i>`, whatever the workunit is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OutputName {
    /// The workunit's name: parse it as a [`WorkunitName`] to learn the science app.
    pub workunit: String,
    /// The instance's number n, from 0.
    pub instance: u32,
    /// The random number that keeps volunteers from guessing each other's names.
    pub random: u64,
    /// The output's number i in the output template, from 0.
    pub output: u32,
}

impl OutputName {
    /// `<workunit>_<n>`, the name of the result.
    pub fn result(&self) -> String {
        format!("{}_{}", self.workunit, self.instance)
    }

    /// Reads a physical name; `None` if it is not of this form.
    ///
    /// Numbers are taken only as BOINC writes them, without a sign or leading zeros, so that each name is
    /// composed again exactly as it was.
    pub fn parse(name: &str) -> Option<Self> {
        let (rest, output) = name.rsplit_once('_')?;
        let (rest, random) = rest.rsplit_once('_')?;
        let (workunit, instance) = rest.rsplit_once('_')?;
        if workunit.is_empty() {
            return None;
        }
        Some(Self {
            workunit: workunit.to_owned(),
            instance: number(instance)?.try_into().ok()?,
            random: number(random.strip_prefix('r')?)?,
            output: number(output)?.try_into().ok()?,
        })
    }
}

fn number(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for OutputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_r{}_{}", self.workunit, self.instance, self.random, self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HASH: &str = "0123456789ab";

    #[test]
    fn parts_are_found_again() {
        for (batch, job) in [("b", "j"), ("b_1", "j_"), ("b", "a__b"), ("2026.1-x", "j_0_r1_0")] {
            let name = WorkunitName::new("auto-dock", HASH, batch, job).unwrap();
            assert_eq!((name.batch(), name.job()), (batch, job));
            assert_eq!(name.to_string().parse(), Ok(name));
        }
    }

    #[test]
    fn names_that_boinc_or_the_format_forbid_are_refused() {
        let job = |name: &str| WorkunitName::new("vina", HASH, "b", name).unwrap_err().to_string();
        assert_eq!(
            job("a b"),
            "the job name \"a b\" contains ' ': letters, digits, \"_\", \"-\" and \".\" are accepted, \
             first a letter or digit"
        );
        for name in ["", "../x", ".x", "-x", "a\nb", "a'b", "a\"b", "a\\b", "a<b", "a/b", "é", "a;b", "$(x)"]
        {
            assert!(WorkunitName::new("vina", HASH, "b", name).is_err(), "{name:?}");
        }
        for name in ["a__file_b", "a__file", "_a"] {
            assert!(WorkunitName::new("vina", HASH, "b", name).is_err(), "{name:?}");
        }
        for batch in ["", "a__b", "a_", "_a", "a b"] {
            assert!(WorkunitName::new("vina", HASH, batch, "j").is_err(), "{batch:?}");
        }
        for app in ["", "Vina", "a_b", "-a", "a.b", "a1234567890123456789012345"] {
            assert!(WorkunitName::new(app, HASH, "b", "j").is_err(), "{app:?}");
        }
        for hash in ["", "0123456789AB", "0123456789a", "0123456789abc", "0123456789ag"] {
            assert!(WorkunitName::new("vina", hash, "b", "j").is_err(), "{hash:?}");
        }
    }

    #[test]
    fn the_longest_name_leaves_room_for_what_boinc_adds() {
        let frame = WorkunitName::new("vina", HASH, "b", "j").unwrap().to_string().len() - 1;
        let longest = WorkunitName::new("vina", HASH, "b", &"j".repeat(MAX_BYTES - frame)).unwrap();
        assert_eq!(longest.to_string().len(), MAX_BYTES);
        assert!(longest.result(999).len() <= 191);
        let output =
            OutputName { workunit: longest.to_string(), instance: 999, random: 2_147_483_647, output: 999 };
        assert_eq!(output.to_string().len(), MAX_BYTES + MAX_OUTPUT_SUFFIX_BYTES);
        let error = WorkunitName::new("vina", HASH, "b", &"j".repeat(MAX_BYTES - frame + 1)).unwrap_err();
        assert!(error.to_string().contains("has 188 bytes, at most 187"), "{error}");
    }

    #[test]
    fn output_names_of_a_real_server_are_read() {
        let name = OutputName::parse("q3_0_1_r10062336_0").unwrap();
        assert_eq!(name, OutputName { workunit: "q3_0".into(), instance: 1, random: 10_062_336, output: 0 });
        assert_eq!(name.result(), "q3_0_1");
    }

    #[test]
    fn names_cut_short_or_made_by_others_are_not_output_names() {
        for name in [
            "q3_0_1_r10062336_",
            "q3_0_1_r10062336",
            "q3_0_1_",
            "_1_r1_0",
            "1_r1_0",
            "x_1_1_0",
            "",
            "x_+1_r1_0",
            "x_01_r1_0",
            "x_1_r1_00",
            "x_1_r_0",
            "x_1_r1_99999999999",
            "x__r1_0",
        ] {
            assert_eq!(OutputName::parse(name), None, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn composing_and_parsing_are_inverse(
            app in "[a-z0-9][a-z0-9-]{0,23}", hash in "[0-9a-f]{12}",
            batch in "[a-z0-9][a-zA-Z0-9_.-]{0,20}", job in "[a-z0-9][a-zA-Z0-9_.-]{0,60}",
            instance in 0u32..1000, random in 0u64..1 << 31, output in 0u32..1000,
        ) {
            if let Ok(name) = WorkunitName::new(&app, &hash, &batch, &job) {
                prop_assert_eq!((name.app(), name.hash()), (app.as_str(), hash.as_str()));
                prop_assert_eq!((name.batch(), name.job()), (batch.as_str(), job.as_str()));
                let text = name.to_string();
                prop_assert_eq!(text.parse::<WorkunitName>().unwrap(), name);
                let file = OutputName { workunit: text, instance, random, output };
                prop_assert_eq!(OutputName::parse(&file.to_string()), Some(file));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,80}") {
            if let Ok(name) = text.parse::<WorkunitName>() {
                prop_assert_eq!(name.to_string(), text.clone());
            }
            if let Some(name) = OutputName::parse(&text) {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
