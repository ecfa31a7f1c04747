//! The pages of a project: which script answers, and the frame around it.

mod batches;
mod get_output;
mod html;
mod job_file;
mod queries;
mod script;
mod site;
mod submit;
mod submit_rpc;
mod task_pages;

use crate::fault::Fault;
use crate::http::{Form, Reply, Request};
use crate::php::{Page, Php, Stop};
use crate::settings::URL_PATH;
use crate::state::State;
use script::Script;

/// The body of Apache's own error page.
pub(crate) const INTERNAL_ERROR: &str = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \
    \"http://www.w3.org/TR/html4/strict.dtd\">\n<html><head>\n<title>500 Internal Server Error</title>\n\
    </head><body>\n<h1>Internal Server Error</h1>\n</body></html>\n";

const NOT_FOUND: &str = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \
    \"http://www.w3.org/TR/html4/strict.dtd\">\n<html><head>\n<title>404 Not Found</title>\n</head><body>\n\
    <h1>Not Found</h1>\n<p>The requested URL was not found on this server.</p>\n</body></html>\n";

pub(crate) const APACHE_HTML: &str = "text/html; charset=iso-8859-1";
const PHP_HTML: &str = "text/html; charset=UTF-8";
const PHP_XML: &str = "text/xml;charset=UTF-8";

/// What a request asks for: the RPC's name, else the page's.
pub(crate) fn verb(request: &Request, form: &Form) -> String {
    if let Some(message) = form.field("request")
        && let Some(name) = root_name(&message)
    {
        return name.to_owned();
    }
    let page = request.path.strip_prefix(URL_PATH).unwrap_or(&request.path);
    match page.strip_suffix(".php").unwrap_or(page) {
        "" => "index".to_owned(),
        page if page.starts_with("download/") => "download".to_owned(),
        page => page.to_owned(),
    }
}

/// The name of the first element, without reading the rest.
fn root_name(message: &str) -> Option<&str> {
    let mut rest = message.trim_start();
    while rest.starts_with("<?") || rest.starts_with("<!--") {
        rest = rest[rest.find('>')? + 1..].trim_start();
    }
    let name = rest.strip_prefix('<')?;
    let end = name.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/'))?;
    Some(&name[..end]).filter(|name| !name.is_empty())
}

/// Does what the request says and makes the reply.
pub(crate) fn respond(state: &State, request: &Request, form: Form, fault: &Fault) -> Reply {
    let Some(page) = request.path.strip_prefix(URL_PATH) else {
        return Reply::new(404, APACHE_HTML, NOT_FOUND.into());
    };
    let mut script = Script::new(state, state.settings(), request, form, fault);
    match page {
        "submit_rpc_handler.php" => {
            let ended = submit_rpc::run(&mut script);
            finish(script.page, ended, PHP_XML)
        }
        "job_file.php" => {
            let ended = job_file::run(&mut script);
            finish(script.page, ended, PHP_XML)
        }
        "get_output.php" => get_output::run(script),
        "result.php" => task_pages::result(script),
        "" | "index.php" => site::front_page(script),
        "apps.php" => site::apps(script),
        "get_project_config.php" => site::project_config(script),
        page => match page.strip_prefix("download/") {
            Some(path) => site::download(state, path),
            None => Reply::new(404, APACHE_HTML, NOT_FOUND.into()),
        },
    }
}

/// The reply of a script that sets no headers of its own.
fn finish(page: Page, ended: Php, content_type: &str) -> Reply {
    let status = match ended {
        Err(Stop::Fatal) if !page.display_errors() => 500,
        _ => 200,
    };
    Reply::new(status, content_type, page.into_bytes()).streamed()
}
