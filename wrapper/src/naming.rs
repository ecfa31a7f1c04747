//! Names of containers and images.

use std::fmt;
use std::path::Path;

use boinc::hex::hex;

/// What BOINC's own containers' names begin with: the client's clean-up looks for it.
const BOINC_PREFIX: &str = "boinc__";

/// A task's container.
///
/// `boinc__<project>__<result_name>` in lower case, `<project>` being the last component of the project's
/// directory. At its start, a client of 8.2 or later removes each container whose name begins with `boinc__`
/// and is not that of a task in progress (`client/cs_apps.cpp` `docker_cleanup`, `lib/util.cpp`
/// `docker_container_name`), so ours must be exactly that one: then an orphan is removed for us, and a
/// container in use is not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerName(String);

/// Why a task's container has no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamingError {
    /// init_data.xml lacks the project's directory.
    #[error("init_data.xml names no project directory, which the container is named after")]
    NoProject,
    /// init_data.xml lacks the result's name.
    #[error("init_data.xml names no result, which the container is named after")]
    NoResult,
}

impl ContainerName {
    /// The container of a result.
    ///
    /// A character that engines refuse in names (they take ASCII letters, digits, `_`, `.` and `-`) becomes
    /// `_`. BOINC's stock server makes no such names; where one does, the client's clean-up finds no task for
    /// the container at its next start, and the job begins again from its checkpoint.
    ///
    /// # Errors
    /// One of the two parts is empty.
    pub fn of_result(project_dir: &Path, result_name: &str) -> Result<Self, NamingError> {
        let project =
            project_dir.file_name().map(|name| name.to_string_lossy()).ok_or(NamingError::NoProject)?;
        if result_name.is_empty() {
            return Err(NamingError::NoResult);
        }
        let name = format!("{BOINC_PREFIX}{project}__{result_name}");
        Ok(Self(name.chars().map(acceptable).collect()))
    }

    /// The name as an engine takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn acceptable(c: char) -> char {
    match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '_' | '.' | '-') => c,
        _ => '_',
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An image that we have built or loaded: `buoy-` and 40 hex digits of what goes into it.
///
/// Named by content, so that all tasks of a science app share it. It does not begin with `boinc__`: such
/// images are removed by the client when no task in progress is named like them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageName(String);

impl ImageName {
    /// What all of these names begin with.
    pub const PREFIX: &str = "buoy-";

    /// The image of a content key (a SHA-256): the first 160 bits name it.
    pub fn of_content(key: &[u8; 32]) -> Self {
        Self(format!("{}{}", Self::PREFIX, hex(&key[..20])))
    }

    /// Reads a name back, as an engine lists it, with or without `localhost/` and a `:latest`; `None` if
    /// the image is not one of ours.
    pub fn parse(name: &str) -> Option<Self> {
        let bare = name.strip_prefix("localhost/").unwrap_or(name);
        let bare = bare.strip_suffix(":latest").unwrap_or(bare);
        let hex = bare.strip_prefix(Self::PREFIX)?;
        let ours = hex.len() == 40 && hex.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        ours.then(|| Self(bare.to_owned()))
    }

    /// The name as an engine takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn container(project_dir: &str, result_name: &str) -> String {
        ContainerName::of_result(Path::new(project_dir), result_name).unwrap().to_string()
    }

    #[test]
    fn containers_are_named_as_the_clients_clean_up_expects() {
        // As in recorded/client/stderr-docker_wrapper-ok.txt.
        let name = container("/BOINC/projects/127.0.0.1_8099_buoytest", "work_ok_0");
        assert_eq!(name, "boinc__127.0.0.1_8099_buoytest__work_ok_0");
        assert_eq!(
            container("/d/Einstein.Example_X/", "Vina-AB__B1__J_0"),
            "boinc__einstein.example_x__vina-ab__b1__j_0"
        );
    }

    #[test]
    fn a_character_that_engines_refuse_is_replaced() {
        assert_eq!(container("/p/a b", "wu é$(x)_0"), "boinc__a_b__wu____x__0");
    }

    #[test]
    fn a_missing_part_is_named() {
        assert_eq!(ContainerName::of_result(Path::new(""), "r"), Err(NamingError::NoProject));
        assert_eq!(ContainerName::of_result(Path::new("/p/x"), ""), Err(NamingError::NoResult));
    }

    #[test]
    fn images_are_named_by_content_and_recognised() {
        let name = ImageName::of_content(&[0xab; 32]);
        assert_eq!(name.as_str(), format!("buoy-{}", "ab".repeat(20)));
        for listed in [name.to_string(), format!("localhost/{name}:latest"), format!("{name}:latest")] {
            assert_eq!(ImageName::parse(&listed).as_ref(), Some(&name));
        }
        for other in ["buoy-ab", "boinc__p__wu", "debian", &format!("x/{name}"), &format!("{name}0")] {
            assert_eq!(ImageName::parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_one_that_docker_takes(project in "[^/\0]{1,30}", result in "\\PC{1,30}") {
            prop_assume!(project != "." && project != "..");
            let name = container(&format!("/p/{project}"), &result);
            prop_assert!(name.starts_with("boinc__"));
            prop_assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c)));
        }
    }
}
