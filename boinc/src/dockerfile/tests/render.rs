//! Writes a file that was read in one canonical way: for tests of the reader only.

use crate::dockerfile::Dockerfile;
use crate::dockerfile::instruction::{ArgDeclaration, CommandLine, CopySource, Instruction, Kind, Run};
use crate::dockerfile::word::{Modifier, Piece, Word};

/// The file without places, without what has no effect.
pub fn typed(file: &Dockerfile) -> String {
    let mut text = String::new();
    for (declaration, _) in &file.globals {
        text += &format!("{declaration:?}\n");
    }
    for stage in &file.stages {
        text += &format!("{:?} {:?} {:?}\n", stage.name, stage.image, stage.platform);
        for instruction in stage.instructions.iter().filter(|instruction| instruction.kind != Kind::Ignored) {
            text += &format!("{:?}\n", instruction.kind);
        }
    }
    let mut parts = text.split("offset: ");
    let first = parts.next().unwrap_or("").to_owned();
    parts.fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

pub fn render(file: &Dockerfile) -> String {
    let mut text = String::new();
    for (declaration, _) in &file.globals {
        text += &format!("ARG {}\n", argument(declaration));
    }
    for stage in &file.stages {
        let platform = stage.platform.as_ref().map(|word| format!("--platform={} ", unquoted(word)));
        let name = stage.name.as_ref().map(|name| format!(" AS {name}"));
        let (platform, name) = (platform.unwrap_or_default(), name.unwrap_or_default());
        text += &format!("FROM {platform}{}{name}\n", unquoted(&stage.image));
        for line in stage.instructions.iter().filter_map(instruction) {
            text += &line;
            text.push('\n');
        }
    }
    text
}

fn instruction(instruction: &Instruction) -> Option<String> {
    Some(match &instruction.kind {
        Kind::Arg(list) => format!("ARG {}", list.iter().map(argument).collect::<Vec<_>>().join(" ")),
        Kind::Env(pairs) => {
            let pairs = pairs.iter().map(|(name, word)| format!("{name}={}", quoted(word)));
            format!("ENV {}", pairs.collect::<Vec<_>>().join(" "))
        }
        Kind::Label(pairs) => {
            let pairs = pairs.iter().map(|(key, word)| format!("{}={}", unquoted(key), quoted(word)));
            format!("LABEL {}", pairs.collect::<Vec<_>>().join(" "))
        }
        Kind::Run(Run::Command(line)) => format!("RUN {}", command(line)),
        Kind::Run(Run::Script(body)) => format!("RUN <<E_O_F\n{body}E_O_F"),
        Kind::Cmd(line) => format!("CMD {}", command(line)),
        Kind::Entrypoint(line) => format!("ENTRYPOINT {}", command(line)),
        Kind::Shell(words) => format!("SHELL {}", serde_json::to_string(words).unwrap()),
        Kind::User(word) => format!("USER {}", quoted(word)),
        Kind::Workdir(word) => format!("WORKDIR {}", quoted(word)),
        Kind::Copy(copy) => {
            let mut text = if copy.is_add { "ADD" } else { "COPY" }.to_owned();
            if let Some(from) = copy.from {
                text += &format!(" --from={from}");
            }
            for (flag, word) in [("chown", &copy.chown), ("chmod", &copy.chmod)] {
                if let Some(word) = word {
                    text += &format!(" --{flag}={}", unquoted(word));
                }
            }
            let inline = copy.sources.iter().any(|source| matches!(source, CopySource::Inline { .. }));
            if !inline {
                let path = |source: &CopySource| match source {
                    CopySource::Path(word) => quoted(word),
                    CopySource::Inline { .. } => unreachable!(),
                };
                let words: Vec<String> =
                    copy.sources.iter().map(path).chain([quoted(&copy.destination)]).collect();
                return Some(format!("{text} {}", serde_json::to_string(&words).unwrap()));
            }
            let mut bodies = String::new();
            for source in &copy.sources {
                match source {
                    CopySource::Path(word) => text += &format!(" {}", unquoted(word)),
                    CopySource::Inline { name, content } => {
                        let (word, body) = match content.as_literal() {
                            Some(body) => (format!("<<'{name}'"), body.to_owned()),
                            None => (format!("<<{name}"), raw(&content.pieces)),
                        };
                        text += &format!(" {word}");
                        bodies += &format!("\n{body}{name}");
                    }
                }
            }
            format!("{text} {}{bodies}", unquoted(&copy.destination))
        }
        Kind::Ignored => return None,
    })
}

fn argument(declaration: &ArgDeclaration) -> String {
    match &declaration.default {
        Some(word) => format!("{}={}", declaration.name, quoted(word)),
        None => declaration.name.clone(),
    }
}

fn command(line: &CommandLine) -> String {
    match line {
        CommandLine::Shell(text) => text.clone(),
        CommandLine::Exec(words) => serde_json::to_string(words).unwrap(),
    }
}

fn variable(name: &str, modifier: &Option<(Modifier, Vec<Piece>)>, inner: fn(&[Piece]) -> String) -> String {
    match modifier {
        None => format!("${{{name}}}"),
        Some((modifier, word)) => {
            let (Modifier::Default { empty_is_unset } | Modifier::Alternative { empty_is_unset }) = modifier;
            let sign = if matches!(modifier, Modifier::Default { .. }) { '-' } else { '+' };
            format!("${{{name}{}{sign}{}}}", if *empty_is_unset { ":" } else { "" }, inner(word))
        }
    }
}

/// In double quotes.
fn quoted(word: &Word) -> String {
    let pieces = word.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$"),
        Piece::Variable { name, modifier } => variable(name, modifier, bare),
    });
    format!("\"{}\"", pieces.collect::<String>())
}

fn unquoted(word: &Word) -> String {
    if word.pieces.is_empty() { "''".to_owned() } else { bare(&word.pieces) }
}

/// Without quotes, each special character escaped.
fn bare(pieces: &[Piece]) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(piece) => {
                for c in piece.chars() {
                    if !(c.is_alphanumeric() || "/._-:@*".contains(c)) {
                        text.push('\\');
                    }
                    text.push(c);
                }
            }
            Piece::Variable { name, modifier } => text += &variable(name, modifier, bare),
        }
    }
    text
}

/// In a here-document.
fn raw(pieces: &[Piece]) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.replace('\\', "\\\\").replace('$', "\\$"),
        Piece::Variable { name, modifier } => variable(name, modifier, raw),
    };
    pieces.iter().map(piece).collect()
}
