//! Spellings that readers take in different ways, and files that are too much: each is an error with its place.

use super::*;

#[test]
fn refusals_have_a_line_and_say_why() {
    let table: &[(&str, &str)] = &[
        ("", "line 1: the Dockerfile has no FROM"),
        ("# only\n", "line 1: the Dockerfile has no FROM"),
        ("RUN x\nFROM debian\n", "line 1: an instruction before the first FROM"),
        ("FROM debian\nFOO bar\n", "line 2: unknown instruction \"FOO\""),
        ("FROM debian\nFOO\n", "line 2: unknown instruction \"FOO\""),
        ("FROM debian\nRUN\n", "line 2: RUN without anything after it"),
        ("FROM debian\nONBUILD RUN x\n", "line 2: ONBUILD is not supported"),
        ("FROM debian\nonbuild add http://x /\n", "line 2: ONBUILD is not supported"),
        ("// syntax=evil/x\nFROM debian\n", "line 1: unknown instruction \"//\""),
        ("{\"syntax\": \"evil\"}\nFROM debian\n", "line 1: unknown instruction"),
        // FROM
        ("FROM a b\n", "accepted: FROM IMAGE [AS NAME]"),
        ("FROM debian AS 1a\n", "the stage name \"1a\""),
        ("FROM debian AS scratch\n", "which is reserved"),
        ("FROM debian AS a\nFROM debian AS A\n", "line 2: a second stage named \"a\""),
        ("FROM $X\n", "FROM \"\": invalid image name: it is empty"),
        ("FROM a:$X\n", "invalid image name"),
        ("FROM b\nFROM debian AS b\nCOPY --from=b a b\n", "--from=b is not an earlier stage"),
        ("FROM x\nFROM c\nFROM debian AS c\nFROM c\n", ""),
        ("FROM later AS a\nFROM debian AS later\nFROM a\n", "the stage \"later\" comes later"),
        ("FROM debian\nFROM 0\n", "help: give the stage a name"),
        ("FROM --platform=linux/riscv64 debian\n", "--platform="),
        ("FROM --foo=1 debian\n", "unknown flag \"--foo=1\" of FROM; accepted: --platform"),
        ("FROM buoy-0123\n", "belong to images of other science apps"),
        ("FROM sha256:abcd\n", "it is an image ID"),
        // RUN
        ("FROM debian\nRUN --mount=type=cache,target=/x y\n", "RUN --mount is not supported"),
        ("FROM debian\nRUN --network=host y\n", "RUN --network is not supported"),
        ("FROM debian\nRUN --security=insecure y\n", "RUN --security is not supported"),
        ("FROM debian\nRUN --foo y\n", "unknown flag \"--foo\" of RUN; accepted: no flag"),
        ("FROM debian\nRUN \\\n  --mount=type=bind,rw x\n", "line 3: RUN --mount is not supported"),
        ("FROM debian\nRUN -- x\n", "unknown flag \"--\""),
        ("FROM debian\nRUN ['a']\n", "is not a JSON list of strings"),
        ("FROM debian\nRUN [\"a\", 1]\n", "is not a JSON list of strings"),
        ("FROM debian\nRUN [\"a\"] b\n", "is not a JSON list of strings"),
        ("FROM debian\nRUN [a]\n", "is not a JSON list of strings"),
        ("FROM debian\nRUN []\n", "RUN [] runs nothing"),
        ("FROM debian\nCMD [ a ]\n", "is not a JSON list of strings"),
        ("FROM debian\nCMD [\"a\\u0000\"]\n", "U+0000"),
        ("FROM debian\nSHELL /bin/sh -c\n", "accepted: a JSON list"),
        ("FROM debian\nSHELL []\n", "accepted: a JSON list"),
        // Here-documents
        ("FROM debian\nRUN <<EOF\nx\n", "line 2: the here-document \"EOF\" does not end"),
        ("FROM debian\nRUN <<EOF\nx\n EOF\nEOF2\n", "the here-document \"EOF\" does not end"),
        ("FROM debian\nRUN cat<<EOF\nx\nEOF\n", "<< that is not clearly a here-document"),
        ("FROM debian\nRUN cat << EOF\nx\nEOF\n", "<< that is not clearly a here-document"),
        ("FROM debian\nRUN cat <<EOF>x\nx\nEOF\n", "<< that is not clearly a here-document"),
        ("FROM debian\nRUN cat <<E\"O\"F\nx\nEOF\n", "<< that is not clearly a here-document"),
        ("FROM debian\nRUN cat <<\"EOF\nx\nEOF\n", "<< that is not clearly a here-document"),
        ("FROM debian\nRUN cat <<$X\nx\n$X\n", "<< that is not clearly a here-document"),
        ("FROM debian\nRUN cat <<\\EOF\nx\nEOF\n", "<< that is not clearly a here-document"),
        ("FROM debian\nCOPY x<<EOF /y\nEOF\n", "<< that is not clearly a here-document"),
        ("FROM debian\nCOPY a <<EOF\nx\nEOF\n", "accepted: SOURCE… DESTINATION"),
        ("FROM debian\nCOPY <<../x /y\nEOF\n", "<< that is not clearly a here-document"),
        ("FROM debian\nCOPY <<EOF /y\na\\nb\nEOF\n", "line 3: a backslash before 'n'"),
        ("FROM debian\nCOPY <<EOF /y\n\na ${X#y}\nEOF\n", "line 4: the form ${X#…"),
        (
            "FROM debian AS a\nFROM debian\nCOPY --from=a <<EOF /y\nEOF\n",
            "a here-document is not part of another stage",
        ),
        ("FROM debian\nRUN <<EOF\n#!python\nEOF\n", "the interpreter \"python\""),
        // COPY and ADD
        ("FROM debian\nCOPY x\n", "accepted: SOURCE… DESTINATION"),
        ("FROM debian\nCOPY [\"x\"]\n", "accepted: SOURCE… DESTINATION"),
        ("FROM debian\nCOPY \"a b\" /x\n", "a double quote that is not closed"),
        ("FROM debian\nCOPY a\\ b /x\n", "the word ends with the escape character"),
        ("# syntax=a\n# syntax=a\nFROM debian\n", "line 2: a second syntax directive"),
        ("# check=a\n# syntax=a\n# Check=b\nFROM debian\n", "line 3: a second check directive"),
        ("FROM debian\nCOPY ../x /y\n", "is outside of the build context"),
        ("FROM debian\nCOPY a/../../x /y\n", "is outside of the build context"),
        ("FROM debian\nCOPY x[ /y\n", "the pattern \"x[\""),
        ("FROM debian\nCOPY **/x /y\n", "** is not supported"),
        ("FROM scratch\nENTRYPOINT [\"x\"]\nCOPY x $U\n", "the destination is empty"),
        ("FROM debian\nCOPY x /proc/self/exe\n", "/proc belongs to the kernel"),
        ("FROM debian\nCOPY x /a/../dev/null\n", "/dev belongs to the kernel"),
        ("FROM debian\nWORKDIR /sys\n", "/sys belongs to the kernel"),
        ("FROM debian\nCOPY --chmod=u+x a /b\n", "accepted: 3 or 4 octal digits"),
        ("FROM debian\nCOPY --chmod=888 a /b\n", "accepted: 3 or 4 octal digits"),
        ("FROM debian\nCOPY --chown=a:b:c a /b\n", "the user \"a:b:c\""),
        ("FROM debian\nCOPY --chown=-x a /b\n", "the user \"-x\""),
        ("FROM debian\nCOPY --chown a /b\n", "--chown without a value"),
        ("FROM debian\nCOPY --chown=1 --chown=2 a /b\n", "a second --chown"),
        ("FROM debian\nCOPY --parents a /b\n", "COPY --parents is not supported"),
        ("FROM debian\nCOPY --exclude=x a /b\n", "COPY --exclude is not supported"),
        ("FROM debian\nCOPY --foo a /b\n", "accepted: --from, --chown, --chmod, --link"),
        ("FROM debian\nCOPY --from=alpine /a /b\n", "help: to copy from an image, give it a stage"),
        ("FROM debian\nCOPY --from=$X /a /b\n", "is not a stage of this file"),
        ("FROM debian AS a\nCOPY --from=a /a /b\n", "--from=a is not an earlier stage"),
        ("FROM debian\nCOPY --from=0 /a /b\n", "--from=0 is not an earlier stage"),
        ("FROM debian\nCOPY --from=99999999999999999999999 /a /b\n", "is not a stage of this file"),
        ("FROM debian\nADD http://x/y /z\n", "ADD from the address \"http://x/y\""),
        ("FROM debian\nADD git@github.com:x/y.git /z\n", "ADD from the address"),
        ("FROM debian\nADD [\"https://x/y\", \"/z\"]\n", "ADD from the address"),
        ("ARG U=http\nFROM debian\nARG U\nADD $U://x /z\n", "ADD from the address \"http://x\""),
        (
            "FROM debian\nA\\\nDD http://x /\n",
            "line 2: the line ends in or next to the name of an instruction",
        ),
        ("FROM debian\n\\\nADD x /y\n", "line 2: the line ends in or next to the name of an instruction"),
        ("FROM debian\nADD\\\n http://x /\n", "the line ends in or next to the name"),
        ("FROM debian\nADD --checksum=sha256:0 x /y\n", "ADD --checksum is not supported"),
        ("FROM debian\nADD x.tar.gz /y\n", "help: COPY it, and unpack it in RUN"),
        ("FROM debian\nADD X.TGZ /y\n", "help: COPY it, and unpack it in RUN"),
        // Others
        ("FROM debian\nENV A\n", "\"A\" has no value"),
        ("FROM debian\nENV A = b\n", "\"A\" has no value"),
        ("FROM debian\nENV A=b c\n", "\"c\" has no ="),
        ("FROM debian\nENV 1A=b\n", "the name of a variable is \"1A\""),
        ("FROM debian\nENV $A=b\n", "the name of a variable is \"$A\""),
        ("FROM debian\nENV A=${B\n", "${B is not closed"),
        ("FROM debian\nENV A=${B:-c\n", "'}' is missing"),
        ("FROM debian\nENV A=${B:?c}\n", "the form ${B:?…"),
        ("FROM debian\nENV A=${B/a/b}\n", "the form ${B/…"),
        ("FROM debian\nENV A=${}\n", "${ is not followed by the name of a variable"),
        ("FROM debian\nENV A=$1\n", "the special variable $1"),
        ("FROM debian\nENV A=$$\n", "the special variable $$"),
        ("FROM debian\nENV A=$é\n", "the special variable $é"),
        ("FROM debian\nENV A=$Bé\n", "the variable $B ends at a letter"),
        ("FROM debian\nENV A='x\n", "a single quote that is not closed"),
        ("FROM debian\nARG 1\n", "the name of an ARG is \"1\""),
        ("FROM debian\nARG a-b=c\n", "the name of an ARG is \"a-b\""),
        ("FROM debian\nLABEL org.buoy.mark=1\n", "org.buoy. is for labels that Buoy sets"),
        ("FROM debian\nLABEL \"ORG.\"buoy.mark 1\n", "org.buoy. is for labels that Buoy sets"),
        ("ARG O=org\nFROM debian\nARG O\nLABEL $O.buoy.x=1\n", "org.buoy. is for labels that Buoy sets"),
        ("FROM debian\nUSER a b\n", "the user \"a b\""),
        ("FROM debian\nUSER --x\n", "the user \"--x\""),
        ("FROM debian\nUSER 4294967295\n", "the user"),
        ("FROM debian\nHEALTHCHECK RUN x\n", "accepted: NONE, or CMD and a command"),
        ("FROM debian\nHEALTHCHECK --x=1 CMD x\n", "unknown flag"),
    ];
    for (text, expected) in table {
        let found = faults(text);
        assert!(found.contains(expected), "{text:?}: {found}");
        assert!(found.lines().all(|line| line.starts_with("line ")), "{text:?}: {found}");
        assert_eq!(found.is_empty(), expected.is_empty(), "{text:?}: {found}");
    }
}

#[test]
fn an_escape_directive_counts_at_the_top_only_and_is_an_error_elsewhere() {
    let good = [
        "# escape=`\nFROM debian\nRUN a `\n b\n",
        "#escape=`\nFROM debian\nRUN a `\n b\n",
        "# syntax=x\n#  Escape = ` \nFROM debian\nRUN a `\n b\n",
        "# escape=\\\nFROM debian\nRUN a \\\n b\n",
    ];
    for text in good {
        assert_eq!(runs(&plan(text)).len(), 1, "{text:?}");
        assert!(runs(&plan(text))[0].text.ends_with(" b"), "{text:?}");
    }
    let bad = [
        "# escape=x\nFROM debian\n",
        "# escape=\nFROM debian\n",
        "# escape=``\nFROM debian\n",
        "# escape=`\n# escape=\\\nFROM debian\n",
        "# escape=`\n# escape=`\nFROM debian\n",
        "\n# escape=`\nFROM debian\n",
        " # escape=`\nFROM debian\n",
        "\t#escape=`\nFROM debian\n",
        "# a comment\n# escape=`\nFROM debian\n",
        "#!/bin/x\n# escape=`\nFROM debian\n",
        "# unknown=1\n# escape=`\nFROM debian\n",
        "FROM debian\n# escape=`\n",
        "FROM debian\nRUN a \\\n# escape=`\n b\n",
        "ARG X\n# ESCAPE = `\nFROM debian\n",
    ];
    for text in bad {
        assert!(faults(text).contains("escape"), "{text:?}: {}", faults(text));
    }
    // The text of a here-document is not ours.
    assert_eq!(faults("FROM debian\nRUN <<E\n# escape=`\nE\n"), "");
}

#[test]
fn only_plain_characters_separate_words() {
    let table: &[(&[u8], &str)] = &[
        (b"FROM debian\nRUN\x0bx\n", "line 2: the control character U+000B"),
        (b"FROM debian\nADD\x0chttp://x /\n", "line 2: the control character U+000C"),
        (b"FROM debian\n# \x1b[2J\n", "line 2: the control character U+001B"),
        (b"FROM debian\nRUN a\0b\n", "line 2: the control character U+0000"),
        (b"FROM debian\rRUN x\n", "line 1: the control character U+000D"),
        (b"FROM debian\r\r\nRUN x\r\n", "line 1: the control character U+000D"),
        (b"FROM debian\nRUN <<E\n\x07\nE\n", "line 3: the control character U+0007"),
        (b"FROM debian\nRUN \xff\n", "line 2: the byte 0xff is not UTF-8"),
        (b"FROM debian\nRUN \xc0\x80\n", "line 2: the byte 0xc0 is not UTF-8"),
        ("FROM debian\nRUN\u{a0}x\n".as_bytes(), "line 2: the white space character U+00A0"),
        ("FROM debian\nADD\u{2028}http://x /\n".as_bytes(), "line 2: the white space character U+2028"),
        ("FROM debian\nRUN x\u{85}y\n".as_bytes(), "line 2: the control character U+0085"),
        ("FROM debian\n\u{3000}RUN x\n".as_bytes(), "line 2: the white space character U+3000"),
        ("FROM debian\n\u{feff}RUN x\n".as_bytes(), "line 2: the white space character U+FEFF"),
        ("\u{feff}\u{feff}FROM debian\n".as_bytes(), "line 1: the white space character U+FEFF"),
    ];
    for (text, expected) in table {
        let found = faults_of(text);
        assert!(found.contains(expected), "{:?}: {found}", String::from_utf8_lossy(text));
    }
    assert_eq!(faults("FROM debian\n# \u{a0}\u{feff} fine\nRUN <<E\n\u{a0}\nE\n"), "");
    let faults = parse("FROM debian\nENV é=1 x=\u{2003}\n".as_bytes()).unwrap_err();
    let columns: Vec<u32> = faults.iter().map(|fault| fault.column).collect();
    assert_eq!(columns, [11, 5]);
}

#[test]
fn nothing_hides_in_continuations_and_comments() {
    // Each has one ADD, which is seen.
    let hidden = [
        "FROM debian\nRUN a \\\n# \\\n\nADD http://x /\n",
        "FROM debian\nRUN a \\\\\nADD http://x /\n",
        "FROM debian\n# \\\nADD http://x /\n",
        "FROM debian\n   add   http://x /\n",
        "FROM debian\nADD \\\n#\n  --chown=1 \\\n  http://x /\n",
        "FROM debian\nCOPY <<EOF /x\nEOF\nADD http://x /\n",
        "FROM debian\nRUN \\\n<<EOF\nEOF\nADD http://x /\n",
        "# escape=`\nFROM debian\nRUN a \\\nADD http://x /\n",
    ];
    for text in hidden {
        let found = faults(text);
        let is_text_of_run = text.contains("RUN a \\\n# \\\n");
        assert_eq!(found.contains("ADD from the address"), !is_text_of_run, "{text:?}: {found}");
    }
}

#[test]
fn files_and_values_are_bounded() {
    let many = |line: &str, count: usize| format!("FROM debian\n{}", line.repeat(count));
    let doubling = format!("FROM debian\nENV A=xxxxxxxxxxxxxxxx\n{}", "ENV A=$A$A\n".repeat(60));
    let table = [
        (doubling, "a value of more than 64 KiB"),
        (
            format!("ARG A=xxxxxxxx\n{}FROM debian\n", "ARG A=$A$A\n".repeat(60)),
            "a value of more than 64 KiB",
        ),
        (many("RUN x\n", 101), "more than 100 RUN instructions"),
        (many("USER a\n", 10_001), "more than 10000 instructions"),
        (many("FROM debian\n", 100), "more than 100 stages"),
        (format!("FROM debian\n# {}\n", "x".repeat(1 << 20)), "accepted: at most 1048576 bytes"),
        (
            format!("FROM debian\nENV {}\n", (0..1_001).map(|n| format!("A{n}=1 ")).collect::<String>()),
            "1001 variables",
        ),
        (
            format!("FROM debian\nLABEL {}\n", (0..1_001).map(|n| format!("A{n}=1 ")).collect::<String>()),
            "1001 labels",
        ),
        (
            format!("FROM debian\nARG {}\n", (0..1_001).map(|n| format!("A{n}=1 ")).collect::<String>()),
            "1001 ARG values",
        ),
        (format!("FROM debian\nCMD {}\n", "x".repeat(70_000)), "a command of"),
        (format!("FROM debian\nENV A={}x\n", "${A:-".repeat(100)), "too deep"),
        (many("FOO\n", 200), "and 150 more"),
    ];
    for (text, expected) in table {
        let found = faults(&text);
        assert!(found.contains(expected), "{:?}: {found}", &text[..40]);
    }
    assert_eq!(faults(&many("RUN x\n", 100)), "");
}

/// Each of these takes seconds or minutes where a reader is quadratic.
#[test]
fn large_files_are_read_in_linear_time() {
    let fill = |start: &str, piece: &str| {
        let mut text = format!("FROM debian\n{start}");
        text.push_str(&piece.repeat(((1 << 18) - text.len()) / piece.len()));
        text.push('\n');
        text
    };
    for text in [
        fill("ENV ", "A=$B "),
        fill("ENV A=", "$A"),
        fill("ENV A=", "${A:-"),
        fill("RUN ", "\\\n"),
        fill("RUN ", "x \\\n#\n"),
        fill("RUN ", "((<<"),
        fill("RUN ", "9<<9 "),
        fill("RUN ", "1"),
        fill("COPY ", "a "),
        fill("COPY ", "<<a "),
        fill("COPY [", "\"a\","),
        fill("LABEL ", "\"a\"='b' "),
        fill("", "ENV A=$A$A\n"),
        fill("", "ENV $\n"),
        fill("", "RUN <<E\n"),
        fill("WORKDIR ", "../"),
        fill("COPY ", "*"),
        fill("", "\n"),
        fill("", "#"),
        fill("FROM ", "a/"),
        fill("COPY ", "<<a ").replacen("<<a \n", "/x\n", 1) + &"a\n".repeat(100),
        format!("FROM debian\nCOPY {}/x\n{}", "<<a ".repeat(40_000), "a\n".repeat(40_000)),
        format!("FROM debian\nRUN x {}\n{}", "<<a ".repeat(40_000), "a\n".repeat(40_000)),
    ] {
        let started = std::time::Instant::now();
        let found = faults(&text);
        let elapsed = started.elapsed();
        assert!(elapsed.as_secs() < 5, "{elapsed:?}: {:?}: {:.100}", &text[..40], found);
    }
}

#[test]
fn mistakes_of_the_text_and_of_its_meaning_are_reported_together() {
    let lines = |text: &str, target| {
        let (_, faults) = scan(text.as_bytes(), target, &BTreeMap::new());
        faults.iter().map(|fault| fault.line).collect::<Vec<_>>()
    };
    assert_eq!(
        lines("FROM debian\nADD http://x /\nRUN --mount=x y\nFOO\nWORKDIR /dev\n", None),
        [2, 3, 4, 5]
    );
    // What follows from a line that could not be read is not reported.
    assert_eq!(lines("FROM scratch\nENV A = /x\nCOPY a $A\n", None), [2]);
    assert_eq!(
        lines("FROM scratch AS\nFROM debian\nADD http://x /\nCOPY --from=1 a b\nFOO\n", None),
        [1, 4, 5]
    );
    assert_eq!(lines("FROM debian AS a\nRUN x\n", Some("b")), [1]);
}
