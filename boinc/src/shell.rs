//! Commands as one would type them in a POSIX shell, for messages.

/// A text as one word.
pub fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:=,@%+".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// A command line of these words.
pub fn join(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    words.into_iter().map(|text| word(text.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_cut_or_change_them() {
        let words = ["docker", "--cpus=1,2", "", "a b", "it's", "$HOME", "Größe"];
        assert_eq!(join(words), r"docker --cpus=1,2 '' 'a b' 'it'\''s' '$HOME' Größe");
    }
}
