//! Percent signs as PHP decodes them in query strings and form bodies.

/// Undoes URL encoding, `+` for a space included.
pub(crate) fn percent_decode(encoded: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut at = 0;
    while at < encoded.len() {
        let hex = |byte: Option<&u8>| byte.and_then(|byte| (*byte as char).to_digit(16));
        match encoded[at] {
            b'+' => decoded.push(b' '),
            b'%' => match (hex(encoded.get(at + 1)), hex(encoded.get(at + 2))) {
                (Some(high), Some(low)) => {
                    decoded.push((high * 16 + low) as u8);
                    at += 2;
                }
                _ => decoded.push(b'%'),
            },
            byte => decoded.push(byte),
        }
        at += 1;
    }
    decoded
}
