//! The page as people read it: in a browser, on a phone, in the dark, without scripts.

use crate::browser::{Browser, Reader};
use crate::support::{campaign, fetched, report};

/// How far something sticks out of the window, and the widest culprit.
const OVERFLOW: &str = "
    const wide = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > window.innerWidth + 0.5);
    return [document.documentElement.scrollWidth - window.innerWidth, wide.map((e) => e.outerHTML.slice(0, 80)).slice(0, 3)];";

#[test]
fn nothing_sticks_out_on_a_phone_or_a_desktop() {
    let Some(browser) = Browser::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut campaign = campaign(dir.path(), 300);
    fetched(&mut campaign, dir.path(), 20);
    let page = report(&campaign, dir.path());
    for width in [360, 768, 900, 1280] {
        for reader in [Reader::Plain, Reader::InTheDark] {
            let found = browser.probe(&page, width, reader, OVERFLOW);
            assert!(
                found[0].as_i64().unwrap() <= 0 && found[1].as_array().unwrap().is_empty(),
                "{width}: {found}"
            );
        }
    }
}

#[test]
fn text_can_be_read_by_day_and_in_the_dark() {
    let Some(browser) = Browser::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut campaign = campaign(dir.path(), 60);
    fetched(&mut campaign, dir.path(), 20);
    let page = report(&campaign, dir.path());
    // Contrast of each text with the nearest background behind it, as WCAG 2 reckons; 4.5 is what it asks for.
    let probe = "
        const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
        const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(window.getComputedStyle(e).backgroundColor);
            if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
        let worst = [99, ''], dark = light(behind(document.body)) < 0.1;
        for (const e of document.querySelectorAll('body *')) {
            if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || ['SCRIPT', 'TITLE', 'OPTION'].includes(e.tagName)) continue;
            const style = window.getComputedStyle(e);
            if (e.disabled) continue;
            const [a, b] = [light(rgb(e.tagName === 'text' ? style.fill : style.color)), light(behind(e))].sort((a, b) => b - a);
            const contrast = (a + 0.05) / (b + 0.05);
            if (contrast < worst[0]) worst = [contrast, e.outerHTML.slice(0, 90)];
        }
        return { dark, worst };";
    for (reader, dark) in [(Reader::Plain, false), (Reader::InTheDark, true)] {
        let found = browser.probe(&page, 1280, reader, probe);
        assert_eq!(found["dark"], dark, "{found}");
        assert!(found["worst"][0].as_f64().unwrap() >= 4.5, "{reader:?}: {found}");
    }
}

#[test]
fn jobs_are_turned_over_found_and_sorted() {
    let Some(browser) = Browser::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let campaign = campaign(dir.path(), 300);
    let page = report(&campaign, dir.path());
    let probe = "
        const id = (id) => document.getElementById(id), rows = () => [...document.querySelectorAll('#table tbody tr')];
        const look = () => [rows().length, rows()[0]?.cells[0].textContent, id('shown').textContent];
        const found = { begin: look() };
        id('last').click(); found.last = look();
        id('find').value = 'OUT OF MEMORY'; id('find').dispatchEvent(new window.Event('input')); found.cause = look();
        id('find').value = 'ligand-0012'; id('find').dispatchEvent(new window.Event('input')); found.name = look();
        id('find').value = 'no such'; id('find').dispatchEvent(new window.Event('input')); found.none = look();
        id('find').value = ''; id('state').value = 'failed'; id('state').dispatchEvent(new window.Event('change')); found.failed = look();
        const elapsed = document.querySelector('#table thead').rows[0].cells[4];
        elapsed.firstChild.click(); found.shortest = [rows()[0].cells[4].textContent, elapsed.ariaSort];
        elapsed.firstChild.click(); found.longest = [rows()[0].cells[4].textContent, elapsed.ariaSort];
        return found;";
    insta::assert_snapshot!(browser.probe(&page, 1280, Reader::Plain, probe), @r#"{"begin":[100,"ligand-00001","1 to 100 of 300 jobs."],"cause":[9,"ligand-00028","1 to 9 of 9 jobs found among 300."],"failed":[38,"ligand-00007","1 to 38 of 38 jobs found among 300."],"last":[100,"ligand-00201","201 to 300 of 300 jobs."],"longest":["48 min","descending"],"name":[10,"ligand-00120","1 to 10 of 10 jobs found among 300."],"none":[0,null,"None of 300 jobs is like this."],"shortest":["6 min","ascending"]}"#);
}

#[test]
fn a_hundred_thousand_jobs_are_a_page_that_can_be_used() {
    let Some(browser) = Browser::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let campaign = campaign(dir.path(), 100_000);
    let page = report(&campaign, dir.path());
    let bytes = std::fs::metadata(&page).unwrap().len();
    assert!(bytes < 8_000_000, "{bytes}");
    let probe = "
        const begin = window.performance.now(), find = document.getElementById('find');
        find.value = '77777'; find.dispatchEvent(new window.Event('input'));
        return { elements: document.querySelectorAll('*').length < 5000, quick: window.performance.now() - begin < 2000,
            shown: document.getElementById('shown').textContent };";
    let found = browser.probe(&page, 1280, Reader::Plain, probe);
    assert_eq!(
        found,
        serde_json::json!({ "elements": true, "quick": true, "shown": "1 to 1 of 1 job found among 100,000." })
    );
}

#[test]
fn without_scripts_the_first_jobs_are_there_and_the_page_says_so() {
    let Some(browser) = Browser::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = report(&campaign(dir.path(), 300), dir.path());
    let probe = "
        const id = (id) => document.getElementById(id), display = (id) => window.getComputedStyle(document.getElementById(id)).display;
        return [id('shown').textContent, display('controls'), display('pages'), id('table').tBodies[0].rows.length];";
    assert_eq!(
        browser.probe(&page, 1280, Reader::WithoutScript, probe),
        serde_json::json!([
            "The first 100 of 300 jobs; all are in results.csv, and here with scripts allowed.",
            "none",
            "none",
            100
        ])
    );
}

#[test]
fn every_table_has_headers_and_every_drawing_a_description() {
    let Some(browser) = Browser::find() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = report(&campaign(dir.path(), 300), dir.path());
    let probe = "
        const all = (what) => [...document.querySelectorAll(what)];
        return { tables: all('table').length, heads: all('table').every((t) => [...t.tHead.rows[0].cells].every((c) => c.scope === 'col')),
            drawings: all('svg:not([aria-hidden])').map((s) => s.getAttribute('aria-label').length > 20),
            labels: all('input, select').every((e) => e.labels.length === 1), h1: all('h1').length, lang: document.documentElement.lang };";
    insta::assert_snapshot!(browser.probe(&page, 1280, Reader::Plain, probe), @r#"{"drawings":[true,true,true],"h1":1,"heads":true,"labels":true,"lang":"en","tables":4}"#);
}
