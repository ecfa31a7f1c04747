//! Known words for a message: the one that was meant, and the ones that are accepted.

use std::borrow::Cow;

/// Number of words that a list in a message shows.
const SHOWN_WORDS: usize = 12;

/// Number of characters that a list in a message shows of a word.
const SHOWN_CHARS: usize = 80;

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

/// Words for a message, separated by commas: the first twelve, and the number of the others.
pub fn listed(words: &[impl AsRef<str>]) -> String {
    if words.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<_> =
        words.iter().take(SHOWN_WORDS).map(|word| shortened_to(word.as_ref(), SHOWN_CHARS)).collect();
    match words.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// As [`listed`]; of many words, those that are spelled most like `word` come first.
pub fn listed_near(word: &str, known: &[&str]) -> String {
    if known.len() <= SHOWN_WORDS {
        return listed(known);
    }
    let word = word.to_ascii_lowercase();
    let mut known = known.to_vec();
    known.sort_by_cached_key(|known| strsim::osa_distance(&word, known));
    listed(&known)
}

/// The first `chars` characters of a text, with a mark if there are more.
pub fn shortened_to(text: &str, chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
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

    #[test]
    fn long_lists_are_cut_and_start_with_what_is_spelled_alike() {
        assert_eq!(listed(&[] as &[&str]), "none");
        assert_eq!(listed_near("b", &["c", "b"]), "c, b");
        let many: Vec<String> = (0..100_000).map(|n| format!("o{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(listed(&many), "o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11 and 99988 more");
        assert!(listed_near("o99998x", &many).starts_with("o99998, "), "{}", listed_near("o99998x", &many));
        assert_eq!(listed(&["ä".repeat(1_000_000)]).chars().count(), SHOWN_CHARS + 1);
    }
}
