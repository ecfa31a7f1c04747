//! The emulation against what was recorded from a real server.
