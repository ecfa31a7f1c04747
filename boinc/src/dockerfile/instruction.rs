//! Instructions, typed.

use super::fault::Position;
use super::word::Word;

/// Where the text of an instruction comes from: for each piece its first byte and its place in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Origin {
    pieces: Vec<(usize, Position)>,
}

impl Origin {
    /// A text that is not in the file: all of it is reported at one place.
    pub fn fixed(at: Position) -> Self {
        Self { pieces: vec![(0, at), (0, at)] }
    }

    /// A piece that starts at a byte.
    pub fn add(&mut self, offset: usize, at: Position) {
        self.pieces.push((offset, at));
    }

    /// The place of a byte of `text`. Takes time in the length of the text: for messages only.
    pub fn position(&self, text: &str, offset: usize) -> Position {
        let piece = self.pieces.partition_point(|&(start, _)| start <= offset).checked_sub(1);
        let Some(&(start, at)) = piece.and_then(|piece| self.pieces.get(piece)) else {
            return Position::START;
        };
        if let [(0, first), (0, _)] = self.pieces[..] {
            return first;
        }
        let characters = text.get(start..offset).map_or(0, |before| before.chars().count());
        Position {
            line: at.line,
            column: at.column.saturating_add(u32::try_from(characters).unwrap_or(u32::MAX)),
        }
    }

    /// The line of the first piece.
    pub fn line(&self) -> u32 {
        self.pieces.first().map_or(1, |(_, at)| at.line)
    }
}

/// One instruction other than FROM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instruction {
    /// As written, lines joined, without the bodies of here-documents.
    pub text: String,
    pub origin: Origin,
    pub kind: Kind,
}

impl Instruction {
    /// The place of a byte of the text.
    pub fn position(&self, offset: usize) -> Position {
        self.origin.position(&self.text, offset)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Arg(Vec<ArgDeclaration>),
    Env(Vec<(String, Word)>),
    Label(Vec<(Word, Word)>),
    Run(Run),
    Cmd(CommandLine),
    Entrypoint(CommandLine),
    Shell(Vec<String>),
    Copy(Box<Copy>),
    User(Word),
    Workdir(Word),
    /// EXPOSE, HEALTHCHECK, MAINTAINER, STOPSIGNAL, VOLUME.
    Ignored,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ArgDeclaration {
    pub name: String,
    pub default: Option<Word>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CommandLine {
    /// For the shell, as written.
    Shell(String),
    /// Words.
    Exec(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Run {
    Command(CommandLine),
    /// `RUN <<EOF` alone: the body.
    Script(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    pub is_add: bool,
    pub from: Option<usize>,
    pub sources: Vec<CopySource>,
    pub destination: Word,
    pub chown: Option<Word>,
    pub chmod: Option<Word>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CopySource {
    Path(Word),
    Inline { name: String, content: Word },
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stage {
    /// In lower case.
    pub name: Option<String>,
    pub image: Word,
    pub platform: Option<Word>,
    /// The FROM as written.
    pub text: String,
    pub origin: Origin,
    pub instructions: Vec<Instruction>,
}

impl Stage {
    /// The place of a byte of the FROM.
    pub fn position(&self, offset: usize) -> Position {
        self.origin.position(&self.text, offset)
    }
}
