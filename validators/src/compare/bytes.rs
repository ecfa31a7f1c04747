//! Rule `bytes`.

use std::io::{self, Read};

use super::Outcome;
use super::window::{Window, common_prefix};

/// Compares byte by byte.
pub(super) fn compare<A: Read, B: Read>(a: &mut Window<A>, b: &mut Window<B>) -> io::Result<Outcome> {
    let mut offset: u64 = 0;
    loop {
        let (left, right) = (a.see_some()?, b.see_some()?);
        let same = common_prefix(left, right);
        match (left.get(same), right.get(same)) {
            (Some(x), Some(y)) => {
                let at = offset + same as u64;
                return Ok(Outcome::Different(format!("byte {at}: {x:#04x} against {y:#04x}")));
            }
            (None, None) if same == 0 => return Ok(Outcome::Same),
            (None, _) | (_, None) if same == 0 => {
                let longer = if left.is_empty() { "second" } else { "first" };
                return Ok(Outcome::Different(format!("byte {offset}: only the {longer} result has it")));
            }
            _ => {}
        }
        offset += same as u64;
        a.advance(same);
        b.advance(same);
    }
}
