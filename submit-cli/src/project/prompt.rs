//! Asks for a secret at the terminal, without showing it.

use std::io::{self, Read, Write};

use crate::platform::{Hidden, terminal};

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line.
    Line(String),
    /// Ctrl-C, or the end of input.
    Nothing,
    /// Nobody can be asked: there is no terminal.
    NoTerminal,
}

/// Shows a question at the controlling terminal and reads a line there.
///
/// # Errors
/// The terminal can't be read.
pub fn secret(question: &str) -> io::Result<Typed> {
    let Ok(terminal) = terminal() else {
        return Ok(Typed::NoTerminal);
    };
    let answer = {
        let _hidden = Hidden::new(&terminal)?;
        write!(&terminal, "{question}")?;
        line(&terminal)
    };
    writeln!(&terminal)?;
    answer
}

/// Reads keys up to the end of a line.
fn line(mut keys: impl Read) -> io::Result<Typed> {
    let mut typed = Vec::new();
    let mut key = [0];
    loop {
        if keys.read(&mut key)? == 0 {
            return Ok(Typed::Nothing);
        }
        match key[0] {
            b'\n' | b'\r' => return Ok(Typed::Line(String::from_utf8_lossy(&typed).into_owned())),
            // Ctrl-C, and Ctrl-D on an empty line.
            3 => return Ok(Typed::Nothing),
            4 if typed.is_empty() => return Ok(Typed::Nothing),
            // Backspace in both its forms, Ctrl-U.
            8 | 127 => drop(typed.pop()),
            21 => typed.clear(),
            byte => typed.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_make_a_line() {
        for (keys, typed) in [
            (&b"abc\n"[..], Typed::Line("abc".to_owned())),
            (b"abx\x7fc\r", Typed::Line("abc".to_owned())),
            (b"wrong\x15right\n", Typed::Line("right".to_owned())),
            (b"ab\x03", Typed::Nothing),
            (b"\x04", Typed::Nothing),
            (b"ab", Typed::Nothing),
            (b"\n", Typed::Line(String::new())),
        ] {
            assert_eq!(line(keys).unwrap(), typed, "{keys:?}");
        }
    }
}
