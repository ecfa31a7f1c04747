//! The table that a run ends with.

/// Where the constants of the column come from; they were measured with an emulated client like this one.
pub const UPSTREAM: &str = "docker_wrapper 22, measured";

/// A figure: what was measured, against what, and what was promised.
pub struct Row {
    pub figure: String,
    pub measured: String,
    /// The engine alone, in the same run.
    pub raw: String,
    /// BOINC's stock wrapper: constants.
    pub upstream: &'static str,
    pub bar: &'static str,
    /// `None` where nothing was promised.
    pub met: Option<bool>,
}

impl Row {
    /// A figure with a bar, compared to nothing yet.
    pub fn new(figure: impl Into<String>, measured: impl Into<String>, bar: &'static str, met: bool) -> Self {
        Self {
            figure: figure.into(),
            measured: measured.into(),
            raw: String::new(),
            upstream: "",
            bar,
            met: Some(met),
        }
    }

    /// A figure that nothing was promised about.
    pub fn without_bar(figure: impl Into<String>, measured: impl Into<String>) -> Self {
        Self { met: None, ..Self::new(figure, measured, "", false) }
    }

    /// The figure's measurement broke off; the reason is above the table.
    pub fn not_measured(name: &str) -> Self {
        Self { met: None, ..Self::new(name, "could not be measured, see above", "", false) }
    }

    pub fn raw(mut self, raw: impl Into<String>) -> Self {
        self.raw = raw.into();
        self
    }

    pub fn upstream(mut self, upstream: &'static str) -> Self {
        self.upstream = upstream;
        self
    }

    fn cells(&self) -> [&str; 6] {
        let met = match self.met {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        [&self.figure, &self.measured, &self.raw, self.upstream, self.bar, met]
    }
}

/// Prints the table, in Markdown.
pub fn print(rows: &[Row]) {
    let upstream = format!("upstream ({UPSTREAM})");
    let head = ["figure", "measured", "raw engine, same run", upstream.as_str(), "bar", "met"];
    let lines: Vec<[&str; 6]> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for (number, line) in lines.iter().enumerate() {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        println!("| {} |", cells.join(" | "));
        if number == 0 {
            let rules: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
            println!("| {} |", rules.join(" | "));
        }
    }
}
