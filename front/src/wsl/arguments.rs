//! The command line of wsl.exe that starts an agent.

use super::distro::Distro;

/// What wsl.exe gets in its environment: its own messages in UTF-8, where it is new enough, and no warnings.
pub const ENVIRONMENT: [(&str, &str); 2] = [("WSL_UTF8", "1"), ("WSL_DISABLE_WARNINGS", "1")];

/// One run of wsl.exe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The distro, and as whom.
    pub distro: Distro,
    /// The slot directory as WSL finds it.
    slot: String,
    /// The agent's program, relative to the slot.
    agent: String,
}

/// A directory that programs in WSL cannot reach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A directory of another computer: WSL has no access to it.
    #[error(
        "BOINC's data directory {path} is on a network share, which WSL cannot reach: move it to a local drive"
    )]
    Share {
        /// The directory.
        path: String,
    },
    /// A form of paths that WSL does not know.
    #[error("BOINC's data directory {path} is not on a drive with a letter, which WSL needs")]
    NoDrive {
        /// The directory.
        path: String,
    },
}

impl Session {
    /// A session in this distro, with the absolute Windows path of the slot and the agent's program
    /// ([`agent_path`](super::agent_path)).
    ///
    /// # Errors
    /// WSL cannot reach the slot.
    pub fn new(distro: Distro, slot: &str, agent: String) -> Result<Self, PathError> {
        Ok(Self { distro, slot: reachable(slot)?, agent })
    }

    /// The arguments, without the program's name. `more` goes to the agent, after `--agent`.
    ///
    /// `--exec` starts the program without a shell. Where WSL cannot reach the directory of `--cd`, it goes to the home directory,
    /// from which the agent's relative path leads nowhere.
    pub fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["-d", &self.distro.name];
        if self.distro.as_root {
            arguments.extend(["-u", "root"]);
        }
        arguments.extend(["--cd", &self.slot, "--exec", &self.agent, "--agent"]);
        arguments.extend(more);
        arguments
    }
}

/// The path without the prefix that switches the checks of Windows off, which WSL does not know.
fn reachable(path: &str) -> Result<String, PathError> {
    let plain = path.strip_prefix(r"\\?\").unwrap_or(path);
    let share = plain.strip_prefix(r"UNC\").is_some() || plain.starts_with(r"\\") || plain.starts_with("//");
    if share {
        return Err(PathError::Share { path: path.to_owned() });
    }
    let mut start = plain.chars();
    match (start.next(), start.next(), start.next()) {
        (Some(letter), Some(':'), Some('\\' | '/')) if letter.is_ascii_alphabetic() => Ok(plain.to_owned()),
        _ => Err(PathError::NoDrive { path: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::quote;
    use super::*;

    const AGENT: &str = "../../projects/example.org/buoy-wrapper-linux_1.0";

    fn session(as_root: bool, slot: &str) -> Result<Session, PathError> {
        Session::new(Distro { name: "My Distro".to_owned(), as_root }, slot, AGENT.to_owned())
    }

    #[test]
    fn the_command_line_of_wsl() {
        let slot = r"C:\Données BOINC\slots\0";
        let as_user = session(false, slot).unwrap();
        assert_eq!(as_user.arguments(&[]), ["-d", "My Distro", "--cd", slot, "--exec", AGENT, "--agent"]);
        let as_root = session(true, slot).unwrap();
        assert_eq!(
            quote(as_root.arguments(&["--keep", "x y"])),
            format!("-d \"My Distro\" -u root --cd \"{slot}\" --exec {AGENT} --agent --keep \"x y\"")
        );
    }

    #[test]
    fn directories_that_wsl_cannot_reach_are_refused() {
        assert_eq!(session(true, r"\\?\D:\boinc\slots\3").unwrap().slot, r"D:\boinc\slots\3");
        for path in [r"\\server\share\slots\0", r"\\?\UNC\server\share\slots\0", "//server/share"] {
            assert!(matches!(session(true, path), Err(PathError::Share { .. })), "{path}");
        }
        for path in [r"\\?\Volume{b75e2c83}\slots\0", r"slots\0", "/slots/0", "C:x", ""] {
            assert!(matches!(session(true, path), Err(PathError::NoDrive { .. })), "{path}");
        }
    }
}
