//! result.php: what the project shows of a task to whoever is logged in.

use crate::http::Reply;
use crate::php::{Page, htmlspecialchars, to_int};
use crate::workunit::{Instance, Outcome, ServerState, Validation, Workunit};

use super::PHP_HTML;
use super::html::{end_table, number_format, page_head, page_tail, row2, start_table, time_diff, time_str};
use super::script::Script;
use super::site::{error_page, html, login_first, missing_text, out_of_order};

/// result.php: by `resultid` or `result_name`.
pub(super) fn result(mut script: Script<'_>) -> Reply {
    if let Some(reply) = out_of_order(&mut script) {
        return reply;
    }
    // `REQUIRE_LOGIN`, the default since June 2026: a cookie `auth` with any user's authenticator.
    if script.logged_in().is_none() {
        return login_first(&script);
    }
    let id = script.request.parameter("resultid").filter(|id| !id.is_empty() && id != "0");
    if id.as_ref().is_some_and(|id| id.trim().parse::<f64>().is_err()) {
        return Reply::new(302, PHP_HTML, Vec::new()).header("Location", "non_num_arg.html");
    }
    let name = script.request.parameter("result_name");
    let (shown, found) = {
        let data = script.data();
        let found = match (&id, &name) {
            (Some(id), _) => data.tables.result(to_int(id)),
            (None, Some(name)) => data.tables.result_named(name),
            (None, None) => None,
        };
        (id.clone().or(name.clone()), found.map(|(workunit, instance)| (workunit.clone(), instance.clone())))
    };
    let Some(shown) = shown else { return missing_text(&mut script, "result_name") };
    let Some((workunit, instance)) = found else {
        return error_page(&mut script, &format!("No such task: {}", htmlspecialchars(&shown)));
    };
    let url = script.state.master_url.clone();
    let page = &mut script.page;
    page_head(page, &format!("Job instance {}", htmlspecialchars(&shown)), "", &url, "");
    show_result(page, &workunit, &instance);
    page_tail(page, &url);
    html(script.page)
}

/// `show_result` of html/inc/result.inc.
fn show_result(page: &mut Page, workunit: &Workunit, instance: &Instance) {
    let over = instance.state == ServerState::Over;
    let deadline = if instance.sent_time > 0 { instance.sent_time + workunit.delay_bound } else { 0 };
    start_table(page, "");
    row2(page, "Name", &instance.name);
    let link = format!("<a href=\"workunit.php?wuid={0}\">{0}</a>", workunit.id);
    row2(page, "Workunit", &link);
    row2(page, "Created", &time_str(instance.create_time));
    row2(page, "Sent", &time_str(instance.sent_time));
    row2(page, "Report deadline", &time_str(deadline));
    row2(page, "Received", &time_str(instance.received_time));
    row2(page, "Server state", server_state(instance));
    row2(page, "Outcome", outcome(instance));
    row2(page, "Client state", client_state(instance));
    row2(page, "Computer ID", &host_link(instance.host));
    if over {
        row2(page, "Exit status", &exit_status(instance.exit_status));
    }
    if instance.outcome == Outcome::Success {
        row2(page, "Run time", &time_diff(instance.elapsed_seconds));
        row2(page, "CPU time", &time_diff(instance.cpu_seconds));
        row2(page, "Credit", &number_format(instance.granted_credit));
        row2(page, "Validate state", validate_state(instance));
    }
    row2(page, "Priority", &workunit.priority.to_string());
    row2(page, "Device peak FLOPS", "0.00 GFLOPS");
    let version = if instance.sent_time > 0 {
        format!("{} v1.00 <br>x86_64-pc-linux-gnu", friendly(&workunit.app_name))
    } else {
        "---".to_owned()
    };
    row2(page, "Application version", &version);
    end_table(page);
    if over {
        let stderr = htmlspecialchars(&instance.stderr_out);
        page.echo(&format!("<h3>Stderr output</h3> <pre>{stderr}</pre>"));
    }
}

/// The app's `user_friendly_name`.
fn friendly(app: &str) -> String {
    let mut characters = app.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{} app", characters.as_str())
}

fn host_link(host: u64) -> String {
    match host {
        0 => "---".to_owned(),
        host => format!("<a href=\"show_host_detail.php?hostid={host}\">{host}</a>"),
    }
}

/// `state_string`: what query_job says, too.
pub(super) fn state_string(instance: &Instance) -> &'static str {
    match (instance.state, instance.outcome) {
        (ServerState::Unsent, _) => "Unsent",
        (ServerState::InProgress, _) => "In progress",
        (ServerState::Over, Outcome::Success) => match instance.validation {
            Validation::None => "Completed, waiting for validation",
            Validation::Valid => "Completed and validated",
            Validation::Invalid => "Completed, marked as invalid",
            Validation::NoCheck => "Completed, can't validate",
            Validation::Inconclusive => "Completed, validation inconclusive",
        },
        (ServerState::Over, Outcome::ClientError) => match (instance.exit_status, instance.client_state) {
            (-221 | 202, _) => "Cancelled by server",
            (-233 | 200, _) => "Not started by deadline - canceled",
            (_, 1) => "Error while downloading",
            (_, 2 | 3) => "Error while computing",
            (_, 4) => "Error while uploading",
            (_, 6) => "Aborted",
            (_, 7) => "Upload failed",
            _ => "Error",
        },
        (ServerState::Over, Outcome::NoReply) => "Timed out - no response",
        (ServerState::Over, Outcome::DidntNeed) => "Didn't need",
        (ServerState::Over, Outcome::ValidateError) => "Validate error",
        (ServerState::Over, Outcome::None) => "Unknown",
    }
}

fn server_state(instance: &Instance) -> &'static str {
    match instance.state {
        ServerState::Unsent => "Unsent",
        ServerState::InProgress => "In progress",
        ServerState::Over => "Over",
    }
}

fn outcome(instance: &Instance) -> &'static str {
    match instance.outcome {
        Outcome::None => "---",
        Outcome::Success => "Success",
        Outcome::ClientError if instance.exit_status == -221 => "Redundant result",
        Outcome::ClientError => "Computation error",
        Outcome::NoReply => "No reply",
        Outcome::DidntNeed => "Didn't need",
        Outcome::ValidateError => "Validate error",
    }
}

fn client_state(instance: &Instance) -> &'static str {
    match instance.client_state {
        0 => "New",
        1 => "Downloading",
        2 => "Processing",
        3 => "Compute error",
        4 => "Uploading",
        5 => "Done",
        6 if matches!(instance.exit_status, -221 | 202) => "Cancelled by server",
        6 => "Aborted by user",
        7 => "Upload failed",
        _ => "Unknown",
    }
}

fn validate_state(instance: &Instance) -> &'static str {
    match instance.validation {
        Validation::None => "Initial",
        Validation::Valid => "Valid",
        Validation::Invalid => "Invalid",
        Validation::NoCheck => "Workunit error - check skipped",
        Validation::Inconclusive => "Checked, but no consensus yet",
    }
}

/// `exit_status_string`, with the names of the codes that jobs of ours end with.
fn exit_status(status: i32) -> String {
    let name = match status {
        0 => "",
        193 => "EXIT_SIGNAL",
        194 => "EXIT_ABORTED_BY_CLIENT",
        195 => "EXIT_CHILD_FAILED",
        196 => "EXIT_DISK_LIMIT_EXCEEDED",
        197 => "EXIT_TIME_LIMIT_EXCEEDED",
        198 => "EXIT_MEM_LIMIT_EXCEEDED",
        200 => "EXIT_UNSTARTED_LATE",
        202 => "EXIT_ABORTED_BY_PROJECT",
        203 => "EXIT_ABORTED_VIA_GUI",
        206 => "EXIT_INIT_FAILURE",
        -186 => "ERR_RESULT_DOWNLOAD",
        -187 => "ERR_RESULT_UPLOAD",
        -221 => "ERR_ABORTED_BY_PROJECT",
        _ => "Unknown error code",
    };
    format!("{status} (0x{:08X}) {name}", status as u32)
}
