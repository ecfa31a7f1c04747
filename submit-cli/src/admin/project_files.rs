//! The XML files of a project's directory, where they are and what they say.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use boinc::diagnostic::Location;
use boinc::xml::{Element, Xml};

use super::fix::Fix;
use super::plan_class::Kind;

/// A file that was read.
#[derive(Debug, Clone)]
pub struct XmlFile {
    /// Its path, for messages too.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// What is in it.
    pub xml: Xml,
}

impl XmlFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is not UTF-8 text.
    pub fn read(path: PathBuf) -> io::Result<Self> {
        let text = std::fs::read_to_string(&path)?;
        let xml = Xml::read(&text);
        Ok(Self { path, text, xml })
    }

    /// The line of an element.
    pub fn place(&self, element: &Element) -> Location {
        self.line_of(element.span.start)
    }

    /// Puts another text into a part of the file.
    pub fn replace(&self, range: Range<usize>, new: String) -> Fix {
        let old = self.text[range.clone()].to_owned();
        Fix::Text { file: self.path.clone(), range, old, new }
    }

    /// The line of a byte.
    pub fn line_of(&self, offset: usize) -> Location {
        Location { column: None, ..Location::offset(&self.path, &self.text, offset) }
    }
}

/// The files of a project.
#[derive(Debug)]
pub struct ProjectFiles {
    /// The project's directory.
    pub dir: PathBuf,
    /// `config.xml`.
    pub config: io::Result<XmlFile>,
    /// `project.xml`: apps and platforms for `bin/xadd`.
    pub project: io::Result<XmlFile>,
    /// `plan_class_spec.xml`.
    pub plan_classes: io::Result<XmlFile>,
}

impl ProjectFiles {
    /// Reads the files that exist.
    pub fn read(dir: &Path) -> Self {
        let read = |name: &str| XmlFile::read(dir.join(name));
        Self {
            dir: dir.to_path_buf(),
            config: read("config.xml"),
            project: read("project.xml"),
            plan_classes: read("plan_class_spec.xml"),
        }
    }

    /// A setting: an element of `<config>` in config.xml.
    pub fn setting(&self, name: &str) -> Option<&Element> {
        self.config.as_ref().ok()?.xml.root("boinc")?.child("config")?.child(name)
    }

    /// The text of a setting, if there is any.
    pub fn setting_text(&self, name: &str) -> Option<&str> {
        self.setting(name).map(|setting| setting.text.as_str()).filter(|text| !text.is_empty())
    }

    /// A directory that config.xml may name; else the one in the project's directory.
    pub fn directory(&self, setting: &str, default: &str) -> PathBuf {
        self.setting_text(setting).map_or_else(|| self.dir.join(default), PathBuf::from)
    }

    /// Where clients download from.
    pub fn download_dir(&self) -> PathBuf {
        self.directory("download_dir", "download")
    }

    /// The elements `<app>` of project.xml.
    pub fn apps(&self) -> impl Iterator<Item = &Element> {
        let boinc = self.project.as_ref().ok().and_then(|project| project.xml.root("boinc"));
        boinc.into_iter().flat_map(|boinc| boinc.children_named("app"))
    }

    /// The plan classes that plan_class_spec.xml describes.
    pub fn classes(&self) -> impl Iterator<Item = &Element> {
        let root = self.plan_classes.as_ref().ok().and_then(|file| file.xml.root("plan_classes"));
        root.into_iter().flat_map(|root| root.children_named("plan_class"))
    }

    /// A plan class that plan_class_spec.xml describes: BOINC takes the first of a name.
    pub fn class(&self, name: &str) -> Option<&Element> {
        self.classes().find(|class| name_of(class) == name)
    }

    /// Whether jobs of a plan class get a GPU: by plan_class_spec.xml, else by our own names.
    pub fn class_has_gpu(&self, name: &str) -> bool {
        match self.class(name) {
            Some(class) => class.child("gpu_type").is_some() || class.child("gpu_type_regex").is_some(),
            None => Kind::of_class(name).is_some_and(Kind::has_gpu),
        }
    }
}

/// What a directory holds, by name; nothing if it cannot be read.
pub fn sorted(dir: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut list: Vec<(String, PathBuf)> =
        entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect();
    list.sort();
    list
}

/// The text of an element's `<name>`.
pub fn name_of(element: &Element) -> &str {
    element.child("name").map_or("", |name| name.text.as_str())
}
