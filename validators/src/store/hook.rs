//! Telling another program over HTTP: a signed POST for each workunit.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// Nothing can be signed.
    #[error("failed to read the secret of the hook from {path}")]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A secret that everybody could guess.
    #[error("{path}: the secret of the hook has {bytes} bytes, at least 16 are required")]
    ShortSecret {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
    /// It can't be reached.
    #[error("failed to reach {url}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why not.
        source: Box<ureq::Error>,
    },
    /// It answers, and does not take it.
    #[error("{url} answered with status {status}, expected 200 to 299")]
    Refused {
        /// The address.
        url: String,
        /// HTTP's status.
        status: u16,
    },
}

impl HookError {
    /// Whether the next item would fare the same.
    pub(crate) fn concerns_all(&self) -> bool {
        !matches!(self, HookError::Refused { status: 400..500, .. })
    }
}

/// Posts `body`; `directory` is where a relative secret file starts.
pub(crate) fn post(hook: &HookSpec, directory: &Path, item: &str, body: &[u8]) -> Result<(), HookError> {
    let path = directory.join(&hook.secret_file);
    let secret = std::fs::read(&path).map_err(|source| HookError::Secret { path: path.clone(), source })?;
    let secret = secret.trim_ascii();
    if secret.len() < 16 {
        return Err(HookError::ShortSecret { path, bytes: secret.len() });
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
        .map_err(|source| HookError::Unreachable { url: hook.url.clone(), source: Box::new(source) })?;
    match answer.status().as_u16() {
        200..300 => Ok(()),
        status => Err(HookError::Refused { url: hook.url.clone(), status }),
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
