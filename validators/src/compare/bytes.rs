//! Rule `bytes`.

use std::io::{self, Read};

use super::Outcome;
use super::window::common_prefix;

/// Bytes of each file that are read at a time: few enough to stay in the processor's cache.
const CHUNK: usize = 128 << 10;

/// Compares byte by byte, from where the readers are. Errors are those of reading.
pub fn compare(mut a: impl Read, mut b: impl Read) -> io::Result<Outcome> {
    let (mut left, mut right) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut offset: u64 = 0;
    loop {
        let (count_a, count_b) = (fill(&mut a, &mut left)?, fill(&mut b, &mut right)?);
        let (x, y) = (&left[..count_a], &right[..count_b]);
        if x != y {
            let same = common_prefix(x, y);
            let at = offset + same as u64;
            return Ok(Outcome::Different(match (x.get(same), y.get(same)) {
                (Some(x), Some(y)) => format!("byte {at}: {x:#04x} against {y:#04x}"),
                (Some(_), None) => format!("byte {at}: only the first result has it"),
                (None, _) => format!("byte {at}: only the second result has it"),
            }));
        }
        if count_a < CHUNK {
            return Ok(Outcome::Same);
        }
        offset += CHUNK as u64;
    }
}

/// Reads until the buffer is full or the file over.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
