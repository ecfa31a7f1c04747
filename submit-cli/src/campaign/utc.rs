//! Times in JSON and tables: UTC, as `2026-08-21T12:00:00Z`.

use boinc::calendar::utc;
use serde::Serializer;

/// Seconds since 1970.
pub fn time<S: Serializer>(seconds: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&utc(*seconds))
}

/// Seconds since 1970, or null.
pub fn optional<S: Serializer>(seconds: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match seconds {
        Some(seconds) => time(seconds, serializer),
        None => serializer.serialize_none(),
    }
}
