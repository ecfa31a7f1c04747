//! Platforms, and whether a program is for one.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::str::FromStr;

/// A platform that volunteers' clients have, by BOINC's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// `x86_64-pc-linux-gnu`
    LinuxX86,
    /// `aarch64-unknown-linux-gnu`
    LinuxArm,
    /// `windows_x86_64`
    WindowsX86,
    /// `x86_64-apple-darwin`
    MacX86,
    /// `arm64-apple-darwin`
    MacArm,
}

/// Not one of the platforms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown platform {text:?}; accepted: {}", accepted())]
pub struct PlatformError {
    text: String,
}

impl Platform {
    pub const ALL: [Self; 5] = [Self::LinuxX86, Self::LinuxArm, Self::WindowsX86, Self::MacX86, Self::MacArm];

    /// The platform that this program was made for, if it is one of them.
    pub fn of_this_host() -> Option<Self> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Some(Self::LinuxX86),
            ("linux", "aarch64") => Some(Self::LinuxArm),
            ("windows", "x86_64") => Some(Self::WindowsX86),
            ("macos", "x86_64") => Some(Self::MacX86),
            ("macos", "aarch64") => Some(Self::MacArm),
            _ => None,
        }
    }

    /// BOINC's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::LinuxX86 => "x86_64-pc-linux-gnu",
            Self::LinuxArm => "aarch64-unknown-linux-gnu",
            Self::WindowsX86 => "windows_x86_64",
            Self::MacX86 => "x86_64-apple-darwin",
            Self::MacArm => "arm64-apple-darwin",
        }
    }

    /// How the name of a program ends there.
    pub fn program_suffix(self) -> &'static str {
        if self == Self::WindowsX86 { ".exe" } else { "" }
    }

    /// The platforms that the program in a file is for, by its first bytes; none if it is no program.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_program(file: &Path) -> io::Result<Vec<Self>> {
        let mut file = File::open(file)?;
        let mut head = [0; 64];
        let length = read_all(&mut file, &mut head)?;
        let head = &head[..length];
        if head.starts_with(b"MZ") {
            if length < 64 {
                return Ok(Vec::new());
            }
            let at = u32::from_le_bytes([head[60], head[61], head[62], head[63]]);
            file.seek(SeekFrom::Start(at.into()))?;
            let mut header = [0; 6];
            let length = read_all(&mut file, &mut header)?;
            let is_x86 = header[..length] == *b"PE\0\0\x64\x86";
            return Ok(if is_x86 { vec![Self::WindowsX86] } else { Vec::new() });
        }
        Ok(unix_program(head))
    }
}

/// ELF: the machine in bytes 18 and 19. Mach-O: the kind of processor in bytes 4 to 7, or a list of them.
fn unix_program(head: &[u8]) -> Vec<Platform> {
    let word = |at: usize| head.get(at..at + 4).and_then(|word| word.try_into().ok());
    if head.starts_with(b"\x7fELF\x02\x01") {
        return match head.get(18..20) {
            Some([62, 0]) => vec![Platform::LinuxX86],
            Some([183, 0]) => vec![Platform::LinuxArm],
            _ => Vec::new(),
        };
    }
    let mac = |kind: u32| match kind {
        0x0100_0007 => Some(Platform::MacX86),
        0x0100_000C => Some(Platform::MacArm),
        _ => None,
    };
    if head.starts_with(&0xFEED_FACF_u32.to_le_bytes()) {
        return word(4).map(u32::from_le_bytes).and_then(mac).into_iter().collect();
    }
    if head.starts_with(&0xCAFE_BABE_u32.to_be_bytes()) {
        let count = word(4).map_or(0, u32::from_be_bytes).min(2) as usize;
        return (0..count).filter_map(|n| word(8 + 20 * n).map(u32::from_be_bytes).and_then(mac)).collect();
    }
    Vec::new()
}

fn read_all(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            n => length += n,
        }
    }
    Ok(length)
}

fn accepted() -> String {
    Platform::ALL.map(Platform::name).join(", ")
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        Self::ALL
            .into_iter()
            .find(|platform| platform.name() == text)
            .ok_or_else(|| PlatformError { text: text.to_owned() })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_apart_by_their_first_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let mut windows = vec![0; 134];
        windows[..2].copy_from_slice(b"MZ");
        windows[60] = 128;
        windows[128..].copy_from_slice(b"PE\0\0\x64\x86");
        let elf = |machine: u8| [b"\x7fELF\x02\x01".as_slice(), &[0; 12], &[machine, 0], &[0; 44]].concat();
        let mac = |kind: u32| [0xFEED_FACF_u32.to_le_bytes(), kind.to_le_bytes()].concat();
        let mut both = [0xCAFE_BABE_u32.to_be_bytes(), 2_u32.to_be_bytes()].concat();
        both.extend(
            [0x0100_0007_u32.to_be_bytes().as_slice(), &[0; 16], &0x0100_000C_u32.to_be_bytes()].concat(),
        );
        let cases: [(Vec<u8>, &[Platform]); 9] = [
            (elf(62), &[Platform::LinuxX86]),
            (elf(183), &[Platform::LinuxArm]),
            (elf(40), &[]),
            (windows, &[Platform::WindowsX86]),
            (b"MZ".to_vec(), &[]),
            (mac(0x0100_0007), &[Platform::MacX86]),
            (mac(0x0100_000C), &[Platform::MacArm]),
            (both, &[Platform::MacX86, Platform::MacArm]),
            (b"#!/bin/sh\n".to_vec(), &[]),
        ];
        for (number, (bytes, platforms)) in cases.iter().enumerate() {
            let file = dir.path().join(number.to_string());
            std::fs::write(&file, bytes).unwrap();
            assert_eq!(Platform::of_program(&file).unwrap(), *platforms, "case {number}");
        }
    }

    #[test]
    fn this_program_is_for_this_host() {
        let platforms = Platform::of_program(&std::env::current_exe().unwrap()).unwrap();
        assert_eq!(platforms.first().copied(), Platform::of_this_host());
    }
}
