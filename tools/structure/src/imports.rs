//! The arrows between files.

use std::collections::BTreeSet;

use crate::graph::{Arrow, Arrows};
use crate::module_tree::{ModuleId, Tree};

/// Which file takes what from which. What a file takes from the modules that it lies in is left out: they are the place
/// it lives in, and every child that uses something of its parent would make a circle.
pub fn between_files(tree: &Tree) -> Arrows {
    let mut arrows = Arrows::new();
    for (id, module) in tree.modules.iter().enumerate() {
        let imports = &module.contents.imports;
        let heads: BTreeSet<&String> = imports.iter().map(|import| &import.path[0]).collect();
        for import in imports {
            let Some(found) = tree.resolve(id, &import.path) else { continue };
            // Importing a module alone takes nothing; what is used through it counts where it is mentioned.
            let mentioned_later = import.name.as_ref().is_some_and(|name| heads.contains(name));
            if found.item.is_some() || !mentioned_later {
                let glob = import.glob.then_some("*");
                let name = glob.or(found.item.as_deref()).unwrap_or("self");
                add(&mut arrows, tree, (id, import.line), (found.module, name));
            }
        }
    }
    arrows
}

fn add(arrows: &mut Arrows, tree: &Tree, (from, line): (ModuleId, usize), (to, name): (ModuleId, &str)) {
    let to = &tree.modules[to].file;
    if tree.lineage(from).any(|ancestor| tree.modules[ancestor].file == *to) {
        return;
    }
    let from = &tree.modules[from].file;
    let new = || Arrow { from: from.clone(), line, to: to.clone(), names: BTreeSet::new() };
    let arrow = arrows.entry(from.clone()).or_default().entry(to.clone()).or_insert_with(new);
    arrow.line = arrow.line.min(line);
    arrow.names.insert(name.to_owned());
}
