//! The known name that a misspelt one is likely meant to be.

/// The candidate with the fewest edits, if those are few enough for a slip of the finger: a third of the letters.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, candidate)| *edits <= 1 + candidate.chars().count().min(name.chars().count()) / 3)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut edits = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                edits = edits.min(before[j - 2] + 1);
            }
            row.push(edits);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_word() {
        let keys = ["dockerfile", "files", "build_args", "workdir"];
        assert_eq!(nearest("dockerfiel", keys), Some("dockerfile"));
        assert_eq!(nearest("Work_dir", keys), Some("workdir"));
        assert_eq!(nearest("file", keys), Some("files"));
    }

    #[test]
    fn another_word_finds_none() {
        assert_eq!(nearest("temperature", ["dockerfile", "files"]), None);
        assert_eq!(nearest("x", ["dockerfile", "files"]), None);
    }
}
