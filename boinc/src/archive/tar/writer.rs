//! Writes a tar stream.

use std::io::{self, Read, Write};

use super::pax::push_record;
use super::{BLOCK, Entry, Header, Kind, MAX_NAME, MAX_PAX};

/// A tar stream being written: ustar, with PAX records where ustar has no room. The same entries give the same bytes.
pub struct Writer<W> {
    out: W,
    buffer: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Nothing is written yet.
    pub fn new(out: W) -> Self {
        Self { out, buffer: Vec::new() }
    }

    /// Writes an entry and exactly [`Entry::size`] bytes of its body.
    ///
    /// # Errors
    /// When the stream cannot be written, the body cannot be read or is shorter than declared
    /// ([`io::ErrorKind::UnexpectedEof`]), or the entry cannot be expressed ([`io::ErrorKind::InvalidInput`]: devices, names
    /// with a NUL, sizes over the limits, a body of something that is not a file). The stream is of no use then.
    pub fn append(&mut self, entry: &Entry, body: &mut dyn Read) -> io::Result<()> {
        self.header(entry)?;
        const PIECE: usize = 256 << 10;
        let mut left = entry.size;
        self.buffer.resize(PIECE.min(usize::try_from(left).unwrap_or(PIECE)), 0);
        while left > 0 {
            let most = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = match body.read(&mut self.buffer[..most]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.out.write_all(&self.buffer[..count])?;
            left -= count as u64;
        }
        self.pad(entry.size)
    }

    /// Ends the archive and gives the stream back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn header(&mut self, entry: &Entry) -> io::Result<()> {
        let (flag, links) = match entry.kind {
            Kind::File => (b'0', false),
            Kind::HardLink => (b'1', true),
            Kind::Symlink => (b'2', true),
            Kind::Directory => (b'5', false),
            Kind::CharDevice | Kind::BlockDevice | Kind::Fifo => {
                return Err(invalid("devices and pipes are not written into tar streams"));
            }
        };
        if entry.kind != Kind::File && entry.size != 0 {
            return Err(invalid("only a file has a body"));
        }
        if links == entry.link.is_empty() {
            return Err(invalid("a link needs a target, and only a link has one"));
        }
        let mut path = entry.path.clone();
        if entry.kind == Kind::Directory && !path.ends_with(b"/") {
            path.push(b'/');
        } else if entry.kind != Kind::Directory && path.ends_with(b"/") {
            return Err(invalid("only a directory's name ends in a slash"));
        }
        let mut records = Vec::new();
        let mut fields = Header { type_flag: flag, mode: entry.mode & 0o7777, ..Header::default() };
        fields.name = name_field(&mut records, b"path", &path)?;
        if links {
            fields.link = name_field(&mut records, b"linkpath", &entry.link)?;
        }
        const SEVEN_DIGITS: u64 = 0o7_777_777;
        const ELEVEN_DIGITS: i64 = 0o77_777_777_777;
        fields.size = number_field(&mut records, b"size", entry.size, ELEVEN_DIGITS.cast_unsigned());
        fields.uid = number_field(&mut records, b"uid", entry.uid, SEVEN_DIGITS);
        fields.gid = number_field(&mut records, b"gid", entry.gid, SEVEN_DIGITS);
        fields.mtime = number_field(&mut records, b"mtime", entry.mtime, ELEVEN_DIGITS);
        for (name, value) in &entry.xattrs {
            if name.is_empty() || name.contains(&b'=') || name.contains(&0) {
                return Err(invalid("the name of an extended attribute is empty or has = or a NUL in it"));
            }
            push_record(&mut records, &[b"SCHILY.xattr.", &name[..]].concat(), value);
        }
        if records.len() > MAX_PAX {
            return Err(invalid("extended attributes over 1 MiB"));
        }
        if !records.is_empty() {
            let size = records.len() as u64;
            let name = b"PaxHeaders/x".to_vec();
            let extended = Header { type_flag: b'x', mode: 0o644, size, name, ..Header::default() };
            self.out.write_all(&extended.block())?;
            self.out.write_all(&records)?;
            self.pad(size)?;
        }
        self.out.write_all(&fields.block())
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let over = (size % BLOCK as u64) as usize;
        if over > 0 { self.out.write_all(&[0; BLOCK][over..]) } else { Ok(()) }
    }
}

/// The field for a name; one that does not fit, or is not ASCII, is written as a record.
fn name_field(records: &mut Vec<u8>, key: &[u8], name: &[u8]) -> io::Result<Vec<u8>> {
    const ROOM: usize = 100;
    if name.is_empty() || name.len() > MAX_NAME || name.contains(&0) {
        return Err(invalid("a name is empty, over 64 KiB, or has a NUL in it"));
    }
    if name.len() <= ROOM && name.is_ascii() {
        return Ok(name.to_vec());
    }
    push_record(records, key, name);
    // For readers without PAX; a slash at its end would make a directory of a file.
    let short: Vec<u8> =
        name.iter().map(|&byte| if byte.is_ascii() { byte } else { b'_' }).take(ROOM - 1).collect();
    Ok(short.strip_suffix(b"/").unwrap_or(&short).to_vec())
}

/// The field for a number; one that does not fit is written as a record.
fn number_field<N: Default + PartialOrd + ToString>(
    records: &mut Vec<u8>,
    key: &[u8],
    number: N,
    largest: N,
) -> N {
    if (N::default()..=largest).contains(&number) {
        return number;
    }
    push_record(records, key, number.to_string().as_bytes());
    N::default()
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
