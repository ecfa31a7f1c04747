use super::*;

/// The page of `html/inc/result.inc`, `show_result`, in the layout of `html/inc/util.inc`, `row2`.
fn page(rows: &[(&str, &str)], stderr: Option<&str>) -> String {
    let rows: String = rows
        .iter()
        .map(|(label, value)| {
            format!(
                "<tr>\n        <td width=\"40%\" style=\"text-align:right\">{label}</td>\n        \
                 <td style=\"text-align:left\" >{value}</td>\n        </tr>\n    "
            )
        })
        .collect();
    let stderr = stderr.map(|text| format!("<h3>Stderr output</h3> <pre>{text}</pre>")).unwrap_or_default();
    format!(
        "<!DOCTYPE html><html><head><title>Job instance 9</title></head><body><ul><li><a href=\"x\">News</a></ul>\
         <div class=\"table\">\n    <table width=\"100%\" class=\"table table-condensed \" >\n{rows}</table>\n</div>{stderr}\
         <pre>a footer of this project's</pre></body></html>"
    )
}

const STDERR: &str = "\n&lt;core_client_version&gt;8.3.0&lt;/core_client_version&gt;\n&lt;![CDATA[\n&lt;message&gt;\n\
    process exited with code 3 (0x3, -253)&lt;/message&gt;\n&lt;stderr_txt&gt;\nno &quot;input&quot; &amp; no hope: it&#039;s \
    &amp;lt;over&amp;gt;\n\n&lt;/stderr_txt&gt;\n]]&gt;\n";

fn failed(labels: [&'static str; 11]) -> Vec<(&'static str, &'static str)> {
    let values = [
        "main_fail_0",
        "<a href=\"workunit.php?wuid=2\">2</a>",
        "24 Nov 2026, 2:16:32 UTC",
        "24 Nov 2026, 2:17:00 UTC",
        "25 Nov 2026, 2:17:00 UTC",
        "24 Nov 2026, 2:18:03 UTC",
        "Over",
        "Computation error",
        "Compute error",
        "<a href=\"show_host_detail.php?hostid=1\">1</a>",
        "3 (0x00000003) Unknown error code",
    ];
    labels.into_iter().zip(values).chain([("Priority", "0")]).collect()
}

const ENGLISH: [&str; 11] = [
    "Name",
    "Workunit",
    "Created",
    "Sent",
    "Report deadline",
    "Received",
    "Server state",
    "Outcome",
    "Client state",
    "Computer ID",
    "Exit status",
];

fn expected() -> TaskPage {
    TaskPage {
        stderr: Some(
            "<core_client_version>8.3.0</core_client_version>\n<![CDATA[\n<message>\nprocess exited with code 3 (0x3, \
             -253)</message>\n<stderr_txt>\nno \"input\" & no hope: it's &lt;over&gt;\n\n</stderr_txt>\n]]>"
                .to_owned(),
        ),
        exit_status: Some(3),
        outcome: Some("Computation error".to_owned()),
    }
}

#[test]
fn a_failed_tasks_page_gives_stderr_and_exit_status() {
    let found = parse(&page(&failed(ENGLISH), Some(STDERR)));
    assert_eq!(found, expected());
    assert_eq!(found.stderr_txt(), Some("no \"input\" & no hope: it's &lt;over&gt;\n\n"));
}

#[test]
fn a_translated_page_is_read_by_the_order_of_its_rows() {
    let german = [
        "Name der Aufgabe",
        "Arbeitspaket",
        "Erstellt",
        "Gesendet",
        "Ablaufdatum",
        "Empfangen",
        "Serverstatus",
        "Resultat",
        "Clientstatus",
        "Computer-ID",
        "Endstatus",
    ];
    assert_eq!(parse(&page(&failed(german), Some(STDERR))), expected());
}

#[test]
fn a_task_in_progress_has_no_stderr_but_a_footer() {
    let mut rows = failed(ENGLISH);
    rows.remove(10);
    rows[5].1 = "---";
    rows[6].1 = "In progress";
    let found = parse(&page(&rows, None));
    assert_eq!((found.exit_status, found.stderr), (None, None));
}

#[test]
fn a_stderr_without_a_clients_words_is_the_one_after_the_exit_status() {
    let found = parse(&format!("<pre>a banner</pre>{}", page(&failed(ENGLISH), Some("killed"))));
    assert_eq!(found.stderr.as_deref(), Some("killed"));
}

#[test]
fn negative_statuses_and_those_of_windows_are_numbers() {
    for (text, status) in [
        ("-186 (0xFFFFFF46) ERR_RESULT_DOWNLOAD", Some(-186)),
        ("-1073741819 (0xC0000005) STATUS_ACCESS_VIOLATION", Some(-1_073_741_819)),
        ("139 (0x0000008B) Unknown error code", Some(139)),
        ("139 (0x0000008C) of another kind", None),
        ("139", None),
    ] {
        assert_eq!(exit_status(text), status, "{text}");
    }
}

#[test]
fn another_layout_gives_what_can_be_known() {
    for html in [
        "",
        "<html>No such task: 7</html>",
        "<tr><td>a<td",
        "<pre",
        "<table><tr><td>x</td><td>workunit.php?wuid=</td></tr>",
    ] {
        assert_eq!(parse(html).stderr, None, "{html}");
    }
    let bare = format!("<dl><dt>State<dd>Over</dl><pre class='log'>{STDERR}</pre>");
    assert_eq!(parse(&bare).stderr, expected().stderr);
}

proptest::proptest! {
    #[test]
    fn no_page_makes_us_panic(html in "(<t[rd][ a-z]{0,3}>|</t[rd]>|<pre|</pre>|>|[0-9] \\(0x[0-9A-F]{8}\\)|workunit\\.php\\?wuid=|&[a-z#0-9]{0,4};?|\\PC){0,40}") {
        parse(&html);
    }
}
