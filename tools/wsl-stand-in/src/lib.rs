//! What `wsl.exe` and the relay send each other.
//!
//! wsl.exe sends a [`Request`], then the bytes of its standard input until it closes that half of the connection. The relay
//! sends [`Reply`]s.

use std::io::{self, Read, Write};

/// Names the relay's port on loopback for wsl.exe.
pub const PORT_VARIABLE: &str = "BUOY_TEST_WSL_PORT";

/// What wsl.exe is asked to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `-d`; empty for the default distro.
    pub distro: String,
    /// `-u`; empty for the distro's default user.
    pub user: String,
    /// `--cd`, or the current directory, as a Windows path.
    pub directory: String,
    /// The program and its arguments.
    pub words: Vec<String>,
}

impl Request {
    /// Sends it: its length, then all texts, each with a zero.
    ///
    /// # Errors
    /// The connection broke.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut bytes = Vec::new();
        for text in [&self.distro, &self.user, &self.directory].into_iter().chain(&self.words) {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        to.write_all(&length.to_le_bytes())?;
        to.write_all(&bytes)
    }

    /// Reads one.
    ///
    /// # Errors
    /// The connection broke, or these are other bytes.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut bytes = vec![0; length(from)?];
        from.read_exact(&mut bytes)?;
        let text = String::from_utf8(bytes).map_err(io::Error::other)?;
        let mut texts = text.split_terminator('\0').map(str::to_owned);
        let mut next = || texts.next().ok_or(io::ErrorKind::InvalidData);
        let (distro, user, directory) = (next()?, next()?, next()?);
        Ok(Self { distro, user, directory, words: texts.collect() })
    }
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Bytes of the program's standard output.
    Output(Vec<u8>),
    /// Bytes of its standard error.
    Errors(Vec<u8>),
    /// It has ended with this status.
    Exit(i32),
    /// There is nothing to start: a code of WSL's.
    Failed(String),
}

impl Reply {
    /// Sends it.
    ///
    /// # Errors
    /// The connection broke.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let status;
        let (kind, bytes): (u8, &[u8]) = match self {
            Self::Output(bytes) => (1, bytes),
            Self::Errors(bytes) => (2, bytes),
            Self::Exit(code) => {
                status = code.to_le_bytes();
                (3, &status)
            }
            Self::Failed(code) => (4, code.as_bytes()),
        };
        let mut frame = u32::try_from(bytes.len()).map_err(io::Error::other)?.to_le_bytes().to_vec();
        frame.push(kind);
        frame.extend_from_slice(bytes);
        to.write_all(&frame)
    }

    /// Reads one.
    ///
    /// # Errors
    /// The connection broke, or these are other bytes.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let length = length(from)?;
        let mut kind = [0];
        from.read_exact(&mut kind)?;
        let mut bytes = vec![0; length];
        from.read_exact(&mut bytes)?;
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        match kind[0] {
            1 => Ok(Self::Output(bytes)),
            2 => Ok(Self::Errors(bytes)),
            3 => Ok(Self::Exit(i32::from_le_bytes(bytes.try_into().map_err(|_| invalid())?))),
            4 => Ok(Self::Failed(String::from_utf8_lossy(&bytes).into_owned())),
            _ => Err(invalid()),
        }
    }
}

fn length(from: &mut impl Read) -> io::Result<usize> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    Ok(u32::from_le_bytes(length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_replies_arrive_as_they_were_sent() {
        let request = Request {
            distro: "Debian".to_owned(),
            directory: "Z:\\slot".to_owned(),
            words: ["cat", "", "a b"].map(str::to_owned).into(),
            ..Request::default()
        };
        let replies = [
            Reply::Output(vec![0, 1, 255]),
            Reply::Errors(Vec::new()),
            Reply::Exit(-3),
            Reply::Failed("Wsl/X".to_owned()),
        ];
        let mut bytes = Vec::new();
        request.write(&mut bytes).unwrap();
        replies.iter().for_each(|reply| reply.write(&mut bytes).unwrap());
        let mut from = &bytes[..];
        assert_eq!(Request::read(&mut from).unwrap(), request);
        for reply in replies {
            assert_eq!(Reply::read(&mut from).unwrap(), reply);
        }
        assert!(Reply::read(&mut from).is_err());
    }
}
