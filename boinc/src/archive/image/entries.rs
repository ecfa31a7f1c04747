//! The archive's table of contents, found by seeking over headers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

use super::super::tar::{BLOCK, Header, Kind, TarError, is_end, parse_records, shown};
use super::{ADVICE, ArchiveError};

/// An image has 500 layers at most, with four entries each in the oldest form.
const MAX_ENTRIES: usize = 10_000;
/// Extended headers hold times and owners.
const MAX_EXTENDED: u64 = 64 << 10;

/// Where an entry's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) offset: u64,
    pub(super) size: u64,
}

enum Content {
    File(Span),
    Directory,
    Symlink(String),
}

/// Names and where their bodies are.
pub(super) struct Entries(BTreeMap<String, Content>);

impl Entries {
    pub(super) fn read(file: &mut File) -> Result<Self, ArchiveError> {
        let length = file.seek(SeekFrom::End(0)).map_err(ArchiveError::Read)?;
        let mut table = BTreeMap::new();
        let mut position = 0_u64;
        let mut extended = false;
        loop {
            let block = block_at(file, position)?;
            position += BLOCK as u64;
            if is_end(&block) {
                if extended {
                    refuse!("an extended header without an entry after it");
                }
                only_zeros(file, position, length)?;
                break;
            }
            if position == BLOCK as u64
                && let Some(tool) = compressed_by(&block)
            {
                refuse!("the file is compressed; decompress it with: {tool} -d FILE");
            }
            let header = Header::parse(&block).map_err(of_tar)?;
            let span = Span { offset: position, size: header.size };
            position = header
                .size
                .checked_next_multiple_of(BLOCK as u64)
                .and_then(|padded| position.checked_add(padded))
                .filter(|&end| end <= length)
                .ok_or_else(|| {
                    let name = shown(&header.name);
                    format!("it ends in the middle of {name}: the file is incomplete")
                })?;
            if header.type_flag == b'x' {
                if extended {
                    refuse!("two extended headers for one entry");
                }
                check_extended(file, span)?;
                extended = true;
                continue;
            }
            extended = false;
            let Some((name, content)) = allowed(&header, span)? else { continue };
            if table.len() >= MAX_ENTRIES {
                refuse!("it has over {MAX_ENTRIES} entries");
            }
            if table.insert(name.clone(), content).is_some() {
                refuse!("it has the entry {name:?} twice");
            }
        }
        let entries = Self(table);
        for (name, content) in &entries.0 {
            if let Content::Symlink(target) = content {
                entries.follow(name, target)?;
            }
        }
        Ok(entries)
    }

    /// Where the body of a file is; a symbolic link is followed once. `None` if the entry does not exist.
    pub(super) fn find(&self, name: &str) -> Result<Option<Span>, ArchiveError> {
        match self.0.get(name.strip_prefix("./").unwrap_or(name)) {
            None => Ok(None),
            Some(Content::File(span)) => Ok(Some(*span)),
            Some(Content::Symlink(target)) => self.follow(name, target).map(Some),
            Some(Content::Directory) => refuse!("{name:?} is a directory"),
        }
    }

    /// As [`Entries::find`]; it must be there.
    pub(super) fn get(&self, name: &str) -> Result<Span, ArchiveError> {
        let found = self.find(name)?;
        Ok(found.ok_or_else(|| format!("the file {} is missing", shown(name.as_bytes())))?)
    }

    /// The target's body. It is looked up in this table only, and must be a regular entry.
    fn follow(&self, name: &str, target: &str) -> Result<Span, ArchiveError> {
        let refused =
            || format!("the symbolic link {name:?} leads to {target:?}, which is not a file of the archive");
        let mut parts: Vec<&str> = name.split('/').collect();
        parts.pop();
        for part in target.split('/') {
            match part {
                ".." => drop(parts.pop().ok_or_else(refused)?),
                "." | "" => return Err(refused().into()),
                _ => parts.push(part),
            }
        }
        match self.0.get(&parts.join("/")) {
            Some(Content::File(span)) => Ok(*span),
            _ => Err(refused().into()),
        }
    }
}

/// What may be in an image archive; `None` for the directory that all of it is in.
fn allowed(header: &Header, span: Span) -> Result<Option<(String, Content)>, ArchiveError> {
    let shown = shown(&header.name);
    let refused = |why: &str| ArchiveError::Invalid(format!("the entry {shown} {why}"));
    let kind = header.kind();
    let content = match kind {
        Some(Kind::File) => Content::File(span),
        _ if span.size != 0 && kind.is_some() => return Err(refused("has a body but is not a file")),
        Some(Kind::Directory) => Content::Directory,
        Some(Kind::Symlink) => {
            let target =
                header.link.iter().all(|&byte| is_plain(byte)).then(|| String::from_utf8_lossy(&header.link));
            Content::Symlink(target.ok_or_else(|| refused("leads to an unusual name"))?.into_owned())
        }
        _ => {
            let kind = char::from(header.type_flag).escape_default();
            refuse!("the entry {shown} is neither a file nor a directory (type '{kind}'); {ADVICE}");
        }
    };
    let name = header.name.strip_prefix(b"./").unwrap_or(&header.name);
    let name = if kind == Some(Kind::Directory) { name.strip_suffix(b"/").unwrap_or(name) } else { name };
    if kind == Some(Kind::Directory) && matches!(name, b"" | b".") {
        return Ok(None);
    }
    let name = name.iter().all(|&byte| is_plain(byte)).then(|| String::from_utf8_lossy(name));
    let name = name.ok_or_else(|| refused("has a name with characters other than A-Z a-z 0-9 . _ - / :"))?;
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(refused("has a name that is not a plain relative path"));
    }
    Ok(Some((name.into_owned(), content)))
}

/// A colon too: some tools name the configuration `sha256:…`.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte)
}

/// Records that give an entry another name, size or form are refused: readers disagree on them, and no image needs them.
fn check_extended(file: &mut File, span: Span) -> Result<(), ArchiveError> {
    if span.size > MAX_EXTENDED {
        refuse!("an extended header is too large");
    }
    let text = read_span(file, span)?;
    for (key, _) in parse_records(&text).map_err(of_tar)? {
        let harmless =
            matches!(
                key,
                b"mtime" | b"atime" | b"ctime" | b"uid" | b"gid" | b"uname" | b"gname" | b"comment"
            ) || [&b"SCHILY."[..], b"LIBARCHIVE.", b"DOCKER."].iter().any(|vendor| key.starts_with(vendor));
        if !harmless {
            refuse!("an extended header changes the entry after it ({}); {ADVICE}", shown(key));
        }
    }
    Ok(())
}

pub(super) fn read_span(file: &mut File, span: Span) -> Result<Vec<u8>, ArchiveError> {
    file.seek(SeekFrom::Start(span.offset)).map_err(ArchiveError::Read)?;
    let mut bytes = Vec::new();
    file.by_ref().take(span.size).read_to_end(&mut bytes).map_err(ArchiveError::Read)?;
    if (bytes.len() as u64) < span.size {
        return Err(ArchiveError::Read(ErrorKind::UnexpectedEof.into()));
    }
    Ok(bytes)
}

fn block_at(file: &mut File, position: u64) -> Result<[u8; BLOCK], ArchiveError> {
    let mut block = [0; BLOCK];
    file.seek(SeekFrom::Start(position)).map_err(ArchiveError::Read)?;
    match file.read_exact(&mut block) {
        Ok(()) => Ok(block),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            refuse!("it has no end: the file is incomplete, or not an image archive; {ADVICE}")
        }
        Err(error) => Err(ArchiveError::Read(error)),
    }
}

/// After the first block of zeros: another one, and padding. A second archive there would be read by some and not by others.
fn only_zeros(file: &mut File, position: u64, length: u64) -> Result<(), ArchiveError> {
    /// Tools pad to a multiple of 10 KiB as a rule.
    const MAX_PADDING: u64 = 1 << 20;
    let rest = Span { offset: position, size: length - position };
    if rest.size < BLOCK as u64 {
        refuse!("it has no end: the file is incomplete");
    }
    if rest.size > MAX_PADDING || read_span(file, rest)?.iter().any(|&byte| byte != 0) {
        refuse!("there is something after the end of the archive");
    }
    Ok(())
}

/// The program that compressed these bytes, if they are compressed.
pub(super) fn compressed_by(start: &[u8]) -> Option<&'static str> {
    match start {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Some("xz"),
        _ => None,
    }
}

fn of_tar(error: TarError) -> ArchiveError {
    match error {
        TarError::Read(error) => ArchiveError::Read(error),
        TarError::Truncated(what) => ArchiveError::Invalid(format!("it ends in the middle of {what}")),
        TarError::Invalid(why) => ArchiveError::Invalid(format!("{why}; {ADVICE}")),
    }
}

impl From<ArchiveError> for io::Error {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Read(error) | ArchiveError::Write(error) => error,
            error => io::Error::other(error),
        }
    }
}
