//! The console of this process.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::windows::io::AsRawHandle;
use std::ptr;

use windows_sys::Win32::System::Console::{
    ENABLE_ECHO_INPUT, ENABLE_LINE_INPUT, ENABLE_PROCESSED_INPUT, GetConsoleMode, ReadConsoleW,
    SetConsoleMode,
};

/// A console, for reading and writing in UTF-8.
#[derive(Debug)]
pub struct Terminal {
    input: File,
    output: File,
    /// What was read and not yet taken.
    bytes: RefCell<VecDeque<u8>>,
}

/// The console of this process.
///
/// # Errors
/// There is none.
pub fn terminal() -> io::Result<Terminal> {
    let open = |name: &str| File::options().read(true).write(true).open(name);
    Ok(Terminal { input: open("CONIN$")?, output: open("CONOUT$")?, bytes: RefCell::default() })
}

impl Terminal {
    /// The next characters, in UTF-16: at most as many as there is room for.
    fn read_units(&self, units: &mut [u16]) -> io::Result<usize> {
        let mut count = 0;
        // SAFETY: the handle is open, the buffer is as long as it says, and a null pointer asks for nothing more.
        let done = unsafe {
            ReadConsoleW(
                self.input.as_raw_handle(),
                units.as_mut_ptr().cast(),
                units.len() as u32,
                &mut count,
                ptr::null(),
            )
        };
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
    }
}

impl Read for &Terminal {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.bytes.borrow_mut();
        if bytes.is_empty() {
            // A character that has two units arrives as both.
            let mut units = [0; 2];
            let mut count = self.read_units(&mut units[..1])?;
            if count == 1 && (0xd800..0xdc00).contains(&units[0]) {
                count += self.read_units(&mut units[1..])?;
            }
            bytes.extend(String::from_utf16_lossy(&units[..count]).as_bytes());
        }
        bytes.read(buffer)
    }
}

impl Write for &Terminal {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        (&self.output).write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.output).flush()
    }
}

/// A console that does not show what is typed; as it was when dropped.
#[derive(Debug)]
pub struct Hidden<'a> {
    terminal: &'a Terminal,
    before: u32,
}

impl<'a> Hidden<'a> {
    /// Hides what is typed from now on. Keys arrive one by one, and Ctrl-C as a key: nothing can end the program with the
    /// console left silent.
    ///
    /// # Errors
    /// It is not a console.
    pub fn new(terminal: &'a Terminal) -> io::Result<Self> {
        let mut before = 0;
        // SAFETY: the handle is open, and the number outlives the call.
        if unsafe { GetConsoleMode(terminal.input.as_raw_handle(), &mut before) } == 0 {
            return Err(io::Error::last_os_error());
        }
        set_mode(terminal, before & !(ENABLE_ECHO_INPUT | ENABLE_LINE_INPUT | ENABLE_PROCESSED_INPUT))?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // The console is gone if this fails.
        let _ = set_mode(self.terminal, self.before);
    }
}

fn set_mode(terminal: &Terminal, mode: u32) -> io::Result<()> {
    // SAFETY: the handle is open.
    let done = unsafe { SetConsoleMode(terminal.input.as_raw_handle(), mode) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
