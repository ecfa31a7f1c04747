//! The uncompressed bytes of a layer.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;

use super::entries::Span;
use super::{ArchiveError, Layer};

pub(super) type Cancelled<'a> = &'a dyn Fn() -> bool;

/// How a layer is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Gzip,
}

impl Layer {
    fn form(&self, file: &mut File) -> Result<Form, ArchiveError> {
        let start = Span { size: self.span.size.min(6), ..self.span };
        let magic = super::entries::read_span(file, start)?;
        match super::entries::compressed_by(&magic) {
            None => Ok(Form::Plain),
            Some("gzip") => Ok(Form::Gzip),
            Some(name) => refuse!(
                "a layer is compressed with {name}, only gzip is supported; save the image with: podman save --format \
                 docker-archive, which does not compress"
            ),
        }
    }

    /// The uncompressed bytes, from the start.
    pub(super) fn open<'a>(&self, file: &'a mut File) -> Result<Box<dyn Read + 'a>, ArchiveError> {
        let form = self.form(file)?;
        file.seek(SeekFrom::Start(self.span.offset)).map_err(ArchiveError::Read)?;
        let stored = file.take(self.span.size);
        Ok(match form {
            Form::Plain => Box::new(stored),
            Form::Gzip => Box::new(MultiGzDecoder::new(stored)),
        })
    }

    /// How many uncompressed bytes it has. A compressed one is decompressed for that, as a tar header has the size before the
    /// body; what its own trailer says is the size of the last of several parts at best.
    pub(super) fn length(
        &self,
        file: &mut File,
        most: u64,
        cancelled: Cancelled<'_>,
    ) -> Result<u64, ArchiveError> {
        if self.form(file)? == Form::Plain {
            return Ok(self.span.size);
        }
        let mut bytes = self.open(file)?;
        let mut buffer = vec![0; 256 << 10];
        let mut length = 0;
        loop {
            if cancelled() {
                return Err(ArchiveError::Cancelled);
            }
            match bytes.read(&mut buffer) {
                Ok(0) => return Ok(length),
                Ok(count) => length += count as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(error)),
            }
            // A few megabytes can stand for a terabyte.
            if length > most {
                return Ok(length);
            }
        }
    }
}

/// The decompressor reports broken data as an error of reading.
pub(super) fn broken(error: io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            ArchiveError::Invalid(format!("a layer cannot be decompressed: {error}"))
        }
        _ => ArchiveError::Read(error),
    }
}
