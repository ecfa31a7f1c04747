use std::io::Read;
use std::process::Command;

use proptest::prelude::*;

use super::*;

fn file(path: &str, body: &[u8]) -> Entry {
    Entry { size: body.len() as u64, ..Entry::new(path, Kind::File, 0o644) }
}

fn write(entries: &[(Entry, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (entry, body) in entries {
        writer.append(entry, &mut &body[..]).unwrap();
    }
    writer.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, TarError> {
    let mut reader = Reader::new(bytes);
    let mut all = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let mut body = Vec::new();
        reader.read_to_end(&mut body).map_err(TarError::Read)?;
        all.push((entry, body));
    }
    Ok(all)
}

fn error(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

/// A header whose checksum is right.
fn header(name: &[u8], flag: u8, size: &[u8], change: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    block[..name.len()].copy_from_slice(name);
    block[100..107].copy_from_slice(b"0000644");
    block[124..124 + size.len()].copy_from_slice(size);
    block[156] = flag;
    block[257..265].copy_from_slice(b"ustar\x0000");
    change(&mut block);
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut all = bytes.to_vec();
    all.resize(bytes.len().next_multiple_of(BLOCK), 0);
    all
}

fn archive(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), vec![0; 2 * BLOCK]].concat()
}

#[test]
fn everything_that_is_written_is_read_again() {
    let long = "d/".repeat(200) + "name";
    let entries = vec![
        (Entry { mode: 0o1777, ..Entry::new("tmp", Kind::Directory, 0) }, vec![]),
        (Entry { uid: 3_000_000, gid: 1 << 40, mtime: -5, mode: 0o4755, ..file("ä ö", b"x") }, b"x".to_vec()),
        (file(&long, &[7; 513]), vec![7; 513]),
        (Entry { link: long.clone().into_bytes(), ..Entry::new("l", Kind::HardLink, 0o644) }, vec![]),
        (Entry { link: b"../\xff".to_vec(), ..Entry::new(b"\xfe".to_vec(), Kind::Symlink, 0o777) }, vec![]),
        (
            Entry {
                xattrs: vec![(b"security.capability".to_vec(), b"\0\n=\xff".to_vec())],
                ..file("cap", b"")
            },
            vec![],
        ),
        (Entry::new("d/".repeat(100), Kind::Directory, 0o755), vec![]),
    ];
    let mut expected = entries.clone();
    expected[6].0.path.pop();
    assert_eq!(read(&write(&entries)).unwrap(), expected);
}

#[test]
fn what_cannot_be_expressed_is_not_written() {
    let mut cases = vec![
        Entry::new("", Kind::File, 0),
        Entry::new("a\0b", Kind::File, 0),
        Entry::new("a/", Kind::File, 0),
        Entry::new(vec![b'a'; MAX_NAME + 1], Kind::File, 0),
        Entry::new("pipe", Kind::Fifo, 0),
        Entry::new("link", Kind::Symlink, 0),
        Entry { link: b"x".to_vec(), ..Entry::new("file", Kind::File, 0) },
        Entry { size: 1, ..Entry::new("directory", Kind::Directory, 0) },
        Entry { xattrs: vec![(b"a=b".to_vec(), vec![])], ..Entry::new("file", Kind::File, 0) },
    ];
    cases
        .push(Entry { xattrs: vec![(b"a".to_vec(), vec![0; MAX_PAX])], ..Entry::new("file", Kind::File, 0) });
    for entry in cases {
        let error = Writer::new(Vec::new()).append(&entry, &mut io::empty()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{:?}", shown(&entry.path));
    }
    let error = Writer::new(Vec::new()).append(&file("short", b"12"), &mut &b"1"[..]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

/// The three formats of Python's tarfile: long names, large numbers, PAX.
#[cfg(unix)]
#[test]
fn what_other_tools_write_is_understood() {
    const SCRIPT: &str = r#"
import io, sys, tarfile
form = {"gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}[sys.argv[1]]
out = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=form)
def add(name, kind, **fields):
    info = tarfile.TarInfo(name); info.type = kind
    for key, value in fields.items(): setattr(info, key, value)
    out.addfile(info, io.BytesIO(b"y" * info.size))
add("n/" * 90 + "x", tarfile.REGTYPE, size=700, uid=1 << 33, gid=5, mode=0o4711, mtime=12)
add("link", tarfile.SYMTYPE, linkname="t/" * 80 + "t")
add("hard", tarfile.LNKTYPE, linkname="n/" * 90 + "x")
add("dir", tarfile.DIRTYPE, mode=0o1777)
add("null", tarfile.CHRTYPE, devmajor=1, devminor=3)
add("fifo", tarfile.FIFOTYPE)
out.close()
"#;
    for form in ["gnu", "pax"] {
        let made = Command::new("python3").args(["-c", SCRIPT, form]).output().unwrap();
        let all = read(&made.stdout).unwrap();
        let kinds: Vec<Kind> = all.iter().map(|(entry, _)| entry.kind).collect();
        let expected =
            [Kind::File, Kind::Symlink, Kind::HardLink, Kind::Directory, Kind::CharDevice, Kind::Fifo];
        assert_eq!(kinds, expected, "{form}");
        let (first, body) = &all[0];
        assert_eq!(first.path, ("n/".repeat(90) + "x").into_bytes());
        assert_eq!((first.uid, first.gid, first.mode, first.mtime), (1 << 33, 5, 0o4711, 12));
        assert_eq!(body, &vec![b'y'; 700]);
        assert_eq!(all[1].0.link, ("t/".repeat(80) + "t").into_bytes());
        assert_eq!(all[2].0.link, first.path);
        assert_eq!((all[3].0.path.as_slice(), all[3].0.mode), (&b"dir"[..], 0o1777));
    }
}

#[test]
fn a_stream_that_is_not_right_is_an_error() {
    let plain = write(&[(file("a", b"hello"), b"hello".to_vec())]);
    for end in [0, 100, 512, 515, 1_024, 1_536] {
        assert!(read(&plain[..end]).is_err(), "{end}");
    }
    let mut flipped = plain.clone();
    flipped[3] ^= 1;
    assert!(error(&flipped).contains("checksum"));
    assert!(error(&[b'x'; 2_048]).contains("mark of tar"));
    let one_block = [&plain[..1_536], &plain[..1_536]].concat();
    assert!(error(&one_block).contains("block of zeros"), "{}", error(&one_block));

    let table: Vec<(&str, Vec<Vec<u8>>)> = vec![
        (
            "size is out of range",
            vec![header(b"a", b'0', &[0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0], |_| ())],
        ),
        ("size of \"a\" is out of range", vec![header(b"a", b'0', &[0xff; 12], |_| ())]),
        ("size of \"a\" is not a number", vec![header(b"a", b'0', b"0000000009\0", |_| ())]),
        ("size of \"a\" is not a number", vec![header(b"a", b'0', b"0 1", |_| ())]),
        ("without a name", vec![header(b"", b'0', b"0", |_| ())]),
        ("is not supported", vec![header(b"sparse", b'S', b"0", |_| ())]),
        ("is not supported", vec![header(b"global", b'g', b"0", |_| ())]),
        ("named as one", vec![header(b"directory/", b'0', b"0", |_| ())]),
        ("has a body", vec![header(b"directory", b'5', b"7", |_| ()), padded(b"x")]),
        ("without an entry", vec![header(b"x", b'x', b"0", |_| ())]),
        ("two extended", vec![header(b"x", b'x', b"0", |_| ()), header(b"x", b'x', b"0", |_| ())]),
        (
            "two extended",
            vec![
                header(b"l", b'L', b"2", |_| ()),
                padded(b"b\0"),
                header(b"x", b'x', b"12", |_| ()),
                padded(b"10 path=c\n"),
            ],
        ),
        ("limit", vec![header(b"x", b'x', b"40000001", |_| ())]),
        ("limit", vec![header(b"l", b'L', b"0400001", |_| ())]),
        ("has a NUL", vec![header(b"x", b'x', b"14", |_| ()), padded(b"12 path=a\0b\n")]),
        ("twice", vec![header(b"x", b'x', b"24", |_| ()), padded(b"10 path=c\n10 path=d\n")]),
        ("record", vec![header(b"x", b'x', b"12", |_| ()), padded(b"11 path=c\n")]),
        ("record", vec![header(b"x", b'x', b"12", |_| ()), padded(b"99999999=c\n")]),
        ("sparse", vec![header(b"x", b'x', b"27", |_| ()), padded(b"23 GNU.sparse.major=10\n")]),
        ("not a number", vec![header(b"x", b'x', b"13", |_| ()), padded(b"11 size=+1\n")]),
    ];
    for (expected, parts) in table {
        let said = error(&archive(&parts));
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn the_first_part_of_a_name_counts_in_the_posix_form_only() {
    let prefixed = |magic: &'static [u8]| {
        archive(&[header(b"name", b'0', b"0", |block| {
            block[257..265].copy_from_slice(magic);
            block[345..348].copy_from_slice(b"dir");
        })])
    };
    assert_eq!(read(&prefixed(b"ustar\x0000")).unwrap()[0].0.path, b"dir/name");
    assert_eq!(read(&prefixed(b"ustar  \0")).unwrap()[0].0.path, b"name");
}

fn arbitrary_entry() -> impl Strategy<Value = (Entry, Vec<u8>)> {
    // The other reader takes a new line in a value for the end of a record.
    let byte = || any::<u8>().prop_map(|byte| if matches!(byte, 0 | b'\n') { b'n' } else { byte });
    let name =
        move || prop::collection::vec(byte(), 1..300).prop_filter("a file", |name| !name.ends_with(b"/"));
    let xattrs = prop::collection::btree_map("[a-z.]{1,9}", prop::collection::vec(byte(), 0..30), 0..3);
    let kind = prop::sample::select(vec![Kind::File, Kind::Directory, Kind::Symlink, Kind::HardLink]);
    let numbers = (0_u32..0o10000, any::<u64>(), any::<u64>(), any::<i64>());
    let body = prop::collection::vec(any::<u8>(), 0..1_500);
    (name(), kind, numbers, name(), xattrs, body).prop_map(|(path, kind, numbers, link, xattrs, body)| {
        let body = if kind == Kind::File { body } else { Vec::new() };
        let entry = Entry {
            path,
            kind,
            mode: numbers.0,
            uid: numbers.1,
            gid: numbers.2,
            mtime: numbers.3,
            size: body.len() as u64,
            link: if matches!(kind, Kind::Symlink | Kind::HardLink) { link } else { Vec::new() },
            xattrs: xattrs.into_iter().map(|(key, value)| (key.into_bytes(), value)).collect(),
        };
        (entry, body)
    })
}

proptest! {
    #[test]
    fn an_independent_reader_finds_what_was_written(entries in prop::collection::vec(arbitrary_entry(), 0..6)) {
        let bytes = write(&entries);
        prop_assert_eq!(&read(&bytes).unwrap(), &entries);
        let mut other = ::tar::Archive::new(&bytes[..]);
        let mut count = 0;
        for (found, (entry, body)) in other.entries().unwrap().zip(&entries) {
            let mut found = found.unwrap();
            let mut path = entry.path.clone();
            if entry.kind == Kind::Directory {
                path.push(b'/');
            }
            prop_assert_eq!(found.path_bytes().to_vec(), path);
            prop_assert_eq!(found.link_name_bytes().unwrap_or_default().to_vec(), entry.link.clone());
            prop_assert_eq!(found.header().mode().unwrap(), entry.mode);
            prop_assert_eq!(found.header().entry_type().is_dir(), entry.kind == Kind::Directory);
            if entry.uid <= 0o7_777_777 {
                prop_assert_eq!(found.header().uid().unwrap(), entry.uid);
            }
            let mut text = Vec::new();
            found.read_to_end(&mut text).unwrap();
            prop_assert_eq!(&text, body);
            count += 1;
        }
        prop_assert_eq!(count, entries.len());
    }

    #[test]
    fn no_change_of_a_stream_makes_the_reader_panic(
        entries in prop::collection::vec(arbitrary_entry(), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = write(&entries);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = read(&bytes);
        let end = end.index(bytes.len());
        let _ = read(&bytes[..end]);
    }
}
