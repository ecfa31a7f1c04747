//! The word that was meant.

/// The known word that a mistyped one most likely was: at most a third of its letters differ.
pub fn nearest(word: &str, known: &[&str]) -> Option<String> {
    let word = word.to_ascii_lowercase();
    known
        .iter()
        .map(|known| (strsim::osa_distance(&word, known), known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .min()
        .map(|(_, known)| (*known).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant() {
        let known = ["workdir", "mount", "portmap", "use_gpu"];
        let table = [
            ("wrokdir", Some("workdir")),
            ("work_dir", Some("workdir")),
            ("Workdir", Some("workdir")),
            ("mounts", Some("mount")),
            ("usegpu", Some("use_gpu")),
            ("entrypoint", None),
        ];
        for (word, expected) in table {
            assert_eq!(nearest(word, &known).as_deref(), expected, "{word}");
        }
    }
}
