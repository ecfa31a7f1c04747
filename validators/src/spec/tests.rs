//! Rules as they are written.

use std::num::NonZeroU32;
use std::path::Path;

use boinc::toml_file::{Document, Step};

use super::*;
use crate::rule::{Allowance, Exception, JsonPath, Rule, Tolerance, WordPlace};

fn spec(text: &str) -> ValidateSpec {
    toml::from_str(text).unwrap()
}

/// The mistakes of a rule for outputs a and b.
fn errors(text: &str) -> Vec<String> {
    spec(text).rules(&["a", "b"]).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn bytes_are_compared_unless_told_otherwise() {
    assert_eq!(spec(""), ValidateSpec::default());
    let rules = spec("").rules(&["a", "b"]).unwrap().outputs;
    assert!(matches!([&rules[0].compare, &rules[1].compare], [Rule::Bytes, Rule::Bytes]));
}

#[test]
fn an_output_can_have_a_rule_of_its_own() {
    let spec = spec(
        "rule = 'numbers'\nabsolute = 0.01\nrelative = 1e-6\nulps = 4\nignore_lines = ['^REMARK']\n\
         at = [{ column = 3, absolute = 1 }, { key = 'time', ignore = true }]\n\
         [[output]]\nname = 'log.txt'\nrule = 'ignore'\n\
         [[output]]\nname = 'table.csv'\nrule = 'table'\nseparator = \"\\t\"\nkeys = ['id', 2]\n\
         check = { min_bytes = 1, must_match = ['x'], ranges = [{ column = 'e', max = 0.5 }] }\n",
    );
    let rules = spec.rules(&["poses.pdbqt", "log.txt", "table.csv"]).unwrap().outputs;
    let Rule::Numbers(numbers) = &rules[0].compare else { panic!("{rules:?}") };
    assert_eq!(numbers.tolerance, Tolerance { absolute: 0.01, relative: 1e-6, ulps: 4 });
    assert!(numbers.ignore_lines.is_match(b"REMARK 1"));
    let within = Allowance::Within(Tolerance { absolute: 1.0, ..Tolerance::default() });
    assert_eq!(
        numbers.at,
        [
            Exception { place: WordPlace::Column(3), allowance: within },
            Exception { place: WordPlace::Key("time".into()), allowance: Allowance::Ignored },
        ]
    );
    assert!(matches!(rules[1].compare, Rule::Ignore));
    let Rule::Table(table) = &rules[2].compare else { panic!("{rules:?}") };
    assert_eq!((table.separator, table.header), (b'\t', true));
    assert_eq!(table.keys, [Column::Name("id".into()), Column::Number(NonZeroU32::new(2).unwrap())]);
    assert_eq!(rules[2].check.cells.as_ref().map(|(_, ranges)| ranges[0].max), Some(Some(0.5)));
    let again: ValidateSpec = toml::from_str(&toml::to_string(&spec).unwrap()).unwrap();
    assert_eq!(again, spec);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = errors(
        "rule = 'text'\nabsolute = 1\nignore_lines = ['(']\n[[output]]\nname = 'a'\nrule = 'numbers'\n\
         relative = -1.0\n[[output]]\nname = 'x'\nrule = 'bytes'\n[[output]]\nname = 'x'\nrule = 'bytes'\n\
         ignore_lines = ['y']",
    );
    assert_eq!(
        text,
        [
            "validate.absolute: has no effect with rule = \"text\", it belongs to rule = \"numbers\", \"table\", \
             \"json\", \"array\"",
            "validate.ignore_lines[1]: invalid regular expression \"(\": unclosed group",
            "validate.output \"a\".relative: -1 is not a tolerance: a finite number that is not negative is accepted",
            "validate.output \"x\".name: unknown output \"x\"; outputs: a, b",
            "validate.output \"x\".name: output \"x\" has a rule already",
            "validate.output \"x\".ignore_lines: has no effect with rule = \"bytes\", it belongs to rule = \"text\", \
             \"numbers\", \"table\"",
        ]
    );
}

#[test]
fn a_place_is_said_once_and_in_the_rules_own_way() {
    for (rule, expected) in [
        (
            "rule = 'numbers'\nat = [{ absolute = 1 }]",
            "validate.at[1]: no place is given, but with rule = \"numbers\" either column or key says the place",
        ),
        (
            "rule = 'numbers'\nat = [{ column = 'x', absolute = 1 }]",
            "validate.at[1].column: \"x\" is not accepted; accepted: a column's number from 1; names belong to rule = \
             \"table\"",
        ),
        (
            "rule = 'numbers'\nat = [{ key = 'a b', absolute = 1 }]",
            "validate.at[1].key: \"a b\" is not accepted; accepted: a single word of letters, digits and _ . + - that is not a \
             number",
        ),
        (
            "rule = 'table'\nat = [{ column = 1, key = 'x', ignore = true }]",
            "validate.at[1]: several places are given, but with rule = \"table\" column says the place",
        ),
        (
            "rule = 'table'\nheader = false\nkeys = ['id']",
            "validate.keys[1]: \"id\" is not accepted; accepted: with header = false a column's number from 1",
        ),
        (
            "rule = 'json'\nat = [{ path = 'x', ignore = true }]",
            "validate.at[1].path: \"x\" is not accepted; accepted: keys and indexes from 0 with / before each, * for any of \
             them: \"/poses/*/score\"",
        ),
        (
            "rule = 'json'\nat = [{ path = '/x', ignore = true, absolute = 1 }]",
            "validate.at[1]: missing: either a tolerance (absolute, relative, ulps) or ignore = true",
        ),
        (
            "rule = 'array'\ncheck.ranges = [{ column = 1, min = 0 }]",
            "validate.check.ranges[1]: column is given, but with rule = \"array\" all elements are meant",
        ),
        ("rule = 'text'\ncheck.ranges = [{ column = 1 }]", "validate.check.ranges[1]: missing: min or max"),
        (
            "check.ranges = [{ column = 1, min = 2, max = 1 }]",
            "validate.check.ranges[1].min: 2 is not accepted; accepted: at most max, which is 1",
        ),
        (
            "check = { min_bytes = 2, max_bytes = 1 }",
            "validate.check.min_bytes: 2 is not accepted; accepted: at most max_bytes, which is 1",
        ),
        (
            "rule = 'table'\nseparator = 'ab'",
            "validate.separator: \"ab\" is not accepted; accepted: one character such as \",\", \";\", \"|\" or \"\\t\"",
        ),
        (
            "check.must_match = ['(x{500}){500}']",
            "validate.check.must_match[1]: invalid regular expression \"(x{500}){500}\": it is too large once compiled",
        ),
    ] {
        assert_eq!(errors(rule), [expected]);
    }
}

#[test]
fn an_unknown_key_or_rule_is_an_error() {
    for text in
        ["rul = 'bytes'", "rule = 'fuzzy'", "at = [{ colum = 1 }]", "check.size = 1", "at = [{ column = 0 }]"]
    {
        assert!(toml::from_str::<ValidateSpec>(text).is_err(), "{text}");
    }
    assert!(toml::from_str::<AssimilateSpec>("rule = 'burn'").is_err());
    assert_eq!(toml::from_str::<AssimilateSpec>("rule = 'collect'").unwrap(), AssimilateSpec::default());
}

#[test]
fn a_mistake_is_found_in_the_text_it_was_read_from() {
    let text = "[validate]\nrule = 'numbers'\n\n[[validate.output]]\nname = 'a'\nrule = 'numbers'\n\
                at = [\n  { column = 1, absolute = 1 },\n  { column = 2, absolute = -1 },\n]\n";
    #[derive(Deserialize)]
    struct App {
        validate: ValidateSpec,
    }
    let app: App = toml::from_str(text).unwrap();
    let errors = app.validate.rules(&["a"]).unwrap_err();
    let doc = Document::new(Path::new("app.toml"), text);
    assert_eq!(errors.len(), 1);
    assert_eq!(doc.locate(&errors[0].path).unwrap(), doc.place(text.find("absolute = -1").unwrap()));
    // What is not there leads to the nearest table above it.
    let path = [Step::Key("validate".into()), Step::Key("header".into())];
    assert_eq!(doc.locate(&path).unwrap(), doc.place(text.find("validate").unwrap()));
}

#[test]
fn paths_are_read_as_rfc_6901_has_them() {
    let path = |text| JsonPath::parse(text).map(|path| path.steps);
    assert_eq!(path("/a~1b/*/~0"), Some(vec![Some("a/b".into()), None, Some("~".into())]));
    assert_eq!(path("/"), Some(vec![Some(String::new())]));
    assert_eq!(path("a"), None);
}

#[test]
fn the_examples_of_the_documentation_are_rules() {
    #[derive(Deserialize)]
    struct App {
        validate: ValidateSpec,
    }
    let page = include_str!("../../../docs/validation.md");
    let blocks: Vec<&str> =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let rules: Vec<&str> = blocks.into_iter().filter(|block| block.contains("rule = \"numbers\"")).collect();
    assert_eq!(rules.len(), 3);
    for block in rules {
        let spec = match toml::from_str::<App>(block) {
            Ok(app) => app.validate,
            Err(_) => toml::from_str(block).unwrap(),
        };
        assert_eq!(
            spec.rules(&["poses.pdbqt", "log.txt"]).map_err(|errors| format!("{errors:?}")).err(),
            None
        );
    }
}
