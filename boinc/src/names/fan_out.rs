//! How a server spreads files over the subdirectories of its upload and download directories.

use md5::{Digest as _, Md5};

/// Number of subdirectories of each (`<uldl_dir_fanout>`, the default).
pub const FAN_OUT: u32 = 1024;

/// The subdirectory of a file in the upload and download directories: the number in characters 1 to 7 of the name's
/// md5, modulo the fan-out, in hex (`sched/sched_util_basic.cpp`, `filename_hash`).
pub fn fan_out(name: &str, directories: u32) -> String {
    let digest = Md5::digest(name);
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) & 0x0fff_ffff;
    format!("{:x}", number % directories.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_fan_out_as_on_a_real_server() {
        // Paths that a stock server made.
        for (name, directory) in [
            ("q3_0_0_r36072808_0", "21c"),
            ("q3_0_0_r36072808_1", "1f4"),
            ("q3_0_1_r10062336_0", "318"),
            ("q3_0_1_r10062336_1", "270"),
        ] {
            assert_eq!(fan_out(name, 1024), directory, "{name}");
        }
    }
}
