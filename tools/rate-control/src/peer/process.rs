// SPDX-License-Identifier: GPL-2.0

//! Programs that are fed and read, with a time limit: none may hold up the scoreboard.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(10);
/// What is kept of complaints, in bytes.
const COMPLAINT: u64 = 4096;

/// Runs a program: `feed` writes what it reads, and what it writes is returned, of which there
/// may be `most` bytes. It is ended when it takes longer than `limit`.
pub(super) fn run(
    command: &mut Command,
    feed: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send,
    most: u64,
    limit: Duration,
) -> Result<Vec<u8>, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |error: io::Error| format!("{program}: {error}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            // A program that ends early says why itself.
            stdin.map(|mut pipe| feed(&mut pipe))
        });
        let output = scope.spawn(move || read(stdout, most.saturating_add(1)));
        let complaint = scope.spawn(move || read(stderr, COMPLAINT));
        let status = wait(&mut child, limit);
        let output = output.join().unwrap_or_default();
        let complaint = complaint.join().unwrap_or_default();
        match status.map_err(failed)? {
            None => Err(format!("{program}: not done in {} s", limit.as_secs())),
            Some(false) => {
                let complaint = String::from_utf8_lossy(&complaint);
                Err(format!("{program}: {}", complaint.trim()))
            }
            Some(true) if output.len() as u64 > most => {
                Err(format!("{program}: more than {most} bytes of output"))
            }
            Some(true) => Ok(output),
        }
    })
}

/// All that comes, of which the first bytes are kept: a pipe that nobody reads would stop it.
fn read(pipe: Option<impl Read>, most: u64) -> Vec<u8> {
    let mut kept = Vec::new();
    if let Some(mut pipe) = pipe {
        // What came before an error is what there is.
        let _ = pipe.by_ref().take(most).read_to_end(&mut kept);
        let _ = io::copy(&mut pipe, &mut io::sink());
    }
    kept
}

/// Whether it succeeded; `None` when it had to be ended.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<bool>> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_goes_in_comes_out() {
        // More than a pipe holds, in both directions.
        let bytes = vec![7; 1 << 20];
        let most = bytes.len() as u64;
        let output = run(&mut shell("cat"), |pipe| pipe.write_all(&bytes), most, LONG);
        assert_eq!(output.as_deref(), Ok(&bytes[..]));
        let output = run(
            &mut shell("cat"),
            |pipe| pipe.write_all(&bytes),
            most - 1,
            LONG,
        );
        assert!(output.is_err_and(|error| error.contains("more than")));
    }

    #[test]
    fn complaints_are_heard_and_bounded() {
        let mut command = shell("echo no such thing >&2; exit 3");
        let result = run(&mut command, |_| Ok(()), 0, LONG);
        assert!(result.is_err_and(|error| error == "sh: no such thing"));
        let mut command = shell("yes | head -c 1000000 >&2; exit 1");
        let result = run(&mut command, |_| Ok(()), 0, LONG);
        assert!(result.is_err_and(|error| error.len() < 5000));
        let result = run(&mut Command::new("/nowhere/no"), |_| Ok(()), 0, LONG);
        assert!(result.is_err());
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        let begin = Instant::now();
        let mut command = Command::new("sleep");
        let result = run(
            command.arg("1000"),
            // It reads nothing: the pipe fills.
            |pipe| pipe.write_all(&[0; 1 << 20]),
            0,
            Duration::from_millis(200),
        );
        assert!(result.is_err_and(|error| error.contains("not done")));
        assert!(begin.elapsed() < Duration::from_secs(30));
    }
}
