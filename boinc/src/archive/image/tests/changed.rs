//! Archives with changes at random: what is written is what was understood.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::drafts::*;
use super::{check, open, written};

/// One hostile change.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, Index, u8),
    Swap(Index, Index),
    Duplicate(Index, Index),
    Remove(Index),
    Rename(Index, String),
    Insert(Index, Raw),
    Replace(&'static str, &'static str),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    let name = || {
        select(vec![
            "manifest.json",
            "index.json",
            "./manifest.json",
            "x/../index.json",
            "aa/layer.tar",
            "/x",
            "repositories",
            "lnk",
        ])
    };
    let hostile = vec![
        pax(&[("path", "manifest.json")]),
        pax(&[("mtime", "1.5"), ("uname", "x")]),
        gnu_long(b'L', "manifest.json"),
        special("lnk", b'2', "/tmp"),
        special("lnk", b'2', "aa/layer.tar"),
        special("hard", b'1', "manifest.json"),
        special("aa", b'5', ""),
        file("repositories", "{}"),
        file("manifest.json", r#"[{"Config":"x","RepoTags":["debian"],"Layers":[]}]"#),
        file("index.json", r#"{"manifests":[]}"#),
        file("lnk/file", "x"),
    ];
    let texts = vec![
        ("\"Config\"", "\"config\""),
        ("\"RepoTags\"", "\"repoTags\""),
        ("\"Layers\"", "\"Layers\":[],\"Layers\""),
        ("\"Cmd\"", "\"cmd\""),
        ("\"Cmd\"", "\"Cmd\":[\"evil\"],\"Cmd\""),
        ("\"manifests\"", "\"Manifests\""),
        ("\"digest\"", "\"digest\":\"sha256:00\",\"digest\""),
        ("debian:bookworm-slim", "busybox:latest"),
        ("null", "[]"),
        ("sha256", "sha512"),
    ];
    prop_oneof![
        (index(), index(), any::<u8>()).prop_map(|(entry, at, value)| Change::Flip(entry, at, value)),
        (index(), index()).prop_map(|(one, other)| Change::Swap(one, other)),
        (index(), index()).prop_map(|(one, to)| Change::Duplicate(one, to)),
        index().prop_map(Change::Remove),
        (index(), name()).prop_map(|(entry, name)| Change::Rename(entry, name.into())),
        (index(), select(hostile)).prop_map(|(at, entry)| Change::Insert(at, entry)),
        select(texts).prop_map(|(from, to)| Change::Replace(from, to)),
    ]
}

fn apply(entries: &mut Vec<Raw>, change: &Change) {
    if entries.is_empty() {
        return;
    }
    let count = entries.len();
    match change {
        Change::Flip(entry, at, value) => {
            let entry = &mut entries[entry.index(count)];
            if !entry.body.is_empty() {
                let at = at.index(entry.body.len());
                entry.body[at] = *value;
            }
        }
        Change::Swap(one, other) => entries.swap(one.index(count), other.index(count)),
        Change::Duplicate(one, to) => entries.insert(to.index(count), entries[one.index(count)].clone()),
        Change::Remove(one) => drop(entries.remove(one.index(count))),
        Change::Rename(entry, name) => entries[entry.index(count)].name = name.clone().into(),
        Change::Insert(at, entry) => entries.insert(at.index(count), entry.clone()),
        Change::Replace(from, to) => {
            for entry in entries {
                if let Ok(text) = String::from_utf8(entry.body.clone()) {
                    entry.body = text.replace(from, to).into();
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_changed_archive_is_refused_or_written_as_what_was_understood(
        form in 0_usize..5,
        changes in prop::collection::vec(change(), 1..4),
        bytes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..3),
    ) {
        let mut entries = honest().swap_remove(form).1;
        changes.iter().for_each(|change| apply(&mut entries, change));
        let mut all = tarball(&entries);
        for (at, value) in bytes {
            let at = at.index(all.len());
            all[at] = value;
        }
        if let Ok(mut archive) = open(&all)
            && let Ok(out) = written(&mut archive)
        {
            check(&archive, &out);
        }
    }
}
