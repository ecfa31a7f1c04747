//! COPY and ADD.

use super::{USER, Walk, check_user};
use crate::dockerfile::fault::{Fault, excerpt};
use crate::dockerfile::instruction::{Copy, CopySource, Instruction};
use crate::dockerfile::plan::{ContextSource, CopyStep, FileStep, Source};
use crate::dockerfile::word::Word;
use crate::dockerfile::{path, pattern};

/// Ends of names that ADD would have to decompress.
const COMPRESSED: [&str; 11] = [
    ".tar.gz",
    ".tgz",
    ".tar.bz2",
    ".tbz",
    ".tbz2",
    ".tar.xz",
    ".txz",
    ".tar.lzma",
    ".tar.zst",
    ".tzst",
    ".tar.z",
];

impl Walk<'_> {
    pub(super) fn copy(&mut self, at: &Instruction, copy: &Copy) -> Result<(), Fault> {
        let mut sources = Vec::new();
        let mut known = true;
        let first = self.context.len();
        for source in &copy.sources {
            let source = match source {
                CopySource::Path(word) => self.source(at, copy, word)?.map(Source::Pattern),
                CopySource::Inline { name, content } => {
                    let text = match content.as_literal() {
                        Some(text) => Some(text.to_owned()),
                        None => self.budget.expand_text(content, &self.state.variables).map_err(|error| {
                            Fault::new(
                                at.position(0),
                                format!("the here-document {name:?}: {}", error.found()),
                            )
                        })?,
                    };
                    text.map(|text| Source::Inline { name: name.clone(), content: text.into_bytes() })
                }
            };
            known &= source.is_some();
            sources.extend(source);
        }
        let owner = match &copy.chown {
            Some(word) => {
                let owner = self.expand(at, word)?;
                if let Some(owner) = &owner {
                    check_user(owner)
                        .map_err(|found| Fault::new(at.position(word.offset), found).accepted(USER))?;
                }
                owner
            }
            None => None,
        };
        let mode = match &copy.chmod {
            Some(word) => match self.expand(at, word)? {
                Some(text) => Some(mode(&text).ok_or_else(|| {
                    let fault = Fault::new(at.position(word.offset), format!("--chmod={}", excerpt(&text)));
                    fault.accepted("3 or 4 octal digits, for instance 755")
                })?),
                None => None,
            },
            None => None,
        };
        for source in &mut self.context[first..] {
            source.mode = mode;
        }
        let several = copy.sources.len() > 1;
        let Some((destination, is_directory)) = self.destination(at, &copy.destination)? else {
            return Ok(());
        };
        if known {
            self.files.push(FileStep::Copy(CopyStep {
                line: at.origin.line(),
                from: copy.from,
                sources,
                destination,
                destination_is_directory: is_directory || several,
                owner,
                mode,
                unpack: copy.is_add,
            }));
        }
        Ok(())
    }

    fn destination(&mut self, at: &Instruction, word: &Word) -> Result<Option<(String, bool)>, Fault> {
        let Some(text) = self.expand(at, word)? else { return Ok(None) };
        let fault = |found: String| Fault::new(at.position(word.offset), found);
        if text.is_empty() {
            return Err(fault("the destination is empty".to_owned()).accepted("a path"));
        }
        let Some(path) = self.state.absolute(&text) else { return Ok(None) };
        if let Some(found) = path::fault(&path) {
            return Err(fault(found));
        }
        if let Some(volume) = self.state.volumes.iter().find(|volume| path::is_below(&path, volume)) {
            let found =
                format!("the destination {} is in the volume {volume} of the base image", excerpt(&path));
            return Err(fault(found).help("what is copied there would be lost: choose another place"));
        }
        Ok(Some((path, path::names_a_directory(&text))))
    }

    /// A source, normalized; `None` if it is not known.
    fn source(&mut self, at: &Instruction, copy: &Copy, word: &Word) -> Result<Option<String>, Fault> {
        let instruction = if copy.is_add { "ADD" } else { "COPY" };
        let position = at.position(word.offset);
        let (line, column) = (position.line, position.column);
        let fault = |found: String| Fault::new(position, found);
        let Some(text) = self.expand(at, word)? else {
            if copy.from.is_none() {
                self.context.push(ContextSource { line, column, instruction, pattern: None, mode: None });
            }
            return Ok(None);
        };
        if text.is_empty() {
            return Err(fault(format!("a source of {instruction} is empty")));
        }
        if is_address(&text) {
            return Err(fault(format!("{instruction} from the address {}", excerpt(&text)))
                .help("fetch it in a RUN, with a checksum, where the project allows builds to use the network; or put the \
                       file among the files of the image"));
        }
        let source = match copy.from {
            Some(_) => path::absolute("/", &text),
            None => path::in_context(&text).ok_or_else(|| {
                fault(format!("the source {} is outside of the build context", excerpt(&text)))
                    .help("name the file in files of [image] in app.toml, and copy it by its last name")
            })?,
        };
        if source.contains(char::is_control) || source.len() > 4095 {
            return Err(
                fault(format!("the source {}", excerpt(&source))).accepted("a path of at most 4095 bytes")
            );
        }
        if pattern::check(&source).is_err() {
            return Err(fault(format!("the pattern {}", excerpt(&source))).accepted(
                "*, ?, [a-z], [^a-z]; a backslash before one of these makes it an ordinary character",
            ));
        }
        if source.contains("**") {
            return Err(fault(format!("the pattern {}: ** is not supported", excerpt(&source)))
                .help("name the directory"));
        }
        let lower = source.to_ascii_lowercase();
        if copy.is_add && COMPRESSED.iter().any(|end| lower.ends_with(end)) {
            return Err(fault(format!("ADD of the compressed archive {}", excerpt(&source)))
                .accepted("a plain tar file")
                .help("COPY it, and unpack it in RUN"));
        }
        if copy.from.is_none() {
            self.context.push(ContextSource {
                line,
                column,
                instruction,
                pattern: Some(source.clone()),
                mode: None,
            });
        }
        Ok(Some(source))
    }
}

/// What a builder would fetch.
fn is_address(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.contains("://") || lower.starts_with("git@") || lower.starts_with("github.com/")
}

fn mode(text: &str) -> Option<u32> {
    let is_octal = matches!(text.len(), 3 | 4) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    is_octal.then(|| u32::from_str_radix(text, 8).ok()).flatten()
}
