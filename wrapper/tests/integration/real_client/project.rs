//! A small project on loopback, as far as a client needs one: master page, scheduler, downloads, uploads. Its apps come by
//! app_info.xml (anonymous platform), so that nothing has to be signed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use md5::{Digest, Md5};

/// The app whose jobs bring everything.
pub const UNIVERSAL: &str = "universal";
/// The app whose version holds the science app.
pub const SINGLE: &str = "single";

/// A file of a job.
#[derive(Clone, Debug)]
pub struct Input {
    pub open_name: &'static str,
    pub content: Vec<u8>,
    /// In copy mode; else in link mode.
    pub copy: bool,
}

/// A job that waits for a client.
#[derive(Clone, Debug)]
pub struct Job {
    pub name: String,
    pub app: &'static str,
    pub inputs: Vec<Input>,
    pub outputs: Vec<&'static str>,
    pub arguments: String,
}

/// What a client has reported about a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub exit_status: i32,
    /// `lib/common_defs.h`, `RESULT_STATE`: 3 compute error, 5 files uploaded, 6 aborted.
    pub state: i32,
    pub cpu_seconds: f64,
    pub stderr: String,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Job>,
    files: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<String, Vec<u8>>,
    reports: BTreeMap<String, Report>,
}

/// The project. Its threads end with the test's process.
#[derive(Clone, Debug)]
pub struct Project {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Project {
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let project = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        let server = project.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                // A client that breaks a connection off tries again.
                thread::spawn(move || server.serve(stream).unwrap_or_default());
            }
        });
        project
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// As a client names the project's directory and account file: `lib/url.cpp`, `escape_project_url`.
    pub fn escaped_url(&self) -> String {
        format!("127.0.0.1_{}", self.port)
    }

    pub fn submit(&self, job: Job) {
        let mut state = self.state.lock().unwrap();
        for input in &job.inputs {
            state.files.insert(physical(&job, input), input.content.clone());
        }
        state.waiting.push(job);
    }

    pub fn report(&self, job: &str) -> Option<Report> {
        self.state.lock().unwrap().reports.get(&format!("{job}_0")).cloned()
    }

    /// The uploaded output with this number.
    pub fn output(&self, job: &str, number: usize) -> Option<String> {
        let state = self.state.lock().unwrap();
        state
            .uploads
            .get(&format!("{job}_0_{number}"))
            .map(|content| String::from_utf8(content.clone()).unwrap())
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut request = String::new();
        reader.read_line(&mut request)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if lower.starts_with("expect: 100-continue") {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let path = request.split(' ').nth(1).unwrap_or_default();
        let reply = match path {
            "/" => Some(
                format!("<html>\n<!--\n<scheduler>{}cgi</scheduler>\n-->\n</html>\n", self.url())
                    .into_bytes(),
            ),
            "/cgi" => Some(self.schedule(&String::from_utf8_lossy(&body)).into_bytes()),
            "/file_upload_handler" => Some(self.upload(&body).into_bytes()),
            path => path
                .strip_prefix("/download/")
                .and_then(|name| self.state.lock().unwrap().files.get(name).cloned()),
        };
        let status = if reply.is_some() { "200 OK" } else { "404 Not Found" };
        let reply = reply.unwrap_or_default();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            reply.len()
        )?;
        stream.write_all(&reply)
    }

    /// `sched/sched_types.cpp`, `SCHEDULER_REPLY::write`, without what this client does not need.
    fn schedule(&self, request: &str) -> String {
        let mut state = self.state.lock().unwrap();
        let mut reply = format!(
            "<scheduler_reply>\n<scheduler_version>715</scheduler_version>\n<master_url>{}</master_url>\n\
             <project_name>Test</project_name>\n<request_delay>1.000000</request_delay>\n<hostid>1</hostid>\n\
             <userid>1</userid>\n<user_name>Test</user_name>\n",
            self.url()
        );
        // The tasks that the client still has follow in <other_results>, by their names alone.
        let reported = request.split("<other_results>").next().unwrap_or_default();
        for result in reported.split("<result>").skip(1) {
            let result = result.split("</result>").next().unwrap_or_default();
            let text = |tag: &str| between(result, &format!("<{tag}>"), &format!("</{tag}>"));
            let report = Report {
                exit_status: text("exit_status").parse().unwrap(),
                state: text("state").parse().unwrap(),
                cpu_seconds: text("final_cpu_time").parse().unwrap(),
                stderr: text("stderr_out").to_owned(),
            };
            writeln!(reply, "<result_ack>\n<name>{}</name>\n</result_ack>", text("name")).unwrap();
            state.reports.insert(text("name").to_owned(), report);
        }
        for job in std::mem::take(&mut state.waiting) {
            self.send(&job, &mut reply);
        }
        reply.push_str("</scheduler_reply>\n");
        reply
    }

    /// The client tells an output from an input by "file_upload_handler" in its address.
    fn send(&self, job: &Job, reply: &mut String) {
        let (url, name, app) = (self.url(), &job.name, job.app);
        let (mut inputs, mut outputs) = (String::new(), String::new());
        for input in &job.inputs {
            let physical = physical(job, input);
            let (bytes, md5) = (input.content.len(), boinc::hex::hex(&Md5::digest(&input.content)));
            writeln!(
                reply,
                "<file_info>\n<name>{physical}</name>\n<url>{url}download/{physical}</url>\n<md5_cksum>{md5}</md5_cksum>\n\
                 <nbytes>{bytes}</nbytes>\n</file_info>"
            )
            .unwrap();
            let copy = if input.copy { "<copy_file/>\n" } else { "" };
            let open_name = input.open_name;
            writeln!(
                inputs,
                "<file_ref>\n<file_name>{physical}</file_name>\n<open_name>{open_name}</open_name>\n{copy}</file_ref>"
            )
            .unwrap();
        }
        for (number, output) in job.outputs.iter().enumerate() {
            writeln!(
                reply,
                "<file_info>\n<name>{name}_0_{number}</name>\n<generated_locally/>\n<upload_when_present/>\n\
                 <max_nbytes>1000000</max_nbytes>\n<url>{url}file_upload_handler</url>\n</file_info>"
            )
            .unwrap();
            writeln!(
                outputs,
                "<file_ref>\n<file_name>{name}_0_{number}</file_name>\n<open_name>{output}</open_name>\n</file_ref>"
            )
            .unwrap();
        }
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 86_400;
        writeln!(
            reply,
            "<workunit>\n<rsc_fpops_est>1e10</rsc_fpops_est>\n<rsc_fpops_bound>1e16</rsc_fpops_bound>\n\
             <rsc_memory_bound>200000000</rsc_memory_bound>\n<rsc_disk_bound>1000000000</rsc_disk_bound>\n\
             <name>{name}</name>\n<app_name>{app}</app_name>\n{inputs}<command_line>\n{}\n</command_line>\n</workunit>\n\
             <result>\n<report_deadline>{deadline}</report_deadline>\n<name>{name}_0</name>\n<wu_name>{name}</wu_name>\n\
             <platform>x86_64-pc-linux-gnu</platform>\n<version_num>100</version_num>\n\
             <plan_class>docker</plan_class>\n{outputs}</result>",
            job.arguments
        )
        .unwrap();
    }

    /// `sched/file_upload_handler.cpp`.
    fn upload(&self, body: &[u8]) -> String {
        const DATA: &[u8] = b"<data>\n";
        let at = body.windows(DATA.len()).position(|window| window == DATA);
        let text = String::from_utf8_lossy(&body[..at.unwrap_or(body.len())]).into_owned();
        if let Some(at) = at {
            let name = between(&text, "<name>", "</name>").to_owned();
            let bytes: usize = between(&text, "<nbytes>", "</nbytes>").parse::<f64>().unwrap() as usize;
            let content = &body[at + DATA.len()..];
            assert_eq!(content.len(), bytes, "an upload of {name}");
            self.state.lock().unwrap().uploads.insert(name, content.to_vec());
        }
        "<data_server_reply>\n<status>0</status>\n<file_size>0</file_size>\n</data_server_reply>\n".to_owned()
    }
}

fn physical(job: &Job, input: &Input) -> String {
    format!("{}_{}", job.name, input.open_name)
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    rest.split_once(after).map_or("", |(inner, _)| inner).trim()
}
