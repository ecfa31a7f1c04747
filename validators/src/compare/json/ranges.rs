//! Numbers of one document, for the checks of a single result.

use std::io::{Read, Seek};

use super::cursor::{Cursor, TextBytes};
use super::paths::Tracker;
use crate::compare::decimal::Number;
use crate::compare::source::Halt;
use crate::rule::JsonPath;

/// Looks at a value: the path's number, the value if it is a number, and its text; answers what is wrong with it.
pub(in crate::compare) type Look<'l> = dyn FnMut(usize, Option<&Number>, &str) -> Option<String> + 'l;

/// Calls `look` for each value that one of `paths` leads to. The text must be JSON.
pub(in crate::compare) fn check<'l, R: Read + Seek>(
    reader: R,
    paths: Vec<&JsonPath>,
    look: &'l mut Look<'l>,
) -> Result<(), Halt> {
    let mut cursor = Cursor::new(reader, "only")?;
    let mut visit = Visit { tracker: Tracker::new(paths), look };
    while cursor.next_visible()?.is_some() {
        visit.value(&mut cursor)?;
        visit.tracker.next_document();
    }
    Ok(())
}

struct Visit<'r, 'l> {
    tracker: Tracker<'r>,
    look: &'l mut Look<'l>,
}

impl Visit<'_, '_> {
    fn value<R: Read + Seek>(&mut self, cursor: &mut Cursor<R>) -> Result<(), Halt> {
        match cursor.expect_value()? {
            b'{' => {
                self.note(None, "an object")?;
                cursor.enter();
                let mut is_first = true;
                while let Some(key) = cursor.next_key(is_first)? {
                    self.tracker.enter_key(&key)?;
                    self.value(cursor)?;
                    self.tracker.leave();
                    is_first = false;
                }
            }
            b'[' => {
                self.note(None, "an array")?;
                cursor.enter();
                let mut index = 0;
                while cursor.next_element(index == 0)? {
                    self.tracker.enter_element(index)?;
                    self.value(cursor)?;
                    self.tracker.leave();
                    index += 1;
                }
            }
            b'"' => {
                self.note(None, "a text")?;
                let mut text = TextBytes::begin(cursor);
                while text.next(cursor)?.is_some() {}
            }
            _ => {
                let scalar = cursor.scalar()?;
                self.note(scalar.number().as_ref(), &scalar.shown())?;
            }
        }
        Ok(())
    }

    fn note(&mut self, number: Option<&Number>, shown: &str) -> Result<(), Halt> {
        let wrong = self.tracker.here().find_map(|i| (self.look)(i, number, shown));
        wrong.map_or(Ok(()), |text| Err(self.tracker.at(&text)))
    }
}
