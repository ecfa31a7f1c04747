//! Rule `text`: a line.

use std::io::{self, Read};

use super::excerpt;
use super::lines::Mismatch;
use super::window::{Window, common_prefix};

/// Compares two lines; their ends and blanks before them do not count.
pub(super) fn compare_line<A: Read, B: Read>(
    a: &mut Window<A>,
    b: &mut Window<B>,
) -> io::Result<Option<Mismatch>> {
    let lines = (a.line(), b.line());
    let mut column: u64 = 1;
    loop {
        let (left, right) = (a.see_some()?, b.see_some()?);
        let same = common_prefix(left, right);
        if let Some(end) = left[..same].iter().position(|&b| b == b'\n') {
            a.advance_lines(end + 1, 1);
            b.advance_lines(end + 1, 1);
            return Ok(None);
        }
        column += same as u64;
        a.advance(same);
        b.advance(same);
        if same == 0 {
            break;
        }
    }
    let how = |a: &Window<A>, b: &Window<B>| {
        format!("byte {column}: {} against {}", excerpt(a.bytes()), excerpt(b.bytes()))
    };
    // Blanks are passed over below: what is shown begins where the lines part.
    let how = how(a, b);
    a.skip_blanks()?;
    b.skip_blanks()?;
    // Not "and" with a short circuit: both must be passed over.
    let (is_end_a, is_end_b) = (a.end_line()?, b.end_line()?);
    Ok((!(is_end_a && is_end_b)).then_some(Mismatch { lines, how }))
}
