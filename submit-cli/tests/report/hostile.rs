//! Names, causes and logs come from others: a job can print anything, and so can a volunteer's computer.

use submit_cli::campaign::cause::{Cause, CauseKind};
use submit_cli::campaign::job_view::JobState;
use submit_cli::campaign::meta::ProjectRef;
use submit_cli::campaign::submitted::Verdict;

use crate::browser::{Browser, Reader};
use crate::support::{BEGUN, add_round, campaign, facts, note, report};

const TEXTS: [&str; 9] = [
    "<script>document.title = 'taken'</script>",
    "</script><script>document.title = 'taken'</script>",
    "<!--<script>",
    "</title><h1 id=taken>",
    "\"><img src=x onerror=\"document.title='taken'\">",
    "'; document.title = 'taken'; '",
    "{{ 7 * 7 }}{% raw %}\u{202e}txt.exe\u{0}\u{1b}[2J",
    "]]>&lt;b id=taken&gt;",
    "a\u{2028}b\u{9b}31m\u{200b}\u{e0041}\u{7f}c",
];

#[test]
fn hostile_texts_are_shown_and_do_nothing() {
    let Some(browser) = Browser::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut campaign = campaign(dir.path(), 0);
    let mut facts = facts();
    facts.app = TEXTS[1].to_owned();
    facts.batch = TEXTS[3].to_owned();
    let url = "javascript:document.title='taken'".to_owned();
    facts.project = Some(ProjectRef { name: TEXTS[4].to_owned(), url, ..ProjectRef::default() });
    campaign.set_meta(&facts).unwrap();
    add_round(&mut campaign, "r0", &TEXTS.map(str::to_owned));
    let rows = campaign.current().unwrap();
    let verdicts: Vec<Verdict> = rows
        .iter()
        .zip(TEXTS)
        .zip(1..)
        .map(|((row, text), status)| Verdict {
            name: row.new.name.clone(),
            // Each is counted on its own, so that each is an example.
            cause: Some(Cause { kind: CauseKind::Exit, exit_status: Some(status), text: text.to_owned() }),
            ..Verdict::default()
        })
        .collect();
    note(&mut campaign, BEGUN, JobState::Failed, &verdicts);
    // The example of a cause whose name can be a directory; what its log says is on the page as well.
    let example = dir.path().join(TEXTS[5]);
    std::fs::create_dir_all(&example).unwrap();
    std::fs::write(example.join("stderr.txt"), TEXTS.join("\n")).unwrap();
    let page = report(&campaign, dir.path());

    let html = std::fs::read_to_string(&page).unwrap();
    assert!(!html.contains("javascript:"), "an address that is none is no link");
    assert!(!html.contains('\u{202e}') && !html.contains('\u{0}') && !html.contains('\u{1b}'));
    let probe = "
        const all = (what) => [...document.querySelectorAll(what)];
        return { taken: document.title.startsWith('taken') || all('#taken, img').length > 0, scripts: all('script').length,
            h1: all('h1').map((e) => e.textContent), names: all('#table tbody th').map((e) => e.textContent),
            causes: all('#table td[data-label=Cause]').map((e) => e.textContent), logs: all('pre').length };";
    let found = browser.probe(&page, 360, Reader::Plain, probe);
    assert_eq!((&found["taken"], &found["scripts"]), (&false.into(), &2.into()), "{found}");
    assert_eq!(found["h1"], serde_json::json!([TEXTS[1]]));
    assert_eq!(found["logs"], 1);
    for (at, text) in TEXTS.iter().enumerate().filter(|(at, _)| ![6, 8].contains(at)) {
        assert_eq!((&found["names"][at], &found["causes"][at]), (&(*text).into(), &(*text).into()));
    }
    assert_eq!(found["causes"][6], "{{ 7 * 7 }}{% raw %}\\u{202e}txt.exe\\u{0}\\u{1b}[2J");
    assert_eq!(found["causes"][8], "a\\u{2028}b\\u{9b}31m\\u{200b}\\u{e0041}\\u{7f}c");
}

#[test]
fn a_job_whose_name_leads_elsewhere_has_no_links() {
    let dir = tempfile::tempdir().unwrap();
    let results = dir.path().join("results");
    let mut campaign = campaign(&results, 0);
    add_round(&mut campaign, "r0", &["../secret".to_owned()]);
    let rows = campaign.current().unwrap();
    let done = Verdict { name: rows[0].new.name.clone(), ..Verdict::default() };
    note(&mut campaign, BEGUN, JobState::Done, &[done]);
    campaign.note_fetched(rows[0].id).unwrap();
    std::fs::create_dir_all(dir.path().join("secret")).unwrap();
    std::fs::write(dir.path().join("secret/poses.pdbqt"), "x").unwrap();
    let html = std::fs::read_to_string(report(&campaign, &results)).unwrap();
    assert!(html.contains("../secret") && !html.contains("poses.pdbqt</a>"));
}
