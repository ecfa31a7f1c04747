use std::io::Read;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::wire::finish::{Finish, Message as Notice, TemporaryExit};
use crate::wire::message::{Control, Heartbeat};

/// Gives a few bytes at a time, as a pipe does.
struct Trickle<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.step.min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.bytes = later;
        Ok(count)
    }
}

fn read_all<M: Message>(mut stream: impl Read) -> Result<Vec<M>, FrameError> {
    std::iter::from_fn(|| read(&mut stream).transpose()).collect()
}

fn notice() -> impl Strategy<Value = Notice> {
    (".*", any::<bool>()).prop_map(|(text, notice)| Notice { text, notice })
}

fn from_agent() -> impl Strategy<Value = FromAgent> {
    let hello = (".*", ".*", any::<u32>(), ".*", ".*", any::<u64>(), ".*").prop_map(
        |(version, arch, uid, directory, boot_id, memory_bytes, init_data_sha256)| {
            FromAgent::Hello(Hello { version, arch, uid, directory, boot_id, memory_bytes, init_data_sha256 })
        },
    );
    prop_oneof![
        hello,
        ".*".prop_map(FromAgent::Status),
        vec(any::<u8>(), 0..300).prop_map(FromAgent::Log),
        (any::<i32>(), option::of(notice()))
            .prop_map(|(exit_status, message)| FromAgent::Finish(Finish { exit_status, message })),
        (any::<u32>(), notice())
            .prop_map(|(delay_seconds, reason)| FromAgent::Later(TemporaryExit { delay_seconds, reason })),
        ".*".prop_map(FromAgent::Graphics),
        any::<i32>().prop_map(|exit_status| FromAgent::Bye { exit_status }),
        Just(FromAgent::Pong),
        (".*", ".*", any::<u64>()).prop_map(|(engine, container, seconds)| FromAgent::Keep(Keep {
            engine,
            container,
            seconds
        })),
    ]
}

fn from_front() -> impl Strategy<Value = FromFront> {
    let control = prop_oneof![
        Just(Control::Quit),
        Just(Control::Suspend),
        Just(Control::Resume),
        Just(Control::Abort),
        Just(Control::RereadAppInfo)
    ];
    let heartbeat = (any::<bool>(), option::of(0.0..1e12f64), any::<bool>(), option::of(0..4i32));
    prop_oneof![
        (vec(".*", 0..6), ".*", ".*").prop_map(|(arguments, requests, heartbeat)| {
            FromFront::Begin(Begin { arguments, requests, heartbeat })
        }),
        vec(control, 0..5).prop_map(FromFront::Requests),
        heartbeat.prop_map(|(alive, wss_bytes, network_suspended, sporadic_ca)| {
            FromFront::Heartbeat(Heartbeat {
                alive,
                wss_bytes,
                max_wss_bytes: None,
                network_suspended,
                sporadic_ca,
            })
        }),
        Just(FromFront::Ping),
    ]
}

/// A frame of a kind that neither direction has.
fn unknown() -> impl Strategy<Value = Vec<u8>> {
    (prop_oneof![10..65u8, 69..=255u8, Just(0u8)], vec(any::<u8>(), 0..50)).prop_map(|(kind, payload)| {
        let length = u32::try_from(payload.len()).unwrap();
        [&length.to_le_bytes()[..], &[kind], &payload].concat()
    })
}

fn stream<M: Message>(frames: &[(M, Option<Vec<u8>>)]) -> Vec<u8> {
    let bytes = frames.iter().flat_map(|(message, unknown)| {
        [unknown.clone().unwrap_or_default(), to_bytes(message).unwrap()].concat()
    });
    bytes.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_500))]

    /// With four messages in a case on average, 10,000 of each direction.
    #[test]
    fn no_message_is_changed_and_unknown_kinds_are_skipped(
        to_front in vec((from_agent(), option::weighted(0.2, unknown())), 1..8),
        to_agent in vec((from_front(), option::weighted(0.2, unknown())), 1..8),
        step in 1..200usize,
    ) {
        let bytes = stream(&to_front);
        let read: Vec<FromAgent> = read_all(Trickle { bytes: &bytes, step }).unwrap();
        prop_assert_eq!(read, to_front.into_iter().map(|(message, _)| message).collect::<Vec<_>>());
        let bytes = stream(&to_agent);
        let read: Vec<FromFront> = read_all(Trickle { bytes: &bytes, step }).unwrap();
        prop_assert_eq!(read, to_agent.into_iter().map(|(message, _)| message).collect::<Vec<_>>());
    }

    /// A job that prints frames gets them into the log, byte by byte, and nowhere else.
    #[test]
    fn what_a_job_prints_forges_no_frame(forged in vec(from_agent(), 1..8), noise in vec(any::<u8>(), 0..20)) {
        let mut printed = noise;
        printed.extend(forged.iter().flat_map(|message| to_bytes(message).unwrap()));
        let bytes: Vec<u8> = FromAgent::log(&printed).flat_map(|frame| to_bytes(&frame).unwrap()).collect();
        let read: Vec<FromAgent> = read_all(&bytes[..]).unwrap();
        prop_assert_eq!(read, vec![FromAgent::Log(printed)]);
    }

    #[test]
    fn a_stream_that_is_cut_anywhere_is_an_error(message in from_agent(), at in any::<prop::sample::Index>()) {
        let bytes = to_bytes(&message).unwrap();
        let cut = 1 + at.index(bytes.len() - 1);
        let error = read_all::<FromAgent>(&bytes[..cut]).unwrap_err();
        let is_cut = matches!(error, FrameError::Cut { read, .. } if read == cut);
        prop_assert!(is_cut, "{}", error);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = (read_all::<FromAgent>(&bytes[..]), read_all::<FromFront>(&bytes[..]));
    }
}

#[test]
fn something_else_than_frames_is_named() {
    let said = b"There is no distribution with the supplied name.\r\n";
    let error = read::<FromAgent>(&mut &said[..]).unwrap_err().to_string();
    assert_eq!(error, r#"invalid frame: length 1919248468 is more than 65536; read "There""#);
    let error = read::<FromAgent>(&mut &[9, 0, 0, 0, 2, b'x'][..]).unwrap_err().to_string();
    assert_eq!(error, "frame of kind 2 is cut: 6 of 14 bytes were read");
    let error = read::<FromAgent>(&mut &[2, 0, 0, 0, 7, b'x', b'y'][..]).unwrap_err().to_string();
    assert_eq!(error, "invalid bye frame of 2 bytes");
    let error = read::<FromAgent>(&mut &[1, 0, 0, 0, 2, 0xff][..]).unwrap_err().to_string();
    assert_eq!(error, "invalid status frame of 1 bytes: not UTF-8");
}

#[test]
fn the_longest_payload_fits_and_a_longer_one_is_refused() {
    let longest = FromAgent::Log(vec![b'x'; MAX_PAYLOAD_BYTES]);
    let bytes = to_bytes(&longest).unwrap();
    assert_eq!(read::<FromAgent>(&mut &bytes[..]).unwrap(), Some(longest));
    let arguments = vec!["x".repeat(MAX_PAYLOAD_BYTES)];
    let begin = FromFront::Begin(Begin { arguments, ..Begin::default() });
    assert!(matches!(to_bytes(&begin), Err(FrameError::TooLong { name: "begin", .. })));
    let log = vec![b'x'; 3 * MAX_PAYLOAD_BYTES + 1];
    let frames: Vec<usize> = FromAgent::log(&log).map(|frame| frame.payload().len()).collect();
    assert_eq!(frames, [MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES, 1]);
}
