//! Names of files that Windows cannot have. A job's files lie in slots of every platform, so `buoy check` and the wrapper
//! refuse them everywhere.

/// Names of devices: opening one of them, with any extension, opens the device.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Devices with a digit behind the name, superscript digits included.
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// What Windows refuses in a relative path with `/`, to follow the name; `None` if it accepts the name. Some of it the
/// kernel would accept, but neither the Windows shell nor a BOINC client could remove such a file again.
///
/// ```
/// use boinc::names::windows::fault_of;
/// assert_eq!(fault_of("poses/best.pdbqt"), None);
/// assert_eq!(fault_of("aux.txt").unwrap(), "has the part \"aux.txt\", which names a device on Windows");
/// assert!(fault_of("a:b").is_some() && fault_of("result.").is_some());
/// ```
pub fn fault_of(name: &str) -> Option<String> {
    name.split('/').find_map(|part| {
        if let Some(c) = part.chars().find(|c| c.is_control() || "<>:\"|?*\\".contains(*c)) {
            return Some(format!("holds the character {c:?}, which Windows refuses in names"));
        }
        if part.ends_with(['.', ' ']) {
            return Some(format!("has the part {part:?}, at whose end Windows drops the dot or space"));
        }
        is_device(part).then(|| format!("has the part {part:?}, which names a device on Windows"))
    })
}

fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).trim_end().to_lowercase();
    let numbered = |device: &&str| {
        let digits = stem.strip_prefix(*device).unwrap_or_default();
        let mut digits = digits.chars();
        matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    };
    DEVICES.contains(&stem.as_str()) || NUMBERED_DEVICES.iter().any(numbered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_windows_cannot_have_are_refused() {
        let devices =
            ["aux", "AUX.txt", "nul.tar.gz", "a/con/b", "com1", "Lpt9.x", "com¹", "prn .txt", "CONIN$"];
        for name in devices {
            assert!(fault_of(name).unwrap().ends_with("which names a device on Windows"), "{name}");
        }
        for name in ["a:b", "what?", "a*", "<x>", "a|b", "a\"b", "a\\b", "a\tb", "x/y:z"] {
            assert!(fault_of(name).unwrap().starts_with("holds the character"), "{name}");
        }
        for name in ["result.", "a /b", "a./b", "..."] {
            assert!(fault_of(name).unwrap().contains("at whose end"), "{name}");
        }
        for name in ["auxiliary", "com", "com10", "lpt", "con-1", "a.aux", "null", "x.y.z", "COMs.txt", ".x"]
        {
            assert_eq!(fault_of(name), None, "{name}");
        }
    }
}
