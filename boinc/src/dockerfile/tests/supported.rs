//! Each row of the table in docs/dockerfile.md.

use super::*;

#[test]
fn names_of_images_always_have_a_tag_or_a_digest() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let table = [
        ("debian", "debian:latest".to_owned()),
        ("debian:bookworm-slim", "debian:bookworm-slim".to_owned()),
        ("library/debian", "library/debian:latest".to_owned()),
        ("localhost/a/b_c:1", "localhost/a/b_c:1".to_owned()),
        ("registry.example.org:5000/x/y__z--w", "registry.example.org:5000/x/y__z--w:latest".to_owned()),
        (&format!("debian@{digest}"), format!("debian@{digest}")),
        (&format!("ghcr.io/a/b:1@{digest}"), format!("ghcr.io/a/b@{digest}")),
        ("abcdef012345", "abcdef012345:latest".to_owned()),
    ];
    for (text, expected) in table {
        let image = ImageReference::new(text).unwrap();
        assert_eq!(image.to_string(), expected);
        assert_eq!(ImageReference::new(&expected), Ok(image), "{expected}");
    }
    let id = "ab".repeat(32);
    let bad = [
        "",
        ":1",
        "a:",
        "A",
        "a/B",
        "a//b",
        "/a",
        "a/",
        "-a",
        "a-",
        "a..b",
        "a._b",
        "a___b",
        "é",
        "a b",
        "a:b:c",
        "a@b",
        "a@sha256:00",
        "sha256:abc",
        &id,
        &format!("sha256:{id}"),
        &format!("a@sha512:{id}"),
        "a:-x",
        "Host.org/x",
        "host:0/x",
        "host:70000/x",
        "-h.org/x",
        "boinc__x",
        "x/boinc__y:1",
        "buoy-0123",
        "localhost/buoy-0123",
        "[::1]/x",
        "docker://x",
        "a:b/c",
        "a@",
    ];
    for text in bad {
        assert!(ImageReference::new(text).is_err(), "{text}");
    }
    assert!(ImageReference::new(&"a".repeat(256)).is_err());
}

#[test]
fn bases_are_scratch_stages_and_images() {
    let file = read(
        "ARG V=12\nARG N\nFROM debian:$V AS Base\nFROM scratch\nFROM base AS debian\nFROM --platform=$BUILDPLATFORM \
         x:${N:-n}-$TARGETARCH\n",
    );
    let base = |stage, pairs: &[(&str, &str)]| file.base(stage, &args(pairs), &platform()).unwrap();
    let image = |text| Base::Image(ImageReference::new(text).unwrap());
    assert_eq!(base(0, &[]), image("debian:12"));
    assert_eq!(base(0, &[("V", "13")]), image("debian:13"));
    assert_eq!(base(1, &[]), Base::Scratch);
    assert_eq!(base(2, &[]), Base::Stage(0));
    assert_eq!(base(3, &[]), image("x:n-amd64"));
    assert_eq!(base(3, &[("N", "m")]), image("x:m-amd64"));
}

#[test]
fn a_stage_is_built_for_the_own_platform_only() {
    let arm = Platform { os: "linux".into(), architecture: "arm64".into(), variant: String::new() };
    for (flag, own, good) in [
        ("linux/amd64", platform(), true),
        ("linux/x86_64", platform(), true),
        ("linux/arm64", platform(), false),
        ("linux", platform(), false),
        ("linux/arm64/v8", arm.clone(), true),
        ("linux/aarch64", arm.clone(), true),
        ("linux/amd64", arm, false),
    ] {
        let file = read(&format!("FROM --platform={flag} debian\n"));
        assert_eq!(file.base(0, &args(&[]), &own).is_ok(), good, "{flag} {own:?}");
    }
}

#[test]
fn only_stages_that_the_target_needs_are_built() {
    let file = read(
        "FROM a AS one\nFROM b AS two\nCOPY --from=one /x /x\nFROM c AS unused\nFROM two AS three\nCOPY --from=1 /y /y\n\
         FROM three AS test\nRUN check\n",
    );
    let needed = |name| file.needed_stages(file.target(name).unwrap(), &args(&[]), &platform()).unwrap();
    assert_eq!(needed(None), [0, 1, 3, 4]);
    assert_eq!(needed(Some("THREE")), [0, 1, 3]);
    assert_eq!(needed(Some("unused")), [2]);
    let message = file.target(Some("app")).unwrap_err().to_string();
    assert!(
        message.contains("the target \"app\" is not a stage; accepted: one, two, unused, three, test"),
        "{message}"
    );
}

#[test]
fn an_image_without_a_path_has_the_engines_default() {
    let plan = plan_with("FROM debian\nENV PATH=/app/bin:$PATH\n", &ImageConfig::default(), &[]);
    let path = plan.config.env.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_str());
    assert_eq!(path, Some("/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
}

#[test]
fn variables_are_replaced_as_docker_does() {
    let table = [
        ("ENV V=a", "a"),
        ("ENV V a  b ", "a  b"),
        ("ENV V=\"a b\" W=2", "a b"),
        ("ENV V=a\\ b", "a b"),
        ("ENV V='$X \\ \"'", "$X \\ \""),
        ("ENV V=\"\\$X \\\" \\\\ \\n '\"", "$X \" \\ \\n '"),
        ("ENV V=\\$X", "$X"),
        ("ENV V=$X-${X}_$X_$", "x-x_$"),
        ("ENV V=${X:-d}${E:-d}${U:-d}", "xdd"),
        ("ENV V=${X-d}${E-d}${U-d}", "xd"),
        ("ENV V=${X:+a}${E:+a}${U:+a}", "a"),
        ("ENV V=${X+a}${E+a}${U+a}", "aa"),
        ("ENV V=${U:-${E:-$X}/y}", "x/y"),
        ("ENV V=\"${U:-a b}\"", "a b"),
        ("ENV V=${U:-\"a b\"}", "a b"),
        ("ENV V=1 X=2 W=$V", "1"),
        ("ENV V=", ""),
        ("ENV V \"a\" 'b'", "a b"),
        ("env\tV=a", "a"),
    ];
    for (line, expected) in table {
        let text = format!("FROM debian\nENV X=x E=\n{line}\n");
        assert_eq!(env(&plan(&text), "V"), expected, "{line}");
    }
    let plan = plan("FROM debian\nENV A=1\nENV A=2 B=$A C=$PATH:/x\n");
    assert_eq!((env(&plan, "A"), env(&plan, "B"), env(&plan, "C")), ("2", "1", "/bin:/x"));
}

#[test]
fn arguments_have_scopes() {
    let text = "ARG G=g\nARG H\nFROM debian\nARG G\nARG H\nARG D=$G-d\nARG P=p TARGETARCH\nENV V=$G,$H,$D,$P,$TARGETARCH\n\
                RUN x\nENV P=env\nRUN y\n";
    let value = |pairs: &[(&str, &str)]| env(&plan_with(text, &debian(), pairs), "V").to_owned();
    assert_eq!(value(&[]), "g,,g-d,p,amd64");
    assert_eq!(value(&[("G", "1"), ("H", "2"), ("D", "3"), ("P", "4")]), "1,2,3,4,amd64");
    let plan = plan_with(text, &debian(), &[("H", "it's")]);
    let args = |index: usize| runs(&plan)[index].args.clone();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        args(0),
        [pair("D", "g-d"), pair("G", "g"), pair("H", "it's"), pair("P", "p"), pair("TARGETARCH", "amd64")]
    );
    // ENV takes the name over, and nothing of an ARG is in the image.
    assert!(!args(1).contains(&pair("P", "p")));
    assert!(!plan.config.env.iter().any(|(name, _)| name == "G" || name == "D"));
    // Not declared in the stage.
    assert_eq!(env(&plan_with("ARG G=g\nFROM debian\nENV V=$G-\n", &debian(), &[("G", "1")]), "V"), "-");
    let (scan, _) = scan(text.as_bytes(), None, &super::args(&[("G", ""), ("X", "")]));
    assert_eq!(scan.undeclared_args, ["X"]);
}

#[test]
fn continuation_comments_crlf_bom_and_the_other_escape() {
    let text = "\u{feff}# escape=`\r\n# a comment\r\n\r\n  FROM debian\r\n\tRUN a `\r\n  # between\r\n\r\n   b ` \r\n c\\\r\nRUN \
                d\\\\\r\nCOPY x`\r\n y /z/\r\n";
    let plan = plan(text);
    let texts: Vec<&str> = runs(&plan).iter().map(|run| run.text.as_str()).collect();
    assert_eq!(texts, ["RUN a    b  c\\", "RUN d\\\\"]);
    assert_eq!(runs(&plan)[0].line, 5);
    assert_eq!(copies(&plan)[0].sources, [Source::Pattern("x".into()), Source::Pattern("y".into())]);
    // Two escape characters at the end do not continue the line.
    let plan = super::plan("FROM debian\nRUN a\\\\\nRUN b \\\n");
    assert_eq!(runs(&plan).len(), 2);
}

#[test]
fn shell_and_exec_forms() {
    let plan = plan(
        "FROM debian\nRUN a && b\nRUN [\"x\", \"y z\"]\nRUN [ -f x ] || true\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\n\
         RUN c | d\nENTRYPOINT e f\n",
    );
    let commands: Vec<_> = runs(&plan).iter().map(|run| run.command.clone()).collect();
    assert_eq!(commands[0], words(&["/bin/sh", "-c", ". /dev/.buoy-env; a && b"]));
    assert_eq!(commands[1], words(&["x", "y z"]));
    assert_eq!(commands[2], words(&["/bin/sh", "-c", ". /dev/.buoy-env; [ -f x ] || true"]));
    assert_eq!(commands[3], words(&["/bin/bash", "-o", "pipefail", "-c", ". /dev/.buoy-env; c | d"]));
    assert_eq!(plan.config.entrypoint, words(&["/bin/bash", "-o", "pipefail", "-c", "e f"]));
    assert_eq!(plan.config.shell[0], "/bin/bash");
    let reads: Vec<bool> = runs(&plan).iter().map(|run| run.reads_env_file).collect();
    assert_eq!(reads, [true, false, true, true]);
}

#[test]
fn an_entrypoint_resets_an_inherited_command() {
    let config = |text: &str| plan(text).config;
    assert_eq!(config("FROM debian\n").cmd, ["bash"]);
    assert_eq!(config("FROM debian\nENTRYPOINT [\"e\"]\n").cmd, [""; 0]);
    assert_eq!(config("FROM debian\nCMD [\"c\"]\nENTRYPOINT [\"e\"]\n").cmd, ["c"]);
    assert_eq!(config("FROM debian\nENTRYPOINT [\"e\"]\nCMD [\"c\"]\n").cmd, ["c"]);
    assert_eq!(config("FROM debian\nCMD c\n").cmd, ["/bin/sh", "-c", "c"]);
    let file = read("FROM debian\nCMD []\n");
    let plan = file.evaluate(0, &debian(), &args(&[]), &platform()).unwrap();
    assert!(file.check_runnable(0, &plan.config).is_err());
    assert!(faults("FROM scratch\nCOPY x /x\n").contains("neither an ENTRYPOINT nor a CMD"));
    assert_eq!(faults("FROM debian\nCOPY x /x\n"), "");
}

#[test]
fn here_documents_of_run() {
    let plan = plan(
        "FROM debian\nRUN <<EOF\necho $X\nFROM evil\n EOF\nEOF\nRUN <<-'E.x'\n\t\ta\n\tb\n\tE.x\nRUN python3 <<A && cat 3<<\"B\" - > \
         c\nprint()\nA\n$x\nB\nRUN <<EOF\n#!/usr/bin/env  -S python3 -u\nx\nEOF\nRUN cat <<< x && echo $((1<<2)) '<<EOF' \"<<EOF\" \\<<\n",
    );
    let commands: Vec<&str> = runs(&plan).iter().map(|run| run.command.last().unwrap().as_str()).collect();
    let prefix = ". /dev/.buoy-env; ";
    assert_eq!(commands[0], format!("{prefix}echo $X\nFROM evil\n EOF\n"));
    assert_eq!(commands[1], format!("{prefix}a\nb\n"));
    assert_eq!(commands[2], format!("{prefix}python3 <<A && cat 3<<\"B\" - > c\nprint()\nA\n$x\nB"));
    assert_eq!(commands[3], format!("{prefix}exec '/usr/bin/env' '-S python3 -u' /dev/.buoy-run"));
    assert_eq!(runs(&plan)[3].script.as_deref(), Some("#!/usr/bin/env  -S python3 -u\nx\n".as_bytes()));
    assert_eq!(commands.len(), 5);
}

#[test]
fn a_long_script_is_a_file() {
    let plan = plan(&format!("FROM debian\nARG A=1\nRUN <<EOF\n{}\nEOF\n", "x".repeat(130_000)));
    let run = runs(&plan)[0];
    assert_eq!(run.command, words(&["/bin/sh", "-c", ". /dev/.buoy-env; . /dev/.buoy-run"]));
    assert_eq!(run.script.as_ref().unwrap().len(), 130_001);
}

#[test]
fn here_documents_of_copy() {
    let plan = plan(
        "FROM debian\nENV X=x\nCOPY --chmod=0755 <<a /dir\n$X \"${X}\" \\$X \\\\\na\nCOPY f <<a <<'b' <<-c /dir/\n$X\r\na\n$X\\n\nb\n\t\tx\n\tc\n",
    );
    let inline =
        |name: &str, text: &str| Source::Inline { name: name.into(), content: text.as_bytes().to_vec() };
    let copies = copies(&plan);
    assert_eq!(copies[0].sources, [inline("a", "x \"x\" $X \\\n")]);
    assert_eq!((copies[0].mode, copies[0].destination_is_directory), (Some(0o755), false));
    assert_eq!(
        copies[1].sources,
        [Source::Pattern("f".into()), inline("a", "x\n"), inline("b", "$X\\n\n"), inline("c", "x\n")]
    );
    assert!(copies[1].destination_is_directory);
}

#[test]
fn sources_destinations_owners_and_modes() {
    let text = "FROM a AS one\nFROM debian\nARG F=f.txt U=7\nWORKDIR /w\nWORKDIR x\nCOPY ./a.sh b/$F *.[ch] ./\nADD [\"b c.tar\", \
                \"d\"]\nCOPY --from=ONE --chown=${U}:users --chmod=644 --link x /y /z/..\nCOPY --from=0 /q /q\nCOPY / .\nCOPY \
                --chown=\"${U}\" e /e\n";
    let plan = plan(text);
    let copies = super::copies(&plan);
    let names = |names: &[&str]| names.iter().map(|name| Source::Pattern((*name).into())).collect::<Vec<_>>();
    assert_eq!(copies[0].sources, names(&["a.sh", "b/f.txt", "*.[ch]"]));
    assert_eq!((copies[0].destination.as_str(), copies[0].destination_is_directory), ("/w/x", true));
    assert_eq!((copies[1].sources.clone(), copies[1].unpack), (names(&["b c.tar"]), true));
    assert_eq!((copies[1].destination.as_str(), copies[1].destination_is_directory), ("/w/x/d", false));
    assert_eq!((copies[2].from, copies[2].sources.clone()), (Some(0), names(&["/x", "/y"])));
    assert_eq!((copies[2].owner.as_deref(), copies[2].mode), (Some("7:users"), Some(0o644)));
    assert_eq!(copies[2].destination, "/");
    assert_eq!((copies[3].from, copies[3].destination_is_directory), (Some(0), false));
    assert_eq!((copies[4].sources.clone(), copies[4].destination_is_directory), (names(&["."]), true));
    assert_eq!(copies[5].owner.as_deref(), Some("7"));
    let file = read(text);
    let context = file.context_sources(1, &args(&[("F", "g")])).unwrap();
    let patterns: Vec<_> = context.iter().map(|source| source.pattern.as_deref().unwrap()).collect();
    assert_eq!(patterns, ["a.sh", "b/g", "*.[ch]", "b c.tar", ".", "e"]);
    assert_eq!((context[1].line, context[1].column, context[3].instruction), (6, 13, "ADD"));
}

#[test]
fn what_depends_on_the_base_image_is_anything() {
    let file =
        read("FROM debian AS a\nENV X=$Y\nFROM a\nCOPY $X ${Z:-z} $NAME/q ok /x/\nWORKDIR $HOME\nCOPY a b\n");
    let context = file.context_sources(1, &args(&[])).unwrap();
    let patterns: Vec<_> = context.iter().map(|source| source.pattern.as_deref()).collect();
    assert_eq!(patterns, [None, None, None, Some("ok"), Some("a")]);
    let known = read("FROM scratch\nENTRYPOINT [\"/a\"]\nCOPY a${X}b /x/\n");
    assert_eq!(known.context_sources(0, &args(&[])).unwrap()[0].pattern.as_deref(), Some("ab"));
}

#[test]
fn triggers_of_a_base_image_come_first() {
    let base = ImageConfig {
        on_build: words(&["COPY . /src", "RUN <<E\nmake\nE", "ENV A=1"]),
        volumes: words(&["/data/"]),
        ..debian()
    };
    let plan = plan_with("FROM x\nRUN b $A\n", &base, &[]);
    assert_eq!(copies(&plan)[0].destination, "/src");
    assert_eq!(runs(&plan).iter().map(|run| run.line).collect::<Vec<_>>(), [1, 1 + 1]);
    assert_eq!((env(&plan, "A"), plan.config.on_build.len()), ("1", 0));
    assert!(plan.warnings[0].found.contains("volumes (/data/)"), "{:?}", plan.warnings);
    for (trigger, expected) in [
        ("FROM x", "FROM in a trigger"),
        ("ONBUILD RUN x", "ONBUILD is not supported"),
        ("RUN a\nRUN b", "more than one instruction"),
        ("", "it is empty"),
        ("COPY --from=0 a /b", "COPY --from in a trigger"),
        ("ADD http://x /y", "ADD from the address"),
        ("RUN a\u{b}b", "control character U+000B"),
        ("RUN --mount=type=bind x", "RUN --mount is not supported"),
    ] {
        let base = ImageConfig { on_build: words(&[trigger]), ..debian() };
        let faults = read("FROM x\n").evaluate(0, &base, &args(&[]), &platform()).unwrap_err().to_string();
        assert!(faults.starts_with("line 1: ") && faults.contains(expected), "{trigger}: {faults}");
    }
    let faults = read("FROM x\nCOPY a /data/b\n").evaluate(0, &base, &args(&[]), &platform()).unwrap_err();
    assert!(faults.to_string().contains("is in the volume /data"), "{faults}");
}

#[test]
fn what_has_no_effect_is_accepted_with_a_warning_where_it_matters() {
    let (scan, _) = scan(
        b"# syntax=docker/dockerfile:1\n# check=skip=all\nFROM debian\nMAINTAINER a <b>\nEXPOSE 1-65535 $X\nHEALTHCHECK NONE\n\
         HEALTHCHECK --interval=5m CMD x\nSTOPSIGNAL 9\nVOLUME [\"/x\"]\n",
        None,
        &args(&[]),
    );
    let warnings: Vec<String> = scan.warnings.iter().map(ToString::to_string).collect();
    let start = |index: usize| warnings[index].split(" has no effect").next().unwrap().to_owned();
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    assert_eq!(start(0), "line 1: the syntax directive");
    assert_eq!(start(1), "line 7: HEALTHCHECK");
    assert_eq!(start(2), "line 8: STOPSIGNAL");
    assert_eq!(start(3), "line 9: VOLUME");
    assert_eq!(plan("FROM debian\nVOLUME /x\nEXPOSE 80\n").config.volumes, [""; 0]);
}

#[test]
fn labels_in_both_forms() {
    let plan = plan("FROM debian\nLABEL \"a.b\"=\"c d\" e=$PATH\nLABEL old form of it\n");
    let expected = [("a.b", "c d"), ("e", "/bin"), ("old", "form of it")];
    assert_eq!(plan.config.labels, args(&expected));
}
