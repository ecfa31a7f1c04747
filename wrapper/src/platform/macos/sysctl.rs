//! What the kernel reports by `sysctl`.

use std::ffi::c_int;
use std::ptr;

/// Longer than any answer that is asked for here.
const MAX_BYTES: usize = 1_024;

/// `struct timeval` of the 64-bit systems: seconds, then microseconds in four bytes.
const TIME_BYTES: usize = 12;

/// Where `struct kinfo_proc` (sys/sysctl.h, sys/proc.h) has the state of the process, after the start time, two pointers and the
/// flags.
const STATE_OFFSET: usize = 36;

/// `SZOMB` of sys/proc.h.
const ZOMBIE: u8 = 5;

/// When this host was booted, seconds since 1970.
pub fn system_started() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "seconds of this age are far below 2^52")]
    let seconds = |(seconds, microseconds): (i64, i32)| seconds as f64 + f64::from(microseconds) / 1e6;
    ask(&mut [libc::CTL_KERN, libc::KERN_BOOTTIME]).as_deref().and_then(time).map_or(0.0, seconds)
}

/// When a process was started, in seconds and microseconds since 1970, whoever runs it. `None` if there is none, and for a zombie,
/// which does nothing any more.
pub(super) fn start_time(pid: u32) -> Option<(i64, i32)> {
    let pid = c_int::try_from(pid).ok()?;
    // `p_starttime` is the first field of the first field.
    let process = ask(&mut [libc::CTL_KERN, libc::KERN_PROC, libc::KERN_PROC_PID, pid])?;
    if process.get(STATE_OFFSET) == Some(&ZOMBIE) { None } else { time(&process) }
}

fn time(bytes: &[u8]) -> Option<(i64, i32)> {
    let (seconds, microseconds) = bytes.get(..TIME_BYTES)?.split_at(8);
    let seconds = i64::from_ne_bytes(seconds.try_into().ok()?);
    Some((seconds, i32::from_ne_bytes(microseconds.try_into().ok()?)))
}

#[expect(unsafe_code, reason = "the standard library has no sysctl")]
fn ask(name: &mut [c_int]) -> Option<Vec<u8>> {
    let mut answer = vec![0_u8; MAX_BYTES];
    let mut length = answer.len();
    let parts = u32::try_from(name.len()).ok()?;
    // SAFETY: the name and the buffer are as long as the kernel is told, and nothing is set.
    let status = unsafe {
        libc::sysctl(name.as_mut_ptr(), parts, answer.as_mut_ptr().cast(), &mut length, ptr::null_mut(), 0)
    };
    answer.truncate(length);
    (status == 0 && !answer.is_empty()).then_some(answer)
}
