//! What `./x dist` has built: a directory for each platform, with the checksums of its files and with what it was built.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Platform;
use crate::plan::content::{Content, hash};

const CHECKSUMS: &str = "SHA256SUMS";
const FACTS: &str = "BUILD";
/// The line of `BUILD` that has to be the same for all platforms of a version.
const COMMIT: &str = "commit: ";

/// A directory that is not used.
#[derive(Debug, thiserror::Error)]
pub enum DistError {
    /// It has no platform's directory.
    #[error("no platform found in {}; build the programs with ./x dist", dir.display())]
    Empty { dir: PathBuf },
    /// A file in it cannot be read.
    #[error("failed to read {}", file.display())]
    Read { file: PathBuf, source: io::Error },
    /// A file is not what was built.
    #[error("{}: its content is not the one in {CHECKSUMS}; build or copy the directory again", file.display())]
    Changed { file: PathBuf },
    /// Volunteers would run different programs under one version number.
    #[error(
        "{}: {first} and {second} were built from different commits; build all platforms again with ./x dist",
        dir.display()
    )]
    Mixed { dir: PathBuf, first: Platform, second: Platform },
}

/// The wrappers in a directory that `./x dist` has made: of these platforms, or of all that are there.
///
/// # Errors
/// A wrapper is missing or is not what was built, or they are of different commits.
pub fn wrappers(dir: &Path, platforms: &[Platform]) -> Result<Vec<(Platform, PathBuf)>, DistError> {
    let mut platforms = platforms.to_vec();
    if platforms.is_empty() {
        platforms.extend(Platform::ALL.into_iter().filter(|platform| dir.join(platform.name()).is_dir()));
    }
    let mut commits = Vec::new();
    let mut wrappers = Vec::new();
    for platform in platforms {
        let of_platform = dir.join(platform.name());
        commits.push((platform, commit(&of_platform)?));
        let name = format!("buoy-wrapper{}", platform.program_suffix());
        wrappers.push((platform, checked(&of_platform, &name)?));
    }
    let Some(((first, commit), others)) = commits.split_first() else {
        return Err(DistError::Empty { dir: dir.to_owned() });
    };
    if let Some((second, _)) = others.iter().find(|(_, other)| other != commit) {
        return Err(DistError::Mixed { dir: dir.to_owned(), first: *first, second: *second });
    }
    Ok(wrappers)
}

/// The path of a file whose content has its checksum.
fn checked(dir: &Path, name: &str) -> Result<PathBuf, DistError> {
    let sums = read(dir.join(CHECKSUMS))?;
    // As sha256sum writes them: the sum, a blank, a blank or an asterisk, the name.
    let sum = sums.lines().find_map(|line| {
        let (sum, file) = line.split_once(' ')?;
        (file.get(1..) == Some(name)).then_some(sum)
    });
    let file = dir.join(name);
    let found = hash(&Content::Path(file.clone()))
        .map_err(|source| DistError::Read { file: file.clone(), source })?;
    if sum == Some(found.sha256.as_str()) { Ok(file) } else { Err(DistError::Changed { file }) }
}

fn commit(dir: &Path) -> Result<String, DistError> {
    let facts = read(dir.join(FACTS))?;
    Ok(facts.lines().find_map(|line| line.strip_prefix(COMMIT)).unwrap_or_default().to_owned())
}

fn read(file: PathBuf) -> Result<String, DistError> {
    fs::read_to_string(&file).map_err(|source| DistError::Read { file, source })
}
