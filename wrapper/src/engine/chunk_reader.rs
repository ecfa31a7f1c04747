//! A command's output, taken in pieces by one thread and read by another.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// How many pieces wait for the reader at most.
const WAITING: usize = 4;

/// The reading end. It ends when the sender is dropped; sending fails when it is dropped.
pub(super) struct ChunkReader {
    receiver: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    read: usize,
}

impl ChunkReader {
    pub(super) fn channel() -> (SyncSender<Vec<u8>>, Self) {
        let (sender, receiver) = sync_channel(WAITING);
        (sender, Self { receiver, piece: Vec::new(), read: 0 })
    }
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.piece.len() {
            let Ok(piece) = self.receiver.recv() else { return Ok(0) };
            self.piece = piece;
            self.read = 0;
        }
        let count = buffer.len().min(self.piece.len() - self.read);
        buffer[..count].copy_from_slice(&self.piece[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}
