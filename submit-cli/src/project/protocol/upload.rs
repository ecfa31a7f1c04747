//! Files on their way to a project.

use crate::project::authenticator::Authenticator;
use crate::project::multipart;
use crate::project::xml::element;

/// Bytes that a file of this name and size adds to a request body: content, name and headers.
pub fn file_request_bytes(name: &str, bytes: u64) -> u64 {
    let mut out = String::new();
    element(&mut out, "phys_name", name);
    out.len() as u64 + multipart::file_frame_bytes(name) + bytes
}

/// Size in bytes of an upload's request body without any file, for the longest authenticator.
pub fn envelope_bytes() -> u64 {
    let frame = request("", [].into_iter()).len() + "<authenticator></authenticator>\n".len();
    multipart::frame_bytes() + frame as u64 + Authenticator::longest()
}

/// The request `upload_files`; names in the order of the files.
pub(crate) fn request<'a>(authenticator: &str, names: impl Iterator<Item = &'a str>) -> String {
    let mut out = "<upload_files>\n".to_owned();
    element(&mut out, "authenticator", authenticator);
    names.for_each(|name| element(&mut out, "phys_name", name));
    out.push_str("</upload_files>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::project::multipart::Multipart;
    use crate::project::upload_body::{Upload, UploadBody};

    #[test]
    fn sizes_are_those_of_the_body() {
        let files = vec![
            Upload { name: "a".into(), body: UploadBody::Bytes(Arc::from(*b"aaa")) },
            Upload { name: "a.b_c-d".into(), body: UploadBody::File("/nowhere".into(), 1_000_000) },
        ];
        let told = envelope_bytes()
            + files.iter().map(|file| file_request_bytes(&file.name, file.body.bytes())).sum::<u64>();
        let request = request(&"k".repeat(254), files.iter().map(|file| file.name.as_str()));
        assert_eq!(Multipart::new(&request, files).bytes(), told);
    }
}
