//! Parameter sweeps: `1..10`, `0..1 step 0.1`, lists; several multiply.
//!
//! Both ends of a range are in it, as people expect. Steps are decimal numbers, counted exactly: `0..1 step 0.1` has
//! eleven values and the last one is `1.0`.

use crate::plan::placeholder::Values;
use crate::plan::units::Decimal;

/// More jobs than this in one batch are a mistake.
pub const JOBS_MAX: usize = 1_000_000;

/// What [`values`] accepts, for messages.
pub const FORM: &str = "a range \"1..10\", \"0..1 step 0.1\" (both ends are in it), or a list";

/// A parameter and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// Its name, as placeholders use it.
    pub key: String,
    /// Its values; at least one.
    pub values: Vec<String>,
}

/// The product of some axes; the last one turns fastest.
#[derive(Debug, Clone, Default)]
pub struct Sweep {
    /// The axes, in the order in which they were written.
    pub axes: Vec<Axis>,
}

#[derive(Debug, Clone, Copy)]
pub struct Point<'a> {
    sweep: &'a Sweep,
    number: usize,
}

impl Sweep {
    /// How many combinations there are: 1 without axes; `None` if more than a `usize` can count.
    pub fn count(&self) -> Option<usize> {
        self.axes.iter().try_fold(1usize, |count, axis| count.checked_mul(axis.values.len()))
    }

    pub fn points(&self) -> impl Iterator<Item = Point<'_>> {
        (0..self.count().unwrap_or(0)).map(|number| Point { sweep: self, number })
    }
}

impl Values for Point<'_> {
    fn get(&self, column: &str) -> Option<&str> {
        self.pairs().find(|(key, _)| *key == column).map(|(_, value)| value)
    }
}

impl<'a> Point<'a> {
    /// Each key with its value, in the order of the axes.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let number = self.number;
        let axes = &self.sweep.axes;
        axes.iter().enumerate().map(move |(at, axis)| {
            let stride: usize = axes[at + 1..].iter().map(|axis| axis.values.len()).product();
            (axis.key.as_str(), axis.values[number / stride % axis.values.len()].as_str())
        })
    }
}

/// The values of a text: a range, or a list parted by commas.
///
/// # Errors
/// What is wrong with it: completes "… of sweep KEY".
pub fn values(text: &str) -> Result<Vec<String>, String> {
    let text = text.trim();
    if let Some((start, rest)) = text.split_once("..") {
        let (end, step) = match rest.split_once("step") {
            Some((end, step)) => (end.trim(), Some(step.trim())),
            None => (rest.trim(), None),
        };
        return range(start.trim(), end, step);
    }
    let list: Vec<String> = text.split(',').map(|value| value.trim().to_owned()).collect();
    if list.iter().any(String::is_empty) {
        return Err(format!("an empty value in {text:?}"));
    }
    Ok(list)
}

fn range(start: &str, end: &str, step: Option<&str>) -> Result<Vec<String>, String> {
    let number = |text: &str| Decimal::parse(text).ok_or_else(|| format!("{text:?} is not a decimal number"));
    let (start, end, step) = (number(start)?, number(end)?, step.map_or(Ok(Decimal::ONE), number)?);
    let places = start.places.max(end.places).max(step.places);
    let too_large = || "a number too large".to_owned();
    let [start, end, step] = [start, end, step].map(|number| number.with_places(places));
    let (start, end, step) =
        (start.ok_or_else(too_large)?, end.ok_or_else(too_large)?, step.ok_or_else(too_large)?);
    if step == 0 {
        return Err("a step of 0".into());
    }
    if (end > start && step < 0) || (end < start && step > 0) {
        return Err("a step that leads away from the end".into());
    }
    let count = (end - start) / step + 1;
    if count > JOBS_MAX as i128 {
        return Err(format!("{count} values, more than {JOBS_MAX}"));
    }
    Ok((0..count).map(|at| show(start + at * step, places)).collect())
}

fn show(digits: i128, places: u32) -> String {
    if places == 0 {
        return digits.to_string();
    }
    let sign = if digits < 0 { "-" } else { "" };
    let scale = 10u128.pow(places);
    let digits = digits.unsigned_abs();
    format!("{sign}{}.{:0width$}", digits / scale, digits % scale, width = places as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(text: &str) -> String {
        values(text).unwrap().join(" ")
    }

    #[test]
    fn ranges_have_both_ends() {
        assert_eq!(joined("1..4"), "1 2 3 4");
        assert_eq!(joined("-1 .. 1"), "-1 0 1");
        assert_eq!(joined("5..5"), "5");
        assert_eq!(joined("3..1 step -1"), "3 2 1");
    }

    #[test]
    fn decimal_steps_are_exact() {
        assert_eq!(joined("0..1 step 0.1"), "0.0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0");
        assert_eq!(joined("-0.5..0.5 step 0.25"), "-0.50 -0.25 0.00 0.25 0.50");
        assert_eq!(joined("0..1 step 0.3"), "0.0 0.3 0.6 0.9");
    }

    #[test]
    fn lists_are_parted_by_commas() {
        assert_eq!(joined("fast, slow,1e-3"), "fast slow 1e-3");
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        for text in [
            "1..",
            "..",
            "a..b",
            "1..10 step 0",
            "10..1",
            "1..10 step -1",
            "0..1e3",
            "",
            "a,,b",
            "0..99999999",
        ] {
            assert!(values(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_last_axis_turns_fastest() {
        let axis = |key: &str, text: &str| Axis { key: key.into(), values: values(text).unwrap() };
        let sweep = Sweep { axes: vec![axis("a", "1..2"), axis("b", "x,y,z")] };
        let all: Vec<String> =
            sweep.points().map(|p| format!("{}{}", p.get("a").unwrap(), p.get("b").unwrap())).collect();
        assert_eq!(all, ["1x", "1y", "1z", "2x", "2y", "2z"]);
    }

    proptest! {
        #[test]
        fn a_range_of_integers_counts_as_integers_do(start in -1000i64..1000, length in 0i64..500, step in 1i64..9) {
            let end = start + length;
            let expected: Vec<String> = (start..=end).step_by(step as usize).map(|n| n.to_string()).collect();
            prop_assert_eq!(values(&format!("{start}..{end} step {step}")).unwrap(), expected);
        }
    }
}
