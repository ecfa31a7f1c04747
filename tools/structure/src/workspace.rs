//! The crates of the workspace, from their manifests.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use toml::{Table, Value};

use crate::graph::{Arrow, Arrows};

/// A member of the workspace.
#[derive(Debug)]
pub struct Package {
    /// As in its manifest.
    pub name: String,
    /// Its folder, relative to the workspace.
    pub folder: String,
    /// The root files of its library and programs, relative to the workspace: where Cargo looks for them by itself.
    /// A program with a `path` in the manifest is not checked; the only one is a fake for tests.
    pub roots: BTreeSet<String>,
    /// What the compiled code depends on; tests do not count.
    pub dependencies: BTreeSet<String>,
}

/// The members of the workspace `root`.
pub fn packages(root: &Path) -> Result<Vec<Package>> {
    let manifest = manifest(root, "Cargo.toml")?;
    let members = manifest.get("workspace").and_then(|workspace| workspace.get("members"));
    let folders = members.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    folders.map(|folder| package(root, folder)).collect()
}

fn package(root: &Path, folder: &str) -> Result<Package> {
    let manifest = manifest(root, &format!("{folder}/Cargo.toml"))?;
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    let sections =
        ["dependencies", "build-dependencies"].into_iter().filter_map(|section| manifest.get(section));
    let dependencies = sections.filter_map(Value::as_table).flatten().map(|(key, value)| {
        // `key = { package = "…" }` gives a dependency another name.
        value.get("package").and_then(Value::as_str).unwrap_or(key).to_owned()
    });
    let mut roots = vec![format!("{folder}/src/lib.rs"), format!("{folder}/src/main.rs")];
    for entry in std::fs::read_dir(root.join(folder).join("src/bin")).into_iter().flatten() {
        let path = format!("{folder}/src/bin/{}", entry?.file_name().to_string_lossy());
        roots.push(if path.ends_with(".rs") { path } else { format!("{path}/main.rs") });
    }
    roots.retain(|path| root.join(path).is_file());
    ensure!(!roots.is_empty(), "failed to find {folder}/src/lib.rs or {folder}/src/main.rs");
    Ok(Package {
        name: name.unwrap_or(folder).to_owned(),
        folder: folder.to_owned(),
        roots: roots.into_iter().collect(),
        dependencies: dependencies.collect(),
    })
}

fn manifest(root: &Path, path: &str) -> Result<Table> {
    let text = std::fs::read_to_string(root.join(path)).with_context(|| format!("failed to read {path}"))?;
    text.parse().map_err(|error: toml::de::Error| {
        let before = &text[..error.span().map_or(0, |span| span.start)];
        anyhow!("failed to parse {path}:{}: {}", 1 + before.matches('\n').count(), error.message())
    })
}

/// The arrows between crates.
pub fn dependencies(packages: &[Package]) -> Arrows {
    let mut arrows = Arrows::new();
    for package in packages {
        for target in packages.iter().filter(|target| package.dependencies.contains(&target.name)) {
            let arrow = Arrow {
                from: format!("{}/Cargo.toml", package.folder),
                line: 1,
                to: format!("{}/Cargo.toml", target.folder),
                names: BTreeSet::from([target.name.clone()]),
            };
            arrows.entry(package.name.clone()).or_default().insert(target.name.clone(), arrow);
        }
    }
    arrows
}
