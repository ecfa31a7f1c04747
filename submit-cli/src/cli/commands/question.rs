//! A question before something that cannot be taken back.

use std::io::IsTerminal;

use crate::cli::exit::Exit;
use crate::cli::render;

/// Asks; `None` is a yes, else what the command ends with.
///
/// # Errors
/// The terminal can't be read.
pub fn declined(question: &str) -> anyhow::Result<Option<Exit>> {
    if !std::io::stdin().is_terminal() {
        let exit = render::refusal(&anyhow::anyhow!("no terminal to ask on: {question}"));
        render::help("use --yes to go ahead without a question");
        return Ok(Some(exit));
    }
    Ok((!render::submit::confirm(question)?).then_some(Exit::Interrupted))
}
