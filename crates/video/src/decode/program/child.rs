//! A child process whose output is taken in blocks, and which cannot make its parent wait for ever.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The most of a child's words that are kept.
const MOST_WORDS: u64 = 4096;
/// The most output that is taken as a whole.
const MOST_OUTPUT: usize = 1 << 24;
/// The most bytes of output that are taken as they come.
const PIECE: usize = 1 << 16;
/// How long a child that has closed its output may take to end.
const LEAVE: Duration = Duration::from_secs(10);

/// How a child came to its end.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// It wrote all that it had; `words` are its complaints on the way.
    Done { words: String },
    /// It failed.
    Failed { status: String, words: String },
    /// It showed nothing for too long, and was killed.
    Silent { limit: Duration, words: String },
}

impl End {
    /// Whether it did not do its work.
    pub(super) fn is_failure(&self) -> bool {
        !matches!(self, Self::Done { .. })
    }

    /// What this says about the file; `None` when it is whole.
    pub(super) fn damage(&self) -> Option<String> {
        match self {
            // Demuxers say so and take the file as one that ends here.
            Self::Done { words } => words
                .lines()
                .find(|line| line.contains("ended prematurely") || line.contains("partial file"))
                .map(|line| format!("the file is cut: {line}")),
            failure => Some(failure.reason()),
        }
    }

    /// Its words, or what happened if it had none.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Done { words } | Self::Failed { words, .. } if !words.is_empty() => {
                // The first complaint is nearest to the cause.
                words.lines().next().unwrap_or_default().to_owned()
            }
            Self::Done { .. } => "the program ended too early".to_owned(),
            Self::Failed { status, .. } => format!("the program ended with {status}"),
            Self::Silent { limit, words } => {
                let words = words.lines().next().map_or(String::new(), |line| format!(": {line}"));
                format!("the program gave nothing for {} s and was stopped{words}", limit.as_secs())
            }
        }
    }
}

/// A running program. Dropping it kills it.
pub(super) struct Child {
    process: process::Child,
    blocks: Option<Receiver<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
    words: Option<JoinHandle<String>>,
}

impl Child {
    /// Starts a program whose output comes in blocks of `bytes` bytes, or as it is written.
    pub(super) fn start(
        program: &Path,
        arguments: &[OsString],
        bytes: Option<usize>,
    ) -> Result<Self, String> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().map_err(|error| error.to_string())?;
        let (sender, blocks) = sync_channel(1);
        let output = process.stdout.take().ok_or("it has no output")?;
        let reader = std::thread::spawn(move || read(output, bytes, &sender));
        let complaints = process.stderr.take().ok_or("it has no error output")?;
        let words = std::thread::spawn(move || listen(complaints));
        Ok(Self { process, blocks: Some(blocks), reader: Some(reader), words: Some(words) })
    }

    /// The next block, or how the child ended. The limit is on the time without one.
    pub(super) fn next(&mut self, limit: Duration) -> Result<Vec<u8>, End> {
        let Some(blocks) = &self.blocks else { return Err(self.end(None)) };
        match blocks.recv_timeout(limit) {
            Ok(block) => Ok(block),
            Err(RecvTimeoutError::Disconnected) => Err(self.end(None)),
            Err(RecvTimeoutError::Timeout) => Err(self.end(Some(limit))),
        }
    }

    fn end(&mut self, silent: Option<Duration>) -> End {
        let deadline = Instant::now() + if silent.is_some() { Duration::ZERO } else { LEAVE };
        let status = loop {
            match self.process.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Ok(None) | Err(_) => break None,
            }
        };
        let words = self.stop();
        match (silent, status) {
            (Some(limit), _) => End::Silent { limit, words },
            (None, Some(status)) if status.success() => End::Done { words },
            (None, Some(status)) => End::Failed { status: status.to_string(), words },
            (None, None) => End::Failed { status: "no answer".to_owned(), words },
        }
    }

    /// Kills the child if it still lives and waits for the threads; its words.
    fn stop(&mut self) -> String {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.blocks = None;
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.words.take().and_then(|words| words.join().ok()).unwrap_or_default()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Passes blocks on until the output ends or nobody wants them.
fn read(mut output: impl Read, bytes: Option<usize>, blocks: &SyncSender<Vec<u8>>) {
    loop {
        let mut block = vec![0; bytes.unwrap_or(PIECE)];
        let read = match bytes {
            Some(bytes) => output.read_exact(&mut block).map(|()| bytes),
            None => output.read(&mut block),
        };
        match read {
            Ok(0) => return,
            Ok(length) => block.truncate(length),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return,
        }
        if blocks.send(block).is_err() {
            return;
        }
    }
}

/// Reads all of a child's complaints, lest it waits for a reader, and keeps the first of them.
fn listen(mut complaints: impl Read) -> String {
    let mut words = Vec::new();
    let _ = complaints.by_ref().take(MOST_WORDS).read_to_end(&mut words);
    let mut rest = [0; 4096];
    loop {
        match complaints.read(&mut rest) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    without_addresses(String::from_utf8_lossy(&words).trim())
}

/// Leaves out where FFmpeg's objects lie, as in `[mov @ 0x55d1c0]`, which differs from run to run.
fn without_addresses(words: &str) -> String {
    const MARK: &str = " @ 0x";
    let mut parts = words.split(MARK);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_hexdigit());
        if rest.starts_with(']') {
            kept += rest;
        } else {
            kept = kept + MARK + part;
        }
    }
    kept
}

/// Runs a program to its end and gives all that it wrote.
pub(super) fn output(
    program: &Path,
    arguments: &[OsString],
    limit: Duration,
) -> Result<Vec<u8>, End> {
    let failed = |reason: String| End::Failed { status: reason, words: String::new() };
    let mut child = Child::start(program, arguments, None).map_err(failed)?;
    let deadline = Instant::now() + limit;
    let mut text = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match child.next(left) {
            Ok(piece) if text.len() < MOST_OUTPUT => text.extend(piece),
            Ok(_) => return Err(failed(format!("more than {MOST_OUTPUT} bytes of output"))),
            Err(End::Done { .. }) => return Ok(text),
            Err(end) => return Err(end),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, bytes: Option<usize>) -> Child {
        let arguments = [OsString::from("-c"), OsString::from(script)];
        Child::start(Path::new("/bin/sh"), &arguments, bytes).expect("a shell")
    }

    #[test]
    fn words_are_kept_without_the_addresses_of_objects() {
        let words = "[mov,mp4 @ 0x55d1c0ffee] no\n[h264 @ 0x7f] `a @ 0x12.mp4`: [b @ 0xg]";
        assert_eq!(without_addresses(words), "[mov,mp4] no\n[h264] `a @ 0x12.mp4`: [b @ 0xg]");
        assert_eq!(without_addresses(""), "");
    }

    #[test]
    fn a_child_that_says_nothing_is_stopped() {
        let mut child = shell("echo hm >&2; printf abc; exec sleep 600", Some(3));
        let limit = Duration::from_millis(300);
        assert_eq!(child.next(Duration::from_secs(30)).ok(), Some(b"abc".to_vec()));
        let end = child.next(limit).expect_err("silence");
        assert!(matches!(end, End::Silent { .. }) && end.is_failure(), "{end:?}");
        assert!(end.reason().contains("was stopped: hm"), "{}", end.reason());
    }

    #[test]
    fn a_child_with_many_words_is_not_held_back_by_them() {
        let script = "i=0; while [ $i -lt 9000 ]; do echo 'a line of complaint' >&2; i=$((i+1)); done; printf abc";
        let mut child = shell(script, Some(3));
        assert_eq!(child.next(Duration::from_mins(1)).ok(), Some(b"abc".to_vec()));
        let end = child.next(Duration::from_mins(1)).expect_err("the end");
        assert!(matches!(&end, End::Done { words } if words.len() as u64 <= MOST_WORDS), "{end:?}");
    }

    #[test]
    fn a_child_that_fails_and_a_block_that_is_cut_are_told() {
        let mut child = shell("printf abcd; exit 3", Some(3));
        assert!(child.next(Duration::from_secs(30)).is_ok());
        let end = child.next(Duration::from_secs(30)).expect_err("the end");
        assert!(matches!(end, End::Failed { .. }) && end.reason().contains('3'), "{end:?}");
        assert!(child.next(Duration::from_secs(1)).is_err(), "the end stays");
    }
}
