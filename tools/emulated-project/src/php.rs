//! What PHP does to text, numbers and errors: the page that a script writes, and PHP's conversions.

use crate::settings::PROJECT_ROOT;

/// Why a script ended before its last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// `exit` or `die`: what was written so far is the reply.
    Exit,
    /// An uncaught exception: HTTP 500 where errors are hidden, else 200 with HTML in the reply.
    Fatal,
}

/// The outcome of a part of a script.
pub(crate) type Php<T = ()> = Result<T, Stop>;

/// The output of one script run.
#[derive(Debug)]
pub(crate) struct Page {
    out: Vec<u8>,
    display_errors: bool,
    /// The element that an error has to close, `$xml_outer_tag` of util_basic.inc.
    outer_tag: &'static str,
}

impl Page {
    pub(crate) fn new(display_errors: bool) -> Self {
        Self { out: Vec::new(), display_errors, outer_tag: "" }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    pub(crate) fn display_errors(&self) -> bool {
        self.display_errors
    }

    pub(crate) fn echo(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// `xml_header` of html/inc/xml.inc. The declaration is wrong: the bytes are UTF-8.
    pub(crate) fn xml_header(&mut self) {
        self.echo("<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n");
    }

    /// `xml_start_tag` of html/inc/xml.inc.
    pub(crate) fn start_tag(&mut self, tag: &'static str) {
        self.echo(&format!("<{tag}>\n"));
        self.outer_tag = tag;
    }

    /// `xml_error` of html/inc/util_basic.inc; `message` goes out as it is.
    pub(crate) fn xml_error(&mut self, number: i32, message: &str) -> Stop {
        self.echo(&format!(
            "<error>\n    <error_num>{number}</error_num>\n    <error_msg>{message}</error_msg>\n</error>\n"
        ));
        if !self.outer_tag.is_empty() {
            let end = format!("</{}>\n", self.outer_tag);
            self.echo(&end);
        }
        Stop::Exit
    }

    /// A message of PHP's own in the page, if errors are displayed: "Warning", "Deprecated", "Notice" or "Fatal error".
    pub(crate) fn note(&mut self, level: &str, message: &str) {
        if self.display_errors {
            let line = format!(
                "<br />\n<b>{level}</b>:  {message} in <b>{PROJECT_ROOT}/html/inc/util.inc</b> on line <b>1</b><br />\n"
            );
            self.echo(&line);
        }
    }

    /// An uncaught exception.
    pub(crate) fn fatal(&mut self, exception: &str, message: &str) -> Stop {
        let text = format!("Uncaught {exception}: {message} in {PROJECT_ROOT}/html/inc/util.inc:1");
        let text = format!("{}\nStack trace:\n#0 {{main}}\n  thrown", escape(&text, false));
        self.note("Fatal error", &text);
        Stop::Fatal
    }

    /// What mysqli throws since PHP 8.1.
    pub(crate) fn sql_exception(&mut self, message: &str) -> Stop {
        self.fatal("mysqli_sql_exception", message)
    }
}

/// `htmlspecialchars` with its defaults since PHP 8.1 (`ENT_QUOTES`).
pub(crate) fn htmlspecialchars(text: &str) -> String {
    escape(text, true)
}

fn escape(text: &str, single_quotes: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' if single_quotes => escaped.push_str("&#039;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Whether a string counts as true: neither empty nor "0".
pub(crate) fn truthy(text: &str) -> bool {
    !text.is_empty() && text != "0"
}

/// `(double)` of a string: the longest numeric prefix, else 0.
pub(crate) fn to_float(text: &str) -> f64 {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let is_numeric = |character: char| character.is_ascii_digit() || "+-.eE".contains(character);
    let end = text.find(|character| !is_numeric(character)).unwrap_or(text.len());
    (1..=end).rev().find_map(|end| text[..end].parse().ok()).unwrap_or(0.0)
}

/// `(int)` of a string: the numeric prefix without its fraction.
pub(crate) fn to_int(text: &str) -> i64 {
    let trimmed = text.trim_start();
    let sign = usize::from(trimmed.starts_with(['+', '-']));
    let digits = trimmed[sign..].bytes().take_while(u8::is_ascii_digit).count();
    let rest = trimmed.as_bytes().get(sign + digits);
    if digits > 0 && !matches!(rest, Some(b'.' | b'e' | b'E')) {
        return trimmed[..sign + digits].parse().unwrap_or(i64::MAX);
    }
    to_float(trimmed) as i64
}

/// A number as PHP writes it into a string (`precision` 14).
pub(crate) fn float_text(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        // "inf", "-inf" and "NaN" of Rust.
        return value.to_string().to_uppercase();
    }
    let scientific = format!("{value:.13e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-5..15).contains(&exponent) {
        let decimals = usize::try_from((13 - exponent).max(0)).unwrap_or(0);
        strip_zeros(&format!("{value:.decimals$}"))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        let mantissa = strip_zeros(mantissa);
        let mantissa = if mantissa.contains('.') { mantissa } else { format!("{mantissa}.0") };
        format!("{mantissa}E{sign}{}", exponent.abs())
    }
}

fn strip_zeros(number: &str) -> String {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        number.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{float_text, to_float, to_int};

    #[test]
    fn numbers_are_read_up_to_what_is_no_number() {
        assert_eq!(to_int("12abc"), 12);
        assert_eq!(to_int("1e3"), 1000);
        assert_eq!(to_int("abc"), 0);
        assert_eq!(to_int(" -7"), -7);
        assert!((to_float("1e10x") - 1e10).abs() < 1e-9);
        assert!((to_float("1795487052.0000") - 1_795_487_052.0).abs() < 1e-9);
        assert!(to_float(".") == 0.0);
        assert!((to_float("3e") - 3.0).abs() < 1e-9);
    }

    #[test]
    fn numbers_are_written_with_fourteen_digits() {
        assert_eq!(float_text(2.0 / 3.0), "0.66666666666667");
        assert_eq!(float_text(1_795_486_592.319_41), "1795486592.3194");
        assert_eq!(float_text(20.0), "20");
        assert_eq!(float_text(0.75), "0.75");
        assert_eq!(float_text(1e20), "1.0E+20");
    }
}
