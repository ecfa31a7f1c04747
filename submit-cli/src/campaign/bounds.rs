//! The numbers in an input template's `<workunit>`: what each job of a round may use.
//!
//! The template in the campaign file was rendered from one of ours, and may have been overridden by the submitter; an
//! element is found by its tag wherever it stands in `<workunit>` (tools/process_input_template.cpp reads it so).

use crate::plan::app::AppSpec;

/// What jobs may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Bounds {
    /// Bytes of memory (`rsc_memory_bound`).
    pub memory_bytes: u64,
    /// Bytes of disk (`rsc_disk_bound`).
    pub disk_bytes: u64,
    /// Seconds from sending to deadline (`delay_bound`).
    pub deadline_seconds: u64,
}

impl Bounds {
    /// Those of an app.
    pub fn of_app(app: &AppSpec) -> Self {
        let resources = &app.resources;
        Self {
            memory_bytes: resources.memory_bytes,
            disk_bytes: resources.disk_bytes,
            deadline_seconds: resources.deadline.as_secs(),
        }
    }

    /// Those of a template; where it does not say, those of `otherwise`.
    pub fn of(template: &str, otherwise: Bounds) -> Self {
        let whole = |tag: &str| number(template, tag).map(|number| number as u64);
        Self {
            memory_bytes: whole("rsc_memory_bound").unwrap_or(otherwise.memory_bytes),
            disk_bytes: whole("rsc_disk_bound").unwrap_or(otherwise.disk_bytes),
            deadline_seconds: whole("delay_bound").unwrap_or(otherwise.deadline_seconds),
        }
    }
}

/// The number that an element of a template's `<workunit>` holds.
pub fn number(template: &str, tag: &str) -> Option<f64> {
    let (start, end) = place(template, tag)?;
    template[start..end].trim().parse().ok()
}

/// The template with another text in an element of its `<workunit>`, which is added if it is not there. `None` if it has no
/// `<workunit>`, and so is no input template.
pub fn with(template: &str, tag: &str, text: &str) -> Option<String> {
    let mut changed = template.to_owned();
    match place(template, tag) {
        Some((start, end)) => changed.replace_range(start..end, text),
        None => {
            let end = template.rfind("</workunit>")?;
            changed.insert_str(end, &format!("<{tag}>{text}</{tag}>\n"));
        }
    }
    Some(changed)
}

/// From where to where an element's text goes.
fn place(template: &str, tag: &str) -> Option<(usize, usize)> {
    let begin = template.find("<workunit>")?;
    let open = format!("<{tag}>");
    let start = begin + template[begin..].find(&open)? + open.len();
    let end = start + template[start..].find(&format!("</{tag}>"))?;
    Some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "<input_template><file_info><x>1</x></file_info><workunit>\n  <rsc_memory_bound>1024</rsc_memory_bound>\n<delay_bound> 60 </delay_bound></workunit></input_template>";

    #[test]
    fn numbers_are_found_in_the_workunit() {
        let otherwise = Bounds { memory_bytes: 1, disk_bytes: 2, deadline_seconds: 3 };
        assert_eq!(
            Bounds::of(TEMPLATE, otherwise),
            Bounds { memory_bytes: 1024, disk_bytes: 2, deadline_seconds: 60 }
        );
        assert_eq!(number(TEMPLATE, "x"), None, "outside of it");
    }

    #[test]
    fn an_element_is_replaced_or_added() {
        let more = with(TEMPLATE, "rsc_memory_bound", "4096").unwrap();
        assert_eq!(number(&more, "rsc_memory_bound"), Some(4096.0));
        assert_eq!(more.replace("4096", "1024"), TEMPLATE);
        let added = with(TEMPLATE, "rsc_disk_bound", "7").unwrap();
        assert_eq!(number(&added, "rsc_disk_bound"), Some(7.0));
        assert_eq!(with("<x/>", "rsc_disk_bound", "7"), None);
    }
}
