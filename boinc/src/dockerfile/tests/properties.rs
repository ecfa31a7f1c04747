//! What holds for any text.

use proptest::prelude::*;

use super::render::{render, typed};
use super::*;

const SEEDS: [&str; 4] = [
    "# escape=`\n# syntax=x\nARG V=1\nFROM debian:$V AS a\r\nRUN a `\n # c\n b\nFROM scratch\nCOPY --from=a /x /y\nCMD [\"x\"]\n",
    "FROM debian\nENV A=1 B=\"${A:-x}\"\nENV C d e\nLABEL a=b \"c\"='d'\nRUN python3 <<E | cat <<-'F'\nx\nE\n\ty\n\tF\nWORKDIR a/b\n",
    "FROM debian\nSHELL [\"/bin/bash\", \"-c\"]\nARG X\nARG Y=$X-${X:+z}\nCOPY --chown=1:2 --chmod=755 a* <<E /dst/\n$X \\$\nE\n\
     ADD [\"a b\", \"c\"]\nUSER me\nENTRYPOINT x $A\nHEALTHCHECK CMD x\n",
    "FROM a\nONBUILD RUN x\nRUN --mount=type=cache,target=/x y\nADD http://h/x /\nVOLUME /x\nEXPOSE 80\n",
];

const PIECES: [&str; 64] = [
    "\n",
    "\r\n",
    "\r",
    "\\\n",
    "`\n",
    "\\",
    "`",
    " ",
    "\t",
    "\u{b}",
    "\u{a0}",
    "\u{feff}",
    "\0",
    "#",
    "# escape=`\n",
    "<<",
    "<<-",
    "<<E",
    "<<\"E\"",
    "\nE\n",
    "'",
    "\"",
    "$",
    "${",
    "}",
    "${A:-",
    "${A:+x}",
    "$A",
    ":",
    "=",
    "[",
    "]",
    "[\"",
    "\"]",
    ",",
    "(",
    "((",
    "))",
    "FROM ",
    "RUN ",
    "COPY ",
    "ADD ",
    "ENV ",
    "ARG ",
    "LABEL ",
    "CMD ",
    "SHELL ",
    "USER ",
    "WORKDIR ",
    "ONBUILD ",
    "--from=",
    "--chown=",
    "--chmod=",
    "--platform=",
    "--mount=",
    "a",
    "debian",
    "/",
    "..",
    "*",
    "é",
    "0",
    "AS b",
    "http://",
];

fn seed() -> impl Strategy<Value = String> {
    (0..SEEDS.len()).prop_map(|index| SEEDS[index].to_owned())
}

/// A file with pieces put in, taken out and doubled.
fn mutated() -> impl Strategy<Value = String> {
    let change = (any::<prop::sample::Index>(), 0..PIECES.len(), 0..4_usize);
    (seed(), prop::collection::vec(change, 0..12)).prop_map(|(mut text, changes)| {
        for (place, piece, kind) in changes {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let at = places[place.index(places.len())];
            let line_end = text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
            match kind {
                0 => {
                    text.replace_range(at..line_end, "");
                }
                1 => {
                    let line = text[at..line_end].to_owned();
                    text.insert_str(at, &line);
                }
                _ => text.insert_str(at, PIECES[piece]),
            }
        }
        text
    })
}

/// A line of a file: often one that is accepted.
fn line() -> impl Strategy<Value = String> {
    let word = "([a-z./ ]|\\$[A-C]|\\$\\{[A-C]:?[-+][a-z$A ]{0,3}\\}|\\\\.|\"[a-z $A']{0,4}\"|'[a-z $\"]{0,4}'|é|\\*){1,6}";
    prop_oneof![
        (word, word).prop_map(|(a, b)| format!("ENV A={a} B={b}")),
        word.prop_map(|a| format!("ENV A {a}")),
        word.prop_map(|a| format!("ARG A={a}")),
        word.prop_map(|a| format!("LABEL \"x y\"={a} b=c")),
        (word, word).prop_map(|(a, b)| format!("COPY {a} {b} /x")),
        (word, word).prop_map(|(a, b)| format!("COPY --chown={a} x <<E <<'F' y\n{b}\nE\n{b}\nF")),
        (word, word).prop_map(|(a, b)| format!("ADD {} /x", serde_json::to_string(&[a, b]).unwrap())),
        word.prop_map(|a| format!("WORKDIR {a}")),
        word.prop_map(|a| format!("RUN {a}")),
        word.prop_map(|a| format!("RUN <<-E\n\t{a}\n\tE")),
        word.prop_map(|a| format!("RUN {a} <<E\n{a}\nE")),
        word.prop_map(|a| format!("CMD {}", serde_json::to_string(&[a]).unwrap())),
        word.prop_map(|a| format!("FROM {a} AS b{}", a.len())),
        Just("FROM scratch".to_owned()),
    ]
}

fn is_accepted(line: &str) -> bool {
    parse(format!("FROM debian\n{line}\n").as_bytes()).is_ok()
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in mutated()) {
        let found = faults(&text);
        prop_assert!(found.lines().all(|line| line.starts_with("line ") || line.starts_with("and ")), "{found}");
        prop_assert!(!found.contains(|c: char| c.is_control() && c != '\n'), "{found:?}");
        if let Ok(file) = parse(text.as_bytes()) {
            for stage in 0..file.stages.len() {
                let _ = file.context_sources(stage, &BTreeMap::new());
                let _ = file.base(stage, &BTreeMap::new(), &platform());
                let _ = file.needed_stages(stage, &BTreeMap::new(), &platform());
            }
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in seed(), at in any::<prop::sample::Index>()) {
        let mut whole = text.into_bytes();
        let at = at.index(whole.len());
        whole.splice(at..at, bytes);
        let _ = faults_of(&whole);
    }

    #[test]
    fn triggers_do_not_panic_and_fetch_nothing(trigger in "(RUN |COPY |ADD |ENV |FROM |ONBUILD |<<E|\n|E|http://h/|--from=0 |a|/| |\\$A|\\\\){0,12}") {
        let base = ImageConfig { on_build: vec![trigger], ..debian() };
        let plan = read("FROM x\nCMD x\n").evaluate(0, &base, &BTreeMap::new(), &platform());
        for copy in plan.iter().flat_map(copies) {
            prop_assert_eq!(copy.from, None);
            let addresses = copy.sources.iter().filter(|source| matches!(source, Source::Pattern(text) if text.contains("://")));
            prop_assert_eq!(addresses.count(), 0);
        }
    }

    #[test]
    fn values_stay_within_their_bound(lines in prop::collection::vec("(ENV|ARG) [A-C]=(\\$[A-C]|x{200}|\\$\\{[A-C]:-\\$[A-C]\\}){1,8}\n", 1..25)) {
        let file = read(&format!("FROM debian\n{}", lines.concat()));
        if let Ok(plan) = file.evaluate(0, &debian(), &BTreeMap::new(), &platform()) {
            prop_assert!(plan.config.env.iter().all(|(_, value)| value.len() <= 64 * 1024));
        }
    }

    #[test]
    fn what_is_read_and_written_reads_back_as_the_same(lines in prop::collection::vec(line(), 1..12)) {
        let good: Vec<String> = lines.into_iter().filter(|line| is_accepted(line)).collect();
        let Ok(file) = parse(format!("ARG A=1\nFROM debian\n{}\n", good.join("\n")).as_bytes()) else { return Ok(()) };
        let text = render(&file);
        let again = parse(text.as_bytes()).map_err(|faults| TestCaseError::fail(format!("{text}: {faults}")))?;
        prop_assert_eq!(typed(&again), typed(&file), "{}", text);
        prop_assert_eq!(render(&again), text);
    }

    #[test]
    fn another_reader_sees_the_same_instructions(text in mutated()) {
        let Ok(file) = parse(text.as_bytes()) else { return Ok(()) };
        // The other one reads here-documents of RUN only, and where they come first.
        prop_assume!(!text.contains("<<"));
        let other = parse_dockerfile::parse(&text);
        let other = other.map_err(|error| TestCaseError::fail(format!("{text:?}: {error}")))?;
        prop_assert_eq!(ours(&file), theirs(&other), "{:?}", text);
    }
}

/// Names of instructions, with the text of RUN; what has no effect by its name alone.
fn ours(file: &Dockerfile) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    let mut lines = Vec::new();
    for (_, instruction) in &file.globals {
        if !lines.contains(&instruction.origin.line()) {
            lines.push(instruction.origin.line());
            list.push("ARG".to_owned());
        }
    }
    for stage in &file.stages {
        list.push("FROM".to_owned());
        for instruction in &stage.instructions {
            let name = instruction.text.split([' ', '\t']).next().unwrap_or("").to_ascii_uppercase();
            list.push(name);
        }
    }
    list
}

fn theirs(file: &parse_dockerfile::Dockerfile<'_>) -> Vec<String> {
    let name = |instruction: &parse_dockerfile::Instruction<'_>| {
        let debug = format!("{instruction:?}");
        debug.split('(').next().unwrap_or("").to_ascii_uppercase()
    };
    file.instructions.iter().map(name).collect()
}

#[test]
fn the_seeds_are_read_but_for_the_last() {
    for seed in &SEEDS[..3] {
        let file = read(seed);
        assert_eq!(typed(&parse(render(&file).as_bytes()).unwrap()), typed(&file));
    }
    assert!(parse(SEEDS[3].as_bytes()).is_err());
}
