//! Puts entries into a `plan_class_spec.xml` that is there, and leaves every other byte of it as it is.

use std::ops::Range;

use boinc::xml::{Element, Xml};

/// What merging gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The new text.
    pub text: String,
    /// Names of the entries that are new.
    pub added: Vec<String>,
    /// Names of those that replaced one of the same name.
    pub replaced: Vec<String>,
    /// Names of those that were there already.
    pub unchanged: Vec<String>,
}

/// A file that cannot be merged into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The file has no `<plan_classes>`.
    #[error("missing <plan_classes> … </plan_classes>, the outermost element of a plan_class_spec.xml")]
    NoClasses,
    /// A class of this name is there, with other content.
    #[error("line {line}: the plan class {name:?} exists with other settings; replace it with --replace")]
    Differs {
        /// The class.
        name: String,
        /// Where it is, from 1.
        line: usize,
    },
    /// Two classes of this name are there: BOINC takes the first.
    #[error("line {line}: the plan class {name:?} is listed twice; remove this one, which BOINC ignores")]
    Twice {
        /// The class.
        name: String,
        /// Where the second is, from 1.
        line: usize,
    },
}

/// Merges entries, each a `<plan_class>` element, into the text of a file.
///
/// # Errors
/// The file is no `plan_class_spec.xml`, or has a class of the same name with other content and `replace` is false.
pub fn merge(text: &str, entries: &[String], replace: bool) -> Result<Merged, MergeError> {
    let xml = Xml::read(text);
    let classes = xml.root("plan_classes").ok_or(MergeError::NoClasses)?;
    if !classes.is_closed() {
        return Err(MergeError::NoClasses);
    }
    let mut merged =
        Merged { text: String::new(), added: Vec::new(), replaced: Vec::new(), unchanged: Vec::new() };
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut new = String::new();
    for entry in entries {
        let entry_xml = Xml::read(entry);
        let Some(class) = entry_xml.root("plan_class") else { continue };
        let name = name_of(class).to_owned();
        let mut same_name = classes.children_named("plan_class").filter(|class| name_of(class) == name);
        let there = same_name.next();
        if let Some(second) = same_name.next() {
            return Err(MergeError::Twice { name, line: line(text, second.span.start) });
        }
        match there {
            None => {
                new.push_str(entry);
                merged.added.push(name);
            }
            Some(old) if content(old) == content(class) => merged.unchanged.push(name),
            Some(_) if replace => {
                let old = there.map(|old| old.span.clone()).unwrap_or_default();
                edits.push((old, entry.trim().to_owned()));
                merged.replaced.push(name);
            }
            Some(old) => return Err(MergeError::Differs { name, line: line(text, old.span.start) }),
        }
    }
    if !new.is_empty() {
        edits.push(addition(text, classes, &new));
    }
    edits.sort_by_key(|(range, _)| range.start);
    merged.text = text.to_owned();
    for (range, with) in edits.into_iter().rev() {
        merged.text.replace_range(range, &with);
    }
    Ok(merged)
}

/// New entries go before the line with the end tag.
fn addition(text: &str, classes: &Element, new: &str) -> (Range<usize>, String) {
    if classes.empty_tag {
        return (classes.span.clone(), format!("<plan_classes>\n{new}</plan_classes>"));
    }
    let end = classes.inner.end;
    let line_start = text[..end].rfind('\n').map_or(0, |at| at + 1);
    if line_start >= classes.inner.start && text[line_start..end].trim().is_empty() {
        (line_start..line_start, new.to_owned())
    } else {
        (end..end, format!("\n{new}"))
    }
}

fn name_of(class: &Element) -> &str {
    class.child("name").map_or("", |name| name.text.as_str())
}

/// What a class says, without layout, comments and order; `<docker/>` and `<docker>1</docker>` mean the same.
fn content(class: &Element) -> Vec<(&str, &str)> {
    let says = |child: &'_ Element| if child.text == "1" { 0 } else { child.text.len() };
    let mut list: Vec<(&str, &str)> =
        class.children.iter().map(|child| (child.name.as_str(), &child.text[..says(child)])).collect();
    list.sort_unstable();
    list
}

fn line(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}
