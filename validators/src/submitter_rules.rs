//! Rules that submitters bring: a file in the download directory, pinned by the HASH in the workunit's name.
//!
//! The rule file of a bundle is JSON ([`RuleFile`]). **HASH is the first 12 digits of the sha-256 of the file's
//! bytes**, which also list the bundle's other files with their hashes: so HASH names all of what runs and how it is
//! judged, and whoever has the file can check it by itself. Its physical name is `buoy_rule_HASH`
//! ([`physical_name`]), and it lies where the fan-out of the download directory puts that name ([`fan_out`]).
//! A submitter uploads it like any other file (`job_file.php`, or `stage_file`), but lists it in no template: no
//! volunteer ever downloads it, and no file_deleter removes it with a job.

mod rule_file;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wrapper::engine::Flavor;

use crate::bounds::shortened;
use crate::outputs;
use crate::route::{AssimilateRoute, Route};
use crate::script::container::Sandbox;
use crate::script::{RunsIn, Script, ScriptSpec};
use crate::values::ValueSpec;
use boinc::file_error::FileError;
use boinc::hex::hex;
use boinc::names::fan_out::{FAN_OUT, fan_out};
use boinc::names::workunit::HASH_DIGITS;

pub use rule_file::{BundleScript, MAX_BYTES, MAX_RULES_BYTES, RuleFile};

/// `[submitter_rules]` of the routes file: who may bring rules, and within which limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitterRules {
    /// Science apps whose rules are used; `"*"`: all.
    pub apps: Vec<String>,
    /// The download directory; if relative, then to `PROJECT/tmp_HOST`.
    #[serde(default = "default_download")]
    pub download: PathBuf,
    /// `<uldl_dir_fanout>` of config.xml.
    #[serde(default = "default_fan_out")]
    pub fanout: u32,
    /// Images in which scripts may run, the usual one first; none: no scripts. `"*"`: any that is on this host.
    #[serde(default)]
    pub images: Vec<String>,
    /// `"docker"` or `"podman"`; else the first that is installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Flavor>,
    /// A script is ended after this.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u32,
    /// Memory of a script, in megabytes.
    #[serde(default = "default_memory")]
    pub memory_mb: u32,
    /// Largest file that a script writes, in megabytes.
    #[serde(default = "default_output")]
    pub output_mb: u32,
    /// Processor time that built-in rules may take in one call, in seconds.
    #[serde(default = "default_rule")]
    pub rule_seconds: u32,
    /// Where canonical outputs of these apps go.
    #[serde(default)]
    pub assimilate: AssimilateRoute,
}

fn default_download() -> PathBuf {
    "../download".into()
}

fn default_fan_out() -> u32 {
    FAN_OUT
}

fn default_timeout() -> u32 {
    20
}

fn default_memory() -> u32 {
    500
}

fn default_rule() -> u32 {
    60
}

fn default_output() -> u32 {
    100
}

/// A rule file cannot be used. Nothing is said about any result.
#[derive(Debug, thiserror::Error)]
pub enum RuleFileError {
    /// It can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not what its name says, has another form than this program knows, or asks for more than the project allows:
    /// what is wrong.
    #[error("{0}")]
    Invalid(String),
}

/// The sha-256 of a rule file's bytes: 64 digits, of which workunits' names carry the first 12.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The physical name of a bundle's rule file; `hash` is the HASH of workunits' names.
pub fn physical_name(hash: &str) -> String {
    format!("buoy_rule_{}", &hash[..hash.len().min(HASH_DIGITS)])
}

impl SubmitterRules {
    /// Rules of one science app are used, scripts aside, with the usual limits.
    pub fn of(app: &str) -> Self {
        let apps = serde_json::json!({ "apps": [app] });
        serde_json::from_value(apps).expect("all other keys have defaults")
    }

    /// What is wrong with it, in words.
    pub fn errors(&self) -> Vec<String> {
        let mut errors = Vec::new();
        for (key, value) in [
            ("fanout", self.fanout),
            ("timeout_seconds", self.timeout_seconds),
            ("memory_mb", self.memory_mb),
            ("output_mb", self.output_mb),
            ("rule_seconds", self.rule_seconds),
        ] {
            if value == 0 {
                errors.push(format!("{key}: 0 is not accepted, at least 1 is required"));
            }
        }
        errors.extend(self.assimilate.errors());
        errors
    }

    /// Whether rules of this science app are used.
    pub fn allows(&self, app: &str) -> bool {
        self.apps.iter().any(|allowed| allowed == "*" || allowed == app)
    }

    /// Where the rule file of a bundle is; `directory` is where relative paths start.
    pub fn path(&self, hash: &str, directory: &Path) -> PathBuf {
        let name = physical_name(hash);
        directory.join(&self.download).join(fan_out(&name, self.fanout)).join(name)
    }

    /// The route of a bundle, from its rule file.
    ///
    /// # Errors
    /// It is not there, not what HASH says, or of another form. A script that is not allowed is [`RunsIn::Forbidden`], since
    /// what needs no script goes on without it.
    pub fn route(
        &self,
        app: &str,
        hash: &str,
        directory: &Path,
    ) -> Result<(Route, Option<Script>), RuleFileError> {
        let path = self.path(hash, directory);
        let invalid =
            |what: String| RuleFileError::Invalid(format!("invalid rule file {}: {what}", path.display()));
        // No link is followed.
        let bytes = match outputs::read_regular(&path, MAX_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(invalid(error.to_string()));
            }
            read => read.map_err(FileError::new(
                "failed to read the bundle's rule file (uploaded with the batch)",
                &path,
            ))?,
        };
        let found = sha256(&bytes)[..HASH_DIGITS].to_owned();
        if found != hash {
            return Err(invalid(format!(
                "its content has the hash {found}, so it belongs to another bundle"
            )));
        }
        let file = RuleFile::read(&bytes).map_err(invalid)?;
        if file.app != app {
            let other = shortened(&file.app);
            return Err(invalid(format!("it belongs to the science app {other:?}, the workunit to {app:?}")));
        }
        let script = file.script.as_ref().map(|script| self.script(script));
        let mut assimilate = self.assimilate.clone();
        // A submitter says which values matter; where things go is the admin's, and so is a name that both use.
        let own: HashSet<&str> = self.assimilate.value.iter().map(|own| own.name.as_str()).collect();
        let is_new = |value: &ValueSpec| !own.contains(value.name.as_str());
        assimilate.value.extend(file.assimilate.value.into_iter().filter(is_new));
        let route = Route {
            outputs: Some(file.outputs),
            validate: file.validate,
            assimilate,
            script: script.as_ref().map(|script| script.spec.clone()),
        };
        Ok((route, script))
    }

    fn script(&self, script: &BundleScript) -> Script {
        let image = self.image(script);
        let spec = ScriptSpec {
            init: script.init.clone(),
            compare: script.compare.clone(),
            assimilate: script.assimilate.clone(),
            extra_outputs: script.extra_outputs.clone(),
            legacy: script.legacy,
            container: image.as_ref().ok().cloned(),
            timeout_seconds: self.timeout_seconds,
            memory_mb: self.memory_mb,
            output_mb: self.output_mb,
        };
        let runs_in = match image {
            Ok(image) => {
                RunsIn::Container(Sandbox { image, engine: self.engine, files: script.files.clone() })
            }
            Err(why) => RunsIn::Forbidden(why),
        };
        Script { spec, runs_in }
    }

    /// Where a script runs, or why it does not.
    fn image(&self, script: &BundleScript) -> Result<String, String> {
        match &script.image {
            Some(image) if self.images.iter().any(|allowed| allowed == image) && image != "*" => {
                Ok(image.clone())
            }
            // It becomes an argument of the engine's.
            Some(image) if !is_image_name(image) => Err(format!("invalid image name {:?}", shortened(image))),
            Some(image) if self.images.iter().any(|allowed| allowed == "*") => Ok(image.clone()),
            Some(image) => Err(format!(
                "image {image:?} is not allowed; submitter_rules.images of this project: {:?}",
                self.images
            )),
            None => self.images.iter().find(|image| *image != "*").cloned().ok_or_else(|| {
                "submitter_rules.images of this project lists no image to run the script in".to_owned()
            }),
        }
    }
}

/// Whether a text can be an image's name, as the engines have them. An image's ID is no name: it could be anybody's.
fn is_image_name(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b);
    let is_id = text.len() >= 12 && text.bytes().all(|b| b.is_ascii_hexdigit());
    text.len() <= 255
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(is_plain)
        && !text.starts_with("sha256:")
        && !is_id
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::route::RouteOutput;
    use crate::spec::{AssimilateSpec, ValidateSpec};

    fn spec(text: &str) -> SubmitterRules {
        toml::from_str(text).unwrap()
    }

    fn rule(script: Option<BundleScript>) -> RuleFile {
        let output = RouteOutput { name: "out".into(), max_bytes: None, optional: false };
        RuleFile::new(
            "vina",
            vec![],
            vec![output],
            ValidateSpec::default(),
            AssimilateSpec::default(),
            script,
        )
    }

    fn place(directory: &Path, spec: &SubmitterRules, bytes: &[u8], hash: &str) {
        let path = spec.path(hash, directory);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn a_rule_is_found_by_its_hash_and_checked_against_it() {
        let dir = tempfile::tempdir().unwrap();
        let spec = spec("apps = ['vina']\ndownload = 'download'");
        let bytes = rule(None).bytes();
        let hash = sha256(&bytes)[..12].to_owned();
        let missing = spec.route("vina", &hash, dir.path()).unwrap_err();
        assert!(matches!(missing, RuleFileError::File(_)), "{missing}");
        place(dir.path(), &spec, &bytes, &hash);
        let (route, script) = spec.route("vina", &hash, dir.path()).unwrap();
        assert_eq!((route.outputs.unwrap()[0].name.as_str(), script), ("out", None));
        let other_app = spec.route("dock", &hash, dir.path()).unwrap_err();
        assert!(other_app.to_string().contains("it belongs to the science app"), "{other_app}");
        place(dir.path(), &spec, &[bytes, b" ".to_vec()].concat(), &hash);
        let changed = spec.route("vina", &hash, dir.path()).unwrap_err();
        assert!(changed.to_string().contains("it belongs to another bundle"), "{changed}");
    }

    #[test]
    fn a_link_in_the_download_directory_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let spec = spec("apps = ['*']\ndownload = 'download'");
        let bytes = rule(None).bytes();
        let hash = sha256(&bytes)[..12].to_owned();
        let path = spec.path(&hash, dir.path());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(dir.path().join("elsewhere"), &bytes).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), path).unwrap();
        let error = spec.route("vina", &hash, dir.path()).unwrap_err();
        assert!(error.to_string().contains("it is a symbolic link, not a file"), "{error}");
    }

    #[test]
    fn scripts_run_only_in_images_that_the_project_names() {
        let script = |image: Option<&str>| BundleScript {
            compare: vec!["./compare".into()],
            image: image.map(str::to_owned),
            ..BundleScript::default()
        };
        let image = |allowed: &str, wanted| match spec(&format!("apps = ['*']\nimages = {allowed}"))
            .script(&script(wanted))
            .runs_in
        {
            RunsIn::Container(sandbox) => Ok(sandbox.image),
            RunsIn::Forbidden(why) => Err(why),
            RunsIn::Host { .. } => panic!("a submitter's script on the host"),
        };
        assert_eq!(image("['a', 'b']", None).unwrap(), "a");
        assert_eq!(image("['a', 'b']", Some("b")).unwrap(), "b");
        assert_eq!(image("['*']", Some("z")).unwrap(), "z");
        for option in ["--privileged", "-v=/:/host", "a b"] {
            assert!(image("['*']", Some(option)).unwrap_err().contains("invalid image name"), "{option}");
        }
        assert!(image("['a']", Some("z")).unwrap_err().contains("image \"z\" is not allowed"));
        assert!(image("[]", None).unwrap_err().contains("lists no image"));
    }

    #[test]
    fn what_a_rule_file_says_survives_to_the_last_digit() {
        let validate = ValidateSpec {
            rule: crate::spec::RuleKind::Numbers,
            absolute: Some(0.1 + 0.2),
            relative: Some(1e-300),
            ..ValidateSpec::default()
        };
        let mut file = rule(None);
        file.validate = validate;
        assert_eq!(RuleFile::read(&file.bytes()).unwrap(), file);
    }
}
