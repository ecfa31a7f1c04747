//! Reads a tar stream entry by entry.

use std::io::{self, Read};

use super::{BLOCK, Entry, Header, Kind, MAX_NAME, MAX_PAX, TarError, is_end, parse_records, shown};

/// A tar stream. Reading from it gives the body of the entry that [`Reader::next_entry`] returned last.
///
/// Memory is bounded by [`MAX_NAME`] and [`MAX_PAX`]. Names are given as they are written.
pub struct Reader<R> {
    stream: R,
    /// Bytes of the current body that are not read yet.
    body: u64,
    /// Bytes after it up to the next header.
    padding: u64,
    ended: bool,
}

/// What extension headers say about the entry after them.
#[derive(Default)]
struct Extensions {
    pax: bool,
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    mtime: Option<i64>,
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<R: Read> Reader<R> {
    /// Nothing is read yet.
    pub fn new(stream: R) -> Self {
        Self { stream, body: 0, padding: 0, ended: false }
    }

    /// The next entry; `None` after the blocks that end an archive. What is left of the body before it is skipped.
    ///
    /// # Errors
    /// When the stream cannot be read, ends early, or is not tar; the reader is of no use then.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, TarError> {
        if self.ended {
            return Ok(None);
        }
        let mut extensions = Extensions::default();
        let mut extended = false;
        loop {
            self.skip_body()?;
            let block = self.read_block()?;
            if is_end(&block) {
                if extended {
                    refuse!("an extended header without an entry after it");
                }
                if !is_end(&self.read_block()?) {
                    refuse!("an entry after a block of zeros");
                }
                self.ended = true;
                return Ok(None);
            }
            let header = Header::parse(&block)?;
            self.start_body(header.size)?;
            match header.type_flag {
                b'x' if !extensions.pax => {
                    extensions.pax = true;
                    let records = self.read_extension(MAX_PAX)?;
                    extensions.take(&records)?;
                }
                b'L' if extensions.path.is_none() => extensions.path = Some(self.read_long_name()?),
                b'K' if extensions.link.is_none() => extensions.link = Some(self.read_long_name()?),
                b'x' | b'L' | b'K' => {
                    refuse!("two extended headers for one entry");
                }
                _ => return self.entry(header, extensions).map(Some),
            }
            extended = true;
        }
    }

    fn entry(&mut self, header: Header, extensions: Extensions) -> Result<Entry, TarError> {
        let kind = header.kind().ok_or_else(|| {
            let kind = char::from(header.type_flag).escape_default();
            format!("{} is of a type that is not supported ('{kind}')", shown(&header.name))
        })?;
        let mut entry = Entry {
            path: extensions.path.unwrap_or(header.name),
            kind,
            mode: header.mode,
            uid: extensions.uid.unwrap_or(header.uid),
            gid: extensions.gid.unwrap_or(header.gid),
            size: extensions.size.unwrap_or(header.size),
            mtime: extensions.mtime.unwrap_or(header.mtime),
            link: if matches!(kind, Kind::Symlink | Kind::HardLink) {
                extensions.link.unwrap_or(header.link)
            } else {
                Vec::new()
            },
            xattrs: extensions.xattrs,
        };
        if kind == Kind::Directory {
            while entry.path.len() > 1 && entry.path.ends_with(b"/") {
                entry.path.pop();
            }
        }
        // Once this made a directory of a file, and readers disagree.
        if kind != Kind::Directory && entry.path.ends_with(b"/") {
            refuse!("{} is not a directory but named as one", shown(&entry.path));
        }
        if entry.path.is_empty() {
            refuse!("an entry without a name");
        }
        // Readers disagree on whether such a body is there.
        if kind != Kind::File && entry.size != 0 {
            refuse!("{} has a body but is not a file", shown(&entry.path));
        }
        self.start_body(entry.size)?;
        Ok(entry)
    }

    fn start_body(&mut self, size: u64) -> Result<(), TarError> {
        let padded = size.checked_next_multiple_of(BLOCK as u64).filter(|&size| size <= i64::MAX as u64);
        self.body = size;
        self.padding = padded.ok_or_else(|| "a size is out of range".to_owned())? - size;
        Ok(())
    }

    fn skip_body(&mut self) -> Result<(), TarError> {
        let left = self.body + self.padding;
        let skipped =
            io::copy(&mut self.stream.by_ref().take(left), &mut io::sink()).map_err(TarError::Read)?;
        self.body = 0;
        self.padding = 0;
        if skipped < left { Err(TarError::Truncated("an entry")) } else { Ok(()) }
    }

    fn read_block(&mut self) -> Result<[u8; BLOCK], TarError> {
        let mut block = [0; BLOCK];
        match self.stream.read_exact(&mut block) {
            Ok(()) => Ok(block),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(TarError::Truncated("the archive"))
            }
            Err(error) => Err(TarError::Read(error)),
        }
    }

    fn read_extension(&mut self, limit: usize) -> Result<Vec<u8>, TarError> {
        if self.body > limit as u64 {
            refuse!("an extended header has {} bytes, {limit} are the limit", self.body);
        }
        let mut text = Vec::new();
        self.read_to_end(&mut text).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => TarError::Truncated("an extended header"),
            _ => TarError::Read(error),
        })?;
        Ok(text)
    }

    fn read_long_name(&mut self) -> Result<Vec<u8>, TarError> {
        let mut name = self.read_extension(MAX_NAME)?;
        name.truncate(name.iter().position(|&byte| byte == 0).unwrap_or(name.len()));
        Ok(name)
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.body).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.stream.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.body -= count as u64;
        Ok(count)
    }
}

impl Extensions {
    fn take(&mut self, text: &[u8]) -> Result<(), TarError> {
        for (key, value) in parse_records(text)? {
            match key {
                b"path" => set_name(&mut self.path, value)?,
                b"linkpath" => set_name(&mut self.link, value)?,
                b"size" => self.size = Some(parse_number(key, value)?),
                b"uid" => self.uid = Some(parse_number(key, value)?),
                b"gid" => self.gid = Some(parse_number(key, value)?),
                b"mtime" => self.mtime = Some(parse_seconds(value)?),
                _ if key.starts_with(b"GNU.sparse.") => {
                    refuse!("sparse files are not supported");
                }
                _ => {
                    if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                        self.xattrs.push((name.to_vec(), value.to_vec()));
                    }
                }
            }
        }
        Ok(())
    }
}

fn set_name(name: &mut Option<Vec<u8>>, value: &[u8]) -> Result<(), TarError> {
    if name.is_some() {
        refuse!("two extended headers for one entry");
    }
    if value.is_empty() || value.len() > MAX_NAME || value.contains(&0) {
        refuse!("a name in an extended header is empty, too long, or has a NUL in it");
    }
    *name = Some(value.to_vec());
    Ok(())
}

fn parse_number(key: &[u8], value: &[u8]) -> Result<u64, TarError> {
    let digits = value.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(value).ok().filter(|_| digits).and_then(|text| text.parse().ok());
    Ok(number
        .ok_or_else(|| format!("{} in an extended header is not a number: {}", shown(key), shown(value)))?)
}

/// Seconds with an optional fraction, rounded down.
fn parse_seconds(value: &[u8]) -> Result<i64, TarError> {
    let bad = || TarError::Invalid(format!("a time in an extended header cannot be read: {}", shown(value)));
    let text = std::str::from_utf8(value).map_err(|_| bad())?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    let seconds: i64 = whole.parse().map_err(|_| bad())?;
    let below = whole.starts_with('-') && fraction.bytes().any(|byte| byte != b'0');
    if below { seconds.checked_sub(1).ok_or_else(bad) } else { Ok(seconds) }
}
