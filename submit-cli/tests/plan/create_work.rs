//! The server's side of a package, as strict as BOINC's own: tools/create_work.cpp, tools/process_input_template.cpp,
//! tools/process_result_template.cpp. What it builds, a client would get.

use boinc::job::argv::split_command_line;

/// A job as create_work makes it of a line.
#[derive(Debug, Default, PartialEq)]
pub struct Workunit {
    pub name: String,
    pub command_line: String,
    /// Physical name, open name, flags (`copy_file` among them), one for each input in order.
    pub inputs: Vec<(String, String, Vec<String>)>,
    pub numbers: Vec<(String, f64)>,
}

/// A tag, or a text between tags, as XML_PARSER::get gives them.
#[derive(Debug, PartialEq)]
enum Token<'a> {
    Tag(&'a str),
    Text(&'a str),
}

fn tokens(xml: &str) -> Vec<Token<'_>> {
    let mut list = Vec::new();
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        if !rest[..start].trim().is_empty() {
            list.push(Token::Text(rest[..start].trim()));
        }
        let end = rest[start..].find('>').expect("a tag without an end") + start;
        let tag = &rest[start + 1..end];
        assert!(tag.len() < 256 && !tag.contains(['<', ' ']), "tag {tag:?}");
        list.push(Token::Tag(tag));
        rest = &rest[end + 1..];
    }
    assert_eq!(rest.trim(), "", "text after the last tag");
    list
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

/// The text of an element whose opening tag has just been read.
fn content(tokens: &mut std::vec::IntoIter<Token<'_>>, tag: &str) -> String {
    let Some(Token::Text(text)) = tokens.next() else { panic!("<{tag}> is empty") };
    assert_eq!(tokens.next(), Some(Token::Tag(&format!("/{tag}"))));
    unescape(text)
}

/// Makes the workunit of a job's line, or panics as create_work would refuse.
pub fn create_work(line: &str, template: &str) -> Workunit {
    assert!(line.len() + 2 < 4096, "fgets() buffer was too small");
    let words = split_command_line(line);
    assert!(words.len() < 100, "argv overflows");
    let mut workunit = Workunit::default();
    let mut files = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--wu_name" => workunit.name = words.next().unwrap(),
            "--command_line" => workunit.command_line = words.next().unwrap(),
            option if option.starts_with('-') => panic!("bad stdin argument {option:?}"),
            file => files.push(file.to_owned()),
        }
    }
    process_input_template(template, &files, &mut workunit);
    workunit
}

fn process_input_template(template: &str, files: &[String], workunit: &mut Workunit) {
    let mut tokens = tokens(template).into_iter();
    let mut variable = files.iter();
    let mut infos: Vec<(String, Vec<String>)> = Vec::new();
    let mut has_workunit = false;
    while let Some(token) = tokens.next() {
        match token {
            Token::Tag("input_template" | "/input_template") => {}
            Token::Tag("file_info") => infos.push(file_info(&mut tokens, &mut variable)),
            Token::Tag("workunit") => {
                has_workunit = true;
                workunit_section(&mut tokens, &infos, workunit);
            }
            other => panic!("{other:?} in the template"),
        }
    }
    assert!(has_workunit, "bad WU template - no <workunit>");
    assert_eq!(variable.next(), None, "more input files given than the template has");
    assert_eq!(workunit.inputs.len(), infos.len(), "#file refs != #file infos");
}

fn file_info<'f>(
    tokens: &mut std::vec::IntoIter<Token<'_>>,
    variable: &mut impl Iterator<Item = &'f String>,
) -> (String, Vec<String>) {
    let mut name = None;
    let mut flags = Vec::new();
    loop {
        match tokens.next().expect("<file_info> without its end") {
            Token::Tag("physical_name") => name = Some(content(tokens, "physical_name")),
            Token::Tag("/file_info") => break,
            Token::Tag(flag) if flag.ends_with('/') => flags.push(flag.trim_end_matches('/').to_owned()),
            other => panic!("{other:?} in <file_info>"),
        }
    }
    let name = name.unwrap_or_else(|| variable.next().expect("too few var input files given").clone());
    assert!(
        name.len() <= 227 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-. ".contains(c)),
        "{name:?}"
    );
    (name, flags)
}

fn workunit_section(
    tokens: &mut std::vec::IntoIter<Token<'_>>,
    infos: &[(String, Vec<String>)],
    workunit: &mut Workunit,
) {
    loop {
        match tokens.next().expect("<workunit> without its end") {
            Token::Tag("/workunit") => return,
            Token::Tag("file_ref") => {
                let (name, flags) = infos.get(workunit.inputs.len()).expect("too many <file_ref>s");
                let mut open_name = None;
                let mut flags = flags.clone();
                loop {
                    match tokens.next().expect("<file_ref> without its end") {
                        Token::Tag("open_name") => open_name = Some(content(tokens, "open_name")),
                        Token::Tag("copy_file/") => flags.push("copy_file".into()),
                        Token::Tag("/file_ref") => break,
                        other => panic!("{other:?} in <file_ref>"),
                    }
                }
                workunit.inputs.push((name.clone(), open_name.expect("no open name found"), flags));
            }
            Token::Tag(tag) => {
                const KNOWN: [&str; 10] = [
                    "rsc_fpops_est",
                    "rsc_fpops_bound",
                    "rsc_memory_bound",
                    "rsc_disk_bound",
                    "delay_bound",
                    "min_quorum",
                    "target_nresults",
                    "max_error_results",
                    "max_total_results",
                    "max_success_results",
                ];
                assert!(KNOWN.contains(&tag), "<{tag}> would be copied to clients");
                let number = content(tokens, tag).parse().expect("a number");
                workunit.numbers.push((tag.to_owned(), number));
            }
            other => panic!("{other:?} in <workunit>"),
        }
    }
}

/// An output as the transitioner makes it of the output template: physical name, open name, bytes, optional.
#[derive(Debug, PartialEq)]
pub struct ResultFile {
    pub name: String,
    pub open_name: String,
    pub max_nbytes: f64,
    pub optional: bool,
}

/// Fills the template for the result whose outputs begin with `base`, and reads what a client would get.
pub fn process_result_template(template: &str, base: &str) -> Vec<ResultFile> {
    let inner = template.strip_prefix("<output_template>").expect("the wrapper is cut off by its length");
    let inner = inner.split("</output_template>").next().unwrap();
    let mut xml = inner.replace("<UPLOAD_URL/>", "http://project/cgi/file_upload_handler");
    while let Some(at) = xml.find("<OUTFILE_") {
        let number = xml[at + "<OUTFILE_".len()..].split("/>").next().unwrap().to_owned();
        assert!(number.bytes().all(|b| b.is_ascii_digit()), "{number:?}");
        xml = xml.replace(&format!("<OUTFILE_{number}/>"), &format!("{base}{number}"));
    }
    let mut files: Vec<ResultFile> = Vec::new();
    // Signatures are added where exactly this stands.
    for info in xml.split("<file_info>\n").skip(1) {
        let info = info.split("</file_info>").next().unwrap();
        let element =
            |tag: &str| info.split(&format!("<{tag}>")).nth(1).map(|rest| rest.split('<').next().unwrap());
        for flag in ["<generated_locally/>", "<upload_when_present/>"] {
            assert!(info.contains(flag), "{flag} is missing");
        }
        assert!(element("url").is_some_and(|url| url.starts_with("http")));
        files.push(ResultFile {
            name: element("name").expect("missing name").to_owned(),
            open_name: String::new(),
            max_nbytes: element("max_nbytes").expect("missing max_nbytes").parse().unwrap(),
            optional: false,
        });
    }
    assert_eq!(files.len(), xml.matches("<file_info>").count(), "a <file_info> that does not end its line");
    let result = xml.split("<result>").nth(1).expect("no <result>");
    for (at, file_ref) in result.split("<file_ref>").skip(1).enumerate() {
        let element =
            |tag: &str| file_ref.split(&format!("<{tag}>")).nth(1).unwrap().split('<').next().unwrap();
        assert_eq!(element("file_name"), files[at].name);
        files[at].open_name = unescape(element("open_name"));
        files[at].optional = file_ref.contains("<optional/>");
    }
    files
}
