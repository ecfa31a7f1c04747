//! What wsl.exe itself writes. Old versions write UTF-16, new ones UTF-8 if they are asked to, all in the user's language:
//! so only the code of an error is understood.

/// The first line of a text that holds something, for a message.
pub(super) fn first_line(bytes: &[u8]) -> Option<String> {
    let text = decode(bytes);
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

/// UTF-8 never holds a zero byte; UTF-16 has one in each character of ASCII, line ends included.
fn decode(bytes: &[u8]) -> String {
    if !bytes.contains(&0) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units).trim_start_matches('\u{feff}').to_owned()
}

/// The code of an error, such as `Wsl/Service/WSL_E_DISTRO_NOT_FOUND`, in either encoding, wherever it is in the text.
pub(super) fn code(bytes: &[u8]) -> Option<String> {
    const START: &[u8] = b"Wsl/";
    // Codes are ASCII: without the zeros both encodings are the same.
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    let at = text.windows(START.len()).position(|window| window == START)?;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/');
    let code: Vec<u8> = text[at..].iter().copied().take_while(is_part).take(200).collect();
    String::from_utf8(code).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    const TEXTS: [&str; 3] = [
        "There is no distribution with the supplied name.\r\nError code: Wsl/Service/WSL_E_DISTRO_NOT_FOUND\r\n",
        "Es ist keine Distribution mit dem angegebenen Namen vorhanden.\nFehlercode: \
         Wsl/Service/WSL_E_DISTRO_NOT_FOUND\n",
        "没有具有所提供名称的分发。\r\n错误代码: Wsl/Service/WSL_E_DISTRO_NOT_FOUND\r\n",
    ];

    #[test]
    fn codes_are_found_in_every_language_and_encoding() {
        for text in TEXTS {
            for bytes in [text.as_bytes().to_vec(), utf16(text), utf16(&format!("\u{feff}{text}"))] {
                assert_eq!(code(&bytes).as_deref(), Some("Wsl/Service/WSL_E_DISTRO_NOT_FOUND"), "{text}");
                assert_eq!(first_line(&bytes).as_deref(), text.lines().next(), "{text}");
            }
        }
        assert_eq!(code(b"no code here, Wsl is a word"), None);
        assert_eq!(first_line(b"\r\n  \n"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = first_line(&bytes);
            prop_assert!(code(&bytes).is_none_or(|code| code.starts_with("Wsl/")));
        }
    }
}
