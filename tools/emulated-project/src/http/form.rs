//! Form bodies as PHP reads them into `$_POST` and `$_FILES`.

use super::percent::percent_decode;
use super::request::Request;

/// Why a part is no file: `UPLOAD_ERR_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UploadProblem {
    TooLarge,
    Partial,
    NoFile,
}

/// One entry of `$_FILES`.
#[derive(Debug)]
pub(crate) struct Upload {
    field: String,
    /// The part's file name without directories.
    pub(crate) name: String,
    pub(crate) content: Result<Vec<u8>, UploadProblem>,
    /// The field's name ends with `[]`: PHP makes arrays of everything.
    pub(crate) is_array: bool,
}

/// `$_POST` and `$_FILES`.
#[derive(Debug, Default)]
pub(crate) struct Form {
    fields: Vec<(String, Vec<u8>)>,
    pub(crate) uploads: Vec<Upload>,
}

/// What limits a form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FormLimits {
    pub(crate) file_bytes: u64,
    pub(crate) files: usize,
}

impl Form {
    /// Reads the body of a request; anything but a form gives an empty one.
    pub(crate) fn read(request: &mut Request, file_bytes: u64, files: usize) -> Self {
        let content_type = request.content_type.clone();
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let body = std::mem::take(&mut request.body);
        match kind.as_str() {
            _ if request.method != "POST" => Self::default(),
            "application/x-www-form-urlencoded" => Self::url_encoded(&body),
            "multipart/form-data" => match boundary(&content_type) {
                Some(boundary) => Self::multipart(&body, &boundary, FormLimits { file_bytes, files }),
                None => Self::default(),
            },
            _ => Self::default(),
        }
    }

    /// A field's text.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let (_, value) = self.fields.iter().rev().find(|(field, _)| field == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    fn url_encoded(body: &[u8]) -> Self {
        let mut form = Self::default();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = percent_decode(halves.next().unwrap_or_default());
            let value = percent_decode(halves.next().unwrap_or_default());
            form.fields.push((String::from_utf8_lossy(&name).into_owned(), value));
        }
        form
    }

    fn multipart(body: &[u8], boundary: &str, limits: FormLimits) -> Self {
        let mut form = Self::default();
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        let first = &delimiter[2..];
        let mut rest = if let Some(rest) = body.strip_prefix(first) {
            rest
        } else {
            match find(body, &delimiter) {
                Some(start) => &body[start + delimiter.len()..],
                None => return form,
            }
        };
        while let Some(part) = rest.strip_prefix(b"\r\n") {
            let Some(head_end) = find(part, b"\r\n\r\n") else { break };
            let head = String::from_utf8_lossy(&part[..head_end]).into_owned();
            let data = &part[head_end + 4..];
            let end = find(data, &delimiter);
            let content = &data[..end.unwrap_or(data.len())];
            form.add_part(&head, content, end.is_some(), limits);
            match end {
                Some(end) => rest = &data[end + delimiter.len()..],
                None => break,
            }
        }
        form
    }

    fn add_part(&mut self, head: &str, content: &[u8], whole: bool, limits: FormLimits) {
        let Some(disposition) =
            head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))
        else {
            return;
        };
        let Some(field) = attribute(disposition, "name") else { return };
        let Some(file_name) = attribute(disposition, "filename") else {
            if whole {
                self.fields.push((field, content.to_vec()));
            }
            return;
        };
        // PHP counts files that were chosen; one without a name is none.
        let chosen = self.uploads.iter().filter(|upload| !upload.name.is_empty()).count();
        if !file_name.is_empty() && chosen >= limits.files {
            return;
        }
        let content = if file_name.is_empty() {
            Err(UploadProblem::NoFile)
        } else if !whole {
            Err(UploadProblem::Partial)
        } else if content.len() as u64 > limits.file_bytes {
            Err(UploadProblem::TooLarge)
        } else {
            Ok(content.to_vec())
        };
        let is_array = field.ends_with(']') && field.contains('[');
        let field = field.split('[').next().unwrap_or_default().to_owned();
        let name = file_name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        let upload = Upload { field, name, content, is_array };
        match self.uploads.iter_mut().find(|other| other.field == upload.field) {
            Some(other) => *other = upload,
            None => self.uploads.push(upload),
        }
    }
}

fn boundary(content_type: &str) -> Option<String> {
    let start = content_type.to_ascii_lowercase().find("boundary=")? + "boundary=".len();
    let value = &content_type[start..];
    Some(match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?.to_owned(),
        None => value.split([',', ';']).next()?.trim().to_owned(),
    })
}

/// A quoted or bare attribute of a header line.
fn attribute(line: &str, name: &str) -> Option<String> {
    for part in line.split(';').skip(1) {
        let Some((key, value)) = part.split_once('=') else { continue };
        if key.trim().eq_ignore_ascii_case(name) {
            let value = value.trim();
            return Some(
                value.strip_prefix('"').map_or(value, |v| v.strip_suffix('"').unwrap_or(v)).to_owned(),
            );
        }
    }
    None
}

/// The first place of `needle`.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let (first, rest) = needle.split_first()?;
    let mut from = 0;
    while let Some(offset) = haystack.get(from..)?.iter().position(|byte| byte == first) {
        let at = from + offset;
        if haystack[at + 1..].starts_with(rest) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Form, FormLimits, UploadProblem, percent_decode};

    const LIMITS: FormLimits = FormLimits { file_bytes: 4, files: 2 };

    fn part(field: &str, file: &str, content: &str) -> String {
        format!(
            "--B\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{file}\"\r\n\r\n{content}\r\n"
        )
    }

    #[test]
    fn url_encoding_is_undone() {
        assert_eq!(percent_decode(b"a+b%3Cc%3e%zz"), b"a b<c>%zz");
    }

    #[test]
    fn a_field_name_used_twice_leaves_the_last_file() {
        let body = part("f", "a", "1") + &part("f", "b", "2") + "--B--\r\n";
        let form = Form::multipart(body.as_bytes(), "B", LIMITS);
        assert_eq!(form.uploads.len(), 1);
        assert_eq!(form.uploads[0].name, "b");
    }

    #[test]
    fn files_beyond_the_limit_vanish_and_large_ones_are_marked() {
        let body = part("a", "a", "12345") + &part("b", "b", "\r\n--") + &part("c", "c", "3") + "--B--\r\n";
        let form = Form::multipart(body.as_bytes(), "B", LIMITS);
        assert_eq!(form.uploads.len(), 2);
        assert_eq!(form.uploads[0].content, Err(UploadProblem::TooLarge));
        assert_eq!(form.uploads[1].content, Ok(b"\r\n--".to_vec()));
    }
}
