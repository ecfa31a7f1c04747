//! One header block.

use super::{Kind, TarError, shown};

/// Everything in a tar stream is a multiple of this.
pub(in crate::archive) const BLOCK: usize = 512;

/// Whether a block is one of those that end an archive.
pub(in crate::archive) fn is_end(block: &[u8; BLOCK]) -> bool {
    block.iter().all(|&byte| byte == 0)
}

/// The fields of a header block whose checksum is right.
#[derive(Clone, Debug)]
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
        let invalid = |why: String| TarError::Invalid(why);
        let posix = &block[257..263] == b"ustar\0";
        if !posix && &block[257..265] != b"ustar  \0" {
            return Err(invalid("a header without the mark of tar (ustar)".into()));
        }
        let mut name = text(&block[0..100]).to_vec();
        let named = shown(&name);
        let number = |range: std::ops::Range<usize>, what: &str| {
            number(&block[range]).ok_or_else(|| invalid(format!("{what} of {named} is not a number")))
        };
        let declared = number(148..156, "the checksum")?;
        let sum: i128 = block[..148]
            .iter()
            .chain([b' '; 8].iter())
            .chain(&block[156..])
            .map(|&byte| i128::from(byte))
            .sum();
        if declared != sum {
            return Err(invalid(format!("the checksum of {named} is wrong")));
        }
        // GNU's older format keeps other things where POSIX has the first part of the name.
        let prefix = text(&block[345..500]);
        if posix && !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
        let unsigned = |range, what: &str| {
            u64::try_from(number(range, what)?)
                .map_err(|_| invalid(format!("{what} of {named} is out of range")))
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
            mtime: i64::try_from(mtime)
                .map_err(|_| invalid(format!("the time of {named} is out of range")))?,
            name,
        })
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
