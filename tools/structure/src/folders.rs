//! The arrows between the rooms of each folder. A room is what a folder holds directly: `x.rs` and `x/` are one.

use std::collections::BTreeMap;

use crate::graph::Arrows;

/// The arrows of each folder with arrows between its rooms. Each carries one of the imports that it stands for.
pub fn graphs(imports: &Arrows) -> BTreeMap<String, Arrows> {
    let mut folders = BTreeMap::<String, Arrows>::new();
    for arrow in imports.values().flat_map(BTreeMap::values) {
        let (from, to) = (rooms_on_the_way(&arrow.from), rooms_on_the_way(&arrow.to));
        let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let folder = from[..shared].join("/");
        // A parent is not a room next to its children, nor a program a room of the library.
        if let (Some(room), Some(other)) = (from.get(shared), to.get(shared))
            && from[..shared].contains(&"src")
            && !(*room == "bin" && folder.ends_with("src"))
        {
            let rooms = folders.entry(folder).or_default().entry((*room).to_owned()).or_default();
            rooms.entry((*other).to_owned()).or_insert_with(|| arrow.clone());
        }
    }
    folders
}

/// The room of `file` directly in `folder`, if it is in there and not the folder's own file.
pub fn room_in<'a>(file: &'a str, folder: &str) -> Option<&'a str> {
    let inside = file.strip_prefix(folder)?.strip_prefix('/')?;
    rooms_on_the_way(inside).first().copied()
}

/// `a/src/b/c.rs` is in the room `c` of the room `b`; `b/mod.rs` is `b` itself.
fn rooms_on_the_way(file: &str) -> Vec<&str> {
    let mut rooms: Vec<&str> = file.strip_suffix(".rs").unwrap_or(file).split('/').collect();
    rooms.pop_if(|last| matches!(*last, "lib" | "main" | "mod"));
    rooms
}
