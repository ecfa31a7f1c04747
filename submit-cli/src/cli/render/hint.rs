//! Commands that lead further, as they would have to be typed here.

use std::path::Path;

use boinc::shell::word;

/// Directory of results that verbs take when none is named.
const DEFAULT: &str = "results";

/// How to see the log of a job of the campaign in this directory.
pub fn logs(dir: &Path, job: &str) -> String {
    let job = word(job);
    match dir == Path::new(DEFAULT) {
        true => format!("buoy logs {job}"),
        false => format!("buoy logs {job} --out {}", word(&dir.to_string_lossy())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_named_where_it_must_be() {
        assert_eq!(logs(Path::new("results"), "a"), "buoy logs a");
        assert_eq!(logs(Path::new("/data/out"), "a"), "buoy logs a --out /data/out");
        assert_eq!(logs(Path::new("it's here"), "a"), r"buoy logs a --out 'it'\''s here'");
    }
}
