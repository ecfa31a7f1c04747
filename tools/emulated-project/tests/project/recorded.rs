//! The recordings in tests/recorded: how each is sent again, and how its reply is compared.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::client::{Client, Part, Reply, multipart, url_encode};

/// The file that the recordings call main.sh: only its length and its md5 are known.
pub const MAIN_SH_MD5: &str = "868bac8001e33fab1b34c5e4fa64eebd";

/// The user whose authenticator the recordings write as zeros.
pub const ZEROS: &str = "00000000000000000000000000000000";

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded")
}

/// The names of all pairs: each `.reply` must have its `.request` and the other way round.
pub fn names() -> BTreeSet<String> {
    let mut requests = BTreeSet::new();
    let mut replies = BTreeSet::new();
    for (folder, prefix) in [(directory(), ""), (directory().join("quiet"), "quiet/")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if let Some(stem) = name.strip_suffix(".request") {
                requests.insert(format!("{prefix}{stem}"));
            } else if let Some(stem) = name.strip_suffix(".reply") {
                replies.insert(format!("{prefix}{stem}"));
            }
        }
    }
    assert_eq!(requests, replies, "a recording lacks its other half");
    requests
}

/// A request as it goes out again.
pub struct Sent {
    method: String,
    page: String,
    content_type: String,
    pub body: Vec<u8>,
}

impl Sent {
    pub fn to(&self, client: &mut Client) -> Reply {
        client.request(&self.method, &self.page, &self.content_type, &self.body).unwrap()
    }
}

/// The text of a recorded request, for what is built after its model.
pub fn request_text(name: &str) -> String {
    std::fs::read_to_string(directory().join(format!("{name}.request"))).unwrap()
}

/// The XML of a recorded form.
pub fn message(name: &str) -> String {
    let text = request_text(name);
    text.split_once("\n\n").unwrap().1.to_owned()
}

/// Builds the request again; `authenticator` stands in the place of the zeros.
pub fn request(name: &str, authenticator: &str) -> Sent {
    let text = request_text(name).replace(ZEROS, authenticator);
    let (first, rest) = text.split_once('\n').unwrap();
    let (method, page) = first.split_once(' ').unwrap();
    let form = "application/x-www-form-urlencoded";
    let (content_type, body) = if method == "GET" {
        ("", Vec::new())
    } else if let Some(parts) =
        rest.strip_prefix("Content-Type: multipart/form-data; boundary=xxBOUNDARYxx\n\n")
    {
        let (message, files) = parts_of(parts);
        let body = multipart(&message, &files);
        assert!(
            parts.contains(&format!("(whole body: {} bytes)", body.len())),
            "{name}: {} bytes",
            body.len()
        );
        ("multipart/form-data; boundary=xxBOUNDARYxx", body)
    } else if let Some(body) = rest.strip_prefix(&format!("Content-Type: {form}\nbody: ")) {
        (form, body.trim_end().into())
    } else if rest.starts_with("Content-Type: text/xml\n") {
        ("text/xml", format!("<ping><authenticator>{ZEROS}</authenticator></ping>").into())
    } else if rest.starts_with("a ping of 9 MiB") {
        let filling = "x".repeat(9 << 20);
        (form, format!("request={}", url_encode(&format!("<ping>{filling}</ping>"))).into())
    } else if rest.starts_with("as submit_batch, with 700 jobs") {
        let message = seven_hundred_jobs();
        assert!(rest.contains(&format!("({} bytes of XML)", message.len())), "{} bytes", message.len());
        (form, format!("request={}", url_encode(&message)).into())
    } else {
        let message = rest.split_once("\n\n").unwrap().1.to_owned();
        (form, format!("request={}", url_encode(&message)).into())
    };
    Sent { method: method.to_owned(), page: page.to_owned(), content_type: content_type.to_owned(), body }
}

/// The parts of a recorded upload: `part N: name="…" filename="…" 14 bytes, md5 …, content "…"`.
fn parts_of(text: &str) -> (String, Vec<Part>) {
    let (_, rest) = text.split_once("value:\n").unwrap();
    let (message, files) = rest.split_once("\npart 2: ").unwrap();
    let files = files.lines().filter(|line| line.contains("name=\"")).map(|line| {
        let quoted = |key: &str| {
            let start = line.find(&format!("{key}=\"")).unwrap() + key.len() + 2;
            line[start..].split('"').next().unwrap().to_owned()
        };
        let size: usize =
            line.split(" bytes, md5 ").next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        let content = match line.split_once("content \"") {
            Some((_, content)) => unquote(content.strip_suffix('"').unwrap()),
            None => vec![b'g'; size],
        };
        assert_eq!(content.len(), size, "{line}");
        Part { field: quoted("name"), file_name: quoted("filename"), content }
    });
    (message.to_owned(), files.collect())
}

fn unquote(text: &str) -> Vec<u8> {
    text.replace("\\n", "\n").replace("\\\"", "\"").into_bytes()
}

/// The message of submit_batch-700-jobs-last-name-taken, which was recorded as a sentence.
fn seven_hundred_jobs() -> String {
    let model = message("keep-submit_batch");
    let start = model.find("    <job>").unwrap();
    let end = model.find("    </job>\n").unwrap() + "    </job>\n".len();
    // Its inputs are marked, its outputs are not.
    let (inputs, outputs) = model[start..end].split_once("<output_template>").unwrap();
    let job = format!("{inputs}<output_template>{}", outputs.replace("        <no_delete/>\n", ""))
        .replace("<command_line>one<", "<command_line>x<");
    let mut jobs = String::new();
    for number in 0..700 {
        jobs.push_str(&job.replace("keep_1", &format!("big_{number}")));
    }
    jobs.push_str(&job.replace("keep_1", "main_ok"));
    let rest = model.rfind("    </job>\n").unwrap() + "    </job>\n".len();
    format!("{}{jobs}{}", model[..start].replace("<batch_id>24<", "<batch_id>47<"), &model[rest..])
}

/// A recorded reply.
#[derive(Debug)]
pub struct Expected {
    pub status_line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

pub fn reply(name: &str) -> Expected {
    let bytes = std::fs::read(directory().join(format!("{name}.reply"))).unwrap();
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    Expected {
        status_line: lines.next().unwrap().to_owned(),
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        body: bytes[end + 2..].to_vec(),
    }
}

impl Expected {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}
