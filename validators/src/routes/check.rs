//! Whether a route makes sense: its outputs' names, its rules for them, its script, where files go.

use std::collections::HashSet;

use super::Routed;
use crate::bounds::{MOST_OUTPUTS, shortened};
use crate::route::Route;
use crate::script::{ScriptSpec, extra_outputs};
use boinc::names::output::is_output_name;
use boinc::toml_file::Step;

use crate::spec::SpecError;

impl Route {
    /// Checks that the outputs' names are usable and that the rules make sense for them.
    pub fn check(self) -> Result<Routed, Vec<SpecError>> {
        let outputs = self.outputs.as_deref().unwrap_or_default();
        let names: Vec<_> = outputs.iter().map(|output| output.name.as_str()).collect();
        let mut errors = name_errors(&names);
        let in_table = |key: &str, texts: Vec<String>| {
            let path = vec![Step::Key(key.to_owned())];
            texts.into_iter().map(move |text| SpecError { path: path.clone(), text })
        };
        errors.extend(in_table("assimilate", self.assimilate.errors()));
        errors.extend(in_table("script", self.script.as_ref().map_or(Vec::new(), ScriptSpec::errors)));
        let extra_outputs = self.script.as_ref().map_or(&[][..], |script| &script.extra_outputs);
        errors.extend(in_table("script", extra_outputs::errors(extra_outputs, &names)));
        let rules = self.validate.rules(&names).map_err(|of_rules| errors.extend(of_rules));
        match rules {
            Ok(rules) if errors.is_empty() => Ok(Routed { route: self, rules, ..Routed::default() }),
            _ => Err(errors),
        }
    }
}

/// What is wrong with the names of outputs.
fn name_errors(names: &[&str]) -> Vec<SpecError> {
    let outputs = Step::Key("outputs".to_owned());
    if names.len() > MOST_OUTPUTS {
        let text = format!("outputs: {} entries, at most {MOST_OUTPUTS} are accepted", names.len());
        return vec![SpecError { path: vec![outputs], text }];
    }
    let is_name: Vec<bool> = names.iter().map(|name| is_output_name(name)).collect();
    // Names are short, so these are few.
    let usable = || names.iter().zip(&is_name).filter(|(_, is_name)| **is_name).map(|(name, _)| *name);
    let directories: HashSet<&str> =
        usable().flat_map(|name| name.match_indices('/').map(|(at, _)| &name[..at])).collect();
    let mut seen = HashSet::new();
    let mut errors = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let mut note = |what: &str| {
            let path = vec![outputs.clone(), Step::Item(i), Step::Key("name".to_owned())];
            errors.push(SpecError { path, text: format!("output {:?} is {what}", shortened(name)) });
        };
        if !is_name[i] {
            note("not a relative path of at most 61 bytes without \".\" and \"..\"");
        }
        if !seen.insert(name) {
            note("listed twice");
        }
        if directories.contains(name) {
            note("the directory of another");
        }
    }
    errors
}
