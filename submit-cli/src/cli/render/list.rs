//! The campaigns of this host.

use std::io::{self, Write};

use super::table::table;
use super::terminal;
use super::words::counts;
use crate::plan::units::show_duration;
use crate::remote::follow::list::{List, Listed, Presence, RemoteBatch};

/// Prints a line for each to stdout.
///
/// # Errors
/// stdout is closed.
pub fn text(list: &List) -> io::Result<()> {
    terminal::out().write_all(words(list).as_bytes())
}

fn words(list: &List) -> String {
    let mut text = String::new();
    if list.campaigns.is_empty() {
        text.push_str("no campaigns\n");
    } else {
        let header = ["DIRECTORY", "APP", "BATCH", "PROJECT", "JOBS", "CHANGED"];
        text.push_str(&table(&header, list.campaigns.iter().map(campaign_row)));
    }
    match &list.batches {
        None => {}
        Some(batches) if batches.is_empty() => {
            text.push_str("all batches on the project belong to campaigns on this host\n")
        }
        Some(batches) => {
            text.push_str("batches on the project that belong to no campaign on this host:\n");
            let header = ["ID", "NAME", "APP", "STATE", "JOBS", "FINISHED", "FAILED"];
            text.push_str(&table(&header, batches.iter().map(batch_row)));
        }
    }
    text
}

fn campaign_row(campaign: &Listed) -> Vec<String> {
    let dir = campaign.dir.display().to_string();
    let note =
        |note: String| vec![dir.clone(), String::new(), String::new(), String::new(), note, String::new()];
    match (campaign.presence, &campaign.problem) {
        (Presence::Gone, _) => return note("directory not found; use --prune to forget it".to_owned()),
        (_, Some(problem)) => return note(problem.clone()),
        (_, None) => {}
    }
    let active = if campaign.active { " (in use by another buoy process)" } else { "" };
    vec![
        dir,
        campaign.app.clone(),
        campaign.batch.clone(),
        campaign.project.clone().unwrap_or_else(|| "this host".to_owned()),
        format!("{}{active}", counts(&campaign.jobs)),
        campaign.age_seconds.map_or(String::new(), |age| format!("{} ago", show_duration(age))),
    ]
}

fn batch_row(batch: &RemoteBatch) -> Vec<String> {
    vec![
        batch.id.to_string(),
        batch.name.clone(),
        batch.app.clone(),
        batch.state.replace('_', " "),
        batch.jobs.to_string(),
        format!("{:.0} %", 100.0 * batch.fraction_done),
        batch.failed.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::campaign::job_view::Counts;

    fn listed(dir: &str, presence: Presence, project: Option<&str>) -> Listed {
        Listed {
            dir: PathBuf::from(dir),
            presence,
            problem: (presence == Presence::Unreadable).then(|| format!("{dir}: damaged campaign file")),
            app: "vina".to_owned(),
            batch: "ligands".to_owned(),
            project: project.map(str::to_owned),
            url: None,
            jobs: Counts { done: 9, in_progress: 3, ..Counts::default() },
            active: project.is_some(),
            age_seconds: Some(7_200.0),
            server_batches: Vec::new(),
        }
    }

    #[test]
    fn a_line_for_each_campaign_and_for_each_batch_of_none() {
        let list = List {
            campaigns: vec![
                listed("/a", Presence::Here, Some("sea")),
                listed("/b", Presence::Here, None),
                listed("/c", Presence::Gone, None),
                listed("/d", Presence::Unreadable, None),
            ],
            batches: Some(vec![RemoteBatch {
                id: 7,
                name: "old".to_owned(),
                app: "universal".to_owned(),
                state: "in_progress",
                jobs: 200,
                failed: 3,
                fraction_done: 0.25,
                created: 0.0,
            }]),
        };
        insta::assert_snapshot!(words(&list), @r"
        DIRECTORY  APP   BATCH    PROJECT    JOBS                                                    CHANGED
        /a         vina  ligands  sea        3 in progress, 9 done (in use by another buoy process)  2 h ago
        /b         vina  ligands  this host  3 in progress, 9 done                                   2 h ago
        /c                                   directory not found; use --prune to forget it
        /d                                   /d: damaged campaign file
        batches on the project that belong to no campaign on this host:
        ID  NAME  APP        STATE        JOBS  FINISHED  FAILED
        7   old   universal  in progress  200   25 %      3
        ");
        let empty = List { campaigns: Vec::new(), batches: Some(Vec::new()) };
        insta::assert_snapshot!(words(&empty), @r"
        no campaigns
        all batches on the project belong to campaigns on this host
        ");
    }
}
