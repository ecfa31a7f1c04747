use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::inspect;
use crate::lines;
use crate::report::Findings;

const MANIFEST: &str = "[package]\nname = \"demo-crate\"\n";

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A workspace with one crate; `files` are those of its `src`.
fn workspace(files: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    write(root.path(), "Cargo.toml", "[workspace]\nmembers = [\"demo\"]\n");
    write(root.path(), "demo/Cargo.toml", MANIFEST);
    for (path, text) in files {
        write(root.path(), &format!("demo/src/{path}"), text);
    }
    root
}

fn findings(files: &[(&str, &str)]) -> Findings {
    inspect(workspace(files).path()).unwrap()
}

/// What is printed about circles of files, without the help.
fn file_circles(files: &[(&str, &str)]) -> Vec<String> {
    let printed = findings(files).circles().unwrap_or_default();
    printed.lines().take_while(|line| !line.contains("in folder")).map(str::to_owned).collect()
}

fn assert_no_circles(files: &[(&str, &str)]) {
    assert_eq!(findings(files).circles(), None);
}

/// The imports of `demo/src/a.rs`, as `FILE: NAMES`.
fn imports_of_a(files: &[(&str, &str)]) -> Vec<String> {
    let imports = findings(files).imports;
    let arrows = imports.get("demo/src/a.rs").into_iter().flatten();
    arrows
        .map(|(to, arrow)| {
            let names: Vec<_> = arrow.names.iter().map(String::as_str).collect();
            format!("{}: {}", to.trim_start_matches("demo/src/"), names.join(" "))
        })
        .collect()
}

#[test]
fn two_files_that_import_each_other() {
    let printed = findings(&[
        ("lib.rs", "pub mod a;\npub mod b;"),
        ("a.rs", "use std::fmt;\nuse crate::b::Y;\npub struct X;\nuse crate::b::A;"),
        ("b.rs", "use super::a::X;\npub struct Y;\npub struct A;"),
    ]);
    assert_eq!(
        printed.circles().unwrap(),
        "circle of files: demo/src/a.rs, demo/src/b.rs\n  \
           demo/src/a.rs:2 imports A, Y from demo/src/b.rs\n  \
           demo/src/b.rs:1 imports X from demo/src/a.rs\n\
         circle in folder demo/src: a, b\n  \
           a -> b: demo/src/a.rs:2 imports A, Y from demo/src/b.rs\n  \
           b -> a: demo/src/b.rs:1 imports X from demo/src/a.rs\n\
         help: move what ties them together to a file of its own\n"
    );
}

#[test]
fn a_circle_through_re_exports() {
    let found = file_circles(&[
        ("lib.rs", "mod a;\nmod rooms;"),
        ("a.rs", "pub use crate::rooms::Renamed;\npub struct X;"),
        ("rooms/mod.rs", "mod b;\nmod door;\npub use door::*;"),
        ("rooms/door.rs", "pub use super::b::Y as Renamed;"),
        ("rooms/b.rs", "use crate::a::X;\npub struct Y;"),
    ]);
    assert_eq!(
        found,
        [
            "circle of files: demo/src/a.rs, demo/src/rooms/b.rs",
            "  demo/src/a.rs:1 imports Y from demo/src/rooms/b.rs",
            "  demo/src/rooms/b.rs:1 imports X from demo/src/a.rs",
        ]
    );
}

#[test]
fn a_group_of_imports() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::{b::{self, B}, c::inner::{C as D, E as _}}; fn f() { b::g() }"),
        ("b.rs", "pub struct B; pub fn g() {}"),
        ("c/mod.rs", "pub mod inner;"),
        ("c/inner.rs", "pub struct C; pub trait E {}"),
    ];
    assert_eq!(imports_of_a(&files), ["b.rs: B g", "c/inner.rs: C E"]);
}

#[test]
fn a_child_may_use_its_parent() {
    assert_no_circles(&[
        ("lib.rs", "pub mod a; pub struct Root; pub use a::b::C;"),
        ("a.rs", "pub mod b; use b::B; pub struct A;"),
        ("a/b.rs", "use super::A; use crate::Root; pub struct B; pub struct C;"),
    ]);
}

#[test]
fn what_a_parent_re_exports_is_its_siblings() {
    let found = file_circles(&[
        ("lib.rs", "mod p;"),
        ("p.rs", "mod a; mod b; pub use a::A; use b::B;"),
        ("p/a.rs", "use super::B; pub struct A;"),
        ("p/b.rs", "use super::A; pub struct B;"),
    ]);
    assert_eq!(found[0], "circle of files: demo/src/p/a.rs, demo/src/p/b.rs");
}

#[test]
fn a_circle_of_folders_without_one_of_files() {
    let printed = findings(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "pub mod high; pub mod low;"),
        ("a/high.rs", "use crate::b::B;"),
        ("a/low.rs", "pub struct Low;"),
        ("b.rs", "use crate::a::low::Low; pub struct B;"),
    ]);
    assert_eq!(
        printed.circles().unwrap(),
        "circle in folder demo/src: a, b\n  \
           a -> b: demo/src/a/high.rs:1 imports B from demo/src/b.rs\n  \
           b -> a: demo/src/b.rs:1 imports Low from demo/src/a/low.rs\n\
         help: move what ties them together to a file of its own\n"
    );
}

#[test]
fn a_circle_of_rooms_deeper_down() {
    let printed = findings(&[
        ("lib.rs", "mod top;"),
        ("top.rs", "mod a; mod b;"),
        ("top/a.rs", "mod inner; pub struct A;"),
        ("top/a/inner.rs", "use crate::top::b::B;"),
        ("top/b.rs", "use super::a::A; pub struct B;"),
    ]);
    let printed = printed.circles().unwrap();
    assert!(printed.starts_with("circle in folder demo/src/top: a, b\n"), "{printed}");
}

#[test]
fn test_code_does_not_count() {
    assert_no_circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("b.rs", "use crate::a::A; pub struct B;"),
        (
            "a.rs",
            "#[cfg(test)] use crate::b::B;
            #[cfg(test)] mod tests;
            #[cfg(all(unix, test))] fn f() { crate::b::g() }
            #[cfg(test)] mod checks { use crate::b::B; }
            impl A { #[cfg(test)] fn f(_: crate::b::B) {} }
            pub struct A;",
        ),
        ("a/tests.rs", "use crate::b::B;"),
    ]);
}

#[test]
fn a_test_condition_among_others() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "#[cfg(any(test, unix))] use crate::b::B; #[cfg(not(test))] use crate::b::C;"),
        ("b.rs", "pub struct B; pub struct C;"),
    ];
    assert_eq!(imports_of_a(&files), ["b.rs: B C"]);
}

#[test]
fn paths_without_use() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d; mod e;"),
        (
            "a.rs",
            "mod child;
            fn f(_: Vec<crate::b::B>) { match 1 { crate::c::C => super::d::d::<u8>(), _ => child::f() } }
            #[serde(with = \"crate::e::form\")] struct S;",
        ),
        ("a/child.rs", "pub fn f() {}"),
        ("b.rs", "pub struct B;"),
        ("c.rs", "pub const C: u8 = 1;"),
        ("d.rs", "pub fn d<T>() {}"),
        ("e.rs", "pub mod form {}"),
    ];
    assert_eq!(imports_of_a(&files), ["a/child.rs: f", "b.rs: B", "c.rs: C", "d.rs: d", "e.rs: self"]);
}

#[test]
fn tokens_of_macros() {
    let files = [
        ("lib.rs", "#[macro_use] mod d; mod a; mod b; mod c;"),
        (
            "a.rs",
            "use crate::c as other;
            fn f() { println!(\"{}\", [crate::b::f(other::C)]); crate::loud!(); }
            macro_rules! m { () => { $crate::b::g() } }",
        ),
        ("b.rs", "pub fn f(_: u8) {} pub fn g() {}"),
        ("c.rs", "pub const C: u8 = 1;"),
        ("d.rs", "#[macro_export] macro_rules! loud { () => {} }"),
    ];
    assert_eq!(imports_of_a(&files), ["b.rs: f g", "c.rs: C", "d.rs: loud"]);
}

#[test]
fn an_imported_module_alone_takes_nothing() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b; fn f() { b::Inner::new() }"),
        ("b.rs", "mod inner; pub use inner::Inner;"),
        ("b/inner.rs", "pub struct Inner;"),
        ("c.rs", ""),
    ];
    assert_eq!(imports_of_a(&files), ["b/inner.rs: Inner"]);
}

#[test]
fn a_module_and_a_function_of_one_name() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::judge; fn f() { judge(); judge::other(); }"),
        ("b.rs", "pub mod judge; mod work; pub use work::judge;"),
        ("b/judge.rs", "pub fn other() {}"),
        ("b/work.rs", "pub fn judge() {}"),
    ];
    assert_eq!(imports_of_a(&files), ["b/judge.rs: other", "b/work.rs: judge"]);
}

#[test]
fn imports_that_lead_nowhere() {
    let files = [
        ("lib.rs", "mod a; mod b; use regex::regex;"),
        (
            "a.rs",
            "pub use crate::b::X; pub use super::b::*; use tempfile::tempfile; use ::b::Y;
            fn f<T>() { T::new(); tempfile::x(); super::regex::x(); }",
        ),
        ("b.rs", "pub use crate::a::*;"),
    ];
    assert_eq!(imports_of_a(&files), ["b.rs: * X"]);
}

#[test]
fn modules_in_other_places() {
    let files = [
        ("lib.rs", "mod a; mod block { pub mod deep; pub struct Here; }"),
        (
            "a.rs",
            "#[path = \"odd/file.rs\"] mod unusual; use unusual::next::N; use crate::block::{Here, deep::D};",
        ),
        ("odd/file.rs", "pub mod next;"),
        ("odd/next.rs", "pub struct N;"),
        ("block/deep.rs", "pub struct D;"),
    ];
    assert_eq!(imports_of_a(&files), ["block/deep.rs: D", "odd/next.rs: N"]);
}

#[test]
fn programs_import_the_library() {
    let found = findings(&[
        ("lib.rs", "pub mod a;"),
        ("a.rs", "pub struct A;"),
        ("main.rs", "use demo_crate::a::A;"),
        ("bin/other.rs", "use demo_crate::a::A;"),
    ]);
    assert_eq!(found.summary(), "4 files, 2 imports, no circles\n");
    assert_eq!(found.circles(), None);
    assert_eq!(found.levels(), "demo-crate: rooms 1, arrows 0, levels 1, circles 0\n");
}

#[test]
fn levels_of_a_crate() {
    let found = findings(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; use crate::d::D;"),
        ("b/mod.rs", "mod inner; pub struct B; use crate::c::C;"),
        ("b/inner.rs", "use crate::c::C;"),
        ("c.rs", "pub struct C; use crate::b::B; use crate::d::D;"),
        ("d.rs", "pub struct D;"),
    ]);
    let levels = "demo-crate: rooms 4, arrows 5, levels 3, circles 1 (a circle counts as one level)\n";
    assert_eq!(found.levels(), levels);
}

#[test]
fn crates_that_depend_on_each_other() {
    let root = TempDir::new().unwrap();
    write(root.path(), "Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\", \"c\"]\n");
    let manifest = |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\n{rest}");
    write(root.path(), "a/Cargo.toml", &manifest("a", "[dependencies]\nb.workspace = true\n"));
    write(
        root.path(),
        "b/Cargo.toml",
        &manifest("b", "[dependencies]\nx = { path = \"../a\", package = \"a\" }\n"),
    );
    write(root.path(), "c/Cargo.toml", &manifest("c", "[dev-dependencies]\na.workspace = true\n"));
    ["a", "b", "c"].iter().for_each(|name| write(root.path(), &format!("{name}/src/lib.rs"), ""));
    let printed = inspect(root.path()).unwrap().circles().unwrap();
    assert!(printed.starts_with("circle of crates: a, b\n"), "{printed}");
}

#[test]
fn errors_name_file_and_line() {
    let error = |files: &[(&str, &str)]| format!("{:#}", inspect(workspace(files).path()).unwrap_err());
    assert!(error(&[("lib.rs", "\nfn f( {")]).starts_with("failed to parse demo/src/lib.rs:2: "));
    assert_eq!(
        error(&[("lib.rs", "\n\nmod gone;")]),
        "failed to find the file of `mod gone;` in demo/src/lib.rs:3: \
         expected demo/src/gone.rs or demo/src/gone/mod.rs"
    );
    let root = workspace(&[]);
    let without_files = inspect(root.path()).unwrap_err().to_string();
    assert_eq!(without_files, "failed to find demo/src/lib.rs or demo/src/main.rs");
    write(root.path(), "demo/Cargo.toml", "[package]\nname = \n");
    assert!(inspect(root.path()).unwrap_err().to_string().starts_with("failed to parse demo/Cargo.toml:2: "));
    fs::remove_file(root.path().join("demo/Cargo.toml")).unwrap();
    assert!(inspect(root.path()).unwrap_err().to_string().starts_with("failed to read demo/Cargo.toml"));
}

fn lines_of(source: &str) -> usize {
    lines::of_file(source).unwrap()
}

#[test]
fn blank_lines_and_comments_are_not_code() {
    let source = "//! About it.\n\n// Why.\n/// What.\n#[derive(Debug)]\nstruct X; // Here.\n/* And\n\n so */\n/** On. */\nstruct Y;\n";
    assert_eq!(lines_of(source), 3);
    assert_eq!(lines_of("const TEXT: &str = \"a\n\n// no comment\n\";\n"), 3);
}

#[test]
fn tests_are_not_code() {
    let source = "use a::B;\n#[cfg(test)]\nuse a::C;\nimpl B {\n    fn f() {}\n    /// Only here.\n    #[cfg(test)]\n    \
                  fn g() {\n        f()\n    }\n}\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
    assert_eq!(lines_of(source), 4);
}

#[test]
fn lines_are_counted_as_rustfmt_breaks_them_by_default() {
    assert_eq!(lines_of("fn f() { if a { b() } }\n"), 5);
    let wide = format!("fn f() {{\n    g({}, {});\n}}\n", "a".repeat(50), "b".repeat(45));
    assert!(wide.lines().all(|line| line.len() <= 110), "fits the page of this project");
    assert_eq!(lines_of(&wide), 6);
}

#[test]
fn crates_are_counted_one_by_one_and_tools_apart() {
    let root = workspace(&[
        ("lib.rs", "mod a;\n#[cfg(test)]\nmod support;"),
        ("a.rs", "struct X;\nstruct Y;"),
        ("support.rs", "struct Z;"),
    ]);
    write(root.path(), "Cargo.toml", "[workspace]\nmembers = [\"demo\", \"tools/saw\"]\n");
    write(root.path(), "tools/saw/Cargo.toml", "[package]\nname = \"saw\"\n");
    write(root.path(), "tools/saw/src/main.rs", "fn main() {}\n");
    let now = "     3 demo\n     1 tools/saw\n     3 in sum without tools/\n     1 in sum in tools/\n";
    assert_eq!(lines::count(root.path(), None).unwrap(), now);
    let git = |arguments: &str| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let mut git = std::process::Command::new("git");
        git.arg("-C").arg(root.path()).args(identity).args(arguments.split(' '));
        assert!(git.output().unwrap().status.success(), "{arguments}");
    };
    git("init");
    git("add .");
    git("commit -m first");
    write(root.path(), "demo/src/a.rs", "");
    assert_eq!(lines::count(root.path(), Some("HEAD")).unwrap(), now);
    assert!(lines::count(root.path(), None).unwrap().starts_with("     1 demo\n"));
}
