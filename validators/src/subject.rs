//! What a workunit's name says: science app, bundle, batch and job.
//!
//! Names of ours say all of it ([`WorkunitName`]). Names made by others are read by the patterns of the routes
//! file.

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use crate::pattern;
use boinc::names::workunit::{WorkunitName, check_app, check_batch, check_job};

/// A workunit, as far as its name tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The whole name.
    pub workunit: String,
    /// The science app.
    pub app: Option<String>,
    /// The bundle's hash: only in names of ours.
    pub hash: Option<String>,
    /// The batch.
    pub batch: Option<String>,
    /// The job.
    pub job: Option<String>,
}

impl Subject {
    /// Reads a name: one of ours, else by the first pattern that fits; else only the whole is known.
    pub fn new(workunit: &str, patterns: &[NamePattern]) -> Self {
        if let Ok(name) = workunit.parse::<WorkunitName>() {
            return Self {
                workunit: workunit.to_owned(),
                app: Some(name.app().to_owned()),
                hash: Some(name.hash().to_owned()),
                batch: Some(name.batch().to_owned()),
                job: Some(name.job().to_owned()),
            };
        }
        patterns
            .iter()
            .find_map(|pattern| pattern.read(workunit))
            .unwrap_or_else(|| Self { workunit: workunit.to_owned(), ..Self::default() })
    }

    /// The keys under which its route may stand, most particular first.
    pub fn keys(&self) -> Vec<String> {
        let Some(app) = &self.app else { return Vec::new() };
        let bundle = self.hash.as_ref().map(|hash| format!("{app}-{hash}"));
        bundle.into_iter().chain([app.clone()]).collect()
    }
}

/// `[[names]]` of the routes file: how a name made by others is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameSpec {
    /// A regular expression for the whole workunit's name. Groups `app`, `batch` and `job` say what they hold.
    pub pattern: String,
    /// The science app, where the pattern has no group `app`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
}

/// A [`NameSpec`], checked.
#[derive(Clone, Debug)]
pub struct NamePattern {
    regex: Regex,
    app: Option<String>,
}

impl NameSpec {
    /// Checks the pattern; the error is what is wrong, in words.
    pub fn compile(&self) -> Result<NamePattern, String> {
        let regex = pattern::compile(&format!("^(?:{})$", self.pattern))
            .map_err(|reason| format!("invalid regular expression {:?}: {reason}", self.pattern))?;
        let groups: Vec<&str> = regex.capture_names().flatten().collect();
        if let Some(other) = groups.iter().find(|group| !matches!(**group, "app" | "batch" | "job")) {
            return Err(format!("unknown group {other:?}; accepted: app, batch, job"));
        }
        if groups.contains(&"app") == self.app.is_some() {
            return Err(
                "the science app comes from a group (?<app>…) or from the key app: one of them".to_owned()
            );
        }
        if let Some(app) = &self.app {
            check_app(app).map_err(|error| error.to_string())?;
        }
        Ok(NamePattern { regex, app: self.app.clone() })
    }
}

impl NamePattern {
    fn read(&self, workunit: &str) -> Option<Subject> {
        let found = self.regex.captures(workunit.as_bytes())?;
        let group =
            |name| found.name(name).and_then(|found| String::from_utf8(found.as_bytes().to_owned()).ok());
        // They become parts of paths: what would not do in a name of ours is as good as not there.
        let app = self.app.clone().or_else(|| group("app")).filter(|app| check_app(app).is_ok());
        Some(Subject {
            workunit: workunit.to_owned(),
            app,
            hash: None,
            batch: group("batch").filter(|batch| check_batch(batch).is_ok()),
            job: group("job").filter(|job| check_job(job).is_ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(specs: &[(&str, Option<&str>)]) -> Vec<NamePattern> {
        let spec = |(pattern, app): &(&str, Option<&str>)| NameSpec {
            pattern: (*pattern).to_owned(),
            app: app.map(str::to_owned),
        };
        specs.iter().map(|pair| spec(pair).compile().unwrap()).collect()
    }

    #[test]
    fn names_of_ours_say_everything_whatever_the_patterns_are() {
        let patterns = patterns(&[(".*", Some("other"))]);
        let subject = Subject::new("vina-0123456789ab__b1__lig_7", &patterns);
        assert_eq!(subject.app.as_deref(), Some("vina"));
        assert_eq!(subject.batch.as_deref(), Some("b1"));
        assert_eq!(subject.job.as_deref(), Some("lig_7"));
        assert_eq!(subject.keys(), ["vina-0123456789ab", "vina"]);
    }

    #[test]
    fn the_first_pattern_that_fits_the_whole_name_reads_it() {
        let patterns = patterns(&[
            (r"dock_(?<batch>\d+)_(?<job>.+)", Some("vina")),
            (r"(?<app>[a-z]+)_(?<job>.+)", None),
        ]);
        let subject = Subject::new("dock_7_aspirin", &patterns);
        assert_eq!((subject.app.as_deref(), subject.batch.as_deref()), (Some("vina"), Some("7")));
        assert_eq!(Subject::new("fold_x", &patterns).app.as_deref(), Some("fold"));
        assert_eq!(Subject::new("7", &patterns).app, None);
        assert_eq!(Subject::new("7", &patterns).keys(), Vec::<String>::new());
    }

    #[test]
    fn what_would_lead_out_of_a_directory_is_not_taken_from_a_name() {
        let patterns = patterns(&[(r"(?<app>.*)!(?<batch>.*)!(?<job>.*)", None)]);
        let subject = Subject::new("../../x!..!.", &patterns);
        assert_eq!((subject.app, subject.batch, subject.job), (None, None, None));
    }

    #[test]
    fn patterns_that_make_no_sense_are_refused_with_a_reason() {
        for (pattern, app, expected) in [
            ("(", Some("a"), "invalid regular expression"),
            ("(?<ap>x)", Some("a"), "unknown group \"ap\""),
            ("x", None, "one of them"),
            ("(?<app>x)", Some("a"), "one of them"),
            ("x", Some("A"), "contains 'A'"),
        ] {
            let spec = NameSpec { pattern: pattern.into(), app: app.map(str::to_owned) };
            let error = spec.compile().unwrap_err();
            assert!(error.contains(expected), "{pattern}: {error}");
        }
    }
}
