//! HTML and dates as html/inc/util.inc writes them.

use boinc::calendar;

use crate::php::Page;

pub(super) use crate::php::htmlspecialchars;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// `date(DATE_RFC2822)` in UTC.
pub(super) fn rfc2822(seconds: i64) -> String {
    let (days, time) = (seconds as u64 / 86_400, seconds as u64 % 86_400);
    let (year, month, day) = calendar::date(days);
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} +0000",
        DAYS[days as usize % 7],
        MONTHS[month as usize - 1],
        time / 3600,
        time / 60 % 60,
        time % 60
    )
}

/// `time_str`.
pub(super) fn time_str(seconds: i64) -> String {
    if seconds == 0 {
        return "---".to_owned();
    }
    let (days, time) = (seconds as u64 / 86_400, seconds as u64 % 86_400);
    let (year, month, day) = calendar::date(days);
    let month = MONTHS[month as usize - 1];
    format!("{day} {month} {year}, {}:{:02}:{:02} UTC", time / 3600, time / 60 % 60, time % 60)
}

/// `time_diff`.
pub(super) fn time_diff(seconds: f64) -> String {
    let seconds = seconds as i64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let mut text = String::new();
    if days > 0 {
        text.push_str(&format!("{days} days "));
    }
    if hours > 0 || !text.is_empty() {
        text.push_str(&format!("{hours} hours "));
    }
    if minutes > 0 || !text.is_empty() {
        text.push_str(&format!("{minutes} min "));
    }
    text.push_str(&format!("{} sec ", seconds % 60));
    text
}

/// `number_format($x, 2)`.
pub(super) fn number_format(value: f64) -> String {
    let text = format!("{:.2}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "00"));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{}{grouped}.{fraction}", if value < 0.0 { "-" } else { "" })
}

/// `page_head` with the sample project's settings. `head_extra` stands where the front page names its schedulers.
pub(super) fn page_head(page: &mut Page, title: &str, project: &str, url: &str, head_extra: &str) {
    let shown = if title.is_empty() { project } else { title };
    page.echo(&format!(
        "<!DOCTYPE html>\n        <html lang=\"en\">\n        <head>\n    \
         <script src=\"https://code.jquery.com/jquery-3.7.1.slim.min.js\"></script>\n        \
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n    {head_extra}\
         <title>{shown}</title>\n\n        <meta charset=\"utf-8\">\n    \n        \
         <link rel=alternate type=\"application/rss+xml\" title=\"RSS 2.0\" href=\"{url}rss_main.php\">\n        \
         </head>\n    <body ><div class=\"container-fluid\">\n    "
    ));
    if !title.is_empty() {
        page.echo(&format!("<h2>{title}</h2>\n"));
    }
}

/// `page_tail`.
pub(super) fn page_tail(page: &mut Page, url: &str) {
    page.echo(&format!(
        "<br>\n<center><a href=\"https://boinc.berkeley.edu\"><img src={url}/img/pb_boinc.gif alt=\"Powered by BOINC\">\
         </a></center><p><center>&copy; 2026  Buoy Test</center>\n        <script src=\"{url}/bootstrap.min.js\"></script>\n        </div>\n        </body>\n        \
         </html>\n    "
    ));
}

/// `start_table`.
pub(super) fn start_table(page: &mut Page, class: &str) {
    page.echo(&format!(
        "<div class=\"table\">\n    <table width=\"100%\" class=\"table table-condensed {class}\" >\n"
    ));
}

/// `end_table`.
pub(super) fn end_table(page: &mut Page) {
    page.echo("</table>\n        </div>\n    ");
}

/// `row2`.
pub(super) fn row2(page: &mut Page, label: &str, value: &str) {
    let value = if value.is_empty() { "<br>" } else { value };
    page.echo(&format!(
        "<tr>\n        <td width=\"40%\" class=\"text-right \" style=\"padding-right:12px\">{label}</td>\n        \
         <td style=\"padding-left:12px\" >{value}</td>\n        </tr>\n    "
    ));
}

#[cfg(test)]
mod tests {
    use super::{number_format, rfc2822, time_diff, time_str};

    #[test]
    fn dates_are_those_of_php() {
        assert_eq!(rfc2822(1_795_486_592), "Tue, 24 Nov 2026 02:16:32 +0000");
        assert_eq!(time_str(1_795_486_592), "24 Nov 2026, 2:16:32 UTC");
        assert_eq!(time_str(951_782_400), "29 Feb 2000, 0:00:00 UTC");
        assert_eq!(time_diff(3725.9), "1 hours 2 min 5 sec ");
        assert_eq!(number_format(1_234_567.891), "1,234,567.89");
    }
}
