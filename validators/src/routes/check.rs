//! Whether a route makes sense: its outputs' names, its rules for them, its script, where files go.

use std::collections::HashSet;

use super::{RouteMistake, Routed};
use crate::bounds::{MOST_OUTPUTS, shortened};
use crate::route::Route;
use crate::script::{ScriptSpec, made};
use boinc::names::output::is_output_name;
use boinc::toml_file::Step;

use crate::spec::SpecError;

impl Route {
    /// Checks that the outputs' names are usable and that the rules make sense for them.
    pub fn check(self) -> Result<Routed, Vec<RouteMistake>> {
        let outputs = self.outputs.as_deref().unwrap_or_default();
        let names: Vec<_> = outputs.iter().map(|output| output.name.as_str()).collect();
        let mut mistakes = name_mistakes(&names);
        let in_table = |key: &str, texts: Vec<String>| {
            let path = vec![Step::Key(key.to_owned())];
            texts.into_iter().map(move |text| RouteMistake { path: path.clone(), text })
        };
        mistakes.extend(in_table("assimilate", self.assimilate.mistakes()));
        mistakes.extend(in_table("script", self.script.as_ref().map_or(Vec::new(), ScriptSpec::mistakes)));
        let makes = self.script.as_ref().map_or(&[][..], |script| &script.makes);
        mistakes.extend(in_table("script", made::mistakes(makes, &names)));
        match self.validate.rules(&names) {
            Ok(rules) if mistakes.is_empty() => Ok(Routed { route: self, rules, ..Routed::default() }),
            Ok(_) => Err(mistakes),
            Err(errors) => {
                let of_rule = |error: SpecError| {
                    let text = error.to_string();
                    RouteMistake { path: error.path, text }
                };
                mistakes.extend(errors.into_iter().map(of_rule));
                Err(mistakes)
            }
        }
    }
}

/// What is wrong with the names of outputs.
fn name_mistakes(names: &[&str]) -> Vec<RouteMistake> {
    let outputs = Step::Key("outputs".to_owned());
    if names.len() > MOST_OUTPUTS {
        let text = format!("outputs: {} of them, at most {MOST_OUTPUTS} are accepted", names.len());
        return vec![RouteMistake { path: vec![outputs], text }];
    }
    let is_name: Vec<bool> = names.iter().map(|name| is_output_name(name)).collect();
    // Names are short, so these are few.
    let usable = || names.iter().zip(&is_name).filter(|(_, is_name)| **is_name).map(|(name, _)| *name);
    let directories: HashSet<&str> =
        usable().flat_map(|name| name.match_indices('/').map(|(at, _)| &name[..at])).collect();
    let mut seen = HashSet::new();
    let mut mistakes = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let mut note = |what: &str| {
            let path = vec![outputs.clone(), Step::Item(i), Step::Key("name".to_owned())];
            mistakes.push(RouteMistake { path, text: format!("output {:?} is {what}", shortened(name)) });
        };
        if !is_name[i] {
            note("not a relative path of at most 61 bytes without \".\" and \"..\"");
        }
        if !seen.insert(name) {
            note("there twice");
        }
        if directories.contains(name) {
            note("the directory of another");
        }
    }
    mistakes
}
