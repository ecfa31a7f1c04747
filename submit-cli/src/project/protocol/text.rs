//! Which texts can be sent. The server puts them into lines, SQL and XML without quoting any of it
//! (`html/user/submit_rpc_handler.php` `submit_jobs`, `tools/create_work.cpp`, `sched/sched_send.cpp`).

use crate::project::error::ProjectError;

/// Width of the names' columns (`db/schema.sql`) and of file names (`html/inc/util_basic.inc`, `is_valid_filename`).
const NAME_MAX: usize = 255;

/// Characters of a text that are shown.
const SHOWN_MAX: usize = 80;

/// A workunit's name.
///
/// # Errors
/// It would break the server's line, its SQL or its replies.
pub fn job_name(text: &str) -> Result<(), ProjectError> {
    const ACCEPTED: &str = "letters, digits, _ - and ., at most 255";
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name("job name", text, ACCEPTED, good)
}

/// A file's physical name.
///
/// # Errors
/// The server refuses it, or its line is split at a space or takes it for an option.
pub fn physical_name(text: &str) -> Result<(), ProjectError> {
    const ACCEPTED: &str = "letters, digits, _ - and ., not at the start: - or ., at most 255";
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name("file name", text, ACCEPTED, good)?;
    match text.chars().next() {
        Some(c @ ('-' | '.')) => Err(unsendable("file name", text, format!("{c} at its start"), ACCEPTED)),
        _ => Ok(()),
    }
}

/// A batch's name.
///
/// # Errors
/// It would come back as something else, or does not fit.
pub fn batch_name(text: &str) -> Result<(), ProjectError> {
    let good = |c: char| is_xml(c) && !matches!(c, '<' | '>' | '&' | '\\' | '\'' | '"');
    name(
        "batch name",
        text,
        "any text without < > & \\ ' \" and control characters, at most 255 characters",
        good,
    )
}

/// A BOINC app's name.
///
/// # Errors
/// No app can have it.
pub fn app_name(text: &str) -> Result<(), ProjectError> {
    let good = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '&' | '\\' | '\'' | '"');
    name("name of the BOINC app", text, "printable ASCII without spaces, < > & \\ ' and \"", good)
}

/// A job's command line; may be empty.
///
/// # Errors
/// It would end the server's line or its SQL, be changed, or make volunteers' clients reject whole replies.
pub fn command_line(text: &str) -> Result<(), ProjectError> {
    let good = |c: char| is_xml(c) && !matches!(c, '<' | '\\' | '\'' | '"');
    match text.chars().find(|c| !good(*c)) {
        Some(odd) => Err(unsendable(
            "command line",
            text,
            format!("{odd:?}"),
            "any text without < \\ ' \" and control characters",
        )),
        None => Ok(()),
    }
}

/// Of a template, what is sent: one element, without declaration, comments and indentation. Line ends stay, since
/// `tools/process_result_template.cpp` looks for `<file_info>` with one after it.
///
/// # Errors
/// It is not this element.
pub fn template(text: &str, tag: &'static str) -> Result<String, ProjectError> {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("<!--") {
        bare.push_str(&rest[..start]);
        rest = rest[start..].find("-->").map_or("", |end| &rest[start + end + 3..]);
    }
    bare.push_str(rest);
    let mut lines = String::with_capacity(bare.len());
    for line in bare.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("<?xml")) {
        lines.push_str(line);
        lines.push('\n');
    }
    let whole = lines.starts_with(&format!("<{tag}>")) && lines.ends_with(&format!("</{tag}>\n"));
    if !whole || lines.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')) {
        let found = if whole { "a control character" } else { "another element" };
        return Err(unsendable(tag, text, found.to_owned(), "one element of this name"));
    }
    Ok(lines)
}

/// Whether a character is for texts, and libxml takes it.
fn is_xml(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

fn name(
    what: &'static str,
    text: &str,
    accepted: &'static str,
    good: impl Fn(char) -> bool,
) -> Result<(), ProjectError> {
    let found = match text.chars().find(|c| !good(*c)) {
        Some(odd) => format!("{odd:?}"),
        None if text.is_empty() => "nothing".to_owned(),
        None if text.chars().count() > NAME_MAX => format!("{} characters", text.chars().count()),
        None => return Ok(()),
    };
    Err(unsendable(what, text, found, accepted))
}

fn unsendable(what: &'static str, text: &str, found: String, accepted: &'static str) -> ProjectError {
    ProjectError::Unsendable { what, text: text.chars().take(SHOWN_MAX).collect(), found, accepted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_the_server_or_its_volunteers_is_refused() {
        for bad in ["a\"b", "a'b", "a\\b", "a < b", "a\nb", "a\rb", "a\0b", "\u{7f}", "a\u{ffff}"] {
            assert!(command_line(bad).is_err(), "{bad:?}");
            assert!(
                job_name(bad).is_err() && physical_name(bad).is_err() && batch_name(bad).is_err(),
                "{bad:?}"
            );
        }
        for bad in ["", "a b", "a>b", "a&b", "ä", &"n".repeat(256)] {
            assert!(job_name(bad).is_err() && physical_name(bad).is_err(), "{bad:?}");
        }
        assert!(physical_name("--wu_name").is_err() && physical_name(".htaccess").is_err());
        assert!(batch_name("").is_err() && batch_name(&"ä".repeat(256)).is_err());
    }

    #[test]
    fn what_passes_is_accepted() {
        for good in ["", "--n 5 & ; $HOME `x` > y", "Köder ☃"] {
            assert!(command_line(good).is_ok(), "{good:?}");
        }
        assert!(job_name("vina-0123__batch__1zzz").is_ok() && job_name(&"n".repeat(255)).is_ok());
        assert!(batch_name("Köder ☃ of Tue, 24 Nov").is_ok() && batch_name(&"ä".repeat(255)).is_ok());
    }

    #[test]
    fn a_template_loses_its_indentation_and_keeps_its_lines() {
        let text = "<?xml version=\"1.0\"?>\n<!-- made\n by -->\n<input_template>\n    <file_info>\n\t<no_delete/>\r\n    </file_info>\n\n</input_template>\n\n";
        assert_eq!(
            template(text, "input_template").unwrap(),
            "<input_template>\n<file_info>\n<no_delete/>\n</file_info>\n</input_template>\n"
        );
        assert!(template(text, "output_template").is_err());
        assert!(template("<input_template>\u{1}</input_template>", "input_template").is_err());
        assert!(template("<input_template></input_template><x/>", "input_template").is_err());
    }
}
