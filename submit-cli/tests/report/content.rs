//! What is on the page.

use std::path::Path;

use submit_cli::campaign::job_view::JobState;

use crate::support::{BEGUN, add_round, campaign, fetched, note, report, verdict};

/// Targets of links to files.
fn links(html: &str) -> Vec<String> {
    let (_, body) = html.split_once("<tbody role").unwrap();
    let (body, _) = body.split_once("</tbody>").unwrap();
    body.split("<a href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

fn unescaped(href: &str) -> String {
    href.replace("%20", " ").replace("%23", "#").replace("&amp;", "&")
}

#[test]
fn the_page_says_what_the_campaign_file_says() {
    let dir = tempfile::tempdir().unwrap();
    let campaign = campaign(dir.path(), 300);
    let counts = campaign.counts().unwrap();
    let html = std::fs::read_to_string(report(&campaign, dir.path())).unwrap();
    for (status, jobs) in [
        ("done", counts.done),
        ("failed", counts.failed),
        ("in_progress", counts.in_progress),
        ("waiting", counts.waiting),
    ] {
        let total =
            format!("<div class=\"total {status}\"><dt>{}</dt><dd><b>{jobs}</b>", status.replace('_', " "));
        assert!(html.contains(&total), "{total}");
    }
    for text in ["vina", "kinase-screen", "harbour", "24 Nov 2026, 22:00 UTC", "25 Nov 2026, 09:56 UTC"] {
        assert!(html.contains(text), "{text}");
    }
    let failures = campaign.failures().unwrap();
    assert_eq!(failures.len(), 2);
    for group in failures {
        assert!(html.contains(&format!("<b>{}</b> {}", group.count, group.cause)), "{group:?}");
        assert!(html.contains(&format!("buoy logs {}", group.example)), "{group:?}");
    }
}

#[test]
fn links_lead_to_the_outputs_wherever_the_page_is() {
    let dir = tempfile::tempdir().unwrap();
    let results = dir.path().join("my results #1");
    let mut campaign = campaign(&results, 30);
    fetched(&mut campaign, &results, 3);
    let elsewhere = dir.path().join("pages/of mine");
    std::fs::create_dir_all(&elsewhere).unwrap();
    for page in [results.join("report.html"), elsewhere.join("r.html")] {
        submit_cli::report::write(&campaign, &results, &page, BEGUN).unwrap();
        let links = links(&std::fs::read_to_string(&page).unwrap());
        assert_eq!(links.len(), 6, "two outputs of three jobs: {links:?}");
        for link in links {
            let target = page.parent().unwrap().join(Path::new(&unescaped(&link)));
            assert!(link.starts_with("./") && target.is_file(), "{link}");
        }
    }
}

#[test]
fn a_job_that_was_tried_again_stands_where_it_stood_with_what_became_of_it_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut campaign = campaign(dir.path(), 30);
    add_round(&mut campaign, "r1", &["ligand-00007".to_owned()]);
    let again = campaign.attempts("ligand-00007").unwrap().pop().unwrap();
    note(&mut campaign, BEGUN + 9e4, JobState::Done, &[verdict(&again, JobState::Done)]);
    let html = std::fs::read_to_string(report(&campaign, dir.path())).unwrap();
    let rows: Vec<&str> = html.split("<tr role=\"row\">").skip(2).collect();
    assert_eq!(rows.len(), 30);
    assert!(rows[6].starts_with("<th role=\"rowheader\" scope=\"row\">ligand-00007</th>"), "{}", rows[6]);
    let words = ">2 <small>before: exit 139 in dock.sh: segmentation fault</small>";
    assert!(rows[6].contains("state done") && rows[6].contains(words), "{}", rows[6]);
}

#[test]
fn a_campaign_that_has_just_begun_has_a_page_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut campaign = campaign(dir.path(), 0);
    let html = std::fs::read_to_string(report(&campaign, dir.path())).unwrap();
    assert!(html.contains(">0 jobs<") && !html.contains("NaN"));
    add_round(&mut campaign, "r1", &["one".to_owned()]);
    let html = std::fs::read_to_string(report(&campaign, dir.path())).unwrap();
    assert!(html.contains(">1 job<"));
}
