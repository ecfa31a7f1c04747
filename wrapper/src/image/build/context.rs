//! Which files of the build context a source of COPY means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use boinc::dockerfile::pattern;

/// A file or directory of the context that a source names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Match<'a> {
    /// A file: its last name, and where it is.
    File(&'a str, &'a Path),
    /// A directory: the files below it, with their paths in it.
    Directory(Vec<(&'a str, &'a Path)>),
}

/// What a source names, sorted. `source` is a path or pattern relative to the context, `.` for all of it.
///
/// # Errors
/// When the pattern is none.
pub(super) fn matches<'a>(
    files: &'a [(String, PathBuf)],
    source: &str,
) -> Result<Vec<Match<'a>>, pattern::BadPattern> {
    if source == "." {
        let all = files.iter().map(|(name, path)| (name.as_str(), path.as_path()));
        return Ok(vec![Match::Directory(all.collect())]);
    }
    let wanted: Vec<&str> = source.split('/').collect();
    // By the beginning of each name that has as many parts as the source.
    let mut found: BTreeMap<&str, Match<'a>> = BTreeMap::new();
    for (name, path) in files {
        let Some(head) = head(name, wanted.len()) else { continue };
        if !found.contains_key(head) && !fits(&wanted, head)? {
            continue;
        }
        if head == name {
            found.insert(head, Match::File(name.rsplit('/').next().unwrap_or(name), path));
        } else if let Match::Directory(below) =
            found.entry(head).or_insert_with(|| Match::Directory(Vec::new()))
        {
            below.push((&name[head.len() + 1..], path));
        }
    }
    Ok(found.into_values().collect())
}

fn head(name: &str, parts: usize) -> Option<&str> {
    let mut ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
    ends.nth(parts - 1).map(|end| &name[..end])
}

fn fits(wanted: &[&str], head: &str) -> Result<bool, pattern::BadPattern> {
    for (pattern, part) in wanted.iter().zip(head.split('/')) {
        if !pattern::matches(pattern, part)? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &str) -> Vec<String> {
        let files: Vec<(String, PathBuf)> =
            ["a.py", "b.py", "c.txt", "d/x.py", "d/e/y.py"].map(|name| (name.to_owned(), name.into())).into();
        let matches = matches(&files, source).unwrap();
        let show = |found: &Match<'_>| match found {
            Match::File(name, path) => format!("{name}={}", path.display()),
            Match::Directory(files) => files.iter().map(|(name, _)| *name).collect::<Vec<_>>().join("+"),
        };
        matches.iter().map(show).collect()
    }

    #[test]
    fn names_patterns_and_directories() {
        assert_eq!(names("a.py"), ["a.py=a.py"]);
        assert_eq!(names("*.py"), ["a.py=a.py", "b.py=b.py"]);
        assert_eq!(names("d"), ["x.py+e/y.py"]);
        assert_eq!(names("d/*.py"), ["x.py=d/x.py"]);
        assert_eq!(names("*/e"), ["y.py"]);
        assert_eq!(names("."), ["a.py+b.py+c.txt+d/x.py+d/e/y.py"]);
        assert_eq!(names("z"), Vec::<String>::new());
        assert_eq!(names("d/x.py/z"), Vec::<String>::new());
    }
}
