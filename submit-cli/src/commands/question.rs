//! A question before something that cannot be taken back.

use std::io::IsTerminal;

use crate::exit::Exit;
use crate::render;

/// Asks; `None` is a yes, else what the command ends with. `without` says what `--yes` does, as in "submits".
///
/// # Errors
/// The terminal can't be read.
pub fn declined(question: &str, without: &str) -> anyhow::Result<Option<Exit>> {
    if !std::io::stdin().is_terminal() {
        let nobody =
            anyhow::anyhow!("{question} There is no terminal to ask on; --yes {without} without a question");
        return Ok(Some(render::refusal(&nobody)));
    }
    Ok((!render::submit::confirm(question)?).then_some(Exit::Interrupted))
}
