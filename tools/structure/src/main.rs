//! Finds circles of imports in a Cargo workspace: between files, folders and crates.
//!
//! Files that import each other can only be read, tested and changed together. `./x lint` runs this check, so that every
//! part of the workspace can be understood from what lies below it.

mod contents;
mod folders;
mod graph;
mod imports;
mod module_tree;
mod report;
mod resolve;
mod test_code;
#[cfg(test)]
mod tests;
mod workspace;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use module_tree::Tree;
use report::Findings;

fn main() -> ExitCode {
    let (options, roots): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with('-'));
    if roots.len() > 1 || options.iter().any(|option| option != "--levels") {
        eprintln!("usage: structure [--levels] [WORKSPACE]");
        return ExitCode::from(2);
    }
    match inspect(Path::new(roots.first().map_or(".", String::as_str))) {
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
        Ok(findings) if !options.is_empty() => {
            print!("{}", findings.levels());
            ExitCode::SUCCESS
        }
        Ok(findings) => match findings.circles() {
            None => {
                println!("{}", findings.summary());
                ExitCode::SUCCESS
            }
            Some(circles) => {
                eprint!("{circles}");
                ExitCode::FAILURE
            }
        },
    }
}

/// Reads the workspace in `root` and draws its arrows at all three levels.
fn inspect(root: &Path) -> Result<Findings> {
    let packages = workspace::packages(root)?;
    let tree = Tree::read(root, &packages)?;
    let imports = imports::between_files(&tree);
    Ok(Findings {
        files: tree.files(),
        folders: folders::graphs(&imports),
        crates: workspace::dependencies(&packages),
        packages,
        imports,
    })
}
