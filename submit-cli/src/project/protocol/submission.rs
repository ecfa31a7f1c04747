//! Jobs on their way to a project.

use super::id::BatchId;
use super::text;
use crate::project::authenticator::Authenticator;
use crate::project::error::ProjectError;
use crate::project::multipart;
use crate::project::xml::element;

/// The jobs of one `submit_batch`.
#[derive(Debug, Clone)]
pub struct Submission<'a> {
    /// The BOINC app.
    pub app_name: &'a str,
    /// `<input_template>…</input_template>`; sent with each job, without its indentation.
    pub input_template: &'a str,
    /// `<output_template>…</output_template>`; sent with each job, without its indentation.
    pub output_template: &'a str,
    /// The jobs; at least one, since a batch without jobs never completes.
    pub jobs: Vec<SubmittedJob<'a>>,
    /// Priority of all jobs.
    pub priority: Option<i32>,
    /// Estimate of one job's floating-point operations.
    pub rsc_fpops_est: f64,
}

/// A job on its way.
#[derive(Debug, Clone)]
pub struct SubmittedJob<'a> {
    /// The workunit's name, unique in the project.
    pub name: &'a str,
    /// Its command line; may be empty.
    pub command_line: &'a str,
    /// Physical names of its inputs, in the input template's order; all of them on the server already.
    pub input_files: Vec<&'a str>,
}

/// How large jobs are in a request.
#[derive(Debug)]
pub struct JobSizes {
    templates: String,
}

impl JobSizes {
    /// Bytes that a job adds to the request body.
    pub fn of(&self, job: &SubmittedJob<'_>) -> u64 {
        let mut out = String::new();
        push_job(&mut out, job, "");
        (out.len() + self.templates.len()) as u64
    }
}

impl Submission<'_> {
    /// Size in bytes of the request body without any job, for the longest authenticator and batch number.
    pub fn envelope_bytes(&self) -> u64 {
        let mut out = String::new();
        self.open(&mut out, BatchId(u64::MAX), "");
        close(&mut out);
        let authenticator = "<authenticator></authenticator>\n".len() as u64 + Authenticator::longest();
        multipart::frame_bytes() + out.len() as u64 + authenticator
    }

    /// Tells how many bytes each job adds to the request body. Templates that cannot be sent count as nothing.
    pub fn job_sizes(&self) -> JobSizes {
        JobSizes { templates: self.templates().unwrap_or_default() }
    }

    /// Size in bytes of the whole request body.
    pub fn request_bytes(&self) -> u64 {
        let sizes = self.job_sizes();
        self.envelope_bytes() + self.jobs.iter().map(|job| sizes.of(job)).sum::<u64>()
    }

    /// The request `submit_batch` without a job: a batch that has its jobs, but was not told so, begins.
    pub(crate) fn start_request(app_name: &str, batch: BatchId, authenticator: &Authenticator) -> String {
        let empty = Submission {
            app_name,
            input_template: "",
            output_template: "",
            jobs: Vec::new(),
            priority: None,
            rsc_fpops_est: 0.0,
        };
        let mut out = String::new();
        empty.open(&mut out, batch, authenticator.expose());
        close(&mut out);
        out
    }

    /// The request `submit_batch`.
    ///
    /// # Errors
    /// A text cannot be sent, or there is no job.
    pub(crate) fn request(
        &self,
        batch: BatchId,
        authenticator: &Authenticator,
    ) -> Result<String, ProjectError> {
        self.check()?;
        let templates = self.templates()?;
        let mut out = String::new();
        self.open(&mut out, batch, authenticator.expose());
        for job in &self.jobs {
            push_job(&mut out, job, &templates);
        }
        close(&mut out);
        Ok(out)
    }

    fn check(&self) -> Result<(), ProjectError> {
        text::app_name(self.app_name)?;
        if self.jobs.is_empty() {
            return Err(ProjectError::Unsendable {
                what: "submission",
                text: String::new(),
                found: "no job".to_owned(),
                accepted: "at least one job",
            });
        }
        for job in &self.jobs {
            text::job_name(job.name)?;
            text::command_line(job.command_line)?;
            job.input_files.iter().try_for_each(|name| text::physical_name(name))?;
        }
        Ok(())
    }

    /// Both templates, as they are sent with each job.
    fn templates(&self) -> Result<String, ProjectError> {
        let mut both = text::template(self.input_template, "input_template")?;
        both.push_str(&text::template(self.output_template, "output_template")?);
        Ok(both)
    }

    fn open(&self, out: &mut String, batch: BatchId, authenticator: &str) {
        out.push_str("<submit_batch>\n");
        element(out, "authenticator", authenticator);
        out.push_str("<batch>\n");
        element(out, "app_name", self.app_name);
        element(out, "batch_id", &batch.to_string());
        if let Some(priority) = self.priority {
            element(out, "priority", &priority.to_string());
        }
    }
}

fn push_job(out: &mut String, job: &SubmittedJob<'_>, templates: &str) {
    out.push_str("<job>\n");
    element(out, "name", job.name);
    element(out, "command_line", job.command_line);
    for name in &job.input_files {
        out.push_str("<input_file><mode>local_staged</mode>");
        element(out, "source", name);
        out.push_str("</input_file>\n");
    }
    out.push_str(templates);
    out.push_str("</job>\n");
}

fn close(out: &mut String) {
    out.push_str("</batch>\n</submit_batch>\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::project::multipart::Multipart;

    const KEY: &str = "157f96a018b0b2f2b466e2ce3c7f54db";

    fn submission<'a>(jobs: Vec<SubmittedJob<'a>>) -> Submission<'a> {
        Submission {
            app_name: "universal",
            input_template: "<input_template>\n  <file_info/>\n  <workunit>\n  </workunit>\n</input_template>\n",
            output_template: "<output_template>\n  <result>\n  </result>\n</output_template>\n",
            jobs,
            priority: Some(-3),
            rsc_fpops_est: 1e10,
        }
    }

    #[test]
    fn the_request_is_as_the_web_code_reads_it() {
        let authenticator = Authenticator::parse(KEY).unwrap();
        let jobs = vec![
            SubmittedJob { name: "b_1", command_line: "--n 5 & >x", input_files: vec!["f1", "f2"] },
            SubmittedJob { name: "b_2", command_line: "", input_files: vec![] },
        ];
        let request = submission(jobs).request(BatchId(4), &authenticator).unwrap();
        insta::assert_snapshot!(request.replace(KEY, "KEY"), @"
        <submit_batch>
        <authenticator>KEY</authenticator>
        <batch>
        <app_name>universal</app_name>
        <batch_id>4</batch_id>
        <priority>-3</priority>
        <job>
        <name>b_1</name>
        <command_line>--n 5 &amp; &gt;x</command_line>
        <input_file><mode>local_staged</mode><source>f1</source>
        </input_file>
        <input_file><mode>local_staged</mode><source>f2</source>
        </input_file>
        <input_template>
        <file_info/>
        <workunit>
        </workunit>
        </input_template>
        <output_template>
        <result>
        </result>
        </output_template>
        </job>
        <job>
        <name>b_2</name>
        <input_template>
        <file_info/>
        <workunit>
        </workunit>
        </input_template>
        <output_template>
        <result>
        </result>
        </output_template>
        </job>
        </batch>
        </submit_batch>
        ");
    }

    #[test]
    fn a_submission_without_jobs_is_refused() {
        let error = submission(vec![]).request(BatchId(4), &Authenticator::parse(KEY).unwrap()).unwrap_err();
        assert!(error.to_string().contains("no job"), "{error}");
    }

    proptest! {
        #[test]
        fn sizes_are_those_of_the_body_and_any_sendable_command_line_survives(
            command_lines in prop::collection::vec("[^\\p{Cc}<\\\\'\"\u{fffe}\u{ffff}]{0,40}|.{0,3}", 1..4),
            id in any::<u64>(),
        ) {
            let sendable: Vec<&String> = command_lines.iter().filter(|line| text::command_line(line).is_ok()).collect();
            prop_assume!(!sendable.is_empty());
            let jobs = sendable
                .iter()
                .map(|line| SubmittedJob { name: "b_1", command_line: line, input_files: vec!["f1"] })
                .collect();
            let submission = submission(jobs);
            let authenticator = Authenticator::parse(&"a".repeat(254)).unwrap();
            let request = submission.request(BatchId(id), &authenticator).unwrap();

            let digits = (u64::MAX.to_string().len() - id.to_string().len()) as u64;
            let told = submission.envelope_bytes() - digits
                + submission.jobs.iter().map(|job| submission.job_sizes().of(job)).sum::<u64>();
            prop_assert_eq!(Multipart::new(&request, vec![]).bytes(), told);

            let mut reader = quick_xml::Reader::from_str(&request);
            let mut found = Vec::new();
            loop {
                match reader.read_event().unwrap() {
                    quick_xml::events::Event::Eof => break,
                    quick_xml::events::Event::Start(tag) if tag.name().as_ref() == b"command_line" => {
                        let raw = reader.read_text(tag.name()).unwrap();
                        found.push(quick_xml::escape::unescape(&raw).unwrap().into_owned());
                    }
                    _ => {}
                }
            }
            let sent: Vec<String> =
                sendable.iter().filter(|line| !line.is_empty()).map(|line| (*line).clone()).collect();
            prop_assert_eq!(found, sent);
        }
    }
}
