//! Names of a job's files that BOINC's client and server can carry. Names of apps, batches and jobs are in
//! `boinc::names::workunit`.

use boinc::frames::{AGENT_FILE, AGENT_FILE_ARM};
use boinc::names::windows;
use boinc::names::workunit::HASH_DIGITS;
use boinc::wire::slot::{FRACTION_DONE_FILE, is_client_file, is_own_name};

/// Longest name of a file in the slot. create_work prints `<open_name>` into 256 bytes without checking
/// (tools/process_input_template.cpp), and the client keeps it in 256.
const FILE_NAME_MAX: usize = 200;

/// What [`file_name`] accepts, for messages.
pub const FILE_NAME_FORM: &str = "letters a-z A-Z, digits, _ - . and space, not at the start: - . or space";

/// Why a name is refused: completes "the name …".
pub type Fault = String;

/// Checks the name of a file in the slot: BOINC's `^[\w\-. ]+$`, and what the client and the wrapper keep for
/// themselves.
///
/// # Errors
/// Why it is refused.
pub fn file_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err("is empty".into());
    }
    if name.contains('/') || name == ".." || name == "." {
        return Err("leads to another directory".into());
    }
    charset(name, |c| c.is_ascii_alphanumeric() || "_-. ".contains(c))?;
    if name.starts_with(['-', '.', ' ']) || name.ends_with(' ') {
        return Err("starts with \"-\", \".\" or a space, or ends with a space".into());
    }
    if name.len() > FILE_NAME_MAX {
        return Err(format!("has {} characters, BOINC carries {FILE_NAME_MAX}", name.len()));
    }
    if let Some(fault) = windows::fault_of(name) {
        return Err(fault);
    }
    if is_reserved(name) {
        return Err("is reserved for the BOINC client or the wrapper".into());
    }
    Ok(())
}

/// Length of a workunit's name, in bytes.
pub fn wu_name_bytes(app: &str, batch: &str, job: &str) -> usize {
    app.len() + "-".len() + HASH_DIGITS + "__".len() + batch.len() + "__".len() + job.len()
}

/// A job's or batch's name made of any text: characters that are not allowed become `-`, or are left out at its ends.
pub fn to_job_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '-' };
        if (name.is_empty() && !c.is_ascii_alphanumeric()) || (c == '_' && name.ends_with('_')) {
            continue;
        }
        name.push(c);
    }
    name.truncate(name.trim_end_matches(['_', '-', '.']).len());
    name
}

fn charset(name: &str, allowed: impl Fn(char) -> bool) -> Result<(), Fault> {
    match name.chars().find(|&c| !allowed(c)) {
        None => Ok(()),
        Some('\n' | '\r') => Err("contains a line break".into()),
        Some(c @ ('"' | '\'' | '\\' | '<')) => {
            Err(format!("contains {c}, which breaks a BOINC server or its clients"))
        }
        Some(' ') => Err("contains a space".into()),
        Some(c) if c.is_control() => Err(format!("contains the control character U+{:04X}", u32::from(c))),
        Some(c) => Err(format!("contains {c:?}")),
    }
}

/// Names that the client or the wrapper use in a slot, in any case, since some hosts' file systems ignore case.
fn is_reserved(name: &str) -> bool {
    const OURS: [&str; 7] = [
        "job.toml",
        "dockerfile",
        "policy.toml",
        "buoy-volunteer.toml",
        AGENT_FILE,
        AGENT_FILE_ARM,
        FRACTION_DONE_FILE,
    ];
    let lower = name.to_ascii_lowercase();
    is_client_file(name) || is_own_name(name) || OURS.contains(&lower.as_str()) || lower.starts_with("buoy_")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_file_names_pass() {
        for name in ["a", "ligand.pdbqt", "Ligand 2_b-c.txt", "x..y"] {
            assert_eq!(file_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_boinc_cannot_carry_are_refused() {
        for name in [
            "",
            "..",
            "../x",
            "a/b",
            "/etc/passwd",
            "a\nb",
            "a\"b",
            "a'b",
            "a\\b",
            "a<b",
            "ä",
            "-x",
            ".x",
            " x",
            "x ",
            "a;b",
            "a$b",
            "aux",
            "Nul.txt",
            "com1.dat",
            "result.",
        ] {
            assert!(file_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_clients_own_names_are_refused() {
        for name in [
            "init_data.xml",
            "Init_Data.xml",
            "boinc_finish_called",
            "job.toml",
            "DOCKERFILE",
            "stderr.txt",
            "buoy",
            "BUOY",
        ] {
            assert!(file_name(name).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_made_of_any_text_is_a_job_name_or_empty(text in "\\PC*") {
            let name = to_job_name(&text);
            prop_assert!(name.is_empty() || boinc::names::workunit::check_batch(&name).is_ok() && boinc::names::workunit::check_job(&name).is_ok(), "{:?}", name);
        }

        #[test]
        fn a_job_name_stays_as_it_is(name in "[a-z][a-z0-9.-]{0,20}[a-z0-9]") {
            prop_assert_eq!(to_job_name(&name), name);
        }
    }
}
