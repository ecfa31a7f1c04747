//! Routes files, good and bad.

use super::*;
use crate::route::{Layout, RouteOutput};
use crate::rule::Rule;
use crate::spec::{OutputRuleSpec, RuleKind, ValidateSpec};
use boinc::names::workunit::WorkunitName;

fn project(routes: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("routes.toml");
    fs::write(&path, routes).unwrap();
    (dir, path)
}

fn find(routes_toml: &Path, workunit: Option<&WorkunitName>) -> Result<Routed, RouteError> {
    let routes = Routes::open(routes_toml, Path::new(""))?;
    routes.find(&workunit.map_or_else(Subject::default, |name| routes.subject(&name.to_string())))
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
    assert!(find(&path, None).unwrap_err().to_string().contains("no route for files whose names"));
}

#[test]
fn a_mistake_is_told_with_file_line_and_nearest_key() {
    assert_eq!(
        error("[app.vina]\noutputs = []\n[app.vina.validate]\nabsolut = 1"),
        "DIR/routes.toml:4:1: unknown key \"absolut\"; accepted: rule, absolute, relative, ulps, decimal, \
             ignore_lines, separator, header, keys, at, check, output; help: did you mean \"absolute\"?"
    );
    assert_eq!(
        error("default.validate.rule = 'fuzzy'"),
        "DIR/routes.toml:1:25: rule is 'fuzzy'; accepted: bytes, text, numbers, table, json, array, ignore"
    );
    assert!(error("[app.vina]\n\nx = ").starts_with("DIR/routes.toml:3:"));
    assert_eq!(
        error("[app.vina]\noutputs = [{name = '../x'}, {name = 'y'}, {name = 'y'}]\nvalidate.absolute = 1"),
        "DIR/routes.toml:2:13: app.\"vina\": output \"../x\" is not a relative path of at most 61 bytes without \".\" and \"..\"; \
             DIR/routes.toml:2:44: app.\"vina\": output \"y\" is listed twice; DIR/routes.toml:3:10: app.\"vina\": validate.absolute: has no effect with rule = \"bytes\", it \
             belongs to rule = \"numbers\", \"table\", \"json\", \"array\""
    );
    assert_eq!(
        error("[app.other]"),
        "DIR/routes.toml: no route for workunit vina-0123456789ab__b1__j1; help: add [app.\"vina\"] or [default] \
             there, or routes.d/vina.toml next to it"
    );
}

#[test]
fn without_any_routes_the_message_says_where_they_belong() {
    let dir = tempfile::tempdir().unwrap();
    let error = find(&dir.path().join("routes.toml"), Some(&workunit())).unwrap_err();
    assert!(error.to_string().starts_with("failed to find the routes file"), "{error}");
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
        script: None,
    };
    let directory = route_directory(&path);
    fs::create_dir(&directory).unwrap();
    let file = directory.join(format!("{}.toml", workunit().bundle()));
    fs::write(file, toml::to_string(&route).unwrap()).unwrap();
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
    let (_dir, path) = project(example(include_str!("../../../../docs/routes-toml.md")));
    let rule = |name: Option<&WorkunitName>| find(&path, name).unwrap().route.validate.rule;
    assert_eq!(rule(Some(&workunit())), RuleKind::Bytes);
    let other = WorkunitName::new("vina", "ba9876543210", "b1", "j1").unwrap();
    assert_eq!(rule(Some(&other)), RuleKind::Numbers);
    assert_eq!(rule(None), RuleKind::Bytes);

    #[derive(Deserialize)]
    struct App {
        validate: ValidateSpec,
    }
    let app: App = toml::from_str(example(include_str!("../../../../docs/validation.md"))).unwrap();
    assert!(app.validate.rules(&["poses.pdbqt", "log.txt"]).is_ok());
}
