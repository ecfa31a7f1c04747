//! A job's arguments on their way through a BOINC server and client: as they are where that works, else encoded.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The file in the slot that holds the arguments of a job whose command line is too long for BOINC.
pub const FILE: &str = "buoy_argv";

/// The workunit's command line for these arguments.
pub fn encode(args: &[String]) -> String {
    let plain = |arg: &String| {
        !arg.is_empty()
            && !arg.starts_with("--")
            && arg.chars().all(|c| c.is_ascii_graphic() && !"\"'\\<".contains(c))
    };
    if args.iter().all(plain) {
        return args.join(" ");
    }
    format!("--argv={}", URL_SAFE_NO_PAD.encode(file_content(args)))
}

/// The command line of a job that has its arguments in [`FILE`].
pub fn from_file() -> String {
    format!("--argv-file={FILE}")
}

/// What [`FILE`] holds.
pub fn file_content(args: &[String]) -> Vec<u8> {
    serde_json::to_vec(args).expect("texts become JSON")
}
