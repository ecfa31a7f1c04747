//! result.php and workunit.php: what the project shows to everybody of a task.

use crate::http::Reply;
use crate::php::{Page, htmlspecialchars, to_int};
use crate::workunit::{Instance, Outcome, ServerState, Validation, Workunit};

use super::PHP_HTML;
use super::html::{end_table, number_format, page_head, page_tail, row2, start_table, time_diff, time_str};
use super::script::Script;
use super::site::{error_page, html, login_first, missing_number, missing_text, out_of_order};

/// result.php: by `resultid` or `result_name`.
pub(super) fn result(mut script: Script<'_>) -> Reply {
    if let Some(reply) = out_of_order(&mut script) {
        return reply;
    }
    if script.settings.task_pages_require_login && script.logged_in().is_none() {
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
    let german = script.request.accept_language.starts_with("de");
    let page = &mut script.page;
    page_head(page, &format!("Job instance {}", htmlspecialchars(&shown)), "", &url, "");
    show_result(page, &workunit, &instance, german);
    page_tail(page, &url);
    html(script.page)
}

/// `show_result` of html/inc/result.inc.
fn show_result(page: &mut Page, workunit: &Workunit, instance: &Instance, german: bool) {
    let say = |text: &'static str| if german { in_german(text) } else { text };
    let over = instance.state == ServerState::Over;
    let deadline = if instance.sent_time > 0 { instance.sent_time + workunit.delay_bound } else { 0 };
    start_table(page, "");
    row2(page, "Name", &instance.name);
    let link = format!("<a href=\"workunit.php?wuid={0}\">{0}</a>", workunit.id);
    row2(page, say("Workunit"), &link);
    row2(page, say("Created"), &time_str(instance.create_time));
    row2(page, say("Sent"), &time_str(instance.sent_time));
    row2(page, say("Report deadline"), &time_str(deadline));
    row2(page, say("Received"), &time_str(instance.received_time));
    row2(page, say("Server state"), say(server_state(instance)));
    row2(page, say("Outcome"), say(outcome(instance)));
    row2(page, say("Client state"), say(client_state(instance)));
    row2(page, "Computer ID", &host_link(instance.host));
    if over {
        row2(page, say("Exit status"), &exit_status(instance.exit_status));
    }
    if instance.outcome == Outcome::Success {
        row2(page, say("Run time"), &time_diff(instance.elapsed_seconds));
        row2(page, say("CPU time"), &time_diff(instance.cpu_seconds));
        row2(page, say("Credit"), &number_format(instance.granted_credit));
        row2(page, say("Validate state"), validate_state(instance));
    }
    row2(page, "Priority", &workunit.priority.to_string());
    row2(page, say("Device peak FLOPS"), "0.00 GFLOPS");
    let version = if instance.sent_time > 0 {
        format!("{} v1.00 <br>x86_64-pc-linux-gnu", friendly(&workunit.app_name))
    } else {
        "---".to_owned()
    };
    row2(page, say("Application version"), &version);
    end_table(page);
    if over {
        let stderr = htmlspecialchars(&instance.stderr_out);
        page.echo(&format!("<h3>{}</h3> <pre>{stderr}</pre>", say("Stderr output")));
    }
}

/// The app's `user_friendly_name`.
fn friendly(app: &str) -> String {
    let mut characters = app.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{} app", characters.as_str())
}

/// Pages are in the visitor's language (`Accept-Language`): as much of German as shows it.
fn in_german(text: &'static str) -> &'static str {
    match text {
        "Workunit" => "Arbeitspaket",
        "Created" => "Erstellt",
        "Sent" => "Gesendet",
        "Report deadline" => "Ablaufdatum",
        "Received" => "Empfangen",
        "Server state" => "Serverstatus",
        "Over" => "Abgeschlossen",
        "Outcome" => "Resultat",
        "Computation error" | "Compute error" => "Berechnungsfehler",
        "Client state" => "Clientstatus",
        "Exit status" => "Endstatus",
        "Device peak FLOPS" => "max. FLOPS des Gerätes",
        "Application version" => "Anwendungsversion",
        "Stderr output" => "Stderr Ausgabe",
        other => other,
    }
}

/// workunit.php.
pub(super) fn workunit(mut script: Script<'_>) -> Reply {
    if let Some(reply) = out_of_order(&mut script) {
        return reply;
    }
    if script.settings.task_pages_require_login && script.logged_in().is_none() {
        return login_first(&script);
    }
    if let Some((extra, _)) = script.request.parameters().find(|(name, _)| name != "wuid") {
        let reply = Reply::new(302, PHP_HTML, Vec::new());
        return reply.header("Location", format!("extra_arg_{extra}.html"));
    }
    let Some(id) = script.request.parameter("wuid").filter(|id| id.trim().parse::<f64>().is_ok()) else {
        return missing_number("wuid");
    };
    let found = {
        let data = script.data();
        data.tables.workunit_index(to_int(&id)).map(|index| data.tables.workunits[index].clone())
    };
    let Some(workunit) = found else { return error_page(&mut script, "can't find workunit") };
    let url = script.state.master_url.clone();
    let page = &mut script.page;
    page_head(page, &format!("Workunit {}", workunit.id), "", &url, "");
    show_workunit(page, &workunit);
    page_tail(page, &url);
    html(script.page)
}

/// `show_wu`.
fn show_workunit(page: &mut Page, workunit: &Workunit) {
    start_table(page, "");
    row2(page, "name", &workunit.name);
    row2(page, "application", &format!("<a href=apps.php?app_id=1>{}</a>", friendly(&workunit.app_name)));
    if workunit.batch != 0 {
        let link = format!("<a href=submit.php?action=query_batch&batch_id={0}>{0}</a>", workunit.batch);
        row2(page, "batch", &link);
    }
    row2(page, "created", &time_str(workunit.create_time));
    if workunit.canonical_result != 0 {
        let link = format!("<a href=result.php?resultid={0}>{0}</a>", workunit.canonical_result);
        row2(page, "canonical result", &link);
        row2(page, "granted credit", &number_format(workunit.canonical_credit));
    }
    row2(page, "minimum quorum", &workunit.min_quorum.to_string());
    row2(page, "target #results", &workunit.target_nresults.to_string());
    let limits = format!(
        "{}, {}, {}",
        workunit.max_error_results, workunit.max_total_results, workunit.max_success_results
    );
    row2(page, "max # of error/total/success tasks", &limits);
    if workunit.error_mask != 0 {
        row2(page, "errors", &error_mask(workunit.error_mask));
    }
    row2(page, "Command line", &format!("\n{}\n", workunit.command_line));
    row2(page, "Priority", &workunit.priority.to_string());
    end_table(page);
    page.echo("<h2>Job instances</h2>\n");
    start_table(page, "table-striped");
    let right = "style=\"text-align:right;\"";
    let heads = [
        ("", "Task<br><small>click for details</small>"),
        ("", "Computer"),
        ("", "Sent"),
        (
            "",
            "Time reported<br />or deadline\n        \
             <br><small><a href=\"explain_state.php?field=result_time\">explain</a></small>",
        ),
        ("", "Status"),
        (right, "Run time<br />(sec)"),
        (right, "CPU time<br />(sec)"),
        (right, "Credit"),
        ("", "Application"),
    ];
    let heads = heads.map(|(style, head)| format!("<th {style} class=\"bg-primary\">{head}</th>")).concat();
    page.echo(&format!("<tr>{heads}</tr>\n"));
    for instance in &workunit.instances {
        show_row(page, workunit, instance);
    }
    page.echo("</table>\n<h2>Input files</h2>\n");
    start_table(page, "table-striped");
    page.echo(
        "<tr>\n<th class=\"bg-primary\">Name<br><small>(click to view)</small></th>\n\
         <th class=\"bg-primary\">Size (bytes)</th>\n</tr>\n",
    );
    for input in &workunit.inputs {
        page.echo(&format!(
            "<tr>\n<td><a href={}>{}</a></td>\n<td>{}</td>\n</tr>\n",
            input.url, input.open_name, input.bytes
        ));
    }
    end_table(page);
}

/// `show_result_row`.
fn show_row(page: &mut Page, workunit: &Workunit, instance: &Instance) {
    let reported = if instance.received_time > 0 {
        time_str(instance.received_time)
    } else if instance.sent_time > 0 {
        time_str(instance.sent_time + workunit.delay_bound)
    } else {
        "---".to_owned()
    };
    let over = instance.state == ServerState::Over;
    let time = |seconds| if over { number_format(seconds) } else { "---".to_owned() };
    let credit = match (over, instance.outcome, instance.validation) {
        (true, Outcome::Success, Validation::None | Validation::Inconclusive) => "pending".to_owned(),
        (true, Outcome::Success, _) => number_format(instance.granted_credit),
        _ => "---".to_owned(),
    };
    let version = if instance.sent_time > 0 {
        format!("{} v1.00 <br>x86_64-pc-linux-gnu", friendly(&workunit.app_name))
    } else {
        "---".to_owned()
    };
    page.echo(&format!(
        "<tr><td><a href=\"result.php?resultid={0}\">{0}</a></td>\n<td>{1}</td>\n\n        <td>{2}</td>\n        \
         <td>{reported}</td>\n        <td>{3}</td>\n        <td align=right>{4}</td>\n        <td align=right>{5}</td>\n        \
         <td align=right>{credit}</td>\n        <td>{version}</td>\n        </tr>\n    ",
        instance.id,
        host_link(instance.host),
        time_str(instance.sent_time),
        state_string(instance),
        time(instance.elapsed_seconds),
        time(instance.cpu_seconds),
    ));
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

/// `wu_error_mask_str`.
fn error_mask(mask: u32) -> String {
    let words = [
        (1, "Couldn't send result"),
        (2, "Too many errors (may have bug)"),
        (4, "Too many results (may be nondeterministic)"),
        (8, "Too many total results"),
        (16, "WU cancelled"),
        (32, "Canonical result is missing"),
    ];
    words.iter().filter(|(bit, _)| mask & bit != 0).map(|(_, word)| format!(" {word}")).collect()
}
