//! `buoy-init` and `buoy-compare`.

use crate::project::{BUNDLE, Project, ROUTE};

fn workunit() -> String {
    format!("{BUNDLE}__b1__lig_7")
}

/// A project with two results of one workunit, and the daemon's line to compare them.
fn two_results(routes: &str, first: &str, second: &str) -> (Project, String) {
    let project = Project::new(routes);
    let line = project.two_results(&workunit(), first, second);
    (project, line)
}

#[test]
fn a_result_with_its_required_outputs_is_acceptable() {
    let project = Project::new(ROUTE);
    let wu = workunit();
    let poses = project.upload(&wu, 0, 0, "MODEL 1\n");
    let log = project.output(&wu, 0, 1);
    project.run(&format!("buoy-init  {poses} {log}")).is(0, "");
    project.upload(&wu, 0, 1, "fine");
    project.run(&format!("buoy-init  {poses} {log}")).is(0, "");
    // A server of before July 2025 with the line "buoy-init files result_id runtime".
    project.run(&format!("buoy-init {poses} {log} 27 31.500000")).is(0, "");
}

#[test]
fn a_result_without_a_required_output_or_with_one_too_large_is_not() {
    let project = Project::new(ROUTE);
    let wu = workunit();
    let line = format!("buoy-init  {} {}", project.output(&wu, 0, 0), project.output(&wu, 0, 1));
    project.run(&line).is(1, &format!("buoy-init: {wu}_0: invalid: poses.pdbqt is missing\n"));
    project.upload(&wu, 0, 0, &"x".repeat(1001));
    project.run(&line).is(
        1,
        &format!("buoy-init: {wu}_0: invalid: poses.pdbqt has 1001 bytes, at most 1000 are accepted\n"),
    );
}

#[test]
fn results_within_the_tolerance_agree() {
    let (project, line) = two_results(
        ROUTE,
        "REMARK time 5 s\nREMARK VINA RESULT: -7.213\n",
        "REMARK VINA RESULT:   -7.209\r\nREMARK time 9 s\n",
    );
    project.run(&line).is(0, "");
}

#[test]
fn results_beyond_it_differ_and_the_log_says_where() {
    let (project, line) = two_results(ROUTE, "REMARK VINA RESULT: -7.213\n", "REMARK VINA RESULT: -7.198\n");
    let wu = workunit();
    project.run(&line).is(
        1,
        &format!(
            "buoy-compare: {wu}_0 and {wu}_1 differ: poses.pdbqt line 1 column 4: -7.213 against -7.198, \
             off by 0.015, allowed 0.01\n"
        ),
    );
}

#[test]
fn an_optional_output_must_be_in_both_or_in_none() {
    let routes = ROUTE.replace("rule = 'ignore'", "rule = 'text'");
    let (project, line) = two_results(&routes, "1", "1");
    project.run(&line).is(0, "");
    let wu = workunit();
    project.upload(&wu, 1, 1, "log");
    project.run(&line).has(1, &format!("log.txt {wu}_0 does not have it"));
    project.upload(&wu, 0, 1, "log \n");
    project.run(&line).is(0, "");
}

#[test]
fn the_order_of_results_does_not_matter() {
    for (a, b) in [("1.00", "1.01"), ("1.00", "1.02"), ("1 2", "1"), ("x", "1")] {
        let (project, line) = two_results(ROUTE, a, b);
        let (other, exchanged) = two_results(ROUTE, b, a);
        assert_eq!(project.run(&line).code, other.run(&exchanged).code, "{a:?} {b:?}");
    }
}

#[test]
fn routes_that_cannot_be_used_invalidate_nothing() {
    for (routes, expected) in [
        ("[app.vina", "routes.toml:1:"),
        ("[app.vina]\nvalidat.rule = 'text'", "routes.toml:2:1: unknown key \"validat\""),
        ("[app.vina]\nvalidate.absolute = 1", "has no effect with rule = \"bytes\""),
        ("[app.other]", "no route for workunit vina-0123456789ab__b1__lig_7"),
    ] {
        let (project, line) = two_results(routes, "a", "b");
        project.run(&line).has(3, expected);
        let init = line.replace("buoy-compare", "buoy-init");
        let half: Vec<_> = init.split_whitespace().take(3).collect();
        project.run(&half.join(" ")).has(3, expected);
    }
    let (project, line) = two_results("", "a", "b");
    std::fs::remove_file(project.path("buoy/routes.toml")).unwrap();
    let why = "failed to find the routes file ../buoy/routes.toml; help: write this file, or set BUOY_ROUTES to its path";
    project
        .run(&line)
        .is(3, &format!("buoy-compare: ALERT: routes: {why}\nbuoy-compare: undecided: {why}\n"));
    // Somebody is told once, and each time why.
    project.run(&line).is(3, &format!("buoy-compare: undecided: {why}\n"));
}

#[test]
fn routes_are_found_where_the_variable_says() {
    let (project, line) = two_results("", "a", "a");
    project.write("elsewhere/r.toml", ROUTE);
    project.run(&line).has(3, "no route");
    let routes = project.path("elsewhere/r.toml");
    project.run_with(&line, |command| _ = command.env("BUOY_ROUTES", routes)).is(0, "");
}

#[test]
fn workunits_of_others_take_the_default_route() {
    let project = Project::new("default.validate.rule = 'text'");
    let (a, b) = (project.upload("q3_0", 0, 0, "x\n"), project.upload("q3_0", 1, 0, "x  \n"));
    project.run(&format!("buoy-compare  {a} {b}")).is(0, "");
    project.upload("q3_0", 1, 0, "y");
    project
        .run(&format!("buoy-compare  {a} {b}"))
        .is(1, "buoy-compare: q3_0_0 and q3_0_1 differ: output 0 line 1 byte 1: \"x\" against \"y\"\n");
}

#[test]
fn a_line_with_tokens_on_a_present_server_says_what_to_change() {
    let project = Project::new(ROUTE);
    for shim in ["buoy-init", "buoy-compare"] {
        project.run(&format!("{shim} ")).has(3, "name only the script");
    }
    // After exit 0 the outputs would be deleted.
    project.run("buoy-assimilate ").has(1, "name only the script");
}

#[test]
fn a_line_that_the_daemon_cut_is_reported_and_judges_nothing() {
    let route = |outputs: usize| {
        let outputs: Vec<_> = (0..outputs).map(|i| format!("{{name = 'o{i}'}}")).collect();
        format!("[app.vina]\noutputs = [{}]", outputs.join(", "))
    };
    let project = Project::new(&route(40));
    let wu = workunit();
    let paths = |n: u32| (0..40).map(|i| project.upload(&wu, n, i, "x")).collect::<Vec<_>>().join(" ");
    for shim in ["buoy-init", "buoy-compare"] {
        let line =
            format!("{shim}  {} {}", paths(0), if shim == "buoy-compare" { paths(1) } else { String::new() });
        let cut = &line[..line.len().min(4095 - "../bin/".len())];
        if shim == "buoy-compare" {
            assert!(cut.len() < line.len());
            project.run(cut).has(3, "the daemon cuts it at 4,096");
        } else {
            project.run(&line).is(0, "");
        }
    }
    project.write("buoy/routes.toml", &route(41));
    project.run(&format!("buoy-init  {}", paths(0))).has(3, "40 outputs of a result, but the route lists 41");
}

#[test]
fn a_result_that_fails_the_check_of_its_rule_is_invalid_and_the_log_says_why() {
    let routes = "[app.vina]\noutputs = [{ name = 'poses.pdbqt' }]\n[app.vina.validate]\nrule = 'table'\nkeys = ['id']\n\
                  check = { must_not_match = ['ERROR'], ranges = [{ column = 'e', max = 0 }] }";
    let project = Project::new(routes);
    let wu = workunit();
    let line = format!("buoy-init  {}", project.upload(&wu, 0, 0, "id,e\na,-7.2\nb,-6\n"));
    project.run(&line).is(0, "");
    let other = project.upload(&wu, 1, 0, "e,id\n-6.0,b\n-7.2,a\n");
    project.run(&format!("buoy-compare  {} {other}", project.output(&wu, 0, 0))).is(0, "");
    project.upload(&wu, 0, 0, "id,e\na,7.2\n");
    project.run(&line).is(
        1,
        &format!("buoy-init: {wu}_0: invalid: poses.pdbqt line 2 column \"e\": 7.2, at most 0 is accepted\n"),
    );
    project.upload(&wu, 0, 0, "ERROR\n");
    project.run(&line).has(1, "line 1: \"ERROR\" must not match \"ERROR\"");
}

#[test]
fn a_mistake_in_a_rule_is_told_with_its_line() {
    let routes = "[app.vina]\noutputs = [{ name = 'x' }]\n\n[app.vina.validate]\nrule = 'json'\nat = [\n  { path = 'x', ignore = true },\n]";
    let project = Project::new(routes);
    let path = project.upload(&workunit(), 0, 0, "1");
    project
        .run(&format!("buoy-init  {path}"))
        .has(3, "routes.toml:7:5: app.\"vina\": validate.at[1].path: \"x\" is not accepted");
}
