//! The table that a run ends with.

/// A figure: what was measured, against what, and what was promised.
pub struct Row {
    pub figure: String,
    pub measured: String,
    /// Something that does the same, in the same run.
    pub compared: String,
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
            compared: String::new(),
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
        Self::without_bar(name, "could not be measured, see above")
    }

    pub fn compared(mut self, compared: impl Into<String>) -> Self {
        self.compared = compared.into();
        self
    }
}

/// Prints the table, in Markdown.
pub fn print(rows: &[Row]) {
    println!("| figure | measured | compared to | bar | met |");
    println!("|---|---|---|---|---|");
    for row in rows {
        let met = match row.met {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        println!("| {} | {} | {} | {} | {met} |", row.figure, row.measured, row.compared, row.bar);
    }
}
