//! Arguments on their way from a submitter to a container.
//!
//! A command line goes through the server's database, the scheduler's XML and the client's splitter
//! ([`split_command_line`]), none of which has an escape. So a vector whose words would not survive
//! travels as one word, `--argv=BASE64URL`, or in an input file, `--argv-file=NAME`. Both hold a JSON list
//! of strings; base64url is without padding (RFC 4648, 5).

use crate::file_error::FileError;
use crate::wire::slot::{SlotPathError, resolve_input};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::ffi::OsString;
use std::path::Path;

/// Begins the word that carries a whole vector.
pub const ARGV: &str = "--argv=";

/// Begins the word that names the input file which carries a whole vector.
pub const ARGV_FILE: &str = "--argv-file=";

/// The only argument that is answered without a slot.
pub const VERSION: &str = "--buoy-version";

/// The default of `--config`.
pub const DEFAULT_CONFIG: &str = "job.toml";

/// The default of `--dockerfile`.
pub const DEFAULT_DOCKERFILE: &str = "Dockerfile";

/// The largest argument file that is read, in bytes. Linux gives a new program about 2 MB of arguments.
pub const MAX_ARGV_FILE_BYTES: u64 = 1 << 20;

/// What is wrong with arguments.
#[derive(Debug, thiserror::Error)]
pub enum ArgvError {
    /// A flag lacks its value, or a word cannot be an argument: what is wrong.
    #[error("{0}")]
    Invalid(String),
    /// `--argv=` holds no base64url: the start of what follows it.
    #[error("{ARGV}{0} is not base64url without padding")]
    Base64(String, #[source] base64::DecodeError),
    /// `--argv=` or the file holds no JSON list of strings.
    #[error("{0} holds no JSON list of strings")]
    Json(String, #[source] serde_json::Error),
    /// The argument file of this name may not be read.
    #[error("cannot use {ARGV_FILE}{0}")]
    Location(String, #[source] SlotPathError),
    /// The argument file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What the wrapper was started for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// `--buoy-version` and nothing else: print the version.
    Version,
    /// Run the job of the slot.
    Run(Args),
}

/// The wrapper's own arguments: upstream's flags and ours; anything else belongs to the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    /// `--verbose`: log each engine command.
    pub verbose: bool,
    /// `--sporadic`: the app computes when it has work and the client has room.
    pub sporadic: bool,
    /// `--config F`: the job's configuration in the slot.
    pub config: String,
    /// `--dockerfile F`: the Dockerfile in the slot.
    pub dockerfile: String,
    job: Vec<JobPart>,
}

/// A piece of the job's arguments, in the order of the command line: the workunit's come first, the app
/// version's after them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum JobPart {
    Word(String),
    File(String),
}

impl Invocation {
    /// Reads the arguments of the process, without the program's own name.
    ///
    /// # Errors
    /// A flag lacks its value, a word is not UTF-8, or `--argv=` cannot be decoded.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Self, ArgvError> {
        let mut text = Vec::new();
        for (index, word) in words.into_iter().enumerate() {
            let position = index + 1;
            text.push(word.into_string().map_err(|word| {
                ArgvError::Invalid(format!(
                    "argument {position} is not UTF-8: {word:?}; write it as {ARGV}BASE64URL"
                ))
            })?);
        }
        if text == [VERSION] {
            return Ok(Self::Version);
        }
        Args::parse(text).map(Self::Run)
    }
}

impl Args {
    /// Reads the words of a task's command line.
    ///
    /// # Errors
    /// A flag lacks its value, or `--argv=` cannot be decoded.
    pub fn parse(words: Vec<String>) -> Result<Self, ArgvError> {
        let mut args = Self {
            verbose: false,
            sporadic: false,
            config: DEFAULT_CONFIG.to_owned(),
            dockerfile: DEFAULT_DOCKERFILE.to_owned(),
            job: Vec::new(),
        };
        let no_value = |flag: &str| ArgvError::Invalid(format!("{flag} needs a file name after it"));
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--verbose" => args.verbose = true,
                "--sporadic" => args.sporadic = true,
                "--config" => args.config = words.next().ok_or_else(|| no_value(&word))?,
                "--dockerfile" => args.dockerfile = words.next().ok_or_else(|| no_value(&word))?,
                _ => args.push(word)?,
            }
        }
        Ok(args)
    }

    fn push(&mut self, word: String) -> Result<(), ArgvError> {
        if let Some(encoded) = word.strip_prefix(ARGV) {
            self.job.extend(decode(encoded)?.into_iter().map(JobPart::Word));
        } else if let Some(name) = word.strip_prefix(ARGV_FILE) {
            self.job.push(JobPart::File(name.to_owned()));
        } else {
            self.job.push(JobPart::Word(word));
        }
        Ok(())
    }

    /// Names of the argument files, which are inputs of the job like others.
    pub fn argv_files(&self) -> impl Iterator<Item = &str> {
        self.job.iter().filter_map(|part| match part {
            JobPart::File(name) => Some(name.as_str()),
            JobPart::Word(_) => None,
        })
    }

    /// The job's arguments, those in argument files included.
    ///
    /// # Errors
    /// An argument file leads out of the project's directory, cannot be read, or holds no list of strings.
    pub fn job_args(&self, slot: &Path, project_dir: &Path) -> Result<Vec<String>, ArgvError> {
        let mut words = Vec::new();
        for part in &self.job {
            match part {
                JobPart::Word(word) => words.push(word.clone()),
                JobPart::File(name) => {
                    let place = resolve_input(slot, project_dir, name)
                        .map_err(|source| ArgvError::Location(name.clone(), source))?;
                    words.extend(read_file(place.path())?);
                }
            }
        }
        Ok(words)
    }
}

fn read_file(path: &Path) -> Result<Vec<String>, ArgvError> {
    let failed = || FileError::new("cannot read the argument file", path);
    let place = path.display().to_string();
    let found = std::fs::metadata(path).map_err(failed())?.len();
    if found > MAX_ARGV_FILE_BYTES {
        return Err(ArgvError::Invalid(format!(
            "argument file {place} holds {found} bytes, at most {MAX_ARGV_FILE_BYTES} are accepted"
        )));
    }
    list(&std::fs::read(path).map_err(failed())?, &place)
}

fn list(json: &[u8], place: &str) -> Result<Vec<String>, ArgvError> {
    let words: Vec<String> =
        serde_json::from_slice(json).map_err(|source| ArgvError::Json(place.to_owned(), source))?;
    match words.iter().position(|word| word.contains('\0')) {
        Some(index) => Err(ArgvError::Invalid(format!(
            "argument {} in {place} holds a NUL byte, which no program can be given",
            index + 1
        ))),
        None => Ok(words),
    }
}

/// Decodes what follows `--argv=`.
///
/// # Errors
/// It is no base64url, or what it holds is no JSON list of strings without NUL.
pub fn decode(encoded: &str) -> Result<Vec<String>, ArgvError> {
    let json = URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|source| ArgvError::Base64(encoded.chars().take(40).collect(), source))?;
    list(&json, ARGV)
}

/// The word `--argv=…` that carries these words.
pub fn encode<S: AsRef<str>>(words: &[S]) -> String {
    format!("{ARGV}{}", URL_SAFE_NO_PAD.encode(file_content(words)))
}

/// What an argument file for `--argv-file=NAME` holds.
pub fn file_content<S: AsRef<str>>(words: &[S]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    serde_json::to_string(&words).expect("a list of strings is always JSON")
}

/// Whether a word would not arrive as it is.
///
/// True for what the server or the client's splitter changes (white space, both kinds of quotes, a
/// backslash, `<`, an empty word), for `&` (the client takes `&lt;` for `<`), for control characters and
/// all beyond ASCII, and for words that the wrapper would take for its own flags.
pub fn needs_encoding(word: &str) -> bool {
    let fragile = |c: char| !c.is_ascii_graphic() || matches!(c, '"' | '\'' | '\\' | '<' | '&');
    word.is_empty()
        || word.contains(fragile)
        || matches!(word, "--verbose" | "--sporadic" | "--config" | "--dockerfile" | VERSION)
        || word.starts_with(ARGV)
        || word.starts_with(ARGV_FILE)
}

/// A workunit's `<command_line>` that arrives as these words: readable if all of them survive the way,
/// else encoded as a whole.
pub fn command_line<S: AsRef<str>>(words: &[S]) -> String {
    // The web code of a project's server takes a text of one 0 for none (html/user/submit_rpc_handler.php, `submit_jobs`).
    let is_nothing_to_php = matches!(words, [only] if only.as_ref() == "0");
    if is_nothing_to_php || words.iter().any(|word| needs_encoding(word.as_ref())) {
        return encode(words);
    }
    words.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" ")
}

/// The value of `ARGS` for the container, `None` for a job without arguments: each word with a space
/// before it, as upstream's wrapper builds it (`samples/docker_wrapper`, `get_app_args`; seen as
/// `ARGS=" hello world"`).
pub fn args_value<S: AsRef<str>>(words: &[S]) -> Option<String> {
    (!words.is_empty()).then(|| words.iter().map(|word| format!(" {}", word.as_ref())).collect())
}

/// Splits a command line as the client does (`lib/str_util.cpp`, `parse_command_line`): at white space; a
/// word that begins with a quote runs to the next quote of that kind; there is no escape. The first
/// character after an opening quote is part of the word even if it is a quote.
pub fn split_command_line(line: &str) -> Vec<String> {
    // White space in C's sense.
    let space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r');
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches(space);
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '"' | '\'' => {
                let quoted = &rest[1..];
                let from = quoted.chars().next().map_or(0, char::len_utf8);
                match quoted[from..].find(first) {
                    Some(end) => (&quoted[..from + end], &quoted[from + end + 1..]),
                    None => (quoted, ""),
                }
            }
            _ => rest.split_at(rest.find(space).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after.trim_start_matches(space);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(words: &[&str]) -> Args {
        match Invocation::parse(words.iter().map(OsString::from)).unwrap() {
            Invocation::Run(args) => args,
            Invocation::Version => panic!("not a run: {words:?}"),
        }
    }

    fn job_args(words: &[&str]) -> Vec<String> {
        run(words).job_args(Path::new("/nonexistent"), Path::new("/nonexistent")).unwrap()
    }

    #[test]
    fn upstreams_flags_are_ours_and_the_rest_is_the_jobs() {
        let args =
            run(&["--seed", "1", "--verbose", "--config", "c.toml", "--sporadic", "--dockerfile", "D", "-v"]);
        assert!(args.verbose && args.sporadic);
        assert_eq!((args.config.as_str(), args.dockerfile.as_str()), ("c.toml", "D"));
        let words = args.job_args(Path::new("/"), Path::new("/")).unwrap();
        assert_eq!(words, ["--seed", "1", "-v"]);
        let defaults = run(&[]);
        assert_eq!((defaults.config.as_str(), defaults.dockerfile.as_str()), ("job.toml", "Dockerfile"));
    }

    #[test]
    fn a_flag_without_its_value_is_an_error() {
        for flag in ["--config", "--dockerfile"] {
            let error = Invocation::parse([OsString::from(flag)]).unwrap_err().to_string();
            assert_eq!(error, format!("{flag} needs a file name after it"));
        }
    }

    #[test]
    fn only_a_sole_version_flag_asks_for_the_version() {
        assert_eq!(Invocation::parse([OsString::from("--buoy-version")]).unwrap(), Invocation::Version);
        assert_eq!(job_args(&["--buoy-version", "x"]), ["--buoy-version", "x"]);
    }

    #[test]
    fn encoded_words_take_the_place_of_the_word_that_carried_them() {
        let encoded = encode(&["a b", "it's", "\"<\\"]);
        assert_eq!(job_args(&[&encoded, "tail"]), ["a b", "it's", "\"<\\", "tail"]);
        assert_eq!(job_args(&["head", &encode::<&str>(&[])]), ["head"]);
    }

    #[test]
    fn the_encoded_form_is_fixed() {
        // Workunits in flight carry it: changing it would break them.
        assert_eq!(encode(&["a b", "é"]), "--argv=WyJhIGIiLCLDqSJd");
    }

    #[test]
    fn what_cannot_be_decoded_says_why() {
        let table = [
            ("--argv=!!", "--argv=!! is not base64url without padding"),
            ("--argv=e30", "--argv= holds no JSON list of strings"),
            ("--argv=", "--argv= holds no JSON list of strings"),
            (
                "--argv=WyJcdTAwMDAiXQ",
                "argument 1 in --argv= holds a NUL byte, which no program can be given",
            ),
        ];
        for (word, expected) in table {
            assert_eq!(Invocation::parse([OsString::from(word)]).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn an_argument_file_is_an_input_and_no_way_out_of_the_slot() {
        let root = tempfile::tempdir().unwrap();
        let (slot, project) = (root.path().join("slots/0"), root.path().join("projects/p"));
        std::fs::create_dir_all(&slot).unwrap();
        std::fs::create_dir_all(&project).unwrap();
        std::fs::write(slot.join("args.json"), file_content(&["one", "two words"])).unwrap();
        let args = run(&["first", "--argv-file=args.json"]);
        assert_eq!(args.argv_files().collect::<Vec<_>>(), ["args.json"]);
        assert_eq!(args.job_args(&slot, &project).unwrap(), ["first", "one", "two words"]);
        for name in ["../x", "init_data.xml", "absent"] {
            let args = run(&[&format!("--argv-file={name}")]);
            assert!(matches!(args.job_args(&slot, &project), Err(ArgvError::Location { .. })), "{name}");
        }
        std::fs::write(slot.join("args.json"), vec![b' '; 2 << 20]).unwrap();
        assert!(matches!(args.job_args(&slot, &project), Err(ArgvError::Invalid(_))));
    }

    #[test]
    fn args_has_upstreams_form() {
        // As in recorded/client/stderr-docker_wrapper-ok.txt.
        assert_eq!(args_value(&["hello", "world"]).as_deref(), Some(" hello world"));
        assert_eq!(args_value::<&str>(&[]), None);
    }

    #[test]
    fn a_0_alone_is_encoded() {
        assert!(command_line(&["0"]).starts_with(ARGV));
        assert_eq!(job_args(&[&command_line(&["0"])]), ["0"]);
        assert_eq!(command_line(&["0", "0"]), "0 0");
    }

    #[test]
    fn words_that_would_not_survive_need_encoding() {
        for word in ["a b", "", "it's", "\"x\"", "a\\b", "a<b", "&lt;", "tab\t", "é", "--verbose", "--argv=x"]
        {
            assert!(needs_encoding(word), "{word:?}");
        }
        for word in ["--seed=1", "$(id)", "`id`", ";", "|", ">", "%d", "{x}", "--verbose=1", "#"] {
            assert!(!needs_encoding(word), "{word:?}");
        }
    }

    #[test]
    fn a_plain_vector_stays_readable() {
        assert_eq!(command_line(&["--seed", "1", "$(id)"]), "--seed 1 $(id)");
        assert!(command_line(&["--name", "two words"]).starts_with("--argv="));
        assert_eq!(command_line::<&str>(&[]), "");
    }

    #[test]
    fn lines_are_split_as_the_client_splits_them() {
        let table: [(&str, &[&str]); 12] = [
            ("", &[]),
            ("  \n a\tb \r\n", &["a", "b"]),
            ("'a b' c", &["a b", "c"]),
            ("\"a 'b\" c", &["a 'b", "c"]),
            ("a'b c'd", &["a'b", "c'd"]),
            ("'a'b", &["a", "b"]),
            ("'no end", &["no end"]),
            ("''", &["'"]),
            ("'' x'", &["' x"]),
            ("a \"", &["a", ""]),
            ("a\\ b", &["a\\", "b"]),
            ("\nfail please\n", &["fail", "please"]),
        ];
        for (line, words) in table {
            assert_eq!(split_command_line(line), words, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn any_words_arrive_through_the_clients_splitter(
            words in proptest::collection::vec("[^\0]{0,12}|[ -~]{0,8}|--(verbose|config|argv=x)", 0..8)
        ) {
            let line = command_line(&words);
            prop_assert!(!line.contains(['"', '\'', '\\', '<', '\n']));
            // The server puts white space around it.
            let split = split_command_line(&format!("\n{line}\n"));
            let Invocation::Run(args) = Invocation::parse(split.iter().map(OsString::from)).unwrap() else {
                return Err(TestCaseError::fail("not a run"));
            };
            prop_assert_eq!(args.job_args(Path::new("/"), Path::new("/")).unwrap(), words);
        }

        #[test]
        fn no_line_makes_the_splitter_panic(line in any::<String>()) {
            let _ = split_command_line(&line);
        }
    }
}
