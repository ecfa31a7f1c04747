//! Where the agent's program is. Windows finds it in the project's directory by the link in the slot; the same link, with
//! slashes, leads to it in WSL, since WSL starts the agent in the slot's directory. So no path has to be translated.

use std::path::Path;

/// The agent's program cannot be started. The project has to fix its app version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentFileError {
    /// There is no link: the file is missing, or copied into the slot, where it could be anybody's.
    #[error("the project's app version has no link to its file {file}: report this to the project")]
    NoLink {
        /// The agent's name.
        file: &'static str,
    },
    /// The link leads to something else than a file directly in a project's directory.
    #[error("the link {file} leads to {target:?}, not to a file of the project: report this to the project")]
    Elsewhere {
        /// The agent's name.
        file: &'static str,
        /// Where it leads.
        target: String,
    },
    /// The project has not signed the file.
    #[error("{name:?} is not a file of the app version: report this to the project")]
    NotSigned {
        /// Its name in the project's directory.
        name: String,
    },
}

/// The path that WSL gets, from the target of the slot's link `file` and the names of the app version's files (`<app_file>` in
/// init_data.xml), which the client has checked against the project's signature.
///
/// # Errors
/// The link is missing, or does not lead to a file of the app version.
pub fn agent_path(
    file: &'static str,
    target: Option<&Path>,
    app_files: &[String],
) -> Result<String, AgentFileError> {
    let target = target.ok_or(AgentFileError::NoLink { file })?;
    let elsewhere = || AgentFileError::Elsewhere { file, target: target.display().to_string() };
    let text = target.to_str().ok_or_else(elsewhere)?;
    let parts: Vec<&str> = text.split(['/', '\\']).collect();
    let ["..", "..", "projects", project, name] = parts[..] else { return Err(elsewhere()) };
    if !is_plain(project) || !is_plain(name) {
        return Err(elsewhere());
    }
    if !app_files.iter().any(|file| file == name) {
        return Err(AgentFileError::NotSigned { name: name.to_owned() });
    }
    Ok(parts.join("/"))
}

/// Names that are the same for Windows, wsl.exe and Linux: without quotes, escapes and translation.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !matches!(name, "" | "." | "..") && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::super::quoting::needs_quotes;
    use super::*;
    use boinc::frames::AGENT_FILE;
    use proptest::prelude::*;

    const NAME: &str = "buoy-wrapper-linux_1.0";

    fn path_of(target: &str) -> Result<String, AgentFileError> {
        agent_path(AGENT_FILE, Some(Path::new(target)), &["policy_3.toml".to_owned(), NAME.to_owned()])
    }

    #[test]
    fn the_link_is_the_path() {
        let path = format!("../../projects/example.org_buoy/{NAME}");
        assert_eq!(path_of(&path).unwrap(), path);
        assert_eq!(path_of(&path.replace('/', "\\")).unwrap(), path);
    }

    #[test]
    fn nothing_but_a_signed_file_of_the_project_is_started() {
        let none = AgentFileError::NoLink { file: AGENT_FILE };
        assert_eq!(agent_path(AGENT_FILE, None, &[]), Err(none));
        let elsewhere = [
            "buoy-wrapper-linux",
            "/usr/bin/env",
            "C:/Windows/notepad.exe",
            "../../projects/p/sub/buoy-wrapper-linux_1.0",
            "../../projects/../buoy-wrapper-linux_1.0",
            "../../../projects/p/buoy-wrapper-linux_1.0",
            "../../projects/p q/buoy-wrapper-linux_1.0",
            "../../projects/p/x\"y",
            "../../projects/p/",
        ];
        for target in elsewhere {
            assert!(matches!(path_of(target), Err(AgentFileError::Elsewhere { .. })), "{target}");
        }
        let other = path_of("../../projects/p/file_of_a_workunit");
        assert_eq!(other, Err(AgentFileError::NotSigned { name: "file_of_a_workunit".to_owned() }));
    }

    proptest! {
        #[test]
        fn an_accepted_path_needs_no_quotes(target in "(\\.\\./|\\.\\.\\\\|projects/|[a-zA-Z0-9 ._\"'$-]|/){0,12}") {
            let name = target.rsplit('/').next().unwrap_or_default().to_owned();
            if let Ok(path) = agent_path(AGENT_FILE, Some(Path::new(&target)), &[name]) {
                prop_assert!(!needs_quotes(&path) && path.starts_with("../../projects/"));
            }
        }
    }
}
