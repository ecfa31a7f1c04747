//! Free space of file systems.

use std::path::Path;

/// How full a file system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that an ordinary user can still write.
    pub free_bytes: u64,
    /// Files that can still be made; 0 where the file system has no such number.
    pub free_files: u64,
    /// Its size in bytes.
    pub total_bytes: u64,
}

/// The file system that holds `path`; `None` where it cannot be asked.
pub fn free_space(path: &Path) -> Option<Space> {
    let stat = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Some(Space {
        free_bytes: bytes(stat.f_bavail),
        free_files: stat.f_favail,
        total_bytes: bytes(stat.f_blocks),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_of_a_directory_has_a_size() {
        let directory = tempfile::tempdir().unwrap();
        let space = free_space(directory.path()).unwrap();
        assert!(space.total_bytes > 0 && space.free_bytes <= space.total_bytes, "{space:?}");
        assert_eq!(free_space(&directory.path().join("absent")), None);
    }
}
