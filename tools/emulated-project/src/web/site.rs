//! What tells a BOINC project from another site: front page, get_project_config.php; and small pages.

use crate::http::{Reply, percent_decode};
use crate::php::{Page, htmlspecialchars};
use crate::settings::PLATFORM;
use crate::state::State;

use super::html::{page_head, page_tail};
use super::script::Script;
use super::{APACHE_HTML, NOT_FOUND, PHP_HTML, PHP_XML};

/// The project's `<long_name>`.
const LONG_NAME: &str = "Buoy Test";

/// sample_index.php: the head names the scheduler, by which clients know a project.
pub(super) fn front_page(mut script: Script<'_>) -> Reply {
    let url = script.state.master_url.clone();
    let cgi = url.strip_suffix('/').unwrap_or(&url);
    let schedulers = format!(
        "<!-- <scheduler>{cgi}_cgi/cgi</scheduler> -->\n<link rel=\"boinc_scheduler\" href=\"{cgi}_cgi/cgi\">\n"
    );
    let closed = script.is_closed();
    let page = &mut script.page;
    page_head(page, "", LONG_NAME, &url, &schedulers);
    if closed {
        page.echo(&format!(
            "\n            <p class=\"lead text-center\">{LONG_NAME} is temporarily shut down for maintenance.</p>\n        "
        ));
    }
    page.echo(&format!(
        "<div class=\"panel panel-default\"><div class=\"panel-heading\">What is {LONG_NAME}?</div>\n\
         <div class=\"panel-body\"><p>No project description yet.</p>\n\
         <center><a href=\"signup.php\" class=\"btn btn-success\"><font size=+2>Join {LONG_NAME}</font></a></center></div></div>\n"
    ));
    page_tail(page, &url);
    html(script.page)
}

/// get_project_config.php. It means to say when the project is closed, but by then has sent the page for people.
pub(super) fn project_config(mut script: Script<'_>) -> Reply {
    if let Some(reply) = out_of_order(&mut script) {
        return reply;
    }
    let url = script.state.master_url.clone();
    let page = &mut script.page;
    page.xml_header();
    page.echo(&format!(
        "<project_config>\n    <name>{LONG_NAME}</name>\n    <master_url>{url}</master_url>\n    \
         <web_rpc_url_base>{url}</web_rpc_url_base>\n<server_version>1.1.0</server_version>\n    <web_stopped>0</web_stopped>\n"
    ));
    page.echo(
        "    <min_passwd_length>6</min_passwd_length>\n    <sched_stopped>0</sched_stopped>\n    <platforms>\n            \
         <platform>\n                <platform_name>x86_64-pc-linux-gnu</platform_name>\n                \
         <user_friendly_name>Linux running on an AMD x86_64 or Intel EM64T CPU</user_friendly_name>\n            \
         </platform>\n    </platforms>\n</project_config>",
    );
    Reply::new(200, PHP_XML, script.page.into_bytes()).streamed()
}

/// What pages, not RPCs, show while the project is closed (`show_project_down`).
pub(super) fn out_of_order(script: &mut Script<'_>) -> Option<Reply> {
    if !script.is_closed() {
        return None;
    }
    let url = script.state.master_url.clone();
    page_head(&mut script.page, "Project down for maintenance", LONG_NAME, &url, "");
    let text = format!("{LONG_NAME} is temporarily shut down for maintenance.  Please try again later.");
    script.page.echo(&text);
    page_tail(&mut script.page, &url);
    let page = std::mem::replace(&mut script.page, Page::new(false));
    Some(html(page))
}

/// A page for people.
pub(super) fn html(page: Page) -> Reply {
    Reply::new(200, "text/html; charset=utf-8", page.into_bytes()).streamed()
}

/// `error_page` of html/inc/util.inc.
pub(super) fn error_page(script: &mut Script<'_>, message: &str) -> Reply {
    let url = script.state.master_url.clone();
    let mut page = Page::new(script.page.display_errors());
    page_head(&mut page, "Unable to handle request", LONG_NAME, &url, "");
    page.echo(message);
    page_tail(&mut page, &url);
    html(page)
}

/// `get_str` without its parameter.
pub(super) fn missing_text(script: &mut Script<'_>, name: &str) -> Reply {
    error_page(script, &format!("missing or bad parameter: {}", htmlspecialchars(name)))
}

/// `get_int` without its parameter.
pub(super) fn missing_number(name: &str) -> Reply {
    Reply::new(302, PHP_HTML, Vec::new()).header("Location", format!("missing_arg_{name}.html"))
}

/// Where a page that wants a login sends its visitors.
pub(super) fn login_first(script: &Script<'_>) -> Reply {
    let page = script.request.path.rsplit('/').next().unwrap_or_default();
    let mut next = page.to_owned();
    if !script.request.query.is_empty() {
        next = format!("{page}?{}", script.request.query);
    }
    next = next.replace('%', "%25").replace('?', "%3F").replace('=', "%3D").replace('&', "%26");
    let location = format!("{}login_form.php?next_url={next}", script.state.master_url);
    Reply::new(302, PHP_HTML, Vec::new()).header("Location", location)
}

/// apps.php with `xml=1` (`show_apps_xml`).
pub(super) fn apps(mut script: Script<'_>) -> Reply {
    if let Some(reply) = out_of_order(&mut script) {
        return reply;
    }
    let mut versions: Vec<(String, u32)> = script.data().tables.versions.clone().into_iter().collect();
    versions.sort();
    let page = &mut script.page;
    page.xml_header();
    page.echo("<app_versions>\n");
    for (app, number) in versions {
        page.echo(&format!(
            "<application>\n    <user_friendly_name>{app} for people</user_friendly_name>\n    <name>{app}</name>\n    <id>1</id>\n    \
             <version>\n        <platform_short>{PLATFORM}</platform_short>\n        <platform_long>Linux</platform_long>\n        \
             <version_num>{number}</version_num>\n        <plan_class>docker</plan_class>\n        \
             <date>1 Nov 2026, 0:00:00 UTC</date>\n        <date_unix>1793491200</date_unix>\n    </version>\n    </application>\n"
        ));
    }
    page.echo("</app_versions>\n");
    Reply::new(200, PHP_XML, script.page.into_bytes()).streamed()
}

/// A file of the download directory, at `SUBDIRECTORY/NAME`, or one of an app version, at `NAME`.
pub(super) fn download(state: &State, path: &str) -> Reply {
    let decoded = percent_decode(path.replace('+', "%2B").as_bytes());
    let decoded = String::from_utf8_lossy(&decoded).into_owned();
    if let Some(bytes) = state.data().storage.app_files.get(&decoded) {
        return Reply::new(200, "application/octet-stream", bytes.clone());
    }
    let file = decoded.split_once('/').and_then(|(directory, name)| {
        let stored = state.data().storage.download.get(name).cloned();
        stored.filter(|_| crate::storage::subdirectory(name) == directory)
    });
    match file {
        Some(file) => Reply::new(200, "application/octet-stream", file.bytes.to_vec()),
        None => Reply::new(404, APACHE_HTML, NOT_FOUND.into()),
    }
}
