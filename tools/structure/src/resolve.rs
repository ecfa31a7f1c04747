//! From a path to the module that defines what it names, through any number of re-exports.

use crate::module_tree::{ModuleId, Tree};

/// Enough for real code; ends imports that only lead to each other.
const MOST_STEPS: usize = 12;

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The module that defines the item, or that is named itself.
    pub module: ModuleId,
    /// The item's name in that module; nothing if the path names the module.
    pub item: Option<String>,
}

impl Tree {
    /// Resolves `path` as it is understood in the module `from`. Nothing if it leads out of the workspace, or to a type
    /// parameter, a local variable or the like.
    pub fn resolve(&self, from: ModuleId, path: &[String]) -> Option<Found> {
        self.follow(from, path, MOST_STEPS)
    }

    fn follow(&self, from: ModuleId, path: &[String], steps: usize) -> Option<Found> {
        let steps = steps.checked_sub(1)?;
        let (mut base, mut rest) = (from, path);
        while let [head, tail @ ..] = rest {
            base = match head.as_str() {
                "crate" => self.root_of(base),
                "self" => base,
                "super" => self.modules[base].parent?,
                _ => break,
            };
            rest = tail;
        }
        if rest.len() < path.len() {
            return Some(self.walk(base, rest, steps).unwrap_or_else(|| self.nearest(base, rest)));
        }
        let (head, tail) = path.split_first()?;
        if head.is_empty() {
            return self.in_library(tail, steps);
        }
        if let Some(found) = self.walk(from, path, steps) {
            return Some(found);
        }
        if self.modules[from].children.contains_key(head) {
            return Some(self.nearest(from, path));
        }
        self.in_library(path, steps)
    }

    fn in_library(&self, path: &[String], steps: usize) -> Option<Found> {
        let (head, tail) = path.split_first()?;
        let library = *self.libraries.get(head)?;
        Some(self.walk(library, tail, steps).unwrap_or_else(|| self.nearest(library, tail)))
    }

    /// Goes down from `module`. Nothing if the module does not know the path's first segment.
    fn walk(&self, module: ModuleId, path: &[String], steps: usize) -> Option<Found> {
        let steps = steps.checked_sub(1)?;
        let Some((name, rest)) = path.split_first() else {
            return Some(Found { module, item: None });
        };
        let here = &self.modules[module];
        let child = here.children.get(name);
        // A module and a function may have the same name: only a module has something in it.
        if let Some(&child) = child
            && !rest.is_empty()
        {
            return self.walk(child, rest, steps);
        }
        if here.contents.items.contains(name) {
            return Some(Found { module, item: Some(name.clone()) });
        }
        // `use regex::regex;` is about a crate, unless there is such a module.
        if let Some(target) = here.bindings.get(name).filter(|target| target[0] != *name || child.is_some())
            && let Some(found) = self.follow(module, &[target.as_slice(), rest].concat(), steps)
        {
            return Some(found);
        }
        if let Some(&child) = child {
            return Some(Found { module: child, item: None });
        }
        if let Some(&module) = here.macros.get(name) {
            return Some(Found { module, item: Some(name.clone()) });
        }
        here.contents.imports.iter().filter(|import| import.glob).find_map(|import| {
            let source = self.follow(module, &import.path, steps)?;
            if source.item.is_some() || source.module == module {
                return None;
            }
            self.walk(source.module, path, steps)
        })
    }

    /// For names that no text defines, such as those that a macro generates: the innermost module of the path.
    fn nearest(&self, mut module: ModuleId, mut path: &[String]) -> Found {
        while let [head, rest @ ..] = path
            && let Some(&child) = self.modules[module].children.get(head)
        {
            (module, path) = (child, rest);
        }
        Found { module, item: path.first().cloned() }
    }
}
