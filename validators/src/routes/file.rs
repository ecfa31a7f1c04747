//! Reading and writing the files that hold routes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Route, RouteError, Routed, keys};
use crate::spec::{Step, locate};
use crate::workunit_name::WorkunitName;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoutesFile {
    #[serde(default)]
    app: BTreeMap<String, Route>,
    default: Option<Route>,
}

/// The route of a workunit, or of one whose name is not `APP-HASH__BATCH__JOB` (`None`).
///
/// In this order: `routes.toml`'s `[app."APP-HASH"]` and `[app.APP]`, then `routes.d/APP-HASH.toml` and
/// `routes.d/APP.toml` beside it, then `[default]`. What the admin wrote for an app wins.
pub fn find(routes_toml: &Path, workunit: Option<&WorkunitName>) -> Result<Routed, RouteError> {
    let main = read::<RoutesFile>(routes_toml)?;
    let (main, text) = main.map_or((None, String::new()), |(main, text)| (Some(main), text));
    let directory = route_directory(routes_toml);
    if main.is_none() && !directory.is_dir() {
        return Err(RouteError::Missing { path: routes_toml.to_owned() });
    }
    let RoutesFile { mut app, default } = main.unwrap_or_default();
    let keys = workunit.map(keys);
    for key in keys.iter().flatten() {
        if let Some(route) = app.remove(key) {
            let table = vec![Step::Key("app".to_owned()), Step::Key(key.clone())];
            return check(route, routes_toml, &text, &format!("app.{key:?}"), table);
        }
    }
    for key in keys.iter().flatten() {
        let path = directory.join(format!("{key}.toml"));
        if let Some((route, text)) = read::<Route>(&path)? {
            return check(route, &path, &text, "route", Vec::new());
        }
    }
    if let Some(route) = default {
        return check(route, routes_toml, &text, "default", vec![Step::Key("default".to_owned())]);
    }
    Err(RouteError::NoRoute {
        path: routes_toml.to_owned(),
        what: workunit.map_or("workunits of other names".to_owned(), |name| format!("workunit {name}")),
        key: workunit.map_or("APP".to_owned(), |name| name.app().to_owned()),
    })
}

pub(super) fn write(route: &Route, routes_toml: &Path, key: &str) -> Result<PathBuf, RouteError> {
    let directory = route_directory(routes_toml);
    let path = directory.join(format!("{key}.toml"));
    let meaning =
        |message: String| RouteError::Meaning { path: path.clone(), section: "route".to_owned(), message };
    let io = |source: io::Error| RouteError::Io { path: path.clone(), action: "write", source };
    if key.is_empty() || !key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(meaning(format!("{key:?} is neither APP nor APP-HASH")));
    }
    route.clone().check().map_err(|mistakes| {
        meaning(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    })?;
    let text = toml::to_string(route).map_err(|error| meaning(error.to_string()))?;
    fs::create_dir_all(&directory).map_err(io)?;
    let temporary = directory.join(format!(".{key}.{}.tmp", std::process::id()));
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, &path));
    if let Err(error) = written {
        // Already failing: a temporary file that stays is named as such and does no harm.
        let _ = fs::remove_file(&temporary);
        return Err(io(error));
    }
    Ok(path)
}

fn route_directory(routes_toml: &Path) -> PathBuf {
    routes_toml.parent().unwrap_or(Path::new("")).join("routes.d")
}

fn check(
    route: Route,
    path: &Path,
    text: &str,
    section: &str,
    table: Vec<Step>,
) -> Result<Routed, RouteError> {
    route.check().map_err(|mistakes| {
        let told = mistakes.iter().map(|mistake| {
            let steps: Vec<Step> = table.iter().chain(&mistake.path).cloned().collect();
            match locate(text, &steps) {
                Some(at) => format!("line {}: {mistake}", line_of(text, at)),
                None => mistake.to_string(),
            }
        });
        let message = told.collect::<Vec<_>>().join("; ");
        RouteError::Meaning { path: path.to_owned(), section: section.to_owned(), message }
    })
}

/// Reads a file, if it is there; also its text, to say where something is.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<(T, String)>, RouteError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RouteError::Io { path: path.to_owned(), action: "read", source }),
    };
    match toml::from_str(&text) {
        Ok(value) => Ok(Some((value, text))),
        Err(error) => {
            let line = line_of(&text, error.span().map_or(0, |span| span.start));
            Err(RouteError::Format { path: path.to_owned(), line, message: explain(error.message()) })
        }
    }
}

/// The line of a byte, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count() + 1
}

/// Joins the parser's message into one line and adds the nearest key to one that is not known.
fn explain(message: &str) -> String {
    let mut line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some(rest) = message.strip_prefix("unknown field ") else { return line };
    let mut quoted = rest.split('`').skip(1).step_by(2);
    if let Some(unknown) = quoted.next()
        && let Some((_, nearest)) = quoted.map(|key| (distance(unknown, key), key)).min()
    {
        line.push_str(&format!("; did you mean `{nearest}`?"));
    }
    line
}

/// Number of letters to insert, remove or exchange to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let exchange = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = exchange.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::{AssimilateRoute, Layout, RouteOutput};
    use crate::rule::Rule;
    use crate::spec::{OutputRuleSpec, RuleKind, ValidateSpec};

    fn project(routes: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("routes.toml");
        fs::write(&path, routes).unwrap();
        (dir, path)
    }

    fn workunit() -> WorkunitName {
        WorkunitName::new("vina", "0123456789ab", "b1", "j1").unwrap()
    }

    fn error(routes: &str) -> String {
        let (dir, path) = project(routes);
        find(&path, Some(&workunit())).unwrap_err().to_string().replace(dir.path().to_str().unwrap(), "DIR")
    }

    #[test]
    fn the_most_particular_route_wins_and_the_admins_before_a_bundles() {
        let (dir, path) = project("");
        let rule_in_force = || find(&path, Some(&workunit())).unwrap().route.validate.rule;
        let main = |text: &str| fs::write(&path, text).unwrap();
        let bundle = |key: &str, text: &str| {
            fs::create_dir_all(dir.path().join("routes.d")).unwrap();
            fs::write(dir.path().join(format!("routes.d/{key}.toml")), text).unwrap();
        };
        main("default.validate.rule = 'ignore'");
        assert_eq!(rule_in_force(), RuleKind::Ignore);
        bundle("vina", "validate.rule = 'text'");
        assert_eq!(rule_in_force(), RuleKind::Text);
        bundle("vina-0123456789ab", "validate.rule = 'numbers'");
        assert_eq!(rule_in_force(), RuleKind::Numbers);
        main("app.vina.validate.rule = 'bytes'");
        assert_eq!(rule_in_force(), RuleKind::Bytes);
        main("app.vina.validate.rule = 'bytes'\napp.vina-0123456789ab.validate.rule = 'text'");
        assert_eq!(rule_in_force(), RuleKind::Text);
        fs::remove_file(&path).unwrap();
        assert_eq!(rule_in_force(), RuleKind::Numbers);
    }

    #[test]
    fn workunits_of_other_names_have_the_default_route_only() {
        let (_dir, path) = project("default.validate.rule = 'text'\n[app.vina]");
        assert_eq!(find(&path, None).unwrap().route.validate.rule, RuleKind::Text);
        let (_dir, path) = project("[app.vina]");
        assert!(find(&path, None).unwrap_err().to_string().contains("no route for workunits of other names"));
    }

    #[test]
    fn a_mistake_is_told_with_file_line_and_nearest_key() {
        assert_eq!(
            error("[app.vina]\noutputs = []\n[app.vina.validate]\nabsolut = 1"),
            "DIR/routes.toml:4: unknown field `absolut`, expected one of `rule`, `absolute`, `relative`, `ulps`, \
             `ignore_lines`, `separator`, `header`, `keys`, `at`, `check`, `output`; did you mean `absolute`?"
        );
        assert_eq!(
            error("default.validate.rule = 'fuzzy'"),
            "DIR/routes.toml:1: unknown variant `fuzzy`, expected one of `bytes`, `text`, `numbers`, `table`, \
             `json`, `array`, `ignore`"
        );
        assert!(error("[app.vina]\n\nx = ").starts_with("DIR/routes.toml:3: "));
        assert_eq!(
            error(
                "[app.vina]\noutputs = [{name = '../x'}, {name = 'y'}, {name = 'y'}]\nvalidate.absolute = 1"
            ),
            "DIR/routes.toml: app.\"vina\": line 2: output \"../x\" is not a relative path without \".\" and \"..\"; \
             line 2: output \"y\" is there twice; line 3: validate.absolute: has no effect with rule = \"bytes\", it \
             belongs to rule = \"numbers\", \"table\", \"json\", \"array\""
        );
        assert_eq!(
            error("[app.other]"),
            "DIR/routes.toml: no route for workunit vina-0123456789ab__b1__j1: add [app.\"vina\"] or [default] \
             there, or routes.d/vina.toml beside it"
        );
    }

    #[test]
    fn without_any_routes_the_message_says_where_they_belong() {
        let dir = tempfile::tempdir().unwrap();
        let error = find(&dir.path().join("routes.toml"), Some(&workunit())).unwrap_err();
        assert!(matches!(error, RouteError::Missing { .. }), "{error}");
    }

    #[test]
    fn a_route_that_was_written_is_found_as_it_was() {
        let (_dir, path) = project("");
        let route = Route {
            outputs: Some(vec![
                RouteOutput { name: "poses.pdbqt".into(), max_bytes: Some(1_000_000), optional: false },
                RouteOutput { name: "log.txt".into(), max_bytes: None, optional: true },
            ]),
            validate: ValidateSpec {
                rule: RuleKind::Numbers,
                absolute: Some(0.01),
                output: vec![OutputRuleSpec {
                    name: "log.txt".into(),
                    rule: RuleKind::Ignore,
                    ..OutputRuleSpec::default()
                }],
                ..ValidateSpec::default()
            },
            assimilate: AssimilateRoute {
                layout: Layout::Job,
                directory: "/srv/my results".into(),
                ..AssimilateRoute::default()
            },
        };
        assert!(route.write(&path, "../vina").is_err());
        route.write(&path, &workunit().bundle()).unwrap();
        let found = find(&path, Some(&workunit())).unwrap();
        assert_eq!(found.route, route);
        assert!(matches!((&found.rule(0).compare, &found.rule(1).compare), (Rule::Numbers(_), Rule::Ignore)));
    }

    /// The first block of TOML in a page.
    fn example(page: &str) -> &str {
        page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap()
    }

    #[test]
    fn the_examples_of_the_documentation_are_what_they_say() {
        let (_dir, path) = project(example(include_str!("../../../docs/routes-toml.md")));
        let rule = |name: Option<&WorkunitName>| find(&path, name).unwrap().route.validate.rule;
        assert_eq!(rule(Some(&workunit())), RuleKind::Bytes);
        let other = WorkunitName::new("vina", "ba9876543210", "b1", "j1").unwrap();
        assert_eq!(rule(Some(&other)), RuleKind::Numbers);
        assert_eq!(rule(None), RuleKind::Bytes);

        #[derive(Deserialize)]
        struct App {
            validate: ValidateSpec,
        }
        let app: App = toml::from_str(example(include_str!("../../../docs/validation.md"))).unwrap();
        assert!(app.validate.rules(&["poses.pdbqt", "log.txt"]).is_ok());
    }
}
