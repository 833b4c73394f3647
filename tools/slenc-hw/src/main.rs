// SPDX-License-Identifier: GPL-2.0

//! `slenc-hw`: serves the virtual encoder to a VMM.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{
    UnixDatagram,
    UnixListener,
    UnixStream, //
};
use std::path::{
    Path,
    PathBuf, //
};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use rustix::event::{
    PollFd,
    PollFlags, //
};
use signal_hook::consts::{
    SIGINT,
    SIGTERM, //
};

use slenc_hw::control;
use slenc_hw::device::Device;
use slenc_hw::fault::Fault;
use slenc_hw::generation::Generation;
use slenc_hw::recon_log::ReconLog;
use slenc_hw::server::{
    self,
    End, //
};
use slenc_hw::worker::Worker;

/// Virtual H.264 encoder hardware, served over vfio-user.
///
/// QEMU attaches it with -device vfio-user-pci, and has to share the guest's memory
/// (memory-backend-memfd,share=on). RUST_LOG=debug shows what happens.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Unix socket for the VMM; created, and removed at the end.
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,

    /// Hardware generation.
    #[arg(long, value_enum, default_value_t = Generation::Gen1)]
    generation: Generation,

    /// Threads to encode with.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,

    /// Unix socket for commands, one a line: "fault SPEC", "clear", "irq" (sends an interrupt)
    /// and "status" (a JSON object).
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,

    /// File for a line "tag,width,height,md5" a coded picture, the MD5 of its reconstruction.
    #[arg(long, value_name = "FILE")]
    recon_log: Option<PathBuf>,

    /// Fault to have: hang, slow=MS, late-irq=MS, lost-irq, spurious-irq, wrong-length,
    /// status-garbage, wrong-tag, bus-error, all-ones or reset; then @N for the Nth job only or
    /// @N+ from the Nth job on. Without, every job has it, and all-ones and reset happen at once.
    #[arg(long = "fault", value_name = "SPEC")]
    faults: Vec<Fault>,

    /// Wait for another client when one has gone.
    #[arg(long)]
    keep: bool,
}

/// A listening socket whose file goes with it.
struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    fn bind(path: &Path) -> io::Result<Self> {
        // A socket that nobody serves is left from a server that was killed. One of another type
        // finds out without becoming a client.
        let probe = UnixDatagram::unbound()?.connect(path);
        if probe.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused) {
            let is_socket = fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket());
            if is_socket {
                fs::remove_file(path)?;
            }
        }
        Ok(Self {
            listener: UnixListener::bind(path)?,
            path: path.into(),
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Whoever removed it before has done what is to be done here.
        let _ = fs::remove_file(&self.path);
    }
}

/// Adds what failed to an error.
fn context<T>(result: io::Result<T>, what: &str, path: &Path) -> Result<T, String> {
    result.map_err(|e| format!("{what} {}: {e}", path.display()))
}

fn run(options: &Options) -> Result<(), String> {
    let (stop, signals) = UnixStream::pair().map_err(|e| format!("signals: {e}"))?;
    for signal in [SIGINT, SIGTERM] {
        let signals = signals.try_clone().map_err(|e| format!("signals: {e}"))?;
        signal_hook::low_level::pipe::register(signal, signals)
            .map_err(|e| format!("signals: {e}"))?;
    }
    let device = Arc::new(Device::new(options.generation));
    for &fault in &options.faults {
        device.arm(fault);
    }
    let recon_log = match &options.recon_log {
        Some(path) => Some(context(ReconLog::create(path), "cannot create", path)?),
        None => None,
    };
    let socket = context(Socket::bind(&options.socket), "socket", &options.socket)?;
    let control = match &options.control {
        Some(path) => {
            let control = context(Socket::bind(path), "socket", path)?;
            let served = control
                .listener
                .try_clone()
                .and_then(|listener| control::spawn(listener, device.clone()));
            context(served, "socket", path)?;
            Some(control)
        }
        None => None,
    };
    let worker = Worker::spawn(device.clone(), options.threads.into(), recon_log)
        .map_err(|e| format!("worker: {e}"))?;
    let served = accept(options, &socket.listener, &device, &stop);
    drop((socket, control, worker));
    served.map_err(|e| e.to_string())
}

/// Serves clients until there is none left to wait for, or a signal comes.
fn accept(
    options: &Options,
    listener: &UnixListener,
    device: &Device,
    stop: &UnixStream,
) -> Result<(), server::Error> {
    loop {
        let mut fds = [
            PollFd::new(listener, PollFlags::IN),
            PollFd::new(stop, PollFlags::IN),
        ];
        rustix::io::retry_on_intr(|| rustix::event::poll(&mut fds, None))?;
        if !fds[1].revents().is_empty() {
            return Ok(());
        }
        let (client, _) = listener.accept()?;
        log::info!("client connected");
        let end = server::serve(client, device, Some(stop.as_fd()));
        log::info!("client gone: {end:?}");
        match end {
            Ok(End::Stopped) => return Ok(()),
            end if !options.keep => return end.map(drop),
            Ok(End::Closed) => {}
            Err(e) => log::error!("client: {e}"),
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("slenc-hw: {e}");
            ExitCode::FAILURE
        }
    }
}
