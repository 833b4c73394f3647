// SPDX-License-Identifier: GPL-2.0

//! The control socket: a line in, a line out.

use std::io::{
    self,
    BufRead,
    BufReader,
    Read,
    Write, //
};
use std::os::unix::net::{
    UnixListener,
    UnixStream, //
};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::device::Device;

/// Longest line taken.
const MAX_LINE: u64 = 1024;

/// Serves the control socket in threads of its own, which end with the process.
///
/// # Errors
///
/// What starting the thread gave.
pub fn spawn(listener: UnixListener, device: Arc<Device>) -> io::Result<()> {
    let accept = move || {
        for client in listener.incoming() {
            let device = device.clone();
            let served = client.and_then(|client| {
                thread::Builder::new()
                    .name("control client".into())
                    .spawn(move || serve(&client, &device))
            });
            if let Err(e) = served {
                log::warn!("control socket: {e}");
                // What fails for want of something fails again at once.
                thread::sleep(Duration::from_millis(100));
            }
        }
    };
    thread::Builder::new()
        .name("control".into())
        .spawn(accept)?;
    Ok(())
}

fn serve(client: &UnixStream, device: &Device) {
    let mut reader = BufReader::new(client);
    loop {
        let mut line = Vec::new();
        match reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(n) if n > 0 && line.ends_with(b"\n") => {}
            _ => return,
        }
        let mut reply = command(device, String::from_utf8_lossy(&line).trim());
        reply.push('\n');
        let mut writer = client;
        if writer.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

/// Carries out one line. Returns the reply: "ok", "error: ..." or a JSON object.
pub fn command(device: &Device, line: &str) -> String {
    let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
    match (verb, argument.trim()) {
        ("fault", spec) => match spec.parse() {
            Ok(fault) => device.arm(fault),
            Err(e) => return format!("error: {e}"),
        },
        ("clear", "") => device.clear_faults(),
        ("irq", "") => device.spurious_interrupt(),
        ("status", "") => return status(device),
        _ => return "error: known are fault SPEC, clear, irq, status".into(),
    }
    "ok".into()
}

fn status(device: &Device) -> String {
    let status = device.status();
    let counters = status.counters;
    format!(
        "{{\"jobs\":{},\"ok\":{},\"irqs\":{},\"resets\":{},\"faults\":{},\"dma_errors\":{},\
         \"doorbell_errors\":{},\"busy\":{},\"lost\":{}}}",
        counters.jobs,
        counters.ok,
        counters.irqs,
        counters.resets,
        counters.faults,
        counters.dma_errors,
        counters.doorbell_errors,
        status.busy,
        status.lost,
    )
}
