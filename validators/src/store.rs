//! What is done with an item of the spool: files in their places, a row in a table, a script, a hook.
//!
//! Each step can be done twice and changes nothing the second time, or lets the other side know (a hook's item name).

pub(crate) mod batch_id;
pub(crate) mod hook;
pub(crate) mod place;
pub(crate) mod table;
