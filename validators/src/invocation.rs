//! The command lines of `script_validator` and `script_assimilator`.
//!
//! Present servers pass paths only, with `wu_id` before them to an assimilator; servers from before July 2025
//! and repaired ones pass what tokens after the script's name ask for: result ids and run times, which are
//! numbers, and names. A path is told apart by being absolute, or by the name of an output at its end.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use thiserror::Error;

use boinc::names::fan_out::{FAN_OUT, fan_out};
use boinc::names::workunit::OutputName;
use boinc::platform::path_bytes;

/// The daemons build the command line in 4,096 bytes (`sched/script_validator.cpp`). A line that long has
/// probably been cut; the shell's words do not show the second blank that some servers put after the name.
const CUT_BYTES: usize = 4096 - 2;

/// The arguments of a call, sorted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ArgWords {
    /// Paths of output files, in order.
    pub paths: Vec<PathBuf>,
    /// The word after each path: its logical name, where an assimilator asks for `files2`.
    pub names: Vec<Option<String>>,
    /// The first number: an assimilator's `wu_id`.
    pub first_number: Option<String>,
    /// Whole numbers, in order: result ids, where a server passes them.
    pub ids: Vec<u64>,
    /// Numbers with a point, in order: run times in seconds, where a server passes them.
    pub run_times: Vec<f64>,
    /// Whether the line is as long as the daemon's buffer.
    pub is_cut: bool,
}

/// What an assimilator is told of a workunit that failed: `--error MASK WU_NAME WU_ID BATCH_ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailedWorkunit {
    /// Why, as bits.
    pub mask: u32,
    /// The workunit's name.
    pub workunit: String,
    /// The workunit's number in the database, as text.
    pub workunit_id: String,
    /// The batch's number in the database, as text.
    pub batch_id: String,
}

/// The output files of one result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResultFiles {
    /// The workunit's and the instance's name, unless the files' names are not BOINC's.
    pub identity: Option<(String, u32)>,
    /// Path of each output and its number.
    pub outputs: Vec<(usize, PathBuf)>,
}

/// A command line that says nothing certain about any result: what is wrong with it, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct InvocationError(String);

impl InvocationError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Arguments, but no path.
    pub(crate) fn no_paths() -> Self {
        Self::new(
            "called without the path of an output file; help: name only the script in the daemon's line of config.xml",
        )
    }

    /// The daemon has cut the line of this call.
    pub(crate) fn cut(argv: &[OsString]) -> Self {
        Self(format!(
            "the command line has {} bytes, the daemon cuts it at 4,096 and paths are lost; help: use fewer outputs or \
             shorter names of batch and job",
            line_bytes(argv)
        ))
    }

    /// A name that does not fit the others.
    fn stray(path: &Path) -> Self {
        let path = path.display();
        Self(format!("{path} is not an output of the same result as the paths before it"))
    }
}

/// Sorts the arguments of a call; `argv[0]` is the program.
pub(crate) fn parse_args(argv: &[OsString]) -> Result<ArgWords, InvocationError> {
    if argv.len() <= 1 {
        return Err(InvocationError::new(
            "called without arguments (servers since July 2025 pass nothing for tokens); help: name only the script in \
             the daemon's line of config.xml, without tokens after it",
        ));
    }
    let mut words = ArgWords { is_cut: line_bytes(argv) >= CUT_BYTES, ..ArgWords::default() };
    let mut follows_path = false;
    for argument in &argv[1..] {
        let bytes = path_bytes(Path::new(argument));
        let is_path =
            bytes.starts_with(b"/") || bytes.contains(&b'/') && output_name(Path::new(argument)).is_some();
        if is_path {
            words.paths.push(PathBuf::from(argument));
            words.names.push(None);
        } else {
            let text = argument.to_string_lossy();
            // The daemon prints ids with %lu and times with %f (`sched/script_validator.cpp`).
            let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            if is_number && text.contains('.') {
                words.run_times.extend(text.parse::<f64>().ok());
            } else if is_number {
                words.ids.extend(text.parse::<u64>().ok());
            }
            match words.names.last_mut() {
                Some(name) if follows_path => *name = argument.to_str().map(str::to_owned),
                _ if is_number => _ = words.first_number.get_or_insert_with(|| text.into_owned()),
                _ => {}
            }
        }
        follows_path = is_path;
    }
    if words.names.iter().any(Option::is_none) {
        // Not pairs: what followed a path was an id, a time or the workunit's name.
        words.names.fill(None);
    }
    if words.paths.is_empty() && words.first_number.is_none() {
        return Err(InvocationError::no_paths());
    }
    Ok(words)
}

/// Length of the line that the daemon gave to the shell, in bytes, as far as the words show it.
fn line_bytes(argv: &[OsString]) -> usize {
    argv.iter().map(|word| word.len() + 1).sum::<usize>().saturating_sub(1)
}

/// Reads `--error MASK WU_NAME WU_ID BATCH_ID`; `None` for another call.
pub(crate) fn failure(argv: &[OsString]) -> Result<Option<FailedWorkunit>, InvocationError> {
    if argv.get(1).is_none_or(|first| first != "--error") {
        return Ok(None);
    }
    let invalid = || {
        InvocationError::new(
            "invalid arguments after --error: expected a number, the workunit's name and ID, and the batch's ID",
        )
    };
    let text = |n: usize| argv.get(n).and_then(|word| word.to_str()).ok_or_else(invalid);
    // The daemon prints the mask with %d.
    let mask = text(2)?.parse::<i32>().map_err(|_| invalid())?.cast_unsigned();
    Ok(Some(FailedWorkunit {
        mask,
        workunit: text(3)?.to_owned(),
        workunit_id: text(4)?.to_owned(),
        batch_id: text(5)?.to_owned(),
    }))
}

impl ResultFiles {
    /// Takes paths for the outputs of one result.
    pub(crate) fn new(paths: &[PathBuf]) -> Result<Self, InvocationError> {
        let names: Vec<_> = paths.iter().map(|path| output_name(path)).collect();
        let Some(first) = names.first().and_then(Option::as_ref) else {
            // ExtraOutput by somebody else's templates: numbered as they come.
            return match names.iter().position(Option::is_some) {
                Some(stray) => Err(InvocationError::stray(&paths[stray])),
                None => Ok(Self::unnamed(paths)),
            };
        };
        let mut outputs: Vec<(usize, PathBuf)> = Vec::new();
        let mut seen = HashSet::new();
        for (path, name) in paths.iter().zip(&names) {
            let number = name
                .as_ref()
                .filter(|name| (&name.workunit, name.instance) == (&first.workunit, first.instance))
                .map(|name| name.output as usize)
                .filter(|number| seen.insert(*number))
                .ok_or_else(|| InvocationError::stray(path))?;
            outputs.push((number, path.clone()));
        }
        Ok(Self { identity: Some((first.workunit.clone(), first.instance)), outputs })
    }

    /// Takes paths whose names say nothing: numbered as they come.
    pub(crate) fn unnamed(paths: &[PathBuf]) -> Self {
        Self { identity: None, outputs: paths.iter().cloned().enumerate().collect() }
    }

    /// Takes the first half of the paths for the outputs of one result, the second for another's.
    pub(crate) fn two(paths: &[PathBuf]) -> Result<(Self, Self), InvocationError> {
        if !paths.len().is_multiple_of(2) {
            return Err(InvocationError(format!(
                "called with {} paths, but two results have an even number; help: name only the script in config.xml",
                paths.len()
            )));
        }
        let (a, b) = paths.split_at(paths.len() / 2);
        let (a, b) = (Self::new(a)?, Self::new(b)?);
        match (&a.identity, &b.identity) {
            (Some((first, _)), Some((second, _))) if first != second => {
                let text = format!("called with results of two workunits, {first} and {second}");
                return Err(InvocationError(text));
            }
            (Some(_), None) | (None, Some(_)) => {
                return Err(InvocationError::stray(&b.outputs[0].1));
            }
            // Every result agrees with itself.
            _ if a == b || (a.identity.is_some() && a.identity == b.identity) => {
                let name = a.result_name();
                return Err(InvocationError(format!(
                    "called with {name} twice instead of two results; help: name only the script in config.xml"
                )));
            }
            _ => {}
        }
        let numbers = |files: &Self| files.outputs.iter().map(|(number, _)| *number).collect::<Vec<_>>();
        match numbers(&a).iter().zip(numbers(&b)).position(|(x, y)| *x != y) {
            Some(at) => Err(InvocationError::stray(&b.outputs[at].1)),
            None => Ok((a, b)),
        }
    }

    /// Checks that no output is missing from the line; `expected` outputs are known from the route.
    pub(crate) fn check_whole(&self, expected: Option<usize>) -> Result<(), InvocationError> {
        let found = self.outputs.len();
        match expected {
            Some(expected)
                if found != expected || self.outputs.iter().any(|(number, _)| *number >= expected) =>
            {
                Err(InvocationError(format!(
                    "called with {found} outputs of a result, but the route lists {expected}: routes and output \
                     template differ"
                )))
            }
            _ => Ok(()),
        }
    }

    /// The workunit's name; empty if the files' names are not BOINC's.
    pub(crate) fn workunit(&self) -> &str {
        self.identity.as_ref().map_or("", |(workunit, _)| workunit)
    }

    /// Adds the outputs that a cut line has lost, `expected` in all: their names and places follow from those that are
    /// left. Returns how many were added, 0 if nothing can be told.
    pub(crate) fn complete(&mut self, expected: usize) -> usize {
        // The last word may have been cut in two.
        let known: Vec<_> =
            self.outputs.iter().filter_map(|(_, path)| Some((path.clone(), output_name(path)?))).collect();
        let Some((path, name)) = known.first() else { return 0 };
        let Some(upload) = path.parent().and_then(Path::parent) else { return 0 };
        let before = self.outputs.len();
        let there: HashSet<usize> = self.outputs.iter().map(|(number, _)| *number).collect();
        for number in (0..expected).filter(|number| !there.contains(number)) {
            let Ok(output) = u32::try_from(number) else { break };
            let name = OutputName { output, ..name.clone() }.to_string();
            let path = upload.join(fan_out(&name, FAN_OUT)).join(name);
            self.outputs.push((number, path));
        }
        self.outputs.sort();
        self.outputs.len() - before
    }

    /// The result's name, for a message.
    pub(crate) fn result_name(&self) -> String {
        match &self.identity {
            Some((workunit, instance)) => format!("{workunit}_{instance}"),
            None => self.outputs.first().map(|(_, path)| path.display().to_string()).unwrap_or_default(),
        }
    }
}

fn output_name(path: &Path) -> Option<OutputName> {
    OutputName::parse(path.file_name()?.to_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    const RESULT_0: &str = "/PROJECT/upload/21c/q3_0_0_r36072808_0 /PROJECT/upload/1f4/q3_0_0_r36072808_1";
    const RESULT_1: &str = "/PROJECT/upload/318/q3_0_1_r10062336_0 /PROJECT/upload/270/q3_0_1_r10062336_1";

    fn two(line: &str) -> Result<(ResultFiles, ResultFiles), InvocationError> {
        ResultFiles::two(&parse_args(&argv(line))?.paths)
    }

    #[test]
    fn lines_of_a_real_server_are_understood() {
        let (a, b) = two(&format!("../bin/my_compare  {RESULT_0} {RESULT_1}")).unwrap();
        assert_eq!((a.identity, b.identity), (Some(("q3_0".into(), 0)), Some(("q3_0".into(), 1))));
        assert_eq!(b.outputs[1], (1, PathBuf::from("/PROJECT/upload/270/q3_0_1_r10062336_1")));
        let assimilate = parse_args(&argv(&format!("../bin/my_assim  26 {RESULT_0}"))).unwrap();
        assert_eq!((assimilate.paths.len(), assimilate.first_number.as_deref()), (2, Some("26")));
        assert_eq!(
            failure(&argv("../bin/my_assim  --error 16 q3_0 26 41")).unwrap(),
            Some(FailedWorkunit {
                mask: 16,
                workunit: "q3_0".into(),
                workunit_id: "26".into(),
                batch_id: "41".into()
            })
        );
        let empty = parse_args(&argv("../bin/my_init ")).unwrap_err().to_string();
        assert!(empty.starts_with("called without arguments"), "{empty}");
    }

    #[test]
    fn tokens_of_older_servers_change_nothing() {
        let plain = two(&format!("../bin/c {RESULT_0} {RESULT_1}")).unwrap();
        assert_eq!(two(&format!("../bin/c {RESULT_0} 27 31.500000 {RESULT_1} 28 29.250000")).unwrap(), plain);
        let line = "../bin/a q3_0 41 /P/upload/1/q3_0_0_r1_0 out.txt /P/upload/2/q3_0_0_r1_1 5";
        let words = parse_args(&argv(line)).unwrap();
        assert_eq!(words.names, [Some("out.txt".to_owned()), Some("5".to_owned())]);
        assert_eq!(words.paths.len(), 2);
    }

    #[test]
    fn ids_and_run_times_of_older_servers_are_kept_in_order() {
        let words =
            parse_args(&argv(&format!("../bin/c {RESULT_0} 27 31.500000 {RESULT_1} 28 29.250000"))).unwrap();
        assert_eq!((words.ids, words.run_times), (vec![27, 28], vec![31.5, 29.25]));
    }

    #[test]
    fn outputs_that_a_cut_line_lost_are_found_by_their_names() {
        let mut files = ResultFiles::new(&[PathBuf::from("/PROJECT/upload/318/q3_0_1_r10062336_0")]).unwrap();
        assert_eq!(files.complete(2), 1);
        assert_eq!(
            files,
            ResultFiles::new(&parse_args(&argv(&format!("x {RESULT_1}"))).unwrap().paths).unwrap()
        );
        assert_eq!(files.complete(2), 0);
        assert_eq!(ResultFiles::unnamed(&[PathBuf::from("/u/foreign")]).complete(2), 0);
    }

    #[test]
    fn the_number_after_the_last_path_is_no_logical_name() {
        let words = parse_args(&argv(&format!("../bin/a {RESULT_0} 26 q3_0"))).unwrap();
        assert_eq!(words.names, [None, None]);
    }

    #[test]
    fn a_line_that_was_cut_is_never_misread() {
        let path =
            |instance: u32, output: u32| format!("/PROJECT/upload/21c/w{:0>80}_{instance}_r123_{output}", 7);
        let paths =
            |instance: u32| (0..20).map(|output| path(instance, output)).collect::<Vec<_>>().join(" ");
        let whole = format!("../bin/buoy-compare  {} {}", paths(0), paths(1));
        assert!(whole.len() > 4095);
        let whole_files = |line: &str| {
            let words = parse_args(&argv(line))?;
            let (a, b) = ResultFiles::two(&words.paths)?;
            a.check_whole(Some(20)).and(b.check_whole(Some(20))).map(|()| words.is_cut)
        };
        for bytes in 30..whole.len() {
            let verdict = whole_files(&whole[..bytes]);
            assert!(verdict.is_err(), "cut at {bytes}: {verdict:?}");
        }
        assert!(parse_args(&argv(&whole[..4095])).unwrap().is_cut);
        assert!(!parse_args(&argv(&whole[..4000])).unwrap().is_cut);
    }

    #[test]
    fn files_that_do_not_belong_together_are_noticed() {
        for (line, expected) in [
            (format!("x {RESULT_0} /u/q3_0_1_r1_0"), "called with 3 paths"),
            ("x /u/a_0_r1_0 /u/b_0_r1_0".into(), "results of two workunits, a and b"),
            ("x /u/a_0_r1_0 /u/a_0_r1_0 /u/a_1_r1_0 /u/a_1_r1_1".into(), "not an output of the same result"),
            ("x /u/a_0_r1_0 /u/a_1_r1_1".into(), "not an output of the same result"),
            ("x /u/a_0_r1_0 /u/foreign /u/a_1_r1_0 /u/foreign".into(), "/u/foreign is not an output"),
            ("x /u/foreign /u/a_0_r1_0 /u/foreign /u/a_1_r1_0".into(), "/u/a_0_r1_0 is not an output"),
            (format!("x {RESULT_0} {RESULT_0}"), "called with q3_0_0 twice"),
            ("x /u/foreign /u/foreign".into(), "called with /u/foreign twice"),
            ("x /u/q3_0_0_r1_0 /u/foreign".into(), "/u/foreign is not an output"),
            ("x files".into(), "without the path of an output file"),
        ] {
            let error = two(&line).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
        assert!(two("x /u/foreign1 /u/foreign2").unwrap().0.identity.is_none());
        for line in ["x --error two wu 1 2", "x --error 2 wu"] {
            let error = failure(&argv(line)).unwrap_err().to_string();
            assert!(error.starts_with("invalid arguments after --error"), "{line}: {error}");
        }
    }
}
