// SPDX-License-Identifier: GPL-2.0

//! The program: options, sockets, signals, and when it ends.

use std::fs;
use std::io::{
    BufRead,
    BufReader,
    Read,
    Write, //
};
use std::os::unix::net::{
    UnixListener,
    UnixStream, //
};
use std::path::{
    Path,
    PathBuf, //
};
use std::process::{
    Child,
    Command,
    Stdio, //
};
use std::thread;
use std::time::{
    Duration,
    Instant, //
};

use rustix::process::{
    Pid,
    Signal, //
};

const PATIENCE: Duration = Duration::from_secs(20);

fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// Calls `f` until it gives something.
fn wait_for<T>(what: &str, mut f: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = f() {
            return value;
        }
        assert!(began.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A running server, killed when a test fails.
struct Server {
    child: Child,
    socket: PathBuf,
    control: PathBuf,
}

impl Server {
    fn start(directory: &Path, options: &[&str]) -> Self {
        let socket = directory.join("hw.sock");
        let control = directory.join("control.sock");
        let child = Command::new(env!("CARGO_BIN_EXE_slenc-hw"))
            .arg("--socket")
            .arg(&socket)
            .arg("--control")
            .arg(&control)
            .args(options)
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            child,
            socket,
            control,
        }
    }

    fn connect(path: &Path) -> UnixStream {
        let stream = wait_for("a socket", || UnixStream::connect(path).ok());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Waits for the end. Returns whether it was a success, and all that was printed.
    fn end(mut self) -> (bool, String) {
        let status = wait_for("the end", || self.child.try_wait().unwrap());
        let mut printed = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut printed).unwrap();
        let mut stdout = self.child.stdout.take().unwrap();
        stdout.read_to_string(&mut printed).unwrap();
        (status.success(), printed)
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    fn has_no_sockets(&self) -> bool {
        !self.socket.exists() && !self.control.exists()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ends_quietly(server: Server) {
    let directory = server.socket.parent().unwrap().to_path_buf();
    let outcome = server.end();
    assert_eq!(outcome, (true, String::new()));
    assert_eq!(fs::read_dir(directory).unwrap().count(), 0);
}

#[test]
fn ends_with_its_client() {
    let server = Server::start(&scratch("client"), &[]);
    drop(Server::connect(&server.socket));
    ends_quietly(server);
}

#[test]
fn ends_by_signals() {
    for (name, signal) in [("int", Signal::INT), ("term", Signal::TERM)] {
        let server = Server::start(&scratch(name), &["--keep"]);
        let _control = Server::connect(&server.control);
        server.signal(signal);
        ends_quietly(server);
    }
    // With a client in the middle of a message.
    let server = Server::start(&scratch("busy"), &[]);
    let mut client = Server::connect(&server.socket);
    client.write_all(&[1, 0, 1]).unwrap();
    thread::sleep(Duration::from_millis(50));
    server.signal(Signal::TERM);
    ends_quietly(server);
}

#[test]
fn keeps_waiting_when_asked() {
    let server = Server::start(&scratch("keep"), &["--keep"]);
    for _ in 0..3 {
        let mut client = Server::connect(&server.socket);
        client
            .write_all(&[1, 0, 1, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
            .unwrap();
        let mut header = [0; 16];
        client.read_exact(&mut header).unwrap();
        assert_eq!(header[8..16], [1, 0, 0, 0, 0, 0, 0, 0]);
    }
    server.signal(Signal::TERM);
    ends_quietly(server);
}

#[test]
fn a_client_that_talks_nonsense_is_reported() {
    let server = Server::start(&scratch("nonsense"), &[]);
    let mut client = Server::connect(&server.socket);
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    wait_for("the sockets to go", || {
        server.has_no_sockets().then_some(())
    });
    let (success, printed) = server.end();
    assert!(!success);
    assert!(printed.starts_with("slenc-hw: message"), "{printed}");
    assert_eq!(printed.lines().count(), 1);
}

#[test]
fn sockets_that_exist() {
    // One that nobody serves is replaced; one that is served, or a file, is left alone.
    let directory = scratch("exist");
    let socket = directory.join("hw.sock");
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    let server = Server::start(&directory, &[]);
    drop(Server::connect(&server.control));
    let second = Server::start(&directory, &[]);
    let (success, printed) = second.end();
    assert!(!success && printed.contains("in use"), "{printed}");
    server.signal(Signal::TERM);
    ends_quietly(server);

    fs::write(&socket, "precious").unwrap();
    let server = Server::start(&directory, &[]);
    assert!(!server.end().0);
    assert_eq!(fs::read_to_string(&socket).unwrap(), "precious");
}

#[test]
fn wrong_options() {
    let directory = scratch("options");
    for (options, message) in [
        (vec!["--generation", "gen3"], "possible values: gen1, gen2"),
        (vec!["--fault", "explode"], "is no fault"),
        (vec!["--threads", "0"], "0 is not in 1..=64"),
        (vec!["--recon-log", "/nowhere/log"], "/nowhere/log"),
    ] {
        let server = Server::start(&directory, &options);
        let (success, printed) = server.end();
        assert!(!success && printed.contains(message), "{printed}");
    }
    assert_eq!(fs::read_dir(directory).unwrap().count(), 0);
}

#[test]
fn control_socket() {
    let server = Server::start(&scratch("control"), &["--fault", "all-ones"]);
    let control = Server::connect(&server.control);
    // A second one is served at the same time.
    let _idle = Server::connect(&server.control);
    let mut reader = BufReader::new(control.try_clone().unwrap());
    let mut ask = |line: &str| {
        (&control).write_all(line.as_bytes()).unwrap();
        let mut reply = String::new();
        reader.read_line(&mut reply).unwrap();
        reply
    };
    assert!(ask("status\n").ends_with("\"busy\":false,\"lost\":true}\n"));
    assert_eq!(ask("clear\n"), "ok\n");
    assert_eq!(ask("fault hang@3\n"), "ok\n");
    assert!(ask("fault what\r\n").starts_with("error: "));
    assert!(ask("status\n").ends_with("\"lost\":false}\n"));
    assert_eq!(ask(&"x".repeat(5000)), "");
    drop(Server::connect(&server.socket));
    ends_quietly(server);
}
