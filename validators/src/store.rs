//! Where an item of the spool goes: files in their places, a row in a table, a hook; and the number of its batch, which
//! some of these need.
//!
//! Each step can be done twice and changes nothing the second time, or lets the other side know (a hook's item name).

pub(crate) mod batch_id;
pub(crate) mod files;
pub(crate) mod hook;
pub(crate) mod table;
