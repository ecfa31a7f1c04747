//! What the check prints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::folders::room_in;
use crate::graph::{self, Arrow, Arrows};
use crate::workspace::Package;

/// The arrows at all levels.
#[derive(Debug)]
pub struct Findings {
    /// All files that were read.
    pub files: BTreeSet<String>,
    /// The crates.
    pub packages: Vec<Package>,
    /// Between files.
    pub imports: Arrows,
    /// Between the rooms of each folder.
    pub folders: BTreeMap<String, Arrows>,
    /// Between crates.
    pub crates: Arrows,
}

impl Findings {
    /// One line for a workspace without circles.
    pub fn summary(&self) -> String {
        let arrows = self.imports.values().flat_map(BTreeMap::values);
        let imports: usize = arrows.map(|arrow| arrow.names.len()).sum();
        format!("{} files, {imports} imports, no circles\n", self.files.len())
    }

    /// All circles, each with its arrows, and a help line. Nothing if there are none.
    pub fn circles(&self) -> Option<String> {
        let mut text = String::new();
        write_circles(&mut text, "circle of files", &self.imports);
        for (folder, arrows) in &self.folders {
            write_circles(&mut text, &format!("circle in folder {folder}"), arrows);
        }
        write_circles(&mut text, "circle of crates", &self.crates);
        (!text.is_empty()).then(|| text + "help: move what ties them together to a file of its own\n")
    }

    /// One line per crate: the rooms in its `src`, the arrows between them, and the longest chain of arrows.
    pub fn levels(&self) -> String {
        let nothing = Arrows::new();
        let mut text = String::new();
        for package in &self.packages {
            let (name, source) = (&package.name, &format!("{}/src", package.folder));
            let rooms: BTreeSet<&str> = self.files.iter().filter_map(|file| room_in(file, source)).collect();
            let rooms = rooms.into_iter().filter(|room| *room != "bin").count();
            let arrows = self.folders.get(source).unwrap_or(&nothing);
            let count: usize = arrows.values().map(BTreeMap::len).sum();
            let levels = graph::levels(arrows);
            let circles = graph::circles(arrows).len();
            let note = if circles > 0 { " (a circle counts as one level)" } else { "" };
            let _ = writeln!(
                text,
                "{name}: rooms {rooms}, arrows {count}, levels {levels}, circles {circles}{note}"
            );
        }
        text
    }
}

fn write_circles(text: &mut String, title: &str, arrows: &Arrows) {
    for circle in graph::circles(arrows) {
        let members = circle.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "{title}: {members}");
        for from in &circle {
            for (to, arrow) in arrows[from].iter().filter(|(to, _)| circle.contains(*to)) {
                let ends = if *to == arrow.to { String::new() } else { format!("{from} -> {to}: ") };
                let _ = writeln!(text, "  {ends}{}", describe(arrow));
            }
        }
    }
}

fn describe(arrow: &Arrow) -> String {
    let names = arrow.names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    format!("{}:{} imports {names} from {}", arrow.from, arrow.line, arrow.to)
}
