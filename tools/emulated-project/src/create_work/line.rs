//! One line of create_work's standard input.

use super::{Failed, Printed, truncated};

/// The buffer that a line is read into.
const LINE_BYTES: usize = 4096;
/// The array that the words go into; create_work does not look whether it is full.
const WORDS: usize = 100;

/// A job as its line describes it.
#[derive(Debug, Default)]
pub(super) struct JobLine {
    pub(super) name: Option<String>,
    pub(super) command_line: String,
    pub(super) input_template: Option<String>,
    pub(super) output_template: Option<String>,
    pub(super) priority: Option<i64>,
    pub(super) files: Vec<String>,
}

/// Reads a line, newline included. The submission's code does not quote anything, so this is where a quote, a space or
/// a newline in a name does its damage.
pub(super) fn parse(line: &str, printed: &mut Printed) -> Result<JobLine, Failed> {
    if line.len() >= LINE_BYTES - 1 {
        return Err(printed.say("fgets() buffer was too small"));
    }
    let words = words(line);
    if words.len() >= WORDS {
        // It writes past its array. The recorded server's build survived that; nobody should count on it.
        return Err(printed.say("Segmentation fault"));
    }
    let mut job = JobLine::default();
    let mut words = words.into_iter();
    // A missing last argument is a null pointer: it dies, too.
    while let Some(word) = words.next() {
        let option = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).unwrap_or_default();
        let mut next = || words.next().ok_or(Failed);
        match option {
            "command_line" => {
                if !job.command_line.is_empty() {
                    job.command_line.push(' ');
                }
                job.command_line.push_str(next()?);
            }
            "wu_name" => job.name = Some(next()?).filter(|name| !name.is_empty()).map(str::to_owned),
            "wu_template" => job.input_template = Some(truncated(next()?, 255).to_owned()),
            "result_template" => job.output_template = Some(truncated(next()?, 255).to_owned()),
            "priority" => job.priority = Some(crate::php::to_int(next()?)),
            _ if word.starts_with('-') => {
                return Err(printed.say(format!("create_work: bad stdin argument '{word}'")));
            }
            _ => job.files.push(truncated(word, 255).to_owned()),
        }
    }
    Ok(job)
}

/// `parse_command_line` of lib/str_util.cpp: a word that begins with a quote runs to the next one; there is no escape.
fn words(line: &str) -> Vec<&str> {
    const SPACE: [char; 6] = [' ', '\t', '\n', '\r', '\x0b', '\x0c'];
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches(SPACE);
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '"' | '\'' => {
                let body = &rest[1..];
                body.split_once(first).unwrap_or((body, ""))
            }
            _ => rest.split_once(SPACE).unwrap_or((rest, "")),
        };
        words.push(word);
        rest = after.trim_start_matches(SPACE);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_end_where_the_server_ends_them() {
        assert_eq!(words(" --x \"a b\" c\n"), ["--x", "a b", "c"]);
        assert_eq!(words("\"say \"hi\" there\" f\n"), ["say ", "hi\"", "there\"", "f"]);
        assert_eq!(words("--command_line \"first\n"), ["--command_line", "first\n"]);
        assert_eq!(words("a'b 'c d'"), ["a'b", "c d"]);
    }
}
