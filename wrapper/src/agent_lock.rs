//! The locks of agents, one for each slot, in their own system: none holds on both sides of the border.

use std::path::Path;

use boinc::hex::hex;
use sha2::{Digest, Sha256};

use crate::image::{HostLock, LockError};
use crate::state_dir::StateDir;

/// The directory of all agents' locks.
const LOCKS: &str = "agents";

/// The name of a slot in the agent's system, by the slot's absolute path: no two slots of any clients have the same.
pub fn slot_name(slot: &Path) -> String {
    hex(&Sha256::digest(slot.as_os_str().as_encoded_bytes())[..16])
}

/// Whether the slot of this name has had an agent.
pub fn is_known(system: &StateDir, slot_name: &str) -> bool {
    system.join(LOCKS).join(format!("{slot_name}.lock")).exists()
}

/// Takes the lock of the slot of this name if no agent has it.
///
/// # Errors
/// When its file cannot be made.
pub fn try_lock(system: &StateDir, slot_name: &str) -> Result<Option<HostLock>, LockError> {
    HostLock::try_now(&system.join(LOCKS), slot_name)
}
