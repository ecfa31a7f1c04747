//! Finds circles of imports in a Cargo workspace, between files, folders and crates, and counts lines of code.
//!
//! Files that import each other can only be read, tested and changed together. `./x lint` runs this check, so that every
//! part of the workspace can be understood from what lies below it.

mod contents;
mod folders;
mod graph;
mod imports;
mod lines;
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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["--lines"] => lines::count(Path::new("."), None).map(Ok),
        ["--lines", revision] => lines::count(Path::new("."), Some(revision)).map(Ok),
        ["--levels"] => inspect(Path::new(".")).map(|findings| Ok(findings.levels())),
        [] => inspect(Path::new(".")).map(|findings| findings.circles().map_or(Ok(findings.summary()), Err)),
        _ => {
            eprintln!("usage: structure [--levels | --lines [REVISION]]");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(Ok(text)) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Ok(Err(circles)) => {
            eprint!("{circles}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
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
