//! The submitter's side: app and batch files, packing, the local backend.
