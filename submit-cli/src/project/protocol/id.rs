//! Numbers of rows in a project's database, which must not be taken for one another.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A batch; 0 is none.
    BatchId
}
id! {
    /// A workunit, which we call a job.
    WorkunitId
}
id! {
    /// A result: one instance of a job, at one volunteer.
    ResultId
}
