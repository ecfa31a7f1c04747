//! A small campaign by hand: what the other tests start from.

use emulated_project::{BatchState, EmulatedProject, Permission, Settings, User};

use crate::client::{Client, Part};

pub const ALICE: &str = "a11ce000000000000000000000000000";

/// A project with one user, and a client that speaks for her.
pub struct Campaign {
    pub project: EmulatedProject,
    pub client: Client,
}

impl Campaign {
    pub fn on(settings: Settings) -> Self {
        let project = EmulatedProject::start(settings).unwrap();
        project.add_user(User {
            name: "alice".to_owned(),
            authenticator: ALICE.to_owned(),
            submit: Permission::All,
        });
        let client = Client::new(&project);
        Self { project, client }
    }

    pub fn new() -> Self {
        Self::on(Settings::default())
    }

    /// A new connection, after one that was cut.
    pub fn reconnect(&mut self) {
        self.client = Client::new(&self.project);
    }

    pub fn create(&mut self, name: &str) -> u64 {
        let reply = self.client.rpc(&create_batch(name)).unwrap();
        between(&reply, "<batch_id>", "</batch_id>").parse().unwrap()
    }

    pub fn upload(&mut self, name: &str, content: &str) -> String {
        let message = format!(
            "<upload_files><authenticator>{ALICE}</authenticator><phys_name>{name}</phys_name></upload_files>"
        );
        self.client.upload(&message, &[Part::new("f0", content)]).unwrap().text()
    }

    /// Submits jobs to a batch; the reply.
    pub fn submit(&mut self, batch: u64, jobs: &str) -> String {
        self.client.rpc(&submit_batch(batch, jobs)).unwrap()
    }

    pub fn state(&self, batch: u64) -> BatchState {
        self.project.batches().into_iter().find(|row| row.id == batch).unwrap().state
    }

    /// The names that query_batch2 tells, with their states.
    pub fn statuses(&mut self, batch: &str, min_mod_time: Option<f64>) -> Vec<(String, String)> {
        let since =
            min_mod_time.map(|time| format!("<min_mod_time>{time}</min_mod_time>")).unwrap_or_default();
        let message = format!(
            "<query_batch2><authenticator>{ALICE}</authenticator>{since}<batch_name>{batch}</batch_name></query_batch2>"
        );
        let reply = self.client.rpc(&message).unwrap();
        let jobs = reply.split("<job>").skip(1);
        jobs.map(|job| {
            let text = |tag: &str| between(job, &format!("<{tag}>"), &format!("</{tag}>")).to_owned();
            (text("job_name"), text("status"))
        })
        .collect()
    }
}

pub fn create_batch(name: &str) -> String {
    format!(
        "<create_batch><authenticator>{ALICE}</authenticator><app_name>universal</app_name>\
         <batch_name>{name}</batch_name></create_batch>"
    )
}

pub fn submit_batch(batch: u64, jobs: &str) -> String {
    format!(
        "<submit_batch><authenticator>{ALICE}</authenticator><batch><app_name>universal</app_name>\
         <batch_id>{batch}</batch_id>{jobs}</batch></submit_batch>"
    )
}

/// A job with one input; nothing of it is kept unless its file_info says so.
pub struct Job {
    pub name: String,
    pub command_line: String,
    pub input: String,
    pub input_info: &'static str,
    pub output_info: &'static str,
    pub quorum: u32,
}

impl Job {
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            command_line: "run".to_owned(),
            input: "input_1".to_owned(),
            input_info: "<no_delete/>",
            output_info: "<no_delete/>",
            quorum: 1,
        }
    }

    pub fn xml(&self) -> String {
        let (info, output, quorum) = (self.input_info, self.output_info, self.quorum);
        format!(
            "<job><name>{}</name><command_line>{}</command_line><input_file><mode>local_staged</mode>\
             <source>{}</source></input_file><input_template><file_info>{info}</file_info><workunit><file_ref>\
             <open_name>in.txt</open_name></file_ref><min_quorum>{quorum}</min_quorum>\
             <target_nresults>{quorum}</target_nresults><max_error_results>1</max_error_results>\
             <max_total_results>4</max_total_results><max_success_results>4</max_success_results></workunit>\
             </input_template><output_template><file_info><name><OUTFILE_0/></name>{output}</file_info><result>\
             <file_ref><file_name><OUTFILE_0/></file_name><open_name>out.txt</open_name></file_ref></result>\
             </output_template></job>",
            self.name, self.command_line, self.input
        )
    }
}

pub fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end} in {text}")).0
}

#[test]
fn a_campaign_goes_from_upload_to_completion() {
    let mut campaign = Campaign::new();
    let batch = campaign.create("b");
    assert!(campaign.upload("input_1", "data").contains("<success/>"));
    let reply = campaign.submit(batch, &(Job::named("one").xml() + &Job::named("two").xml()));
    assert!(reply.contains("<batch_id>1</batch_id>"), "{reply}");
    assert_eq!(campaign.state(batch), BatchState::InProgress);
    let both = |a: &str, b: &str| vec![("one".to_owned(), a.to_owned()), ("two".to_owned(), b.to_owned())];
    assert_eq!(campaign.statuses("b", None), both("UNSENT", "UNSENT"));
    campaign.project.send_out("one").unwrap();
    assert_eq!(campaign.statuses("b", None), both("IN_PROGRESS", "UNSENT"));
    let report = emulated_project::Report::with_outputs(["result"]);
    campaign.project.finish_job("one", report).unwrap();
    campaign.project.fail_instance("two", 1, "broken").unwrap();
    campaign.project.fail_instance("two", 1, "broken").unwrap();
    assert_eq!(campaign.statuses("b", None), both("DONE", "ERROR"));
    // query_batch2 does not look at the batch; query_batch does.
    assert_eq!(campaign.state(batch), BatchState::InProgress);
    let query =
        format!("<query_batch><authenticator>{ALICE}</authenticator><batch_id>1</batch_id></query_batch>");
    assert!(campaign.client.rpc(&query).unwrap().contains("<state>2</state>"));
    assert_eq!(campaign.state(batch), BatchState::Complete);
}
