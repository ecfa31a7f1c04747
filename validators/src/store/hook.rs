//! Telling another program over HTTP: a signed POST for each workunit.

use std::path::Path;
use std::time::Duration;

use boinc::error_chain::chain;
use boinc::file_error::FileError;
use boinc::hex::hex;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::route::HookSpec;

/// The signature: `sha256=` and the HMAC-SHA256 of the body with the secret, in hex.
const SIGNATURE_HEADER: &str = "X-Buoy-Signature";

/// The item's name: the same if the same is told again.
const ITEM_HEADER: &str = "X-Buoy-Item";

/// The other side was not told, or did not take it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HookError {
    /// Nothing can be signed: the secret can't be read.
    #[error(transparent)]
    Secret(#[from] FileError),
    /// Nothing can be signed, or it can't be reached: why.
    #[error("{0}")]
    Unusable(String),
    /// It answers with this status of HTTP, and does not take it.
    #[error("{0} answered with status {1}, expected 200 to 299")]
    Refused(String, u16),
}

impl HookError {
    /// Whether the next item would fare the same.
    pub(crate) fn concerns_all(&self) -> bool {
        !matches!(self, HookError::Refused(_, 400..500))
    }
}

/// Posts `body`; `directory` is where a relative secret file starts.
pub(crate) fn post(hook: &HookSpec, directory: &Path, item: &str, body: &[u8]) -> Result<(), HookError> {
    let path = directory.join(&hook.secret_file);
    let failed = FileError::new("failed to read the secret of the hook from", &path);
    let secret = std::fs::read(&path).map_err(failed)?;
    let secret = secret.trim_ascii();
    // Everybody could guess a short one.
    if secret.len() < 16 {
        let (path, bytes) = (path.display(), secret.len());
        let why = format!("{path}: the secret of the hook has {bytes} bytes, at least 16 are required");
        return Err(HookError::Unusable(why));
    }
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(u64::from(hook.timeout_seconds.max(1)))))
        .http_status_as_error(false)
        // The signature is for this address alone.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .build()
        .new_agent();
    let answer = agent
        .post(&hook.url)
        .header("Content-Type", "application/json")
        .header(SIGNATURE_HEADER, format!("sha256={}", signature(secret, body)))
        .header(ITEM_HEADER, item)
        .send(body)
        .map_err(|error| HookError::Unusable(format!("failed to reach {}: {}", hook.url, chain(&error))))?;
    match answer.status().as_u16() {
        200..300 => Ok(()),
        status => Err(HookError::Refused(hook.url.clone(), status)),
    }
}

fn signature(secret: &[u8], body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(body);
    hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standard() {
        // RFC 4231, test case 2.
        assert_eq!(
            signature(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
