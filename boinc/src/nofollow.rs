//! File access that follows no link, by directory descriptor and single name.
//!
//! What a job leaves in its work directory is hostile: a link in the place of a directory, a path longer than the kernel
//! accepts (4,096 bytes), a directory without permissions, a pipe under the name of an output. Everything here works on an
//! open [`Directory`] and one name in it, so that nothing leads out of the directory and no path is ever too long. Nothing is
//! opened for writing that was not created by the same call (`O_EXCL`).

mod directory;
mod remove;
mod walk;

pub use crate::platform::{Directory, Entry, Identity};
pub use directory::Parent;
pub use remove::{remove_tree, remove_tree_in};
pub use walk::{Flow, Visitor, Walked, walk, walk_paths};
