//! From a logical line to a typed instruction.

mod copy;
mod flags;

use super::blank::is_blank;
use super::fault::{Fault, Position, excerpt};
use super::here_document::{self, HereDocument};
use super::instruction::{ArgDeclaration, CommandLine, Instruction, Kind, Run, Stage};
use super::lines::{Lines, LogicalLine};
use super::stages::is_stage_name;
use super::word::{Word, WordFault, split_quoted};

const NAMES: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

const INSTRUCTIONS: &str = "FROM, ARG, ENV, LABEL, RUN, CMD, ENTRYPOINT, SHELL, COPY, ADD, USER, WORKDIR; EXPOSE, \
                            HEALTHCHECK, MAINTAINER, STOPSIGNAL and VOLUME have no effect";

/// What the reader knows at an instruction.
pub(super) struct Surroundings<'a> {
    pub escape: char,
    pub stages: &'a [Stage],
    /// It comes from a base image.
    pub is_trigger: bool,
}

/// A line that was read.
pub(super) enum Read {
    From(Box<Stage>),
    Instruction(Instruction),
}

/// A logical line, cut into the name of the instruction, flags and the rest.
struct Line<'a> {
    logical: &'a LogicalLine,
    /// In upper case.
    name: &'a str,
    /// What follows name and flags.
    rest: &'a str,
    /// Its first byte.
    offset: usize,
    escape: char,
}

impl Line<'_> {
    fn position(&self, offset: usize) -> Position {
        self.logical.origin.position(&self.logical.text, offset)
    }

    fn fault(&self, offset: usize, found: impl Into<String>) -> Fault {
        Fault::new(self.position(offset), found)
    }

    /// A fault in a word that starts at a byte.
    fn word_fault(&self, offset: usize, fault: WordFault) -> Fault {
        self.fault(offset + fault.offset, fault.found).help(fault.help)
    }

    fn word(&self, offset: usize, text: &str) -> Result<Word, Fault> {
        Word::read(text, offset, self.escape).map_err(|fault| self.word_fault(offset, fault))
    }
}

/// Reads an instruction and the bodies of its here-documents.
pub(super) fn read(
    logical: LogicalLine,
    lines: &mut Lines<'_>,
    surroundings: &Surroundings<'_>,
    warnings: &mut Vec<Fault>,
) -> Result<Read, Fault> {
    let text = &logical.text;
    let end = text.find(is_blank).unwrap_or(text.len());
    let name = text[..end].to_ascii_uppercase();
    let rest = text[end..].trim_start_matches(is_blank);
    let offset = text.len() - rest.len();
    let mut line = Line { logical: &logical, name: &name, rest, offset, escape: surroundings.escape };
    // Before anything else that can be wrong, so that bodies are not taken for instructions.
    let documents = match name.as_str() {
        "RUN" => here_document::in_shell_text(rest),
        "COPY" | "ADD" if !rest.starts_with('[') => copy::here_documents(rest),
        _ => Ok(Vec::new()),
    };
    let documents = documents.map_err(|fault| line.word_fault(offset, fault))?;
    let mut bodies = Vec::new();
    for document in documents {
        let (body, first) = lines.body(&document, || line.position(offset + document.offset))?;
        bodies.push(Body { document, body, first });
    }
    let flags = flags::take(&mut line)?;
    if line.rest.is_empty() && NAMES.contains(&name.as_str()) {
        return Err(line.fault(0, format!("{name} without anything after it")));
    }
    let kind = match name.as_str() {
        "FROM" => return stage(&line, &flags, surroundings).map(|stage| Read::From(Box::new(stage))),
        "ARG" => Kind::Arg(arguments(&line)?),
        "ENV" => Kind::Env(environment(&line)?),
        "LABEL" => Kind::Label(labels(&line)?),
        "RUN" => Kind::Run(run(&line, bodies)?),
        "CMD" => Kind::Cmd(command_line(&line)?),
        "ENTRYPOINT" => Kind::Entrypoint(command_line(&line)?),
        "SHELL" => Kind::Shell(shell(&line)?),
        "COPY" | "ADD" => Kind::Copy(Box::new(copy::read(&line, &flags, bodies, surroundings)?)),
        "USER" => Kind::User(line.word(line.offset, line.rest)?),
        "WORKDIR" => Kind::Workdir(line.word(line.offset, line.rest)?),
        "HEALTHCHECK" => {
            healthcheck(&line, warnings)?;
            Kind::Ignored
        }
        "VOLUME" => {
            let found = "VOLUME has no effect: what is there stays part of the image";
            warnings.push(line.fault(0, found));
            Kind::Ignored
        }
        "STOPSIGNAL" => {
            warnings
                .push(line.fault(0, "STOPSIGNAL has no effect: a job is stopped by SIGTERM, then SIGKILL"));
            Kind::Ignored
        }
        "EXPOSE" | "MAINTAINER" => Kind::Ignored,
        "ONBUILD" => {
            return Err(line
                .fault(0, "ONBUILD is not supported")
                .help("write the instruction into the Dockerfile that starts from this image"));
        }
        _ => {
            return Err(line
                .fault(0, format!("unknown instruction {}", excerpt(&text[..end])))
                .accepted(INSTRUCTIONS));
        }
    };
    let LogicalLine { text, origin } = logical;
    Ok(Read::Instruction(Instruction { text, origin, kind }))
}

/// A here-document with its body.
struct Body {
    document: HereDocument,
    body: String,
    /// Line of the body's start.
    first: u32,
}

fn stage(line: &Line<'_>, flags: &flags::Flags<'_>, surroundings: &Surroundings<'_>) -> Result<Stage, Fault> {
    if surroundings.is_trigger {
        return Err(line.fault(0, "FROM in a trigger"));
    }
    let words = super::word::split_blank(line.rest);
    let name = match words[..] {
        [_] => None,
        [_, (_, word), name] if word.eq_ignore_ascii_case("AS") => Some(name),
        _ => {
            return Err(line
                .fault(line.offset, format!("FROM {}", excerpt(line.rest)))
                .accepted("FROM IMAGE [AS NAME]"));
        }
    };
    let name = name.map(|(at, name)| {
        let offset = line.offset + at;
        let lower = name.to_ascii_lowercase();
        if !is_stage_name(name) {
            let fault = line.fault(offset, format!("the stage name {}", excerpt(name)));
            return Err(fault.accepted("a letter, then letters, digits, \"_\", \".\" and \"-\""));
        }
        if matches!(lower.as_str(), "scratch" | "context") {
            return Err(line.fault(offset, format!("the stage name {lower:?}, which is reserved")));
        }
        if surroundings.stages.iter().any(|stage| stage.name.as_deref() == Some(&*lower)) {
            return Err(line.fault(offset, format!("a second stage named {lower:?}")));
        }
        Ok(lower)
    });
    let (at, image) = words[0];
    Ok(Stage {
        name: name.transpose()?,
        image: line.word(line.offset + at, image)?,
        platform: flags.get("platform").map(|(offset, value)| line.word(offset, value)).transpose()?,
        text: line.logical.text.clone(),
        origin: line.logical.origin.clone(),
        instructions: Vec::new(),
    })
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn arguments(line: &Line<'_>) -> Result<Vec<ArgDeclaration>, Fault> {
    let declaration = |(at, word): (usize, &str)| {
        let offset = line.offset + at;
        let (name, default) = match word.split_once('=') {
            Some((name, default)) => (name, Some((offset + name.len() + 1, default))),
            None => (word, None),
        };
        if !is_variable(name) {
            let fault = line.fault(offset, format!("the name of an ARG is {}", excerpt(name)));
            return Err(fault.accepted("letters, digits and _, not starting with a digit"));
        }
        let default = default.map(|(offset, text)| line.word(offset, text)).transpose()?;
        Ok(ArgDeclaration { name: name.to_owned(), default })
    };
    split_quoted(line.rest, line.escape).into_iter().map(declaration).collect()
}

/// `KEY=VALUE …`, or the old form `KEY VALUE`: keys and values with the bytes where they start.
fn pairs<'a>(line: &Line<'a>) -> Result<Vec<(usize, &'a str, usize, &'a str)>, Fault> {
    let words = split_quoted(line.rest, line.escape);
    let first = words.first().map_or("", |&(_, word)| word);
    if !first.contains('=') {
        let after = line.rest[first.len()..].trim_start_matches(is_blank);
        if after.is_empty() || after == "=" || after.starts_with("= ") || after.starts_with("=\t") {
            return Err(line
                .fault(line.offset, format!("{} has no value", excerpt(first)))
                .accepted("KEY=VALUE, without spaces around =; or KEY VALUE"));
        }
        return Ok(vec![(line.offset, first, line.offset + line.rest.len() - after.len(), after)]);
    }
    let pair = |(at, word): (usize, &'a str)| {
        let offset = line.offset + at;
        let (key, value) = word.split_once('=').ok_or_else(|| {
            line.fault(offset, format!("{} has no =", excerpt(word)))
                .help("put a value with spaces into double quotes")
        })?;
        Ok((offset, key, offset + key.len() + 1, value))
    };
    words.into_iter().map(pair).collect()
}

fn environment(line: &Line<'_>) -> Result<Vec<(String, Word)>, Fault> {
    let variable = |(key_offset, key, offset, value): (usize, &str, usize, &str)| {
        let good = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if !good {
            let fault = line.fault(key_offset, format!("the name of a variable is {}", excerpt(key)));
            return Err(fault.accepted("letters, digits, \"_\", \".\" and \"-\", not starting with a digit"));
        }
        Ok((key.to_owned(), line.word(offset, value)?))
    };
    pairs(line)?.into_iter().map(variable).collect()
}

fn labels(line: &Line<'_>) -> Result<Vec<(Word, Word)>, Fault> {
    pairs(line)?
        .into_iter()
        .map(|(key_offset, key, offset, value)| Ok((line.word(key_offset, key)?, line.word(offset, value)?)))
        .collect()
}

/// A JSON list of strings, if the text has to be one: it starts with `[` and a quote or `]`.
fn json_list(line: &Line<'_>) -> Result<Option<Vec<String>>, Fault> {
    let Some(inside) = line.rest.strip_prefix('[') else { return Ok(None) };
    let list: Option<Vec<String>> = serde_json::from_str(line.rest).ok();
    match list {
        Some(list) if list.iter().any(|word| word.contains('\0')) => {
            Err(line.fault(line.offset, "a string with the control character U+0000"))
        }
        Some(list) => Ok(Some(list)),
        None if inside.starts_with(['"', ']', '\'']) => Err(line
            .fault(line.offset, format!("{} is not a JSON list of strings", excerpt(line.rest)))
            .accepted("[\"program\", \"argument\"], with double quotes")),
        None => Ok(None),
    }
}

fn command_line(line: &Line<'_>) -> Result<CommandLine, Fault> {
    if let Some(list) = json_list(line)? {
        return Ok(CommandLine::Exec(list));
    }
    // `[ -f x ]` and `[[ -f x ]]` are commands of a shell, and sensible in a RUN only.
    let is_test = line.name == "RUN" && (line.rest.starts_with("[ ") || line.rest.starts_with("[[ "));
    if line.rest.starts_with('[') && !is_test {
        return Err(line
            .fault(line.offset, format!("{} is not a JSON list of strings", excerpt(line.rest)))
            .accepted("[\"program\", \"argument\"], or a command for the shell"));
    }
    Ok(CommandLine::Shell(line.rest.to_owned()))
}

fn run(line: &Line<'_>, bodies: Vec<Body>) -> Result<Run, Fault> {
    if let [Body { document, body, .. }] = &bodies[..]
        && document.offset == 0
        && document.end == line.rest.len()
    {
        let body = if document.strips_tabs { here_document::without_tabs(body) } else { body.clone() };
        return Ok(Run::Script(body));
    }
    let command = command_line(line)?;
    let CommandLine::Shell(mut script) = command else {
        if matches!(&command, CommandLine::Exec(words) if words.is_empty()) {
            return Err(line.fault(line.offset, "RUN [] runs nothing"));
        }
        return Ok(Run::Command(command));
    };
    // The shell reads the bodies again, as they are written.
    for Body { document, body, .. } in bodies {
        script.push('\n');
        script.push_str(&body);
        script.push_str(&document.name);
    }
    Ok(Run::Command(CommandLine::Shell(script)))
}

fn shell(line: &Line<'_>) -> Result<Vec<String>, Fault> {
    match json_list(line)? {
        Some(words) if words.first().is_some_and(|word| !word.is_empty()) => Ok(words),
        _ => Err(line
            .fault(line.offset, format!("SHELL {}", excerpt(line.rest)))
            .accepted("a JSON list, for instance [\"/bin/bash\", \"-c\"]")),
    }
}

fn healthcheck(line: &Line<'_>, warnings: &mut Vec<Fault>) -> Result<(), Fault> {
    let kind = line.rest.split(is_blank).next().unwrap_or("");
    if kind.eq_ignore_ascii_case("CMD") {
        warnings.push(line.fault(0, "HEALTHCHECK has no effect"));
        return Ok(());
    }
    if line.rest.eq_ignore_ascii_case("NONE") {
        return Ok(());
    }
    Err(line
        .fault(line.offset, format!("HEALTHCHECK {}", excerpt(line.rest)))
        .accepted("NONE, or CMD and a command"))
}
