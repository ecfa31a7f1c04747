//! Colours for the labels that messages on stderr start with.

use anstyle::{AnsiColor, Style};

const LABELS: [(&str, AnsiColor); 5] = [
    ("error:", AnsiColor::Red),
    ("  cause:", AnsiColor::Red),
    ("warning:", AnsiColor::Yellow),
    ("note:", AnsiColor::Cyan),
    ("  help:", AnsiColor::Cyan),
];

/// The lines with their labels in bold and colour. Whoever writes them removes that where it has no place (`NO_COLOR`, files,
/// pipes).
pub(super) fn styled(lines: &str) -> String {
    lines.split_inclusive('\n').map(styled_line).collect()
}

fn styled_line(line: &str) -> String {
    let Some((label, color)) = LABELS.into_iter().find(|(label, _)| line.starts_with(label)) else {
        return line.to_owned();
    };
    let style = Style::new().bold().fg_color(Some(color.into()));
    format!("{style}{label}{style:#}{}", &line[label.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_label_at_the_start_of_a_line_is_styled() {
        assert_eq!(
            styled("error: no error: here\n  help: see error:\n      error: of a job\n"),
            "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m no error: here\n\
             \u{1b}[1m\u{1b}[36m  help:\u{1b}[0m see error:\n      error: of a job\n"
        );
    }
}
