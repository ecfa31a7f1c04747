//! `buoy`: the tool of submitters and admins.
fn main() {}
