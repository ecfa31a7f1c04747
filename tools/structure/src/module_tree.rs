//! The modules of all crates, read from their files as the compiler finds them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use crate::contents::{Contents, Segments, Submodule};
use crate::test_code::is_test;
use crate::workspace::Package;

/// Index into [`Tree::modules`].
pub type ModuleId = usize;

/// Every module of the workspace.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    /// A parent comes before its children.
    pub modules: Vec<Module>,
    /// The root modules of libraries, by the name under which other crates know them.
    pub libraries: BTreeMap<String, ModuleId>,
}

/// One module, its names ready to be resolved.
#[derive(Debug)]
pub struct Module {
    /// The file it is in, relative to the workspace.
    pub file: String,
    /// Nothing for the root of a library or program.
    pub parent: Option<ModuleId>,
    /// Modules declared here.
    pub children: BTreeMap<String, ModuleId>,
    /// What `use` makes known here, public or not: child modules see both.
    pub bindings: BTreeMap<String, Segments>,
    /// In a root: exported macros, and the modules that define them.
    pub macros: BTreeMap<String, ModuleId>,
    /// What its text says.
    pub contents: Contents,
}

impl Tree {
    /// Reads the libraries and programs of `packages` in the workspace `root`.
    pub fn read(root: &Path, packages: &[Package]) -> Result<Self> {
        let mut tree = Self { root: root.to_owned(), modules: Vec::new(), libraries: BTreeMap::new() };
        for package in packages {
            for file in &package.roots {
                let module = tree.add_file(file, folder_of(file), None)?;
                if file.ends_with("/lib.rs") {
                    tree.libraries.insert(package.name.replace('-', "_"), module);
                }
            }
        }
        Ok(tree)
    }

    /// The files that were read.
    pub fn files(&self) -> BTreeSet<String> {
        self.modules.iter().map(|module| module.file.clone()).collect()
    }

    /// The root of the crate that `module` belongs to.
    pub fn root_of(&self, module: ModuleId) -> ModuleId {
        self.lineage(module).last().unwrap_or(module)
    }

    /// `module`, its parent, and so on up to the root.
    pub fn lineage(&self, module: ModuleId) -> impl Iterator<Item = ModuleId> {
        std::iter::successors(Some(module), |&module| self.modules[module].parent)
    }

    /// `folder` is where the files of child modules are.
    fn add_file(&mut self, file: &str, folder: &str, parent: Option<ModuleId>) -> Result<ModuleId> {
        let text = std::fs::read_to_string(self.root.join(file))
            .with_context(|| format!("failed to read {file}"))?;
        let syntax = syn::parse_file(&text)
            .map_err(|error| anyhow!("failed to parse {file}:{}: {error}", error.span().start().line))?;
        let items = if is_test(&syntax.attrs) { &[][..] } else { &syntax.items };
        self.add_module(file, folder, parent, Contents::of(items))
    }

    fn add_module(
        &mut self,
        file: &str,
        folder: &str,
        parent: Option<ModuleId>,
        mut contents: Contents,
    ) -> Result<ModuleId> {
        let id = self.modules.len();
        let submodules = std::mem::take(&mut contents.modules);
        let exported = std::mem::take(&mut contents.exported_macros);
        let mut bindings = BTreeMap::new();
        for import in &contents.imports {
            if let Some(name) = &import.name {
                bindings.entry(name.clone()).or_insert_with(|| import.path.clone());
            }
        }
        let (children, macros) = (BTreeMap::new(), BTreeMap::new());
        self.modules.push(Module { file: file.to_owned(), parent, children, bindings, macros, contents });
        let crate_root = self.root_of(id);
        self.modules[crate_root].macros.extend(exported.into_iter().map(|name| (name, id)));
        for submodule in submodules {
            let name = submodule.name.clone();
            let child = self.add_submodule(file, folder, id, submodule)?;
            self.modules[id].children.insert(name, child);
        }
        Ok(id)
    }

    fn add_submodule(
        &mut self,
        file: &str,
        folder: &str,
        parent: ModuleId,
        submodule: Submodule,
    ) -> Result<ModuleId> {
        let Submodule { name, path, line, block } = submodule;
        let inner = format!("{folder}/{name}");
        if let Some(contents) = block {
            return self.add_module(file, &inner, Some(parent), contents);
        }
        let candidates = match path {
            // A file named by hand has its children next to it, like `mod.rs`.
            Some(path) => {
                let path = format!("{}/{path}", folder_of(file));
                vec![(path.clone(), folder_of(&path).to_owned())]
            }
            None => vec![(format!("{inner}.rs"), inner.clone()), (format!("{inner}/mod.rs"), inner)],
        };
        let Some((found, folder)) = candidates.iter().find(|(path, _)| self.root.join(path).is_file()) else {
            let expected = candidates.into_iter().map(|(path, _)| path).collect::<Vec<_>>().join(" or ");
            bail!("failed to find the file of `mod {name};` in {file}:{line}: expected {expected}");
        };
        self.add_file(found, folder, Some(parent))
    }
}

fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}
