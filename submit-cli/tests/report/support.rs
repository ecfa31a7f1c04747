//! Campaigns to report on, and a browser that reads the reports.

use std::path::{Path, PathBuf};

use submit_cli::campaign::Campaign;
use submit_cli::campaign::bounds::Bounds;
use submit_cli::campaign::cause::{Cause, CauseKind};
use submit_cli::campaign::job_view::JobState;
use submit_cli::campaign::meta::{CampaignMeta, OutputMeta, ProjectRef};
use submit_cli::campaign::submitted::{Change, FileNames, NewWorkunit, Round, Verdict, WorkunitRow};

/// 24 Nov 2026, 22:00 UTC.
pub const BEGUN: f64 = 1_795_557_600.0;

/// The facts of a campaign with two outputs.
pub fn facts() -> CampaignMeta {
    CampaignMeta {
        project: Some(ProjectRef {
            name: "harbour".to_owned(),
            url: "https://boinc.example.org/harbour/".to_owned(),
            boinc_app: "universal".to_owned(),
        }),
        app: "vina".to_owned(),
        bundle: "0123456789abcdef".to_owned(),
        batch: "kinase-screen".to_owned(),
        outputs: ["poses.pdbqt", "scores.csv"]
            .map(|name| OutputMeta { name: name.to_owned(), max_bytes: 10_000_000, optional: false })
            .to_vec(),
        bounds: Bounds { memory_bytes: 1 << 30, disk_bytes: 1 << 30, deadline_seconds: 86_400 },
        started: BEGUN,
        ..CampaignMeta::default()
    }
}

/// A round of workunits for these jobs.
pub fn add_round(campaign: &mut Campaign, digest: &str, jobs: &[String]) {
    let workunits: Vec<NewWorkunit> = jobs
        .iter()
        .map(|job| NewWorkunit {
            job: job.clone(),
            name: format!("vina-0123__kinase-screen__{job}.{digest}"),
            command_line: "--seed 1".to_owned(),
            inputs: FileNames(vec!["a".to_owned(), "b".to_owned()]),
            parameters: [].into(),
        })
        .collect();
    let round = Round {
        digest: digest.to_owned(),
        input_template: "<input_template/>".to_owned(),
        output_template: "<output_template/>".to_owned(),
        rsc_fpops_est: 1e12,
        inputs: FileNames::default(),
        changed: String::new(),
    };
    campaign.add_round(&round, &workunits).unwrap();
}

/// What the project says of the jobs, by name.
pub fn note(campaign: &mut Campaign, at: f64, state: JobState, verdicts: &[Verdict]) {
    let changes: Vec<Change> =
        verdicts.iter().map(|verdict| Change { name: verdict.name.clone(), state }).collect();
    campaign.note_changes(&changes, at).unwrap();
    campaign.note_verdicts(verdicts).unwrap();
    campaign.note_moment(at).unwrap();
}

/// Times and causes that look like those of a real campaign; the same for the same job.
pub fn verdict(row: &WorkunitRow, state: JobState) -> Verdict {
    // Spreads the numbers: a product of uniform ones, hence skewed.
    let mix = |salt: i64| ((row.id * 7919 + salt * 104_729) % 997) as f64 / 997.0;
    let seconds = 240.0 + 2400.0 * mix(1) * mix(2) + 900.0 * mix(3);
    let failed = state == JobState::Failed;
    let (kind, cause, exit_status) = match row.id % 4 {
        0 => (CauseKind::Memory, "out of memory at 1 GB", 198),
        _ => (CauseKind::Signal, "exit 139 in dock.sh: segmentation fault", 139),
    };
    Verdict {
        name: row.new.name.clone(),
        exit_status: Some(if failed { exit_status } else { 0 }),
        cause: failed.then(|| Cause { kind, exit_status: Some(exit_status), text: cause.to_owned() }),
        cpu_seconds: Some(seconds * 0.97),
        elapsed_seconds: Some(seconds),
        ..Verdict::default()
    }
}

/// A campaign under way: every seventh job failed, every fifth is running, the last are waiting.
pub fn campaign(dir: &Path, jobs: usize) -> Campaign {
    let mut campaign = Campaign::open_for_run(dir).unwrap();
    campaign.set_meta(&facts()).unwrap();
    let names: Vec<String> = (1..=jobs).map(|n| format!("ligand-{n:05}")).collect();
    add_round(&mut campaign, "r0", &names);
    campaign.note_moment(BEGUN).unwrap();
    let rows = campaign.current().unwrap();
    let state = |row: &WorkunitRow| match row.id as usize {
        id if id > jobs - jobs / 10 => JobState::Waiting,
        id if id % 7 == 0 => JobState::Failed,
        id if id % 5 == 0 => JobState::InProgress,
        _ => JobState::Done,
    };
    for (at, part) in rows.chunks(rows.len().div_ceil(40).max(1)).enumerate() {
        for over in [JobState::InProgress, JobState::Done, JobState::Failed] {
            let verdicts: Vec<Verdict> =
                part.iter().filter(|row| state(row) == over).map(|row| verdict(row, over)).collect();
            note(&mut campaign, BEGUN + 600.0 + at as f64 * 900.0 + over as u32 as f64, over, &verdicts);
        }
    }
    campaign
}

/// Puts the outputs of finished jobs where `buoy fetch` does.
pub fn fetched(campaign: &mut Campaign, dir: &Path, only: usize) {
    for row in campaign.current_in(JobState::Done).unwrap().into_iter().take(only) {
        let job = dir.join(&row.new.job);
        std::fs::create_dir_all(&job).unwrap();
        for output in facts().outputs {
            std::fs::write(job.join(output.name), "x").unwrap();
        }
        campaign.note_fetched(row.id).unwrap();
    }
}

/// Writes the report beside the results.
pub fn report(campaign: &Campaign, dir: &Path) -> PathBuf {
    let file = dir.join("report.html");
    submit_cli::report::write(campaign, dir, &file, BEGUN + 43_000.0).unwrap();
    file
}
