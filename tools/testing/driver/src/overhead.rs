// SPDX-License-Identifier: GPL-2.0

//! What a picture costs the processor, from QBUF to DQBUF, on any multi-planar
//! memory-to-memory device: `slenc-overhead NODE FRAMES`.
//!
//! Prints the time in which the processor did not idle, per picture, in nanoseconds. In a
//! guest that counts instructions as time (QEMU's `-icount shift=0`) these are
//! instructions, of everything: this program, system calls, interrupts and threads.

#![forbid(unsafe_code)]

use slenc::{
    error::{
        Context,
        Error,
        Result, //
    },
    v4l2::{
        device::{
            Device,
            CAPTURE,
            OUTPUT, //
        },
        queue::is_error,
        sys::video,
    },
};
use std::{
    env,
    fs,
    os::fd::AsFd,
    path::Path,
    process::ExitCode,
    time::Duration, //
};

const SIZE: (u32, u32) = (176, 144);
const LIMIT: Duration = Duration::from_secs(10);
/// Pictures before counting begins.
const WARM_UP: u32 = 50;

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).collect();
    let result = match args.as_slice() {
        [node, frames] => frames
            .parse()
            .map_err(|_| Error::new("FRAMES is not a number"))
            .and_then(|frames| measure(Path::new(node), frames)),
        _ => Err(Error::new("usage: slenc-overhead NODE FRAMES")),
    };
    match result {
        Ok(nanoseconds) => {
            println!("{nanoseconds}");
            ExitCode::SUCCESS
        }
        Err(err) => {
            eprintln!("slenc-overhead: {err}");
            ExitCode::FAILURE
        }
    }
}

/// Nanoseconds per picture.
fn measure(node: &Path, frames: u32) -> Result<u64> {
    let device = Device::open(node)?;
    let fd = device.as_fd();
    let mut format = video::get_format(fd, OUTPUT).context("G_FMT OUTPUT")?;
    let fourcc = format.fourcc();
    format.set(fourcc, SIZE.0, SIZE.1);
    let format = video::set_format(fd, OUTPUT, format).context("S_FMT OUTPUT")?;
    let filled: Vec<u32> = format
        .planes()
        .iter()
        .map(|plane| plane.size_image)
        .collect();
    let mut coded = video::get_format(fd, CAPTURE).context("G_FMT CAPTURE")?;
    let fourcc = coded.fourcc();
    coded.set(fourcc, SIZE.0, SIZE.1);
    let coded = video::set_format(fd, CAPTURE, coded).context("S_FMT CAPTURE")?;
    let empty = vec![0; coded.planes().len()];
    for queue in [OUTPUT, CAPTURE] {
        video::request_buffers(fd, queue, 1).context("REQBUFS")?;
        video::stream_on(fd, queue).context("STREAMON")?;
    }
    for n in 0..WARM_UP {
        picture(&device, n, &filled, &empty)?;
    }
    let before = busy()?;
    for n in 0..frames {
        picture(&device, n, &filled, &empty)?;
    }
    let busy = busy()?.saturating_sub(before);
    Ok(busy.as_nanos() as u64 / u64::from(frames.max(1)))
}

/// One picture through the device.
fn picture(device: &Device, n: u32, filled: &[u32], empty: &[u32]) -> Result<()> {
    let fd = device.as_fd();
    video::queue_buffer(fd, OUTPUT, 0, filled, n.into(), None).context("QBUF OUTPUT")?;
    video::queue_buffer(fd, CAPTURE, 0, empty, 0, None).context("QBUF CAPTURE")?;
    for queue in [CAPTURE, OUTPUT] {
        let mut buffer = video::dequeue_buffer(fd, queue).context("DQBUF")?;
        if buffer.is_none() {
            device.wait(queue, LIMIT).context("poll")?;
            buffer = video::dequeue_buffer(fd, queue).context("DQBUF")?;
        }
        let buffer = buffer.ok_or_else(|| Error::new("no picture within 10 s"))?;
        if is_error(&buffer) {
            return Err(Error::new("a picture came back with an error"));
        }
    }
    Ok(())
}

/// Time since boot in which the first processor, the only one, did not idle.
fn busy() -> Result<Duration> {
    let text = fs::read_to_string("/proc/uptime").context("/proc/uptime")?;
    let mut seconds = text.split_whitespace().map(str::parse::<f64>);
    match (seconds.next(), seconds.next()) {
        (Some(Ok(up)), Some(Ok(idle))) => Ok(Duration::from_secs_f64((up - idle).max(0.0))),
        _ => Err(Error::new("/proc/uptime holds something else")),
    }
}
