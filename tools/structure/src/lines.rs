//! Counts lines of code: no blank lines, comments or tests, in the form that rustfmt gives them by default. So neither a
//! wider page nor a shorter comment makes the count smaller.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};
use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{ImplItemFn, Item};

use crate::contents::head_of;
use crate::module_tree::Tree;
use crate::test_code::is_test;
use crate::workspace;

/// Lines of code in the `src` of each crate of the workspace `root`, then the sums of the product and of tools/. With a
/// `revision` of Git they are those of that revision.
pub fn count(root: &Path, revision: Option<&str>) -> Result<String> {
    let copy = tempfile::tempdir()?;
    let Some(revision) = revision else { return report(root) };
    let archive = copy.path().join("archive.tar");
    run(Command::new("git").arg("-C").arg(root).args(["archive", revision, "-o"]).arg(&archive), "")?;
    run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(copy.path()), "")?;
    report(copy.path())
}

fn report(root: &Path) -> Result<String> {
    let packages = workspace::packages(root)?;
    let files = Tree::read(root, &packages)?.files();
    let (mut text, mut product, mut tools) = (String::new(), 0, 0);
    for package in &packages {
        let mut lines = 0;
        for file in files.iter().filter(|file| file.starts_with(&format!("{}/src/", package.folder))) {
            let source = std::fs::read_to_string(root.join(file))?;
            lines += of_file(&source).with_context(|| format!("failed to count the lines of {file}"))?;
        }
        *(if package.folder.starts_with("tools/") { &mut tools } else { &mut product }) += lines;
        writeln!(text, "{lines:6} {}", package.folder)?;
    }
    writeln!(text, "{product:6} in sum without tools/\n{tools:6} in sum in tools/")?;
    Ok(text)
}

/// Lines of code of one file.
pub fn of_file(source: &str) -> Result<usize> {
    let mut rustfmt = Command::new("rustfmt");
    let text = run(rustfmt.args(["--edition", "2024", "--config-path", "/dev/null"]), source)?;
    let stream: TokenStream = text.parse().map_err(|error| anyhow!("{error}"))?;
    let mut code = BTreeSet::new();
    add_lines(stream, &mut code);
    let mut tests = Tests(BTreeSet::new());
    tests.visit_file(&syn::parse_file(&text)?);
    let blank = |line: &usize| text.lines().nth(line - 1).is_none_or(|text| text.trim().is_empty());
    Ok(code.difference(&tests.0).filter(|line| !blank(line)).count())
}

/// Other comments than those of the documentation, which are attributes, have no tokens.
fn add_lines(stream: TokenStream, lines: &mut BTreeSet<usize>) {
    for token in stream {
        if token.span().source_text().is_some_and(|text| text.starts_with("//") || text.starts_with("/*")) {
            continue;
        }
        if let TokenTree::Group(group) = token {
            lines.extend([group.span_open().start().line, group.span_close().end().line]);
            add_lines(group.stream(), lines);
        } else {
            lines.extend(lines_of(token.span()));
        }
    }
}

fn lines_of(span: Span) -> std::ops::RangeInclusive<usize> {
    span.start().line..=span.end().line
}

/// The lines of items that are compiled for tests alone.
struct Tests(BTreeSet<usize>);

impl<'ast> Visit<'ast> for Tests {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_test(head_of(item).1) {
            self.0.extend(lines_of(item.span()));
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        if is_test(&function.attrs) {
            self.0.extend(lines_of(function.span()));
        }
    }
}

/// Runs a program with `input` and gives its output back.
fn run(command: &mut Command, input: &str) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to run {name}"))?;
    // It prints when it has read everything; closing its input says that this was all.
    child.stdin.take().context("no input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{name} failed: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}
