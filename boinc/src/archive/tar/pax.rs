//! Records of extended headers: `LENGTH KEY=VALUE\n`, the length counting itself.

use std::collections::BTreeSet;

use super::{TarError, shown};

/// Key and value.
pub(in crate::archive) type Record<'a> = (&'a [u8], &'a [u8]);

/// The records in their order; keys are not repeated.
pub(in crate::archive) fn parse_records(mut text: &[u8]) -> Result<Vec<Record<'_>>, TarError> {
    let mut records = Vec::new();
    let mut keys = BTreeSet::new();
    let bad = || TarError::Invalid("an extended header has a record that cannot be read".into());
    while !text.is_empty() {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let length: usize = std::str::from_utf8(&text[..digits])
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(bad)?;
        if text.get(digits) != Some(&b' ')
            || length <= digits + 1
            || text.get(length.wrapping_sub(1)) != Some(&b'\n')
        {
            return Err(bad());
        }
        let record = &text[digits + 1..length - 1];
        let equals = record.iter().position(|&byte| byte == b'=').filter(|&at| at > 0).ok_or_else(bad)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        if !keys.insert(key) {
            refuse!("an extended header has the key {} twice", shown(key));
        }
        records.push((key, value));
        text = &text[length..];
    }
    Ok(records)
}

/// Appends one record.
pub(super) fn push_record(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + decimal_digits(rest);
    if decimal_digits(length) > decimal_digits(rest) {
        length += 1;
    }
    records.extend_from_slice(length.to_string().as_bytes());
    records.push(b' ');
    records.extend_from_slice(key);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn decimal_digits(number: usize) -> usize {
    number.to_string().len()
}
