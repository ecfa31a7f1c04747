//! Quick enough for thousands of campaigns and for campaigns of thousands. The bounds are wide; they catch what grows
//! with the square of something.

use std::time::{Duration, Instant};

use emulated_project::{EmulatedProject, Settings};

use crate::campaign::{Campaign, Job};
use crate::client::Part;

#[test]
fn starting_and_stopping_a_project_takes_a_moment() {
    let start = Instant::now();
    for _ in 0..100 {
        drop(EmulatedProject::start(Settings::default()).unwrap());
    }
    let each = start.elapsed() / 100;
    assert!(each < Duration::from_millis(20), "{each:?}");
}

#[test]
fn ten_thousand_jobs_with_files_of_their_own() {
    let mut campaign = Campaign::new();
    campaign.project.change_php(|php| {
        php.max_file_uploads = 1000;
        php.post_max_size = 64 << 20;
    });
    let start = Instant::now();
    for first in (0..10_000).step_by(1000) {
        let names: String = (first..first + 1000).map(|n| format!("<phys_name>in_{n}</phys_name>")).collect();
        let message = format!(
            "<upload_files><authenticator>{}</authenticator>{names}</upload_files>",
            crate::campaign::ALICE
        );
        let parts: Vec<Part> =
            (0..1000).map(|n| Part::new(&format!("f{n}"), format!("{}", first + n))).collect();
        let reply = campaign.client.upload(&message, &parts).unwrap().text();
        assert!(reply.contains("<success/>"), "{reply}");
    }
    let batch = campaign.create("b");
    let jobs: String = (0..10_000)
        .map(|n| Job { input: format!("in_{n}"), ..Job::named(&format!("job_{n}")) }.xml())
        .collect();
    assert!(campaign.submit(batch, &jobs).contains("<batch_id>"));
    assert_eq!(campaign.project.workunit_count(), 10_000);
    assert_eq!(campaign.statuses("b", None).len(), 10_000);
    assert!(campaign.statuses("b", Some(9e9)).is_empty());
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}
