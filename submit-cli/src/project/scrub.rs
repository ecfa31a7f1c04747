//! Finds a secret in a server's text, in each form in which web code repeats what it was sent, and cuts it out.
//!
//! Found are: the secret as it is and in other case, percent-encoded, as numeric entities or with `\x` and `\u` escapes
//! (also encoded twice, and mixed); its base64 form at any place of a longer encoded text, its hexadecimal form and its MD5;
//! and pieces of all these.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use boinc::hex::hex;
use md5::{Digest, Md5};

/// What stands where a secret was.
const REPLACEMENT: &str = "(authenticator)";

/// Pieces of the secret of this length or more are cut out of texts that are shown: PHP's messages quote requests in part.
const SHOWN_PIECE: usize = 8;

/// Pieces of this length or more are cut out of whole replies. Shorter ones can be there by chance: replies hold hundreds of
/// thousands of names with hexadecimal hashes, which have to stay as they are.
const REPLY_PIECE: usize = 16;

/// Bytes that an encoded character starts with.
const IS_ESCAPE: [bool; 256] = {
    let mut is = [false; 256];
    is[b'%' as usize] = true;
    is[b'&' as usize] = true;
    is[b'\\' as usize] = true;
    is
};

/// A form of a secret, in lower case, and how many of its characters carry as much as one of the secret's.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    bytes: Vec<u8>,
    /// A piece of this form must be so many times longer, in thirds.
    thirds: usize,
}

/// Cuts secrets out of texts.
pub(crate) struct Scrubber {
    forms: Vec<Form>,
    /// For each two bytes, where they occur: form and offset.
    starts: HashMap<[u8; 2], Vec<(usize, usize)>>,
    /// The keys of `starts`, as bits: most positions of a text need no more than this.
    known: Vec<u64>,
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrubber(…)")
    }
}

impl Scrubber {
    /// For these secrets, which are ASCII.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let forms: BTreeSet<Form> = secrets.into_iter().flat_map(forms).collect();
        let forms: Vec<Form> = forms.into_iter().collect();
        let mut starts: HashMap<[u8; 2], Vec<(usize, usize)>> = HashMap::new();
        let mut known = vec![0; (1 << 16) / 64];
        for (form, Form { bytes, .. }) in forms.iter().enumerate() {
            for (offset, pair) in bytes.windows(2).enumerate() {
                starts.entry([pair[0], pair[1]]).or_default().push((form, offset));
                let bit = pair_index([pair[0], pair[1]]);
                known[bit / 64] |= 1 << (bit % 64);
            }
        }
        Self { forms, starts, known }
    }

    /// A text that is shown, without secrets and pieces of them.
    pub(crate) fn shown(&self, text: &str) -> String {
        match self.without(text.as_bytes(), SHOWN_PIECE) {
            Cow::Borrowed(_) => text.to_owned(),
            // All forms are ASCII, so both ends of what was cut out are ends of characters.
            Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// A whole reply, without secrets and their larger parts.
    pub(crate) fn reply(&self, body: Vec<u8>) -> Vec<u8> {
        match self.without(&body, REPLY_PIECE) {
            Cow::Borrowed(_) => body,
            Cow::Owned(clean) => clean,
        }
    }

    fn without<'t>(&self, text: &'t [u8], piece: usize) -> Cow<'t, [u8]> {
        let mut clean: Option<Vec<u8>> = None;
        let (mut at, mut kept) = (0, 0);
        while at < text.len() {
            if !self.may_start(text, at) {
                at += 1;
                continue;
            }
            let Some(end) = self.found(text, at, piece) else {
                at += 1;
                continue;
            };
            let clean = clean.get_or_insert_default();
            clean.extend_from_slice(&text[kept..at]);
            clean.extend_from_slice(REPLACEMENT.as_bytes());
            (at, kept) = (end, end);
        }
        match clean {
            None => Cow::Borrowed(text),
            Some(mut clean) => {
                clean.extend_from_slice(&text[kept..]);
                Cow::Owned(clean)
            }
        }
    }

    /// Whether a form can start here, judged by two bytes: this is all that most of a reply needs.
    fn may_start(&self, text: &[u8], at: usize) -> bool {
        let Some(&[first, second]) = text.get(at..at + 2) else { return false };
        if IS_ESCAPE[usize::from(first)] || IS_ESCAPE[usize::from(second)] {
            return true;
        }
        self.knows([first.to_ascii_lowercase(), second.to_ascii_lowercase()])
    }

    fn knows(&self, pair: [u8; 2]) -> bool {
        let bit = pair_index(pair);
        self.known[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// Where the longest piece that starts here ends, if one does.
    fn found(&self, text: &[u8], at: usize, piece: usize) -> Option<usize> {
        let (first, second_at) = unit(text, at)?;
        let (second, _) = unit(text, second_at)?;
        if !self.knows([first, second]) {
            return None;
        }
        let candidates = self.starts.get(&[first, second])?;
        candidates.iter().filter_map(|&(form, offset)| self.end_of(form, offset, text, at, piece)).max()
    }

    fn end_of(&self, form: usize, offset: usize, text: &[u8], at: usize, piece: usize) -> Option<usize> {
        let Form { bytes, thirds } = &self.forms[form];
        let (mut end, mut length) = (at, 0);
        for wanted in &bytes[offset..] {
            match unit(text, end) {
                Some((byte, next)) if byte == *wanted => (end, length) = (next, length + 1),
                _ => break,
            }
        }
        (length >= bytes.len().min(piece * thirds / 3)).then_some(end)
    }
}

fn pair_index([first, second]: [u8; 2]) -> usize {
    usize::from(first) << 8 | usize::from(second)
}

/// The forms of one secret.
fn forms(secret: &str) -> Vec<Form> {
    let form = |text: &str, thirds| Form { bytes: text.to_ascii_lowercase().into_bytes(), thirds };
    let mut forms = vec![
        form(secret, 3),
        form(&hex(secret.as_bytes()), 6),
        // An MD5 tells nothing of the secret, but serves as well where it is the proof.
        form(&hex(&Md5::digest(secret)), 6),
    ];
    // In a longer encoded text the secret begins at one of three places within a group of four characters. The characters at
    // both ends that hold bits of its neighbours are left out.
    for before in 0..3 {
        let bytes = [vec![0; before], secret.as_bytes().to_vec()].concat();
        let own = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
        for encoded in [BASE64_STANDARD_NO_PAD.encode(&bytes), BASE64_URL_SAFE_NO_PAD.encode(&bytes)] {
            forms.push(form(&encoded[own.clone()], 4));
        }
    }
    forms
}

/// The character at a place of a text, decoded and in lower case, and where the next one begins.
fn unit(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let rest = text.get(at..)?;
    let encoded = match rest.first()? {
        b'%' => percent(rest),
        b'&' => entity(rest),
        b'\\' => backslash(rest),
        _ => None,
    };
    let (byte, length) = encoded.unwrap_or((rest[0], 1));
    Some((byte.to_ascii_lowercase(), at + length))
}

/// `%31`, `%2531`.
fn percent(rest: &[u8]) -> Option<(u8, usize)> {
    let mut at = 1;
    while rest[at..].starts_with(b"25") && number(rest.get(at + 2..at + 4)?, 16).is_some() {
        at += 2;
    }
    Some((number(rest.get(at..at + 2)?, 16)?, at + 2))
}

/// `&#49;`, `&#x31;`, `&amp;#49;`.
fn entity(rest: &[u8]) -> Option<(u8, usize)> {
    let mut at = 1;
    while rest[at..].starts_with(b"amp;") {
        at += 4;
    }
    if rest.get(at) != Some(&b'#') {
        return None;
    }
    at += 1;
    let radix = if matches!(rest.get(at), Some(b'x' | b'X')) { 16 } else { 10 };
    at += usize::from(radix == 16);
    let length = rest[at..].iter().take(8).position(|byte| *byte == b';')?;
    Some((number(&rest[at..at + length], radix)?, at + length + 1))
}

/// `\x31`, `\u0031`.
fn backslash(rest: &[u8]) -> Option<(u8, usize)> {
    let length = match rest.get(1)? {
        b'x' => 2,
        b'u' => 4,
        _ => return None,
    };
    Some((number(rest.get(2..2 + length)?, 16)?, 2 + length))
}

fn number(digits: &[u8], radix: u32) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u8::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;

    const KEY: &str = "157f96a018b0b2f2b466e2ce3c7f54db";

    fn encoded(text: &str, one: impl Fn(char) -> String) -> String {
        text.chars().map(one).collect()
    }

    fn scrubber() -> Scrubber {
        Scrubber::new([KEY])
    }

    /// All forms of a text that holds the key.
    fn hostile(key: &str) -> Vec<String> {
        let percent = encoded(key, |c| format!("%{:02x}", u32::from(c)));
        let entities = encoded(key, |c| format!("&#{};", u32::from(c)));
        vec![
            key.to_owned(),
            key.to_uppercase(),
            percent.clone(),
            percent.to_uppercase(),
            percent.replace('%', "%25"),
            percent.replace('%', "%2525"),
            entities.clone(),
            encoded(key, |c| format!("&#x{:X};", u32::from(c))),
            encoded(key, |c| format!("&#{:04};", u32::from(c))),
            entities.replace('&', "&amp;"),
            entities.replace('&', "&amp;amp;"),
            encoded(key, |c| format!("\\u{:04x}", u32::from(c))),
            encoded(key, |c| format!("\\x{:02x}", u32::from(c))),
            encoded(key, |c| if c.is_ascii_digit() { format!("%{:02x}", u32::from(c)) } else { c.into() }),
            encoded(key, |c| if c.is_ascii_digit() { format!("&#{};", u32::from(c)) } else { c.into() }),
            hex(key.as_bytes()),
            hex(&Md5::digest(key)),
            BASE64_STANDARD.encode(key),
            BASE64_STANDARD.encode(format!("u:{key}")),
            BASE64_STANDARD.encode(format!("{key}:")),
            BASE64_STANDARD.encode(format!("<authenticator>{key}</authenticator>")),
        ]
    }

    #[test]
    fn every_form_is_cut_out_of_texts_and_replies() {
        for form in hostile(KEY) {
            let text = format!("bad request \"{form}\" sent");
            let clean = scrubber().shown(&text);
            assert!(clean.contains(REPLACEMENT), "{form} in {clean}");
            assert!(clean.starts_with("bad request \"") && clean.ends_with("\" sent"), "{clean}");
            assert!(clean.len() < 80, "too much of {form} is left: {clean}");
            let reply = String::from_utf8(scrubber().reply(text.clone().into_bytes())).unwrap();
            assert!(reply.contains(REPLACEMENT) && reply.len() < 80, "{form} in {reply}");
        }
    }

    #[test]
    fn pieces_are_cut_out_of_texts_and_large_ones_out_of_replies() {
        let text = format!("ä {KEY}! ...{}é 157f96a", &KEY[9..]);
        assert_eq!(scrubber().shown(&text), "ä (authenticator)! ...(authenticator)é 157f96a");
        assert_eq!(scrubber().shown(""), "");
        assert_eq!(scrubber().shown(&KEY[4..12]), REPLACEMENT);
        let kept = KEY.as_bytes()[4..12].to_vec();
        assert_eq!(scrubber().reply(kept.clone()), kept, "names in replies stay");
        assert_eq!(scrubber().reply(KEY[4..20].into()), REPLACEMENT.as_bytes());
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in ["100 % & more: %zz &#x; &#; \\u12 \\", "größer % &amp; \u{fffd}", "%2", "&#49", "%25"]
        {
            assert_eq!(scrubber().shown(text), text);
            assert_eq!(Scrubber::new([]).shown(text), text);
        }
        let binary: Vec<u8> = (0..=255).collect();
        assert_eq!(scrubber().reply(binary.clone()), binary);
    }

    proptest! {
        #[test]
        fn no_form_of_any_key_survives_in_any_text(
            key in "[A-Za-z0-9_-]{16,64}", before in ".{0,20}", after in ".{0,20}", form in 0usize..21,
        ) {
            let form = &hostile(&key)[form];
            let clean = Scrubber::new([key.as_str()]).shown(&format!("{before}{form}{after}"));
            prop_assert!(clean.contains(REPLACEMENT), "{clean}");
            prop_assert!(!clean.to_lowercase().contains(&form.to_lowercase()), "{clean}");
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), text in "[%&#;x\\\\ua0-9]{0,60}") {
            scrubber().reply(bytes);
            scrubber().shown(&text);
        }
    }
}
