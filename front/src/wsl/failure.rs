//! What it means that wsl.exe ended before the agent said who it is.

use super::distro::NoDistro;
use super::text::{code, first_line};
use crate::agent::{EarlyEnd, Explanation};

/// wsl.exe reports an error of its own by this status, 0xFFFFFFFF.
const FAILED: i32 = -1;

/// Explains an early end of wsl.exe. Its own messages come on either of its streams. A status of the agent is passed on, except that a death by signal N arrives as status N.
pub fn explain(end: &EarlyEnd) -> Explanation {
    let EarlyEnd { exit_code, output, errors } = end;
    if let Some(code) = code(output).or_else(|| code(errors)) {
        let (advice, is_final) = advice(&code);
        return Explanation { text: format!("{advice} ({code})"), is_final };
    }
    let line = first_line(errors).or_else(|| first_line(output));
    let line = line.map(|line| format!(": {line}")).unwrap_or_default();
    let text = match *exit_code {
        None => format!("wsl.exe did not answer and was ended{line}"),
        Some(FAILED) => format!("wsl.exe failed{line}"),
        // A session whose virtual machine is gone; also a program that cannot be started, as where WSL does not reach the slot and
        // starts it in the home directory (WSL: src/linux/init/init.cpp, common.h).
        Some(1) => format!(
            "WSL stopped, or BOINC's drive is not mounted in the distro (\"automount\" in /etc/wsl.conf){line}"
        ),
        Some(status) => format!("the agent in WSL ended with status {status}{line}"),
    };
    Explanation { text, is_final: false }
}

/// What to do about an error of WSL. The last part of its code is the error, what is before it the place.
fn advice(code: &str) -> (String, bool) {
    let error = code.rsplit('/').next().unwrap_or(code);
    let advice = match error {
        "WSL_E_DISTRO_NOT_FOUND" | "WSL_E_DEFAULT_DISTRO_NOT_FOUND" => {
            "the WSL distro is gone: restart the BOINC client, which looks for distros when it starts"
        }
        "WSL_E_LOCAL_SYSTEM_NOT_SUPPORTED" => return (NoDistro::Service.to_string(), true),
        "WSL_E_WSL_OPTIONAL_COMPONENT_REQUIRED"
        | "WSL_E_VIRTUAL_MACHINE_PLATFORM_REQUIRED"
        | "HCS_E_HYPERV_NOT_INSTALLED"
        | "HCS_E_SERVICE_NOT_AVAILABLE" => {
            "WSL cannot start a virtual machine: enable virtualization in the firmware, and run \
             \"wsl --install --no-distribution\" as administrator"
        }
        "WSL_E_WSL1_NOT_SUPPORTED" | "WSL_E_WSL1_DISABLED" => {
            "the WSL distro is of version 1: convert it with \"wsl --set-version\""
        }
        "WSL_E_USER_NOT_FOUND" => "the WSL distro has no user \"root\": install another distro",
        "WSL_E_DISK_CORRUPTED" => "the disk of the WSL distro is damaged: reinstall the distro",
        _ => return ("WSL failed".to_owned(), false),
    };
    (advice.to_owned(), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use boinc::wire::finish::MAX_REASON_BYTES;

    fn explained(exit_code: Option<i32>, output: &str, errors: &str) -> Explanation {
        explain(&EarlyEnd { exit_code, output: output.into(), errors: errors.into() })
    }

    #[test]
    fn codes_say_what_to_do() {
        let gone = "Kein solches Linux.\nFehlercode: Wsl/Service/WSL_E_DISTRO_NOT_FOUND\n";
        let failure = explained(Some(FAILED), gone, "");
        assert!(failure.is_final && failure.text.contains("restart the BOINC client"), "{failure:?}");
        assert!(failure.text.ends_with("(Wsl/Service/WSL_E_DISTRO_NOT_FOUND)"));
        let other = explained(Some(FAILED), "", "Wsl/Service/CreateInstance/E_UNEXPECTED");
        let text = "WSL failed (Wsl/Service/CreateInstance/E_UNEXPECTED)".to_owned();
        assert_eq!(other, Explanation { text, is_final: false });
        let virtualization = "Wsl/Service/CreateInstance/CreateVm/HCS/HCS_E_SERVICE_NOT_AVAILABLE";
        let service = "Wsl/WSL_E_LOCAL_SYSTEM_NOT_SUPPORTED";
        for code in [virtualization, service] {
            let failure = explained(Some(FAILED), code, "");
            assert!(failure.is_final && failure.text.len() <= MAX_REASON_BYTES, "{failure:?}");
        }
    }

    #[test]
    fn without_a_code_the_status_counts() {
        let table = [
            (None, "", "wsl.exe did not answer and was ended"),
            (Some(FAILED), "x\ny", "wsl.exe failed: x"),
            (
                Some(1),
                "",
                "WSL stopped, or BOINC's drive is not mounted in the distro (\"automount\" in /etc/wsl.conf)",
            ),
            (Some(126), "exec format error", "the agent in WSL ended with status 126: exec format error"),
        ];
        for (status, errors, text) in table {
            let failure = explained(status, "", errors);
            assert_eq!(failure, Explanation { text: text.to_owned(), is_final: false });
        }
    }
}
