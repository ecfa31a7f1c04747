//! `buoy-wrapper`: the program of a universal BOINC app.
fn main() {}
