//! The campaigns of this computer, for people and for machines.

use std::io::{self, Write};

use boinc::visible::visible;

use super::terminal;
use crate::plan::units::show_duration;
use crate::remote::follow::list::{List, Listed, Presence};

/// Prints a line for each to stdout.
///
/// # Errors
/// stdout is closed.
pub fn text(list: &List) -> io::Result<()> {
    terminal::out().write_all(words(list).as_bytes())
}

/// Prints them to stdout as one JSON object.
///
/// # Errors
/// stdout is closed.
pub fn json(list: &List) -> io::Result<()> {
    terminal::json(list)
}

fn words(list: &List) -> String {
    let mut text = String::new();
    for campaign in &list.campaigns {
        match &campaign.problem {
            // It names the file.
            Some(problem) => text.push_str(&format!("{problem}\n")),
            None => text.push_str(&format!("{}: {}\n", campaign.dir.display(), campaign_words(campaign))),
        }
    }
    if list.campaigns.is_empty() {
        text.push_str("no campaigns\n");
    }
    match &list.batches {
        None => {}
        Some(batches) if batches.is_empty() => {
            text.push_str("all batches on the project belong to campaigns on this computer\n")
        }
        Some(batches) => {
            text.push_str("batches on the project that belong to no campaign on this computer:\n");
            for batch in batches {
                text.push_str(&format!(
                    "batch {} {}: app {}, {}, {} jobs, {:.0} % finished, {} failed\n",
                    batch.id,
                    visible(&batch.name),
                    visible(&batch.app),
                    batch.state.replace('_', " "),
                    batch.jobs,
                    100.0 * batch.fraction_done,
                    batch.failed
                ));
            }
        }
    }
    text
}

fn campaign_words(campaign: &Listed) -> String {
    if campaign.presence == Presence::Gone {
        return "directory not found; use --prune to forget it".to_owned();
    }
    let place =
        campaign.project.as_ref().map_or("on this computer".to_owned(), |project| format!("at {project}"));
    let jobs: Vec<String> =
        campaign.jobs.iter().map(|(state, count)| format!("{count} {}", state.replace('_', " "))).collect();
    let active = if campaign.active { ", in use by another buoy process" } else { "" };
    let age = campaign.age_seconds.map_or(String::new(), |age| format!(", {} ago", show_duration(age)));
    format!(
        "{}, batch {}, {place}: {}{active}{age}",
        visible(&campaign.app),
        visible(&campaign.batch),
        jobs.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::remote::follow::list::RemoteBatch;

    fn listed(dir: &str, presence: Presence, project: Option<&str>) -> Listed {
        Listed {
            dir: PathBuf::from(dir),
            presence,
            problem: (presence == Presence::Unreadable).then(|| format!("{dir}: damaged campaign file")),
            app: "vina".to_owned(),
            batch: "ligands".to_owned(),
            project: project.map(str::to_owned),
            url: None,
            jobs: [("done", 9), ("in_progress", 3)].into(),
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
        /a: vina, batch ligands, at sea: 9 done, 3 in progress, in use by another buoy process, 2 h ago
        /b: vina, batch ligands, on this computer: 9 done, 3 in progress, 2 h ago
        /c: directory not found; use --prune to forget it
        /d: damaged campaign file
        batches on the project that belong to no campaign on this computer:
        batch 7 old: app universal, in progress, 200 jobs, 25 % finished, 3 failed
        ");
        let empty = List { campaigns: Vec::new(), batches: Some(Vec::new()) };
        insta::assert_snapshot!(words(&empty), @r"
        no campaigns
        all batches on the project belong to campaigns on this computer
        ");
    }
}
