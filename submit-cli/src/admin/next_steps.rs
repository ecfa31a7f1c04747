//! What remains to be done for app versions to reach volunteers.

use std::path::Path;

use super::app_version::{Number, Outcome, Tree};
use super::plan_class::Kind;
use super::project_files::{ProjectFiles, name_of};

/// App versions that were written.
#[derive(Debug, Clone, Copy)]
pub struct Installed<'a> {
    pub app: &'a str,
    pub number: Number,
    pub trees: &'a [Tree],
    /// What became of each, one for one.
    pub outcomes: &'a [Outcome],
}

/// The steps, in order, each a line.
pub fn next_steps(dir: &Path, project: &ProjectFiles, installed: &Installed<'_>) -> Vec<String> {
    let mut steps = Vec::new();
    let shown = dir.display();
    if project.config.is_err() {
        steps.push(format!(
            "copy {shown}/apps to the project's directory with the modes of all files: {shown} is not a project"
        ));
    }
    let app = installed.app;
    if !project.apps().any(|known| name_of(known) == app) {
        steps.push(format!(
            "add to {shown}/project.xml: <app><name>{app}</name><user_friendly_name>…</user_friendly_name></app>, then run bin/xadd"
        ));
    }
    let mut classes: Vec<&str> = installed.trees.iter().map(|tree| tree.plan_class.as_str()).collect();
    classes.sort_unstable();
    classes.dedup();
    for class in classes {
        if project.class(class).is_some() {
            continue;
        }
        let kind = Kind::of_class(class).and_then(|kind| clap::ValueEnum::to_possible_value(&kind));
        steps.push(match kind {
            Some(kind) => {
                format!("buoy admin plan-class {} --file {shown}/plan_class_spec.xml", kind.get_name())
            }
            None => format!("describe the plan class {class} in {shown}/plan_class_spec.xml, with <docker/>"),
        });
    }
    if installed.outcomes.contains(&Outcome::New) {
        steps.push("bin/update_versions, which signs and installs".to_owned());
    }
    steps.push(format!("buoy admin check {shown}"));
    steps
}
