//! The `buoy` of Linux, in WSL, for what Windows cannot do.
//!
//! It lies in the directory `linux` next to this program, with the other programs for Linux. WSL runs it with the rights of
//! the distro's default user, in the directory that this program was started in.
#![allow(unsafe_code)]

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path};
use std::process::{Command, Stdio};

use boinc::platform::system_directory;
use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
use windows_sys::core::BOOL;

use super::super::words::Words;

/// What to do when [`run_on_linux`] fails.
pub const LINUX_HELP: &str = "install a WSL distro with Docker or Podman, copy the programs for Linux into the directory \
                              \"linux\" next to buoy.exe, and set BUOY_WSL_DISTRO if it is not the default distro";

/// Names the distro, if it is not the default one.
const DISTRO_VARIABLE: &str = "BUOY_WSL_DISTRO";

/// Runs `buoy` there, with this program's own streams, and gives its exit status.
///
/// # Errors
/// It could not be started.
pub fn run_on_linux(words: Words<'_>) -> io::Result<i32> {
    let program = env::current_exe()?.with_file_name("linux").join("buoy");
    if !program.is_file() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{} is missing", program.display())));
    }
    let program = path_there(program.as_os_str())?;
    let words = words(&path_there)?;
    let mut command = wsl()?;
    command.arg("--cd").arg(env::current_dir()?);
    // WSL takes the program's name as it was written, so that it may have no quotes.
    command.args(["--exec", "/bin/sh", "-c", "exec \"$0\" \"$@\""]).arg(program).args(words);
    let mut child = command.spawn()?;
    // SAFETY: the handler is a function of this program. Ctrl-C goes to what runs in WSL as well, which ends by itself.
    unsafe { SetConsoleCtrlHandler(Some(keep_on), 1) };
    Ok(child.wait()?.code().unwrap_or(1))
}

unsafe extern "system" fn keep_on(_event: u32) -> BOOL {
    1
}

fn wsl() -> io::Result<Command> {
    let mut command = Command::new(system_directory()?.join("wsl.exe"));
    command.env("WSL_UTF8", "1");
    if let Some(distro) = env::var_os(DISTRO_VARIABLE).filter(|name| !name.is_empty()) {
        command.arg("-d").arg(distro);
    }
    Ok(command)
}

/// A file's name there. A relative path means the same, as both programs have the same directory; of others WSL is asked. It
/// knows only files that are there, so the rest of a path is added.
fn path_there(path: &OsStr) -> io::Result<OsString> {
    let path = Path::new(path);
    let with_slashes = |path: &Path| path.to_string_lossy().replace('\\', "/");
    if !path.components().any(|part| matches!(part, Component::Prefix(_) | Component::RootDir)) {
        return Ok(with_slashes(path).into());
    }
    let absolute = std::path::absolute(path)?;
    let there = absolute.ancestors().find(|path| path.exists()).unwrap_or(&absolute);
    let output = wsl()?.args(["--exec", "wslpath", "-u"]).arg(there).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let why = format!("WSL does not find {}: {}", there.display(), text.trim());
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    let rest = absolute.strip_prefix(there).unwrap_or(Path::new(""));
    let mut named = OsString::from(text.trim_end_matches(['\r', '\n']));
    if !rest.as_os_str().is_empty() {
        named.push("/");
        named.push(with_slashes(rest));
    }
    Ok(named)
}
