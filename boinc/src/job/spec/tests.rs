use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> JobSpec {
    JobSpec::parse(text, "job.toml").unwrap()
}

fn faults(text: &str) -> String {
    JobSpec::parse(text, "job.toml").unwrap_err().to_string()
}

#[test]
fn an_empty_file_is_all_defaults() {
    assert_eq!(parse(""), JobSpec::default());
    assert_eq!(parse("# nothing\n").workdir.as_str(), "/app");
    assert!(parse("").pass_args.sets_env() && !parse("").pass_args.sets_argv());
}

#[test]
fn line_ends_of_windows_change_nothing() {
    let text =
        "# jobs\nverbose = 2\njob_inputs = [\n  'a.txt',\n  'b.txt',\n]\n[[outputs]]\nname = 'out.txt'\n";
    assert_eq!(parse(&text.replace('\n', "\r\n")), parse(text));
}

#[test]
fn names_that_windows_cannot_have_are_refused() {
    let faults = faults("job_inputs = ['aux.txt']\n[[outputs]]\nname = 'result.'\n");
    assert!(faults.contains("\"aux.txt\", which names a device on Windows"), "{faults}");
    assert!(faults.contains("at whose end Windows drops the dot or space"), "{faults}");
}

#[test]
fn upstreams_keys() {
    let spec = parse(
        "workdir = '/work/'\nproject_dir_mount = '/project'\nimage_name = 'debian:12'\nuse_gpu = true\n\
         web_graphics_guest_port = 8080\nmount = ['/data:/data']\nportmap = ['81:80']\n\
         build_args = '--build-arg A=1'\ncreate_args = \"--shm-size 1g -e 'X=a b'\"\nverbose = 2\n",
    );
    assert_eq!(spec.workdir.as_str(), "/work");
    assert_eq!(spec.project_dir_mount.as_ref().map(ContainerPath::as_str), Some("/project"));
    assert_eq!(spec.image_name.as_deref(), Some("debian:12"));
    assert!(spec.use_gpu);
    assert_eq!(spec.web_graphics_guest_port, Some(8080));
    assert_eq!((spec.mount, spec.portmap), (vec!["/data:/data".to_owned()], vec!["81:80".to_owned()]));
    assert_eq!(spec.build_args.get("A").map(String::as_str), Some("1"));
    assert_eq!(spec.create_args, ["--shm-size", "1g", "-e", "X=a b"]);
    assert_eq!(spec.verbose, 2);
}

#[test]
fn our_keys() {
    let spec = parse(&format!(
        "image = 'vina.tar'\ndigest = 'sha256:{}'\nbuild_files = ['dock.sh']\njob_inputs = ['ligand.pdbqt']\n\
         pass_args = 'both'\nnetwork = true\nmax_files = 10\nmax_log_bytes = 1_000\npids = 0x40\n\
         build_args = {{ KEY = 'a b' }}\ntarget = 'App'\n\
         [[outputs]]\nname = 'poses.pdbqt'\nmax_bytes = 1000000\n[[outputs]]\nname = 'log'\noptional = true\n",
        "AB".repeat(32)
    ));
    let digest = Digest::new(&format!("sha256:{}", "ab".repeat(32))).unwrap();
    assert_eq!(spec.tarballs, Some(Tarballs::One(Tarball { file: "vina.tar".to_owned(), digest })));
    assert_eq!(spec.build_files, Some(vec!["dock.sh".to_owned()]));
    assert_eq!(spec.job_inputs, ["ligand.pdbqt"]);
    assert!(spec.pass_args.sets_env() && spec.pass_args.sets_argv() && spec.network);
    let limits = Limits { max_files: Some(10), max_log_bytes: Some(1000), pids: Some(64) };
    assert_eq!(spec.limits, limits);
    assert_eq!(spec.build_args.get("KEY").map(String::as_str), Some("a b"));
    assert_eq!(spec.target.as_deref(), Some("App"));
    let output = |name: &str, max_bytes, optional| OutputSpec { name: name.to_owned(), max_bytes, optional };
    assert_eq!(spec.outputs, [output("poses.pdbqt", Some(1_000_000), false), output("log", None, true)]);
}

#[test]
fn an_unknown_key_has_its_line_and_the_nearest_known_one() {
    let message = faults("workdir = '/app'\n\nmonut = ['/etc:/etc']\n");
    assert!(message.starts_with("job.toml:3:1: unknown key \"monut\"; accepted: mount, "), "{message}");
    assert!(message.ends_with("; help: did you mean \"mount\"?"), "{message}");
    let message = faults("[[outputs]]\nname = 'a'\nmax_byte = 3\n");
    assert_eq!(
        message,
        "job.toml:3:1: unknown key \"max_byte\" in [outputs]; accepted: name, max_bytes, optional; \
         help: did you mean \"max_bytes\"?"
    );
}

#[test]
fn values_that_are_not_accepted() {
    let table = [
        ("workdir = 'app'", "workdir is 'app'; accepted: an absolute path"),
        ("workdir = '/app/../etc'", "accepted: an absolute path"),
        ("workdir = '/'", "not \"/\" itself"),
        ("workdir = '/a:b'", "without \"..\", colon"),
        ("workdir = 3", "workdir is 3 (integer); accepted: a string; help: write workdir = \"3\""),
        ("use_gpu = 1", "use_gpu is 1 (integer); accepted: true or false"),
        ("verbose = 3", "verbose is 3 (integer); accepted: a whole number from 0 to 2"),
        ("verbose = -1", "accepted: a whole number from 0 to 2"),
        ("web_graphics_guest_port = 65536", "from 0 to 65535"),
        ("image_name = '-v/:/x'", "accepted: an image's name"),
        ("image_name = 'boinc__x'", "accepted: an image's name"),
        ("image_name = 'a b'", "accepted: an image's name"),
        ("mount = '/a:/b'", "accepted: a list of strings"),
        ("mount = ['']", "not empty"),
        ("build_files = ['../x']", "the file name \"../x\" has a part \"..\""),
        ("build_files = ['/etc/passwd']", "the file name \"/etc/passwd\" is an absolute path"),
        ("build_files = ['a', 'a']", "the file name \"a\" is listed twice"),
        ("job_inputs = ['init_data.xml']", "belongs to the BOINC client"),
        ("job_inputs = [\"a'b\"]", "holds the character '\\''"),
        ("pass_args = 'shell'", "accepted: \"env\" (in ARGS), \"argv\" (as a vector) or \"both\""),
        ("create_args = \"'open\"", "all quotes closed"),
        ("build_args = '--build-arg HOME'", "accepted: only --build-arg KEY=VALUE"),
        ("build_args = '--no-cache'", "accepted: only --build-arg KEY=VALUE"),
        ("build_args = { 'a-b' = 'x' }", "accepted: a table of KEY = \"value\""),
        ("target = '1'", "accepted: the name of a stage"),
        ("target = '--x'", "accepted: the name of a stage"),
        ("image = 'x.tar'", "image is 'x.tar': a prebuilt image needs its id, digest"),
        ("digest = 'sha256:00'", "a digest belongs to a prebuilt image"),
        ("image = 'x'\ndigest = 'sha256:00'", "64 hex digits"),
        ("image = 1\ndigest = 'x'", "accepted: a string, or a table of strings"),
        ("image = {}\ndigest = {}", "accepted: a table with one architecture at least"),
        ("image = 'x'\ndigest = {}", "both one text, or both a table"),
        ("image = { 'x86-64' = 'x' }\ndigest = {}", "\"x86-64\" is not the name of a processor architecture"),
        ("image = { arm64 = 'x' }\ndigest = {}", "\"arm64\" of image is missing"),
        ("outputs = [{ max_bytes = 1 }]", "name is missing in [outputs]"),
        ("outputs = [{ name = 'a' }, { name = 'a' }]", "name is 'a': this output is listed twice"),
        ("outputs = [{ name = '/a' }]", "is an absolute path"),
        ("outputs = ['a']", "accepted: a table"),
        ("pids = 0", "accepted: a whole number, 1 or more"),
        ("workdir = '/a'\nworkdir = '/b'", "not valid TOML: duplicate key"),
    ];
    for (text, expected) in table {
        let message = faults(text);
        assert!(message.starts_with("job.toml:") && message.contains(expected), "{text}: {message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn a_digest_belongs_to_an_image_and_excludes_a_name() {
    let digest = format!("digest = 'sha256:{}'\n", "0".repeat(64));
    assert!(faults(&digest).contains("a digest belongs to a prebuilt image"));
    let both = format!("{digest}image = 'x.tar'\nimage_name = 'debian'\n");
    assert_eq!(
        faults(&both),
        "job.toml:3:14: image_name is 'debian'; accepted: one of image and image_name, not both"
    );
}

#[test]
fn each_architecture_can_have_its_image() {
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let text = format!(
        "image = {{ amd64 = 'x.tar', arm64 = 'a.tar' }}\ndigest = {{ amd64 = '{}', arm64 = '{}' }}\n",
        digest("1"),
        digest("2")
    );
    let Some(Tarballs::Each(each)) = parse(&text).tarballs else { panic!("{text}") };
    assert_eq!((each["arm64"].file.as_str(), each["arm64"].digest.to_string()), ("a.tar", digest("2")));
    assert_eq!(Tarballs::Each(each).files().collect::<Vec<_>>(), ["x.tar", "a.tar"]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let message = faults("workdir = 'x'\nnetwork = 'yes'\nwat = 1\n");
    assert_eq!(message.matches("job.toml:").count(), 3, "{message}");
}

#[test]
fn a_mistake_inside_a_table_has_its_own_line() {
    let message = faults("outputs = [\n  { name = 'a' },\n  { name = 'b', optional = 1 },\n]\n");
    assert!(message.starts_with("job.toml:3:28: optional is 1 "), "{message}");
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_. -]{0,8}[a-z]"
}

fn specs() -> impl Strategy<Value = JobSpec> {
    let text = "\\PC{1,12}";
    let words = || proptest::collection::vec(text, 0..3);
    let image = (name(), "[0-9a-f]{64}");
    let spec = (
        ("/[a-z]{1,5}(/[a-z .]{2,5})?", proptest::option::of("/[a-z]{1,5}"), any::<bool>(), 0..=2u8),
        (words(), words(), proptest::collection::btree_map("[A-Z_]{1,5}", text, 0..3), words()),
        (proptest::option::of(proptest::collection::btree_set(name(), 0..3)), proptest::option::of(image)),
        (
            0..3usize,
            any::<bool>(),
            proptest::option::of(1..=i64::MAX as u64),
            proptest::option::of(1..=65_535u16),
        ),
        proptest::collection::btree_map(
            name(),
            (proptest::option::of(0..=i64::MAX as u64), any::<bool>()),
            0..3,
        ),
    );
    spec.prop_filter_map("a path or name that is none", |(paths, lists, files, more, outputs)| {
        let digest = |hex: String| Digest::new(&format!("sha256:{hex}"));
        Some(JobSpec {
            workdir: ContainerPath::new(&paths.0)?,
            project_dir_mount: paths.1.as_deref().and_then(ContainerPath::new),
            use_gpu: paths.2,
            verbose: paths.3,
            mount: lists.0,
            portmap: lists.1,
            build_args: lists.2,
            target: paths.2.then(|| "app".to_owned()),
            create_args: lists.3.clone(),
            build_files: files.0.map(|names| names.into_iter().collect()),
            tarballs: files.1.and_then(|(file, hex)| {
                let tarball = Tarball { file, digest: digest(hex)? };
                Some(match more.0 {
                    0 => Tarballs::One(tarball),
                    _ => Tarballs::Each([("amd64".to_owned(), tarball)].into()),
                })
            }),
            pass_args: PassArgs::parse(PassArgs::WORDS[more.0]).unwrap(),
            network: more.1,
            limits: Limits { pids: more.2, ..Limits::default() },
            web_graphics_guest_port: more.3,
            outputs: outputs
                .into_iter()
                .map(|(name, (max_bytes, optional))| OutputSpec { name, max_bytes, optional })
                .collect(),
            ..JobSpec::default()
        })
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(spec in specs()) {
        let text = spec.render();
        prop_assert_eq!(JobSpec::parse(&text, "job.toml").map_err(|e| e.to_string()), Ok(spec), "{}", text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(workdir|outputs|image|build_args|\\[\\[|=|\"|'|\\PC){0,20}") {
        let _ = JobSpec::parse(&text, "job.toml");
    }
}

#[test]
fn a_deeply_nested_file_is_an_error_and_does_not_overflow_the_stack() {
    for text in [
        format!("x = {}", "[".repeat(1_000_000)),
        format!("x = {}1{}", "[".repeat(1_000_000), "]".repeat(1_000_000)),
        format!("x = {}", "{ a = ".repeat(1_000_000)),
        format!("[{}a]", "a.".repeat(1_000_000)),
        format!("{}a = 1", "a.".repeat(1_000_000)),
    ] {
        assert!(JobSpec::parse(&text, "job.toml").is_err());
    }
}
