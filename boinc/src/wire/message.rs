//! The texts that go through the channels, in both directions.
//!
//! They look like XML but both sides of BOINC search them for substrings (`lib/parse.cpp`,
//! `parse_double`, `match_tag`), so a message may hold several tags and unknown ones are skipped. Only
//! when we play the client do we also look whether everything in a message was understood.

use std::fmt::Write;

use quick_xml::escape::minimal_escape;

/// A message that a client would misread in silence.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{fault} in the message {text:?}")]
pub struct MessageError {
    /// What is wrong with it.
    pub fault: String,
    /// The whole message.
    pub text: String,
}

/// What a client asks of an app (`process_control_request`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Control {
    /// Save and exit; the client starts the app again later.
    Quit,
    /// Use no processor until told otherwise.
    Suspend,
    /// Go on.
    Resume,
    /// Exit; the job is over.
    Abort,
    /// init_data.xml has changed.
    RereadAppInfo,
}

impl Control {
    const ALL: [Self; 5] = [Self::Quit, Self::Suspend, Self::Resume, Self::Abort, Self::RereadAppInfo];

    /// The message that says this and nothing else.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Quit => "<quit/>",
            Self::Suspend => "<suspend/>",
            Self::Resume => "<resume/>",
            Self::Abort => "<abort/>",
            Self::RereadAppInfo => "<reread_app_info/>",
        }
    }

    /// All requests in a message, in the order in which they stand there.
    pub fn parse(text: &str) -> Vec<Self> {
        text.match_indices('<')
            .filter_map(|(at, _)| Self::ALL.into_iter().find(|control| text[at..].starts_with(control.tag())))
            .collect()
    }
}

/// What a client sends once a second.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heartbeat {
    /// `<heartbeat/>` is there. Without it the message does not prove that the client lives.
    pub alive: bool,
    /// The app's memory as the client measured it, in bytes.
    pub wss_bytes: Option<f64>,
    /// The memory that the app may use, in bytes.
    pub max_wss_bytes: Option<f64>,
    /// The client's network is suspended.
    pub network_suspended: bool,
    /// State of a sporadic app as the client sees it (`lib/common_defs.h`, `SPORADIC_CA_STATE`).
    pub sporadic_ca: Option<i32>,
}

impl Heartbeat {
    /// Reads a message as the API does (`api/boinc_api.cpp`, `handle_heartbeat_msg`).
    pub fn parse(text: &str) -> Self {
        Self {
            alive: text.contains("<heartbeat/>"),
            wss_bytes: number_after(text, "wss"),
            max_wss_bytes: number_after(text, "max_wss"),
            network_suspended: flag(text, "network_suspended"),
            sporadic_ca: integer_after(text, "sporadic_ca"),
        }
    }

    /// Writes the message as the client does (`client/app_control.cpp`, `send_heartbeats`).
    pub fn render(&self) -> String {
        let mut text = String::new();
        if self.alive {
            text.push_str("<heartbeat/>");
        }
        push_number(&mut text, "wss", self.wss_bytes, "");
        push_number(&mut text, "max_wss", self.max_wss_bytes, "");
        if self.network_suspended {
            text.push_str("<network_suspended/>");
        }
        push(&mut text, "sporadic_ca", self.sporadic_ca, "");
        text
    }
}

/// What an app reports once a second.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AppStatus {
    /// CPU seconds of the whole task, earlier runs included. The client takes a missing value for 0.
    pub current_cpu_time: f64,
    /// CPU seconds at the last checkpoint. The client takes a missing value for 0.
    pub checkpoint_cpu_time: f64,
    /// Progress of the whole task, 0 to 1. The client ignores 0.
    pub fraction_done: Option<f64>,
    /// A process that does the work elsewhere, whose memory and processor time belong to this task.
    pub other_pid: Option<i32>,
    /// Bytes that the app has sent over the network itself.
    pub bytes_sent: Option<f64>,
    /// Bytes that the app has received over the network itself.
    pub bytes_received: Option<f64>,
    /// The app needs the network now.
    pub want_network: bool,
    /// State of a sporadic app as it sees itself (`lib/common_defs.h`, `SPORADIC_AC_STATE`).
    pub sporadic_ac: Option<i32>,
    /// The job's memory in bytes, where the client cannot measure it.
    pub wss_bytes: Option<f64>,
}

const STATUS_TAGS: [&str; 9] = [
    "current_cpu_time",
    "checkpoint_cpu_time",
    "fraction_done",
    "other_pid",
    "bytes_sent",
    "bytes_received",
    "want_network",
    "sporadic_ac",
    "wss",
];

impl AppStatus {
    /// Reads a message as the client does (`client/app_control.cpp`, `get_app_status_msg`): what is
    /// missing or unreadable counts as absent, negative times as 0.
    pub fn parse(text: &str) -> Self {
        Self {
            current_cpu_time: number_after(text, "current_cpu_time").unwrap_or(0.0).max(0.0),
            checkpoint_cpu_time: number_after(text, "checkpoint_cpu_time").unwrap_or(0.0).max(0.0),
            fraction_done: number_after(text, "fraction_done"),
            other_pid: integer_after(text, "other_pid"),
            bytes_sent: number_after(text, "bytes_sent"),
            bytes_received: number_after(text, "bytes_received"),
            want_network: integer_after(text, "want_network") == Some(1),
            sporadic_ac: integer_after(text, "sporadic_ac"),
            wss_bytes: number_after(text, "wss"),
        }
    }

    /// Like [`AppStatus::parse`], but refuses what a client would pass over: an unknown tag, a value that
    /// is no number, a negative time, progress outside 0 to 1.
    ///
    /// # Errors
    /// The first thing in the message that is wrong.
    pub fn parse_strict(text: &str) -> Result<Self, MessageError> {
        let wrong = |fault: String| MessageError { fault, text: text.to_owned() };
        let malformed = || wrong("malformed element".to_owned());
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (tag, after) =
                rest.strip_prefix('<').and_then(|rest| rest.split_once('>')).ok_or_else(malformed)?;
            let tag = *STATUS_TAGS
                .iter()
                .find(|known| **known == tag)
                .ok_or_else(|| wrong(format!("unknown tag <{tag}>")))?;
            let (value, after) = after.split_once(&format!("</{tag}>")).ok_or_else(malformed)?;
            check_status_value(tag, value).map_err(wrong)?;
            rest = after.trim_start();
        }
        Ok(Self::parse(text))
    }

    /// Writes the message as the API does (`api/boinc_api.cpp`, `update_app_progress`).
    pub fn render(&self) -> String {
        let mut text = String::new();
        push_number(&mut text, "current_cpu_time", Some(self.current_cpu_time), "\n");
        push_number(&mut text, "checkpoint_cpu_time", Some(self.checkpoint_cpu_time), "\n");
        push_number(&mut text, "fraction_done", self.fraction_done, "\n");
        push(&mut text, "other_pid", self.other_pid, "\n");
        push_number(&mut text, "bytes_sent", self.bytes_sent, "\n");
        push_number(&mut text, "bytes_received", self.bytes_received, "\n");
        push(&mut text, "want_network", self.want_network.then_some(1), "\n");
        push(&mut text, "sporadic_ac", self.sporadic_ac, "\n");
        push_number(&mut text, "wss", self.wss_bytes, "\n");
        text
    }
}

fn check_status_value(tag: &str, value: &str) -> Result<(), String> {
    let number = value.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let (fits, expected) = match tag {
        "other_pid" | "sporadic_ac" => (value.trim().parse::<i32>().is_ok(), "an integer"),
        "want_network" => (matches!(value.trim(), "0" | "1"), "0 or 1"),
        "fraction_done" => (number.is_some_and(|n| (0.0..=1.0).contains(&n)), "a number from 0 to 1"),
        _ => (number.is_some_and(|n| n >= 0.0), "a number of 0 or more"),
    };
    if fits { Ok(()) } else { Err(format!("value {value:?} of <{tag}> is not {expected}")) }
}

/// Where an app's graphics can be reached (`graphics_reply`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphicsReply {
    /// A page that the volunteer's browser can show.
    WebGraphicsUrl(String),
    /// A remote desktop, as `host:port`.
    RemoteDesktopAddr(String),
}

impl GraphicsReply {
    /// Writes the message. The client unescapes the value (`lib/parse.cpp`, `parse_str`).
    pub fn render(&self) -> String {
        let (tag, value) = match self {
            Self::WebGraphicsUrl(url) => ("web_graphics_url", url),
            Self::RemoteDesktopAddr(address) => ("remote_desktop_addr", address),
        };
        format!("<{tag}>{}</{tag}>", minimal_escape(value))
    }
}

fn push<T: std::fmt::Display>(text: &mut String, tag: &str, value: Option<T>, end: &str) {
    if let Some(value) = value {
        write!(text, "<{tag}>{value}</{tag}>{end}").expect("writing to a String cannot fail");
    }
}

/// A value that is not a number would be read as 0 at the other end, so it is not sent at all.
fn push_number(text: &mut String, tag: &str, value: Option<f64>, end: &str) {
    push(text, tag, value.filter(|value| value.is_finite()).map(|value| format!("{value:e}")), end);
}

/// What stands after `<tag>`: as much of it as can belong to a number, white space before it skipped.
fn after<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let rest = text.split_once(&format!("<{tag}>"))?.1.trim_start();
    let end = rest.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(rest.len());
    Some(&rest[..end])
}

fn number_after(text: &str, tag: &str) -> Option<f64> {
    after(text, tag)?.parse().ok().filter(|number: &f64| number.is_finite())
}

fn integer_after(text: &str, tag: &str) -> Option<i32> {
    after(text, tag)?.parse().ok()
}

fn flag(text: &str, tag: &str) -> bool {
    text.contains(&format!("<{tag}/>"))
        || text.contains(&format!("<{tag} />"))
        || integer_after(text, tag).is_some_and(|value| value != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_message_may_hold_several_requests_and_their_order_counts() {
        use Control::{Abort, Quit, RereadAppInfo, Resume, Suspend};
        let table: [(&str, &[Control]); 7] = [
            ("<quit/>", &[Quit]),
            ("<suspend/>\n<resume/>", &[Suspend, Resume]),
            ("<resume/><suspend/>", &[Resume, Suspend]),
            ("<reread_app_info/><abort/>", &[RereadAppInfo, Abort]),
            ("noise <unknown/> <quit/> noise", &[Quit]),
            ("quit", &[]),
            ("", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(Control::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_real_clients_heartbeat() {
        let text = "<heartbeat/><wss>1.048576e+06</wss><max_wss>2.274885e+10</max_wss><network_suspended/>\
                    <sporadic_ca>2</sporadic_ca>";
        let expected = Heartbeat {
            alive: true,
            wss_bytes: Some(1_048_576.0),
            max_wss_bytes: Some(22_748_850_000.0),
            network_suspended: true,
            sporadic_ca: Some(2),
        };
        assert_eq!(Heartbeat::parse(text), expected);
    }

    #[test]
    fn what_is_missing_in_a_heartbeat_is_absent() {
        assert_eq!(Heartbeat::parse(""), Heartbeat::default());
        assert!(!Heartbeat::parse("<heartbeat/><network_suspended>0</network_suspended>").network_suspended);
        assert!(Heartbeat::parse("<network_suspended>1</network_suspended>").network_suspended);
        assert_eq!(Heartbeat::parse("<max_wss>3</max_wss>").wss_bytes, None, "max_wss is not wss");
        assert_eq!(Heartbeat::parse("<wss>inf</wss>").wss_bytes, None);
    }

    #[test]
    fn status_as_the_api_writes_it_is_understood() {
        let text = "<current_cpu_time>1.500000e+00</current_cpu_time>\n<checkpoint_cpu_time>0.000000e+00\
                    </checkpoint_cpu_time>\n<want_network>0</want_network>\n<fraction_done>2.500000e-01</fraction_done>\n";
        let expected = AppStatus { current_cpu_time: 1.5, fraction_done: Some(0.25), ..AppStatus::default() };
        assert_eq!(AppStatus::parse_strict(text), Ok(expected.clone()));
        assert_eq!(AppStatus::parse(text), expected);
    }

    #[test]
    fn the_client_takes_what_is_wrong_for_absent() {
        let status =
            AppStatus::parse("<current_cpu_time>-3</current_cpu_time><fraction_done>x</fraction_done>");
        assert_eq!(status, AppStatus::default());
    }

    #[test]
    fn the_strict_reader_says_what_is_wrong() {
        let table = [
            ("<wss>12</wss><oter_pid>3</oter_pid>", "unknown tag <oter_pid>"),
            ("<current_cpu_time>-1</current_cpu_time>", "is not a number of 0 or more"),
            ("<fraction_done>1.5</fraction_done>", "is not a number from 0 to 1"),
            ("<want_network>yes</want_network>", "is not 0 or 1"),
            ("<wss>12", "malformed element"),
            ("hello", "malformed element"),
        ];
        for (text, expected) in table {
            let error = AppStatus::parse_strict(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn graphics_reply_survives_the_clients_unescaping() {
        let url = GraphicsReply::WebGraphicsUrl("http://localhost:8080/?a=1&b=<2>".into()).render();
        assert_eq!(url, "<web_graphics_url>http://localhost:8080/?a=1&amp;b=&lt;2></web_graphics_url>");
        let address = GraphicsReply::RemoteDesktopAddr("localhost:3389".into()).render();
        assert_eq!(address, "<remote_desktop_addr>localhost:3389</remote_desktop_addr>");
    }

    proptest! {
        #[test]
        fn status_survives_the_round_trip(
            cpu in 0.0..1e9f64, checkpoint in 0.0..1e9f64, done in proptest::option::of(0.0..=1.0f64),
            pid in proptest::option::of(1..i32::MAX), sent in proptest::option::of(0.0..1e15f64),
            received in proptest::option::of(0.0..1e15f64), want_network: bool,
            sporadic_ac in proptest::option::of(0..4i32), wss in proptest::option::of(0.0..1e12f64),
        ) {
            let status = AppStatus {
                current_cpu_time: cpu, checkpoint_cpu_time: checkpoint, fraction_done: done, other_pid: pid,
                bytes_sent: sent, bytes_received: received, want_network, sporadic_ac, wss_bytes: wss,
            };
            let text = status.render();
            prop_assert!(text.len() <= crate::wire::channel::MAX_TEXT_BYTES);
            prop_assert_eq!(AppStatus::parse_strict(&text), Ok(status));
        }

        #[test]
        fn heartbeat_survives_the_round_trip(
            alive: bool, wss in proptest::option::of(0.0..1e12f64), max in proptest::option::of(0.0..1e12f64),
            network_suspended: bool, sporadic_ca in proptest::option::of(0..4i32),
        ) {
            let heartbeat =
                Heartbeat { alive, wss_bytes: wss, max_wss_bytes: max, network_suspended, sporadic_ca };
            prop_assert_eq!(Heartbeat::parse(&heartbeat.render()), heartbeat);
        }

        #[test]
        fn no_text_makes_a_reader_panic(text in any::<String>()) {
            let _ = (Control::parse(&text), Heartbeat::parse(&text), AppStatus::parse(&text));
            let _ = AppStatus::parse_strict(&text);
        }
    }
}
