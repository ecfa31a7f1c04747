//! Flags: `--name=value` between the name of an instruction and the rest.

use super::Line;
use crate::dockerfile::blank::is_blank;
use crate::dockerfile::fault::{Fault, excerpt};

/// Flags with their values and the bytes where the values start.
pub(super) struct Flags<'a> {
    list: Vec<(&'a str, usize, &'a str)>,
}

impl<'a> Flags<'a> {
    pub fn get(&self, name: &str) -> Option<(usize, &'a str)> {
        self.list.iter().find(|flag| flag.0 == name).map(|flag| (flag.1, flag.2))
    }
}

/// Flags that an instruction takes. Of those that are known but refused: why.
fn accepted(instruction: &str) -> (&'static [&'static str], &'static [(&'static str, &'static str)]) {
    const NO_CONTEXT: &str = "name the files";
    match instruction {
        "FROM" => (&["platform"], &[]),
        "COPY" => (&["from", "chown", "chmod", "link"], &[("parents", NO_CONTEXT), ("exclude", NO_CONTEXT)]),
        "ADD" => (
            &["chown", "chmod", "link"],
            &[
                ("checksum", "files of the internet come by RUN, with a checksum"),
                ("keep-git-dir", "clone by RUN"),
                ("unpack", "unpack it in RUN"),
                ("exclude", NO_CONTEXT),
            ],
        ),
        "RUN" => (
            &[],
            &[
                ("mount", "COPY what the step needs; there is no cache between builds, and no secret"),
                ("network", "the project's policy decides whether a build has network"),
                ("security", "a step has the rights of a job; see docs/dockerfile.md"),
                ("device", "a step has the rights of a job; see docs/dockerfile.md"),
            ],
        ),
        "HEALTHCHECK" => (&["interval", "timeout", "start-period", "start-interval", "retries"], &[]),
        _ => (&[], &[]),
    }
}

/// Takes the flags off the start of a line.
pub(super) fn take<'a>(line: &mut Line<'a>) -> Result<Flags<'a>, Fault> {
    let (known, refused) = accepted(line.name);
    let mut flags = Flags { list: Vec::new() };
    // A path or a command of these cannot start with "--" either; in the others it is text.
    let takes_flags = matches!(line.name, "FROM" | "COPY" | "ADD" | "RUN" | "HEALTHCHECK");
    while takes_flags && line.rest.starts_with("--") {
        let end = line.rest.find(is_blank).unwrap_or(line.rest.len());
        let (flag, after) = line.rest.split_at(end);
        let (name, value) = match flag[2..].split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (&flag[2..], None),
        };
        let offset = line.offset;
        if let Some((_, why)) = refused.iter().find(|(refused, _)| *refused == name) {
            return Err(line.fault(offset, format!("{} --{name} is not supported", line.name)).help(*why));
        }
        if !known.contains(&name) {
            let list = known.iter().map(|name| format!("--{name}")).collect::<Vec<_>>().join(", ");
            let fault = line.fault(offset, format!("unknown flag {} of {}", excerpt(flag), line.name));
            return Err(fault.accepted(if list.is_empty() { "no flag".to_owned() } else { list }));
        }
        if flags.get(name).is_some() {
            return Err(line.fault(offset, format!("a second --{name}")));
        }
        let value = match (name, value) {
            ("link", None | Some("true" | "false")) => "",
            ("link", Some(value)) => {
                return Err(line.fault(offset, format!("--link={}", excerpt(value))).accepted("--link"));
            }
            (_, Some(value)) if !value.is_empty() => value,
            _ => {
                return Err(line
                    .fault(offset, format!("--{name} without a value"))
                    .accepted(format!("--{name}=VALUE")));
            }
        };
        flags.list.push((name, offset + flag.len() - value.len(), value));
        line.rest = after.trim_start_matches(is_blank);
        line.offset += flag.len() + after.len() - line.rest.len();
    }
    Ok(flags)
}
