//! A command as a shell script, with files for its process and its exit status.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use boinc::platform::{create_private, make_private_directory, path_bytes, set_mode};

use super::super::command::Invocation;
use crate::platform::{kill_process, process_exists};

/// The directory of all scripts.
const DIRECTORY: &str = "commands";
/// The files of one.
const SCRIPT: &str = "script";
const PROCESS: &str = "process";
const STATUS: &str = "status";

/// The system takes no more in one command line (macOS: `ARG_MAX`, with the environment).
const MOST_BYTES: usize = (1 << 20) - (64 << 10);

/// How long a script may take until it has started its command.
const STARTS_WITHIN: Duration = Duration::from_secs(2);
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// A script on disk; it goes when this is dropped, unless it is left.
#[derive(Debug)]
pub(super) struct Script {
    directory: PathBuf,
    is_left: bool,
}

impl Script {
    /// The directory of all scripts, made if it is missing, without those that killed wrappers have left.
    pub(super) fn directory_in(state: &Path) -> io::Result<PathBuf> {
        let directory = state.join(DIRECTORY);
        make_private_directory(&directory)?;
        for entry in fs::read_dir(&directory)?.flatten() {
            let writer =
                entry.file_name().to_str().and_then(|name| name.split_once('-')?.0.parse::<u32>().ok());
            if writer.is_some_and(|writer| !process_exists(writer)) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(directory)
    }

    /// Writes one that runs the command. `ends_with_input`: the command has no input, and is killed at the end of the script's own.
    pub(super) fn write(all: &Path, invocation: &Invocation, ends_with_input: bool) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = all.join(format!("{}-{number}", std::process::id()));
        let script = Self { directory, is_left: false };
        let text = text(&script.directory, invocation, ends_with_input)?;
        // Another process that had our number may have left one.
        let _ = fs::remove_dir_all(&script.directory);
        make_private_directory(&script.directory)?;
        create_private(&script.path())?.write_all(&text)?;
        set_mode(&script.path(), 0o700)?;
        Ok(script)
    }

    /// The script itself.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join(SCRIPT)
    }

    /// The exit status of the command, or what a shell reports of one that a signal has ended; `None` as long as it has not ended.
    pub(super) fn status(&self) -> Option<i32> {
        fs::read_to_string(self.directory.join(STATUS)).ok()?.trim().parse().ok()
    }

    /// Leaves it to a shell that may not have opened it yet. It goes when this process is gone.
    pub(super) fn leave(mut self) {
        self.is_left = true;
    }

    /// Kills the command, which may be about to start.
    pub(super) fn kill(&self) {
        let deadline = Instant::now() + STARTS_WITHIN;
        while self.status().is_none() && Instant::now() < deadline {
            let process = fs::read_to_string(self.directory.join(PROCESS)).unwrap_or_default();
            if let Some(process) = process.strip_suffix('\n').and_then(|text| text.parse().ok()) {
                return kill_process(process);
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if !self.is_left {
            // A shell that still runs it has it open.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

fn text(directory: &Path, invocation: &Invocation, ends_with_input: bool) -> io::Result<Vec<u8>> {
    let words = invocation.args.iter().map(|arg| arg.as_os_str());
    let mut command = Vec::new();
    for word in [invocation.program.as_os_str()].into_iter().chain(words) {
        command.push(b' ');
        command.extend(quoted(word)?);
    }
    if command.len() > MOST_BYTES {
        return Err(io::ErrorKind::ArgumentListTooLong.into());
    }
    let file = |name: &str| quoted(directory.join(name).as_os_str());
    let mut text = b"#!/bin/sh\n".to_vec();
    for (name, value) in &invocation.env {
        let (name, value) = (path_bytes(name.as_ref()), quoted(value)?);
        text.extend([b"export ", name.as_ref(), b"=", &value, b"\n"].concat());
    }
    // The process that writes its number is the one that becomes the command.
    let run = [br#"/bin/sh -c 'echo $$ >"$0"; exec "$@"' "#.as_slice(), &file(PROCESS)?, &command].concat();
    if ends_with_input {
        text.extend(b"exec 3<&0 4>&2 2>/dev/null\n");
        text.extend([&run, b" </dev/null 2>&4 3<&- 4>&- &\n".as_slice()].concat());
        text.extend(b"command=$!\n");
        text.extend(b"{ cat; kill -KILL \"$command\"; } <&3 3<&- >/dev/null 4>&- &\n");
        text.extend(b"watcher=$!\n");
        text.extend(b"wait \"$command\"\nstatus=$?\nkill \"$watcher\"\n");
    } else {
        text.extend([&run, b"\nstatus=$?\n".as_slice()].concat());
    }
    let (new, status) = (file("status.new")?, file(STATUS)?);
    text.extend([b"echo \"$status\" >", &new[..], b" && mv ", &new, b" ", &status, b"\n"].concat());
    Ok(text)
}

/// A word in single quotes, which mean the same to every shell.
fn quoted(word: &OsStr) -> io::Result<Vec<u8>> {
    let bytes = path_bytes(Path::new(word));
    let mut text = vec![b'\''];
    for byte in bytes.iter() {
        match byte {
            0 => return Err(io::Error::new(io::ErrorKind::InvalidInput, "a NUL in an argument")),
            b'\'' => text.extend(br"'\''"),
            byte => text.push(*byte),
        }
    }
    text.push(b'\'');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn script(invocation: &Invocation, ends_with_input: bool) -> String {
        String::from_utf8(text(Path::new("/BOINC Data/7-0"), invocation, ends_with_input).unwrap()).unwrap()
    }

    #[test]
    fn a_command_that_changes_a_container() {
        let mut command = Invocation::new("/opt/podman/bin/podman").args(["kill", "it's", "a b"]).surviving();
        command.env.push(("QUIET".into(), "1".into()));
        insta::assert_snapshot!(script(&command, false), @r##"
        #!/bin/sh
        export QUIET='1'
        /bin/sh -c 'echo $$ >"$0"; exec "$@"' '/BOINC Data/7-0/process' '/opt/podman/bin/podman' 'kill' 'it'\''s' 'a b'
        status=$?
        echo "$status" >'/BOINC Data/7-0/status.new' && mv '/BOINC Data/7-0/status.new' '/BOINC Data/7-0/status'
        "##);
    }

    #[test]
    fn a_command_that_ends_with_us() {
        let command = Invocation::new("/opt/podman/bin/podman").args(["wait", "c1"]);
        insta::assert_snapshot!(script(&command, true), @r##"
        #!/bin/sh
        exec 3<&0 4>&2 2>/dev/null
        /bin/sh -c 'echo $$ >"$0"; exec "$@"' '/BOINC Data/7-0/process' '/opt/podman/bin/podman' 'wait' 'c1' </dev/null 2>&4 3<&- 4>&- &
        command=$!
        { cat; kill -KILL "$command"; } <&3 3<&- >/dev/null 4>&- &
        watcher=$!
        wait "$command"
        status=$?
        kill "$watcher"
        echo "$status" >'/BOINC Data/7-0/status.new' && mv '/BOINC Data/7-0/status.new' '/BOINC Data/7-0/status'
        "##);
    }

    #[test]
    fn what_no_command_line_can_hold_is_refused() {
        let kind = |arg: String| {
            let command = Invocation::new("podman").arg(arg);
            text(Path::new("/d"), &command, false).unwrap_err().kind()
        };
        assert_eq!(kind("a\0b".into()), io::ErrorKind::InvalidInput);
        assert_eq!(kind("x".repeat(2 << 20)), io::ErrorKind::ArgumentListTooLong);
    }

    #[test]
    fn scripts_of_processes_that_are_gone_are_removed() {
        let state = tempfile::tempdir().unwrap();
        let all = Script::directory_in(state.path()).unwrap();
        let own = Script::write(&all, &Invocation::new("true"), false).unwrap();
        // No process has a number that large (proc(5), pid_max).
        fs::create_dir(all.join(format!("{}-0", 1_u32 << 30))).unwrap();
        Script::directory_in(state.path()).unwrap();
        assert_eq!(fs::read_dir(&all).unwrap().count(), 1);
        assert!(own.path().exists());
        drop(own);
        assert_eq!(fs::read_dir(&all).unwrap().count(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn any_word_reaches_the_command_as_it_is(words in prop::collection::vec("[^\\x00]{0,40}", 1..6)) {
            let state = tempfile::tempdir().unwrap();
            let all = Script::directory_in(state.path()).unwrap();
            let command = Invocation::new("printf").arg("%s\\0").args(&words);
            let script = Script::write(&all, &command, false).unwrap();
            let output = std::process::Command::new("/bin/sh").arg(script.path()).output().unwrap();
            let expected: String = words.iter().map(|word| format!("{word}\0")).collect();
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
            prop_assert_eq!(script.status(), Some(0));
        }
    }
}
