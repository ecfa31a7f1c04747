//! Servers, networks and sites that are not what they should be.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use submit_cli::project::error::ProjectError;
use submit_cli::project::options::ClientOptions;
use submit_cli::project::protocol::id::{BatchId, ResultId};
use submit_cli::project::upload_body::{Upload, UploadBody};

use crate::recorded::named;
use crate::replies::submission;
use crate::server::{KEY, Server, client, ok, reply};

const CONFIG: &str = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<project_config>\n    <name>Buoy & test</name>\n    \
    <master_url>http://127.0.0.1/buoytest/</master_url>\n<server_version>714</server_version>\n    \
    <web_stopped>0</web_stopped>\n</project_config>";

#[test]
fn a_redirect_is_told_and_not_followed() {
    let elsewhere = Server::new();
    for (status, location, to) in [
        (
            "301 Moved Permanently",
            "https://new.example/boinc/submit_rpc_handler.php",
            "https://new.example/boinc/",
        ),
        ("302 Found", &*format!("{}submit_rpc_handler.php?x=1", elsewhere.url()), &*elsewhere.url()),
        ("308 Permanent Redirect", "/other/submit_rpc_handler.php", "/other/"),
    ] {
        let server = Server::with([reply(&format!("HTTP/1.1 {status}\r\nLocation: {location}"), b"")]);
        let error = server.client().create_batch("universal", "b").unwrap_err();
        let ProjectError::Redirected { to: told, .. } = &error else { panic!("{error:?}") };
        assert!(told.ends_with(to), "{told}");
        assert!(error.help().unwrap().contains(&format!("buoy login {told}")));
        assert!(!error.maybe_done());
        server.asked();
    }
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn without_a_connection_nothing_was_done() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client(&format!("http://{closed}/x/"), ClientOptions::default()).ping().unwrap_err();
    assert!(
        matches!(error, ProjectError::Unreachable { .. }) && error.try_again() && !error.maybe_done(),
        "{error:?}"
    );
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn a_connection_that_ends_before_it_is_encrypted_has_done_nothing() {
    let server = Server::with([]);
    let error =
        client(&server.url().replace("http:", "https:"), ClientOptions::default()).ping().unwrap_err();
    assert!(matches!(error, ProjectError::Unreachable { .. }) && !error.maybe_done(), "{error:?}");
}

#[test]
fn a_connection_without_a_reply_may_have_done_it() {
    let server = Server::with([b"".to_vec(), b"HTTP/1.1 200 OK\r\nContent-".to_vec()]);
    for _ in 0..2 {
        let error = server.client().submit_batch(BatchId(1), &submission()).unwrap_err();
        assert!(
            matches!(error, ProjectError::LostReply { .. }) && error.maybe_done() && error.try_again(),
            "{error:?}"
        );
    }
    server.asked();
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x/", silent.local_addr().unwrap());
    let held = std::thread::spawn(move || {
        silent.accept().map(|(mut stream, _)| stream.read_to_end(&mut Vec::new()))
    });
    let options = ClientOptions { reply_timeout: Duration::from_millis(50), ..ClientOptions::default() };
    let error = client(&url, options).create_batch("universal", "b").unwrap_err();
    assert!(error.to_string().contains("timed out") && error.maybe_done(), "{error:?}");
    held.join().unwrap().unwrap().unwrap();
}

#[test]
fn a_download_may_take_longer_than_a_reply() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let head = "HTTP/1.1 200 OK\r\nContent-Disposition: attachment\r\nContent-Length: 5\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(500));
            stream.write_all(b"x").unwrap();
        }
    });
    let options = ClientOptions { reply_timeout: Duration::from_secs(2), ..ClientOptions::default() };
    let mut file = Vec::new();
    client(&url, options).download_output("r_0", 0, 0, &mut file).unwrap();
    assert_eq!(file, b"xxxxx");
}

#[test]
fn a_closed_project_says_so_in_each_of_its_ways() {
    let message = "<error>\n    <error_num>-183</error_num>\n    <error_msg>project down for maintenance</error_msg>\n</error>";
    let database =
        message.replace("-183", "-138").replace("project down for maintenance", "Can't connect to database");
    let page = "<html><head><title>X</title></head>X is temporarily shut down for maintenance.  Please try again later.</html>";
    for body in
        [format!("<ping>\n{message}</ping>\n"), format!("<ping>\n{database}</ping>\n"), page.to_owned()]
    {
        let server = Server::with([ok(&body)]);
        let error = server.client().ping().unwrap_err();
        assert!(
            matches!(error, ProjectError::Maintenance { .. }) && error.try_again() && !error.maybe_done(),
            "{error:?}"
        );
    }
    let date = "Tue, 24 Nov 2026 22:00:00 GMT\r\nRetry-After: Tue, 24 Nov 2026 22:02:00 GMT";
    for (header, seconds) in [("Retry-After: 30", 30), (&*format!("Date: {date}"), 120)] {
        let server = Server::with([reply(&format!("HTTP/1.1 503 Service Unavailable\r\n{header}"), b"")]);
        let error = server.client().ping().unwrap_err();
        assert!(matches!(error, ProjectError::ServerError { status: 503, .. }), "{error:?}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)));
    }
}

#[test]
fn a_database_that_is_busy_is_tried_again() {
    let busy = "<?xml version=\"1.0\" ?>\n<create_batch>\n<br />\n<b>Fatal error</b>:  Uncaught mysqli_sql_exception: \
                Too many connections in /x/db_conn.inc:67\nStack trace:\n#0 {main}";
    let server = Server::with([ok(busy)]);
    let error = server.client().create_batch("universal", "b").unwrap_err();
    assert!(
        matches!(error, ProjectError::FatalError { .. }) && error.try_again() && error.maybe_done(),
        "{error:?}"
    );
}

#[test]
fn a_site_that_is_no_project_is_told_by_what_it_is() {
    for (wire, found) in [
        (
            ok("<!DOCTYPE html><html><head><title>Welcome to caf&eacute; Wi-Fi</title>"),
            "a page titled \"Welcome to caf&eacute; Wi-Fi\"",
        ),
        (reply("HTTP/1.1 404 Not Found", b"<html>gone</html>"), "HTTP status 404"),
        (reply("HTTP/1.1 401 Unauthorized", b""), "HTTP status 401"),
        (ok("hello"), "\"hello\""),
        (ok(&format!("<?xml version=\"1.0\"?><rss>{}</rss>", "x".repeat(100))), "other XML"),
    ] {
        let server = Server::with([wire]);
        let error = server.client().describe().unwrap_err();
        assert!(matches!(error, ProjectError::NotBoinc { .. }), "{error:?}");
        assert!(error.to_string().ends_with(&format!("got {found}")), "{error}");
    }
}

#[test]
fn a_web_servers_own_refusal_does_not_make_a_project_another_site() {
    let server = Server::with([reply("HTTP/1.1 403 Forbidden", b"<html><title>403</title></html>")]);
    let error = server.client().ping().unwrap_err();
    assert_eq!(error.to_string(), "ping: the project rejected the request: HTTP status 403");
    assert!(!error.try_again() && !error.maybe_done());
}

#[test]
fn a_project_describes_itself_without_being_told_who_asks() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let head = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 01:00:00 GMT";
    let server = Server::with([reply(head, CONFIG.as_bytes()), ok(CONFIG)]);
    let info = server.client().describe().unwrap();
    assert_eq!((info.name.as_str(), info.server_version.as_deref()), ("Buoy & test", Some("714")));
    assert!((info.clock_skew_seconds.unwrap() - 3600.0 + now).abs() < 60.0);
    let info = server.client().describe().unwrap();
    assert_eq!(info.clock_skew_seconds, None);
    for asked in server.asked() {
        assert_eq!(asked.line, "GET /buoytest/get_project_config.php HTTP/1.1");
        assert!(!asked.whole().contains(KEY));
    }
}

#[test]
fn the_authenticator_is_in_the_body_and_nowhere_else() {
    let server = Server::with([named("ping").wire(), named("query_batch2-fresh").wire()]);
    server.client().ping().unwrap();
    server.client().changes("b", Some(1_795_486_592.25)).unwrap();
    let asked = server.asked();
    for asked in &asked {
        assert!(!asked.line.contains(KEY) && !asked.headers.join("\n").contains(KEY));
        assert!(asked.request().contains(&format!("<authenticator>{KEY}</authenticator>")));
    }
    assert!(asked[1].request().contains("<min_mod_time>1795486582.25</min_mod_time>"));
}

#[test]
fn an_upload_reports_each_byte_that_goes_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big");
    std::fs::write(&path, vec![b'x'; 300_000]).unwrap();
    let files = vec![
        Upload { name: "big".into(), body: UploadBody::File(path, 300_000) },
        Upload { name: "small".into(), body: UploadBody::Bytes(Arc::from(*b"small")) },
    ];
    let server = Server::with([named("upload_files-two").wire()]);
    let sent = AtomicU64::new(0);
    server
        .client()
        .upload_files(files, &|bytes| {
            sent.fetch_add(bytes, Ordering::Relaxed);
        })
        .unwrap();
    let asked = server.asked();
    assert_eq!(sent.into_inner(), asked[0].body.len() as u64);
    let body = String::from_utf8_lossy(&asked[0].body);
    assert!(body.contains("filename=\"small\"") && body.contains("\r\n\r\nsmall\r\n--"));
}

#[test]
fn a_file_that_changed_is_not_passed_off_as_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("input");
    std::fs::write(&path, "longer than it was").unwrap();
    let files = vec![Upload { name: "input_0".into(), body: UploadBody::File(path.clone(), 5) }];
    // The connection is cut before the body is whole, so no request is noted and no answer wanted.
    let server = Server::new();
    let error = server.client().upload_files(files, &|_| ()).unwrap_err();
    assert!(matches!(&error, ProjectError::LocalFile { path: told, .. } if *told == path), "{error:?}");
    assert!(server.asked().is_empty());
}

#[test]
fn threads_share_a_client() {
    const THREADS: usize = 8;
    let server = Server::with((0..THREADS).map(|_| named("query_files-without-batch").wire()));
    let client = server.client();
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                client.absent_files(&["a", "b", "c"]).unwrap()
            });
        }
    });
    assert_eq!(server.asked().len(), THREADS);
}

#[test]
fn a_file_number_out_of_range_is_no_answer() {
    let server = Server::with([named("quiet/query_files-some-absent").wire()]);
    let error = server.client().absent_files(&["a", "b"]).unwrap_err();
    assert!(error.to_string().contains("file 3 of 2"), "{error}");
}

#[test]
fn a_task_page_is_asked_for_with_the_authenticator_only_where_a_login_is_wanted() {
    let login = || {
        reply(
            "HTTP/1.1 302 Found\r\nLocation: /buoytest/login_form.php?next_url=result.php%3Fresultid%3D7",
            b"",
        )
    };
    let page =
        || ok("<html><pre>&lt;core_client_version&gt;8&lt;/core_client_version&gt;\nkilled</pre></html>");

    let server = Server::with([page()]);
    let found = server.client().task_page(ResultId(7)).unwrap();
    assert_eq!(found.stderr.as_deref(), Some("<core_client_version>8</core_client_version>\nkilled"));
    let asked = server.asked();
    assert_eq!(asked[0].line, "GET /buoytest/result.php?resultid=7 HTTP/1.1");
    assert!(!asked[0].whole().contains(KEY) && asked[0].headers.contains(&"accept-language: en".to_owned()));

    let server = Server::with([login(), page(), page()]);
    let client = server.client();
    client.task_page(ResultId(7)).unwrap();
    client.task_page(ResultId(8)).unwrap();
    let asked = server.asked();
    assert!(!asked[0].whole().contains(KEY));
    for asked in &asked[1..] {
        assert!(asked.headers.contains(&format!("cookie: auth={KEY}")) && !asked.line.contains(KEY));
    }

    let server = Server::with([login(), login()]);
    let error = server.client().task_page(ResultId(7)).unwrap_err();
    assert!(matches!(error, ProjectError::LoginWanted { .. }), "{error:?}");
    server.asked();
}

fn tls(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name)
}

/// One connection to a server with this certificate.
fn secure_server(certificate: &str, serve: impl FnOnce(&mut dyn ReadWrite) + Send + 'static) -> String {
    let certificate = CertificateDer::from_pem_file(tls(certificate)).unwrap();
    let key = PrivateKeyDer::from_pem_file(tls("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/x/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        serve(&mut rustls::Stream::new(&mut connection, &mut socket));
    });
    url
}

trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}

fn answer_ping(stream: &mut dyn ReadWrite) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    // A client that does not trust us ends here.
    while !seen.ends_with(b"--\r\n") {
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => seen.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let _ = stream.write_all(&named("ping").wire());
    let _ = stream.flush();
}

#[test]
fn a_refusal_is_read_though_the_server_has_not_read_the_request() {
    // The connection is closed with bytes that were not read: sending more of them fails.
    let refuse = |stream: &mut dyn ReadWrite| {
        assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
        stream.write_all(&reply("HTTP/1.1 413 Request Entity Too Large", b"too large")).unwrap();
        stream.flush().unwrap();
        // Bytes that are still here would be lost with the connection.
        std::thread::sleep(Duration::from_millis(200));
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = format!("http://{}/x/", listener.local_addr().unwrap());
    std::thread::spawn(move || refuse(&mut listener.accept().unwrap().0));
    for url in [plain, secure_server("server.pem", refuse)] {
        let file = Upload { name: "large".into(), body: UploadBody::Bytes(Arc::from(vec![0; 32 << 20])) };
        let options = ClientOptions { ca_file: Some(tls("ca.pem")), ..ClientOptions::default() };
        let error = client(&url, options).upload_files(vec![file], &|_| ()).unwrap_err();
        assert!(matches!(error, ProjectError::RequestTooLarge { .. }), "{error:?}");
    }
}

#[test]
fn only_a_certificate_that_can_be_trusted_is() {
    let trusting = || ClientOptions { ca_file: Some(tls("ca.pem")), ..ClientOptions::default() };
    client(&secure_server("server.pem", answer_ping), trusting()).ping().unwrap();
    for (certificate, options) in [("server.pem", ClientOptions::default()), ("expired.pem", trusting())] {
        let error = client(&secure_server(certificate, answer_ping), options).ping().unwrap_err();
        assert!(matches!(error, ProjectError::Certificate { .. }) && !error.maybe_done(), "{error:?}");
        assert!(error.help().unwrap().contains("--ca-file"));
    }
}

#[test]
fn a_file_without_certificates_is_told() {
    use submit_cli::project::address::{PlainHttp, ProjectUrl};
    use submit_cli::project::authenticator::Authenticator;
    use submit_cli::project::client::ProjectClient;
    for name in ["README.md", "absent.pem"] {
        let options = ClientOptions { ca_file: Some(tls(name)), ..ClientOptions::default() };
        let url = ProjectUrl::parse("https://project.example/", PlainHttp::Refuse).unwrap();
        let error = ProjectClient::new(url, Authenticator::parse(KEY).unwrap(), options).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}
