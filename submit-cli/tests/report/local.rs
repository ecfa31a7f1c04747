//! A campaign that was run on this computer.

use submit_cli::campaign::meta::{CampaignMeta, OutputMeta};
use submit_cli::campaign::workunit::{ErrorMask, Outcome, ResultState, ValidateState};
use submit_cli::campaign::{Campaign, JobRecord, ResultRecord};

use crate::browser::{Browser, Reader};
use crate::support::{BEGUN, report};

fn job(id: i64, name: &str, outcomes: &[Outcome]) -> JobRecord {
    let results: Vec<ResultRecord> = outcomes
        .iter()
        .enumerate()
        .map(|(n, outcome)| ResultRecord {
            state: ResultState::Over(*outcome),
            started: Some(BEGUN + id as f64 * 60.0),
            elapsed_seconds: 100.0 + n as f64,
            cpu_seconds: 90.0,
            exit_status: Some(if *outcome == Outcome::ClientError { 3 } else { 0 }),
            ..ResultRecord::unsent(n as u32)
        })
        .collect();
    let canonical = outcomes.iter().position(|outcome| *outcome == Outcome::Success(ValidateState::Valid));
    let failed = canonical.is_none() && !outcomes.is_empty();
    JobRecord {
        errors: if failed { ErrorMask::TOO_MANY_ERRORS } else { ErrorMask::default() },
        canonical: canonical.map(|n| n as u32),
        assimilated: !outcomes.is_empty(),
        cause: failed.then(|| "process exited with code 3".to_owned()),
        results,
        ..JobRecord::new(id, name, &format!("vina-0__b__{name}"), String::new(), 1)
    }
}

#[test]
fn the_report_of_a_local_run_tells_of_its_results_and_shows_the_end_of_a_failures_log() {
    let Some(browser) = Browser::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut campaign = Campaign::open_for_run(dir.path()).unwrap();
    let output = OutputMeta { name: "poses.pdbqt".to_owned(), ..OutputMeta::default() };
    let meta = CampaignMeta {
        host: Some("workbench".to_owned()),
        app: "vina".to_owned(),
        batch: "ligands".to_owned(),
        outputs: vec![output],
        started: BEGUN,
        ..CampaignMeta::default()
    };
    campaign.set_meta(&meta).unwrap();
    campaign.note_moment(BEGUN + 60.0).unwrap();
    let valid = Outcome::Success(ValidateState::Valid);
    let jobs = [
        job(1, "aspirin", &[Outcome::ClientError, valid]),
        job(2, "caffeine", &[Outcome::ClientError]),
        job(3, "menthol", &[]),
    ];
    campaign.save(&jobs).unwrap();
    campaign.note_moment(BEGUN + 240.0).unwrap();
    for (job, file, text) in
        [("aspirin", "poses.pdbqt", "x"), ("caffeine", "stderr.txt", "begin\ncannot open ligand\n")]
    {
        std::fs::create_dir_all(dir.path().join(job)).unwrap();
        std::fs::write(dir.path().join(job).join(file), text).unwrap();
    }
    let page = report(&campaign, dir.path());
    let probe = "
        return { facts: [...document.querySelectorAll('.facts div')].map((e) => e.textContent),
            totals: [...document.querySelectorAll('.totals div')].map((e) => e.textContent),
            rows: [...document.querySelectorAll('#table tbody tr')].map((row) => [...row.cells].map((c) => c.textContent.trim())),
            log: document.querySelector('pre').textContent,
            progress: [...document.querySelectorAll('#progress ~ figure tbody tr:last-child *')].map((e) => e.textContent) };";
    let found = browser.probe(&page, 1280, Reader::Plain, probe);
    insta::assert_snapshot!(serde_json::to_string_pretty(&found).unwrap(), @r#"
    {
      "facts": [
        "Batchligands",
        "Run onworkbench",
        "Started24 Nov 2026, 22:00 UTC",
        "This report25 Nov 2026, 09:56 UTC"
      ],
      "log": "begin\ncannot open ligand",
      "progress": [
        "24 Nov 2026, 22:04 UTC",
        "24 Nov 2026, 22:04 UTC",
        "1",
        "1",
        "0",
        "0",
        "1"
      ],
      "rows": [
        [
          "aspirin",
          "done",
          "2 before: error",
          "0",
          "101 s",
          "90 s",
          "",
          "poses.pdbqt"
        ],
        [
          "caffeine",
          "failed",
          "1",
          "3",
          "100 s",
          "90 s",
          "process exited with code 3",
          "stderr.txt"
        ],
        [
          "menthol",
          "waiting",
          "0",
          "",
          "",
          "",
          "",
          ""
        ]
      ],
      "totals": [
        "done1 33.3 %",
        "failed1 33.3 %",
        "in progress0 none",
        "waiting1 33.3 %"
      ]
    }
    "#);
}
