use std::fs;
use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::engine::command::Keep;

fn sh(script: &str) -> Invocation {
    Invocation::new("sh").args(["-c", script]).timeout(Duration::from_secs(30))
}

fn endless() -> Producer<'static> {
    Box::new(|out| {
        loop {
            out.write_all(&[b'x'; 10_000])?;
        }
    })
}

fn consumed(invocation: &Invocation, input: Option<Producer<'_>>) -> (Captured, Vec<u8>) {
    let mut all = Vec::new();
    let mut take = |piece: &[u8]| {
        all.extend_from_slice(piece);
        ControlFlow::Continue(())
    };
    let captured = NativeTransport.stream(invocation, input, Some(&mut take), &Cancel::default()).unwrap();
    (captured, all)
}

#[test]
fn input_and_output_go_through_in_pieces() {
    let sent: Vec<u8> = (0..5_000_000_u32).map(|index| (index % 251) as u8).collect();
    let pieces = sent.clone();
    let input: Producer<'_> =
        Box::new(move |out| pieces.chunks(70_001).try_for_each(|piece| out.write_all(piece)));
    let (captured, received) = consumed(&sh("cat; echo done >&2"), Some(input));
    assert_eq!((captured.status, &captured.stderr[..], captured.stdout.len()), (0, &b"done\n"[..], 0));
    assert!(received == sent);
}

#[test]
fn without_a_consumer_output_is_kept_within_its_bound() {
    let command = sh("cat").keep(Keep::Head(5));
    let input: Producer<'_> = Box::new(|out| out.write_all(b"hello world"));
    let captured = NativeTransport.stream(&command, Some(input), None, &Cancel::default()).unwrap();
    assert_eq!(captured.stdout, b"hello");
}

#[test]
fn a_consumer_that_has_enough_ends_the_command_without_an_error() {
    let begun = Instant::now();
    let mut read = 0;
    let mut take = |piece: &[u8]| {
        read += piece.len();
        if read > 100_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let captured =
        NativeTransport.stream(&sh("yes"), Some(endless()), Some(&mut take), &Cancel::default()).unwrap();
    assert_eq!(captured.status, 0);
    assert!(read < 300_000 && begun.elapsed() < Duration::from_secs(5), "{read}");
}

#[test]
fn a_producers_error_is_the_cause_and_the_command_never_sees_an_end_of_its_input() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("mark");
    let command = sh("cat >/dev/null; touch \"$1\"").arg("sh").arg(&mark);
    let input: Producer<'_> = Box::new(|out| {
        out.write_all(b"half")?;
        Err(io::Error::other("the other half is missing"))
    });
    let error = NativeTransport.stream(&command, Some(input), None, &Cancel::default()).unwrap_err();
    let TransportError::Input { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.to_string(), "the other half is missing");
    thread::sleep(Duration::from_millis(100));
    assert!(!fs::exists(&mark).unwrap());
}

#[test]
fn a_command_that_ends_early_is_what_failed_and_not_the_broken_pipe() {
    let captured = NativeTransport
        .stream(&sh("head -c 10 >/dev/null; echo no >&2; exit 3"), Some(endless()), None, &Cancel::default())
        .unwrap();
    assert_eq!((captured.status, &captured.stderr[..]), (3, &b"no\n"[..]));
}

#[test]
fn a_process_that_keeps_the_pipe_open_does_not_hold_us_up() {
    let begun = Instant::now();
    let captured = NativeTransport
        .stream(&sh("sleep 20 <&0 >/dev/null 2>&1 & echo $!"), Some(endless()), None, &Cancel::default())
        .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    let pid = String::from_utf8(captured.stdout).unwrap();
    assert!(std::process::Command::new("kill").arg(pid.trim()).status().unwrap().success());
}

#[test]
fn cancellation_and_time_out_interrupt_a_producer_that_waits_for_the_command() {
    let cancel = Cancel::default();
    let begun = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(200));
            cancel.cancel();
        });
        let error = NativeTransport.stream(&sh("exec sleep 60"), Some(endless()), None, &cancel).unwrap_err();
        assert!(matches!(error, TransportError::Cancelled), "{error}");
    });
    let short = sh("exec sleep 60").timeout(Duration::from_millis(200));
    let error = NativeTransport.stream(&short, Some(endless()), None, &Cancel::default()).unwrap_err();
    assert!(matches!(error, TransportError::TimedOut { .. }), "{error}");
    // Also one that prints without end.
    let loud = sh("exec yes").timeout(Duration::from_millis(200));
    let mut take = |_: &[u8]| ControlFlow::Continue(());
    let error = NativeTransport.stream(&loud, None, Some(&mut take), &Cancel::default()).unwrap_err();
    assert!(matches!(error, TransportError::TimedOut { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn one_commands_output_can_be_anothers_input() {
    let input: Producer<'_> = Box::new(|out| {
        let mut failure = None;
        let mut take = |piece: &[u8]| match out.write_all(piece) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        };
        NativeTransport
            .stream(&sh("seq 100000"), None, Some(&mut take), &Cancel::default())
            .map_err(io::Error::other)?;
        failure.map_or(Ok(()), Err)
    });
    let (captured, received) = consumed(&sh("wc -l"), Some(input));
    assert_eq!((captured.status, received.trim_ascii()), (0, &b"100000"[..]));
}
