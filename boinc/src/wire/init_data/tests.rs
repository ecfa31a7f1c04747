use super::*;
use proptest::prelude::*;

const HEAD: &[u8] = include_bytes!("../../../tests/data/init_data-head-docker.xml");
const OLD: &[u8] = include_bytes!("../../../tests/data/init_data-7.20.5.xml");

fn wrap(inner: &str) -> InitData {
    InitData::parse(format!("<app_init_data>\n{inner}\n</app_init_data>\n").as_bytes()).unwrap()
}

#[test]
fn what_client_8_3_wrote() {
    let data = InitData::parse(HEAD).unwrap();
    assert_eq!((data.major_version, data.minor_version, data.release, data.app_version), (8, 3, 0, 100));
    assert_eq!(data.plan_class, "docker");
    assert_eq!(data.project_dir, Path::new("/BOINC/projects/127.0.0.1_8099_buoytest"));
    assert_eq!(data.project_name(), Some("127.0.0.1_8099_buoytest"));
    assert_eq!((data.wu_name.as_str(), data.result_name.as_str()), ("work_ok", "work_ok_0"));
    assert_eq!((data.shm_key, data.client_pid), (Some(-1), Some(5337)));
    assert_eq!((data.gpu_type.as_str(), data.gpu_device_num, data.ncpus), ("", -1, 1.0));
    assert_eq!((data.rsc_fpops_est, data.rsc_memory_bound), (1e10, 1e8));
    assert_eq!((data.fraction_done_start, data.fraction_done_end), (0.0, 1.0));
    assert_eq!((data.no_priority_change, data.process_priority), (false, -1));
    let engine = EngineInfo { version: "20.10.24+dfsg1".into(), docker_type: Some(DockerType::Docker) };
    assert_eq!(data.host_info.engine, Some(engine));
    assert_eq!(data.host_info.p_ncpus, 2);
    assert_eq!(data.proxy_info, None);
    assert!(data.global_preferences.contains(&("max_ncpus_pct".into(), "100.000000".into())));
    assert_eq!(data.app_files, ["docker_wrapper_18_x86_64-pc-linux-gnu"]);
}

#[test]
fn what_client_7_20_5_wrote_has_no_engine_and_no_proxy() {
    let data = InitData::parse(OLD).unwrap();
    assert_eq!((data.major_version, data.minor_version, data.release), (7, 20, 5));
    assert_eq!(data.plan_class, "");
    assert_eq!(data.host_info.engine, None);
    assert_eq!(data.proxy_info, None, "empty names are no proxy");
}

#[test]
fn a_deeply_nested_file_is_an_error_and_does_not_overflow_the_stack() {
    let nested = |depth: usize, close: bool| {
        let end = if close { "</a>".repeat(depth) } else { String::new() };
        let text = format!("<app_init_data>{}{end}</app_init_data>", "<a>".repeat(depth));
        InitData::parse(text.as_bytes())
    };
    for close in [true, false] {
        let error = nested(1_000_000, close).unwrap_err();
        assert!(matches!(error, InitDataError::TooDeep), "{error}");
        assert!(nested(MAX_DEPTH - 1, close).is_ok());
    }
}

#[test]
fn what_a_client_wrote_survives_the_round_trip() {
    for bytes in [HEAD, OLD] {
        let data = InitData::parse(bytes).unwrap();
        assert_eq!(InitData::parse(data.render().as_bytes()).unwrap(), data);
    }
}

#[test]
fn a_rendered_file_has_the_tags_of_a_real_one_in_their_order() {
    let known = |text: &str| -> Vec<String> {
        let leaves = text.lines().filter_map(|line| Some(line.trim().split_once('>')?.0.to_owned()));
        leaves.collect()
    };
    let real = known(std::str::from_utf8(HEAD).unwrap());
    let ours = known(&InitData::parse(HEAD).unwrap().render());
    let mut rest = real.iter();
    for tag in &ours {
        assert!(rest.any(|real| real == tag), "{tag} is not there, or not in this place");
    }
}

#[test]
fn the_directories_of_a_client_of_windows_are_found_from_the_slot() {
    let slot = std::env::temp_dir().join("data/slots/3");
    for path in ["C:\\ProgramData\\BOINC/projects/example.org_x", "d:/projects/example.org_x"] {
        let data = InitData { project_dir: path.into(), boinc_dir: "C:\\x".into(), ..InitData::default() };
        let data = data.relocated(&slot);
        assert_eq!(data.project_dir, std::env::temp_dir().join("data/projects/example.org_x"));
        assert_eq!(data.boinc_dir, std::env::temp_dir().join("data"));
    }
    for path in ["/var/lib/boinc/projects/x", "", "projects/x", "C:x", "C:\\projects\\.."] {
        let data = InitData { project_dir: path.into(), ..InitData::default() };
        assert_eq!(data.clone().relocated(&slot), data, "{path}");
    }
}

#[test]
fn nothing_but_the_element_itself_is_needed() {
    assert_eq!(wrap(""), InitData::default());
    assert_eq!(wrap("").checkpoint_period, 300.0);
}

#[test]
fn unknown_tags_and_stray_text_are_skipped() {
    let data =
        wrap("garbage <future><wu_name>not this</wu_name></future> <wu_name>this</wu_name> & more </x>");
    assert_eq!(data.wu_name, "this");
}

#[test]
fn nested_tags_of_the_same_name_are_not_confused() {
    let data = wrap(
        "<host_info><docker_version>1</docker_version><wsl>
            <distro><distro_name>a</distro_name><docker_version>2</docker_version><docker_type>2</docker_type></distro>
            <distro><distro_name>b</distro_name><is_default/><os_name>Debian</os_name></distro></wsl>
            <os_name>Windows</os_name><ncpus>64</ncpus></host_info>
         <global_preferences><ncpus>32</ncpus><checkpoint_period>7</checkpoint_period></global_preferences>
         <project_preferences><wu_name>x</wu_name><ncpus>9</ncpus></project_preferences>
         <ncpus>2</ncpus>",
    );
    assert_eq!(data.ncpus, 2.0);
    assert_eq!(data.wu_name, "");
    assert_eq!(data.checkpoint_period, 300.0);
    assert_eq!(data.host_info.os_name, "Windows");
    assert_eq!(data.host_info.engine.as_ref().map(|engine| engine.version.as_str()), Some("1"));
    let distros = &data.host_info.wsl_distros;
    assert_eq!(distros[0].engine.as_ref().and_then(|engine| engine.docker_type), Some(DockerType::Podman));
    assert_eq!(
        (distros[1].distro_name.as_str(), distros[1].is_default, &distros[1].engine),
        ("b", true, &None)
    );
    let version = |distro| data.host_info.engine_in(distro).map(|engine| engine.version.as_str());
    assert_eq!((version(Some("a")), version(Some("b")), version(None)), (Some("2"), Some("1"), Some("1")));
}

#[test]
fn numbers_that_are_none_fall_back_to_their_defaults() {
    let data = wrap(
        "<ncpus>many</ncpus><fraction_done_end>nan</fraction_done_end><client_pid>0</client_pid>
         <shm_key></shm_key><checkpoint_period>-4</checkpoint_period><wu_cpu_time>-1</wu_cpu_time>",
    );
    assert_eq!((data.ncpus, data.fraction_done_end, data.client_pid), (1.0, 1.0, None));
    assert_eq!((data.shm_key, data.checkpoint_period, data.wu_cpu_time), (Some(0), 300.0, 0.0));
}

#[test]
fn only_a_named_server_is_a_proxy() {
    let data = wrap(
        "<proxy_info><use_http_proxy/><http_server_name>proxy.example</http_server_name>
         <http_server_port>3128</http_server_port><http_user_name>me</http_user_name>
         <http_user_passwd>p@:s</http_user_passwd><no_proxy>localhost</no_proxy></proxy_info>",
    );
    let proxy = data.proxy_info.clone().unwrap();
    let environment: Vec<_> =
        proxy.environment().into_iter().map(|(name, value)| format!("{name}={}", value.reveal())).collect();
    let url = "http://me:p%40%3As@proxy.example:3128";
    assert_eq!(
        environment,
        [
            format!("http_proxy={url}"),
            format!("https_proxy={url}"),
            format!("HTTPS_PROXY={url}"),
            "no_proxy=localhost".into(),
            "NO_PROXY=localhost".into()
        ]
    );
    assert_eq!(InitData::parse(data.render().as_bytes()).unwrap(), data);
    let shown = format!("{data:?} {:?}", proxy.environment());
    assert!(!shown.contains("p@:s") && !shown.contains("p%40"), "{shown}");
}

#[test]
fn a_socks_proxy_may_look_up_names() {
    let data = wrap(
        "<proxy_info><socks_server_name>s</socks_server_name><socks_server_port>1080</socks_server_port>
         <socks5_remote_dns>1</socks5_remote_dns></proxy_info>",
    );
    assert_eq!(data.proxy_info.unwrap().environment()[0].1.reveal(), "socks5h://s:1080");
}

#[test]
fn bytes_that_are_no_utf8_are_latin_1_and_paths_keep_theirs() {
    let mut bytes = b"<app_init_data><user_name>J\xf6rg</user_name><project_dir>/d\xe9/p".to_vec();
    bytes.extend(
        b"</project_dir><team_name>&#74;&#195;&#182;rg &lt;&amp;&unknown;</team_name></app_init_data>",
    );
    let data = InitData::parse(&bytes).unwrap();
    assert_eq!(data.user_name, "Jörg");
    assert_eq!(data.team_name, "Jörg <&&unknown;");
    // On Windows a path is text.
    let path: &[u8] = if cfg!(windows) { "/dé/p".as_bytes() } else { b"/d\xe9/p" };
    assert_eq!(data.project_dir.as_os_str().as_encoded_bytes(), path);
    assert_eq!(InitData::parse(data.render().as_bytes()).unwrap(), data);
}

#[test]
fn a_raw_ampersand_in_a_path_is_itself() {
    assert_eq!(wrap("<boinc_dir>/a&b/c & d</boinc_dir>").boinc_dir, Path::new("/a&b/c & d"));
}

#[test]
fn a_file_that_was_cut_off_is_no_init_data() {
    let cut = &HEAD[..HEAD.len() / 2];
    assert!(matches!(InitData::parse(cut), Err(InitDataError::NoEnd | InitDataError::Syntax(_))));
    assert!(matches!(InitData::parse(b""), Err(InitDataError::NoStart)));
    assert!(matches!(InitData::parse(b"<other></other>"), Err(InitDataError::NoStart)));
    let slot = tempfile::tempdir().unwrap();
    let error = InitData::read(slot.path()).unwrap_err().to_string();
    assert!(error.starts_with("cannot read ") && error.ends_with("init_data.xml"), "{error}");
}

#[test]
fn the_cleaned_form_holds_no_trace_of_the_volunteer() {
    let secrets = [
        ("user_name", "SECRETuser"),
        ("team_name", "SECRETteam"),
        ("authenticator", "SECRETauth"),
        ("userid", "424242"),
        ("hostid", "434343"),
        ("teamid", "444444"),
        ("project_dir", "/SECRET/p"),
        ("boinc_dir", "/SECRET"),
        ("client_pid", "454545"),
        ("shm_key", "464646"),
        ("acct_mgr_url", "SECRETurl"),
        ("project_preferences", "SECRETprefs"),
        ("future_tag", "SECRETfuture"),
        ("app_file", "SECRETfile"),
    ];
    let mut inner: String = secrets.iter().map(|(tag, value)| format!("<{tag}>{value}</{tag}>\n")).collect();
    inner.push_str(
        "<host_info><domain_name>SECRETdomain</domain_name><ip_addr>SECRETip</ip_addr>
         <host_cpid>SECRETcpid</host_cpid><mac_address>SECRETmac</mac_address><p_ncpus>2</p_ncpus></host_info>
         <proxy_info><http_server_name>SECRETproxy</http_server_name><http_user_passwd>SECRETpw</http_user_passwd></proxy_info>
         <global_preferences><source_project>SECRETproject</source_project><cpu_usage_limit>SECRETtext</cpu_usage_limit>
         <max_ncpus_pct>50</max_ncpus_pct></global_preferences><wu_name>w</wu_name><ncpus>2</ncpus>",
    );
    let cleaned = wrap(&inner).cleaned();
    for (_, value) in secrets {
        assert!(!cleaned.contains(value), "{value} in {cleaned}");
    }
    assert!(!cleaned.contains("SECRET"), "{cleaned}");
    let data = InitData::parse(cleaned.as_bytes()).unwrap();
    assert_eq!((data.wu_name.as_str(), data.ncpus), ("w", 2.0));
    assert!(data.global_preferences.contains(&("max_ncpus_pct".into(), "50".into())));
}

#[test]
fn an_authenticator_is_not_shown() {
    let data = InitData { authenticator: Secret::new("deadbeef"), ..InitData::default() };
    assert!(!format!("{data:?}{}", data.authenticator).contains("deadbeef"));
}

#[test]
fn progress_is_mapped_into_this_apps_part() {
    let data = InitData { fraction_done_start: 0.5, fraction_done_end: 0.75, ..InitData::default() };
    assert_eq!([0.0, 0.5, 1.0, 7.0, -1.0].map(|f| data.overall_fraction(f)), [0.5, 0.625, 0.75, 0.75, 0.5]);
}

proptest! {
    #[test]
    fn any_text_survives_the_round_trip(
        name in "[^\\x00-\\x1f\\x7f\\s]([^\\x00-\\x1f]{0,30}[^\\x00-\\x1f\\s])?", slot in 0..1000i32,
        path in "/[^\\x00-\\x1f]{0,40}[^\\x00-\\x1f\\s]", files in proptest::collection::vec("[\\w.-]{1,20}", 0..3),
    ) {
        let data = InitData {
            user_name: name.clone(), team_name: name, project_dir: path.into(), slot, app_files: files,
            ..InitData::default()
        };
        prop_assert_eq!(InitData::parse(data.render().as_bytes()).unwrap(), data);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in any::<Vec<u8>>()) {
        let _ = InitData::parse(&[b"<app_init_data>".as_slice(), &bytes, b"</app_init_data>"].concat());
    }
}
