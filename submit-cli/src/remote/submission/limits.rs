//! What a project's web server takes in one request. PHP's settings can't be asked for; its refusals tell.

use serde::{Deserialize, Serialize};

use crate::campaign::{Campaign, CampaignError};

/// Key of `meta`.
const KEY: &str = "server_limits";

/// PHP's own default of `post_max_size`.
const REQUEST_BYTES: u64 = 8 << 20;
/// More than PHP's default of `max_file_uploads`, which is 20: a refusal tells the right number.
const FILES: usize = 100;
/// A smaller request is not tried: something else is wrong then.
const LEAST_BYTES: u64 = 1 << 10;

/// Limits as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerLimits {
    /// Bytes of a request's body (`post_max_size`).
    pub request_bytes: u64,
    /// Files of an upload (`max_file_uploads`).
    pub files: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self { request_bytes: REQUEST_BYTES, files: FILES }
    }
}

impl ServerLimits {
    /// What an earlier run of the campaign has learned.
    ///
    /// # Errors
    /// The campaign file can't be read.
    pub fn of(campaign: &Campaign) -> Result<Self, CampaignError> {
        Ok(campaign.value(KEY)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// Keeps them for the next run.
    ///
    /// # Errors
    /// The campaign file can't be written.
    pub fn save(&self, campaign: &mut Campaign) -> Result<(), CampaignError> {
        let text = serde_json::to_string(self).expect("numbers become JSON");
        campaign.set_value(KEY, &text)
    }

    /// A request of so many bytes was too large: half of it is tried. `false` if nothing smaller makes sense.
    pub fn refused_bytes(&mut self, bytes: u64) -> bool {
        let half = bytes.min(self.request_bytes) / 2;
        if half < LEAST_BYTES {
            return false;
        }
        self.request_bytes = half;
        true
    }

    /// An upload of `sent` files was too many. `false` if nothing less makes sense.
    pub fn refused_files(&mut self, sent: usize, accepted: Option<usize>) -> bool {
        let next = accepted.filter(|&accepted| accepted < sent).unwrap_or(sent / 2);
        if next == 0 {
            return false;
        }
        self.files = self.files.min(next);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_make_requests_smaller_until_that_makes_no_sense() {
        let mut limits = ServerLimits::default();
        assert!(limits.refused_files(100, Some(20)));
        assert_eq!(limits.files, 20);
        assert!(limits.refused_files(20, None));
        assert_eq!(limits.files, 10);
        assert!(!limits.refused_files(1, None));
        assert!(limits.refused_bytes(8_000_000));
        assert_eq!(limits.request_bytes, 4_000_000);
        while limits.refused_bytes(limits.request_bytes) {}
        assert!(limits.request_bytes >= LEAST_BYTES);
    }

    #[test]
    fn they_are_kept_with_the_campaign() {
        let dir = tempfile::tempdir().unwrap();
        let mut campaign = Campaign::open_for_run(dir.path()).unwrap();
        assert_eq!(ServerLimits::of(&campaign).unwrap(), ServerLimits::default());
        let learned = ServerLimits { request_bytes: 1 << 20, files: 7 };
        learned.save(&mut campaign).unwrap();
        assert_eq!(ServerLimits::of(&campaign).unwrap(), learned);
    }
}
