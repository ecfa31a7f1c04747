//! XML as PHP's SimpleXML sees it.

mod element;
mod parse;

pub(crate) use element::Element;
pub(crate) use parse::parse;
