//! One header block.

use super::{Kind, TarError, shown};

/// Everything in a tar stream is a multiple of this.
pub(in crate::archive) const BLOCK: usize = 512;

/// Whether a block is one of those that end an archive.
pub(in crate::archive) fn is_end(block: &[u8; BLOCK]) -> bool {
    block.iter().all(|&byte| byte == 0)
}

/// The fields of a header block.
#[derive(Clone, Debug, Default)]
pub(in crate::archive) struct Header {
    pub(in crate::archive) type_flag: u8,
    pub(in crate::archive) name: Vec<u8>,
    pub(in crate::archive) link: Vec<u8>,
    pub(in crate::archive) mode: u32,
    pub(in crate::archive) uid: u64,
    pub(in crate::archive) gid: u64,
    pub(in crate::archive) size: u64,
    pub(in crate::archive) mtime: i64,
}

impl Header {
    pub(in crate::archive) fn parse(block: &[u8; BLOCK]) -> Result<Self, TarError> {
        let posix = &block[257..263] == b"ustar\0";
        if !posix && &block[257..265] != b"ustar  \0" {
            refuse!("a header without the mark of tar (ustar)");
        }
        let mut name = text(&block[0..100]).to_vec();
        let named = shown(&name);
        let number = |range: std::ops::Range<usize>, what: &str| {
            number(&block[range]).ok_or_else(|| format!("{what} of {named} is not a number"))
        };
        let declared = number(148..156, "the checksum")?;
        let summed = block[..148].iter().chain(&[b' '; 8]).chain(&block[156..]);
        let sum: i128 = summed.map(|&byte| i128::from(byte)).sum();
        if declared != sum {
            refuse!("the checksum of {named} is wrong");
        }
        // GNU's older format keeps other things where POSIX has the first part of the name.
        let prefix = text(&block[345..500]);
        if posix && !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
        let out_of_range = |what: &str| format!("{what} of {named} is out of range");
        let unsigned = |range, what: &str| {
            number(range, what).and_then(|number| u64::try_from(number).map_err(|_| out_of_range(what)))
        };
        let mode = unsigned(100..108, "the mode")?;
        let mtime = number(136..148, "the time")?;
        Ok(Self {
            type_flag: block[156],
            link: text(&block[157..257]).to_vec(),
            mode: (mode & 0o7777) as u32,
            uid: unsigned(108..116, "the owner")?,
            gid: unsigned(116..124, "the group")?,
            size: unsigned(124..136, "the size")?,
            mtime: i64::try_from(mtime).map_err(|_| out_of_range("the time"))?,
            name,
        })
    }

    /// The block with these fields and its checksum; each must fit its place.
    pub(super) fn block(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name);
        put(100, format!("{:07o}", self.mode).as_bytes());
        put(108, format!("{:07o}", self.uid).as_bytes());
        put(116, format!("{:07o}", self.gid).as_bytes());
        put(124, format!("{:011o}", self.size).as_bytes());
        put(136, format!("{:011o}", self.mtime).as_bytes());
        put(148, &[b' '; 8]);
        put(156, &[self.type_flag]);
        put(157, &self.link);
        put(257, b"ustar\x0000");
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block
    }

    /// What the entry is; `None` for an extension or an unknown type.
    pub(in crate::archive) fn kind(&self) -> Option<Kind> {
        Some(match self.type_flag {
            b'0' | 0 => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'3' => Kind::CharDevice,
            b'4' => Kind::BlockDevice,
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            _ => return None,
        })
    }
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    &field[..field.iter().position(|&byte| byte == 0).unwrap_or(field.len())]
}

/// Octal digits, or a signed number to the base 256 if the first bit is set (GNU). An empty field is 0.
fn number(field: &[u8]) -> Option<i128> {
    if field[0] & 0x80 != 0 {
        let negative = field[0] & 0x40 != 0;
        let first = i128::from(field[0] & 0x7f) - if negative { 0x80 } else { 0 };
        // Twelve bytes at most, so it cannot overflow.
        return Some(field[1..].iter().fold(first, |sum, &byte| sum * 256 + i128::from(byte)));
    }
    let spaces = field.iter().take_while(|&&byte| byte == b' ').count();
    let field = &field[spaces..];
    let digits = field.iter().take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    if !field[digits..].iter().all(|&byte| byte == 0 || byte == b' ') {
        return None;
    }
    Some(field[..digits].iter().fold(0, |sum, &digit| sum * 8 + i128::from(digit - b'0')))
}
