//! COPY and ADD.

use super::flags::Flags;
use super::{Body, Line, Surroundings, json_list};
use crate::dockerfile::fault::{Fault, Position, excerpt};
use crate::dockerfile::here_document::{self, HereDocument};
use crate::dockerfile::instruction::{Copy, CopySource};
use crate::dockerfile::word::{Word, WordFault, split_blank};

/// Most sources of one instruction.
const MAX_SOURCES: usize = 1_000;

/// The here-documents among the words; flags cannot be any.
pub(super) fn here_documents(text: &str) -> Result<Vec<HereDocument>, WordFault> {
    let mut found = Vec::new();
    for (at, word) in split_blank(text) {
        found.extend(here_document::in_word(text, at, word)?);
    }
    Ok(found)
}

pub(super) fn read(
    line: &Line<'_>,
    flags: &Flags<'_>,
    bodies: Vec<Body>,
    surroundings: &Surroundings<'_>,
) -> Result<Copy, Fault> {
    let from =
        flags.get("from").map(|(offset, value)| stage(line, offset, value, surroundings)).transpose()?;
    let mut bodies = bodies.into_iter();
    let mut sources = Vec::new();
    if let Some(list) = json_list(line)? {
        for text in &list {
            sources.push(CopySource::Path(
                Word::read(text, line.offset, line.escape)
                    .map_err(|fault| line.fault(line.offset, fault.found).help(fault.help))?,
            ));
        }
    } else {
        for (at, text) in split_blank(line.rest) {
            sources.push(if text.starts_with("<<") {
                // As many as were found before, in the same order; none next to a pattern that starts with `[`.
                let body =
                    bodies.next().ok_or_else(|| line.fault(line.offset + at, "a here-document here"))?;
                inline(body)?
            } else {
                CopySource::Path(line.word(line.offset + at, text)?)
            });
        }
    }
    let usage = || line.fault(line.offset, format!("{} {}", line.name, excerpt(line.rest)));
    let Some(CopySource::Path(destination)) = sources.pop() else {
        return Err(usage().accepted("SOURCE… DESTINATION"));
    };
    if sources.is_empty() {
        return Err(usage().accepted("SOURCE… DESTINATION"));
    }
    if sources.len() > MAX_SOURCES {
        let found = format!("{} with {} sources", line.name, sources.len());
        return Err(line.fault(0, found).accepted(format!("at most {MAX_SOURCES}")).help("use a pattern"));
    }
    if from.is_some() && sources.iter().any(|source| matches!(source, CopySource::Inline { .. })) {
        return Err(usage().help("a here-document is not part of another stage: use a COPY of its own"));
    }
    let flag = |name| flags.get(name).map(|(offset, value)| line.word(offset, value)).transpose();
    Ok(Copy {
        is_add: line.name == "ADD",
        from,
        sources,
        destination,
        chown: flag("chown")?,
        chmod: flag("chmod")?,
    })
}

fn inline(Body { document, body, first }: Body) -> Result<CopySource, Fault> {
    let body = if document.strips_tabs { here_document::without_tabs(&body) } else { body };
    let content = if document.expands {
        Word::read_body(&body).map_err(|fault| {
            let before = &body[..fault.offset];
            let lines = u32::try_from(before.bytes().filter(|&b| b == b'\n').count()).unwrap_or(u32::MAX);
            let at = Position { line: first.saturating_add(lines), column: 1 };
            Fault::new(at, fault.found).help(fault.help)
        })?
    } else {
        Word::literal(&body, 0)
    };
    Ok(CopySource::Inline { name: document.name, content })
}

/// The earlier stage that `--from` names.
fn stage(
    line: &Line<'_>,
    offset: usize,
    value: &str,
    surroundings: &Surroundings<'_>,
) -> Result<usize, Fault> {
    if surroundings.is_trigger {
        return Err(line.fault(offset, "COPY --from in a trigger"));
    }
    // The last one is the stage that the instruction is in.
    let earlier = surroundings.stages.len().saturating_sub(1);
    let name = value.to_ascii_lowercase();
    let named = surroundings.stages.iter().position(|stage| stage.name.as_deref() == Some(&*name));
    let number = value.bytes().all(|b| b.is_ascii_digit()).then(|| value.parse().ok()).flatten();
    match named.or(number) {
        Some(stage) if stage < earlier => Ok(stage),
        Some(_) => Err(line
            .fault(offset, format!("--from={value} is not an earlier stage"))
            .accepted("a stage above this one")),
        None => Err(line
            .fault(offset, format!("--from={} is not a stage of this file", excerpt(value)))
            .accepted("the name or number of an earlier stage, without variables")
            .help(format!("to copy from an image, give it a stage: FROM {value} AS NAME"))),
    }
}
