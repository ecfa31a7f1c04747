//! What the frames carry.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{FrameError, MAX_PAYLOAD_BYTES};
use crate::hex::hex;
use crate::wire::finish::{Finish, TemporaryExit};
use crate::wire::init_data::INIT_DATA_FILE;
use crate::wire::message::{Control, Heartbeat};

/// What a frame can carry in one direction.
pub trait Message: Sized {
    /// The number of its kind.
    fn kind(&self) -> u8;
    /// The name of its kind, for messages.
    fn name(&self) -> &'static str;
    /// Its payload.
    fn payload(&self) -> Vec<u8>;
    /// The message of this kind with this payload; `None` for an unknown kind.
    ///
    /// # Errors
    /// The payload is not one of this kind.
    fn parse(kind: u8, payload: Vec<u8>) -> Result<Option<Self>, FrameError>;
}

/// The agent's first message: who answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Its version, which must be the front's.
    pub version: String,
    /// Its processor architecture, as Rust names it: `x86_64`, `aarch64`.
    pub arch: String,
    /// The user it runs as.
    pub uid: u32,
    /// Its current directory: the slot as Linux names it.
    pub directory: String,
    /// `/proc/sys/kernel/random/boot_id`: changes when the Linux system was started again. Times are no help there,
    /// since the clock of a virtual machine is set after a sleep.
    pub boot_id: String,
    /// Memory of the Linux system in bytes; 0 if it is unknown.
    pub memory_bytes: u64,
    /// SHA-256 of init_data.xml in its current directory, hexadecimal; empty if it cannot be read.
    pub init_data_sha256: String,
}

impl Hello {
    /// SHA-256 of the slot's init_data.xml, hexadecimal; `None` if it cannot be read. Front and agent compare it, each as it
    /// sees the slot.
    pub fn init_data_sha256_of(slot: &Path) -> Option<String> {
        Some(hex(&Sha256::digest(fs::read(slot.join(INIT_DATA_FILE)).ok()?)))
    }
}

/// A container of the task that would be killed if the agent's system were stopped after a quit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// The engine's program: `docker`, `podman`.
    pub engine: String,
    /// The container's name.
    pub container: String,
    /// How long to keep the system running at most.
    pub seconds: u64,
}

/// The front's first message: run the task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// The words of the task's command line.
    pub arguments: Vec<String>,
    /// The client's requests that still count, as in the channel `process_control_request`: `<suspend/>`, `<abort/>`.
    pub requests: String,
    /// The client's last heartbeat; empty if there was none.
    pub heartbeat: String,
}

/// From the agent to the front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromAgent {
    /// Who answers.
    Hello(Hello),
    /// A report for the channel `app_status`, as its text.
    Status(String),
    /// Bytes for stderr.txt, whole lines as a rule.
    Log(Vec<u8>),
    /// The task has ended: write `boinc_finish_called`.
    Finish(Finish),
    /// The client is to start the task again later: write `boinc_temporary_exit`.
    Later(TemporaryExit),
    /// A reply for the channel `graphics_reply`, as its text.
    Graphics(String),
    /// The agent leaves: exit with this status.
    Bye {
        /// The exit status of the process that the client has started.
        exit_status: i32,
    },
    /// The answer to a ping.
    Pong,
    /// The task has this container now.
    Keep(Keep),
}

/// From the front to the agent.
#[derive(Clone, Debug, PartialEq)]
pub enum FromFront {
    /// Run the task.
    Begin(Begin),
    /// The client's requests, in their order.
    Requests(Vec<Control>),
    /// The client's heartbeat; sent only if it tells something new.
    Heartbeat(Heartbeat),
    /// The front and the client are still there.
    Ping,
}

// The numbers of the two directions differ, so that an echo is skipped. 0 is no kind.
const HELLO: u8 = 1;
const STATUS: u8 = 2;
const LOG: u8 = 3;
const FINISH: u8 = 4;
const LATER: u8 = 5;
const GRAPHICS: u8 = 6;
const BYE: u8 = 7;
const PONG: u8 = 8;
const KEEP: u8 = 9;
const BEGIN: u8 = 65;
const REQUESTS: u8 = 66;
const HEARTBEAT: u8 = 67;
const PING: u8 = 68;

impl FromAgent {
    /// Log frames that carry these bytes, in as few frames as they fit in.
    pub fn log(bytes: &[u8]) -> impl Iterator<Item = Self> + '_ {
        bytes.chunks(MAX_PAYLOAD_BYTES).map(|chunk| Self::Log(chunk.to_vec()))
    }
}

impl Message for FromAgent {
    fn kind(&self) -> u8 {
        match self {
            Self::Hello(_) => HELLO,
            Self::Status(_) => STATUS,
            Self::Log(_) => LOG,
            Self::Finish(_) => FINISH,
            Self::Later(_) => LATER,
            Self::Graphics(_) => GRAPHICS,
            Self::Bye { .. } => BYE,
            Self::Pong => PONG,
            Self::Keep(_) => KEEP,
        }
    }

    fn name(&self) -> &'static str {
        name(self.kind())
    }

    fn payload(&self) -> Vec<u8> {
        match self {
            Self::Hello(hello) => json(hello),
            Self::Status(text) | Self::Graphics(text) => text.clone().into_bytes(),
            Self::Log(bytes) => bytes.clone(),
            Self::Finish(finish) => json(finish),
            Self::Later(later) => json(later),
            Self::Bye { exit_status } => json(exit_status),
            Self::Pong => Vec::new(),
            Self::Keep(keep) => json(keep),
        }
    }

    fn parse(kind: u8, payload: Vec<u8>) -> Result<Option<Self>, FrameError> {
        Ok(Some(match kind {
            HELLO => Self::Hello(from_json(kind, &payload)?),
            STATUS => Self::Status(text(kind, payload)?),
            LOG => Self::Log(payload),
            FINISH => Self::Finish(from_json(kind, &payload)?),
            LATER => Self::Later(from_json(kind, &payload)?),
            GRAPHICS => Self::Graphics(text(kind, payload)?),
            BYE => Self::Bye { exit_status: from_json(kind, &payload)? },
            PONG => Self::Pong,
            KEEP => Self::Keep(from_json(kind, &payload)?),
            _ => return Ok(None),
        }))
    }
}

impl Message for FromFront {
    fn kind(&self) -> u8 {
        match self {
            Self::Begin(_) => BEGIN,
            Self::Requests(_) => REQUESTS,
            Self::Heartbeat(_) => HEARTBEAT,
            Self::Ping => PING,
        }
    }

    fn name(&self) -> &'static str {
        name(self.kind())
    }

    fn payload(&self) -> Vec<u8> {
        match self {
            Self::Begin(begin) => json(begin),
            Self::Requests(requests) => {
                requests.iter().map(|request| request.tag()).collect::<String>().into_bytes()
            }
            Self::Heartbeat(heartbeat) => heartbeat.render().into_bytes(),
            Self::Ping => Vec::new(),
        }
    }

    fn parse(kind: u8, payload: Vec<u8>) -> Result<Option<Self>, FrameError> {
        Ok(Some(match kind {
            BEGIN => Self::Begin(from_json(kind, &payload)?),
            REQUESTS => Self::Requests(Control::parse(&text(kind, payload)?)),
            HEARTBEAT => Self::Heartbeat(Heartbeat::parse(&text(kind, payload)?)),
            PING => Self::Ping,
            _ => return Ok(None),
        }))
    }
}

fn name(kind: u8) -> &'static str {
    match kind {
        HELLO => "hello",
        STATUS => "status",
        LOG => "log",
        FINISH => "finish",
        LATER => "later",
        GRAPHICS => "graphics",
        BYE => "bye",
        PONG => "pong",
        KEEP => "keep",
        BEGIN => "begin",
        REQUESTS => "requests",
        HEARTBEAT => "heartbeat",
        PING => "ping",
        _ => "unknown",
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts, numbers and lists of texts are always JSON")
}

fn from_json<T: DeserializeOwned>(kind: u8, payload: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(payload).map_err(|source| FrameError::Json {
        name: name(kind),
        bytes: payload.len(),
        source,
    })
}

fn text(kind: u8, payload: Vec<u8>) -> Result<String, FrameError> {
    let bytes = payload.len();
    String::from_utf8(payload).map_err(|_| FrameError::Text { name: name(kind), bytes })
}
